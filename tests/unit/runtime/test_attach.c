/* test_attach.c - the loop of a client in the foreground, against a monitor made of a socket. */
#include "base/base_test.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

#include "base/proc.h"
#include "runtime/attach.h"
#include "runtime/monitor.h"
#include "runtime/signals.h"

/* The client runs in a child; the test holds the other ends. */
struct client {
    int monitor_fd; /* what the monitor would hold */
    int input_fd;   /* feeds the client's stdin */
    int output_fd;
    int error_fd;
    pid_t pid;
};

struct client_options {
    int terminal_fd; /* stdin and stdout are this terminal; -1: pipes */
    int master_fd;   /* its other side, which the client must not hold; 0: none */
    bool forward_signals;
    bool no_input;
    bool is_starter; /* the container ends with its reader */
    bool is_full;    /* stdout takes nothing */
    bool is_job;     /* of a shell that can stop it */
};

#define EXIT_DETACHED    200
#define EXIT_FAILED      201
#define EXIT_CANCELLED   202
#define EXIT_READER_GONE 203
#define EXIT_NO_SPACE    204

static const struct stream_abandon farewell = {.stop_signal = SIGQUIT, .timeout_ms = 1234};

static int run_client(int connection_fd, const int fds[3], const struct client_options *options)
{
    const struct mcpd_streams streams = {.input_fd = fds[0],
                                         .output_fd = fds[1],
                                         .error_fd = fds[2],
                                         .forward_signals = options->forward_signals};
    const struct attach_request request = {.streams = &streams,
                                           .has_tty = options->terminal_fd >= 0,
                                           .wants_input = !options->no_input,
                                           .connection_fd = connection_fd,
                                           .end_fd = -1,
                                           .abandon = options->is_starter ? &farewell : NULL};
    struct mcpd_attach_result result;
    int rc = attach_run(&request, &result, NULL);

    if (rc < 0)
        return rc == -MCPD_E_CANCELLED  ? EXIT_CANCELLED
               : rc == -MCPD_E_NO_SPACE ? EXIT_NO_SPACE
                                        : EXIT_FAILED;
    if (result.end == MCPD_ATTACH_READER_GONE)
        return EXIT_READER_GONE;
    return result.end == MCPD_ATTACH_DETACHED ? EXIT_DETACHED : result.exit_code;
}

static void start_client(struct client *client, const struct client_options *options)
{
    int sockets[2], input[2], output[2], error[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    assert_int_equal(pipe2(error, O_CLOEXEC), 0);
    fflush(NULL);
    client->pid = fork();
    assert_true(client->pid >= 0);
    if (client->pid == 0) {
        int fds[] = {input[0], output[1], error[1]};

        if (options->terminal_fd >= 0)
            fds[0] = fds[1] = options->terminal_fd;
        if (options->is_full)
            fds[1] = open("/dev/full", O_WRONLY | O_CLOEXEC);
        if (options->master_fd > 0)
            close(options->master_fd);
        if (options->is_job)
            (void)setpgid(0, 0);
        close(sockets[0]);
        close(input[1]);
        close(output[0]);
        close(error[0]);
        _exit(run_client(sockets[1], fds, options));
    }
    close(sockets[1]);
    close(input[0]);
    close(output[1]);
    close(error[1]);
    client->monitor_fd = sockets[0];
    client->input_fd = input[1];
    client->output_fd = output[0];
    client->error_fd = error[0];
}

static int end_client(struct client *client)
{
    int status = 0;

    assert_int_equal(waitpid(client->pid, &status, 0), client->pid);
    close(client->monitor_fd);
    if (client->input_fd >= 0)
        close(client->input_fd);
    if (client->output_fd >= 0)
        close(client->output_fd);
    close(client->error_fd);
    return proc_exit_code(status);
}

static void send_packet(struct client *client, char type, const void *bytes, size_t count)
{
    static char packet[1 + STREAM_MAX_PAYLOAD];

    packet[0] = type;
    if (count > 0)
        memcpy(packet + 1, bytes, count);
    assert_int_equal(send(client->monitor_fd, packet, count + 1, MSG_NOSIGNAL), count + 1);
}

static void send_exit(struct client *client, int32_t exit_code)
{
    send_packet(client, STREAM_EXITED, &exit_code, sizeof(exit_code));
}

static void expect_packet(struct client *client, const char *packet, size_t count)
{
    char received[1 + STREAM_MAX_PAYLOAD];

    assert_int_equal(recv(client->monitor_fd, received, sizeof(received), 0), count);
    assert_memory_equal(received, packet, count);
}

static void expect_text(int fd, const char *text)
{
    char received[256] = "";
    size_t length = 0;

    while (length < strlen(text)) {
        ssize_t count = read(fd, received + length, sizeof(received) - 1 - length);

        assert_true(count > 0);
        length += (size_t)count;
    }
    assert_string_equal(received, text);
}

static const struct client_options plain = {.terminal_fd = -1};

/* --- without a terminal ------------------------------------------------------------------- */

static void test_output_and_exit_code(void **state)
{
    struct client client;

    start_client(&client, &plain);
    send_packet(&client, STREAM_STDOUT, "out\n", 4);
    send_packet(&client, STREAM_STDERR, "err\n", 4);
    expect_text(client.output_fd, "out\n");
    expect_text(client.error_fd, "err\n");
    send_packet(&client, STREAM_STDOUT, "last", 4);
    send_exit(&client, 42);
    expect_text(client.output_fd, "last");
    assert_int_equal(end_client(&client), 42);
}

static void test_input_and_its_end(void **state)
{
    struct client client;

    start_client(&client, &plain);
    assert_int_equal(write(client.input_fd, "hello", 5), 5);
    expect_packet(&client, "ihello", 6);
    close(client.input_fd);
    client.input_fd = -1;
    expect_packet(&client, "e", 1);
    send_exit(&client, 0);
    assert_int_equal(end_client(&client), 0);
}

/* A container that does not read yet must not lose the end of what it will read. */
static void test_end_behind_a_full_socket(void **state)
{
    struct client client;
    static char block[STREAM_MAX_PAYLOAD];
    size_t fed = 0, taken = 0;
    char packet[1 + STREAM_MAX_PAYLOAD];

    start_client(&client, &plain);
    (void)fcntl(client.input_fd, F_SETFL, O_NONBLOCK);
    for (int idle = 0; idle < 20;) {
        ssize_t count = write(client.input_fd, block, sizeof(block));

        fed += count > 0 ? (size_t)count : 0;
        idle = count > 0 ? 0 : idle + 1;
        (void)usleep(5000);
    }
    assert_true(fed > sizeof(block));
    close(client.input_fd);
    client.input_fd = -1;
    for (;;) {
        ssize_t count = recv(client.monitor_fd, packet, sizeof(packet), 0);

        assert_true(count > 0);
        if (packet[0] == STREAM_STDIN_END)
            break;
        taken += (size_t)count - 1;
    }
    assert_int_equal(taken, fed);
    send_exit(&client, 0);
    assert_int_equal(end_client(&client), 0);
}

static void test_no_input(void **state)
{
    const struct client_options options = {.terminal_fd = -1, .no_input = true};
    struct pollfd said = {.events = POLLIN};
    struct client client;

    start_client(&client, &options);
    assert_int_equal(write(client.input_fd, "hello", 5), 5);
    said.fd = client.monitor_fd;
    assert_int_equal(poll(&said, 1, 50), 0);
    send_exit(&client, 1);
    assert_int_equal(end_client(&client), 1);
}

/* More than a pipe holds, to a reader that starts late; signals get through meanwhile. */
static void test_slow_reader(void **state)
{
    const struct client_options options = {.terminal_fd = -1, .forward_signals = true};
    static char block[STREAM_MAX_PAYLOAD];
    struct client client;
    size_t total = 0;
    ssize_t count;

    start_client(&client, &options);
    for (int i = 0; i < 4; i++)
        send_packet(&client, STREAM_STDOUT, block, sizeof(block));
    (void)usleep(50000);
    assert_int_equal(kill(client.pid, SIGTERM), 0);
    expect_packet(&client, "k\17", 2);
    send_exit(&client, 3);
    while (total < 4 * sizeof(block) && (count = read(client.output_fd, block, sizeof(block))) > 0)
        total += (size_t)count;
    assert_int_equal(total, 4 * sizeof(block));
    assert_int_equal(end_client(&client), 3);
}

/* Who only looks on leaves. */
static void test_nobody_reads(void **state)
{
    struct client client;

    start_client(&client, &plain);
    close(client.output_fd);
    client.output_fd = -1;
    send_packet(&client, STREAM_STDOUT, "out\n", 4);
    assert_int_equal(end_client(&client), EXIT_READER_GONE);
}

static void expect_farewell(struct client *client)
{
    char packet[1 + sizeof(farewell)] = {STREAM_ABANDON};

    memcpy(packet + 1, &farewell, sizeof(farewell));
    expect_packet(client, packet, sizeof(packet));
}

/* The one that the container is run for has it ended, and waits for that. */
static void test_nobody_reads_the_starter(void **state)
{
    const struct client_options options = {.terminal_fd = -1, .is_starter = true};
    struct client client;

    start_client(&client, &options);
    close(client.output_fd);
    client.output_fd = -1;
    send_packet(&client, STREAM_STDOUT, "out\n", 4);
    expect_farewell(&client);
    send_packet(&client, STREAM_STDOUT, "more\n", 5);
    send_packet(&client, STREAM_STDERR, "words\n", 6);
    send_exit(&client, 9);
    assert_int_equal(end_client(&client), 9);
}

static void test_full_disk(void **state)
{
    struct client_options options = {.terminal_fd = -1, .is_full = true};
    struct client client;

    start_client(&client, &options);
    send_packet(&client, STREAM_STDOUT, "out\n", 4);
    assert_int_equal(end_client(&client), EXIT_NO_SPACE);
    options.is_starter = true;
    start_client(&client, &options);
    send_packet(&client, STREAM_STDOUT, "out\n", 4);
    expect_farewell(&client);
    send_exit(&client, 9);
    assert_int_equal(end_client(&client), EXIT_NO_SPACE);
}

static void test_lost_monitor(void **state)
{
    struct client client;

    start_client(&client, &plain);
    send_packet(&client, STREAM_STDOUT, "out\n", 4);
    expect_text(client.output_fd, "out\n");
    (void)shutdown(client.monitor_fd, SHUT_RDWR);
    assert_int_equal(end_client(&client), EXIT_FAILED);
}

static void test_signals_are_forwarded_or_not_touched(void **state)
{
    const struct client_options options = {.terminal_fd = -1, .forward_signals = true};
    struct client client;

    start_client(&client, &options);
    send_packet(&client, STREAM_STDOUT, "up", 2);
    expect_text(client.output_fd, "up");
    assert_int_equal(kill(client.pid, SIGINT), 0);
    expect_packet(&client, "k\2", 2);
    for (int number = 1; number <= SIGNALS_MAX; number++) {
        const char packet[] = {STREAM_SIGNAL, (char)number};

        if (!signals_is_passed_on(number) || number == 32 || number == 33)
            continue; /* 32 and 33 are the C library's own */
        assert_int_equal(kill(client.pid, number), 0);
        expect_packet(&client, packet, sizeof(packet));
    }
    send_exit(&client, 130);
    assert_int_equal(end_client(&client), 130);
    start_client(&client, &plain);
    send_packet(&client, STREAM_STDOUT, "up", 2);
    expect_text(client.output_fd, "up");
    assert_int_equal(kill(client.pid, SIGINT), 0);
    assert_int_equal(end_client(&client), 128 + SIGINT);
}

/* The other side is stuck: then the signal is for us. */
static void test_signal_that_cannot_be_passed_on(void **state)
{
    const struct client_options options = {.terminal_fd = -1, .forward_signals = true};
    struct client client;
    struct pollfd end = {.events = POLLIN};

    start_client(&client, &options);
    end.fd = proc_pidfd_open(client.pid);
    assert_true(end.fd >= 0);
    send_packet(&client, STREAM_STDOUT, "up", 2);
    expect_text(client.output_fd, "up");
    for (int i = 0; i < 10000 && poll(&end, 1, 1) == 0; i++) {
        assert_int_equal(kill(client.pid, SIGWINCH), 0); /* never deadly */
        assert_int_equal(kill(client.pid, i < 2000 ? SIGCONT : SIGALRM), 0);
    }
    assert_int_equal(poll(&end, 1, 0), 1);
    close(end.fd);
    assert_int_equal(end_client(&client), 128 + SIGALRM);
}

/* --- with a terminal ------------------------------------------------------------------------- */

struct terminal {
    int master_fd, slave_fd;
    struct termios before;
};

static void open_terminal(struct terminal *terminal)
{
    const struct winsize size = {.ws_row = 33, .ws_col = 101};
    char name[64];

    terminal->master_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal->master_fd >= 0);
    assert_int_equal(grantpt(terminal->master_fd), 0);
    assert_int_equal(unlockpt(terminal->master_fd), 0);
    assert_int_equal(ptsname_r(terminal->master_fd, name, sizeof(name)), 0);
    terminal->slave_fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal->slave_fd >= 0);
    assert_int_equal(ioctl(terminal->slave_fd, TIOCSWINSZ, &size), 0);
    assert_int_equal(tcgetattr(terminal->slave_fd, &terminal->before), 0);
}

/* Nothing of raw mode is left. */
static void close_terminal(struct terminal *terminal)
{
    struct termios after;

    assert_int_equal(tcgetattr(terminal->slave_fd, &after), 0);
    assert_int_equal(after.c_lflag, terminal->before.c_lflag);
    assert_int_equal(after.c_iflag, terminal->before.c_iflag);
    assert_int_equal(after.c_oflag, terminal->before.c_oflag);
    close(terminal->master_fd);
    close(terminal->slave_fd);
}

static void expect_size(struct client *client, uint16_t rows, uint16_t columns)
{
    const uint16_t size[] = {rows, columns};
    char packet[1 + sizeof(size)] = {STREAM_RESIZE};

    memcpy(packet + 1, size, sizeof(size));
    expect_packet(client, packet, sizeof(packet));
}

static void test_keys_and_size(void **state)
{
    struct winsize size = {.ws_row = 40, .ws_col = 120};
    struct client_options options = {.forward_signals = true};
    struct terminal terminal;
    struct client client;

    open_terminal(&terminal);
    options.terminal_fd = terminal.slave_fd;
    start_client(&client, &options);
    expect_size(&client, 33, 101); /* raw mode is on by now */
    assert_int_equal(write(terminal.master_fd, "\3x\n", 3), 3);
    expect_packet(&client, "i\3x\n", 4);
    send_packet(&client, STREAM_STDOUT, "a\nb", 3);
    expect_text(terminal.master_fd, "a\nb"); /* no carriage return added */
    assert_int_equal(ioctl(terminal.slave_fd, TIOCSWINSZ, &size), 0);
    assert_int_equal(kill(client.pid, SIGWINCH), 0); /* it is not its controlling terminal */
    expect_size(&client, 40, 120);
    send_exit(&client, 0);
    assert_int_equal(end_client(&client), 0);
    close_terminal(&terminal);
}

/* run -t: lines end once, and the keys are still the terminal's. */
static void test_output_without_keys(void **state)
{
    struct client_options options = {.no_input = true, .forward_signals = true};
    struct terminal terminal;
    struct termios during;
    struct client client;

    open_terminal(&terminal);
    options.terminal_fd = terminal.slave_fd;
    start_client(&client, &options);
    expect_size(&client, 33, 101);
    send_packet(&client, STREAM_STDOUT, "a\r\nb", 4);
    expect_text(terminal.master_fd, "a\r\nb");
    assert_int_equal(tcgetattr(terminal.slave_fd, &during), 0);
    assert_int_equal(during.c_lflag, terminal.before.c_lflag);
    send_exit(&client, 0);
    assert_int_equal(end_client(&client), 0);
    close_terminal(&terminal);
}

static void test_detach_keys(void **state)
{
    struct client_options options = {0};
    struct terminal terminal;
    struct client client;

    open_terminal(&terminal);
    options.terminal_fd = terminal.slave_fd;
    start_client(&client, &options);
    expect_size(&client, 33, 101);
    /* A lone ctrl-p waits for the next key and then goes on with it. */
    assert_int_equal(write(terminal.master_fd, "a\20", 2), 2);
    expect_packet(&client, "ia", 2);
    assert_int_equal(write(terminal.master_fd, "b", 1), 1);
    expect_packet(&client, "i\20b", 3);
    assert_int_equal(write(terminal.master_fd, "\20\20c", 3), 3);
    expect_packet(&client, "i\20\20c", 4);
    assert_int_equal(write(terminal.master_fd, "\20", 1), 1);
    (void)usleep(20000);
    assert_int_equal(write(terminal.master_fd, "\21", 1), 1);
    assert_int_equal(end_client(&client), EXIT_DETACHED);
    close_terminal(&terminal);
}

/* Killed, but not by the container: the terminal is in order before the signal does its work. */
static void test_deadly_signal(void **state)
{
    struct client_options options = {0};
    struct terminal terminal;
    struct client client;

    open_terminal(&terminal);
    options.terminal_fd = terminal.slave_fd;
    start_client(&client, &options);
    expect_size(&client, 33, 101);
    assert_int_equal(kill(client.pid, SIGTERM), 0);
    assert_int_equal(end_client(&client), 128 + SIGTERM);
    close_terminal(&terminal);
}

/* While we are stopped the terminal is the shell's, and then ours again. */
static void test_stopped(void **state)
{
    struct client_options options = {.forward_signals = true, .is_job = true};
    struct terminal terminal;
    struct termios during;
    struct client client;
    int status = 0;

    open_terminal(&terminal);
    options.terminal_fd = terminal.slave_fd;
    start_client(&client, &options);
    expect_size(&client, 33, 101);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kill(client.pid, SIGTSTP), 0);
        assert_int_equal(waitpid(client.pid, &status, WUNTRACED), client.pid);
        assert_true(WIFSTOPPED(status));
        assert_int_equal(tcgetattr(terminal.slave_fd, &during), 0);
        assert_int_equal(during.c_lflag, terminal.before.c_lflag);
        assert_int_equal(kill(client.pid, SIGCONT), 0);
        expect_size(&client, 33, 101);
        expect_size(&client, 33, 101);
        expect_packet(&client, "k\22", 2); /* SIGCONT */
        assert_int_equal(tcgetattr(terminal.slave_fd, &during), 0);
        assert_int_equal(during.c_lflag & (tcflag_t)(ICANON | ECHO), 0);
    }
    send_exit(&client, 3);
    assert_int_equal(end_client(&client), 3);
    close_terminal(&terminal);
}

static void test_terminal_hangs_up(void **state)
{
    struct client_options options = {0};
    struct terminal terminal;
    struct client client;

    open_terminal(&terminal);
    options.terminal_fd = terminal.slave_fd;
    options.master_fd = terminal.master_fd;
    start_client(&client, &options);
    expect_size(&client, 33, 101);
    close(terminal.master_fd);
    assert_int_equal(end_client(&client), EXIT_CANCELLED);
    close(terminal.slave_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_and_exit_code),
        cmocka_unit_test(test_input_and_its_end),
        cmocka_unit_test(test_end_behind_a_full_socket),
        cmocka_unit_test(test_no_input),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_nobody_reads),
        cmocka_unit_test(test_nobody_reads_the_starter),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_lost_monitor),
        cmocka_unit_test(test_signals_are_forwarded_or_not_touched),
        cmocka_unit_test(test_signal_that_cannot_be_passed_on),
        cmocka_unit_test(test_keys_and_size),
        cmocka_unit_test(test_output_without_keys),
        cmocka_unit_test(test_detach_keys),
        cmocka_unit_test(test_deadly_signal),
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_terminal_hangs_up),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
