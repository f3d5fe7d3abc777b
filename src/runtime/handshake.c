/*
 * handshake.c - what a starting process tells the one that starts it.
 *
 * Every message is one write that fits the pipe, so nothing is ever half there unless the sender
 * was killed, and the receiver needs no deadline: the kernel closes the pipe with the process.
 */
#include "runtime/handshake.h"

#include <string.h>
#include <time.h>

#include "base/fdpass.h"
#include "base/log.h"

#define READY 'r'

static bool is_tracing;
static struct timespec trace_zero;

void handshake_send_ready(int pipe_fd)
{
    static const char ready = READY;

    while (write(pipe_fd, &ready, sizeof(ready)) < 0 && errno == EINTR)
        ;
}

void handshake_send_error(int pipe_fd, const struct mcpd_error *error)
{
    fdpass_send_error(pipe_fd, error);
}

static int parse(const char *bytes, size_t length, struct mcpd_error *err)
{
    size_t ready_length = length > 0 && bytes[0] == READY && length != sizeof(struct mcpd_error);
    struct mcpd_error error;

    if (length == 0)
        return error_set(err, MCPD_E_SYSTEM,
                         "the process was killed before it could start the command "
                         "(out of memory?)");
    if (length == ready_length)
        return 0;
    if (length - ready_length != sizeof(error))
        return error_set(err, MCPD_E_PROTOCOL, "the container's first process sent half an error");
    memcpy(&error, bytes + ready_length, sizeof(error));
    return error_copy(err, &error);
}

int handshake_receive(int pipe_fd, struct mcpd_error *err)
{
    char bytes[1 + sizeof(struct mcpd_error) + 1];
    size_t length = 0;

    for (;;) {
        ssize_t count = read(pipe_fd, bytes + length, sizeof(bytes) - length);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_errno(err, "read from the container's first process");
        if (count == 0)
            return parse(bytes, length, err);
        length += (size_t)count;
        if (length == sizeof(bytes))
            return error_set(err, MCPD_E_PROTOCOL, "the container's first process says too much");
    }
}

void handshake_trace_start(void)
{
    is_tracing = log_is_enabled("launch");
    if (is_tracing)
        (void)clock_gettime(CLOCK_MONOTONIC, &trace_zero);
}

void handshake_trace(const char *step)
{
    struct timespec now;

    if (!is_tracing)
        return;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    log_debug("launch", "%6lld us  %s",
              (long long)(now.tv_sec - trace_zero.tv_sec) * 1000000 +
                  (now.tv_nsec - trace_zero.tv_nsec) / 1000,
              step);
}
