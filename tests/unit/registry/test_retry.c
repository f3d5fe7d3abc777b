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
    struct retry_reason busy = retry_of_status(503, 0);
    struct retry_reason told = retry_of_status(429, 7);
    struct retry_reason long_told = retry_of_status(429, UINT64_MAX);

    assert_int_equal(retry_delay_ms(&policy, &refused, 1), 1000);
    assert_int_equal(retry_delay_ms(&policy, &refused, 3), 1000);
    assert_int_equal(retry_delay_ms(&policy, &busy, 1), 1000);
    assert_int_equal(retry_delay_ms(&policy, &busy, 3), 4000);
    assert_int_equal(retry_delay_ms(&policy, &busy, 100), 60000);
    assert_int_equal(retry_delay_ms(&policy, &told, 1), 7000);
    assert_int_equal(retry_delay_ms(&policy, &long_told, 1), 60000);
}

static void test_policy(void **state)
{
    struct retry_policy policy;

    assert_int_equal(unsetenv("MCPD_RETRY_COUNT"), 0);
    assert_int_equal(unsetenv("MCPD_RETRY_DELAY_MS"), 0);
    retry_policy_init(&policy);
    assert_true(policy.count == 3 && policy.delay_ms == 1000);
    assert_int_equal(setenv("MCPD_RETRY_COUNT", "5", 1), 0);
    assert_int_equal(setenv("MCPD_RETRY_DELAY_MS", "10", 1), 0);
    retry_policy_init(&policy);
    assert_true(policy.count == 5 && policy.delay_ms == 10);
    assert_int_equal(setenv("MCPD_RETRY_COUNT", "many", 1), 0);
    retry_policy_init(&policy);
    assert_int_equal(policy.count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_delays),
        cmocka_unit_test(test_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
