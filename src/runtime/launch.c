/*
 * launch.c - the parent's side of a start: what must be done from outside of the container.
 *
 * Theory of operation. launch_start runs in the monitor, which is small and has one thread:
 *   1. cgroup with its limits, seccomp filter (from the cache), id maps looked up: everything that
 *      can fail without a process
 *   2. one clone3 into all namespaces and the v2 group, with a pidfd (namespaces.c)
 *   3. for an ordinary user: write the id maps of the child, then let it go on
 *   4. wait on the report until it is closed by exec, or brings the child's error (handshake.h)
 * The child does the rest (init.c). A failure anywhere kills and reaps the child and removes the
 * cgroup; there are no mounts to undo, since all were made in the child's own namespace.
 *
 * The child is killed when the monitor ends (PR_SET_PDEATHSIG), so a container never outlives the
 * process that answers for it.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/fdpass.h"
#include "base/proc.h"
#include "base/userns.h"
#include "runtime/handshake.h"
#include "runtime/init_main.h"
#include "runtime/namespaces.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* What a start holds until it succeeds. */
struct start {
    struct seccomp_filter filter;
    struct userns_map map;
    bool in_userns;
    int report_read_fd;
    int report_fd;
    int go_read_fd;
    int go_fd;
};

static void start_done(struct start *start)
{
    seccomp_filter_done(&start->filter);
    cleanup_close_fd(&start->report_read_fd);
    cleanup_close_fd(&start->report_fd);
    cleanup_close_fd(&start->go_read_fd);
    cleanup_close_fd(&start->go_fd);
}

/* Kills and reaps the first process, if it is still there and ours. */
static void end_process(const struct launch *launch)
{
    siginfo_t info;
    int rc;

    if (launch->pid <= 0)
        return;
    if (launch->pidfd >= 0) {
        (void)proc_pidfd_send_signal(launch->pidfd, SIGKILL);
        do
            rc = waitid((idtype_t)P_PIDFD, (id_t)launch->pidfd, &info, WEXITED);
        while (rc < 0 && errno == EINTR);
        if (rc == 0 || errno == ECHILD)
            return;
    }
    /* No pidfds here: as long as it is not reaped the number is its own. */
    if (waitid(P_PID, (id_t)launch->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
        return;
    (void)kill(launch->pid, SIGKILL);
    while (waitid(P_PID, (id_t)launch->pid, &info, WEXITED) < 0 && errno == EINTR)
        ;
}

void launch_done(struct launch *launch)
{
    end_process(launch);
    if (launch->cgroup.path[0] != '\0') {
        (void)!cgroup_kill_all(&launch->cgroup, NULL);
        (void)!cgroup_remove(&launch->cgroup, NULL); /* only an empty folder stays */
    }
    cleanup_close_fd(&launch->pidfd);
    *launch = (struct launch)LAUNCH_NONE;
}

static int make_pipe(int *ret_read_fd, int *ret_write_fd, struct mcpd_error *err)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return error_errno(err, "make a pipe");
    *ret_read_fd = fds[0];
    *ret_write_fd = fds[1];
    return 0;
}

/* Not a pipe: sending to a child that has died must not raise a signal. */
static int make_sockets(int *ret_read_fd, int *ret_write_fd, struct mcpd_error *err)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return error_errno(err, "make a socket pair");
    *ret_read_fd = fds[0];
    *ret_write_fd = fds[1];
    return 0;
}

static int prepare(const struct launch_request *request, struct start *start,
                   struct cgroup *ret_cgroup, struct mcpd_error *err)
{
    const struct plan *plan = request->plan;
    int rc = make_pipe(&start->report_read_fd, &start->report_fd, err);

    if (rc == 0 && start->in_userns)
        rc = make_sockets(&start->go_read_fd, &start->go_fd, err);
    if (rc == 0 && start->in_userns)
        rc = userns_load_map(&start->map, err);
    if (rc == 0)
        rc = seccomp_prepare(plan, plan->process.capabilities, request->stores->root_fd,
                             &start->filter, err);
    handshake_trace("filter ready");
    if (rc == 0)
        rc = cgroup_create(request->cgroup_path, &plan->limits, ret_cgroup, err);
    handshake_trace("cgroup made");
    return rc;
}

/* Returns in the parent only. */
static int make_child(const struct launch_request *request, const struct start *start,
                      struct launch *launch, struct mcpd_error *err)
{
    struct namespaces_child child = NAMESPACES_CHILD_NONE;
    CLEANUP_FD int outside_root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct init_job job = {
        .request = request,
        .cgroup = &launch->cgroup,
        .filter = &start->filter,
        .in_userns = start->in_userns,
        .outside_root_fd = outside_root_fd,
        .report_fd = start->report_fd,
        .report_read_fd = start->report_read_fd,
        .go_fd = start->go_read_fd,
    };
    int rc;

    child.cgroup_fd = launch->cgroup.unified_fd;
    rc = namespaces_clone(namespaces_of_plan(request->plan, start->in_userns), &child, err);
    if (rc < 0)
        return rc;
    if (child.pid == 0) {
        job.is_in_unified = child.is_in_cgroup;
        if (start->go_fd >= 0)
            (void)close(start->go_fd); /* or its end would not be noticed */
        init_main(&job);
    }
    launch->pid = child.pid;
    launch->pidfd = child.pidfd;
    return 0;
}

static int let_go_on(const struct start *start, pid_t pid, struct mcpd_error *err)
{
    int rc;

    if (!start->in_userns)
        return 0;
    rc = userns_write_maps(pid, &start->map, err);
    handshake_trace("id maps written");
    return rc < 0 ? rc : fdpass_send(start->go_fd, "g", 1, NULL, 0, err);
}

int launch_start(const struct launch_request *request, struct launch *ret_launch,
                 struct mcpd_error *err)
{
    CLEANUP(start_done)
    struct start start = {.filter = SECCOMP_FILTER_NONE,
                          .in_userns = userns_is_needed(),
                          .report_read_fd = -1,
                          .report_fd = -1,
                          .go_read_fd = -1,
                          .go_fd = -1};
    struct launch launch = LAUNCH_NONE;
    int rc;

    handshake_trace_start();
    rc = prepare(request, &start, &launch.cgroup, err);
    if (rc == 0)
        rc = make_child(request, &start, &launch, err);
    if (rc == 0) {
        (void)close(TAKE_FD(start.report_fd)); /* or its end would never come */
        rc = let_go_on(&start, launch.pid, err);
    }
    if (rc == 0)
        rc = handshake_receive(start.report_read_fd, err);
    handshake_trace(rc == 0 ? "command runs" : "failed");
    if (rc < 0) {
        launch_done(&launch);
        return rc;
    }
    *ret_launch = launch;
    return 0;
}
