/*
 * packer.h - layers on their way out: decompressed, compressed as they are to be, and hashed, by
 * processes of their own, while somebody sends what comes out.
 *
 * The processes are those of the worker pool (worker.h): forked before there are credentials, and
 * with nothing but their descriptors. A layer that is only a folder will come in here too, as the
 * tar that pack makes of it.
 */
#ifndef OCI_LAYER_PACKER_H
#define OCI_LAYER_PACKER_H

#include "base/error.h"
#include "oci/digest.h"
#include "oci/layer/compressor.h"
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

/* blob_fd: the layer, plain or compressed, at any position; stays the caller's. */
int packer_start(const struct worker_pool *pool, int blob_fd,
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
                  bool is_in_userns, pid_t pool_pid);

#endif
