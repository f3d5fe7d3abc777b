/*
 * upload_source.h - the bytes of a blob on their way to a registry, by offset: those of a file of
 * the store, which is open only while it is needed.
 */
#ifndef REGISTRY_UPLOAD_SOURCE_H
#define REGISTRY_UPLOAD_SOURCE_H

#include "base/error.h"
#include "oci/store.h"

#include <stddef.h>
#include <stdint.h>

struct upload_source {
    const struct store *store;   /* borrowed */
    const struct digest *digest; /* borrowed: of the blob */
    uint64_t size;               /* that it must have */
    int fd;                      /* -1: not opened yet. Owned */
};
#define UPLOAD_SOURCE_NONE \
    {                      \
        .fd = -1           \
    }
void upload_source_close(struct upload_source *source); /* it is opened again when it is read */

/* An http_source_function; context: the source. */
int upload_source_read(void *context, uint64_t offset, void *buffer, size_t size, size_t *ret_count,
                       struct mcpd_error *err);

#endif
