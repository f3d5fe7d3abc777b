/* test_interrupt.c - signals that wait until everything is tidy. */
#include "base_test.h"

#include "base/interrupt.h"

#include <poll.h>
#include <sys/wait.h>

static void test_nothing(void **state)
{
    struct interrupt interrupt;
    sigset_t before, after;

    assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &before), 0);
    assert_int_equal(interrupt_begin(&interrupt, NULL), 0);
    assert_false(interrupt_has_come(interrupt.fd));
    interrupt_end(&interrupt);
    assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &after), 0);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_false(interrupt_has_come(0));
    assert_false(interrupt_has_come(-1));
}

/* Runs in a child: 0 when all is as it should be until the end, which the signal brings. */
static void be_interrupted(int number, bool is_ignored)
{
    struct interrupt interrupt;

    if (is_ignored && signal(number, SIG_IGN) == SIG_ERR)
        _exit(1);
    if (interrupt_begin(&interrupt, NULL) < 0 || raise(number) != 0)
        _exit(2);
    for (int i = 0; i < 2; i++)
        if (interrupt_has_come(interrupt.fd) == is_ignored)
            _exit(3);
    interrupt_end(&interrupt);
    _exit(0);
}

static int status_of(int number, bool is_ignored)
{
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        be_interrupted(number, is_ignored);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void test_signals(void **state)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        int status = status_of(numbers[i], false);

        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == numbers[i]);
        status = status_of(numbers[i], true);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_signals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
