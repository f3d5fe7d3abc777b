/*
 * attach.c - the loop of a client in the foreground: run, start -a, exec.
 *
 * Theory of operation. Whatever arrives is held in one buffer for each direction, and a side is
 * only read when its buffer is empty. Nothing blocks but the poll: output goes to descriptors that
 * are not ours to switch to non-blocking, so each write waits for POLLOUT and is small enough for
 * what that promises. So signals, a stop of the container and the user's keys are seen even while
 * a pager holds our output.
 *
 * Signals come through a signalfd. Those that are to be passed on go to the container; one that it
 * cannot be given is for us. With a terminal in raw mode they are caught in any case, because a
 * shell with a raw terminal is no use to anybody: the mode is undone first and the signal raised
 * again, and while we are stopped the terminal is as it was. What the caller ignores (nohup) stays
 * ignored. The terminal is restored on every way out.
 *
 * The other side is a monitor (packets over its socket, which also tell the end), or the terminal
 * or the pipes of a process of our own (exec; its pidfd tells the end). What such a process left in
 * them is still taken, but what holds them open after its end is not waited for.
 *
 * Nobody takes our output any more (`| head -1`, a full disk): a local program would be ended by
 * its next write. So the command that started a container has its monitor end it, drops what still
 * comes and waits for the exit code. Of an exec'd process the pipe or terminal is closed, and the
 * kernel does the rest. Whoever only looks on leaves.
 */
#include "runtime/attach.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

#include "base/interrupt.h"
#include "base/proc.h"
#include "runtime/detachkeys.h"
#include "runtime/monitor.h"
#include "runtime/signals.h"
#include "runtime/tty.h"

#define DRAIN_MAX_READS 1024
#define INPUT_START     MCPD_DETACH_KEYS_MAX /* room in front for keys that were held back */

enum poll_slot {
    POLL_SIGNAL,
    POLL_PEER,
    POLL_PEER_ERROR,
    POLL_PEER_INPUT,
    POLL_OUTPUT,
    POLL_INPUT,
    POLL_END,
    POLL_COUNT,
};

struct attach {
    const struct attach_request *request;
    struct tty tty;
    int signal_fd;
    sigset_t old_mask;
    bool is_masked;

    /* To the client. */
    char output[1 + STREAM_MAX_PAYLOAD];
    size_t output_start, output_end;
    int output_fd;      /* where that goes */
    size_t output_step; /* how much a write takes without blocking */
    int lost_errno;     /* nobody takes it any more: why; 0: somebody does */
    bool drops_output;  /* what still comes is thrown away */
    bool owes_abandon;  /* the monitor has not been told yet */

    /* To the container. */
    char input[STREAM_MAX_PAYLOAD];
    size_t input_start, input_end;
    bool is_input_open;
    bool owes_end; /* its end has not been told yet */
    struct detachkeys keys;

    /* Nobody uses the terminal or the pipe any more; the process may live on. */
    bool is_peer_gone;
    bool is_peer_error_gone;
    bool is_done;
    struct mcpd_attach_result result;
};

static bool has_peer(const struct attach *attach)
{
    const struct attach_request *request = attach->request;

    return request->connection_fd >= 0 || request->master_fd ||
           (request->pipe_fds && request->pipe_fds[0] >= 0);
}

/* The terminal; -1: none (any more). */
static int master_of(const struct attach *attach)
{
    return attach->request->master_fd ? *attach->request->master_fd : -1;
}

/* Our end of pipe 0, 1 or 2; -1: none. */
static int pipe_of(const struct attach *attach, int number)
{
    return attach->request->pipe_fds ? attach->request->pipe_fds[number] : -1;
}

/* --- to the other side ------------------------------------------------------------------ */

static bool send_packet(const struct attach *attach, enum stream_packet type, const void *bytes,
                        size_t count)
{
    char head = (char)type;
    struct iovec parts[] = {{.iov_base = &head, .iov_len = 1}, {.iov_len = count}};
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = count > 0 ? 2 : 1};
    ssize_t sent;

    memcpy(&parts[1].iov_base, &bytes, sizeof(bytes));
    do
        sent = sendmsg(attach->request->connection_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

static void flush_input(struct attach *attach)
{
    const char *bytes = attach->input + attach->input_start;
    size_t count = attach->input_end - attach->input_start;
    ssize_t taken;

    if (attach->request->connection_fd >= 0) {
        taken = send_packet(attach, STREAM_STDIN, bytes, count) ? (ssize_t)count : -1;
    } else {
        int fd = attach->request->pipe_fds ? pipe_of(attach, 0) : master_of(attach);

        do
            taken = write(fd, bytes, count);
        while (taken < 0 && errno == EINTR);
    }
    if (taken < 0 && errno == EAGAIN)
        return;
    /* Any other failure: the other side ends, and its end will tell. */
    attach->input_start = taken < 0 ? attach->input_end : attach->input_start + (size_t)taken;
}

static void end_input(struct attach *attach)
{
    attach->is_input_open = false;
    attach->owes_end = attach->request->connection_fd >= 0;
    if (pipe_of(attach, 0) >= 0) /* only read on when all is written, so nothing is lost */
        (void)close(TAKE_FD(attach->request->pipe_fds[0]));
}

static bool owes_words(const struct attach *attach)
{
    return attach->owes_end || attach->owes_abandon;
}

/* What the monitor had no room for yet. */
static void flush_words(struct attach *attach)
{
    if (attach->owes_end && (send_packet(attach, STREAM_STDIN_END, NULL, 0) || errno != EAGAIN))
        attach->owes_end = false;
    if (attach->owes_abandon && (send_packet(attach, STREAM_ABANDON, attach->request->abandon,
                                             sizeof(*attach->request->abandon)) ||
                                 errno != EAGAIN))
        attach->owes_abandon = false;
}

static void send_size(const struct attach *attach)
{
    const struct mcpd_streams *streams = attach->request->streams;
    unsigned short size[2];

    if (!attach->request->has_tty || (!tty_get_size(streams->input_fd, &size[0], &size[1]) &&
                                      !tty_get_size(streams->output_fd, &size[0], &size[1])))
        return;
    if (attach->request->connection_fd >= 0)
        (void)send_packet(attach, STREAM_RESIZE, size, sizeof(size));
    else
        tty_set_size(master_of(attach), size[0], size[1]);
}

/* False: the other side is stuck, or has gone while our own reader is stuck. If it has only gone,
 * its end will tell. */
static bool send_signal(const struct attach *attach, int number)
{
    unsigned char byte = (unsigned char)number;
    bool is_sent = attach->request->connection_fd >= 0
                       ? send_packet(attach, STREAM_SIGNAL, &byte, 1)
                       : proc_pidfd_send_signal(attach->request->end_fd, number) == 0;

    return is_sent || (errno != EAGAIN && attach->output_start == attach->output_end);
}

/* --- from the client ---------------------------------------------------------------------------
 */

static void take_keys(struct attach *attach)
{
    const char *bytes = attach->input + attach->input_start;
    size_t count = attach->input_end - attach->input_start;

    attach->is_done = detachkeys_filter(&attach->keys, bytes, count, attach->input, &count);
    attach->input_start = 0;
    attach->input_end = count;
    if (attach->is_done)
        attach->result.end = MCPD_ATTACH_DETACHED;
}

/* Nobody sits there any more; the container goes on. */
static int hung_up(struct mcpd_error *err)
{
    return error_set(err, MCPD_E_CANCELLED, "the terminal hung up");
}

static int read_input(struct attach *attach, struct mcpd_error *err)
{
    ssize_t count = read(attach->request->streams->input_fd, attach->input + INPUT_START,
                         sizeof(attach->input) - INPUT_START);

    if (count < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (count <= 0 && attach->tty.fd >= 0)
        return hung_up(err);
    if (count <= 0) {
        end_input(attach);
        return 0;
    }
    attach->input_start = INPUT_START;
    attach->input_end = INPUT_START + (size_t)count;
    if (attach->tty.fd >= 0)
        take_keys(attach);
    if (attach->input_start < attach->input_end)
        flush_input(attach);
    return 0;
}

/* --- to the client -------------------------------------------------------------------------------
 */

/* POLLOUT promises room for PIPE_BUF bytes in a pipe; a file takes everything. */
static size_t step_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? STREAM_MAX_PAYLOAD : 4096;
}

/* EIO of a terminal: the window was closed, and what runs in it may go on. */
static bool has_hung_up(int fd)
{
    struct stat st;
    int saved = errno;
    bool answer = errno == EIO && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode);

    errno = saved;
    return answer;
}

static void close_peer(int *fd)
{
    cleanup_close_fd(fd);
    *fd = -1;
}

static int lose_output(struct attach *attach, struct mcpd_error *err)
{
    const struct attach_request *request = attach->request;
    bool is_stdout = attach->output_fd == request->streams->output_fd;

    attach->output_start = attach->output_end = 0;
    if (has_hung_up(attach->output_fd))
        return hung_up(err);
    attach->lost_errno = errno;
    if (request->master_fd) {
        close_peer(request->master_fd);
    } else if (request->pipe_fds) {
        close_peer(&request->pipe_fds[is_stdout ? STDOUT_FILENO : STDERR_FILENO]);
    } else if (request->abandon) {
        attach->drops_output = attach->owes_abandon = true;
    } else {
        attach->result.end = MCPD_ATTACH_READER_GONE;
        attach->is_done = true;
    }
    return 0;
}

static int write_output(struct attach *attach, struct mcpd_error *err)
{
    size_t count = attach->output_end - attach->output_start;
    ssize_t written;

    if (count > attach->output_step)
        count = attach->output_step;
    written = write(attach->output_fd, attach->output + attach->output_start, count);
    if (written < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (written < 0)
        return lose_output(attach, err);
    attach->output_start += (size_t)written;
    return 0;
}

static void set_output(struct attach *attach, int fd, size_t start, size_t end)
{
    if (fd < 0 || attach->drops_output)
        return;
    if (fd != attach->output_fd) {
        attach->output_fd = fd;
        attach->output_step = step_of(fd);
    }
    attach->output_start = start;
    attach->output_end = end;
}

static int take_packet(struct attach *attach, size_t length, struct mcpd_error *err)
{
    const struct mcpd_streams *streams = attach->request->streams;
    int32_t exit_code;

    switch (attach->output[0]) {
    case STREAM_STDOUT:
        set_output(attach, streams->output_fd, 1, length);
        return 0;
    case STREAM_STDERR:
        set_output(attach, streams->error_fd, 1, length);
        return 0;
    case STREAM_EXITED:
        if (length != 1 + sizeof(exit_code))
            break;
        memcpy(&exit_code, attach->output + 1, sizeof(exit_code));
        attach->result =
            (struct mcpd_attach_result){.end = MCPD_ATTACH_EXITED, .exit_code = exit_code};
        attach->is_done = true;
        return 0;
    default:
        break;
    }
    return error_set(err, MCPD_E_PROTOCOL, "the container's monitor sent something unknown");
}

static int read_connection(struct attach *attach, struct mcpd_error *err)
{
    ssize_t length;

    do
        length = recv(attach->request->connection_fd, attach->output, sizeof(attach->output),
                      MSG_DONTWAIT);
    while (length < 0 && errno == EINTR);
    if (length < 0 && errno == EAGAIN)
        return 0;
    if (length <= 0)
        return error_set(err, MCPD_E_STATE, "the container's monitor is gone");
    return take_packet(attach, (size_t)length, err);
}

/* Bytes of a terminal or pipe. False when there are none (any more). */
static bool read_bytes(struct attach *attach, int fd, int output_fd)
{
    ssize_t count;

    if (fd < 0)
        return false;
    do
        count = read(fd, attach->output, sizeof(attach->output));
    while (count < 0 && errno == EINTR);
    if (count <= 0)
        return false;
    set_output(attach, output_fd, 0, (size_t)count);
    return true;
}

static bool read_peer(struct attach *attach)
{
    int fd = attach->request->pipe_fds ? pipe_of(attach, 1) : master_of(attach);

    return read_bytes(attach, fd, attach->request->streams->output_fd);
}

static bool read_peer_error(struct attach *attach)
{
    return read_bytes(attach, pipe_of(attach, 2), attach->request->streams->error_fd);
}

/* What an exec'd process left; bounded, as somebody else may go on writing. */
static int drain_peer(struct attach *attach, struct mcpd_error *err)
{
    int rc = 0;

    attach->is_done = true;
    for (int reads = 0; rc == 0 && reads < DRAIN_MAX_READS; reads++) {
        while (rc == 0 && attach->output_start < attach->output_end)
            rc = write_output(attach, err);
        if (rc < 0 || (!read_peer(attach) && !read_peer_error(attach)))
            break;
    }
    return rc;
}

/* --- signals
 * ------------------------------------------------------------------------------------------ */

static bool is_caught(const struct attach *attach, int number)
{
    bool has_changed_tty = attach->tty.fd >= 0;

    if (number == SIGWINCH && attach->request->has_tty)
        return true;
    if (number == SIGTSTP)
        return has_changed_tty;
    return (attach->request->streams->forward_signals || has_changed_tty) &&
           signals_is_passed_on(number);
}

static int catch_signals(struct attach *attach, struct mcpd_error *err)
{
    sigset_t caught;
    sigset_t blocked;

    (void)sigemptyset(&caught);
    for (int number = 1; number <= SIGNALS_MAX; number++)
        if (is_caught(attach, number) && !interrupt_is_ignored(number))
            (void)sigaddset(&caught, number);
    blocked = caught;
    (void)sigaddset(&blocked, SIGPIPE); /* EPIPE is enough */
    attach->signal_fd = signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
    if (attach->signal_fd < 0)
        return error_errno(err, "watch signals");
    if (sigprocmask(SIG_BLOCK, &blocked, &attach->old_mask) < 0)
        return error_errno(err, "block signals");
    attach->is_masked = true;
    return 0;
}

static void release_signals(struct attach *attach)
{
    const struct timespec now = {0};
    sigset_t pipe_only;

    if (!attach->is_masked)
        return;
    (void)sigemptyset(&pipe_only);
    (void)sigaddset(&pipe_only, SIGPIPE);
    if (!sigismember(&attach->old_mask, SIGPIPE))
        while (sigtimedwait(&pipe_only, NULL, &now) > 0) /* one of ours, answered already */
            ;
    (void)sigprocmask(SIG_SETMASK, &attach->old_mask, NULL);
    attach->is_masked = false;
}

/* Whoever ran meanwhile may have changed the terminal. */
static void resume(struct attach *attach)
{
    tty_renew(&attach->tty);
    send_size(attach);
}

static void stop_here(struct attach *attach)
{
    struct tty lent = attach->tty;
    sigset_t stop;

    tty_restore(&lent);
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGTSTP);
    (void)raise(SIGTSTP);
    (void)sigprocmask(SIG_UNBLOCK, &stop, NULL); /* it works here, until SIGCONT */
    (void)sigprocmask(SIG_BLOCK, &stop, NULL);
    resume(attach);
}

static int end_by_signal(struct attach *attach, int number, struct mcpd_error *err)
{
    tty_restore(&attach->tty);
    release_signals(attach);
    (void)raise(number);
    return error_set(err, MCPD_E_CANCELLED, "ended by a signal");
}

static int take_signal(struct attach *attach, struct mcpd_error *err)
{
    struct signalfd_siginfo info;
    int number;
    bool is_taken;

    if (read(attach->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return 0;
    number = (int)info.ssi_signo;
    if (number == SIGXFSZ && info.ssi_pid == (uint32_t)getpid())
        return 0; /* of a write of ours: EFBIG is enough */
    if (number == SIGTSTP) {
        stop_here(attach);
        return 0;
    }
    if (number == SIGCONT)
        resume(attach);
    if (number == SIGWINCH && attach->request->has_tty) {
        send_size(attach);
        return 0;
    }
    is_taken = attach->request->streams->forward_signals && send_signal(attach, number);
    if (is_taken || number == SIGCONT || number == SIGWINCH)
        return 0;
    return end_by_signal(attach, number, err);
}

/* --- the loop
 * --------------------------------------------------------------------------------------------- */

static void prepare(const struct attach *attach, struct pollfd polls[POLL_COUNT])
{
    const struct attach_request *request = attach->request;
    bool has_output = attach->output_start < attach->output_end;
    bool has_input = attach->input_start < attach->input_end;
    bool has_pipes = request->pipe_fds != NULL;
    int peer_fd = request->connection_fd >= 0 ? request->connection_fd : master_of(attach);
    int peer_events =
        (has_output ? 0 : POLLIN) | ((has_input || owes_words(attach)) && !has_pipes ? POLLOUT : 0);

    if (has_pipes)
        peer_fd = pipe_of(attach, 1);

    polls[POLL_SIGNAL] = (struct pollfd){.fd = attach->signal_fd, .events = POLLIN};
    /* Without events a hang-up would still be reported, over and over. */
    polls[POLL_PEER] = (struct pollfd){.fd = peer_events && !attach->is_peer_gone ? peer_fd : -1,
                                       .events = (short)peer_events};
    polls[POLL_PEER_ERROR] = (struct pollfd){
        .fd = has_output || attach->is_peer_error_gone ? -1 : pipe_of(attach, 2), .events = POLLIN};
    polls[POLL_PEER_INPUT] =
        (struct pollfd){.fd = has_input ? pipe_of(attach, 0) : -1, .events = POLLOUT};
    polls[POLL_OUTPUT] =
        (struct pollfd){.fd = has_output ? attach->output_fd : -1, .events = POLLOUT};
    polls[POLL_INPUT] =
        (struct pollfd){.fd = attach->is_input_open && !has_input ? request->streams->input_fd : -1,
                        .events = POLLIN};
    polls[POLL_END] = (struct pollfd){.fd = has_output ? -1 : request->end_fd, .events = POLLIN};
}

static int serve_peer(struct attach *attach, short events, struct mcpd_error *err)
{
    if (events & POLLOUT && attach->input_start < attach->input_end)
        flush_input(attach);
    else if (events & POLLOUT && owes_words(attach))
        flush_words(attach);
    if (attach->output_start < attach->output_end || !(events & (POLLIN | POLLHUP | POLLERR)))
        return 0;
    if (attach->request->connection_fd >= 0)
        return read_connection(attach, err);
    if (!read_peer(attach) && (events & POLLHUP))
        attach->is_peer_gone = true;
    return 0;
}

static void serve_pipes(struct attach *attach, const struct pollfd polls[POLL_COUNT])
{
    if (polls[POLL_PEER_INPUT].revents)
        flush_input(attach);
    if (polls[POLL_PEER_ERROR].revents && attach->output_start == attach->output_end &&
        !read_peer_error(attach) && (polls[POLL_PEER_ERROR].revents & POLLHUP))
        attach->is_peer_error_gone = true;
}

static int serve(struct attach *attach, struct mcpd_error *err)
{
    struct pollfd polls[POLL_COUNT];
    int rc = 0;

    prepare(attach, polls);
    if (poll(polls, POLL_COUNT, -1) < 0)
        return errno == EINTR ? 0 : error_errno(err, "wait for the container");
    if (polls[POLL_SIGNAL].revents)
        rc = take_signal(attach, err);
    if (rc == 0 && polls[POLL_OUTPUT].revents)
        rc = write_output(attach, err);
    if (rc == 0 && polls[POLL_PEER].revents && !attach->is_done)
        rc = serve_peer(attach, polls[POLL_PEER].revents, err);
    if (rc == 0)
        serve_pipes(attach, polls);
    if (rc == 0 && polls[POLL_INPUT].revents && !attach->is_done)
        rc = read_input(attach, err);
    if (rc == 0 && polls[POLL_END].revents && !attach->is_done)
        rc = drain_peer(attach, err);
    return rc;
}

static void attach_free(struct attach **attach)
{
    if (!*attach)
        return;
    tty_restore(&(*attach)->tty);
    release_signals(*attach);
    cleanup_close_fd(&(*attach)->signal_fd);
    free(*attach);
}

static struct attach *attach_new(const struct attach_request *request)
{
    struct attach *attach = malloc(sizeof(*attach));

    if (!attach)
        return NULL;
    attach->request = request;
    attach->tty = (struct tty)TTY_NONE;
    attach->signal_fd = -1;
    attach->is_masked = false;
    attach->output_start = attach->output_end = 0;
    attach->output_fd = -1;
    attach->output_step = 0;
    attach->lost_errno = 0;
    attach->input_start = attach->input_end = 0;
    attach->is_input_open =
        has_peer(attach) && request->wants_input && request->streams->input_fd >= 0;
    attach->owes_end = attach->owes_abandon = attach->drops_output = false;
    attach->is_done = false;
    detachkeys_init(request->streams, &attach->keys);
    attach->is_peer_gone = attach->is_peer_error_gone = false;
    attach->result = (struct mcpd_attach_result){0};
    return attach;
}

static int prepare_terminal(struct attach *attach, struct mcpd_error *err)
{
    const struct mcpd_streams *streams = attach->request->streams;

    if (!attach->request->has_tty)
        return 0;
    if (attach->is_input_open && isatty(streams->input_fd))
        return tty_make_raw(streams->input_fd, &attach->tty, err);
    if (isatty(streams->output_fd))
        return tty_pass_output(streams->output_fd, &attach->tty, err);
    return 0;
}

int attach_run(const struct attach_request *request, struct mcpd_attach_result *ret_result,
               struct mcpd_error *err)
{
    CLEANUP(attach_free) struct attach *attach = attach_new(request);
    int rc;

    if (!attach)
        return error_no_memory(err, "attach");
    rc = prepare_terminal(attach, err);
    if (rc == 0)
        rc = catch_signals(attach, err);
    if (rc == 0)
        send_size(attach);
    while (rc == 0 && !attach->is_done)
        rc = serve(attach, err);
    /* What came with the end still has to get out. */
    while (rc == 0 && attach->output_start < attach->output_end)
        rc = write_output(attach, err);
    if (rc == 0 && attach->lost_errno != 0 && attach->lost_errno != EPIPE) {
        errno = attach->lost_errno;
        rc = error_errno(err, "write the output");
    }
    if (rc == 0)
        *ret_result = attach->result;
    return rc;
}
