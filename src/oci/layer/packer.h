/*
 * packer.h - layers on their way out: decompressed, compressed as they are to be, and hashed, by
 * processes of their own, while somebody sends what comes out.
 *
 * The processes are those of the worker pool (worker.h): forked before there are credentials,
 * behind the walls of confine.h, with nothing but their descriptors and an empty folder.
 */
#ifndef OCI_LAYER_PACKER_H
#define OCI_LAYER_PACKER_H

#include "base/error.h"
#include "oci/digest.h"
#include "oci/layer/compressor.h"
#include "oci/layer/confine.h"
#include "oci/layer/worker.h"

#include <stddef.h>
#include <stdint.h>

struct packer {
    int output_fd; /* the compressed layer, non-blocking; its end is the end */
    int result_fd;
};
#define PACKER_NONE                      \
    {                                    \
        .output_fd = -1, .result_fd = -1 \
    }

struct packer_result {
    struct digest diff_id; /* of what was packed */
    struct digest digest;  /* of what came out */
    uint64_t bytes;
};

/* blob_fd: the layer, plain or compressed; stays the caller's, who does not read from it meanwhile.
 * root_fd: an empty folder, all that the process sees of the file system. */
int packer_start(const struct worker_pool *pool, int blob_fd, int root_fd,
                 const struct compressor_options *options, struct packer *ret_packer,
                 struct mcpd_error *err) MUST_CHECK;
/* After the end of the output: the result, or the packer's own error. */
int packer_finish(struct packer *packer, struct packer_result *ret_result,
                  struct mcpd_error *err) MUST_CHECK;
/* One that has not finished ends too. Fine on PACKER_NONE. */
void packer_done(struct packer *packer);

/* In the pool: what a packet that begins with PACKER_REQUEST asks for; never returns. */
#define PACKER_REQUEST 'p'
void packer_serve(const void *request, size_t size, const int *fds, size_t fd_count,
                  const struct confine_options *confinement);

#endif
