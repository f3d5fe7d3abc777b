/*
 * worker.h - layers are unpacked by processes of their own, one per layer.
 *
 * The pool is one small process that is forked before the network and any credential is touched;
 * it enters the user namespace once (for an ordinary user) and forks a worker for each layer. A
 * worker holds its input pipe, its layer's folder and its result pipe, and nothing else; that
 * folder is its whole world (confine.h). Everything dies with the process that started the pool.
 */
#ifndef OCI_LAYER_WORKER_H
#define OCI_LAYER_WORKER_H

#include "base/error.h"
#include "oci/layer/unpack.h"

#include <sys/types.h>

struct worker_pool {
    pid_t pid; /* 0: none */
    int socket_fd;
};
#define WORKER_POOL_NONE          \
    {                             \
        .pid = 0, .socket_fd = -1 \
    }

int worker_pool_start(struct worker_pool *ret_pool, struct mcpd_error *err) MUST_CHECK;
void worker_pool_done(struct worker_pool *pool); /* kills what is left; fine on WORKER_POOL_NONE */
#define CLEANUP_WORKER_POOL CLEANUP(worker_pool_done)

/* A packet of at most WORKER_REQUEST_BYTES, with descriptors, to the pool: for other kinds of work
 * (packer.h). */
#define WORKER_REQUEST_BYTES 64
int worker_pool_request(const struct worker_pool *pool, const void *request, size_t size,
                        const int *fds, size_t fd_count, struct mcpd_error *err) MUST_CHECK;

/* How many layers are worth unpacking at the same time on this machine. */
unsigned int worker_limit(void);

struct worker {
    int input_fd;  /* write the layer here, as it was downloaded; non-blocking, 1 MiB if allowed */
    int result_fd; /* readable when the worker has a result or has died */
};
#define WORKER_NONE                     \
    {                                   \
        .input_fd = -1, .result_fd = -1 \
    }

/* layer_fd: the empty folder to fill. contents_fd: an empty file for the list of what it holds then
 * (contents_file.h). lock_fd: kept open by the worker for as long as it works (the lock of its tmp
 * entry); -1: none. All stay the caller's. */
int worker_start(const struct worker_pool *pool, int layer_fd, int contents_fd, int lock_fd,
                 struct worker *ret_worker, struct mcpd_error *err) MUST_CHECK;
/* The whole layer has been written: closes the input. */
void worker_end_input(struct worker *worker);
/* Waits for the result, or the worker's own error. */
int worker_finish(struct worker *worker, struct unpack_result *ret_result,
                  struct mcpd_error *err) MUST_CHECK;
/* Takes the input away, waits until the worker is gone. Fine on WORKER_NONE. */
void worker_done(struct worker *worker);
#define CLEANUP_WORKER CLEANUP(worker_done)

#endif
