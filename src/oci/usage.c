/*
 * usage.c - see usage.h.
 *
 * Theory of operation: the folders of blobs and layers say which objects there are and how large
 * they are; then each image, read from the store as a list reads it, takes hold of those that it
 * needs. What nobody has taken hold of is left over and goes with the next collection.
 */
#include "oci/usage.h"

#include "base/fsutil.h"
#include "oci/copies.h"
#include "oci/partials.h"
#include "oci/tags.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

void usage_done(struct usage *usage)
{
    int saved_errno = errno;

    for (size_t i = 0; i < usage->image_count; i++)
        free(usage->images[i].objects);
    free(usage->images);
    free(usage->objects);
    *usage = (struct usage){0};
    errno = saved_errno;
}

/* ---------------------------------------------------------------- objects */

struct loading {
    const struct store *store;
    struct usage *usage;
    size_t object_capacity;
};

static int compare_places(bool is_layer, const struct digest *digest,
                          const struct usage_object *object)
{
    bool other_is_layer = object->kind == USAGE_LAYER;

    return is_layer != other_is_layer ? (int)is_layer - (int)other_is_layer
                                      : digest_compare(digest, &object->digest);
}

static int compare_objects(const void *a, const void *b)
{
    const struct usage_object *left = a;

    return compare_places(left->kind == USAGE_LAYER, &left->digest, b);
}

static struct usage_object *find_object(const struct usage *usage, bool is_layer,
                                        const struct digest *digest)
{
    const struct usage_object key = {.kind = is_layer ? USAGE_LAYER : USAGE_BLOB,
                                     .digest = *digest};

    return usage->object_count > 0 ? bsearch(&key, usage->objects, usage->object_count,
                                             sizeof(*usage->objects), compare_objects)
                                   : NULL;
}

static int add_object(struct loading *loading, enum usage_kind kind, const struct digest *digest,
                      uint64_t bytes, struct mcpd_error *err)
{
    struct usage *usage = loading->usage;

    if (usage->object_count == loading->object_capacity) {
        size_t capacity = loading->object_capacity ? loading->object_capacity * 2 : 64;
        struct usage_object *objects = reallocarray(usage->objects, capacity, sizeof(*objects));

        if (!objects)
            return error_no_memory(err, "disk usage");
        usage->objects = objects;
        loading->object_capacity = capacity;
    }
    usage->objects[usage->object_count++] =
        (struct usage_object){.kind = kind, .digest = *digest, .bytes = bytes};
    return 0;
}

static int visit_blob(int dir_fd, const char *name, unsigned char type, void *context,
                      struct mcpd_error *err)
{
    struct digest digest;
    struct stat st;

    (void)type;
    if (!digest_parse_hex(name, &digest) || fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    return add_object(context, USAGE_BLOB, &digest, fs_disk_bytes(&st), err);
}

/* A damaged layer counts as nothing: that it is damaged is for others to say. */
static int visit_layer(int dir_fd, const char *name, unsigned char type, void *context,
                       struct mcpd_error *err)
{
    const struct loading *loading = context;
    struct digest digest;
    uint64_t bytes = 0;

    (void)dir_fd;
    (void)type;
    if (!digest_parse_hex(name, &digest))
        return 0;
    if (store_layer_disk_bytes(loading->store, &digest, &bytes, NULL) < 0)
        bytes = 0;
    return add_object(context, USAGE_LAYER, &digest, bytes, err);
}

static int load_objects(struct loading *loading, struct mcpd_error *err)
{
    const struct store *store = loading->store;
    struct usage *usage = loading->usage;
    int rc = fs_visit_dir(store->blobs_fd, ".", visit_blob, loading, err);

    if (rc == 0)
        rc = fs_visit_dir(store->layers_fd, ".", visit_layer, loading, err);
    if (rc == 0)
        rc = partials_bytes(store, &usage->partial_bytes, err);
    if (usage->object_count > 1)
        qsort(usage->objects, usage->object_count, sizeof(*usage->objects), compare_objects);
    return rc;
}

/* ---------------------------------------------------------------- images */

/* A layer may stand in an image several times. What is not here is no object. */
static void hold(struct usage_image *image, struct usage_object *object)
{
    for (size_t i = 0; object && i < image->object_count; i++)
        if (image->objects[i] == object)
            return;
    if (!object)
        return;
    image->objects[image->object_count++] = object;
    object->image_count++;
    object->is_pinned |= image->is_pinned;
}

static void hold_document(struct usage *usage, struct usage_image *image,
                          const struct digest *digest)
{
    struct usage_object *object = digest_is_set(digest) ? find_object(usage, false, digest) : NULL;

    if (object)
        object->kind = USAGE_DOCUMENT;
    hold(image, object);
}

static bool is_fetchable(const struct store *store, const struct digest *diff_id,
                         const struct digest *blob)
{
    CLEANUP_COPIES struct copies copies = {0};
    const struct copy *copy;

    copies_load(store, diff_id, &copies);
    copy = copies_find(&copies, blob);
    return copy && copy->repositories && copy->repositories[0];
}

static void hold_layer(struct loading *loading, struct usage_image *image, const struct image *read,
                       size_t index)
{
    struct usage *usage = loading->usage;
    const struct digest *diff_id = &read->config.diff_ids[index];
    struct usage_object *layer = find_object(usage, true, diff_id);
    struct usage_object *blob = find_object(usage, false, &read->layer_digests[index]);

    if (blob && layer && blob->image_count == 0) {
        blob->is_spare = store_has_layer(loading->store, diff_id);
        blob->is_fetchable = blob->is_spare && is_fetchable(loading->store, diff_id, &blob->digest);
    }
    hold(image, layer);
    hold(image, blob);
}

static int grow_image(struct usage_image *image, size_t more, struct mcpd_error *err)
{
    struct usage_object **objects =
        reallocarray(image->objects, image->object_count + more + 1, sizeof(struct usage_object *));

    if (!objects)
        return error_no_memory(err, "disk usage");
    image->objects = objects;
    return 0;
}

/* One of the manifests that an image came by. A damaged one holds what can be read of it. */
static int hold_manifest(struct loading *loading, struct usage_image *image, const struct tag *tag,
                         struct mcpd_error *err)
{
    struct usage *usage = loading->usage;
    struct image read = {0};
    bool is_good = store_load_image(loading->store, &tag->manifest_digest, &read, NULL) == 0;
    int rc = grow_image(image, 3 + 2 * read.layer_count, err);

    if (rc == 0) {
        hold_document(usage, image, &tag->manifest_digest);
        hold_document(usage, image, &tag->image_id);
        hold_document(usage, image, &tag->index_digest);
        for (size_t i = 0; is_good && i < read.layer_count; i++)
            hold_layer(loading, image, &read, i);
    }
    image_done(&read);
    return rc;
}

static int hold_index(struct loading *loading, struct usage_image *image, const struct tag *tag,
                      struct mcpd_error *err)
{
    int rc = grow_image(image, 1, err);

    if (rc == 0)
        hold_document(loading->usage, image, &tag->index_digest);
    return rc;
}

static int load_image(struct loading *loading, const struct tag *tags, size_t count,
                      const struct usage_pins *pins, struct mcpd_error *err)
{
    struct usage *usage = loading->usage;
    struct usage_image *image = &usage->images[usage->image_count++];
    int rc = 0;

    image->id = tags[0].image_id;
    image->is_pinned = digest_is_in(pins->image_ids, pins->image_count, &image->id);
    image->last_used = store_last_use(loading->store, &image->id);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        bool is_known =
            i > 0 && digest_equal(&tags[i].manifest_digest, &tags[i - 1].manifest_digest);

        rc = is_known ? hold_index(loading, image, &tags[i], err)
                      : hold_manifest(loading, image, &tags[i], err);
    }
    return rc;
}

static int load_images(struct loading *loading, const struct usage_pins *pins,
                       struct mcpd_error *err)
{
    CLEANUP_TAG_LIST struct tag_list list = {0};
    struct usage *usage = loading->usage;
    int rc = tags_list(loading->store, &list, err);
    size_t length;

    if (rc < 0)
        return rc;
    usage->images = calloc(list.count + 1, sizeof(*usage->images));
    if (!usage->images)
        return error_no_memory(err, "disk usage");
    for (size_t i = 0; rc == 0 && i < list.count; i += length) {
        length = tags_group_length(&list, i);
        rc = load_image(loading, &list.tags[i], length, pins, err);
    }
    return rc;
}

static void pin_layers(struct usage *usage, const struct usage_pins *pins)
{
    for (size_t i = 0; i < pins->layer_count; i++) {
        struct usage_object *object = find_object(usage, true, &pins->layers[i]);

        if (object)
            object->is_pinned = true;
    }
}

int usage_load(const struct store *store, const struct usage_pins *pins, struct usage *ret_usage,
               struct mcpd_error *err)
{
    struct usage usage = {0};
    struct loading loading = {.store = store, .usage = &usage};
    int rc = load_objects(&loading, err);

    if (rc == 0)
        rc = load_images(&loading, pins, err);
    if (rc < 0) {
        usage_done(&usage);
        return rc;
    }
    pin_layers(&usage, pins);
    *ret_usage = usage;
    return 0;
}

/* ---------------------------------------------------------------- sums */

uint64_t usage_total_bytes(const struct usage *usage)
{
    uint64_t total = usage->partial_bytes;

    for (size_t i = 0; i < usage->object_count; i++)
        total += usage->objects[i].bytes;
    return total;
}

uint64_t usage_pinned_bytes(const struct usage *usage)
{
    uint64_t total = 0;

    for (size_t i = 0; i < usage->object_count; i++)
        total += usage->objects[i].is_pinned ? usage->objects[i].bytes : 0;
    return total;
}

uint64_t usage_kind_bytes(const struct usage *usage, enum usage_kind kind)
{
    uint64_t total = 0;

    for (size_t i = 0; i < usage->object_count; i++)
        total += usage->objects[i].kind == kind ? usage->objects[i].bytes : 0;
    return total;
}

uint64_t usage_image_bytes(const struct usage_image *image, uint64_t *ret_shared_bytes)
{
    uint64_t total = 0;

    *ret_shared_bytes = 0;
    for (size_t i = 0; i < image->object_count; i++) {
        total += image->objects[i]->bytes;
        if (image->objects[i]->image_count > 1)
            *ret_shared_bytes += image->objects[i]->bytes;
    }
    return total;
}

const struct usage_image *usage_find_image(const struct usage *usage, const struct digest *id)
{
    return usage->image_count > 0 ? bsearch(id, usage->images, usage->image_count,
                                            sizeof(*usage->images), digest_compare)
                                  : NULL;
}
