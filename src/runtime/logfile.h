/*
 * logfile.h - the output of a container on disk: writing with rotation, and reading it back.
 * Format and theory: logfile.c.
 */
#ifndef RUNTIME_LOGFILE_H
#define RUNTIME_LOGFILE_H

#include "base/error.h"
#include "mcpd_types.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define LOGFILE_DEFAULT_MAX_BYTES UINT64_C(10000000)
#define LOGFILE_PARTS             512
#define LOGFILE_HEADER_SIZE       48

struct logfile {
    int dir_fd; /* of the container, borrowed */
    int fd;     /* -1: could not be opened, tried again with the next write */
    uint64_t size_bytes;
    uint64_t max_bytes;
    int64_t second; /* that `date` was made for */
    char date[24];  /* "2026-11-23T16:32:08" */
    size_t part_count;
    size_t batch_bytes;
    struct iovec parts[LOGFILE_PARTS];
};

/* Appends to what is there. max_bytes 0: the default. Never fails: a log that cannot be written
 * does not keep a container from running. */
void logfile_open(int dir_fd, uint64_t max_bytes, struct logfile *ret_log);
/* What the container wrote in one go. */
void logfile_write(struct logfile *log, enum mcpd_log_stream stream, const char *bytes,
                   size_t count);
void logfile_done(struct logfile *log);

/*
 * Reads the log of a container and passes each record on. end_fd: becomes readable when the
 * container ends, -1 when it does not run; only used to follow. A container that is removed
 * meanwhile ends it.
 */
int logfile_read(int dir_fd, const struct mcpd_logs_options *options, int end_fd,
                 mcpd_log_function function, void *context, struct mcpd_error *err) MUST_CHECK;

#endif
