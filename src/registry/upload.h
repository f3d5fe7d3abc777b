/*
 * upload.h - one blob on its way to a registry: asked for, mounted or sent, resumed where it broke
 * off. One request at a time; who owns several moves them side by side (uploads.h).
 */
#ifndef REGISTRY_UPLOAD_H
#define REGISTRY_UPLOAD_H

#include "base/error.h"
#include "oci/digest.h"
#include "registry/client.h"
#include "registry/upload_source.h"

#include <stdbool.h>
#include <stdint.h>

enum upload_state {
    UPLOAD_STATE_PACK,   /* its first bytes are being made */
    UPLOAD_STATE_CHECK,  /* HEAD: is it there? */
    UPLOAD_STATE_BEGIN,  /* POST: a mount, or a place to send it to */
    UPLOAD_STATE_SEND,   /* PATCH: the rest, or a piece of it */
    UPLOAD_STATE_FINISH, /* PUT: that was all (of a small one: that is all) */
    UPLOAD_STATE_ASK,    /* GET: how much has arrived? */
    UPLOAD_STATE_DONE,
};

#define UPLOAD_SIZE_UNKNOWN UINT64_MAX

struct upload {
    /* The owner's. */
    struct digest digest;         /* what is packed has none until it is done */
    uint64_t size;                /* and UPLOAD_SIZE_UNKNOWN */
    const char *name;             /* for messages. Borrowed */
    const struct digest *diff_id; /* of what is packed: checked. Borrowed */
    struct upload_source source;
    const char
        *mount_from; /* path of a repository of this registry that has it; NULL: none known */
    bool is_config;
    bool is_here; /* the store has its bytes */

    enum upload_state state;
    char *place;                          /* URL; NULL: none yet. Owned */
    uint64_t offset;                      /* bytes that have arrived there */
    uint64_t best_offset;                 /* the most that ever had */
    uint64_t piece_bytes;                 /* of the present PATCH */
    uint64_t piece_limit;                 /* what the registry takes at once */
    struct http_transfer *transfer;       /* NULL: none under way. Owned */
    char what[700];                       /* the present request, for messages */
    const struct progress_sink *progress; /* the client's */
    unsigned int generation;              /* of the token it was sent with */
    unsigned int attempt;
    int64_t not_before_ms;
    bool is_renewed;  /* a 401 was answered since the last good answer */
    bool was_resumed; /* what has arrived came in parts */
    bool is_fresh;    /* the next PATCH takes no kept connection */
};

/* Zeroes it and takes a blob of the store that is to be sent as it is; the rest of the owner's is
 * set afterwards. */
void upload_init(struct upload *upload, const struct client *client, const struct store *store,
                 const struct digest *digest, uint64_t size);
/* It is to be packed instead; empty_fd as for packer_start. known: the result of an earlier time,
 * which may be at the other end; NULL: none. */
void upload_init_packing(struct upload *upload, const struct worker_pool *pool, int empty_fd,
                         const struct compressor_options *options, const struct digest *diff_id,
                         const struct digest *known, uint64_t known_size);
void upload_done(struct upload *upload);

/* podman's words around a CHECK that fails. */
#define UPLOAD_CHECK_CONTEXT "trying to reuse blob %s at destination"

/* What the first request is for, and what it found: without a transfer, so that it can be made
 * before the others. */
void upload_describe_check(const struct client *client, struct upload *upload);
int upload_take_check(struct upload *upload, struct client *client, bool is_there,
                      struct mcpd_error *err) MUST_CHECK;

/* State PACK: goes on with it; *ret_is_ready: the first request can be made. */
int upload_pack(struct upload *upload, bool *ret_is_ready, struct mcpd_error *err) MUST_CHECK;
/* Starts the next request. */
int upload_start(struct upload *upload, struct client *client, struct mcpd_error *err) MUST_CHECK;
/* Its transfer is done: the next state, perhaps after a pause (not_before_ms). A failure is
 * final. */
int upload_finish(struct upload *upload, struct client *client, struct mcpd_error *err) MUST_CHECK;

#endif
