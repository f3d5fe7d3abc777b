/* test_signals.c - names and numbers of signals. */
#include "base/base_test.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_numbers_out_of_range),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
