/* test_rlimit.c - limits are set; what the host does not allow is as high as it goes. */
#include "base/base_test.h"

#include <sys/resource.h>

#include "runtime/rlimit.h"

static int lower(void *context)
{
    const struct plan_rlimit limits[] = {{RLIMIT_NOFILE, 100, 200}, {RLIMIT_CORE, 0, 0}};
    struct rlimit now;

    CHECK(rlimit_apply(limits, ARRAY_SIZE(limits), NULL) == 0);
    CHECK(getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur == 100 && now.rlim_max == 200);
    CHECK(getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_max == 0);
    return 0;
}

static void test_lower(void **state)
{
    run_child(lower, NULL, 0);
}

static int raise_it(void *context)
{
    const struct plan_rlimit low = {RLIMIT_NPROC, 100, 200};
    const struct plan_rlimit high = {RLIMIT_NPROC, RLIM_INFINITY, RLIM_INFINITY};
    const struct plan_rlimit middle = {RLIMIT_NPROC, 150, 1000};
    struct rlimit now;

    CHECK(rlimit_apply(&low, 1, NULL) == 0);
    CHECK(rlimit_apply(&high, 1, NULL) == 0);
    CHECK(getrlimit(RLIMIT_NPROC, &now) == 0 && now.rlim_cur == 200 && now.rlim_max == 200);
    CHECK(rlimit_apply(&middle, 1, NULL) == 0);
    CHECK(getrlimit(RLIMIT_NPROC, &now) == 0 && now.rlim_cur == 150 && now.rlim_max == 200);
    return 0;
}

static void test_raise_is_best_effort(void **state)
{
    run_child(raise_it, NULL, TEST_USER_ID);
}

static void test_nonsense(void **state)
{
    const struct plan_rlimit unknown = {4711, 1, 1};
    const struct plan_rlimit twisted = {RLIMIT_NOFILE, 200, 100};
    struct mcpd_error err = {0};

    assert_int_equal(rlimit_apply(NULL, 0, &err), 0);
    assert_true(rlimit_apply(&unknown, 1, &err) < 0);
    assert_true(rlimit_apply(&twisted, 1, &err) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lower),
        cmocka_unit_test(test_raise_is_best_effort),
        cmocka_unit_test(test_nonsense),
    };

    return cmocka_run_group_tests_name("rlimit", tests, NULL, NULL);
}
