/*
 * ingest.h - the layers of one image, or of several, on their way into the store: every one is
 * downloaded (or read from an archive), verified and unpacked beside the others, then all become
 * visible at once.
 *
 * The owner (pull, load) brings the bytes, whenever and in whatever order it gets them; ingest
 * keeps the partial files and their locks, feeds the workers and knows what is still missing. It
 * never waits: ingest_step does what can be done now, ingest_poll tells what to wait for.
 *
 * While an ingest exists the process ignores SIGPIPE.
 */
#ifndef OCI_LAYER_INGEST_H
#define OCI_LAYER_INGEST_H

#include "base/error.h"
#include "oci/commit.h"
#include "oci/imageconfig.h"
#include "oci/layer/progress.h"
#include "oci/layer/worker.h"
#include "oci/manifest.h"
#include "oci/store.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ingest_state {
    INGEST_STATE_WAITING,  /* for the lock: another process downloads this one, or is before it */
    INGEST_STATE_FETCHING, /* its owner is to bring bytes */
    INGEST_STATE_FETCHED,  /* all bytes are here and verified; the worker is busy */
    INGEST_STATE_DONE,     /* unpacked and verified, or found in the store */
};

struct ingest;
struct ingest_layer; /* owned by the ingest */

/* Layers that the store has (by diff_id) are DONE from the start. The caller holds
 * store_lock_shared; store, pool, manifest, config and progress are borrowed. */
int ingest_new(const struct store *store, const struct worker_pool *pool,
               const struct manifest *manifest, const struct imageconfig *config,
               const struct progress_sink *progress, struct ingest **ret_ingest,
               struct mcpd_error *err) MUST_CHECK;
/* The same for several images; a layer that they share is one piece of work. */
struct ingest_image {
    const struct manifest *manifest;
    const struct imageconfig *config;
};
int ingest_new_images(const struct store *store, const struct worker_pool *pool,
                      const struct ingest_image *images, size_t image_count,
                      const struct progress_sink *progress, struct ingest **ret_ingest,
                      struct mcpd_error *err) MUST_CHECK;
/* Lets go of everything; what is not committed stays for a later attempt as far as it is useful. */
void ingest_free(struct ingest *ingest);

/* Before the first step, for a repair and for whoever wants more than unpacked layers: what is in
 * the store, but not good, or only in part. */
struct ingest_damage {
    const struct digest *layers; /* diff_ids: unpacked anew and put in the place of what is there */
    size_t layer_count;
    const struct digest *blobs; /* not there (any more): fetched, also for good layers */
    size_t blob_count;
};
void ingest_mark_damage(struct ingest *ingest, const struct ingest_damage *damage);

/* Before the first step: the bytes of a layer come once, from its beginning (a stream). Half
 * downloads are not taken up, and of ours none is left for later. */
void ingest_set_stream(struct ingest *ingest);

size_t ingest_count(const struct ingest *ingest);
struct ingest_layer *ingest_layer(struct ingest *ingest, size_t index); /* largest first */
enum ingest_state ingest_state(const struct ingest_layer *layer);
const struct descriptor *ingest_descriptor(const struct ingest_layer *layer);
/* Bytes that are here already: what is brought next starts at this offset. */
uint64_t ingest_length(const struct ingest_layer *layer);
bool ingest_is_done(const struct ingest *ingest); /* everything */
/* Bytes that must still be fetched, and free space they will roughly need. */
uint64_t ingest_missing_bytes(const struct ingest *ingest);

/* What the layers take on the disk that were unpacked by it, and the blobs that came with them. */
uint64_t ingest_unpacked_bytes(const struct ingest *ingest);
uint64_t ingest_blob_bytes(const struct ingest *ingest);

/* FETCHING, and some bytes are here: what comes next is from another transfer than they were. */
void ingest_continue(struct ingest_layer *layer);
/* FETCHING: the next bytes. Also when the last ones have come: ingest_step verifies. */
int ingest_write(struct ingest_layer *layer, const void *bytes, size_t count,
                 struct mcpd_error *err) MUST_CHECK;

#define INGEST_POLL_MAX 32
/* Descriptors to wait for (at most INGEST_POLL_MAX), and for how long at most in ms (-1: for ever).
 */
size_t ingest_poll(struct ingest *ingest, struct pollfd *fds, int *ret_timeout_ms);
/* Takes locks, verifies what is complete, starts, feeds and ends workers. A failure is final for
 * the image. */
int ingest_step(struct ingest *ingest, struct mcpd_error *err) MUST_CHECK;

/* All are DONE: makes the image visible under `name` (NULL: no name). index_digest: of the index
 * that led to the manifest, unset when there was none. */
int ingest_commit(struct ingest *ingest, const struct commit_document *documents,
                  size_t document_count, const struct digest *manifest_digest,
                  const struct digest *index_digest, const struct reference *name,
                  struct mcpd_error *err) MUST_CHECK;
/* The same for several images, or names: they become visible in one instant. At least one. */
int ingest_commit_images(struct ingest *ingest, const struct commit_document *documents,
                         size_t document_count, const struct store_name *names, size_t name_count,
                         struct mcpd_error *err) MUST_CHECK;

static inline void cleanup_ingest(struct ingest **ingest)
{
    ingest_free(*ingest);
}
#define CLEANUP_INGEST CLEANUP(cleanup_ingest)

#endif
