/*
 * process.h - the last part of a container's process, the same for its first one and for exec: from
 * "inside all namespaces and the root" to the command.
 */
#ifndef RUNTIME_PROCESS_H
#define RUNTIME_PROCESS_H

#include <stdbool.h>
#include <sys/stat.h>

#include "runtime/console.h"
#include "runtime/plan.h"
#include "runtime/reaper.h"
#include "runtime/seccomp.h"

struct process_job;
/* Makes the process that is to run the command, and returns in that one only. */
typedef int (*process_split_function)(struct process_job *job, struct mcpd_error *err);

struct process_job {
    const struct plan_process *process;
    const struct seccomp_filter *filter;
    int root_fd;              /* O_PATH of the root we are in */
    int stdio[3];             /* -1: null_fd; unused with a console */
    int null_fd;              /* a null device that may be in the container's hands: devices.h */
    struct stat self;         /* our own executable: selfexe_stat */
    int report_fd;            /* handshake.h; moved to another number on the way */
    struct console *console;  /* NULL without tty */
    const char *container_id; /* of a container's first process, whose working directory is made
                                 when it is missing; NULL: of exec */
    bool in_userns;
    bool uses_reaper; /* we become pid 1's reaper, a child runs the command */
    struct reaper_memory reaper_memory;
    bool ends_with_parent; /* killed when whoever made us ends */

    /* The command's process is made at the very end, with no rights but its own; NULL: it is this
     * one. */
    process_split_function split;
    int split_fd; /* kept open for that; moved to another number on the way; -1: none */
};

/* Becomes the command. Only returns to say why not. */
int process_run(struct process_job *job, struct mcpd_error *err) MUST_CHECK;

/* Closes this descriptor and all above. */
void process_close_from(int first_fd);
/* Sets close-on-exec on everything above 2 that came from elsewhere. With the host's /proc. */
void process_protect_fds(void);
/* No signal blocked or ignored, all at their defaults. */
void process_reset_signals(void);

#endif
