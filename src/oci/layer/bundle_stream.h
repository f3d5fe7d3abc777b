/*
 * bundle_stream.h - a plain tar that is read once, from its beginning to its end: from a file, a
 * stick or a pipe.
 */
#ifndef OCI_LAYER_BUNDLE_STREAM_H
#define OCI_LAYER_BUNDLE_STREAM_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct bundle_stream; /* heap; bundle_stream_free */

/* fd stays the caller's, and is read from where it is. */
int bundle_stream_open(int fd, struct bundle_stream **ret_stream,
                       struct mcpd_error *err) MUST_CHECK;
void bundle_stream_free(struct bundle_stream *stream); /* NULL is fine */

/* The next file; what is left of the one before is skipped. *ret_name: borrowed until the next
 * call, NULL at the end. CORRUPT: it is no tar, or has something else than files and folders. */
int bundle_stream_next(struct bundle_stream *stream, const char **ret_name, uint64_t *ret_size,
                       struct mcpd_error *err) MUST_CHECK;
/* Its next bytes; 0 behind the last one. CORRUPT: the tar ends before. */
ssize_t bundle_stream_read(struct bundle_stream *stream, void *buffer, size_t size,
                           struct mcpd_error *err);
/* Nothing more is wanted: of a pipe the rest is read, so that its writer ends well. */
void bundle_stream_drain(struct bundle_stream *stream);

static inline void cleanup_bundle_stream(struct bundle_stream **stream)
{
    bundle_stream_free(*stream);
}
#define CLEANUP_BUNDLE_STREAM CLEANUP(cleanup_bundle_stream)

#endif
