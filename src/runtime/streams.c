/*
 * streams.c - stdin, stdout and stderr of a container, on the monitor's side.
 *
 * Without a terminal they are three pipes, with one they are a single pty master that the
 * container's first process opens inside and sends over. All our ends are non-blocking. What is
 * read goes into the log first and then to whoever is attached; what a client sends in is written
 * at once, and what the container does not take yet waits in memory (one packet: until it is
 * gone, nothing more is read from clients that feed stdin).
 */
#include "runtime/monitor_parts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/fdpass.h"
#include "base/log.h"

/* *ret_ours without blocking, the other end as the container expects it. */
static int make_pipe(bool is_input, int *ret_ours, int *ret_theirs, struct mcpd_error *err)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return error_errno(err, "make a pipe");
    *ret_ours = fds[is_input ? 1 : 0];
    *ret_theirs = fds[is_input ? 0 : 1];
    if (fcntl(*ret_ours, F_SETFL, O_NONBLOCK | (is_input ? O_WRONLY : O_RDONLY)) < 0)
        return error_errno(err, "set up a pipe");
    return 0;
}

static int make_console(struct stream_ends *ends, struct mcpd_error *err)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return error_errno(err, "make a socket pair");
    ends->console_fd = fds[0];
    ends->console_socket_fd = fds[1];
    return 0;
}

int streams_make(struct monitor *monitor, bool open_stdin, struct stream_ends *ret_ends,
                 struct mcpd_error *err)
{
    int rc = 0;

    if (monitor->is_tty)
        return make_console(ret_ends, err);
    if (open_stdin) /* else it is the container's own null device */
        rc = make_pipe(true, &monitor->input_fd, &ret_ends->stdin_fd, err);
    if (rc == 0)
        rc = make_pipe(false, &monitor->output_fds[0], &ret_ends->stdout_fd, err);
    if (rc == 0)
        rc = make_pipe(false, &monitor->output_fds[1], &ret_ends->stderr_fd, err);
    return rc;
}

void stream_ends_done(struct stream_ends *ends)
{
    static const struct stream_ends none = STREAM_ENDS_NONE;

    cleanup_close_fd(&ends->stdin_fd);
    cleanup_close_fd(&ends->stdout_fd);
    cleanup_close_fd(&ends->stderr_fd);
    cleanup_close_fd(&ends->console_fd);
    cleanup_close_fd(&ends->console_socket_fd);
    *ends = none;
}

int streams_connect(struct monitor *monitor, const struct stream_ends *ends, struct mcpd_error *err)
{
    CLEANUP_FD int master_fd = -1;
    size_t fd_count = 0;
    char word[8];
    ssize_t length;

    if (!monitor->is_tty)
        return 0;
    length = fdpass_receive(ends->console_fd, word, sizeof(word), &master_fd, 1, &fd_count, err);
    if (length < 0)
        return (int)length;
    if (fd_count == 0)
        return error_set(err, MCPD_E_INTERNAL, "the container sent no terminal");
    if (fcntl(master_fd, F_SETFL, O_NONBLOCK | O_RDWR) < 0)
        return error_errno(err, "set up the terminal");
    monitor->input_fd = fcntl(master_fd, F_DUPFD_CLOEXEC, 3);
    if (monitor->input_fd < 0)
        return error_errno(err, "set up the terminal");
    monitor->output_fds[0] = TAKE_FD(master_fd);
    return 0;
}

/* --- output ------------------------------------------------------------------------- */

bool streams_read_output(struct monitor *monitor, size_t i)
{
    enum stream_packet type = i == 0 ? STREAM_STDOUT : STREAM_STDERR;
    char *bytes = monitor->packet + 1;
    ssize_t count;

    do
        count = read(monitor->output_fds[i], bytes, STREAM_MAX_PAYLOAD);
    while (count < 0 && errno == EINTR);
    if (count < 0 && errno == EAGAIN)
        return false;
    if (count <= 0) { /* a terminal whose last user is gone answers EIO */
        cleanup_close_fd(&monitor->output_fds[i]);
        monitor->output_fds[i] = -1;
        return false;
    }
    if (monitor->has_log)
        logfile_write(&monitor->log, i == 0 ? MCPD_LOG_STDOUT : MCPD_LOG_STDERR, bytes,
                      (size_t)count);
    monitor_socket_broadcast(monitor, type, bytes, (size_t)count);
    return true;
}

/* --- input ---------------------------------------------------------------------------- */

static void close_input(struct monitor *monitor)
{
    cleanup_close_fd(&monitor->input_fd);
    monitor->input_fd = -1;
    free(TAKE_PTR(monitor->input));
    monitor->input_bytes = 0;
}

/* How much the container took; all of it when it does not read any more. */
static size_t write_some(struct monitor *monitor, const char *bytes, size_t count)
{
    size_t done = 0;

    while (done < count) {
        ssize_t written = write(monitor->input_fd, bytes + done, count - done);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EAGAIN)
            break;
        if (written < 0) {
            close_input(monitor);
            return count;
        }
        done += (size_t)written;
    }
    return done;
}

void streams_write_input(struct monitor *monitor, const char *bytes, size_t count)
{
    size_t taken;

    if (monitor->input_fd < 0)
        return;
    taken = write_some(monitor, bytes, count);
    if (taken == count)
        return;
    monitor->input = malloc(count - taken);
    if (!monitor->input) /* rather the end of the input than a hole in it */
        close_input(monitor);
    else
        memcpy(monitor->input, bytes + taken, monitor->input_bytes = count - taken);
}

void streams_flush_input(struct monitor *monitor)
{
    size_t taken;

    if (monitor->input_bytes == 0 || monitor->input_fd < 0)
        return;
    taken = write_some(monitor, monitor->input, monitor->input_bytes);
    if (monitor->input_fd < 0)
        return;
    monitor->input_bytes -= taken;
    memmove(monitor->input, monitor->input + taken, monitor->input_bytes);
    if (monitor->input_bytes > 0)
        return;
    free(TAKE_PTR(monitor->input));
    if (monitor->input_ends)
        close_input(monitor);
}

void streams_end_input(struct monitor *monitor)
{
    if (monitor->is_tty) /* the next client goes on with the same terminal */
        return;
    monitor->input_ends = true;
    if (monitor->input_bytes == 0)
        close_input(monitor);
}

void streams_resize(struct monitor *monitor, unsigned short rows, unsigned short columns)
{
    const struct winsize size = {.ws_row = rows, .ws_col = columns};

    if (monitor->is_tty && monitor->input_fd >= 0 &&
        ioctl(monitor->input_fd, TIOCSWINSZ, &size) < 0)
        log_debug("monitor", "cannot set the size of the terminal");
}

void streams_done(struct monitor *monitor)
{
    for (size_t i = 0; i < MONITOR_OUTPUTS; i++) {
        cleanup_close_fd(&monitor->output_fds[i]);
        monitor->output_fds[i] = -1;
    }
    close_input(monitor);
    if (monitor->has_log) {
        logfile_done(&monitor->log);
        logfile_place_done(&monitor->log_place);
    }
}
