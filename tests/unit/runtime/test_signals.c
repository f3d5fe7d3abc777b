/* test_signals.c - names and numbers of signals. */
#include "base/base_test.h"

#include <signal.h>

#include "runtime/signals.h"

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        int number;
    } rows[] = {
        {"TERM", 15},  {"SIGTERM", 15}, {"sigterm", 15},  {"15", 15},      {"KILL", 9},
        {"winch", 28}, {"RTMIN", 34},   {"SIGRTMIN", 34}, {"RTMIN+3", 37}, {"SIGRTMAX-2", 62},
        {"RTMAX", 64}, {"64", 64},      {"RTMIN+30", 64},
    };
    static const char *const bad[] = {"",         "0",       "SIG",     "FOO",    "-9",
                                      "RTMIN+31", "RTMIN-1", "RTMAX+1", "RTMIN+", "15x"};
    struct mcpd_error err = {0};
    int number;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(signals_parse(rows[i].text, &number, &err), 0);
        assert_int_equal(number, rows[i].number);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        number = -1;
        assert_error_contains(signals_parse(bad[i], &number, &err), err, MCPD_E_INVALID,
                              "invalid signal: ");
        assert_int_equal(number, -1);
    }
}

static void test_numbers_out_of_range(void **state)
{
    struct mcpd_error err = {0};
    int number = -1;

    assert_error(signals_parse("65", &number, &err), err, MCPD_E_INVALID,
                 "valid signals are 1 through 64");
    assert_error(signals_parse("99999999999999999999", &number, &err), err, MCPD_E_INVALID,
                 "valid signals are 1 through 64");
    assert_int_equal(number, -1);
}

static void test_names(void **state)
{
    assert_string_equal(signals_name(15), "SIGTERM");
    assert_string_equal(signals_name(26), "SIGVTALRM");
    assert_string_equal(signals_name(0), "");
    assert_string_equal(signals_name(40), "");
    assert_string_equal(signals_name(-1), "");
}

static void test_passed_on(void **state)
{
    static const int kept[] = {0,      SIGKILL, SIGSTOP, SIGCHLD, SIGPIPE, SIGURG,  SIGSEGV, SIGBUS,
                               SIGFPE, SIGILL,  SIGABRT, SIGSYS,  SIGTSTP, SIGTTIN, SIGTTOU, 65};
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
        assert_false(signals_is_passed_on(kept[i]));
    for (int number = -1; number < 70; number++)
        count += signals_is_passed_on(number);
    assert_int_equal(count, SIGNALS_MAX + 2 - ARRAY_SIZE(kept));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_numbers_out_of_range),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_passed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
