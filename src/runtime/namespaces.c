/*
 * namespaces.c - processes in new namespaces, and joining those of another one.
 *
 * clone3 (Linux 5.3) gives the pidfd together with the process and, from 5.7, puts it into a v2
 * group at birth. Below that clone(2) does the same but for the group, and below 5.2 the pidfd is
 * opened afterwards: it is our child and not waited for, so its number cannot be another's.
 */
#include "runtime/namespaces.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/proc.h"

int namespaces_of_plan(const struct plan *plan, bool needs_user)
{
    int flags = CLONE_NEWNS;

    if (needs_user)
        flags |= CLONE_NEWUSER;
    if (plan->pid == PLAN_NAMESPACE_PRIVATE)
        flags |= CLONE_NEWPID;
    if (plan->ipc == PLAN_NAMESPACE_PRIVATE)
        flags |= CLONE_NEWIPC;
    if (plan->uts == PLAN_NAMESPACE_PRIVATE)
        flags |= CLONE_NEWUTS;
    if (plan->network == PLAN_NETWORK_NONE)
        flags |= CLONE_NEWNET;
    return flags;
}

/* --- clone ---------------------------------------------------------------------------- */

/* pid, 0 in the child, or -1 with errno. */
static pid_t clone3_raw(unsigned int flags, struct namespaces_child *child, int cgroup_fd)
{
    struct clone_args args = {
        .flags = flags | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)&child->pidfd,
        .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD, /* 0: as ours */
    };

    if (cgroup_fd >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (unsigned int)cgroup_fd;
    }
    child->is_in_cgroup = cgroup_fd >= 0; /* the child sees this copy */
    return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* Kernels before 5.2 take no notice of CLONE_PIDFD. */
static pid_t clone_raw(unsigned int flags, struct namespaces_child *child)
{
    unsigned long all = flags | CLONE_PIDFD | SIGCHLD;

    child->pidfd = -1;
    child->is_in_cgroup = false;
#if defined(__s390__)
    return (pid_t)syscall(SYS_clone, NULL, all, &child->pidfd, NULL, NULL);
#else
    return (pid_t)syscall(SYS_clone, all, NULL, &child->pidfd, NULL, NULL);
#endif
}

static pid_t clone_somehow(unsigned int flags, struct namespaces_child *child)
{
    pid_t pid = clone3_raw(flags, child, child->cgroup_fd);

    if (pid < 0 && child->cgroup_fd >= 0) /* unknown before 5.7, or not allowed for this group */
        pid = clone3_raw(flags, child, -1);
    if (pid < 0)
        pid = clone_raw(flags, child);
    return pid;
}

int namespaces_clone(int flags, struct namespaces_child *child, struct mcpd_error *err)
{
    pid_t pid;

    child->pidfd = -1;
    pid = clone_somehow((unsigned int)flags, child);
    if (pid < 0 && (flags & CLONE_NEWUSER))
        return error_set(err, MCPD_E_UNSUPPORTED,
                         "this host lets ordinary users make no user namespace: %s",
                         strerrordesc_np(errno));
    if (pid < 0)
        return error_errno(err, "make a process in new namespaces");
    child->pid = pid;
    if (pid > 0 && child->pidfd < 0)
        child->pidfd = proc_pidfd_open(pid);
    return 0;
}

/* --- joining ------------------------------------------------------------------------------ */

static const struct {
    int flag;
    const char *name;
} kinds[] = {
    {CLONE_NEWUSER, "user"}, {CLONE_NEWIPC, "ipc"}, {CLONE_NEWUTS, "uts"},
    {CLONE_NEWNET, "net"},   {CLONE_NEWPID, "pid"}, {CLONE_NEWCGROUP, "cgroup"},
    {CLONE_NEWNS, "mnt"},
};

static bool is_same_file(int fd, const char *path)
{
    struct stat ours;
    struct stat theirs;

    return stat(path, &ours) == 0 && fstat(fd, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
           ours.st_ino == theirs.st_ino;
}

/* All are opened before the first is joined: the mount namespace takes /proc away. */
static int join_one_by_one(pid_t pid, int flags, struct mcpd_error *err)
{
    int fds[ARRAY_SIZE(kinds)];
    char path[64];
    int rc = 0;

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        fds[i] = -1;
        if (rc < 0 || !(flags & kinds[i].flag))
            continue;
        (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kinds[i].name);
        fds[i] = open(path, O_RDONLY | O_CLOEXEC);
        if (fds[i] < 0)
            rc = error_errno(err, "open '%s'", path);
        (void)snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i].name);
        if (fds[i] >= 0 && is_same_file(fds[i], path))
            (void)close(TAKE_FD(fds[i]));
    }
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (rc == 0 && fds[i] >= 0 && setns(fds[i], kinds[i].flag) < 0)
            rc = error_errno(err, "join the %s namespace of the container", kinds[i].name);
        cleanup_close_fd(&fds[i]);
    }
    return rc;
}

int namespaces_join(int pidfd, pid_t pid, int flags, struct mcpd_error *err)
{
    /* EINVAL: below Linux 5.8, or one of them is ours already. */
    if (pidfd >= 0 && setns(pidfd, flags) == 0)
        return 0;
    if (pidfd >= 0 && errno == ESRCH)
        return error_set(err, MCPD_E_STATE, "the container is not running");
    return join_one_by_one(pid, flags, err);
}

/* --- lo -------------------------------------------------------------------------------------- */

int namespaces_raise_loopback(struct mcpd_error *err)
{
    CLEANUP_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

    if (fd < 0 && errno == EAFNOSUPPORT) { /* a kernel without IPv4 */
        fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 && errno == EAFNOSUPPORT)
            return 0;
    }
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        return error_errno(err, "bring up the interface lo");
    return 0;
}
