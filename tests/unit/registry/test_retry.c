/* test_retry.c - what is tried again, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/retry.h"

#include <stdlib.h>

static void test_failures(void **state)
{
    assert_true(retry_of_failure(HTTP_FAILURE_CONNECT).is_retryable);
    assert_true(retry_of_failure(HTTP_FAILURE_TIMEOUT).is_retryable);
    assert_true(retry_of_failure(HTTP_FAILURE_BROKEN).is_retryable);
    assert_false(retry_of_failure(HTTP_FAILURE_RESOLVE).is_retryable);
    assert_false(retry_of_failure(HTTP_FAILURE_TRUST).is_retryable);
    assert_false(retry_of_failure(HTTP_FAILURE_LOCAL).is_retryable);
}

static void test_statuses(void **state)
{
    static const int final[] = {400, 401, 403, 404, 405, 410, 501};
    static const int busy[] = {429, 500, 502, 503, 504};

    for (size_t i = 0; i < ARRAY_SIZE(final); i++)
        assert_false(retry_of_status(final[i], 0).is_retryable);
    for (size_t i = 0; i < ARRAY_SIZE(busy); i++)
        assert_true(retry_of_status(busy[i], 0).is_retryable);
}

static void test_delays(void **state)
{
    const struct retry_policy policy = {.count = 3, .delay_ms = 1000};
    struct retry_reason refused = retry_of_failure(HTTP_FAILURE_CONNECT);
    struct retry_reason broken = retry_of_failure(HTTP_FAILURE_BROKEN);
    struct retry_reason busy = retry_of_status(503, 0);
    struct retry_reason told = retry_of_status(429, 7);
    struct retry_reason long_told = retry_of_status(429, UINT64_MAX);

    assert_int_equal(retry_delay_ms(&policy, &refused, 1), 1000);
    assert_int_equal(retry_delay_ms(&policy, &refused, 3), 1000);
    assert_int_equal(retry_delay_ms(&policy, &busy, 1), 1000);
    assert_int_equal(retry_delay_ms(&policy, &broken, 2), 2000);
    assert_int_equal(retry_delay_ms(&policy, &busy, 3), 4000);
    assert_int_equal(retry_delay_ms(&policy, &busy, 100), 60000);
    assert_int_equal(retry_delay_ms(&policy, &told, 1), 7000);
    assert_int_equal(retry_delay_ms(&policy, &long_told, 1), 60000);
}

/* With --retry-delay every pause is the same; what the server asks for still counts. */
static void test_fixed_delay(void **state)
{
    const struct retry_policy policy = {.count = 3, .delay_ms = 500, .is_fixed = true};
    struct retry_reason busy = retry_of_status(503, 0);
    struct retry_reason told = retry_of_status(429, 7);

    assert_int_equal(retry_delay_ms(&policy, &busy, 1), 500);
    assert_int_equal(retry_delay_ms(&policy, &busy, 3), 500);
    assert_int_equal(retry_delay_ms(&policy, &told, 1), 7000);
}

static void test_chance(void **state)
{
    unsigned int least = UINT32_MAX, most = 0;

    for (int i = 0; i < 1000; i++) {
        unsigned int delay_ms = retry_add_chance(1000);

        least = delay_ms < least ? delay_ms : least;
        most = delay_ms > most ? delay_ms : most;
    }
    assert_in_range(least, 1000, 1050);
    assert_in_range(most, 1200, 1250);
    assert_int_equal(retry_add_chance(0), 0);
}

static void formats_as(unsigned int delay_ms, const char *expected)
{
    char text[RETRY_DELAY_SIZE];

    retry_format_delay(delay_ms, text);
    assert_string_equal(text, expected);
}

static void test_format(void **state)
{
    formats_as(1000, "1s");
    formats_as(250, "250ms");
    formats_as(1500, "1.5s");
    formats_as(1050, "1.05s");
    formats_as(10000, "10s");
    formats_as(60000, "1m0s");
    formats_as(90500, "1m30.5s");
}

static void test_policy(void **state)
{
    struct mcpd_registry_options options = {0};
    struct retry_policy policy;

    assert_int_equal(unsetenv("MCPD_RETRY_COUNT"), 0);
    assert_int_equal(unsetenv("MCPD_RETRY_DELAY_MS"), 0);
    retry_policy_init(&options, &policy);
    assert_true(policy.count == 3 && policy.delay_ms == 1000);
    assert_int_equal(setenv("MCPD_RETRY_COUNT", "5", 1), 0);
    assert_int_equal(setenv("MCPD_RETRY_DELAY_MS", "10", 1), 0);
    retry_policy_init(&options, &policy);
    assert_true(policy.count == 5 && policy.delay_ms == 10);
    assert_int_equal(setenv("MCPD_RETRY_COUNT", "many", 1), 0);
    retry_policy_init(&options, &policy);
    assert_int_equal(policy.count, 3);
    options.retry_count = -1;
    options.retry_delay_ms = 2000;
    retry_policy_init(&options, &policy);
    assert_true(policy.count == 0 && policy.delay_ms == 2000 && policy.is_fixed);
    options.retry_count = 7;
    options.retry_delay_ms = 1000000;
    retry_policy_init(&options, &policy);
    assert_true(policy.count == 7 && policy.delay_ms == 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failures), cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_delays),   cmocka_unit_test(test_fixed_delay),
        cmocka_unit_test(test_chance),   cmocka_unit_test(test_format),
        cmocka_unit_test(test_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
