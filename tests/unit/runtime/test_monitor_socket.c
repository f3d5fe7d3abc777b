/* test_monitor_socket.c - streams and clients of a monitor, without a container. */
#include "base/base_test.h"

#include <sys/socket.h>

#include "base/clock.h"
#include "base/fdpass.h"
#include "base/proc.h"
#include "runtime/monitor_parts.h"

/* A monitor in a folder of its own; "the container" are the other ends of its pipes. */
struct stage {
    struct test_dir *dir;
    struct monitor *monitor;
    struct stream_ends ends;
};

static int setup(void **state)
{
    static const struct stream_ends none = STREAM_ENDS_NONE;
    struct stage *stage = calloc(1, sizeof(*stage));
    struct monitor *monitor = calloc(1, sizeof(*monitor));
    void *dir;

    if (!stage || !monitor || test_dir_setup(&dir) != 0)
        return -1;
    stage->dir = dir;
    stage->monitor = monitor;
    stage->ends = none;
    monitor->dir_fd = stage->dir->fd;
    monitor->launch.pidfd = -1;
    monitor->output_fds[0] = monitor->output_fds[1] = monitor->input_fd = -1;
    *state = stage;
    if (streams_make(monitor, true, &stage->ends, NULL) < 0 ||
        fdpass_listen(stage->dir->fd, "socket", &monitor->listen_fd, NULL) < 0)
        return -1;
    return fcntl(monitor->listen_fd, F_SETFL, O_NONBLOCK | O_RDWR);
}

static int teardown(void **state)
{
    struct stage *stage = *state;
    void *dir = stage->dir;

    for (size_t i = 0; i < stage->monitor->client_count; i++)
        monitor_socket_hang_up(stage->monitor, &stage->monitor->clients[i]);
    streams_done(stage->monitor);
    stream_ends_done(&stage->ends);
    close(stage->monitor->listen_fd);
    free(stage->monitor);
    free(stage);
    return test_dir_teardown(&dir);
}

#define STAGE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

/* The client's end of an attached connection. */
static int attach(struct stage *stage, bool is_starter, bool wants_stdin)
{
    struct client *client;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    client = monitor_socket_add(stage->monitor, fds[1], CLIENT_ATTACHED);
    client->is_starter = is_starter;
    client->wants_stdin = wants_stdin;
    return fds[0];
}

/* Connects, asks, and lets the monitor hear it. */
static int ask(struct stage *stage, uint32_t operation, int32_t argument, int32_t timeout_ms)
{
    const struct monitor_request request = {
        .operation = operation, .argument = argument, .timeout_ms = timeout_ms};
    size_t count = stage->monitor->client_count;
    int fd = -1;

    assert_int_equal(fdpass_connect(stage->dir->fd, "socket", &fd, NULL), 0);
    assert_int_equal(fdpass_send(fd, &request, sizeof(request), NULL, 0, NULL), 0);
    monitor_socket_accept(stage->monitor);
    assert_int_equal(stage->monitor->client_count, count + 1);
    monitor_socket_receive(stage->monitor, &stage->monitor->clients[count]);
    monitor_socket_sweep(stage->monitor);
    return fd;
}

static struct monitor_reply receive_reply(int fd, int *ret_passed_fd)
{
    struct monitor_reply reply;
    size_t count = 0;

    assert_int_equal(fdpass_receive(fd, &reply, sizeof(reply), ret_passed_fd, 1, &count, NULL),
                     sizeof(reply));
    return reply;
}

static void expect_packet(int fd, const char *packet)
{
    char received[256];
    ssize_t count = recv(fd, received, sizeof(received), MSG_DONTWAIT);

    assert_int_equal(count, strlen(packet));
    assert_memory_equal(received, packet, strlen(packet));
}

static void fill(struct monitor *monitor)
{
    static char block[STREAM_MAX_PAYLOAD];

    for (int i = 0; i < 1000 && !monitor_socket_is_stalled(monitor); i++)
        monitor_socket_broadcast(monitor, STREAM_STDOUT, block, sizeof(block));
    assert_true(monitor_socket_is_stalled(monitor));
}

/* --- output --------------------------------------------------------------------------- */

static void test_output_goes_to_log_and_clients(void **state)
{
    struct stage *stage = *state;
    struct monitor *monitor = stage->monitor;
    CLEANUP_FD int first = attach(stage, true, false);
    CLEANUP_FD int second = attach(stage, false, false);
    CLEANUP_FREE char *text = NULL;

    monitor->has_log = true;
    assert_int_equal(logfile_find(monitor->dir_fd, NULL, &monitor->log_place, NULL), 0);
    logfile_open(&monitor->log_place, &(struct logfile_limits){0}, &monitor->log);
    assert_false(streams_read_output(monitor, 0)); /* nothing yet */
    assert_int_equal(write(stage->ends.stdout_fd, "out\n", 4), 4);
    assert_int_equal(write(stage->ends.stderr_fd, "err\n", 4), 4);
    assert_true(streams_read_output(monitor, 0));
    assert_true(streams_read_output(monitor, 1));
    expect_packet(first, "1out\n");
    expect_packet(first, "2err\n");
    expect_packet(second, "1out\n");
    expect_packet(second, "2err\n");
    assert_int_equal(fs_read_file(stage->dir->fd, "log", 4096, &text, NULL, NULL), 0);
    assert_non_null(strstr(text, " stdout F out\n"));
    assert_non_null(strstr(text, " stderr F err\n"));
    close(stage->ends.stdout_fd);
    stage->ends.stdout_fd = -1;
    assert_false(streams_read_output(monitor, 0));
    assert_int_equal(monitor->output_fds[0], -1); /* ended */
}

/* What does not fit waits as the backlog of one client, in order, and nothing is lost. */
static void test_backlog(void **state)
{
    struct stage *stage = *state;
    struct monitor *monitor = stage->monitor;
    CLEANUP_FD int fd = attach(stage, true, false);
    char packet[1 + STREAM_MAX_PAYLOAD];
    size_t packets = 0;
    ssize_t count;

    fill(monitor);
    monitor_socket_broadcast(monitor, STREAM_STDERR, "last", 4);
    for (;;) {
        count = recv(fd, packet, sizeof(packet), MSG_DONTWAIT);
        if (count < 0) {
            assert_int_equal(errno, EAGAIN);
            assert_true(monitor_socket_is_stalled(monitor));
            monitor_socket_flush(&monitor->clients[0]);
            continue;
        }
        packets++;
        if (packet[0] == STREAM_STDERR)
            break;
        assert_int_equal(count, sizeof(packet));
    }
    assert_true(packets > 2);
    assert_int_equal(count, 5);
    assert_false(monitor_socket_is_stalled(monitor));
}

static void test_only_the_starter_may_stall(void **state)
{
    struct stage *stage = *state;
    struct monitor *monitor = stage->monitor;
    CLEANUP_FD int starter = attach(stage, true, false);
    CLEANUP_FD int other = attach(stage, false, false);
    int64_t now_ms = clock_monotonic_ms();

    fill(monitor);
    assert_true(monitor->clients[0].backlog_bytes > 0);
    assert_true(monitor->clients[1].backlog_bytes > 0);
    assert_in_range(monitor_socket_drop_stalled(monitor, now_ms), 1, 6000);
    assert_int_equal(monitor_socket_drop_stalled(monitor, now_ms + 3600 * 1000), -1);
    monitor_socket_sweep(monitor);
    assert_int_equal(monitor->client_count, 1);
    assert_true(monitor->clients[0].is_starter);
}

static void test_dead_client_is_dropped(void **state)
{
    struct stage *stage = *state;
    int fd = attach(stage, true, true);

    close(fd);
    monitor_socket_broadcast(stage->monitor, STREAM_STDOUT, "x", 1);
    monitor_socket_sweep(stage->monitor);
    assert_int_equal(stage->monitor->client_count, 0);
    assert_int_equal(stage->monitor->input_fd, -1); /* its input ended with it */
}

/* --- input ------------------------------------------------------------------------------ */

static void say(struct stage *stage, int fd, const void *packet, size_t count)
{
    assert_int_equal(send(fd, packet, count, 0), count);
    monitor_socket_receive(stage->monitor, &stage->monitor->clients[0]);
}

static void test_input(void **state)
{
    struct stage *stage = *state;
    CLEANUP_FD int fd = attach(stage, true, true);
    char text[8] = "";

    say(stage, fd, "ihello", 6);
    assert_int_equal(read(stage->ends.stdin_fd, text, sizeof(text)), 5);
    assert_string_equal(text, "hello");
    say(stage, fd, "e", 1);
    assert_int_equal(read(stage->ends.stdin_fd, text, sizeof(text)), 0);
    say(stage, fd, "imore", 5); /* harmless */
    say(stage, fd, "?unknown", 8);
}

/* The container does not read: one packet is held, and its end comes behind it. */
static void test_input_waits(void **state)
{
    struct stage *stage = *state;
    struct monitor *monitor = stage->monitor;
    CLEANUP_FD int fd = attach(stage, true, true);
    static char packet[1 + STREAM_MAX_PAYLOAD] = {STREAM_STDIN};
    size_t sent = 0, taken = 0;

    while (monitor->input_bytes == 0) {
        say(stage, fd, packet, sizeof(packet));
        sent += sizeof(packet) - 1;
    }
    say(stage, fd, "e", 1);
    assert_true(monitor->input_fd >= 0);
    for (;;) {
        ssize_t count = read(stage->ends.stdin_fd, packet + 1, STREAM_MAX_PAYLOAD);

        assert_true(count >= 0);
        if (count == 0)
            break;
        taken += (size_t)count;
        streams_flush_input(monitor);
    }
    assert_int_equal(taken, sent);
    assert_int_equal(monitor->input_fd, -1);
}

static void test_input_nobody_wants(void **state)
{
    struct stage *stage = *state;
    CLEANUP_FD int fd = attach(stage, true, true);

    close(stage->ends.stdin_fd);
    stage->ends.stdin_fd = -1;
    say(stage, fd, "ihello", 6);
    assert_int_equal(stage->monitor->input_fd, -1);
    assert_int_equal(stage->monitor->input_bytes, 0);
}

/* --- requests ----------------------------------------------------------------------------- */

/* A child that waits for ever stands in for the container. */
static void start_process(struct monitor *monitor)
{
    struct proc_options options = PROC_OPTIONS_NONE;
    char *argv[] = {(char[]){"sleep"}, (char[]){"1000"}, NULL};
    struct proc proc = PROC_NONE;

    options.argv = argv;
    assert_int_equal(proc_start(&options, &proc, NULL), 0);
    monitor->launch.pid = proc.pid;
    monitor->launch.pidfd = proc.pidfd;
}

static int end_process(struct monitor *monitor)
{
    int status = 0;

    (void)kill(monitor->launch.pid, SIGKILL);
    assert_int_equal(waitpid(monitor->launch.pid, &status, 0), monitor->launch.pid);
    close(monitor->launch.pidfd);
    monitor->launch.pidfd = -1;
    return WTERMSIG(status);
}

static void test_signal_and_pidfd(void **state)
{
    struct stage *stage = *state;
    CLEANUP_FD int pidfd = -1;
    struct monitor_reply reply;
    int fd;

    start_process(stage->monitor);
    fd = ask(stage, MONITOR_PIDFD, 0, 0);
    reply = receive_reply(fd, &pidfd);
    assert_int_equal(reply.code, 0);
    assert_int_equal(reply.pid, stage->monitor->launch.pid);
    assert_true(pidfd >= 0);
    close(fd);
    fd = ask(stage, MONITOR_SIGNAL, 0, 0);
    assert_int_equal(receive_reply(fd, NULL).code, -MCPD_E_INVALID);
    close(fd);
    fd = ask(stage, MONITOR_SIGNAL, SIGINT, 0);
    assert_int_equal(receive_reply(fd, NULL).code, 0);
    close(fd);
    (void)usleep(20000);
    assert_int_equal(end_process(stage->monitor), SIGINT);
    fd = ask(stage, 99, 0, 0);
    assert_int_equal(receive_reply(fd, NULL).code, -MCPD_E_INVALID);
    close(fd);
    assert_int_equal(stage->monitor->client_count, 0);
}

static void test_stop_and_wait(void **state)
{
    struct stage *stage = *state;
    struct monitor *monitor = stage->monitor;
    CLEANUP_FD int attached = attach(stage, true, false);
    struct container_state saved;
    struct monitor_reply reply;
    char packet[5];
    int stop, wait;

    monitor->state.status = CONTAINER_STATUS_RUNNING;
    start_process(monitor);
    wait = ask(stage, MONITOR_WAIT, 0, 0);
    stop = ask(stage, MONITOR_STOP, SIGUSR1, 60000);
    assert_int_equal(monitor->state.status, CONTAINER_STATUS_STOPPING);
    assert_true(monitor->kill_at_ms > clock_monotonic_ms() + 50000);
    assert_int_equal(container_load_state(stage->dir->fd, &saved, NULL), 0);
    assert_true(saved.stopped_by_user);
    assert_int_equal(saved.status, CONTAINER_STATUS_STOPPING);
    close(ask(stage, MONITOR_STOP, SIGUSR1, 1000)); /* more impatient */
    assert_true(monitor->kill_at_ms < clock_monotonic_ms() + 2000);
    assert_int_equal(end_process(monitor), SIGUSR1);
    monitor->state.exit_code = 138;
    monitor->was_killed = true;
    monitor_socket_tell_end(monitor);
    reply = receive_reply(wait, NULL);
    assert_int_equal(reply.exit_code, 138);
    assert_int_equal(reply.was_killed, 0);
    reply = receive_reply(stop, NULL);
    assert_int_equal(reply.exit_code, 138);
    assert_int_equal(reply.was_killed, 1);
    assert_int_equal(recv(attached, packet, sizeof(packet), 0), 5);
    assert_int_equal(packet[0], STREAM_EXITED);
    close(wait);
    close(stop);
}

static void test_nonsense(void **state)
{
    struct stage *stage = *state;
    int fd = -1;
    char byte;

    assert_int_equal(fdpass_connect(stage->dir->fd, "socket", &fd, NULL), 0);
    assert_int_equal(send(fd, "hello", 5, 0), 5);
    monitor_socket_accept(stage->monitor);
    monitor_socket_receive(stage->monitor, &stage->monitor->clients[0]);
    monitor_socket_sweep(stage->monitor);
    assert_int_equal(stage->monitor->client_count, 0);
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_output_goes_to_log_and_clients),
        STAGE_TEST(test_backlog),
        STAGE_TEST(test_only_the_starter_may_stall),
        STAGE_TEST(test_dead_client_is_dropped),
        STAGE_TEST(test_input),
        STAGE_TEST(test_input_waits),
        STAGE_TEST(test_input_nobody_wants),
        STAGE_TEST(test_signal_and_pidfd),
        STAGE_TEST(test_stop_and_wait),
        STAGE_TEST(test_nonsense),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
