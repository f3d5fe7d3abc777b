/* proc_run.c - programs that are run to their end, for what they print. */
#include "base/proc.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/clock.h"

#define OUTPUT_MAX 65536

/* Appends what is there. True at the end of the output. */
static bool drain(int fd, struct buf *output)
{
    char bytes[4096];

    for (;;) {
        ssize_t count = read(fd, bytes, sizeof(bytes));

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count == 0 || errno != EAGAIN;
        if ((size_t)count > output->maximum - output->length)
            count = (ssize_t)(output->maximum - output->length);
        (void)buf_append(output, bytes, (size_t)count);
    }
}

/* Reads until the output ends or the process does: a grandchild may keep the pipe open for ever. */
static int collect_output(struct proc *proc, int fd, int timeout_ms, struct buf *output,
                          int *ret_status, struct mcpd_error *err)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;

    for (;;) {
        struct pollfd ready[] = {{.fd = fd, .events = POLLIN},
                                 {.fd = proc->pidfd, .events = POLLIN}};
        int64_t left_ms = timeout_ms < 0 ? -1 : deadline_ms - clock_monotonic_ms();
        int wait_ms = left_ms < 0 ? -1 : (int)left_ms;
        int rc;

        if (timeout_ms >= 0 && left_ms <= 0)
            return error_set(err, MCPD_E_TIMEOUT, "no end after %d ms", timeout_ms);
        if (proc->pidfd < 0 && (wait_ms < 0 || wait_ms > 50))
            wait_ms = 50;
        (void)poll(ready, ARRAY_SIZE(ready), wait_ms);
        if (drain(fd, output))
            return proc_wait(proc, left_ms < 0 ? -1 : (int)left_ms, ret_status, err);
        rc = proc_wait(proc, 0, ret_status, NULL);
        if (rc == 0)
            (void)drain(fd, output);
        if (rc != -MCPD_E_TIMEOUT)
            return rc == 0 ? 0 : error_set(err, MCPD_E_SYSTEM, "cannot wait for the process");
    }
}

int proc_check_exit(const char *name, int wait_status, const char *output, struct mcpd_error *err)
{
    const char *line = output ? output : "";
    size_t length = strlen(line);
    const char *line_end;
    const char *separator;

    if (wait_status == 0)
        return 0;
    while (length > 0 && strchr("\r\n ", line[length - 1]))
        length--;
    line_end = memrchr(line, '\n', length);
    if (line_end) {
        length -= (size_t)(line_end + 1 - line);
        line = line_end + 1;
    }
    separator = length > 0 ? ": " : "";
    length = length < MCPD_ERROR_MESSAGE_SIZE ? length : MCPD_ERROR_MESSAGE_SIZE;
    if (WIFSIGNALED(wait_status))
        return error_set(err, MCPD_E_SYSTEM, "'%s' was ended by signal %d%s%.*s", name,
                         WTERMSIG(wait_status), separator, (int)length, line);
    return error_set(err, MCPD_E_SYSTEM, "'%s' failed with exit code %d%s%.*s", name,
                     WEXITSTATUS(wait_status), separator, (int)length, line);
}

int proc_run(char *const *argv, int timeout_ms, char **ret_output, struct mcpd_error *err)
{
    CLEANUP_PROC struct proc proc = PROC_NONE;
    CLEANUP_BUF struct buf output;
    CLEANUP_FD int read_fd = -1;
    CLEANUP_FD int write_fd = -1;
    struct proc_options options = PROC_OPTIONS_NONE;
    int pipe_fds[2];
    int status = 0;
    int rc;

    buf_init(&output, OUTPUT_MAX);
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return error_errno(err, "make a pipe");
    read_fd = pipe_fds[0];
    write_fd = pipe_fds[1];
    if (fcntl(read_fd, F_SETFL, O_NONBLOCK) < 0) /* only our end: the flag is per pipe end */
        return error_errno(err, "set up a pipe");
    options.program = argv[0];
    options.argv = argv;
    options.stdout_fd = write_fd;
    options.stderr_fd = write_fd;
    rc = proc_start(&options, &proc, err);
    if (rc < 0)
        return rc;
    (void)close(TAKE_FD(write_fd));
    rc = collect_output(&proc, read_fd, timeout_ms, &output, &status, err);
    if (rc < 0)
        return error_wrap(err, rc, "run '%s'", argv[0]);
    rc = proc_check_exit(argv[0], status, buf_text(&output), err);
    if (rc == 0)
        rc = buf_check(&output, argv[0], err);
    if (rc == 0 && ret_output) {
        *ret_output = buf_take(&output);
        if (!*ret_output)
            return error_no_memory(err, argv[0]);
    }
    return rc;
}
