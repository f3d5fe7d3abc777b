/*
 * join.c - a further process in a running container.
 *
 * Theory of operation. A pid namespace takes in only children, so two processes are made:
 *   helper: born into the v2 group, enters the v1 groups, joins all namespaces (which gives it the
 *           container's root) but is itself not in the pid namespace, becomes the container's user
 *           with no more rights than the command's (process.c), makes the command's process and
 * ends command: made with CLONE_PARENT, so it is a child of our caller and not of the helper, and
 *           reports as the first process of a container does (handshake.h)
 * What runs in the container already may be hostile, and even be allowed to trace (--cap-add
 * SYS_PTRACE). What it can see of us is the command's process alone, which has nothing that the
 * container has not: its rights, its streams, and two pipes whose words are checked. Its memory is
 * a copy of ours until it executes: PR_SET_DUMPABLE keeps others out, and the title is wiped. Paths
 * go through saferoot, as always; there is no /proc/self for the helper once it has joined.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/proc.h"
#include "base/title.h"
#include "base/userns.h"
#include "runtime/devices.h"
#include "runtime/handshake.h"
#include "runtime/init.h"
#include "runtime/namespaces.h"
#include "runtime/process.h"
#include "runtime/selfexe.h"
#include "runtime/user.h"

/* What a join holds until it succeeds. */
struct join {
    const struct join_request *request;
    struct seccomp_filter filter;
    struct cgroup cgroup;
    bool in_userns;
    bool is_in_unified;
    int report_fds[2];
    int pid_fds[2]; /* the helper tells the number of the command's process */
    int null_fd;
    struct stat self;
};

static void close_both(int fds[2])
{
    for (int i = 0; i < 2; i++) {
        cleanup_close_fd(&fds[i]);
        fds[i] = -1;
    }
}

static void join_done(struct join *join)
{
    seccomp_filter_done(&join->filter);
    cgroup_close(&join->cgroup);
    close_both(join->report_fds);
    close_both(join->pid_fds);
    cleanup_close_fd(&join->null_fd);
}

/* The container's own, seen from here, where the host's is still in reach: a container may have
 * removed its own. */
static int open_null(const struct join_request *request, int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FD int root_fd = -1;
    char path[32];

    (void)snprintf(path, sizeof(path), "/proc/%d/root", (int)request->target_pid);
    root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root_fd >= 0 && (request->target_pidfd < 0 ||
                         proc_pidfd_send_signal(request->target_pidfd, 0) == 0)) /* it was that */
        *ret_fd = devices_open_null(root_fd, "/dev/null", NULL);
    return *ret_fd >= 0 ? 0 : devices_open_host_null(ret_fd, err);
}

static int prepare(struct join *join, struct mcpd_error *err)
{
    const struct join_request *request = join->request;
    int rc;

    if (pipe2(join->report_fds, O_CLOEXEC) < 0 || pipe2(join->pid_fds, O_CLOEXEC) < 0)
        return error_errno(err, "make a pipe");
    rc = open_null(request, &join->null_fd, err);
    if (rc == 0)
        rc = selfexe_stat(&join->self, err);
    if (rc == 0)
        rc = cgroup_open(request->cgroup_path ? request->cgroup_path : "", &join->cgroup, err);
    if (rc == 0)
        rc = seccomp_prepare(request->plan, request->process->capabilities, request->root_fd,
                             &join->filter, err);
    return rc;
}

/* --- in the helper, and then in the command's process
 * ------------------------------------------------------ */

static int enter(const struct join *join, struct mcpd_error *err)
{
    const struct join_request *request = join->request;
    int flags = namespaces_of_plan(request->plan, join->in_userns);
    int rc = cgroup_enter_self(&join->cgroup, join->is_in_unified, err);

    if (rc < 0)
        return rc;
    if (request->plan->cgroup == PLAN_NAMESPACE_PRIVATE)
        flags |= CLONE_NEWCGROUP;
    if (prctl(PR_SET_DUMPABLE, 0) < 0)
        return error_errno(err, "prctl(PR_SET_DUMPABLE)");
    rc = namespaces_join(request->target_pidfd, request->target_pid, flags, err);
    return rc < 0 || !join->in_userns ? rc : user_become_root(err);
}

/* Returns in the command's process; the helper ends. A process_split_function. */
static int split_command(struct process_job *job, struct mcpd_error *err)
{
    struct namespaces_child child = NAMESPACES_CHILD_NONE;
    int rc = namespaces_clone(CLONE_PARENT, &child, err);

    if (rc < 0 && errno == ENOMEM) /* a pid namespace whose first process has ended */
        return error_set(err, MCPD_E_STATE, "the container is not running");
    if (rc < 0)
        return rc;
    if (child.pid == 0)
        return 0;
    if (write(job->split_fd, &child.pid, sizeof(child.pid)) != (ssize_t)sizeof(child.pid))
        return error_errno(err, "tell the number of the process");
    _exit(0);
}

/* Only returns on failure, in whichever of the two. *report_fd: where to tell it. */
static int become_command(const struct join *join, int *report_fd, struct mcpd_error *err)
{
    const struct join_request *request = join->request;
    CLEANUP(console_done) struct console console = CONSOLE_NONE;
    CLEANUP_FD int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct process_job process = {
        .process = request->process,
        .filter = &join->filter,
        .root_fd = root_fd,
        .stdio = {request->stdin_fd, request->stdout_fd, request->stderr_fd},
        .null_fd = join->null_fd,
        .self = join->self,
        .report_fd = join->report_fds[1],
        .console = request->process->tty ? &console : NULL,
        .in_userns = join->in_userns,
        .split = split_command,
        .split_fd = join->pid_fds[1],
    };
    int rc = 0;

    if (root_fd < 0)
        return error_errno(err, "open the container's root");
    if (process.console) {
        rc = console_open(root_fd, request->console_rows, request->console_columns, &console, err);
        if (rc == 0)
            rc = console_hand_over(&console, request->console_socket_fd, err);
    }
    if (rc == 0)
        rc = process_run(&process, err);
    *report_fd = process.report_fd;
    return rc;
}

__attribute__((noreturn)) static void run_helper(struct join *join)
{
    static const char *const title[] = {"mcpd", NULL};
    struct mcpd_error error = {0};
    int report_fd = join->report_fds[1];
    int rc;

    process_protect_fds();
    (void)umask(0);
    title_set(title); /* what the container's processes could read until we execute */
    rc = enter(join, &error);
    if (rc == 0)
        rc = become_command(join, &report_fd, &error);
    if (rc >= 0 || error.code == 0)
        (void)!error_set(&error, MCPD_E_INTERNAL, "joining the container failed without a word");
    handshake_send_error(report_fd, &error);
    _exit(1);
}

/* --- in the caller
 * ------------------------------------------------------------------------------------ */

static void reap(pid_t pid)
{
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* 0 when the helper ended before there was one. The pipe has been in a process that others in the
 * container may trace: only a child of ours is meant. */
static pid_t receive_pid(int fd)
{
    siginfo_t info;
    pid_t pid = 0;
    ssize_t length;

    do
        length = read(fd, &pid, sizeof(pid));
    while (length < 0 && errno == EINTR);
    if (length != (ssize_t)sizeof(pid) || pid <= 0 ||
        waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
        return 0;
    return pid;
}

int launch_join(const struct join_request *request, pid_t *ret_pid, int *ret_pidfd,
                struct mcpd_error *err)
{
    CLEANUP(join_done)
    struct join join = {.request = request,
                        .filter = SECCOMP_FILTER_NONE,
                        .cgroup = CGROUP_NONE,
                        .in_userns = userns_is_needed(),
                        .report_fds = {-1, -1},
                        .pid_fds = {-1, -1},
                        .null_fd = -1};
    struct namespaces_child helper = NAMESPACES_CHILD_NONE;
    pid_t pid;
    int rc = prepare(&join, err);

    if (rc < 0)
        return rc;
    helper.cgroup_fd = join.cgroup.unified_fd;
    rc = namespaces_clone(0, &helper, err);
    if (rc < 0)
        return rc;
    if (helper.pid == 0) {
        join.is_in_unified = helper.is_in_cgroup;
        run_helper(&join);
    }
    cleanup_close_fd(&helper.pidfd);
    (void)close(TAKE_FD(join.report_fds[1])); /* or their ends would never come */
    (void)close(TAKE_FD(join.pid_fds[1]));
    pid = receive_pid(join.pid_fds[0]);
    reap(helper.pid);
    rc = handshake_receive(join.report_fds[0], err);
    if (rc == 0 && pid == 0)
        rc = error_set(err, MCPD_E_PROTOCOL, "the process in the container is not known");
    if (rc < 0) {
        reap(pid);
        return rc;
    }
    *ret_pid = pid;
    *ret_pidfd = proc_pidfd_open(pid);
    return 0;
}
