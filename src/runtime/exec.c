/*
 * exec.c - a further process in a running container.
 *
 * The process is a child of the client, and its end is seen through its pidfd. Without a terminal
 * it gets pipes to the client and never the client's own descriptors: what it leaves behind in the
 * container would hold on to them, a terminal or file of the host would be in its hands, and who
 * reads our output would wait for its end. Which container to join is not told by a number: the
 * monitor hands out the pidfd of the first process. With a terminal the process opens one inside
 * and sends it over, and the client ties it to its own. A detached process is the child of a child
 * of ours that stays behind only to reap it: the host's first process may be slow to, and until
 * then it counts in the container's pids limit. Its namespace ends with the container. Who leaves a
 * terminal by the detach keys leaves a child behind that keeps it open, because its end would hang
 * up on the process.
 */
#include "runtime/exec.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/fdpass.h"
#include "base/proc.h"
#include "runtime/attach.h"
#include "runtime/handshake.h"
#include "runtime/init.h"
#include "runtime/monitor.h"
#include "runtime/process.h"
#include "runtime/tty.h"

#define END_WAIT_MS 200

/* What the process gets, and what we keep of it. Those marked are ours to close. */
struct exec {
    int console_fd;        /* ours: the terminal arrives here */
    int console_socket_fd; /* ours until the process has it */
    int master_fd;         /* ours */
    int pipe_fds[3];       /* ours: our ends of the process's 0, 1, 2 */
    int child_fds[3];      /* ours until the process has them: its ends */
    int target_pidfd;      /* ours: the container's first process */
    pid_t target_pid;
    pid_t pid;
    int pidfd; /* ours */
};
#define EXEC_NONE                                                                             \
    {                                                                                         \
        .console_fd = -1, .console_socket_fd = -1, .master_fd = -1, .pipe_fds = {-1, -1, -1}, \
        .child_fds = {-1, -1, -1}, .target_pidfd = -1, .pidfd = -1                            \
    }

static void close_children(struct exec *exec)
{
    for (int i = 0; i < 3; i++) {
        cleanup_close_fd(&exec->child_fds[i]);
        exec->child_fds[i] = -1;
    }
}

static void exec_done(struct exec *exec)
{
    cleanup_close_fd(&exec->console_fd);
    cleanup_close_fd(&exec->console_socket_fd);
    cleanup_close_fd(&exec->master_fd);
    for (int i = 0; i < 3; i++)
        cleanup_close_fd(&exec->pipe_fds[i]);
    close_children(exec);
    cleanup_close_fd(&exec->target_pidfd);
    cleanup_close_fd(&exec->pidfd);
}

static int not_running(struct mcpd_error *err)
{
    return error_set(
        err, MCPD_E_STATE,
        "can only create exec sessions on running containers: container state improper");
}

static bool has_terminal(const struct exec_request *request)
{
    return request->options->tty && !request->options->detach;
}

static int find_target(const struct exec_request *request, struct exec *exec,
                       struct mcpd_error *err)
{
    const struct monitor_request question = {.operation = MONITOR_PIDFD};
    struct monitor_reply answer;
    int rc;

    if (!container_is_active(request->container->state.status))
        return not_running(err);
    rc = monitor_request(request->root, request->container->id, &question, &answer,
                         &exec->target_pidfd, err);
    if (rc == -MCPD_E_STATE)
        return not_running(err);
    if (rc == 0 && exec->target_pidfd < 0)
        return error_set(err, MCPD_E_PROTOCOL, "the container's monitor sent no process");
    exec->target_pid = answer.pid;
    return rc;
}

static int make_console(struct exec *exec, struct mcpd_error *err)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return error_errno(err, "make a socket pair");
    exec->console_fd = fds[0];
    exec->console_socket_fd = fds[1];
    return 0;
}

static int receive_master(struct exec *exec, struct mcpd_error *err)
{
    size_t count = 0;
    char word[8];
    ssize_t length;

    cleanup_close_fd(&exec->console_socket_fd);
    exec->console_socket_fd = -1;
    length = fdpass_receive(exec->console_fd, word, sizeof(word), &exec->master_fd, 1, &count, err);
    if (length < 0)
        return (int)length;
    if (count == 0)
        return error_set(err, MCPD_E_INTERNAL, "the process sent no terminal");
    if (fcntl(exec->master_fd, F_SETFL, O_NONBLOCK | O_RDWR) < 0)
        return error_errno(err, "set up the terminal");
    return 0;
}

/* A pipe to us as descriptor `number` of the process; left alone it gets a null device. */
static int choose_stream(struct exec *exec, int number, int client_fd, int *ret_fd,
                         struct mcpd_error *err)
{
    int ours = number == STDIN_FILENO ? 1 : 0;
    int fds[2];

    if (client_fd < 0)
        return 0;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return error_errno(err, "make a pipe");
    exec->pipe_fds[number] = fds[ours];
    exec->child_fds[number] = *ret_fd = fds[1 - ours];
    if (fcntl(fds[ours], F_SETFL, O_NONBLOCK) < 0)
        return error_errno(err, "set up a pipe");
    return 0;
}

/* Which descriptors the process starts with. */
static int choose_streams(const struct exec_request *request, struct exec *exec,
                          struct join_request *join, struct mcpd_error *err)
{
    const struct mcpd_streams *streams = request->streams;
    int rc = 0;

    join->stdin_fd = join->stdout_fd = join->stderr_fd = -1;
    join->console_socket_fd = exec->console_socket_fd;
    if (has_terminal(request))
        return 0;
    if (request->options->detach)
        return 0;
    if (request->options->interactive)
        rc = choose_stream(exec, STDIN_FILENO, streams->input_fd, &join->stdin_fd, err);
    if (rc == 0)
        rc = choose_stream(exec, STDOUT_FILENO, streams->output_fd, &join->stdout_fd, err);
    if (rc == 0)
        rc = choose_stream(exec, STDERR_FILENO, streams->error_fd, &join->stderr_fd, err);
    return rc;
}

static bool is_about_command(int rc)
{
    return rc == -MCPD_E_COMMAND_NOT_FOUND || rc == -MCPD_E_COMMAND_NOT_RUNNABLE ||
           rc == -MCPD_E_USER_NOT_FOUND;
}

/* What goes wrong in a container that is just ending has many faces. Its first process is not seen
 * to have ended before all others in it are reaped, ours too. */
static bool has_ended(int pidfd)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};

    return poll(&end, 1, END_WAIT_MS) == 1;
}

static int join(const struct exec_request *request, const struct plan_process *process,
                struct exec *exec, struct mcpd_error *err)
{
    struct join_request join = {.plan = &request->container->plan,
                                .process = process,
                                .target_pidfd = exec->target_pidfd,
                                .target_pid = exec->target_pid,
                                .cgroup_path = request->container->run.cgroup_path,
                                .root_fd = request->root->root_fd};
    int rc = choose_streams(request, exec, &join, err);

    if (rc < 0)
        return rc;
    if (request->streams &&
        !tty_get_size(request->streams->input_fd, &join.console_rows, &join.console_columns))
        (void)tty_get_size(request->streams->output_fd, &join.console_rows, &join.console_columns);
    rc = launch_join(&join, &exec->pid, &exec->pidfd, err);
    close_children(exec); /* or the ends of its streams would never come */
    if (rc < 0 && !is_about_command(rc) && has_ended(exec->target_pidfd))
        return not_running(err);
    if (rc == 0 && has_terminal(request))
        rc = receive_master(exec, err);
    return rc;
}

/* The parent of a detached process. It holds nothing that somebody could wait for. */
__attribute__((noreturn)) static void reap_detached(pid_t pid)
{
    process_close_from(STDIN_FILENO);
    (void)!chdir("/");
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    _exit(0);
}

__attribute__((noreturn)) static void keep_detached(const struct exec_request *request,
                                                    const struct plan_process *process,
                                                    struct exec *exec, int report_fd)
{
    struct mcpd_error error = {0};

    (void)setsid();
    if (join(request, process, exec, &error) == 0) {
        handshake_send_ready(report_fd);
        reap_detached(exec->pid);
    }
    handshake_send_error(report_fd, &error);
    _exit(1);
}

static int join_detached(const struct exec_request *request, const struct plan_process *process,
                         struct exec *exec, struct mcpd_error *err)
{
    CLEANUP_FD int report_fd = -1;
    int fds[2];
    pid_t pid;
    int rc;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return error_errno(err, "make a pipe");
    report_fd = fds[0];
    pid = fork();
    if (pid == 0)
        keep_detached(request, process, exec, fds[1]);
    rc = pid < 0 ? error_errno(err, "make a process that keeps the detached one") : 0;
    (void)close(fds[1]); /* or the end of the report would never come */
    if (rc == 0)
        rc = handshake_receive(report_fd, err);
    if (rc < 0 && pid > 0)
        (void)waitpid(pid, NULL, 0);
    return rc;
}

/* The child that keeps the terminal: it takes what is written there, until nobody has it any more.
 */
__attribute__((noreturn)) static void keep_terminal(int master_fd)
{
    char bytes[4096];
    struct pollfd terminal = {.fd = STDIN_FILENO, .events = POLLIN};

    (void)setsid();
    (void)dup2(master_fd, STDIN_FILENO);
    process_close_from(STDOUT_FILENO);
    while (poll(&terminal, 1, -1) >= 0 || errno == EINTR)
        if (read(STDIN_FILENO, bytes, sizeof(bytes)) <= 0 && errno != EAGAIN && errno != EINTR)
            break;
    _exit(0);
}

/* Our own terminal may hang up on the child as soon as we are gone. */
static int leave_terminal(const struct exec *exec, struct mcpd_error *err)
{
    sigset_t hang_up;
    sigset_t before;
    pid_t pid;

    (void)sigemptyset(&hang_up);
    (void)sigaddset(&hang_up, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &hang_up, &before);
    pid = fork();
    if (pid == 0)
        keep_terminal(exec->master_fd);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return pid < 0 ? error_errno(err, "make a process that keeps the terminal") : 0;
}

static int await_end(const struct exec_request *request, struct exec *exec,
                     struct mcpd_attach_result *ret_result, struct mcpd_error *err)
{
    const struct attach_request attach = {.streams = request->streams,
                                          .has_tty = request->options->tty,
                                          .wants_input = request->options->interactive,
                                          .connection_fd = -1,
                                          .master_fd =
                                              has_terminal(request) ? &exec->master_fd : NULL,
                                          .pipe_fds = has_terminal(request) ? NULL : exec->pipe_fds,
                                          .end_fd = exec->pidfd};
    struct mcpd_attach_result result = {0};
    int status = 0;
    int rc = exec->pidfd >= 0 ? attach_run(&attach, &result, err) : 0;

    if (rc < 0) { /* it may have ended before */
        (void)waitpid(exec->pid, NULL, WNOHANG);
        return rc;
    }
    if (result.end == MCPD_ATTACH_EXITED) {
        while (waitpid(exec->pid, &status, 0) < 0)
            if (errno != EINTR)
                return error_errno(err, "wait for the process");
        result.exit_code = proc_exit_code(status);
    }
    if (result.end == MCPD_ATTACH_DETACHED && exec->master_fd >= 0)
        rc = leave_terminal(exec, err);
    if (rc == 0)
        *ret_result = result;
    return rc;
}

int exec_run(const struct exec_request *request, struct mcpd_attach_result *ret_result,
             struct mcpd_error *err)
{
    CLEANUP(exec_done) struct exec exec = EXEC_NONE;
    CLEANUP(plan_process_done) struct plan_process process = {0};
    int rc = find_target(request, &exec, err);

    if (rc == 0)
        rc = spec_exec_process(&request->container->plan, request->options, request->host, &process,
                               err);
    if (rc < 0)
        return rc;
    process.tty = has_terminal(request); /* nobody would keep the terminal of a detached one */
    rc = process.tty ? make_console(&exec, err) : 0;
    if (rc == 0)
        rc = request->options->detach ? join_detached(request, &process, &exec, err)
                                      : join(request, &process, &exec, err);
    if (rc < 0 || request->options->detach)
        return rc;
    return await_end(request, &exec, ret_result, err);
}
