/*
 * inflate.h - a stream of bytes, decompressed by its content: gzip, zstd, or as it is.
 *
 * The declared media type is not believed: the first bytes decide, as for podman and docker.
 * Checksums are verified, several gzip members or zstd frames in a row are one stream, anything
 * else behind them is refused. Memory is two fixed buffers and the decoder's window, never a size
 * from the stream.
 */
#ifndef OCI_LAYER_INFLATE_H
#define OCI_LAYER_INFLATE_H

#include "base/error.h"
#include "oci/mediatype.h"

#include <stddef.h>
#include <sys/types.h>

/* Larger windows than 2^25 (32 MiB) are refused: RFC 8878 asks readers for 8 MiB, and the best
 * level of the builders in use makes 32. */
#define INFLATE_ZSTD_WINDOW_LOG 25

enum inflate_kind {
    INFLATE_KIND_NONE,
    INFLATE_KIND_GZIP,
    INFLATE_KIND_ZSTD,
};

/* Like read(2): 0 at the end, a negative code with err filled in on failure. */
typedef ssize_t (*inflate_read_function)(void *context, void *buffer, size_t size,
                                         struct mcpd_error *err);

struct inflate; /* heap; inflate_free */

/* Allocates only; nothing is read yet. */
int inflate_new(inflate_read_function read, void *context, struct inflate **ret_inflate,
                struct mcpd_error *err) MUST_CHECK;
void inflate_free(struct inflate *inflate);

/* The next piece, borrowed until the next call; *ret_count is 0 at the end. CORRUPT: damaged,
 * truncated, or something else behind the compressed data. */
int inflate_next(struct inflate *inflate, const void **ret_bytes, size_t *ret_count,
                 struct mcpd_error *err) MUST_CHECK;

/* All of a stream, piece by piece, to `write`, whose failure ends it. */
typedef int (*inflate_write_function)(void *context, const void *bytes, size_t count,
                                      struct mcpd_error *err);
int inflate_all(inflate_read_function read, void *read_context, inflate_write_function write,
                void *write_context, struct mcpd_error *err) MUST_CHECK;

/* What the first bytes of a stream say (4 are enough). */
enum mediatype_compression inflate_compression_of(const void *bytes, size_t count);

/* Known after the first inflate_next. */
enum inflate_kind inflate_kind(const struct inflate *inflate);

static inline void cleanup_inflate(struct inflate **inflate)
{
    inflate_free(*inflate);
}
#define CLEANUP_INFLATE CLEANUP(cleanup_inflate)

#endif
