/*
 * ingest_layer.h - one layer on its way into the store. Internal to ingest.c and ingest_layer.c.
 */
#ifndef OCI_LAYER_INGEST_LAYER_H
#define OCI_LAYER_INGEST_LAYER_H

#include "oci/layer/ingest.h"
#include "oci/layer/sha256.h"
#include "oci/storetmp.h"

struct ingest_layer {
    const struct store *store; /* borrowed, as the next three */
    const struct descriptor *descriptor;
    const struct progress_sink *progress;
    const struct worker_pool *pool;
    struct digest diff_id;
    enum ingest_state state;
    bool is_stored_blob; /* fd is a blob of the store, not a partial of ours */
    bool replaces;       /* the unpacked layer in the store, which is damaged */
    bool is_blob_only;   /* its unpacked layer is good */
    bool has_old_bytes;  /* of an earlier attempt or transfer: they may be the wrong ones */
    bool is_streamed;    /* its bytes come once: half of them are of no use to anybody */
    bool was_restarted;  /* for that reason; it is done once */
    int fd;              /* partial (flock held) or blob; -1 while WAITING */
    uint64_t length;     /* bytes that are here */
    uint64_t fed;        /* of them given to the worker */
    struct sha256 sha256;
    struct storetmp tmp; /* where the worker unpacks */
    struct worker worker;
    bool is_unpacked;
    bool is_adopted;                /* its implied folders have got their attributes */
    struct mcpd_error worker_error; /* it failed, but the download may be to blame; code 0: no */
    struct unpack_result result;
    int64_t reported_ms;
};

void ingest_layer_init(struct ingest_layer *layer);
void ingest_layer_done(struct ingest_layer *layer);

/* WAITING: tries to get on. *ret_is_busy: another process holds the lock. */
int ingest_layer_claim(struct ingest_layer *layer, bool *ret_is_busy,
                       struct mcpd_error *err) MUST_CHECK;
/* All bytes are here: FETCHED, or from the start again, or a failure. */
int ingest_layer_verify(struct ingest_layer *layer, struct mcpd_error *err) MUST_CHECK;
bool ingest_layer_wants_worker(const struct ingest_layer *layer);
bool ingest_layer_has_worker(const struct ingest_layer *layer);
int ingest_layer_start_worker(struct ingest_layer *layer, struct mcpd_error *err) MUST_CHECK;
/* Moves bytes to the worker as far as it takes them. */
int ingest_layer_feed(struct ingest_layer *layer, struct mcpd_error *err) MUST_CHECK;
/* The worker has something to say, or has died. */
int ingest_layer_collect(struct ingest_layer *layer, struct mcpd_error *err) MUST_CHECK;

#endif
