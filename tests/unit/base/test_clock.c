/* test_clock.c - RFC 3339 both ways, ages in words. */
#include "base/base_test.h"

#include <time.h>

#include "base/clock.h"

static void test_now(void **state)
{
    int64_t before = clock_monotonic_ms();

    assert_true(clock_unix_ns() > INT64_C(1700000000) * 1000000000);
    assert_true(clock_monotonic_ms() >= before);
}

static void test_format(void **state)
{
    static const struct {
        int64_t unix_ns;
        const char *text;
    } cases[] = {
        {0, "0001-01-01T00:00:00Z"},
        {1, "1970-01-01T00:00:00.000000001Z"},
        {-1, "1969-12-31T23:59:59.999999999Z"},
        {INT64_C(1795451528293006451), "2026-11-23T16:32:08.293006451Z"},
        {INT64_C(1795451528293000000), "2026-11-23T16:32:08.293Z"},
        {INT64_C(951782400000000000), "2000-02-29T00:00:00Z"},
        {INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
        {INT64_MIN, "1677-09-21T00:12:43.145224192Z"},
    };
    char text[CLOCK_RFC3339_SIZE];
    int64_t back;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        clock_format_rfc3339(cases[i].unix_ns, text);
        assert_string_equal(text, cases[i].text);
        if (cases[i].unix_ns == INT64_MIN)
            continue; /* whole seconds before it do not fit */
        assert_int_equal(clock_parse_rfc3339(text, &back), 0);
        assert_true(back == cases[i].unix_ns);
    }
}

static void test_format_as_go_does(void **state)
{
    char text[CLOCK_GO_SIZE];

    clock_format_go(INT64_C(1795451528293006451), text);
    assert_string_equal(text, "2026-11-23 16:32:08.293006451 +0000 UTC");
    clock_format_go(INT64_C(951782400000000000), text);
    assert_string_equal(text, "2000-02-29 00:00:00 +0000 UTC");
    clock_format_go(0, text);
    assert_string_equal(text, "0001-01-01 00:00:00 +0000 UTC");
    clock_format_go(INT64_MAX, text);
    assert_string_equal(text, "2262-04-11 23:47:16.854775807 +0000 UTC");
}

/* Against the C library, through two leap cycles and past them. */
static void test_calendar(void **state)
{
    for (int64_t day = -100000; day < 100000; day += 7) {
        time_t seconds = day * 86400 + 12345;
        char ours[CLOCK_RFC3339_SIZE];
        char theirs[CLOCK_RFC3339_SIZE];
        struct tm tm;

        clock_format_rfc3339(seconds * INT64_C(1000000000), ours);
        assert_non_null(gmtime_r(&seconds, &tm));
        assert_true(strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
        assert_string_equal(ours, theirs);
    }
}

static void test_parse(void **state)
{
    static const char *const same[] = {
        "2026-11-23T16:32:08Z",      "2026-11-23t16:32:08z",      "2026-11-23T16:32:08.000+00:00",
        "2026-11-23T18:02:08+01:30", "2026-11-22T17:32:08-23:00",
    };
    static const char *const bad[] = {
        "",
        "2026-11-23",
        "2026-11-23T16:32:08",
        "2026-11-23 16:32:08Z",
        "2026-13-23T16:32:08Z",
        "2026-00-23T16:32:08Z",
        "2026-02-29T16:32:08Z",
        "1900-02-29T16:32:08Z",
        "2026-11-31T16:32:08Z",
        "2026-11-23T24:32:08Z",
        "2026-11-23T16:60:08Z",
        "2026-11-23T16:32:61Z",
        "2026-11-23T16:32:08.Z",
        "2026-11-23T16:32:08Zx",
        "2026-11-23T16:32:08+1:00",
        "2026-11-23T16:32:08+24:00",
        "+026-11-23T16:32:08Z",
        "1600-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2026-11-23T16:32:08+",
        "0001-01-01T00:00:01Z",
    };
    int64_t unix_ns = 5;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_code(clock_parse_rfc3339(bad[i], &unix_ns), MCPD_E_INVALID);
    assert_code(clock_parse_rfc3339(NULL, &unix_ns), MCPD_E_INVALID);
    assert_int_equal(unix_ns, 5);
    for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
        assert_int_equal(clock_parse_rfc3339(same[i], &unix_ns), 0);
        assert_true(unix_ns == INT64_C(1795451528000000000));
    }
    assert_int_equal(clock_parse_rfc3339("0001-01-01T00:00:00Z", &unix_ns), 0);
    assert_true(unix_ns == 0);
    assert_int_equal(clock_parse_rfc3339("1970-01-01T00:00:00.1234567891234Z", &unix_ns), 0);
    assert_true(unix_ns == 123456789);
}

static void test_age(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        {-5, "Less than a second"}, {0, "Less than a second"}, {1, "1 second"},
        {59, "59 seconds"},         {60, "About a minute"},    {119, "About a minute"},
        {120, "2 minutes"},         {3599, "59 minutes"},      {3600, "About an hour"},
        {5399, "About an hour"},    {5400, "2 hours"},         {47 * 3600, "47 hours"},
        {48 * 3600, "2 days"},      {13 * 86400, "13 days"},   {14 * 86400, "2 weeks"},
        {59 * 86400, "8 weeks"},    {60 * 86400, "2 months"},  {729 * 86400, "24 months"},
        {730 * 86400, "2 years"},
    };
    char text[64];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        clock_format_age(cases[i].seconds, text, sizeof(text));
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_now),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_format_as_go_does),
        cmocka_unit_test(test_calendar),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_age),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
