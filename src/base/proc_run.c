/* proc_run.c - programs that are run to their end, for what they print. */
#include "base/proc.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fsutil.h"
#include "base/str.h"

#define OUTPUT_MAX   65536
#define CHANNELS_MAX 2

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

/* One stream of a child: our end of its pipe, and what has come. */
struct channel {
    int fd;       /* -1: it has ended. Owned */
    int child_fd; /* the child's end, until it has started. Owned */
    struct buf output;
};
#define CHANNEL_NONE             \
    {                            \
        .fd = -1, .child_fd = -1 \
    }

static void channel_done(struct channel *channel)
{
    cleanup_close_fd(&channel->fd);
    cleanup_close_fd(&channel->child_fd);
    buf_done(&channel->output);
}

static int channel_open(struct channel *channel, struct mcpd_error *err)
{
    int pipe_fds[2];

    buf_init(&channel->output, OUTPUT_MAX);
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return error_errno(err, "make a pipe");
    channel->fd = pipe_fds[0];
    channel->child_fd = pipe_fds[1];
    if (fcntl(channel->fd, F_SETFL, O_NONBLOCK) < 0) /* only our end: the flag is per pipe end */
        return error_errno(err, "set up a pipe");
    return 0;
}

/* Takes what has come. True when that was the last. */
static bool drain_all(struct channel *channels, size_t count)
{
    bool is_end = true;

    for (size_t i = 0; i < count; i++) {
        if (channels[i].fd >= 0 && drain(channels[i].fd, &channels[i].output)) {
            (void)close(channels[i].fd);
            channels[i].fd = -1;
        }
        is_end = is_end && channels[i].fd < 0;
    }
    return is_end;
}

/* Reads until the output ends or the process does: a grandchild may keep the pipe open for ever. */
static int collect(struct proc *proc, struct channel *channels, size_t count, int timeout_ms,
                   int *ret_status, struct mcpd_error *err)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;

    for (;;) {
        struct pollfd ready[CHANNELS_MAX + 1] = {{.fd = proc->pidfd, .events = POLLIN}};
        int64_t left_ms = timeout_ms < 0 ? -1 : deadline_ms - clock_monotonic_ms();
        int wait_ms = left_ms < 0 ? -1 : (int)left_ms;
        int rc;

        if (timeout_ms >= 0 && left_ms <= 0)
            return error_set(err, MCPD_E_TIMEOUT, "no end after %d ms", timeout_ms);
        if (proc->pidfd < 0 && (wait_ms < 0 || wait_ms > 50))
            wait_ms = 50;
        for (size_t i = 0; i < count; i++)
            ready[i + 1] = (struct pollfd){.fd = channels[i].fd, .events = POLLIN};
        (void)poll(ready, count + 1, wait_ms);
        if (drain_all(channels, count))
            return proc_wait(proc, left_ms < 0 ? -1 : (int)left_ms, ret_status, err);
        rc = proc_wait(proc, 0, ret_status, NULL);
        if (rc == 0)
            (void)drain_all(channels, count);
        if (rc != -MCPD_E_TIMEOUT)
            return rc == 0 ? 0 : error_set(err, MCPD_E_SYSTEM, "cannot wait for the process");
    }
}

/* channels: stdout, stderr; one alone is both. */
static int run(char *const *argv, int input_fd, struct channel *channels, size_t count,
               int timeout_ms, int *ret_status, struct mcpd_error *err)
{
    CLEANUP_PROC struct proc proc = PROC_NONE;
    struct proc_options options = PROC_OPTIONS_NONE;
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = channel_open(&channels[i], err);
    if (rc < 0)
        return rc;
    options.program = argv[0];
    options.argv = argv;
    options.stdin_fd = input_fd;
    options.stdout_fd = channels[0].child_fd;
    options.stderr_fd = channels[count - 1].child_fd;
    rc = proc_start(&options, &proc, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++)
        (void)close(TAKE_FD(channels[i].child_fd));
    rc = collect(&proc, channels, count, timeout_ms, ret_status, err);
    return rc < 0 ? error_wrap(err, rc, "run '%s'", argv[0]) : 0;
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
    CLEANUP(channel_done) struct channel channel = CHANNEL_NONE;
    int status = 0;
    int rc = run(argv, -1, &channel, 1, timeout_ms, &status, err);

    if (rc == 0)
        rc = proc_check_exit(argv[0], status, buf_text(&channel.output), err);
    if (rc == 0)
        rc = buf_check(&channel.output, argv[0], err);
    if (rc == 0 && ret_output) {
        *ret_output = buf_take(&channel.output);
        if (!*ret_output)
            return error_no_memory(err, argv[0]);
    }
    return rc;
}

/* A file without a name: any length, and nobody waits for whoever does not read it. */
static int open_input(const char *text, int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FD int fd = memfd_create("input", MFD_CLOEXEC);
    int rc;

    if (fd < 0)
        return error_errno(err, "memfd_create");
    rc = fs_write_all(fd, text, strlen(text), "input", err);
    if (rc == 0 && lseek(fd, 0, SEEK_SET) < 0)
        return error_errno(err, "rewind");
    if (rc == 0)
        *ret_fd = TAKE_FD(fd);
    return rc;
}

int proc_talk(char *const *argv, const char *input, int timeout_ms, struct proc_words *ret_words,
              struct mcpd_error *err)
{
    struct channel channels[] = {CHANNEL_NONE, CHANNEL_NONE};
    CLEANUP_FD int input_fd = -1;
    int status = 0;
    int rc = open_input(input, &input_fd, err);

    if (rc == 0)
        rc = run(argv, input_fd, channels, ARRAY_SIZE(channels), timeout_ms, &status, err);
    if (rc == 0) {
        ret_words->exit_code = proc_exit_code(status);
        ret_words->output = buf_take(&channels[0].output);
        ret_words->complaint = buf_take(&channels[1].output);
        if (!ret_words->output || !ret_words->complaint)
            rc = error_no_memory(err, argv[0]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(channels); i++)
        channel_done(&channels[i]);
    return rc;
}

void proc_words_done(struct proc_words *words)
{
    str_free_secret(words->output);
    str_free_secret(words->complaint);
    *words = (struct proc_words){0};
}
