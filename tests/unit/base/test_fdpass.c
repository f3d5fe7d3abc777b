/* test_fdpass.c - packets, descriptors, named sockets, errors over a pipe. */
#include "base/base_test.h"

#include <sys/socket.h>

#include "base/fdpass.h"
#include "base/str.h"

static void make_pair(int pair[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

static void test_packets(void **state)
{
    char bytes[16];
    int pair[2];
    struct mcpd_error err;

    make_pair(pair);
    assert_int_equal(fdpass_send(pair[0], "one", 3, NULL, 0, &err), 0);
    assert_int_equal(fdpass_send(pair[0], "two!", 4, NULL, 0, &err), 0);
    assert_int_equal(fdpass_receive(pair[1], bytes, sizeof(bytes), NULL, 0, NULL, &err), 3);
    assert_memory_equal(bytes, "one", 3);
    assert_int_equal(fdpass_receive(pair[1], bytes, sizeof(bytes), NULL, 0, NULL, &err), 4);
    assert_int_equal(fdpass_send(pair[0], "last", 4, NULL, 0, &err), 0);
    close(pair[0]);
    assert_int_equal(fdpass_receive(pair[1], bytes, sizeof(bytes), NULL, 0, NULL, &err), 4);
    assert_int_equal(fdpass_receive(pair[1], bytes, sizeof(bytes), NULL, 0, NULL, &err), 0);
    assert_error(fdpass_send(pair[1], "x", 1, NULL, 0, &err), err, MCPD_E_SYSTEM,
                 "send a packet: Broken pipe"); /* and no SIGPIPE */
    assert_int_equal(err.sys_errno, EPIPE);
    close(pair[1]);
}

static void test_too_large_packet(void **state)
{
    char bytes[4];
    int pair[2];
    int fds[1];
    size_t fd_count = 9;
    int before = count_open_fds();
    struct mcpd_error err;

    make_pair(pair);
    assert_int_equal(fdpass_send(pair[0], "12345", 5, &pair[0], 1, &err), 0);
    assert_error(fdpass_receive(pair[1], bytes, sizeof(bytes), fds, 1, &fd_count, &err), err,
                 MCPD_E_LIMIT, "a packet is larger than 4 bytes");
    assert_int_equal(fd_count, 9);
    close(pair[0]);
    close(pair[1]);
    assert_int_equal(count_open_fds(), before);
}

/* The other side left something unread: its packets still arrive, then the end. */
static void test_reset(void **state)
{
    char bytes[16];
    int pair[2];
    struct mcpd_error err;

    make_pair(pair);
    assert_int_equal(fdpass_send(pair[0], "unread", 6, NULL, 0, &err), 0);
    assert_int_equal(fdpass_send(pair[1], "last", 4, NULL, 0, &err), 0);
    close(pair[1]);
    assert_int_equal(fdpass_receive(pair[0], bytes, sizeof(bytes), NULL, 0, NULL, &err), 4);
    assert_int_equal(fdpass_receive(pair[0], bytes, sizeof(bytes), NULL, 0, NULL, &err), 0);
    close(pair[0]);
}

static void test_descriptors(void **state)
{
    struct test_dir *dir = *state;
    int pair[2];
    int pipe_fds[2];
    int fds[FDPASS_MAX_FDS + 1];
    size_t count = 0;
    int before;
    char bytes[8];
    struct stat st;
    struct mcpd_error err;

    make_pair(pair);
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    before = count_open_fds();
    fds[0] = dir->fd;
    fds[1] = pipe_fds[0];
    fds[2] = pipe_fds[1];
    fds[3] = pair[0];
    fds[4] = pair[1];
    assert_int_equal(fdpass_send(pair[0], "4", 1, fds, 4, &err), 0);
    assert_int_equal(fdpass_receive(pair[1], bytes, sizeof(bytes), fds, 4, &count, &err), 1);
    assert_int_equal(count, 4);
    assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
    assert_int_equal(fstatat(fds[0], ".", &st, 0), 0);
    assert_int_equal(write(fds[2], "x", 1), 1);
    assert_int_equal(read(pipe_fds[0], bytes, 1), 1);
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    /* More than there is room for. */
    fds[0] = fds[1] = fds[2] = fds[3] = pipe_fds[0];
    assert_int_equal(fdpass_send(pair[0], "4", 1, fds, 4, &err), 0);
    assert_int_equal(fdpass_receive(pair[1], bytes, sizeof(bytes), fds, 1, &count, &err), 1);
    assert_int_equal(count, 1);
    close(fds[0]);
    assert_int_equal(fdpass_send(pair[0], "4", 1, &pipe_fds[0], 1, &err), 0);
    assert_int_equal(fdpass_receive(pair[1], bytes, sizeof(bytes), NULL, 0, NULL, &err), 1);
    assert_int_equal(count_open_fds(), before);
    assert_code(fdpass_send(pair[0], "+", 1, fds, FDPASS_MAX_FDS + 1, &err), MCPD_E_INTERNAL);
    close(pair[0]);
    close(pair[1]);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void test_named_sockets(void **state)
{
    struct test_dir *dir = *state;
    static const char long_part[] = "a-folder-with-a-name-that-is-far-too-long-for-sun-path";
    CLEANUP_FREE char *path = str_format("%s/%s/%s", long_part, long_part, long_part);
    CLEANUP_FD int deep_fd = -1;
    CLEANUP_FD int listen_fd = -1;
    CLEANUP_FD int again_fd = -1;
    CLEANUP_FD int client_fd = -1;
    CLEANUP_FD int server_fd = -1;
    char bytes[8];
    struct stat st;
    struct mcpd_error err;

    assert_int_equal(fs_make_dirs(dir->fd, path, 0755, &deep_fd, &err), 0);
    assert_int_equal(fdpass_listen(deep_fd, "socket", &listen_fd, &err), 0);
    assert_int_equal(fstatat(deep_fd, "socket", &st, 0), 0);
    assert_int_equal(st.st_mode, S_IFSOCK | 0600);
    assert_int_equal(fdpass_connect(deep_fd, "socket", &client_fd, &err), 0);
    server_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(server_fd >= 0);
    assert_int_equal(fdpass_send(client_fd, "hi", 2, NULL, 0, &err), 0);
    assert_int_equal(fdpass_receive(server_fd, bytes, sizeof(bytes), NULL, 0, NULL, &err), 2);
    /* The socket of a dead process. */
    close(TAKE_FD(listen_fd));
    assert_error(fdpass_connect(deep_fd, "socket", &again_fd, &err), err, MCPD_E_NOT_FOUND,
                 "nobody listens on 'socket'");
    assert_int_equal(fdpass_listen(deep_fd, "socket", &listen_fd, &err), 0);
    close(TAKE_FD(client_fd));
    assert_int_equal(fdpass_connect(deep_fd, "socket", &client_fd, &err), 0);
}

static void test_named_socket_errors(void **state)
{
    struct test_dir *dir = *state;
    char name[200];
    int fd = -1;
    int before = count_open_fds();
    struct mcpd_error err;

    put_file(dir->fd, "file", "precious");
    assert_code(fdpass_listen(dir->fd, "file", &fd, &err), MCPD_E_SYSTEM);
    assert_true(fs_exists(dir->fd, "file"));
    assert_error(fdpass_connect(dir->fd, "none", &fd, &err), err, MCPD_E_NOT_FOUND,
                 "connect to 'none': No such file or directory");
    memset(name, 'n', sizeof(name));
    name[199] = '\0';
    assert_code(fdpass_connect(dir->fd, name, &fd, &err), MCPD_E_INVALID);
    assert_int_equal(fd, -1);
    assert_int_equal(count_open_fds(), before);
}

static void test_error_over_a_pipe(void **state)
{
    struct mcpd_error sent = {
        .code = MCPD_E_DENIED, .sys_errno = EPERM, .message = "mount '/proc'"};
    struct mcpd_error err = {0};
    int pipe_fds[2];

    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    fdpass_send_error(pipe_fds[1], &sent);
    assert_error(fdpass_receive_error(pipe_fds[0], &err), err, MCPD_E_DENIED, "mount '/proc'");
    assert_int_equal(err.sys_errno, EPERM);
    /* Half of one. */
    assert_int_equal(write(pipe_fds[1], &sent, 100), 100);
    close(pipe_fds[1]);
    assert_error(fdpass_receive_error(pipe_fds[0], &err), err, MCPD_E_PROTOCOL,
                 "the child sent half an error");
    /* Closed without a word. */
    assert_int_equal(fdpass_receive_error(pipe_fds[0], &err), 0);
    close(pipe_fds[0]);
    assert_code(fdpass_receive_error(-1, &err), MCPD_E_SYSTEM);
}

static void test_nonsense_over_a_pipe(void **state)
{
    struct mcpd_error sent;
    struct mcpd_error err = {0};
    int pipe_fds[2];

    memset(&sent, 0xff, sizeof(sent));
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    fdpass_send_error(pipe_fds[1], &sent);
    assert_code(fdpass_receive_error(pipe_fds[0], &err), MCPD_E_INTERNAL);
    assert_int_equal(strlen(err.message), MCPD_ERROR_MESSAGE_SIZE - 1);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packets),
        cmocka_unit_test(test_too_large_packet),
        cmocka_unit_test(test_reset),
        DIR_TEST(test_descriptors),
        DIR_TEST(test_named_sockets),
        DIR_TEST(test_named_socket_errors),
        cmocka_unit_test(test_error_over_a_pipe),
        cmocka_unit_test(test_nonsense_over_a_pipe),
    };

    return cmocka_run_group_tests_name("fdpass", tests, NULL, NULL);
}
