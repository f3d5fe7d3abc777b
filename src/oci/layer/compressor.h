/*
 * compressor.h - a stream of bytes, compressed as layers are: gzip or zstd.
 *
 * The same bytes give the same result with the same library. Memory is fixed by the level. gzip:
 * isa-l up to level 3, which is several times faster than zlib; zlib above. No time and no name go
 * into the stream.
 */
#ifndef OCI_LAYER_COMPRESSOR_H
#define OCI_LAYER_COMPRESSOR_H

#include "base/error.h"
#include "oci/mediatype.h"

#include <stdbool.h>
#include <stddef.h>

typedef int (*compressor_write_function)(void *context, const void *bytes, size_t count,
                                         struct mcpd_error *err);

struct compressor_options {
    enum mediatype_compression compression; /* GZIP or ZSTD */
    int level;                              /* gzip 1 to 9, zstd 1 to 19; 0: the default */
};
/* INVALID says what there is. */
int compressor_check_options(const struct compressor_options *options,
                             struct mcpd_error *err) MUST_CHECK;

struct compressor; /* heap; compressor_free */

int compressor_new(const struct compressor_options *options, compressor_write_function write,
                   void *context, struct compressor **ret_compressor,
                   struct mcpd_error *err) MUST_CHECK;
void compressor_free(struct compressor *compressor);
int compressor_write(struct compressor *compressor, const void *bytes, size_t count,
                     struct mcpd_error *err) MUST_CHECK;
/* The end of the stream: writes what is left. */
int compressor_finish(struct compressor *compressor, struct mcpd_error *err) MUST_CHECK;

static inline void cleanup_compressor(struct compressor **compressor)
{
    compressor_free(*compressor);
}
#define CLEANUP_COMPRESSOR CLEANUP(cleanup_compressor)

#endif
