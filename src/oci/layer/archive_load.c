/*
 * archive_load.c - see archive_load.h.
 *
 * Theory of operation: the archive becomes an index of members (archive_file.c) and a list of
 * images (archive_images.c), each described in the same way as one from a registry: a manifest, a
 * config, a place for the bytes of each layer. All their layers go through one ingest, and one
 * commit makes all of them visible. An archive that is bad anywhere changes nothing.
 *
 * A layer that is there already is not unpacked again, but its blob is kept when the store has none
 * of that name: the images of the archive must be complete when those that brought the layer, in
 * another form perhaps, are gone.
 */
#include "oci/layer/archive_load.h"

#include "base/str.h"
#include "oci/blobs.h"
#include "oci/copies.h"
#include "oci/layer/archive_images.h"
#include "oci/layer/archive_names.h"
#include "oci/layer/ingest.h"
#include "oci/layer/worker.h"
#include "oci/storetmp.h"

#include <poll.h>
#include <string.h>

#define CHUNK_BYTES (1u << 20)

struct load {
    const struct store *store;
    struct archive_file file;
    struct archive_images images;
    struct ingest *ingest;
};

static void load_done(struct load *load)
{
    ingest_free(load->ingest);
    archive_images_done(&load->images);
    archive_file_done(&load->file);
}

/* ------------------------------------------------------------------ the layers */

static const struct archive_member *member_of(const struct load *load,
                                              const struct descriptor *descriptor)
{
    for (size_t i = 0; i < load->images.count; i++) {
        const struct archive_image *image = &load->images.items[i];
        const struct manifest *manifest = &image->document.manifest;

        for (size_t j = 0; j < manifest->layer_count; j++)
            if (image->members[j] && digest_equal(&manifest->layers[j].digest, &descriptor->digest))
                return image->members[j];
    }
    return NULL;
}

static bool is_missing_blob(const struct load *load, const struct ingest_layer *layer)
{
    const struct descriptor *descriptor = ingest_descriptor(layer);
    const struct archive_member *member = member_of(load, descriptor);

    return ingest_state(layer) == INGEST_STATE_DONE && member && member->size == descriptor->size &&
           !blob_exists(load->store, &descriptor->digest);
}

static int want_missing_blobs(const struct load *load, struct mcpd_error *err)
{
    size_t count = ingest_count(load->ingest);
    CLEANUP_FREE struct digest *blobs = calloc(count + 1, sizeof(*blobs));
    struct ingest_damage damage = {.blobs = blobs};

    if (!blobs)
        return error_no_memory(err, "layers");
    for (size_t i = 0; i < count; i++) {
        const struct ingest_layer *layer = ingest_layer(load->ingest, i);

        if (is_missing_blob(load, layer))
            blobs[damage.blob_count++] = ingest_descriptor(layer)->digest;
    }
    ingest_mark_damage(load->ingest, &damage);
    return 0;
}

static int bring_piece(const struct load *load, struct ingest_layer *layer, char *chunk,
                       struct mcpd_error *err)
{
    const struct descriptor *descriptor = ingest_descriptor(layer);
    const struct archive_member *member = member_of(load, descriptor);
    ssize_t count;

    if (!member)
        return error_set(err, MCPD_E_CORRUPT, "the archive lacks the layer %s",
                         descriptor->digest.text);
    if (member->size != descriptor->size)
        return error_set(err, MCPD_E_CORRUPT, "layer %s has %llu bytes in the archive, not %llu",
                         descriptor->digest.text, (unsigned long long)member->size,
                         (unsigned long long)descriptor->size);
    count = archive_file_pread(&load->file, member, ingest_length(layer), chunk, CHUNK_BYTES, err);
    return count < 0 ? (int)count : ingest_write(layer, chunk, (size_t)count, err);
}

/* A layer that waits for bytes; NULL: none. */
static struct ingest_layer *find_hungry(struct ingest *ingest)
{
    for (size_t i = 0; i < ingest_count(ingest); i++) {
        struct ingest_layer *layer = ingest_layer(ingest, i);

        if (ingest_state(layer) == INGEST_STATE_FETCHING &&
            ingest_length(layer) < ingest_descriptor(layer)->size)
            return layer;
    }
    return NULL;
}

static int bring_layers(const struct load *load, struct mcpd_error *err)
{
    CLEANUP_FREE char *chunk = malloc(CHUNK_BYTES);

    if (!chunk)
        return error_no_memory(err, "layers");
    for (;;) {
        struct pollfd fds[INGEST_POLL_MAX];
        struct ingest_layer *layer;
        nfds_t count;
        int timeout_ms = -1;
        int rc = ingest_step(load->ingest, err);

        if (rc < 0 || ingest_is_done(load->ingest))
            return rc;
        layer = find_hungry(load->ingest);
        if (layer) {
            rc = bring_piece(load, layer, chunk, err);
            if (rc < 0)
                return rc;
            continue;
        }
        count = ingest_poll(load->ingest, fds, &timeout_ms);
        if (poll(fds, count, timeout_ms) < 0 && errno != EINTR)
            return error_errno(err, "poll");
    }
}

/* ------------------------------------------------------------------ all of it */

static int load_images(struct load *load, const struct worker_pool *pool,
                       const struct progress_sink *progress, char ***ret_names,
                       struct mcpd_error *err)
{
    CLEANUP_FREE struct ingest_image *images = calloc(load->images.count + 1, sizeof(*images));
    int rc;

    if (!images)
        return error_no_memory(err, "images");
    for (size_t i = 0; i < load->images.count; i++)
        images[i] = (struct ingest_image){
            .manifest = &load->images.items[i].document.manifest,
            .config = &load->images.items[i].config,
        };
    rc = ingest_new_images(load->store, pool, images, load->images.count, progress, &load->ingest,
                           err);
    if (rc == 0)
        rc = want_missing_blobs(load, err);
    if (rc == 0)
        rc = bring_layers(load, err);
    if (rc == 0)
        rc = archive_names_commit(load->ingest, &load->images, progress, ret_names, err);
    for (size_t i = 0; rc == 0 && i < load->images.count; i++)
        copies_remember(load->store, images[i].manifest, images[i].config, NULL);
    return rc;
}

int archive_load(const struct store *store, int input_fd, const struct platform *platform,
                 const struct progress_sink *progress, char ***ret_names, struct mcpd_error *err)
{
    CLEANUP_WORKER_POOL struct worker_pool pool = WORKER_POOL_NONE;
    CLEANUP_FD int lock_fd = -1;
    CLEANUP(load_done) struct load load = {.store = store, .file = {.fd = -1}};
    int rc = worker_pool_start(&pool, err);

    if (rc == 0)
        rc = archive_file_open(input_fd, store->tmp_fd, &load.file, err);
    if (rc == 0)
        rc = archive_images_read(&load.file, platform, &load.images, err);
    if (rc == 0)
        rc = storetmp_sweep(store, err);
    if (rc == 0)
        rc = store_lock_shared(store, &lock_fd, err);
    return rc < 0 ? rc : load_images(&load, &pool, progress, ret_names, err);
}
