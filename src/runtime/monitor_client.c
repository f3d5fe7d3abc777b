/* monitor_client.c - the other side of a monitor: starting one, asking one. */
#include "runtime/monitor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fdpass.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/selfexe.h"

#define SOCKET_PATH_SIZE (IDENT_SIZE + 16)
#define SOCKET_WAIT_MS   2000 /* for a monitor to make its socket again */
#define SOCKET_STEP_MS   20
#define ANSWER_WAIT_MS   10000

/* --- starting --------------------------------------------------------------------------- */

/* What a monitor needs of our environment. The rest would stay readable in /proc for as long as
 * the container runs, and take its memory. */
static int make_environment(char ***ret_env, struct mcpd_error *err)
{
    static const char *const names[] = {"PATH", "MCPD_DEBUG", "ASAN_OPTIONS", "UBSAN_OPTIONS",
                                        "LSAN_OPTIONS"};
    CLEANUP_STRV char **env = NULL;

    /* glibc keeps freed pieces of each size for later, spread over pages that it then cannot give
     * back. */
    if (strv_append(&env, "GLIBC_TUNABLES=glibc.malloc.tcache_count=0") < 0)
        return error_no_memory(err, "environment");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *value = getenv(names[i]);

        if (value && strv_append_take(&env, str_format("%s=%s", names[i], value)) < 0)
            return error_no_memory(err, "environment");
    }
    *ret_env = TAKE_PTR(env);
    return 0;
}

static int make_arguments(const struct container_root *root, const struct container *container,
                          const struct monitor_start_options *options, char ***ret_argv,
                          struct mcpd_error *err)
{
    const char *attach = !options->attach                     ? "alone"
                         : container->plan.process.open_stdin ? "stdin"
                                                              : "attach";
    const char *const words[] = {"internal",
                                 "monitor",
                                 root->root,
                                 root->runroot,
                                 container->id,
                                 attach,
                                 options->is_orphan ? "orphan" : "child"};
    CLEANUP_STRV char **argv = NULL;

    /* The title is what `ps` of the host shows. */
    if (strv_append_take(&argv, str_format("mcpd: %s", container->plan.name)) < 0)
        return error_no_memory(err, "arguments");
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strv_append(&argv, words[i]) < 0)
            return error_no_memory(err, "arguments");
    *ret_argv = TAKE_PTR(argv);
    return 0;
}

static int execute(const struct container_root *root, const struct container *container,
                   const struct monitor_start_options *options, int start_fd,
                   struct mcpd_error *err)
{
    struct proc_options process = PROC_OPTIONS_NONE;
    CLEANUP_STRV char **argv = NULL;
    CLEANUP_STRV char **env = NULL;
    CLEANUP_FD int program_fd = -1;
    struct proc proc = PROC_NONE;
    int rc = make_arguments(root, container, options, &argv, err);

    if (rc == 0)
        rc = make_environment(&env, err);
    if (rc == 0)
        rc = selfexe_open_protected(options->program, container->plan.init, &program_fd, err);
    if (rc < 0)
        return rc;
    process.program = options->program;
    process.program_fd = program_fd;
    process.argv = argv;
    process.envp = env;
    process.keep_fds[0] = start_fd;
    process.new_session = true;
    process.directory = "/";
    if (getenv("MCPD_DEBUG"))
        process.stderr_fd = PROC_INHERIT;
    rc = proc_start(&process, &proc, err);
    if (rc < 0)
        return rc;
    if (options->is_orphan) /* the first process only makes the second and ends */
        return proc_wait(&proc, -1, NULL, err);
    cleanup_close_fd(&proc.pidfd); /* it outlives us, or the end of its socket tells of its own */
    return 0;
}

static int send_size(int fd, const struct monitor_start_options *options, struct mcpd_error *err)
{
    const uint16_t size[2] = {options->rows, options->columns};
    char packet[1 + sizeof(size)];

    packet[0] = STREAM_RESIZE;
    memcpy(packet + 1, size, sizeof(size));
    return fdpass_send(fd, packet, sizeof(packet), NULL, 0, err);
}

/* STARTED, FAILED, or the end of a monitor that was killed. */
static int receive_outcome(int fd, struct mcpd_error *err)
{
    char packet[1 + sizeof(struct mcpd_error)];
    struct mcpd_error failure;
    ssize_t length = fdpass_receive(fd, packet, sizeof(packet), NULL, 0, NULL, err);

    if (length < 0)
        return (int)length;
    if (length > 0 && packet[0] == STREAM_STARTED)
        return 0;
    if (length != (ssize_t)sizeof(packet) || packet[0] != STREAM_FAILED)
        return error_set(err, MCPD_E_SYSTEM, "the monitor ended before the container was started");
    memcpy(&failure, packet + 1, sizeof(failure));
    return error_copy(err, &failure);
}

int monitor_start(const struct container_root *root, const struct container *container,
                  const struct monitor_start_options *options, int *ret_attach_fd,
                  struct mcpd_error *err)
{
    CLEANUP_FD int our_fd = -1;
    CLEANUP_FD int their_fd = -1;
    int fds[2];
    int rc;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return error_errno(err, "make a socket pair");
    our_fd = fds[0];
    their_fd = fds[1];
    rc = options->rows > 0 ? send_size(our_fd, options, err) : 0;
    if (rc == 0)
        rc = execute(root, container, options, their_fd, err);
    if (rc < 0)
        return rc;
    (void)close(TAKE_FD(their_fd));
    log_debug("monitor", "started for %s", container->id);
    rc = receive_outcome(our_fd, err);
    if (rc < 0)
        return rc;
    log_debug("monitor", "%s runs", container->id);
    *ret_attach_fd = options->attach ? TAKE_FD(our_fd) : -1;
    return 0;
}

/* --- asking -------------------------------------------------------------------------------- */

static int is_not_running(const char *id, struct mcpd_error *err)
{
    return error_set(err, MCPD_E_STATE, "container %s is not running: container state improper",
                     id);
}

/* Where the monitor itself says that its socket is. */
static int connect_noted(const char *runroot, const char *id, int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FD int run_dir_fd = -1;
    int rc = container_open_run_dir(runroot, id, &run_dir_fd, err);

    return rc < 0 ? rc : fdpass_connect(run_dir_fd, "socket", ret_fd, err);
}

/* There is no socket, but a monitor: it was started with another runtime folder than ours, or that
 * folder was removed and has to be made again. */
static int connect_lost(const struct container_root *root, const char *id, int *ret_fd,
                        struct mcpd_error *err)
{
    CLEANUP_FD int dir_fd = -1;
    CLEANUP_FREE char *runroot = NULL;
    struct container_run run;
    bool is_locked = false;
    int64_t deadline_ms = clock_monotonic_ms() + SOCKET_WAIT_MS;
    int rc = fs_open_dir(root->containers_fd, id, &dir_fd, err);

    if (rc == 0)
        rc = container_is_locked(dir_fd, &is_locked, err);
    if (rc == 0)
        rc = container_load_run(dir_fd, &run, err);
    if (rc == 0)
        rc = container_load_runroot(dir_fd, &runroot, err);
    if (rc < 0 || !is_locked || !runroot)
        return is_not_running(id, err);
    for (;;) {
        rc = connect_noted(runroot, id, ret_fd, err);
        if (rc != -MCPD_E_NOT_FOUND)
            return rc;
        if (!container_signal_monitor(&run, SIGHUP))
            return is_not_running(id, err);
        if (clock_monotonic_ms() > deadline_ms)
            return error_set(err, MCPD_E_TIMEOUT, "the monitor of container %s does not answer",
                             id);
        (void)poll(NULL, 0, SOCKET_STEP_MS);
    }
}

int monitor_send_request(const struct container_root *root, const char *id,
                         const struct monitor_request *request, int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FD int fd = -1;
    char path[SOCKET_PATH_SIZE];
    int rc;

    (void)snprintf(path, sizeof(path), "%s/socket", id);
    rc = fdpass_connect(root->run_fd, path, &fd, err);
    if (rc == -MCPD_E_NOT_FOUND)
        rc = connect_lost(root, id, &fd, err);
    if (rc == 0)
        rc = fdpass_send(fd, request, sizeof(*request), NULL, 0, err);
    if (rc < 0 && (errno == EPIPE || errno == ECONNRESET))
        return is_not_running(id, err);
    if (rc == 0)
        *ret_fd = TAKE_FD(fd);
    return rc;
}

static int await_reply(int fd, int timeout_ms, struct mcpd_error *err)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;

    for (;;) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        int64_t left_ms = timeout_ms < 0 ? -1 : deadline_ms - clock_monotonic_ms();
        int ready = poll(&poll_fd, 1, timeout_ms < 0 ? -1 : left_ms > 0 ? (int)left_ms : 0);

        if (ready > 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return error_errno(err, "wait for the monitor");
        if (ready == 0)
            return error_set(err, MCPD_E_TIMEOUT, "no answer from the container's monitor in time");
    }
}

int monitor_receive_reply(int fd, int timeout_ms, struct monitor_reply *ret_reply,
                          int *ret_passed_fd, struct mcpd_error *err)
{
    struct monitor_reply answer;
    CLEANUP_FD int passed_fd = -1;
    ssize_t length;
    int rc = timeout_ms < 0 ? 0 : await_reply(fd, timeout_ms, err);

    if (rc < 0)
        return rc;
    length = fdpass_receive(fd, &answer, sizeof(answer), &passed_fd, 1, NULL, err);
    if (length < 0)
        return (int)length;
    if (length != (ssize_t)sizeof(answer))
        return error_set(err, MCPD_E_STATE,
                         "the container's monitor is gone: container state improper");
    if (answer.code < 0)
        return error_set(err, (enum mcpd_error_code)(-answer.code),
                         "the container cannot do that now: container state improper");
    *ret_reply = answer;
    if (ret_passed_fd)
        *ret_passed_fd = TAKE_FD(passed_fd);
    return 0;
}

int monitor_request(const struct container_root *root, const char *id,
                    const struct monitor_request *request, struct monitor_reply *ret_reply,
                    int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FD int fd = -1;
    int passed_fd = -1;
    int rc = monitor_send_request(root, id, request, &fd, err);

    if (rc == 0)
        rc = monitor_receive_reply(fd, ANSWER_WAIT_MS, ret_reply, &passed_fd, err);
    if (rc == 0 && ret_fd)
        *ret_fd = request->operation == MONITOR_ATTACH ? TAKE_FD(fd) : TAKE_FD(passed_fd);
    cleanup_close_fd(&passed_fd);
    return rc;
}
