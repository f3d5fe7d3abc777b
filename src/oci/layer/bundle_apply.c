/*
 * bundle_apply.c - see bundle_apply.h.
 *
 * Theory of operation. The beginning of the bundle says everything but the layers (bundle.c), after
 * its signature was verified where one is asked for; what it says is trusted as far as that, and
 * every byte that follows only as far as its digest. Then, with the shared lock of the store:
 *
 *   1. every layer that was left out must be here, unpacked or as a blob; otherwise one line tells
 *      what to bring first, and nothing was written;
 *   2. layer by layer goes into the ingest as it comes: into its blob, into the digest and to the
 *      worker that unpacks it, all at once. Nothing is kept in memory, and there is no copy of the
 *      bundle. What the store has is skipped;
 *   3. the commit gives all images their names in one instant (archive_ingest.c).
 *
 * Cut off anywhere before that last instant (a stick pulled out, a full disk, a wrong byte, kill
 * -9), the store shows what it showed before. A failure removes what was written; what a kill
 * leaves is thrown away by the next apply or by whoever sweeps the store.
 */
#include "oci/layer/bundle_apply.h"

#include "base/str.h"
#include "oci/layer/archive_ingest.h"
#include "oci/layer/bundle.h"
#include "oci/layer/unpack_policy.h"
#include "oci/layer/worker.h"
#include "oci/storetmp.h"

#define CHUNK_BYTES       (256u << 10)
#define MISSING_MAX_NAMES 5

struct apply {
    struct bundle bundle;
    char *chunk;
};

static void apply_done(struct apply *apply)
{
    free(apply->chunk);
    bundle_done(&apply->bundle);
}

/* ------------------------------------------------------------------ what was left out */

/* The names come with the bundle: fit for a message, and only as many as one reads. */
static int add_missing(const struct bundle_need *need, char ***images, struct mcpd_error *err)
{
    char shown[BUNDLE_MAX_IMAGE_NAME + 1];

    unpack_policy_show(need->image, shown, sizeof(shown));
    if (*shown == '\0' || strv_contains(*images, shown))
        return 0;
    if (strv_length(*images) == MISSING_MAX_NAMES)
        (void)snprintf(shown, sizeof(shown), "...");
    if (strv_length(*images) > MISSING_MAX_NAMES)
        return 0;
    return strv_append(images, shown) < 0 ? error_no_memory(err, "names of images") : 0;
}

/* "localhost/a:1, localhost/b:1" */
static int name_missing(const struct store *store, const struct bundle_index *index, size_t count,
                        struct mcpd_error *err)
{
    CLEANUP_STRV char **images = NULL;
    CLEANUP_FREE char *list = NULL;
    int rc = 0;

    for (size_t i = 0; i < index->need_count && rc == 0; i++)
        if (!bundle_has_need(store, &index->needs[i]))
            rc = add_missing(&index->needs[i], &images, err);
    if (rc < 0)
        return rc;
    list = images ? strv_join(images, ", ") : NULL;
    return error_set(err, MCPD_E_STATE,
                     "%zu of its layers were left out and are not here: first bring %s", count,
                     list ? list : "what it was made for");
}

static int check_needs(const struct store *store, const struct bundle_index *index,
                       struct mcpd_error *err)
{
    size_t count = 0;

    for (size_t i = 0; i < index->need_count; i++)
        count += !bundle_has_need(store, &index->needs[i]);
    return count > 0 ? name_missing(store, index, count, err) : 0;
}

/* ------------------------------------------------------------------ the layers */

static bool has_bytes(void *context, const struct descriptor *descriptor)
{
    const struct apply *apply = context;

    return !bundle_find_need(&apply->bundle, &descriptor->digest);
}

static struct ingest_layer *find_layer(struct ingest *ingest, const char *name)
{
    struct digest digest;

    for (size_t i = 0; bundle_parse_blob_name(name, &digest) && i < ingest_count(ingest); i++)
        if (digest_equal(&ingest_descriptor(ingest_layer(ingest, i))->digest, &digest))
            return ingest_layer(ingest, i);
    return NULL;
}

/* Another process may be at the same layer: then it is here in the end, or it is ours. */
static int wait_for_turn(struct ingest *ingest, const struct ingest_layer *layer,
                         struct mcpd_error *err)
{
    int rc = 0;

    while (rc == 0 && ingest_state(layer) == INGEST_STATE_WAITING) {
        rc = archive_ingest_wait(ingest, err);
        if (rc == 0)
            rc = ingest_step(ingest, err);
    }
    return rc;
}

static int take_layer(const struct apply *apply, struct ingest *ingest, struct ingest_layer *layer,
                      uint64_t size, struct mcpd_error *err)
{
    const struct descriptor *descriptor = ingest_descriptor(layer);
    int rc = wait_for_turn(ingest, layer, err);

    if (rc < 0 || ingest_state(layer) != INGEST_STATE_FETCHING)
        return rc;
    if (size != descriptor->size)
        return error_set(err, MCPD_E_CORRUPT, "layer %s has %llu bytes in the bundle, not %llu",
                         descriptor->digest.text, (unsigned long long)size,
                         (unsigned long long)descriptor->size);
    for (;;) {
        ssize_t count = bundle_stream_read(apply->bundle.stream, apply->chunk, CHUNK_BYTES, err);

        if (count <= 0)
            return (int)count;
        rc = ingest_write(layer, apply->chunk, (size_t)count, err);
        if (rc == 0)
            rc = ingest_step(ingest, err);
        if (rc < 0)
            return rc;
    }
}

/* No further bytes come: what is unpacked now is waited for. */
static int finish(struct ingest *ingest, struct mcpd_error *err)
{
    int rc = ingest_step(ingest, err);

    while (rc == 0 && !ingest_is_done(ingest)) {
        for (size_t i = 0; i < ingest_count(ingest); i++) {
            const struct ingest_layer *layer = ingest_layer(ingest, i);

            if (ingest_state(layer) == INGEST_STATE_FETCHING)
                return error_set(err, MCPD_E_CORRUPT, "the bundle lacks the layer %s",
                                 ingest_descriptor(layer)->digest.text);
        }
        rc = archive_ingest_wait(ingest, err);
        if (rc == 0)
            rc = ingest_step(ingest, err);
    }
    return rc;
}

static int bring_layers(void *context, struct ingest *ingest, struct mcpd_error *err)
{
    const struct apply *apply = context;
    int rc;

    ingest_set_stream(ingest);
    rc = ingest_step(ingest, err);
    while (rc == 0 && ingest_missing_bytes(ingest) > 0) {
        struct ingest_layer *layer;
        const char *name = NULL;
        uint64_t size = 0;

        rc = bundle_stream_next(apply->bundle.stream, &name, &size, err);
        if (rc < 0 || !name)
            break;
        layer = find_layer(ingest, name);
        if (layer)
            rc = take_layer(apply, ingest, layer, size, err);
    }
    if (rc == 0)
        rc = finish(ingest, err);
    if (rc == 0)
        bundle_stream_drain(apply->bundle.stream);
    return rc;
}

int bundle_apply(const struct store *store, int input_fd, const char *verify_key,
                 const struct progress_sink *progress, char ***ret_names, struct mcpd_error *err)
{
    CLEANUP_WORKER_POOL struct worker_pool pool = WORKER_POOL_NONE;
    CLEANUP_FD int lock_fd = -1;
    CLEANUP_BUNDLE_KEY struct bundle_key *key = NULL;
    CLEANUP(apply_done) struct apply apply = {.bundle = BUNDLE_NONE, .chunk = malloc(CHUNK_BYTES)};
    const struct archive_ingest_source source = {has_bytes, bring_layers, &apply};
    int rc = apply.chunk ? worker_pool_start(&pool, err) : error_no_memory(err, "a bundle");

    if (rc == 0 && verify_key)
        rc = bundle_key_read_public(verify_key, &key, err);
    if (rc == 0)
        rc = bundle_open(input_fd, store->tmp_fd, key, &apply.bundle, err);
    if (rc == 0)
        rc = storetmp_sweep(store, err);
    if (rc == 0)
        rc = store_lock_shared(store, &lock_fd, err);
    if (rc == 0)
        rc = check_needs(store, &apply.bundle.index, err);
    return rc < 0 ? rc
                  : archive_ingest(store, lock_fd, &pool, &apply.bundle.images, &source, progress,
                                   ret_names, err);
}
