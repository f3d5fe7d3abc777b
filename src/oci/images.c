/*
 * images.c - images read from the store: one by its manifest, all of them, and their names.
 *
 * No lock is taken. An image may be removed while it is read; then its tag is gone too, and that is
 * how "removed" is told from "damaged".
 */
#include "oci/image_parts.h"

#include "base/str.h"
#include "oci/blobs.h"

#include <string.h>

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

/* ---------------------------------------------------------------- names */

/* "host/path:tag" -> "host/path@sha256:..", kept once. */
static int add_repository_digest(struct image *image, const char *name, struct mcpd_error *err)
{
    const char *slash = strrchr(name, '/');
    const char *colon = slash ? strchr(slash, ':') : NULL;
    char *text = str_format("%.*s@%s", colon ? (int)(colon - name) : (int)strlen(name), name,
                            image->manifest_digest.text);

    if (!text)
        return error_no_memory(err, "image names");
    if (strv_contains(image->digest_names, text)) {
        free(text);
        return 0;
    }
    return strv_append_take(&image->digest_names, text) < 0 ? error_no_memory(err, "image names")
                                                            : 0;
}

int image_add_name(struct image *image, const struct tag *tag, struct mcpd_error *err)
{
    switch (tag->kind) {
    case TAG_KIND_NAME:
        if (strv_append(&image->names, tag->name) < 0)
            return error_no_memory(err, "image names");
        return add_repository_digest(image, tag->name, err);
    case TAG_KIND_DIGEST:
        if (!strv_contains(image->digest_names, tag->name) &&
            strv_append(&image->digest_names, tag->name) < 0)
            return error_no_memory(err, "image names");
        return 0;
    case TAG_KIND_UNTAGGED:
        return 0;
    }
    return 0;
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int image_set_names(struct image *image, const struct tag *tags, size_t count,
                    struct mcpd_error *err)
{
    strv_free(TAKE_PTR(image->names));
    strv_free(TAKE_PTR(image->digest_names));
    for (size_t i = 0; i < count; i++) {
        int rc = image_add_name(image, &tags[i], err);

        if (rc < 0)
            return rc;
    }
    if (image->digest_names)
        qsort(image->digest_names, strv_length(image->digest_names), sizeof(char *),
              compare_strings);
    image->has_all_names = true;
    return 0;
}

size_t image_group_length(const struct tag_list *list, size_t first)
{
    size_t next = first + 1;

    while (next < list->count &&
           digest_equal(&list->tags[first].manifest_digest, &list->tags[next].manifest_digest))
        next++;
    return next - first;
}

int store_load_image_names(const struct store *store, struct image *image, struct mcpd_error *err)
{
    CLEANUP_TAG_LIST struct tag_list list = {0};
    int rc = tags_list(store, &list, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < list.count; i += image_group_length(&list, i))
        if (digest_equal(&list.tags[i].manifest_digest, &image->manifest_digest))
            return image_set_names(image, &list.tags[i], image_group_length(&list, i), err);
    return image_set_names(image, NULL, 0, err);
}

/* ---------------------------------------------------------------- all of them */

/* A damaged image is a warning, one that was removed meanwhile is nothing. *image stays empty. */
static int load_listed(const struct store *store, const struct tag *tag, struct image *image,
                       struct mcpd_error *err)
{
    struct mcpd_error problem = {0};
    int rc = store_load_image(store, &tag->manifest_digest, image, &problem);

    if (rc == -MCPD_E_NO_MEMORY)
        return error_copy(err, &problem);
    if (rc < 0 && tags_is_current(store, tag))
        store_warn(store, tag->name, &problem);
    return 0;
}

static int compare_images(const void *a, const void *b)
{
    const struct image *left = a;
    const struct image *right = b;

    if (left->config.created_unix_ns != right->config.created_unix_ns)
        return left->config.created_unix_ns > right->config.created_unix_ns ? -1 : 1;
    return digest_compare(&left->manifest_digest, &right->manifest_digest);
}

static int load_all(const struct store *store, const struct tag_list *list, struct image *images,
                    size_t *count, struct mcpd_error *err)
{
    for (size_t i = 0; i < list->count; i += image_group_length(list, i)) {
        struct image *image = &images[*count];
        int rc = load_listed(store, &list->tags[i], image, err);

        if (rc < 0)
            return rc;
        if (!digest_is_set(&image->id))
            continue;
        (*count)++;
        rc = image_set_names(image, &list->tags[i], image_group_length(list, i), err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int store_list_images(const struct store *store, struct image **ret_images, size_t *ret_count,
                      struct mcpd_error *err)
{
    CLEANUP_TAG_LIST struct tag_list list = {0};
    struct image *images;
    size_t count = 0;
    int rc = tags_list(store, &list, err);

    if (rc < 0)
        return rc;
    images = calloc(list.count + 1, sizeof(*images));
    if (!images)
        return error_no_memory(err, "images");
    rc = load_all(store, &list, images, &count, err);
    if (rc < 0) {
        store_free_images(images, count);
        return rc;
    }
    qsort(images, count, sizeof(*images), compare_images);
    *ret_images = images;
    *ret_count = count;
    return 0;
}
