/*
 * gc.c - deletes what no tag and no container needs.
 *
 * Theory of operation. Mark: every tag leads to the index it was pulled by, a manifest, its config,
 * its layer blobs and, by the config, its unpacked layers. Where such a blob is not here, because
 * its layer was when the image came, the other forms of that layer are needed too: a push makes the
 * blob from one of them. Sweep: whatever else lies in the folders goes. It is safe because the
 * caller's exclusive lock keeps everybody out who adds an image or makes a container, and the lock
 * of the tags keeps the names as they are. A cut at any point leaves the rest for the next time:
 * only unneeded objects were touched, each one wholly (a layer leaves its place by one rename).
 *
 * An image that is damaged needs only what can still be read of it. An error that is not damage
 * (no memory, I/O) ends the collection before anything was deleted.
 */
#include "oci/store.h"

#include "base/fault.h"
#include "base/fsutil.h"
#include "base/str.h"
#include "oci/blobs.h"
#include "oci/copies.h"
#include "oci/layers.h"
#include "oci/partials.h"
#include "oci/storetmp.h"
#include "oci/tags.h"

#include <fcntl.h>
#include <sys/stat.h>

struct digest_set {
    struct digest *digests; /* owned; sorted once it is complete */
    size_t count;
    size_t capacity;
};

struct collection {
    const struct store *store;
    struct digest_set blobs;
    struct digest_set layers;
    uint64_t freed_bytes;
};

/* ---------------------------------------------------------------- sets */

static int set_add(struct digest_set *set, const struct digest *digest, struct mcpd_error *err)
{
    if (set->count == set->capacity) {
        size_t capacity = set->capacity ? set->capacity * 2 : 64;
        struct digest *digests = reallocarray(set->digests, capacity, sizeof(*digests));

        if (!digests)
            return error_no_memory(err, "garbage collection");
        set->digests = digests;
        set->capacity = capacity;
    }
    set->digests[set->count++] = *digest;
    return 0;
}

static void set_sort(struct digest_set *set)
{
    if (set->count > 1)
        qsort(set->digests, set->count, sizeof(*set->digests), digest_compare);
}

static bool set_has(const struct digest_set *set, const struct digest *digest)
{
    return set->count > 0 &&
           bsearch(digest, set->digests, set->count, sizeof(*set->digests), digest_compare) != NULL;
}

static void collection_done(struct collection *collection)
{
    free(collection->blobs.digests);
    free(collection->layers.digests);
}

/* ---------------------------------------------------------------- mark */

static bool is_damage(int rc)
{
    return rc == -MCPD_E_CORRUPT || rc == -MCPD_E_LIMIT || rc == -MCPD_E_NOT_FOUND ||
           rc == -MCPD_E_INVALID || rc == -MCPD_E_UNSUPPORTED;
}

/* What can be read of it: the blobs that its manifest names. *err says what is wrong with it. */
static int mark_damaged(struct collection *collection, const struct tag *tag,
                        struct mcpd_error *err)
{
    CLEANUP(manifest_document_done) struct manifest_document document = {0};
    const struct manifest *manifest = &document.manifest;
    int rc;

    store_warn(collection->store, tag->name, err);
    rc = store_load_manifest(collection->store, &tag->manifest_digest, &document, err);
    if (rc < 0)
        return is_damage(rc) ? 0 : rc;
    rc = set_add(&collection->blobs, &manifest->config.digest, err);
    for (size_t i = 0; rc == 0 && i < manifest->layer_count; i++)
        rc = set_add(&collection->blobs, &manifest->layers[i].digest, err);
    return rc;
}

static int mark_other_forms(struct collection *collection, const struct digest *diff_id,
                            struct mcpd_error *err)
{
    CLEANUP_COPIES struct copies copies = {0};
    int rc = 0;

    copies_load(collection->store, diff_id, &copies);
    for (size_t i = 0; rc == 0 && i < copies.count; i++)
        rc = set_add(&collection->blobs, &copies.list[i].digest, err);
    return rc;
}

static int mark_whole(struct collection *collection, const struct image *image,
                      struct mcpd_error *err)
{
    int rc = set_add(&collection->blobs, &image->id, err);

    for (size_t i = 0; rc == 0 && i < image->layer_count; i++) {
        const struct digest *diff_id = &image->config.diff_ids[i];

        rc = set_add(&collection->blobs, &image->layer_digests[i], err);
        if (rc == 0)
            rc = set_add(&collection->layers, diff_id, err);
        if (rc == 0 && !blob_exists(collection->store, &image->layer_digests[i]))
            rc = mark_other_forms(collection, diff_id, err);
    }
    return rc;
}

static int mark_image(struct collection *collection, const struct tag *tag, struct mcpd_error *err)
{
    struct mcpd_error problem = {0};
    struct image image = {0};
    int rc = set_add(&collection->blobs, &tag->manifest_digest, err);

    if (rc < 0)
        return rc;
    rc = store_load_image(collection->store, &tag->manifest_digest, &image, &problem);
    if (rc == 0)
        rc = mark_whole(collection, &image, &problem);
    else if (is_damage(rc))
        rc = mark_damaged(collection, tag, &problem);
    image_done(&image);
    return rc < 0 ? error_copy(err, &problem) : 0;
}

static int mark(struct collection *collection, const struct digest *used_diff_ids,
                size_t used_count, struct mcpd_error *err)
{
    CLEANUP_TAG_LIST struct tag_list list = {0};
    int rc = tags_list(collection->store, &list, err);

    for (size_t i = 0; rc == 0 && i < list.count; i++) {
        const struct tag *tag = &list.tags[i];

        if (digest_is_set(&tag->index_digest))
            rc = set_add(&collection->blobs, &tag->index_digest, err);
        if (rc == 0 && (i == 0 || !digest_equal(&tag->manifest_digest, &tag[-1].manifest_digest)))
            rc = mark_image(collection, tag, err);
    }
    for (size_t i = 0; rc == 0 && i < used_count; i++)
        rc = set_add(&collection->layers, &used_diff_ids[i], err);
    set_sort(&collection->blobs);
    set_sort(&collection->layers);
    return rc;
}

/* ---------------------------------------------------------------- sweep */

static int remove_file(struct collection *collection, int dir_fd, const char *name,
                       struct mcpd_error *err)
{
    struct stat st;
    int rc;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    rc = fs_unlink_if_exists(dir_fd, name, err);
    FAULT_POINT("file-collected");
    if (rc == 0)
        collection->freed_bytes += fs_disk_bytes(&st);
    return rc;
}

/* Halves of fs_write_file: under our locks nobody is writing one. */
static bool is_left_over(const char *name)
{
    return str_has_prefix(name, ".tmp-");
}

static int visit_blob(int dir_fd, const char *name, unsigned char type, void *context,
                      struct mcpd_error *err)
{
    struct collection *collection = context;
    struct digest digest;

    (void)type;
    if (is_left_over(name))
        return remove_file(collection, dir_fd, name, err);
    if (!digest_parse_hex(name, &digest)) {
        store_warn(collection->store, name, NULL);
        return 0;
    }
    return set_has(&collection->blobs, &digest) ? 0 : remove_file(collection, dir_fd, name, err);
}

static int visit_layer(int dir_fd, const char *name, unsigned char type, void *context,
                       struct mcpd_error *err)
{
    struct collection *collection = context;
    struct digest digest;
    uint64_t bytes = 0;
    int rc;

    (void)dir_fd;
    (void)type;
    if (!digest_parse_hex(name, &digest)) {
        store_warn(collection->store, name, NULL);
        return 0;
    }
    if (set_has(&collection->layers, &digest))
        return 0;
    if (store_layer_disk_bytes(collection->store, &digest, &bytes, NULL) < 0)
        bytes = 0; /* a damaged layer goes all the same */
    rc = layers_remove(collection->store, &digest, err);
    FAULT_POINT("layer-collected");
    if (rc == 0)
        collection->freed_bytes += bytes;
    return rc;
}

static int visit_tag(int dir_fd, const char *name, unsigned char type, void *context,
                     struct mcpd_error *err)
{
    (void)type;
    return is_left_over(name) ? remove_file(context, dir_fd, name, err) : 0;
}

static int sweep(struct collection *collection, struct mcpd_error *err)
{
    const struct store *store = collection->store;
    int rc = fs_visit_dir(store->tags_fd, ".", visit_tag, collection, err);

    if (rc == 0)
        rc = fs_visit_dir(store->blobs_fd, ".", visit_blob, collection, err);
    if (rc == 0)
        rc = fs_visit_dir(store->layers_fd, ".", visit_layer, collection, err);
    if (rc == 0)
        rc = partials_sweep(store, &collection->freed_bytes, err);
    return rc < 0 ? rc : storetmp_sweep(store, err);
}

int store_collect(const struct store *store, int exclusive_lock_fd,
                  const struct digest *used_diff_ids, size_t used_count, uint64_t *ret_freed_bytes,
                  struct mcpd_error *err)
{
    CLEANUP(collection_done) struct collection collection = {.store = store};
    CLEANUP_FD int tags_lock_fd = -1;
    int rc;

    if (exclusive_lock_fd < 0)
        return error_set(err, MCPD_E_INTERNAL, "collecting without the lock of the store");
    rc = tags_lock(store, &tags_lock_fd, err);
    if (rc == 0)
        rc = tags_sync(store, err);
    if (rc == 0)
        rc = mark(&collection, used_diff_ids, used_count, err);
    FAULT_POINT("marked");
    if (rc == 0)
        rc = sweep(&collection, err);
    if (rc == 0)
        *ret_freed_bytes = collection.freed_bytes;
    return rc;
}
