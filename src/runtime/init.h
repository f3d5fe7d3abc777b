/*
 * init.h - from a decided plan to the container's first process: everything between clone and exec.
 *
 * launch_start runs in the monitor: makes the cgroup, clones the child into new namespaces, writes
 * the id maps, hands over the cgroup descriptors and waits until the child has exec'd or said why
 * not. The child (init_main) does the rest inside and never returns. Nothing is mounted outside the
 * child's own mount namespace, so there is nothing to undo on the host.
 */
#ifndef RUNTIME_INIT_H
#define RUNTIME_INIT_H

#include "base/error.h"
#include "runtime/cgroup.h"
#include "runtime/layerstores.h"
#include "runtime/plan.h"

#include <sys/types.h>

struct launch_request {
    const struct plan *plan;
    const char *cgroup_path;          /* where its group is to be made: cgroup_choose_path */
    const struct layerstores *stores; /* where its layers lie; and ROOT of the store */
    int container_dir_fd;             /* upper/, work/, hosts, resolv.conf, hostname */
    int stdin_fd; /* what the container gets as 0, 1, 2; -1: a null device of its own; with
                     tty all -1 */
    int stdout_fd;
    int stderr_fd;
    int console_socket_fd; /* tty: the child opens /dev/pts/ptmx inside and sends the master here;
                              -1 else */
    unsigned short console_rows, console_columns; /* first size of the terminal; 0: not known */
};

struct launch {
    pid_t pid; /* in the host's pid namespace */
    int pidfd;
    struct cgroup cgroup;
};
#define LAUNCH_NONE                                  \
    {                                                \
        .pid = 0, .pidfd = -1, .cgroup = CGROUP_NONE \
    }

/* On failure nothing is left: no process, no cgroup. COMMAND_NOT_FOUND and COMMAND_NOT_RUNNABLE
 * carry podman's texts. */
int launch_start(const struct launch_request *request, struct launch *ret_launch,
                 struct mcpd_error *err) MUST_CHECK;
/* Kills what is left in the cgroup and removes it. */
void launch_done(struct launch *launch);

/* A further process in a running container (exec, health checks): joins all namespaces of
 * target_pidfd by setns, the cgroup, the same capabilities, seccomp and root. Returns a child of
 * the caller. */
struct join_request {
    const struct plan *plan;            /* of the container */
    const struct plan_process *process; /* of this command; capabilities already decided */
    int target_pidfd;
    pid_t target_pid;                   /* for kernels without setns(pidfd) */
    const char *cgroup_path;            /* "" when none */
    int root_fd;                        /* ROOT of the store: its cache of filters; -1: none */
    int stdin_fd, stdout_fd, stderr_fd; /* as above */
    int console_socket_fd;
    unsigned short console_rows, console_columns; /* as above */
};
int launch_join(const struct join_request *request, pid_t *ret_pid, int *ret_pidfd,
                struct mcpd_error *err) MUST_CHECK;

#endif
