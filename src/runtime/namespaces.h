/*
 * namespaces.h - processes in new namespaces, and joining those of another one.
 */
#ifndef RUNTIME_NAMESPACES_H
#define RUNTIME_NAMESPACES_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/plan.h"

/* CLONE_NEW* of a plan but for the cgroup namespace: that one must come after the process has
 * entered its groups, as it shows them as they are at that moment. */
int namespaces_of_plan(const struct plan *plan, bool needs_user);

struct namespaces_child {
    int cgroup_fd;     /* v2 group to be born into, -1: none */
    pid_t pid;         /* out: 0 in the child */
    int pidfd;         /* out: -1 on kernels without */
    bool is_in_cgroup; /* out, also in the child: whether it was born into cgroup_fd */
};
#define NAMESPACES_CHILD_NONE                                         \
    {                                                                 \
        .cgroup_fd = -1, .pid = 0, .pidfd = -1, .is_in_cgroup = false \
    }

/* Like fork, with the flags of clone(2). Returns twice. */
int namespaces_clone(int flags, struct namespaces_child *child, struct mcpd_error *err) MUST_CHECK;

/* All of `flags` at once through the pidfd, else one by one through /proc/PID/ns, the user
 * namespace first. A namespace that is ours already is left alone. */
int namespaces_join(int pidfd, pid_t pid, int flags, struct mcpd_error *err) MUST_CHECK;

/* The network interface "lo" of our namespace. */
int namespaces_raise_loopback(struct mcpd_error *err) MUST_CHECK;

#endif
