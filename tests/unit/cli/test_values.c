/* test_values.c - numbers, durations and times. */
#include "cli/cli_test.h"

#include "cli/values.h"

#define SECOND INT64_C(1000000000)

static void test_numbers(void **state)
{
    int64_t value = 0;

    assert_int_equal(value_parse_int("-12", &value), 0);
    assert_int_equal(value, -12);
    assert_int_equal(value_parse_int("+3", &value), 0);
    assert_int_equal(value, 3);
    assert_int_equal(value_parse_int("9223372036854775807", &value), 0);
    assert_int_equal(value_parse_int("9223372036854775808", &value), -MCPD_E_LIMIT);
    assert_int_equal(value_parse_int("", &value), -MCPD_E_INVALID);
    assert_int_equal(value_parse_int("-", &value), -MCPD_E_INVALID);
    assert_int_equal(value_parse_int("1 ", &value), -MCPD_E_INVALID);
    assert_true(value_is_real("1") && value_is_real("1.5") && value_is_real(".5") &&
                value_is_real("2."));
    assert_false(value_is_real("") || value_is_real(".") || value_is_real("1e3") ||
                 value_is_real("-1"));
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        {"0", 0},
        {"90s", 90 * SECOND},
        {"1h2m3.5s", 3723 * SECOND + SECOND / 2},
        {"250ms", SECOND / 4},
        {"1.5h", 5400 * SECOND},
        {".5s", SECOND / 2},
        {"2us", 2000},
        {"2\xc2\xb5s", 2000},
        {"7ns", 7},
        {"1.5us", 1500},
        {"-10m", -600 * SECOND},
        {"10000000000ns", 10 * SECOND},
        {"0.1s", SECOND / 10},
    };
    static const char *const bad[] = {"",    "-",     "1",   "s",   ".s",    "1x",
                                      "1s2", "1..2s", " 1s", "1 s", "1.2.3s"};
    int64_t ns = 0;

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        if (value_parse_duration(good[i].text, &ns) < 0)
            fail_msg("%s", good[i].text);
        assert_int_equal(ns, good[i].ns);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (value_parse_duration(bad[i], &ns) == 0)
            fail_msg("\"%s\" is no duration", bad[i]);
    assert_int_equal(value_parse_duration("9999999h", &ns), -MCPD_E_LIMIT);
    assert_int_equal(value_parse_duration("99999999999999999999s", &ns), -MCPD_E_LIMIT);
}

static void test_times(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        {"2026-11-23T16:32:08Z", 1795451528 * SECOND},
        {"2026-11-23T17:32:08.5+01:00", 1795451528 * SECOND + SECOND / 2},
        {"2026-11-23T16:32:08", 1795451528 * SECOND},
        {"2026-11-23T16:32", 1795451520 * SECOND},
        {"2026-11-23", 1795392000 * SECOND},
        {"1795451528", 1795451528 * SECOND},
        {"1795451528.25", 1795451528 * SECOND + SECOND / 4},
        {"10m", 400 * SECOND},
    };
    static const char *const bad[] = {"", "foo", "2026-13-01", "2026-11-23T", ".5", "12:30"};
    int64_t ns = 0;

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        if (value_parse_time(good[i].text, 1000 * SECOND, &ns) < 0)
            fail_msg("%s", good[i].text);
        assert_int_equal(ns, good[i].ns);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (value_parse_time(bad[i], 0, &ns) == 0)
            fail_msg("\"%s\" is no time", bad[i]);
}

static void test_keys(void **state)
{
    static const char *const bad[] = {"foo", "ctrl-", "ctrl-1",   "a,,b",
                                      "a,",  ",",     "\303\251", "ctrl-A"};
    const char *wrong = NULL;
    char keys[4] = "";
    size_t count = 9;

    assert_int_equal(value_parse_keys("", keys, 4, &count, &wrong), 0);
    assert_int_equal(count, 0);
    assert_int_equal(value_parse_keys("ctrl-p,ctrl-q", keys, 4, &count, &wrong), 0);
    assert_int_equal(count, 2);
    assert_memory_equal(keys, "\20\21", 2);
    assert_int_equal(value_parse_keys("ctrl-@,ctrl-\\,x,ctrl-_", keys, 4, &count, &wrong), 0);
    assert_int_equal(count, 4);
    assert_memory_equal(keys, "\0\34x\37", 4);
    assert_int_equal(value_parse_keys("a,b,c,d,e", keys, 4, &count, &wrong), -MCPD_E_LIMIT);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(value_parse_keys(bad[i], keys, 4, &count, &wrong), -MCPD_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
