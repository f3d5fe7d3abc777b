/* test_handshake.c - what the starting process hears: it runs, why not, or nothing. */
#include "base/base_test.h"

#include "runtime/handshake.h"

struct ends {
    int read_fd;
    int write_fd;
};

static struct ends make_ends(void)
{
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    return (struct ends){fds[0], fds[1]};
}

static int receive(struct ends *ends, struct mcpd_error *err)
{
    int rc;

    close(ends->write_fd);
    rc = handshake_receive(ends->read_fd, err);
    close(ends->read_fd);
    return rc;
}

static struct mcpd_error some_error(void)
{
    struct mcpd_error error = {0};

    (void)!error_set(&error, MCPD_E_COMMAND_NOT_FOUND, "no such command");
    return error;
}

static void test_runs(void **state)
{
    struct ends ends = make_ends();

    handshake_send_ready(ends.write_fd);
    assert_int_equal(receive(&ends, NULL), 0);
}

static void test_error(void **state)
{
    struct ends ends = make_ends();
    struct mcpd_error error = some_error();
    struct mcpd_error err = {0};
    int rc;

    handshake_send_error(ends.write_fd, &error);
    rc = receive(&ends, &err);
    assert_error(rc, err, MCPD_E_COMMAND_NOT_FOUND, "no such command");
}

static void test_exec_failed(void **state)
{
    struct ends ends = make_ends();
    struct mcpd_error error = some_error();
    struct mcpd_error err = {0};
    int rc;

    handshake_send_ready(ends.write_fd);
    handshake_send_error(ends.write_fd, &error);
    rc = receive(&ends, &err);
    assert_error(rc, err, MCPD_E_COMMAND_NOT_FOUND, "no such command");
}

static void test_killed(void **state)
{
    struct ends ends = make_ends();
    struct mcpd_error err = {0};
    int rc = receive(&ends, &err);

    assert_error_contains(rc, err, MCPD_E_SYSTEM, "was killed before");
}

static void test_half_a_message(void **state)
{
    struct mcpd_error error = some_error();
    struct mcpd_error err = {0};
    struct ends ends = make_ends();
    char bytes[2000] = {0};

    assert_int_equal(write(ends.write_fd, &error, 100), 100);
    assert_code(receive(&ends, &err), MCPD_E_PROTOCOL);
    ends = make_ends();
    assert_int_equal(write(ends.write_fd, bytes, sizeof(bytes)), sizeof(bytes));
    assert_code(receive(&ends, &err), MCPD_E_PROTOCOL);
    ends = make_ends();
    assert_int_equal(write(ends.write_fd, bytes, sizeof(error)), sizeof(error));
    assert_code(receive(&ends, &err), MCPD_E_INTERNAL); /* an error without a code */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs),           cmocka_unit_test(test_error),
        cmocka_unit_test(test_exec_failed),    cmocka_unit_test(test_killed),
        cmocka_unit_test(test_half_a_message),
    };

    return cmocka_run_group_tests_name("handshake", tests, NULL, NULL);
}
