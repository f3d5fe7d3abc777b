/*
 * child.h - work in a forked process, whose error comes back whole.
 *
 * For what shall not happen in the calling process: memory and privileges that are limited, a
 * namespace to enter, a stream to be made while we read it. Descriptors are shared, memory is not:
 * results travel through descriptors. It dies with the process that started it.
 */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include "base/error.h"

#include <sys/types.h>

typedef int (*child_work_function)(void *context, struct mcpd_error *err);

struct child {
    pid_t pid;    /* 0: none */
    int error_fd; /* our end */
};
#define CHILD_NONE               \
    {                            \
        .pid = 0, .error_fd = -1 \
    }

/* The child's name in ps is `title`; `work` may close every descriptor but *error_fd there. */
int child_start(const char *title, child_work_function work, void *context, struct child *ret_child,
                struct mcpd_error *err) MUST_CHECK;
/* Waits for its end and returns what `work` returned; killed by a signal: SYSTEM. */
int child_finish(struct child *child, struct mcpd_error *err) MUST_CHECK;
/* Kills and reaps one that was not finished; fine on CHILD_NONE. */
void child_done(struct child *child);
#define CLEANUP_CHILD CLEANUP(child_done)

/* In the child: the descriptor that must stay open. */
int child_error_fd(void);

#endif
