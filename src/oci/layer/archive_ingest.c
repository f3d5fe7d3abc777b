/*
 * archive_ingest.c - see archive_ingest.h.
 *
 * Theory of operation: the layers of all images go through one ingest, and one commit makes all of
 * them visible.
 *
 * A layer that is there already is not unpacked again, but its blob is kept when the store has none
 * of that name: the images of the archive must be complete when those that brought the layer, in
 * another form perhaps, are gone.
 */
#include "oci/layer/archive_ingest.h"

#include "oci/blobs.h"
#include "oci/copies.h"
#include "oci/layer/archive_names.h"

#include <poll.h>

int archive_ingest_wait(struct ingest *ingest, struct mcpd_error *err)
{
    struct pollfd fds[INGEST_POLL_MAX];
    int timeout_ms = -1;
    nfds_t count = ingest_poll(ingest, fds, &timeout_ms);

    if (poll(fds, count, timeout_ms) < 0 && errno != EINTR)
        return error_errno(err, "poll");
    return 0;
}

static int want_missing_blobs(const struct store *store, struct ingest *ingest,
                              const struct archive_ingest_source *source, struct mcpd_error *err)
{
    size_t count = ingest_count(ingest);
    CLEANUP_FREE struct digest *blobs = calloc(count + 1, sizeof(*blobs));
    struct ingest_damage damage = {.blobs = blobs};

    if (!blobs)
        return error_no_memory(err, "layers");
    for (size_t i = 0; i < count; i++) {
        const struct ingest_layer *layer = ingest_layer(ingest, i);
        const struct descriptor *descriptor = ingest_descriptor(layer);

        if (ingest_state(layer) == INGEST_STATE_DONE && source->has(source->context, descriptor) &&
            !blob_exists(store, &descriptor->digest))
            blobs[damage.blob_count++] = descriptor->digest;
    }
    ingest_mark_damage(ingest, &damage);
    return 0;
}

/* ------------------------------------------------------------------ the budget */

/* The least that a layer will take: what is loaded is kept as it came, and unpacked. */
static uint64_t least_bytes(const struct store *store, const struct digest *diff_id,
                            const struct descriptor *blob)
{
    uint64_t size = blob->size > UINT64_MAX / 4 ? UINT64_MAX / 4 : blob->size;

    if (!store_has_layer(store, diff_id))
        return 2 * size;
    return blob_exists(store, &blob->digest) ? 0 : size;
}

static void add_layers(const struct store *store, const struct archive_image *image,
                       struct digest *layers, struct store_room_request *request)
{
    const struct manifest *manifest = &image->document.manifest;

    for (size_t i = 0; i < manifest->layer_count && i < image->config.diff_id_count; i++) {
        const struct digest *diff_id = &image->config.diff_ids[i];

        if (digest_is_in(layers, request->layer_count, diff_id))
            continue;
        layers[request->layer_count++] = *diff_id;
        if (__builtin_add_overflow(
                request->bytes, least_bytes(store, diff_id, &manifest->layers[i]), &request->bytes))
            request->bytes = UINT64_MAX;
    }
}

/* Before the first layer is unpacked (ingest NULL), or before anything is visible. */
static int make_room(const struct store *store, int lock_fd, const struct archive_images *images,
                     const struct ingest *ingest, struct mcpd_error *err)
{
    CLEANUP_FREE struct digest *layers = NULL;
    CLEANUP_FREE struct digest *ids = calloc(images->count + 1, sizeof(*ids));
    struct store_room_request request = {.is_last_look = ingest != NULL};
    size_t count = 0;

    for (size_t i = 0; i < images->count; i++)
        count += images->items[i].config.diff_id_count;
    layers = calloc(count + 1, sizeof(*layers));
    if (!ids || !layers)
        return error_no_memory(err, "layers");
    request.image_ids = ids;
    request.layers = layers;
    for (size_t i = 0; i < images->count; i++) {
        ids[request.image_count++] = images->items[i].document.manifest.config.digest;
        add_layers(store, &images->items[i], layers, &request);
    }
    if (ingest)
        request.bytes = ingest_unpacked_bytes(ingest) + ingest_blob_bytes(ingest);
    return store_make_room(store, lock_fd, &request, err);
}

/* ------------------------------------------------------------------ all of it */

int archive_ingest(const struct store *store, int lock_fd, const struct worker_pool *pool,
                   const struct archive_images *images, const struct archive_ingest_source *source,
                   const struct progress_sink *progress, char ***ret_names, struct mcpd_error *err)
{
    CLEANUP_FREE struct ingest_image *parts = calloc(images->count + 1, sizeof(*parts));
    CLEANUP_INGEST struct ingest *ingest = NULL;
    int rc = archive_names_check(images, err);

    if (rc < 0)
        return rc;
    if (!parts)
        return error_no_memory(err, "images");
    for (size_t i = 0; i < images->count; i++)
        parts[i] = (struct ingest_image){
            .manifest = &images->items[i].document.manifest,
            .config = &images->items[i].config,
        };
    rc = make_room(store, lock_fd, images, NULL, err);
    if (rc == 0)
        rc = ingest_new_images(store, pool, parts, images->count, progress, &ingest, err);
    if (rc == 0)
        rc = want_missing_blobs(store, ingest, source, err);
    if (rc == 0)
        rc = source->bring(source->context, ingest, err);
    if (rc == 0)
        rc = make_room(store, lock_fd, images, ingest, err);
    if (rc == 0)
        rc = archive_names_commit(ingest, images, progress, ret_names, err);
    for (size_t i = 0; rc == 0 && i < images->count; i++)
        copies_remember(store, parts[i].manifest, parts[i].config, NULL);
    return rc;
}
