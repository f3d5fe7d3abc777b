/* test_jobs.c - many names at once: results in order, failures and deaths with their names. */
#include "cli/cli_test.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/jobs.h"

struct log {
    char text[512];
    size_t count;
};

/* "slow-1" takes its time, "bad" fails, "dead" is killed. */
static int work(struct cli *cli, const char *name, void *context, struct mcpd_error *err)
{
    (void)cli;
    assert_string_equal(context, "context");
    if (str_has_prefix(name, "slow"))
        (void)usleep(400000);
    if (str_has_prefix(name, "dead"))
        (void)raise(SIGKILL);
    return str_has_prefix(name, "bad") ? error_set(err, MCPD_E_STATE, "%s is bad", name) : 0;
}

static void report(struct cli *cli, const char *name, int rc, const struct mcpd_error *err,
                   void *context)
{
    struct log *log = context;
    size_t length = strlen(log->text);

    (void)cli;
    log->count++;
    (void)snprintf(log->text + length, sizeof(log->text) - length, "%s %d %s|", name, rc,
                   rc < 0 ? err->message : "");
}

static void run(char *const *names, struct log *log)
{
    char context[] = "context";

    *log = (struct log){.text = ""};
    jobs_run(NULL, names, work, context, report, log);
}

static void test_order_and_failures(void **state)
{
    char *names[] = {(char[]){"slow-1"},
                     (char[]){"bad"},
                     (char[]){"dead"},
                     (char[]){"slow-2"},
                     (char[]){"slow-3"},
                     (char[]){"ok"},
                     NULL};
    struct timespec before;
    struct timespec after;
    struct log log;

    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    run(names, &log);
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    assert_string_equal(log.text, "slow-1 0 |bad -4 bad is bad|"
                                  "dead -13 the process for it ended with status 137|"
                                  "slow-2 0 |slow-3 0 |ok 0 |");
    assert_true((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 <
                1100); /* one after the other it would be 1200 */
}

static void test_one_and_none(void **state)
{
    char *one[] = {(char[]){"bad"}, NULL};
    struct log log;

    run(one, &log);
    assert_string_equal(log.text, "bad -4 bad is bad|");
    run(NULL, &log);
    assert_string_equal(log.text, "");
}

/* More than run at a time. */
static void test_many(void **state)
{
    char **names = NULL;
    struct log log;

    for (int i = 0; i < 300; i++)
        assert_int_equal(strv_append(&names, "x"), 0);
    run(names, &log);
    assert_int_equal(log.count, 300);
    assert_int_equal(strncmp(log.text, "x 0 |x 0 |", 10), 0);
    strv_free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_failures),
        cmocka_unit_test(test_one_and_none),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
