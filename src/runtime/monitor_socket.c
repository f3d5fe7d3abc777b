/*
 * monitor_socket.c - the clients of a monitor: requests, answers, attached streams.
 *
 * No client can hold the monitor up. All sockets are non-blocking. What an attached client does
 * not take is kept as its backlog; while anybody has one, no further output is read, so it is
 * never more than one packet for each stream, and the container feels the pressure as it would of
 * a slow terminal. The foreground command that started the container may take its time for that
 * (somebody is reading in a pager); any other client is dropped after a few seconds.
 */
#include "runtime/monitor_parts.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "base/fdpass.h"
#include "base/proc.h"
#include "runtime/signals.h"

#define STALL_MS          5000
#define BACKLOG_MAX_BYTES (16u << 20) /* what a container leaves in its pipes when it ends */

/* --- who is there ------------------------------------------------------------------- */

struct client *monitor_socket_add(struct monitor *monitor, int fd, enum client_kind kind)
{
    struct client *client = &monitor->clients[monitor->client_count++];

    *client = (struct client){.fd = fd, .kind = kind};
    return client;
}

void monitor_socket_accept(struct monitor *monitor)
{
    int fd = accept4(monitor->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0)
        (void)monitor_socket_add(monitor, fd, CLIENT_NEW);
}

void monitor_socket_hang_up(struct monitor *monitor, struct client *client)
{
    /* A foreground command that dies takes the container's input with it. */
    if (client->is_starter && client->wants_stdin)
        streams_end_input(monitor);
    cleanup_close_fd(&client->fd);
    client->fd = -1;
    client->is_gone = true;
    free(TAKE_PTR(client->backlog));
    client->backlog_bytes = 0;
}

/* Closes the gaps; not while somebody walks the array. */
void monitor_socket_sweep(struct monitor *monitor)
{
    size_t kept = 0;

    for (size_t i = 0; i < monitor->client_count; i++)
        if (!monitor->clients[i].is_gone)
            monitor->clients[kept++] = monitor->clients[i];
    monitor->client_count = kept;
}

/* --- to attached clients --------------------------------------------------------------- */

static bool send_packet(int fd, const char *head, size_t head_count, const char *bytes,
                        size_t count)
{
    struct iovec parts[] = {{.iov_len = head_count}, {.iov_len = count}};
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = count > 0 ? 2 : 1};
    ssize_t sent;

    memcpy(&parts[0].iov_base, &head, sizeof(head));
    memcpy(&parts[1].iov_base, &bytes, sizeof(bytes));
    do
        sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

static void keep(struct monitor *monitor, struct client *client, char type, const char *bytes,
                 size_t count)
{
    uint32_t length = (uint32_t)count + 1;
    size_t total = client->backlog_bytes + sizeof(length) + length;
    char *grown = total <= BACKLOG_MAX_BYTES ? realloc(client->backlog, total) : NULL;
    char *end;

    if (!grown) {
        monitor_socket_hang_up(monitor, client);
        return;
    }
    client->backlog = grown;
    end = mempcpy(grown + client->backlog_bytes, &length, sizeof(length));
    *end++ = type;
    if (count > 0)
        memcpy(end, bytes, count);
    client->backlog_bytes = total;
    if (client->stalled_since_ms == 0)
        client->stalled_since_ms = clock_monotonic_ms();
}

static void send_or_keep(struct monitor *monitor, struct client *client, enum stream_packet type,
                         const char *bytes, size_t count)
{
    char head = (char)type;

    if (client->backlog_bytes == 0 && send_packet(client->fd, &head, 1, bytes, count))
        return;
    if (client->backlog_bytes == 0 && errno != EAGAIN)
        monitor_socket_hang_up(monitor, client);
    else
        keep(monitor, client, head, bytes, count);
}

void monitor_socket_broadcast(struct monitor *monitor, enum stream_packet type, const char *bytes,
                              size_t count)
{
    for (size_t i = 0; i < monitor->client_count; i++) {
        struct client *client = &monitor->clients[i];

        if (client->kind == CLIENT_ATTACHED && !client->is_gone)
            send_or_keep(monitor, client, type, bytes, count);
    }
}

void monitor_socket_flush(struct client *client)
{
    size_t done = 0;

    while (done < client->backlog_bytes) {
        uint32_t length;

        memcpy(&length, client->backlog + done, sizeof(length));
        /* Any other failure shows as a hang-up. */
        if (!send_packet(client->fd, client->backlog + done + sizeof(length), length, NULL, 0))
            break;
        done += sizeof(length) + length;
    }
    if (done == 0)
        return;
    client->backlog_bytes -= done;
    if (client->backlog_bytes == 0) {
        free(TAKE_PTR(client->backlog));
        client->stalled_since_ms = 0;
        return;
    }
    memmove(client->backlog, client->backlog + done, client->backlog_bytes);
    client->stalled_since_ms = clock_monotonic_ms();
}

bool monitor_socket_is_stalled(const struct monitor *monitor)
{
    for (size_t i = 0; i < monitor->client_count; i++)
        if (monitor->clients[i].backlog_bytes > 0)
            return true;
    return false;
}

int64_t monitor_socket_drop_stalled(struct monitor *monitor, int64_t now_ms)
{
    int64_t next_ms = -1;

    for (size_t i = 0; i < monitor->client_count; i++) {
        struct client *client = &monitor->clients[i];
        int64_t left_ms;

        if (client->stalled_since_ms == 0 || client->is_starter)
            continue;
        left_ms = client->stalled_since_ms + STALL_MS - now_ms;
        if (left_ms <= 0)
            monitor_socket_hang_up(monitor, client);
        else if (next_ms < 0 || left_ms < next_ms)
            next_ms = left_ms;
    }
    return next_ms;
}

/* --- from clients ---------------------------------------------------------------------------- */

/* Answers that do not fit a fresh socket do not happen; whoever does not listen misses it. */
static void reply(const struct client *client, const struct monitor_reply *answer, int fd)
{
    (void)!fdpass_send(client->fd, answer, sizeof(*answer), &fd, fd >= 0 ? 1 : 0, NULL);
}

static int send_signal(const struct monitor *monitor, int signal_number)
{
    if (monitor->has_ended || signal_number < 1 || signal_number > SIGNALS_MAX)
        return -MCPD_E_INVALID;
    return proc_pidfd_send_signal(monitor->launch.pidfd, signal_number) < 0 ? -MCPD_E_SYSTEM : 0;
}

static void note_stop(struct monitor *monitor)
{
    monitor->state.status = CONTAINER_STATUS_STOPPING;
    monitor->state.stopped_by_user = true;
    (void)!container_save_state(monitor->dir_fd, &monitor->state, false, NULL);
}

static void begin_stop(struct monitor *monitor, const struct monitor_request *request)
{
    int64_t kill_at_ms = clock_monotonic_ms() + (request->timeout_ms > 0 ? request->timeout_ms : 0);

    if (monitor->has_ended)
        return;
    if (monitor->state.status != CONTAINER_STATUS_STOPPING)
        note_stop(monitor);
    if (request->argument == SIGKILL || request->timeout_ms == 0)
        (void)send_signal(monitor, SIGKILL);
    else
        (void)send_signal(monitor, request->argument);
    /* The most impatient of several decides; a negative timeout never kills. */
    if (request->timeout_ms > 0 && (monitor->kill_at_ms == 0 || kill_at_ms < monitor->kill_at_ms))
        monitor->kill_at_ms = kill_at_ms;
}

/* The foreground command has lost its reader: what SIGPIPE would do to it. But a first process in
 * its namespace is spared by every signal that it has no handler for, so one that would be ended
 * by either of two that do not reach it is ended here. */
static void abandon(struct monitor *monitor, const struct stream_abandon *wish)
{
    const struct monitor_request request = {.argument = wish->stop_signal,
                                            .timeout_ms = wish->timeout_ms};
    pid_t pid = monitor->launch.pid;

    if (monitor->has_ended)
        return;
    if (proc_handles_signal(pid, SIGPIPE)) {
        (void)send_signal(monitor, SIGPIPE);
    } else if (!proc_handles_signal(pid, wish->stop_signal)) {
        note_stop(monitor);
        monitor->is_piped_to_death = true;
        (void)send_signal(monitor, SIGKILL);
        return;
    }
    begin_stop(monitor, &request);
}

static void take_request(struct monitor *monitor, struct client *client,
                         const struct monitor_request *request)
{
    struct monitor_reply answer = {0};

    switch ((enum monitor_operation)request->operation) {
    case MONITOR_SIGNAL:
        answer.code = send_signal(monitor, request->argument);
        reply(client, &answer, -1);
        monitor_socket_hang_up(monitor, client);
        return;
    case MONITOR_STOP:
        client->kind = CLIENT_WAITING;
        client->is_stop = true;
        begin_stop(monitor, request);
        return;
    case MONITOR_WAIT:
        client->kind = CLIENT_WAITING;
        return;
    case MONITOR_ATTACH:
        reply(client, &answer, -1);
        client->kind = CLIENT_ATTACHED;
        client->wants_stdin = (request->flags & MONITOR_FLAG_STDIN) != 0;
        return;
    case MONITOR_PIDFD:
        answer.pid = monitor->launch.pid;
        answer.code = monitor->has_ended ? -MCPD_E_STATE : 0;
        reply(client, &answer, monitor->has_ended ? -1 : monitor->launch.pidfd);
        monitor_socket_hang_up(monitor, client);
        return;
    }
    answer.code = -MCPD_E_INVALID;
    reply(client, &answer, -1);
    monitor_socket_hang_up(monitor, client);
}

static void take_stream_packet(struct monitor *monitor, const struct client *client, char type,
                               const char *bytes, size_t count)
{
    struct stream_abandon wish;
    uint16_t size[2];

    switch (type) {
    case STREAM_STDIN:
        streams_write_input(monitor, bytes, count);
        break;
    case STREAM_STDIN_END:
        streams_end_input(monitor);
        break;
    case STREAM_RESIZE:
        if (count != sizeof(size))
            break;
        memcpy(size, bytes, sizeof(size));
        streams_resize(monitor, size[0], size[1]);
        break;
    case STREAM_SIGNAL:
        if (count == 1)
            (void)send_signal(monitor, (unsigned char)bytes[0]);
        break;
    case STREAM_ABANDON:
        if (count != sizeof(wish) || !client->is_starter)
            break;
        memcpy(&wish, bytes, sizeof(wish));
        abandon(monitor, &wish);
        break;
    default: /* a client newer than we are */
        break;
    }
}

void monitor_socket_receive(struct monitor *monitor, struct client *client)
{
    struct monitor_request request;
    ssize_t length;

    do
        length = recv(client->fd, monitor->packet, sizeof(monitor->packet), MSG_DONTWAIT);
    while (length < 0 && errno == EINTR);
    if (length < 0 && errno == EAGAIN)
        return;
    if (length <= 0) {
        monitor_socket_hang_up(monitor, client);
        return;
    }
    switch (client->kind) {
    case CLIENT_NEW:
        if (length == (ssize_t)sizeof(request)) {
            memcpy(&request, monitor->packet, sizeof(request));
            take_request(monitor, client, &request);
        } else {
            monitor_socket_hang_up(monitor, client);
        }
        break;
    case CLIENT_WAITING:
        break;
    case CLIENT_ATTACHED:
        take_stream_packet(monitor, client, monitor->packet[0], monitor->packet + 1,
                           (size_t)length - 1);
        break;
    }
}

void monitor_socket_tell_end(struct monitor *monitor)
{
    int32_t exit_code = monitor->state.exit_code;
    char bytes[sizeof(exit_code)];

    memcpy(bytes, &exit_code, sizeof(exit_code));
    monitor_socket_broadcast(monitor, STREAM_EXITED, bytes, sizeof(bytes));
    for (size_t i = 0; i < monitor->client_count; i++) {
        struct client *client = &monitor->clients[i];
        struct monitor_reply answer = {.exit_code = exit_code};

        if (client->kind != CLIENT_WAITING || client->is_gone)
            continue;
        answer.was_killed = client->is_stop && monitor->was_killed;
        reply(client, &answer, -1);
        monitor_socket_hang_up(monitor, client);
    }
}
