/*
 * cleanup.h - scope-bound ownership.
 *
 * Whoever declares a resource frees it at the end of the scope, unless it is
 * visibly handed over with TAKE_PTR or TAKE_FD. Initialise at the declaration
 * (NULL or -1) and leave by plain `return`. Every cleanup keeps errno and
 * accepts the empty value. Cleanups do not run on _exit or exec.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_pointer(void *pointer)
{
    int saved_errno = errno;

    free(*(void **)pointer);
    errno = saved_errno;
}

/* Never retried: on Linux the descriptor is gone even after EINTR. */
static inline void cleanup_close_fd(const int *fd)
{
    int saved_errno = errno;

    if (*fd >= 0)
        (void)close(*fd);
    errno = saved_errno;
}

static inline void cleanup_close_dir(DIR **dir)
{
    int saved_errno = errno;

    if (*dir)
        (void)closedir(*dir);
    errno = saved_errno;
}

static inline void cleanup_close_file(FILE **file)
{
    int saved_errno = errno;

    if (*file)
        (void)fclose(*file);
    errno = saved_errno;
}

static inline void cleanup_json(json_t **json)
{
    int saved_errno = errno;

    json_decref(*json);
    errno = saved_errno;
}

#define CLEANUP(function) __attribute__((cleanup(function)))
#define CLEANUP_FREE      CLEANUP(cleanup_free_pointer)
#define CLEANUP_FD        CLEANUP(cleanup_close_fd)
#define CLEANUP_DIR       CLEANUP(cleanup_close_dir)
#define CLEANUP_FILE      CLEANUP(cleanup_close_file)
#define CLEANUP_JSON      CLEANUP(cleanup_json)

/* Hands the value over and leaves the variable empty. */
#define TAKE_PTR(pointer)                               \
    ({                                                  \
        __typeof__(pointer) taken_pointer_ = (pointer); \
        (pointer) = NULL;                               \
        taken_pointer_;                                 \
    })

#define TAKE_FD(fd)           \
    ({                        \
        int taken_fd_ = (fd); \
        (fd) = -1;            \
        taken_fd_;            \
    })

#define MUST_CHECK                       __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first) __attribute__((format(printf, format_index, first)))
#define ARRAY_SIZE(array)                (sizeof(array) / sizeof((array)[0]))

#endif
