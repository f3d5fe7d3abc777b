/* test_child.c - work in a process of its own: its success, its error, its death. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/child.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static int succeed(void *context, struct mcpd_error *err)
{
    const int *fd = context;

    return write(*fd, "done", 4) == 4 ? 0 : error_errno(err, "write");
}

static int refuse(void *context, struct mcpd_error *err)
{
    return error_set(err, MCPD_E_CORRUPT, "%s", (const char *)context);
}

static int die(void *context, struct mcpd_error *err)
{
    return kill(getpid(), SIGKILL);
}

static int sleep_for_ever(void *context, struct mcpd_error *err)
{
    for (;;)
        (void)pause();
    return 0;
}

/* Everything but the error's way is closed, as a confined child does it. */
static int fail_closed(void *context, struct mcpd_error *err)
{
    for (int fd = 3; fd < 64; fd++)
        if (fd != child_error_fd())
            (void)close(fd);
    return error_set(err, MCPD_E_LIMIT, "closed");
}

static void test_success(void **state)
{
    CLEANUP_CHILD struct child child = CHILD_NONE;
    char text[8] = "";
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(child_start("test", succeed, &fds[1], &child, NULL), 0);
    assert_int_equal(child_finish(&child, NULL), 0);
    assert_int_equal(child.pid, 0);
    assert_int_equal(read(fds[0], text, sizeof(text)), 4);
    assert_string_equal(text, "done");
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void test_error(void **state)
{
    CLEANUP_CHILD struct child child = CHILD_NONE;
    struct mcpd_error error = {0};
    char text[] = "a reason";

    assert_int_equal(child_start("test", refuse, text, &child, NULL), 0);
    assert_int_equal(child_finish(&child, &error), -MCPD_E_CORRUPT);
    assert_string_equal(error.message, "a reason");
    assert_int_equal(child_start("test", fail_closed, NULL, &child, NULL), 0);
    assert_int_equal(child_finish(&child, &error), -MCPD_E_LIMIT);
    assert_string_equal(error.message, "closed");
}

static void test_death(void **state)
{
    CLEANUP_CHILD struct child child = CHILD_NONE;
    struct mcpd_error error = {0};

    assert_int_equal(child_start("test", die, NULL, &child, NULL), 0);
    assert_int_equal(child_finish(&child, &error), -MCPD_E_SYSTEM);
    assert_non_null(strstr(error.message, "unexpectedly"));
}

static void test_forgotten(void **state)
{
    struct child child = CHILD_NONE;
    pid_t pid;

    assert_int_equal(child_start("test", sleep_for_ever, NULL, &child, NULL), 0);
    pid = child.pid;
    child_done(&child);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(waitpid(pid, NULL, 0), -1);
    child_done(&child);
}

/* Its parent is killed: it goes too. */
static void test_dies_with_its_parent(void **state)
{
    int fds[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct child child = CHILD_NONE;

        (void)close(fds[0]);
        if (child_start("test", sleep_for_ever, NULL, &child, NULL) < 0)
            _exit(1);
        (void)kill(getpid(), SIGKILL);
    }
    (void)close(fds[1]);
    /* The end of the pipe: both are gone. */
    assert_int_equal(read(fds[0], &byte, 1), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    (void)close(fds[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_success),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_death),
        cmocka_unit_test(test_forgotten),
        cmocka_unit_test(test_dies_with_its_parent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
