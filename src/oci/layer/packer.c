/*
 * packer.c - see packer.h.
 *
 * Theory of operation: the pool forks a process for each request. It reads the blob, writes what it
 * makes of it into the output pipe, and at its end one report into the result pipe. Whoever no
 * longer wants it closes the output: the next write ends the process (SIGPIPE).
 */
#include "oci/layer/packer.h"

#include "base/fsutil.h"
#include "oci/layer/inflate.h"
#include "oci/layer/sha256.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#define OUTPUT_PIPE_BYTES (1 << 20)

struct packer_request {
    char kind; /* PACKER_REQUEST */
    struct compressor_options options;
};

enum request_fd {
    REQUEST_BLOB,
    REQUEST_OUTPUT,
    REQUEST_RESULT,
    REQUEST_ROOT,
    REQUEST_FDS,
};

/* What a packer says at its end; smaller than PIPE_BUF, so that it arrives whole. */
struct report {
    int rc;
    struct mcpd_error error;
    struct packer_result result;
};
_Static_assert(sizeof(struct report) < 4096, "must be one atomic write to a pipe");

/* ------------------------------------------------------------------ in the process */

struct packing {
    int blob_fd;
    int output_fd;
    struct sha256 plain;
    struct sha256 packed;
    struct compressor *compressor;
    uint64_t bytes;
};

static void packing_done(struct packing *packing)
{
    sha256_done(&packing->plain);
    sha256_done(&packing->packed);
    compressor_free(packing->compressor);
}

static ssize_t read_blob(void *context, void *buffer, size_t size, struct mcpd_error *err)
{
    const struct packing *packing = context;
    ssize_t count;

    do
        count = read(packing->blob_fd, buffer, size);
    while (count < 0 && errno == EINTR);
    return count < 0 ? error_errno(err, "read a blob") : count;
}

static int write_output(void *context, const void *bytes, size_t count, struct mcpd_error *err)
{
    struct packing *packing = context;

    sha256_update(&packing->packed, bytes, count);
    packing->bytes += count;
    return fs_write_all(packing->output_fd, bytes, count, "a layer", err);
}

/* A piece of the tar. */
static int take_plain(void *context, const void *bytes, size_t count, struct mcpd_error *err)
{
    struct packing *packing = context;

    sha256_update(&packing->plain, bytes, count);
    return compressor_write(packing->compressor, bytes, count, err);
}

static int pack(const struct compressor_options *options, const int *fds,
                struct packer_result *ret_result, struct mcpd_error *err)
{
    CLEANUP(packing_done)
    struct packing packing = {
        .blob_fd = fds[REQUEST_BLOB],
        .output_fd = fds[REQUEST_OUTPUT],
    };
    int rc = sha256_init(&packing.plain, err);

    if (lseek(packing.blob_fd, 0, SEEK_SET) < 0)
        return error_errno(err, "rewind a blob");
    if (rc == 0)
        rc = sha256_init(&packing.packed, err);
    if (rc == 0)
        rc = compressor_new(options, write_output, &packing, &packing.compressor, err);
    if (rc == 0)
        rc = inflate_all(read_blob, &packing, take_plain, &packing, err);
    if (rc == 0)
        rc = compressor_finish(packing.compressor, err);
    if (rc == 0)
        rc = sha256_finish(&packing.plain, &ret_result->diff_id, err);
    if (rc == 0)
        rc = sha256_finish(&packing.packed, &ret_result->digest, err);
    ret_result->bytes = packing.bytes;
    return rc;
}

static int serve(const struct compressor_options *options, const int *fds,
                 const struct confine_options *confinement, struct report *report)
{
    struct confine_options own = *confinement;
    struct mcpd_error *err = &report->error;
    int rc;

    (void)prctl(PR_SET_NAME, "mcpd: pack", 0, 0, 0);
    rc = confine_descriptors(fds, REQUEST_FDS, err);
    own.root_fd = fds[REQUEST_ROOT];
    if (rc == 0)
        rc = confine_process(&own, err);
    (void)close(fds[REQUEST_ROOT]);
    return rc < 0 ? rc : pack(options, fds, &report->result, err);
}

void packer_serve(const void *request, size_t size, const int *fds, size_t fd_count,
                  const struct confine_options *confinement)
{
    struct packer_request copy;
    struct report report = {0};

    if (size != sizeof(copy) || fd_count != REQUEST_FDS)
        _exit(1);
    memcpy(&copy, request, sizeof(copy));
    report.rc = serve(&copy.options, fds, confinement, &report);
    _exit(write(fds[REQUEST_RESULT], &report, sizeof(report)) != sizeof(report));
}

/* ------------------------------------------------------------------ at the caller's */

int packer_start(const struct worker_pool *pool, int blob_fd, int root_fd,
                 const struct compressor_options *options, struct packer *ret_packer,
                 struct mcpd_error *err)
{
    CLEANUP(packer_done) struct packer packer = PACKER_NONE;
    const struct packer_request request = {.kind = PACKER_REQUEST, .options = *options};
    int output[2] = {-1, -1}, result[2] = {-1, -1};
    int rc;

    if (pipe2(output, O_CLOEXEC) < 0)
        return error_errno(err, "pipe");
    packer.output_fd = output[0];
    if (pipe2(result, O_CLOEXEC) < 0) {
        rc = error_errno(err, "pipe");
    } else {
        packer.result_fd = result[0];
        (void)fcntl(output[0], F_SETPIPE_SZ, OUTPUT_PIPE_BYTES);
        (void)fcntl(output[0], F_SETFL, O_NONBLOCK);
        rc = worker_pool_request(pool, &request, sizeof(request),
                                 (const int[]){blob_fd, output[1], result[1], root_fd}, REQUEST_FDS,
                                 err);
        (void)close(result[1]);
    }
    (void)close(output[1]);
    if (rc < 0)
        return rc;
    *ret_packer = packer;
    packer = (struct packer)PACKER_NONE;
    return 0;
}

int packer_finish(struct packer *packer, struct packer_result *ret_result, struct mcpd_error *err)
{
    struct report report = {0};
    ssize_t count;

    do
        count = read(packer->result_fd, &report, sizeof(report));
    while (count < 0 && errno == EINTR);
    if (count != sizeof(report))
        return error_set(err, MCPD_E_SYSTEM,
                         "the process that packs ended unexpectedly (killed, or out of memory)");
    if (report.rc < 0)
        return error_copy(err, &report.error);
    *ret_result = report.result;
    return 0;
}

void packer_done(struct packer *packer)
{
    cleanup_close_fd(&packer->output_fd);
    cleanup_close_fd(&packer->result_fd);
    *packer = (struct packer)PACKER_NONE;
}
