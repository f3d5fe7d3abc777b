/* test_caps.c - which sets a process ends up with, and that nothing comes back over exec. */
#include "base/base_test.h"

#include <linux/capability.h>

#include "runtime/caps.h"

#define BIT(name) (UINT64_C(1) << CAP_##name)

static void test_decide(void **state)
{
    struct caps_sets sets;

    caps_decide(BIT(CHOWN) | BIT(KILL), BIT(KILL) | BIT(NET_RAW), true, &sets);
    assert_int_equal(sets.bounding, BIT(CHOWN) | BIT(KILL));
    assert_int_equal(sets.permitted, BIT(CHOWN) | BIT(KILL));
    assert_int_equal(sets.inheritable, 0);
    caps_decide(BIT(CHOWN) | BIT(KILL), BIT(KILL) | BIT(NET_RAW), false, &sets);
    assert_int_equal(sets.bounding, BIT(CHOWN) | BIT(KILL));
    assert_int_equal(sets.permitted, BIT(KILL));
    assert_int_equal(sets.inheritable, BIT(KILL));
    caps_decide(BIT(CHOWN), 0, false, &sets);
    assert_int_equal(sets.permitted, 0);
}

/* A line of /proc/self/status. */
static uint64_t read_set(const char *name)
{
    CLEANUP_FREE char *text = NULL;
    const char *digit;
    uint64_t set = 0;

    assert_int_equal(fs_read_file(AT_FDCWD, "/proc/self/status", 65536, &text, NULL, NULL), 0);
    digit = strstr(text, name);
    assert_non_null(digit);
    for (digit += strlen(name) + 2; *digit != '\n'; digit++) /* ":\t" */
        set = set << 4 | (uint64_t)(*digit <= '9' ? *digit - '0' : *digit - 'a' + 10);
    return set;
}

static int become_root_of_container(void *context)
{
    const struct caps_sets sets = {.bounding = BIT(CHOWN) | BIT(KILL),
                                   .permitted = BIT(CHOWN) | BIT(KILL)};

    CHECK(caps_begin(&sets, NULL) == 0);
    CHECK(caps_apply(&sets, BIT(SYS_ADMIN), NULL) == 0);
    CHECK(read_set("CapEff") == (sets.permitted | BIT(SYS_ADMIN)));
    CHECK(caps_give_up(&sets, NULL) == 0);
    CHECK(read_set("CapEff") == sets.permitted && read_set("CapPrm") == sets.permitted);
    CHECK(read_set("CapBnd") == sets.bounding);
    CHECK(read_set("CapInh") == 0 && read_set("CapAmb") == 0);
    return 0;
}

static int become_user_with_one(void *context)
{
    const struct caps_sets sets = {
        .bounding = BIT(CHOWN) | BIT(KILL), .permitted = BIT(KILL), .inheritable = BIT(KILL)};

    CHECK(caps_begin(&sets, NULL) == 0);
    CHECK(setresuid(1000, 1000, 1000) == 0);
    CHECK(caps_apply(&sets, BIT(SYS_ADMIN), NULL) == 0);
    CHECK(caps_give_up(&sets, NULL) == 0);
    CHECK(read_set("CapEff") == BIT(KILL) && read_set("CapPrm") == BIT(KILL));
    CHECK(read_set("CapInh") == BIT(KILL) && read_set("CapAmb") == BIT(KILL));
    return 0;
}

static int become_user_with_none(void *context)
{
    const struct caps_sets sets = {.bounding = BIT(CHOWN)};

    CHECK(caps_begin(&sets, NULL) == 0);
    CHECK(setresuid(1000, 1000, 1000) == 0);
    CHECK(caps_apply(&sets, 0, NULL) == 0);
    CHECK(read_set("CapEff") == 0 && read_set("CapPrm") == 0);
    CHECK(read_set("CapBnd") == BIT(CHOWN));
    return 0;
}

/* What the host does not have cannot be given, and is no failure: a machine without some. */
static int ask_for_more(void *context)
{
    const struct caps_sets none = {.bounding = BIT(SETPCAP), .permitted = BIT(SETPCAP)};
    const struct caps_sets sets = {.bounding = UINT64_MAX, .permitted = UINT64_MAX};

    CHECK(caps_begin(&none, NULL) == 0 && caps_apply(&none, 0, NULL) == 0);
    CHECK(caps_begin(&sets, NULL) == 0 && caps_apply(&sets, 0, NULL) == 0);
    CHECK(read_set("CapEff") == BIT(SETPCAP));
    return 0;
}

static void run_as_root(void **state, child_function function)
{
    if (geteuid() != 0)
        skip();
    run_child(function, NULL, 0);
}

static void test_root(void **state)
{
    run_as_root(state, become_root_of_container);
}

static void test_user_with_added(void **state)
{
    run_as_root(state, become_user_with_one);
}

static void test_user(void **state)
{
    run_as_root(state, become_user_with_none);
}

static void test_more_than_there_is(void **state)
{
    run_as_root(state, ask_for_more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decide),
        cmocka_unit_test(test_root),
        cmocka_unit_test(test_user_with_added),
        cmocka_unit_test(test_user),
        cmocka_unit_test(test_more_than_there_is),
    };

    return cmocka_run_group_tests_name("caps", tests, NULL, NULL);
}
