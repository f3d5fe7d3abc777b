/*
 * archive_load.c - see archive_load.h.
 *
 * Theory of operation: the archive becomes an index of members (archive_file.c) and a list of
 * images (archive_images.c), each described in the same way as one from a registry: a manifest, a
 * config, a place for the bytes of each layer. archive_ingest.c does the rest. An archive that is
 * bad anywhere changes nothing.
 */
#include "oci/layer/archive_load.h"

#include "oci/layer/archive_images.h"
#include "oci/layer/archive_ingest.h"
#include "oci/layer/worker.h"
#include "oci/storetmp.h"

#define CHUNK_BYTES (1u << 20)

struct load {
    struct archive_file file;
    struct archive_images images;
};

static void load_done(struct load *load)
{
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

static bool has_bytes(void *context, const struct descriptor *descriptor)
{
    const struct archive_member *member = member_of(context, descriptor);

    return member && member->size == descriptor->size;
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

static int bring_layers(void *context, struct ingest *ingest, struct mcpd_error *err)
{
    const struct load *load = context;
    CLEANUP_FREE char *chunk = malloc(CHUNK_BYTES);

    if (!chunk)
        return error_no_memory(err, "layers");
    for (;;) {
        struct ingest_layer *layer;
        int rc = ingest_step(ingest, err);

        if (rc < 0 || ingest_is_done(ingest))
            return rc;
        layer = find_hungry(ingest);
        rc = layer ? bring_piece(load, layer, chunk, err) : archive_ingest_wait(ingest, err);
        if (rc < 0)
            return rc;
    }
}

int archive_load(const struct store *store, int input_fd, const struct platform *platform,
                 const struct progress_sink *progress, char ***ret_names, struct mcpd_error *err)
{
    CLEANUP_WORKER_POOL struct worker_pool pool = WORKER_POOL_NONE;
    CLEANUP_FD int lock_fd = -1;
    CLEANUP(load_done) struct load load = {.file = {.fd = -1}};
    const struct archive_ingest_source source = {has_bytes, bring_layers, &load};
    int rc = worker_pool_start(&pool, err);

    if (rc == 0)
        rc = archive_file_open(input_fd, store->tmp_fd, &load.file, err);
    if (rc == 0)
        rc = archive_images_read(&load.file, platform, &load.images, err);
    if (rc == 0)
        rc = storetmp_sweep(store, err);
    if (rc == 0)
        rc = store_lock_shared(store, &lock_fd, err);
    return rc < 0 ? rc
                  : archive_ingest(store, lock_fd, &pool, &load.images, &source, progress,
                                   ret_names, err);
}
