/*
 * init.c - the container's first process, from clone to exec.
 *
 * Theory of operation. We are a copy of the monitor in new namespaces, alone in them, with all of
 * its rights there. In this order:
 *   1. (user namespace) wait until the parent has written the id maps, then be root in it
 *   2. enter the cgroups, and only then take a cgroup namespace: it shows the groups of now
 *   3. host name, lo
 *   4. copy the sources of bind mounts, cut the propagation of all mounts from the host's
 *   5. root file system and the list of mounts, through descriptors, with the host still in reach
 *   6. the terminal from the new devpts; change the root: from here on the host is out of reach
 *   7. process.c: user, rights, filter, exec
 * Any failure is sent whole over the report, and ending undoes everything: nothing was made outside
 * of the namespaces but what the parent knows of. Descriptors that came from elsewhere are marked
 * close-on-exec first of all; ours are from birth.
 */
#include "runtime/init_main.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/fsutil.h"
#include "base/path.h"
#include "runtime/console.h"
#include "runtime/folders.h"
#include "runtime/handshake.h"
#include "runtime/mount.h"
#include "runtime/namespaces.h"
#include "runtime/process.h"
#include "runtime/rootfs.h"
#include "runtime/selfexe.h"
#include "runtime/user.h"

static int become_root(const struct init_job *job, struct mcpd_error *err)
{
    char go;
    ssize_t length;

    if (!job->in_userns)
        return 0;
    do
        length = read(job->go_fd, &go, sizeof(go));
    while (length < 0 && errno == EINTR);
    if (length != sizeof(go))
        return error_set(err, MCPD_E_CANCELLED, "the starting process is gone");
    return user_become_root(err);
}

/* Who asks for a ping by an unprivileged socket is refused unless a group of theirs is in range. */
static void allow_ping(void)
{
    CLEANUP_FD int fd = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY | O_CLOEXEC);

    if (fd >= 0)
        (void)!write(fd, "0 0", 3);
}

static int set_up_namespaces(const struct init_job *job, struct mcpd_error *err)
{
    const struct plan *plan = job->request->plan;
    int rc = cgroup_enter_self(job->cgroup, job->is_in_unified, err);

    if (rc < 0)
        return rc;
    if (plan->cgroup == PLAN_NAMESPACE_PRIVATE && unshare(CLONE_NEWCGROUP) < 0 &&
        errno != EINVAL) /* a kernel without */
        return error_errno(err, "make a cgroup namespace");
    if (plan->uts == PLAN_NAMESPACE_PRIVATE && plan->hostname &&
        sethostname(plan->hostname, strlen(plan->hostname)) < 0)
        return error_errno(err, "set the host name");
    if (plan->network == PLAN_NETWORK_NONE) {
        rc = namespaces_raise_loopback(err);
        allow_ping();
    }
    return rc;
}

/* The same folder as seen from this mount namespace: nothing can be mounted by a descriptor from
 * another one. The kernel tells the path of such a descriptor from the very top, also when we stand
 * in a chroot, whose own path, as outside_root, then goes before it. */
static int reopen(int fd, const char *outside_root, int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FREE char *full_path = NULL;
    CLEANUP_FD int new_fd = -1;
    const char *path;
    struct stat before;
    struct stat after;
    int rc = fs_path_of_fd(fd, &full_path, err);

    if (rc < 0)
        return rc;
    path = path_below(full_path, outside_root);
    new_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (new_fd < 0 || fstat(fd, &before) < 0 || fstat(new_fd, &after) < 0)
        return error_errno(err, "open '%s'", path);
    if (before.st_dev != after.st_dev || before.st_ino != after.st_ino)
        return error_set(err, MCPD_E_CONFLICT, "'%s' is not the folder it was", path);
    *ret_fd = TAKE_FD(new_fd);
    return 0;
}

/* They stay open until exec. */
static int reopen_stores(const struct layerstores *stores, const char *outside_root,
                         struct layerstores *ret_stores, struct mcpd_error *err)
{
    int rc = reopen(stores->root_fd, outside_root, &ret_stores->root_fd, err);

    ret_stores->count = stores->count;
    for (size_t i = 0; i < stores->count; i++) {
        ret_stores->fds[i] = -1;
        if (rc == 0 && stores->fds[i] >= 0)
            rc = reopen(stores->fds[i], outside_root, &ret_stores->fds[i], err);
    }
    return rc;
}

static int mount_file_systems(const struct init_job *job, struct mount_sources *sources,
                              int *ret_root_fd, int *ret_null_fd, struct mcpd_error *err)
{
    const struct plan *plan = job->request->plan;
    struct rootfs_request rootfs = {.plan = plan, .in_userns = job->in_userns};
    struct mount_request mounts = {
        .plan = plan, .cgroup = job->cgroup, .sources = sources, .in_userns = job->in_userns};
    CLEANUP_FREE char *outside_root = NULL;
    CLEANUP_LAYERSTORES struct layerstores stores = {.root_fd = -1};
    CLEANUP_FD int dir_fd = -1;
    int rc = fs_path_of_fd(job->outside_root_fd, &outside_root, err);

    if (rc == 0)
        rc = reopen_stores(job->request->stores, outside_root, &stores, err);
    if (rc == 0)
        rc = reopen(job->request->container_dir_fd, outside_root, &dir_fd, err);
    if (rc == 0)
        rc = mount_open_sources(plan, sources, err);
    if (rc < 0)
        return rc;
    rootfs.stores = &stores;
    rootfs.container_dir_fd = dir_fd;
    mounts.container_dir_fd = dir_fd;
    mounts.outside_root = outside_root;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return errno == EINVAL
                   ? error_set(err, MCPD_E_UNSUPPORTED,
                               "the root directory is no mount point, as in a plain chroot: bind "
                               "the folder on itself before (mount --bind DIR DIR)")
                   : error_errno(err, "cut the propagation of mounts");
    rc = rootfs_mount(&rootfs, ret_root_fd, err);
    handshake_trace("root file system mounted");
    if (rc < 0)
        return rc;
    rc = folders_make(plan, *ret_root_fd, err);
    if (rc < 0)
        return rc;
    mounts.root_fd = *ret_root_fd;
    rc = mount_all(&mounts, ret_null_fd, err);
    handshake_trace("mounts made");
    return rc;
}

static int open_console(const struct init_job *job, int root_fd, struct console *console,
                        struct mcpd_error *err)
{
    const struct launch_request *request = job->request;
    int rc = console_open(root_fd, request->console_rows, request->console_columns, console, err);

    if (rc == 0)
        rc = console_bind(root_fd, console, err);
    if (rc == 0)
        rc = console_hand_over(console, request->console_socket_fd, err);
    return rc;
}

/* Only returns on failure. *report_fd: where to tell it. */
static int start(const struct init_job *job, int *report_fd, struct mcpd_error *err)
{
    const struct launch_request *request = job->request;
    CLEANUP(mount_sources_done) struct mount_sources sources = {0};
    CLEANUP(console_done) struct console console = CONSOLE_NONE;
    CLEANUP_FD int root_fd = -1;
    CLEANUP_FD int null_fd = -1;
    struct process_job process = {
        .process = &request->plan->process,
        .filter = job->filter,
        .stdio = {request->stdin_fd, request->stdout_fd, request->stderr_fd},
        .report_fd = job->report_fd,
        .console = request->plan->process.tty ? &console : NULL,
        .in_userns = job->in_userns,
        .container_id = request->plan->id,
        .uses_reaper = request->plan->init,
        .ends_with_parent = true,
        .split_fd = -1,
    };
    int rc = selfexe_stat(&process.self, err);

    if (rc == 0 && process.uses_reaper)
        reaper_find_memory(&process.reaper_memory);
    if (rc == 0)
        rc = become_root(job, err);
    if (rc == 0)
        rc = set_up_namespaces(job, err);
    handshake_trace("namespaces set up");
    if (rc == 0)
        rc = mount_file_systems(job, &sources, &root_fd, &null_fd, err);
    if (rc == 0 && process.console)
        rc = open_console(job, root_fd, &console, err);
    if (rc == 0)
        rc = rootfs_enter(root_fd, err);
    handshake_trace("root entered");
    if (rc < 0)
        return rc;
    process.root_fd = root_fd;
    process.null_fd = null_fd;
    rc = process_run(&process, err);
    *report_fd = process.report_fd;
    return rc;
}

void init_main(const struct init_job *job)
{
    struct mcpd_error error = {0};
    int report_fd = job->report_fd;

    handshake_trace("first process made");
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)close(job->report_read_fd);
    process_protect_fds();
    (void)umask(0);
    if (start(job, &report_fd, &error) >= 0 || error.code == 0)
        (void)!error_set(&error, MCPD_E_INTERNAL, "the first process failed without a word");
    handshake_send_error(report_fd, &error);
    _exit(1);
}
