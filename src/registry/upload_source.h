/*
 * upload_source.h - the bytes of a blob on their way to a registry, by offset.
 *
 * Those of a file of the store, which is open only while it is needed; or those that a packer makes
 * of it (packer.h), which come once, in order. Of these the last 4 MiB are kept, so that an upload
 * that broke off can go on; where more has been lost, packing starts again, and gives the same.
 */
#ifndef REGISTRY_UPLOAD_SOURCE_H
#define REGISTRY_UPLOAD_SOURCE_H

#include "base/error.h"
#include "oci/layer/packer.h"
#include "oci/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UPLOAD_SOURCE_WINDOW_BYTES (4u << 20)

struct upload_source {
    const struct store *store;   /* borrowed, as the digest */
    const struct digest *digest; /* of the store's blob */
    uint64_t size;               /* that it must have */
    int fd;                      /* -1: not opened yet. Owned */

    /* What is packed. */
    const struct worker_pool *pool; /* NULL: it is sent as it is. Borrowed */
    int empty_fd;                   /* for packer_start. The owner's */
    struct compressor_options options;
    struct packer packer;
    char *window;    /* owned; NULL until packing has begun */
    uint64_t end;    /* bytes that have come out so far */
    bool is_ended;   /* that was all: result is filled in */
    bool is_waiting; /* a read came too early */
    struct packer_result result;
};

void upload_source_init(struct upload_source *source, const struct store *store,
                        const struct digest *digest, uint64_t size);
/* Whatever is open; it is opened, or packed, again when it is read. */
void upload_source_close(struct upload_source *source);

/* An http_source_function; context: the source. */
int upload_source_read(void *context, uint64_t offset, void *buffer, size_t size, size_t *ret_count,
                       struct mcpd_error *err);

/* Packed ones. Takes what has come out, until the window is full once or there is no more.
 * *ret_is_ready: so it is. */
int upload_source_fill(struct upload_source *source, bool *ret_is_ready,
                       struct mcpd_error *err) MUST_CHECK;
/* What to wait for; -1: nothing. */
int upload_source_fd(const struct upload_source *source);

#endif
