/*
 * logfile.h - the output of a container on disk: writing with rotation, and reading it back.
 * Format and theory: logfile.c.
 */
#ifndef RUNTIME_LOGFILE_H
#define RUNTIME_LOGFILE_H

#include "base/error.h"
#include "mcpd_types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define LOGFILE_DEFAULT_MAX_BYTES UINT64_C(10000000)
#define LOGFILE_UNLIMITED         ((uint64_t)INT64_MAX)
#define LOGFILE_DEFAULT_FILES     2
#define LOGFILE_MAX_FILES         100
#define LOGFILE_NAME_SIZE         256
#define LOGFILE_LONGEST_NAME      251 /* there has to be room for ".99" behind it */
#define LOGFILE_PARTS             512
#define LOGFILE_HEADER_SIZE       48
#define LOGFILE_STREAMS           2

/* Where a log is: the file that is written is NAME, those before it are NAME.1, NAME.2 ... */
struct logfile_place {
    int dir_fd;
    bool owns_dir;
    char name[LOGFILE_NAME_SIZE];
};
#define LOGFILE_PLACE_NONE \
    {                      \
        .dir_fd = -1       \
    }

/* path: absolute, as the user wished; NULL: in the container's own folder, whose descriptor is
 * borrowed. INVALID when something else than a file or a device is there. */
int logfile_find(int container_dir_fd, const char *path, struct logfile_place *ret_place,
                 struct mcpd_error *err) MUST_CHECK;
/* The same question alone, for asking early; a folder that is missing is no matter yet. */
int logfile_check(const char *path, struct mcpd_error *err) MUST_CHECK;
void logfile_place_done(struct logfile_place *place); /* fine on LOGFILE_PLACE_NONE, and twice */
/* number 0: the one that is written. */
void logfile_name(const struct logfile_place *place, unsigned int number,
                  char name[LOGFILE_NAME_SIZE]);

struct logfile_limits {
    uint64_t max_bytes; /* of one file; 0: the default */
    unsigned int files; /* that are kept, with the one that is written; 0: the default */
};

struct logfile {
    const struct logfile_place *place; /* borrowed */
    struct logfile_limits limits;
    int fd; /* -1: could not be opened, tried again with the next write */
    uint64_t size_bytes;
    bool is_inside[LOGFILE_STREAMS]; /* the stream's line has begun */
    int64_t second;                  /* that `date` was made for */
    char date[24];                   /* "2026-11-23T16:32:08" */
    size_t part_count;
    size_t batch_bytes;
    struct iovec parts[LOGFILE_PARTS];
};

/* Appends to what is there. Never fails: a log that cannot be written does not keep a container
 * from running. */
void logfile_open(const struct logfile_place *place, const struct logfile_limits *limits,
                  struct logfile *ret_log);
/* What the container wrote in one go. */
void logfile_write(struct logfile *log, enum mcpd_log_stream stream, const char *bytes,
                   size_t count);
/* No file may grow beyond that (RLIMIT_FSIZE): it is begun anew before. */
void logfile_set_longest(struct logfile *log, uint64_t longest_bytes);
void logfile_done(struct logfile *log);

/*
 * Reads the log of a container and passes each record on. end_fd: becomes readable when the
 * container ends, -1 when it does not run; only used to follow. A container that is removed
 * meanwhile ends it.
 */
int logfile_read(const struct logfile_place *place, const struct mcpd_logs_options *options,
                 int end_fd, mcpd_log_function function, void *context,
                 struct mcpd_error *err) MUST_CHECK;

#endif
