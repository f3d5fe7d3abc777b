/* test_log.c - topics, one write per line. */
#include "base/base_test.h"

#include "base/log.h"

/* What reaches stderr; owned by the caller. */
static char *captured(const char *topics, const char *topic, const char *text)
{
    int pipe_fds[2];
    int saved_fd = dup(STDERR_FILENO);
    char *output = NULL;

    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    fflush(stderr);
    dup2(pipe_fds[1], STDERR_FILENO);
    close(pipe_fds[1]);
    log_enable(topics);
    errno = ENOTTY;
    log_debug(topic, "%s", text);
    assert_int_equal(errno, ENOTTY);
    log_enable("");
    dup2(saved_fd, STDERR_FILENO);
    close(saved_fd);
    assert_int_equal(fs_read_fd(pipe_fds[0], "stderr", 1 << 16, &output, NULL, NULL), 0);
    close(pipe_fds[0]);
    return output;
}

static void test_topics(void **state)
{
    log_enable("mount,net");
    assert_true(log_is_enabled("mount"));
    assert_true(log_is_enabled("net"));
    assert_false(log_is_enabled("mou"));
    assert_false(log_is_enabled("network"));
    log_enable("all");
    assert_true(log_is_enabled("anything"));
    log_enable("");
    assert_false(log_is_enabled("mount"));
    assert_false(log_is_enabled(""));
    setenv("MCPD_DEBUG", "x,,y", 1);
    log_enable(NULL);
    assert_true(log_is_enabled("y"));
    unsetenv("MCPD_DEBUG");
    log_enable(NULL);
    assert_false(log_is_enabled("y"));
}

static void test_line(void **state)
{
    CLEANUP_FREE char *line = captured("mount", "mount", "bind \x1b/a\n/b");
    CLEANUP_FREE char *nothing = captured("net", "mount", "bind");
    char wanted[64];

    (void)snprintf(wanted, sizeof(wanted), "mcpd[%d] mount: bind  /a /b\n", (int)getpid());
    assert_string_equal(line, wanted);
    assert_string_equal(nothing, "");
}

static void test_long_line_is_cut(void **state)
{
    CLEANUP_FREE char *line = NULL;
    char text[5000];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    line = captured("all", "a-topic-with-a-name-that-is-far-too-long-for-a-line", text);
    assert_true(strlen(line) > 2000 && strlen(line) <= 2048);
    assert_int_equal(line[strlen(line) - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topics),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_long_line_is_cut),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
