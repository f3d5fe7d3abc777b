/*
 * images.c - images read from the store: one by its manifest, all of them, and their names.
 *
 * No lock is taken. An image may be removed while it is read; then its tag is gone too, and that is
 * how "removed" is told from "damaged".
 */
#include "oci/image_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "oci/additional.h"
#include "oci/blobs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* ---------------------------------------------------------------- by manifest */

void image_done(struct image *image)
{
    int saved_errno = errno;

    free(image->media_type);
    imageconfig_done(&image->config);
    free(image->layer_digests);
    free(image->layer_sizes);
    strv_free(image->names);
    strv_free(image->digest_names);
    json_decref(image->annotations);
    *image = (struct image){0};
    errno = saved_errno;
}

void store_free_images(struct image *images, size_t count)
{
    for (size_t i = 0; i < count; i++)
        image_done(&images[i]);
    free(images);
}

int store_load_manifest(const struct store *store, const struct digest *manifest_digest,
                        struct manifest_document *ret_document, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    int rc = blob_read(store, manifest_digest, MANIFEST_MAX_BYTES, &text, &length, err);

    if (rc == 0)
        rc = manifest_parse(text, length, NULL, ret_document, err);
    if (rc == 0 && ret_document->kind != MANIFEST_KIND_IMAGE) {
        manifest_document_done(ret_document);
        return error_set(err, MCPD_E_CORRUPT, "%s is an index, not an image manifest",
                         manifest_digest->text);
    }
    return rc;
}

static int load_config(const struct store *store, const struct descriptor *descriptor,
                       struct imageconfig *ret_config, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    int rc = blob_read(store, &descriptor->digest, IMAGECONFIG_MAX_BYTES, &text, &length, err);

    if (rc < 0)
        return rc;
    if (length != descriptor->size)
        return error_set(err, MCPD_E_CORRUPT, "config %s has %zu bytes instead of %llu",
                         descriptor->digest.text, length, (unsigned long long)descriptor->size);
    return imageconfig_parse(text, length, ret_config, err);
}

static int copy_layers(const struct manifest *manifest, struct image *image, struct mcpd_error *err)
{
    size_t count = manifest->layer_count;

    if (count != image->config.diff_id_count)
        return error_set(err, MCPD_E_CORRUPT, "the manifest has %zu layers, the config %zu", count,
                         image->config.diff_id_count);
    if (count == 0)
        return 0;
    image->layer_digests = calloc(count, sizeof(*image->layer_digests));
    image->layer_sizes = calloc(count, sizeof(*image->layer_sizes));
    if (!image->layer_digests || !image->layer_sizes)
        return error_no_memory(err, "image");
    image->layer_count = count;
    for (size_t i = 0; i < count; i++) {
        image->layer_digests[i] = manifest->layers[i].digest;
        image->layer_sizes[i] = manifest->layers[i].size;
    }
    return 0;
}

/* *image is zeroed by the caller, who also cleans up after a failure. */
static int read_image(const struct store *store, const struct digest *manifest_digest,
                      struct image *image, struct mcpd_error *err)
{
    CLEANUP(manifest_document_done) struct manifest_document document = {0};
    int rc = store_load_manifest(store, manifest_digest, &document, err);

    if (rc == 0)
        rc = load_config(store, &document.manifest.config, &image->config, err);
    if (rc == 0)
        rc = copy_layers(&document.manifest, image, err);
    if (rc < 0)
        return rc;
    image->manifest_digest = *manifest_digest;
    image->id = document.manifest.config.digest;
    image->media_type = TAKE_PTR(document.manifest.media_type);
    image->annotations = TAKE_PTR(document.manifest.annotations);
    return 0;
}

int store_load_image(const struct store *store, const struct digest *manifest_digest,
                     struct image *ret_image, struct mcpd_error *err)
{
    struct image image = {0};
    int rc = read_image(store, manifest_digest, &image, err);

    if (rc < 0) {
        image_done(&image);
        return rc;
    }
    *ret_image = image;
    return 0;
}

int image_load_tagged(const struct store *store, const struct tag *tag, struct image *ret_image,
                      struct mcpd_error *err)
{
    int rc = store_load_image(store, &tag->manifest_digest, ret_image, err);

    if (rc == 0)
        ret_image->index_digest = tag->index_digest;
    return rc;
}

/* ---------------------------------------------------------------- the last use */

struct timespec store_last_use(const struct store *store, const struct digest *image_id)
{
    struct stat st = {0};

    (void)fstatat(store->blobs_fd, digest_hex(image_id), &st, AT_SYMLINK_NOFOLLOW);
    return st.st_mtim;
}

void store_note_use(const struct store *store, const struct digest *image_id)
{
    const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
    const int64_t now_s = clock_unix_ns() / 1000000000;
    const int64_t then_s = store_last_use(store, image_id).tv_sec;

    /* A time to come is that of a clock that was wrong. */
    if (then_s > now_s - STORE_USE_INTERVAL_S && then_s <= now_s)
        return;
    if (utimensat(store->blobs_fd, digest_hex(image_id), times, AT_SYMLINK_NOFOLLOW) < 0)
        log_debug("store", "note the use of %s: %s", image_id->text, strerrordesc_np(errno));
}

/* ---------------------------------------------------------------- names */

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int compare_times(const struct timespec *a, const struct timespec *b)
{
    if (a->tv_sec != b->tv_sec)
        return a->tv_sec < b->tv_sec ? -1 : 1;
    return (a->tv_nsec > b->tv_nsec) - (a->tv_nsec < b->tv_nsec);
}

/* Pointers to tags, oldest first. */
static int compare_ages(const void *a, const void *b)
{
    const struct tag *left = *(const struct tag *const *)a;
    const struct tag *right = *(const struct tag *const *)b;
    int order = compare_times(&left->written, &right->written);

    return order ? order : strcmp(left->name, right->name);
}

/* podman's order: what was pulled, newest first, then what `tag` has added, oldest first. */
static int compare_names(const void *a, const void *b)
{
    const struct tag *left = *(const struct tag *const *)a;
    const struct tag *right = *(const struct tag *const *)b;

    if (left->is_further != right->is_further)
        return left->is_further ? 1 : -1;
    return left->is_further ? compare_ages(a, b) : -compare_ages(a, b);
}

/* "host/path:tag" -> "host/path@sha256:..". Nothing for a digest that is not set. */
static int add_repository_digest(char **digest_names, size_t *count, const char *name,
                                 const struct digest *digest)
{
    if (!digest_is_set(digest))
        return 0;
    digest_names[*count] =
        str_format("%.*s@%s", (int)tags_repository_length(name), name, digest->text);
    if (!digest_names[*count])
        return -MCPD_E_NO_MEMORY;
    ++*count;
    return 0;
}

/* Many names have the same repository. */
static void sort_and_unify(char **texts, size_t count)
{
    size_t kept = 0;

    qsort(texts, count, sizeof(char *), compare_strings);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && strcmp(texts[i], texts[kept - 1]) == 0)
            free(texts[i]);
        else
            texts[kept++] = texts[i];
    }
    texts[kept] = NULL;
}

/* In one piece: an image may have thousands of names. */
static int fill_names(struct image *image, const struct tag *const *order, size_t count,
                      struct mcpd_error *err)
{
    size_t digest_count = 0;
    int rc = 0;

    image->names = calloc(count + 1, sizeof(char *));
    image->digest_names = calloc(2 * count + 1, sizeof(char *));
    if (!image->names || !image->digest_names)
        return error_no_memory(err, "image names");
    for (size_t i = 0; rc == 0 && i < count; i++) {
        image->names[i] = strdup(order[i]->name);
        rc = image->names[i] ? 0 : -MCPD_E_NO_MEMORY;
        if (rc == 0)
            rc = add_repository_digest(image->digest_names, &digest_count, order[i]->name,
                                       &order[i]->manifest_digest);
        if (rc == 0)
            rc = add_repository_digest(image->digest_names, &digest_count, order[i]->name,
                                       &order[i]->index_digest);
    }
    sort_and_unify(image->digest_names, digest_count);
    return rc < 0 ? error_no_memory(err, "image names") : 0;
}

static int set_names(struct image *image, const struct tag *tags, size_t count,
                     struct mcpd_error *err)
{
    CLEANUP_FREE const struct tag **order = calloc(count + 1, sizeof(const struct tag *));
    size_t named = 0;

    strv_free(TAKE_PTR(image->names));
    strv_free(TAKE_PTR(image->digest_names));
    if (!order)
        return error_no_memory(err, "image names");
    for (size_t i = 0; i < count; i++)
        if (tags[i].kind != TAG_KIND_UNTAGGED)
            order[named++] = &tags[i];
    qsort(order, named, sizeof(const struct tag *), compare_names);
    image->has_all_names = true;
    return named > 0 ? fill_names(image, order, named, err) : 0;
}

int store_load_image_names(const struct store *store, struct image *image, struct mcpd_error *err)
{
    CLEANUP_TAG_LIST struct tag_list list = {0};
    int rc = tags_list(image->additional ? image->additional : store, &list, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < list.count; i += tags_group_length(&list, i))
        if (digest_equal(&list.tags[i].image_id, &image->id))
            return set_names(image, &list.tags[i], tags_group_length(&list, i), err);
    return set_names(image, NULL, 0, err);
}

/* ---------------------------------------------------------------- all of them */

/* A damaged image is a warning, one that was removed meanwhile is nothing. *image stays empty. */
static int load_listed(const struct store *store, const struct tag *tag, struct image *image,
                       struct mcpd_error *err)
{
    struct mcpd_error problem = {0};
    int rc = image_load_tagged(store, tag, image, &problem);

    if (rc == -MCPD_E_NO_MEMORY)
        return error_copy(err, &problem);
    if (rc < 0 && tags_is_current(store, tag))
        store_warn(store, tag->name, &problem);
    return 0;
}

static bool was_tried(const struct tag *const *order, size_t position)
{
    for (size_t i = 0; i < position; i++)
        if (digest_equal(&order[i]->manifest_digest, &order[position]->manifest_digest))
            return true;
    return false;
}

static int load_first(const struct store *store, const struct tag *const *order, size_t count,
                      struct image *image, struct mcpd_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count && !digest_is_set(&image->id); i++)
        if (!was_tried(order, i))
            rc = load_listed(store, order[i], image, err);
    return rc;
}

int image_load_group(const struct store *store, const struct tag *tags, size_t count,
                     struct image *ret_image, struct mcpd_error *err)
{
    CLEANUP_FREE const struct tag **order = calloc(count + 1, sizeof(const struct tag *));
    struct image image = {0};
    int rc;

    if (!order)
        return error_no_memory(err, "images");
    for (size_t i = 0; i < count; i++)
        order[i] = &tags[i];
    qsort(order, count, sizeof(const struct tag *), compare_ages);
    rc = load_first(store, order, count, &image, err);
    if (rc == 0 && digest_is_set(&image.id))
        rc = set_names(&image, tags, count, err);
    if (rc < 0) {
        image_done(&image);
        return rc;
    }
    image.first_written = order[0]->written;
    *ret_image = image;
    return 0;
}

/* Newest first; of those made at the same time (reproducible builds) the one that came first. */
static int compare_images(const void *a, const void *b)
{
    const struct image *left = a;
    const struct image *right = b;
    int order;

    if (left->config.created_unix_ns != right->config.created_unix_ns)
        return left->config.created_unix_ns > right->config.created_unix_ns ? -1 : 1;
    order = compare_times(&left->first_written, &right->first_written);
    return order ? order : digest_compare(&left->id, &right->id);
}

struct image_list {
    struct image *images; /* owned */
    size_t count;
};

static int load_all(const struct store *store, const struct tag_list *list,
                    struct image_list *images, struct mcpd_error *err)
{
    size_t length;

    for (size_t i = 0; i < list->count; i += length) {
        struct image *image = &images->images[images->count];
        int rc;

        length = tags_group_length(list, i);
        rc = image_load_group(store, &list->tags[i], length, image, err);
        if (rc < 0)
            return rc;
        if (digest_is_set(&image->id))
            images->count++;
    }
    return 0;
}

/* Behind those that are in the list. */
static int append_images(const struct store *store, struct image_list *images,
                         struct mcpd_error *err)
{
    CLEANUP_TAG_LIST struct tag_list list = {0};
    struct image *grown;
    int rc = tags_list(store, &list, err);

    if (rc < 0)
        return rc;
    grown = reallocarray(images->images, images->count + list.count + 1, sizeof(*grown));
    if (!grown)
        return error_no_memory(err, "images");
    memset(grown + images->count, 0, (list.count + 1) * sizeof(*grown));
    images->images = grown;
    return load_all(store, &list, images, err);
}

/* ---------------------------------------------------------------- those of other stores */

static bool has_name(const struct image_list *images, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strv_contains(images->images[i].names, name))
            return true;
    return false;
}

static bool has_id(const struct image_list *images, size_t count, const struct digest *id)
{
    for (size_t i = 0; i < count; i++)
        if (digest_equal(&images->images[i].id, id))
            return true;
    return false;
}

/* A name means what the first store says. */
static void take_names_away(const struct image_list *images, size_t count, struct image *image)
{
    char **end = image->names;

    for (char **name = image->names; name && *name; name++) {
        if (has_name(images, count, *name))
            free(*name);
        else
            *end++ = *name;
    }
    if (end)
        *end = NULL;
}

/* What is nothing new is left out: all of its names and its id are known. */
static void settle_additional(const struct store *additional, size_t first,
                              struct image_list *images)
{
    size_t kept = first;

    for (size_t i = first; i < images->count; i++) {
        struct image *image = &images->images[i];

        take_names_away(images, first, image);
        image->additional = additional;
        if ((!image->names || !image->names[0]) && has_id(images, first, &image->id))
            image_done(image);
        else
            images->images[kept++] = *image;
    }
    images->count = kept;
}

/* What is wrong with one of them is a warning. */
static int append_additional(const struct store *store, struct image_list *images,
                             struct mcpd_error *err)
{
    for (size_t i = 0; i < additional_count(store); i++) {
        const struct store *additional = additional_get(store, i);
        size_t first = images->count;
        struct mcpd_error problem = {0};
        int rc = append_images(additional, images, &problem);

        if (rc == -MCPD_E_NO_MEMORY)
            return error_copy(err, &problem);
        if (rc < 0)
            store_warn(store, additional->path, &problem);
        settle_additional(additional, first, images);
    }
    return 0;
}

int store_list_images(const struct store *store, struct image **ret_images, size_t *ret_count,
                      struct mcpd_error *err)
{
    struct image_list list = {0};
    int rc = append_images(store, &list, err);

    if (rc == 0)
        rc = append_additional(store, &list, err);
    if (rc < 0) {
        store_free_images(list.images, list.count);
        return rc;
    }
    qsort(list.images, list.count, sizeof(*list.images), compare_images);
    *ret_images = list.images;
    *ret_count = list.count;
    return 0;
}
