/*
 * userns.c - write id maps, and work inside a user namespace.
 *
 * Theory of userns_run. Only a process outside the new namespace may write its maps, and only the
 * one inside can do the work, so two processes talk over a socket pair:
 *   child: unshare(CLONE_NEWUSER), "ready"  ->  parent: writes the maps, "go"
 *   child: becomes root inside, works, sends its error if there is one, ends
 * The end of the connection means the other side is gone. Every failure in the parent kills and
 * reaps the child; the child dies with its parent (PR_SET_PDEATHSIG, set after its ids have
 * changed, as that change would clear it; before, the socket tells).
 */
#include "base/userns.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/fdpass.h"
#include "base/fsutil.h"
#include "base/proc.h"
#include "base/str.h"

#define HELPER_TIMEOUT_MS 30000
#define HELPER_OUTPUT_MAX 4096

bool userns_is_needed(void)
{
    return geteuid() != 0;
}

/* --- writing maps ----------------------------------------------------------------- */

/* newuidmap or newgidmap at work. */
struct helper {
    const char *program;
    struct proc proc;
    int output_fd;
};

static int helper_argv(const char *program, pid_t pid, const struct userns_range *ranges,
                       size_t count, char ***ret_argv)
{
    CLEANUP_STRV char **argv = NULL;
    int rc = strv_append(&argv, program);

    if (rc == 0)
        rc = strv_append_take(&argv, str_format("%d", (int)pid));
    for (size_t i = 0; rc == 0 && i < count; i++) {
        uint32_t numbers[] = {ranges[i].inside, ranges[i].outside, ranges[i].count};

        for (size_t j = 0; rc == 0 && j < ARRAY_SIZE(numbers); j++)
            rc = strv_append_take(&argv, str_format("%u", numbers[j]));
    }
    if (rc == 0)
        *ret_argv = TAKE_PTR(argv);
    return rc;
}

static int helper_start(struct helper *helper, pid_t pid, const struct userns_range *ranges,
                        size_t count, struct mcpd_error *err)
{
    struct proc_options options = PROC_OPTIONS_NONE;
    CLEANUP_STRV char **argv = NULL;
    CLEANUP_FD int write_fd = -1;
    int pipe_fds[2];
    int rc;

    if (helper_argv(helper->program, pid, ranges, count, &argv) < 0)
        return error_no_memory(err, helper->program);
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return error_errno(err, "make a pipe");
    helper->output_fd = pipe_fds[0];
    write_fd = pipe_fds[1];
    options.program = helper->program;
    options.argv = argv;
    options.stdout_fd = write_fd;
    options.stderr_fd = write_fd;
    rc = proc_start(&options, &helper->proc, err);
    if (rc == -MCPD_E_NOT_FOUND)
        return error_set(err, MCPD_E_UNSUPPORTED,
                         "'%s' is needed for subordinate ids; install the package uidmap",
                         helper->program);
    return rc;
}

/* Its output is small enough for the pipe, so it never waits for us to read. */
static int helper_finish(struct helper *helper, struct mcpd_error *err)
{
    CLEANUP_FREE char *output = NULL;
    int status;
    int rc = proc_wait(&helper->proc, HELPER_TIMEOUT_MS, &status, err);

    if (rc < 0)
        return error_wrap(err, rc, "'%s'", helper->program);
    if (status != 0 &&
        fs_read_fd(helper->output_fd, helper->program, HELPER_OUTPUT_MAX, &output, NULL, NULL) < 0)
        output = NULL;
    return proc_check_exit(helper->program, status, output, err);
}

static void helper_done(struct helper *helper)
{
    proc_done(&helper->proc);
    cleanup_close_fd(&helper->output_fd);
}

static int write_proc_file(pid_t pid, const char *name, const char *text, struct mcpd_error *err)
{
    char path[64];
    CLEANUP_FD int fd = -1;

    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "open '%s'", path);
    return fs_write_all(fd, text, strlen(text), path, err);
}

/* The one map that a user may write without help: their own id. */
static int write_single_map(pid_t pid, const char *name, const struct userns_range *range,
                            struct mcpd_error *err)
{
    char line[64];

    (void)snprintf(line, sizeof(line), "%u %u %u\n", range->inside, range->outside, range->count);
    return write_proc_file(pid, name, line, err);
}

static int write_single_gid_map(pid_t pid, const struct userns_range *range, struct mcpd_error *err)
{
    /* Who could drop groups could get at files that are closed to those groups. */
    int rc = write_proc_file(pid, "setgroups", "deny", err);

    return rc < 0 ? rc : write_single_map(pid, "gid_map", range, err);
}

int userns_write_maps(pid_t pid, const struct userns_map *map, struct mcpd_error *err)
{
    CLEANUP(helper_done)
    struct helper uids = {.program = "newuidmap", .proc = PROC_NONE, .output_fd = -1};
    CLEANUP(helper_done)
    struct helper gids = {.program = "newgidmap", .proc = PROC_NONE, .output_fd = -1};
    bool helps_uids = map->uid_count > 1;
    bool helps_gids = map->gid_count > 1;
    int rc = 0;

    if (helps_uids)
        rc = helper_start(&uids, pid, map->uids, map->uid_count, err);
    if (rc == 0 && helps_gids)
        rc = helper_start(&gids, pid, map->gids, map->gid_count, err);
    if (rc == 0 && !helps_uids)
        rc = write_single_map(pid, "uid_map", &map->uids[0], err);
    if (rc == 0 && !helps_gids)
        rc = write_single_gid_map(pid, &map->gids[0], err);
    if (rc == 0 && helps_uids)
        rc = helper_finish(&uids, err);
    if (rc == 0 && helps_gids)
        rc = helper_finish(&gids, err);
    return rc;
}

/* --- working inside ----------------------------------------------------------------- */

/* Set up by the parent before the fork. */
struct worker {
    int socket_fd;
    pid_t parent;
    userns_work_function work;
    void *context;
};

static int enter_namespace(const struct worker *worker, struct mcpd_error *err)
{
    char word;
    ssize_t length;
    int rc;

    if (unshare(CLONE_NEWUSER) < 0)
        return error_set(err, MCPD_E_UNSUPPORTED,
                         "this host lets ordinary users make no user namespace: %s",
                         strerrordesc_np(errno));
    rc = fdpass_send(worker->socket_fd, "r", 1, NULL, 0, err);
    if (rc < 0)
        return rc;
    length = fdpass_receive(worker->socket_fd, &word, 1, NULL, 0, NULL, err);
    if (length <= 0)
        return error_set(err, MCPD_E_CANCELLED, "the starting process is gone");
    if (setgroups(0, NULL) < 0 && errno != EPERM) /* EPERM: the map of a single id forbids it */
        return error_errno(err, "drop groups");
    if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
        return error_errno(err, "become root in the user namespace");
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return error_errno(err, "prctl(PR_SET_PDEATHSIG)");
    if (getppid() != worker->parent) /* gone before that */
        return error_set(err, MCPD_E_CANCELLED, "the starting process is gone");
    return 0;
}

__attribute__((noreturn)) static void run_worker(const struct worker *worker)
{
    struct mcpd_error error = {0};
    int rc = enter_namespace(worker, &error);

    if (rc == 0)
        rc = worker->work(worker->context, &error);
    if (rc < 0) {
        if (error.code == 0)
            rc = error_set(&error, MCPD_E_INTERNAL, "work in a user namespace failed silently");
        rc = fdpass_send(worker->socket_fd, &error, sizeof(error), NULL, 0, NULL);
        _exit(rc == 0 ? 1 : 2);
    }
    _exit(0);
}

/* The child's next packet: 1 for "ready", 0 for the end, or the error it sent. */
static int receive_word(int socket_fd, struct mcpd_error *err)
{
    struct mcpd_error packet;
    ssize_t length = fdpass_receive(socket_fd, &packet, sizeof(packet), NULL, 0, NULL, err);

    if (length == (ssize_t)sizeof(packet))
        return error_copy(err, &packet);
    return (int)length;
}

static int let_work(struct proc *child, int socket_fd, const struct userns_map *map,
                    struct mcpd_error *err)
{
    int status = 0;
    int rc = receive_word(socket_fd, err);

    if (rc == 0)
        return error_set(err, MCPD_E_INTERNAL, "the process for a user namespace ended early");
    if (rc > 0)
        rc = userns_write_maps(child->pid, map, err);
    if (rc == 0)
        rc = fdpass_send(socket_fd, "g", 1, NULL, 0, err);
    if (rc == 0)
        rc = receive_word(socket_fd, err);
    if (rc < 0)
        return rc;
    rc = proc_wait(child, -1, &status, err);
    if (rc == 0 && status != 0)
        return error_set(err, MCPD_E_INTERNAL,
                         "the process in the user namespace ended with code %d",
                         proc_exit_code(status));
    return rc;
}

int userns_run(userns_work_function work, void *context, struct mcpd_error *err)
{
    struct worker worker = {.work = work, .context = context, .parent = getpid()};
    CLEANUP_PROC struct proc child = PROC_NONE;
    CLEANUP_FD int socket_fd = -1;
    CLEANUP_FD int child_fd = -1;
    struct userns_map map;
    int sockets[2];
    int rc;

    if (!userns_is_needed())
        return work(context, err);
    rc = userns_load_map(&map, err);
    if (rc < 0)
        return rc;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
        return error_errno(err, "make a socket pair");
    socket_fd = sockets[0];
    child_fd = sockets[1];
    child.pid = fork();
    if (child.pid < 0) {
        child.pid = 0;
        return error_errno(err, "make a process");
    }
    if (child.pid == 0) {
        (void)close(socket_fd); /* or we would never see its end */
        worker.socket_fd = child_fd;
        run_worker(&worker);
    }
    (void)close(TAKE_FD(child_fd));
    return let_work(&child, socket_fd, &map, err);
}

/* --- removing ------------------------------------------------------------------------ */

struct removal {
    int dir_fd;
    const char *path;
};

static int remove_inside(void *context, struct mcpd_error *err)
{
    const struct removal *removal = context;

    return fs_remove_tree(removal->dir_fd, removal->path, err);
}

int userns_remove_tree(int dir_fd, const char *path, struct mcpd_error *err)
{
    struct removal removal = {.dir_fd = dir_fd, .path = path};
    int rc = fs_remove_tree(dir_fd, path, err);

    /* Most trees have no foreign owners, and a namespace costs milliseconds. */
    if (rc == -MCPD_E_DENIED && userns_is_needed())
        rc = userns_run(remove_inside, &removal, err);
    return rc;
}
