/* test_detachkeys.c - the keys that leave a container, typed in all kinds of pieces. */
#include "base/base_test.h"

#include "runtime/detachkeys.h"

#define ROOM MCPD_DETACH_KEYS_MAX

/* Types `text`; what goes on is appended to `passed`. True: the keys were pressed. */
static bool type(struct detachkeys *keys, const char *text, char *passed)
{
    char buffer[ROOM + 64];
    size_t count = strlen(text);
    bool is_pressed;

    memcpy(buffer + ROOM, text, count);
    is_pressed = detachkeys_filter(keys, buffer + ROOM, count, buffer, &count);
    (void)strncat(passed, buffer, count);
    return is_pressed;
}

static void test_usual_keys(void **state)
{
    const struct mcpd_streams streams = {0};
    struct detachkeys keys;
    char passed[128] = "";

    detachkeys_init(&streams, &keys);
    assert_false(type(&keys, "a\20", passed));
    assert_string_equal(passed, "a");
    assert_false(type(&keys, "b", passed));
    assert_string_equal(passed, "a\20b");
    assert_false(type(&keys, "\20\20", passed));
    assert_string_equal(passed, "a\20b\20");
    assert_true(type(&keys, "\21rest", passed));
    assert_string_equal(passed, "a\20b\20");
}

static void test_keys_of_ones_own(void **state)
{
    struct mcpd_streams streams = {.detach_keys = "xxy", .detach_key_count = 3};
    struct detachkeys keys;
    char passed[128] = "";

    detachkeys_init(&streams, &keys);
    assert_false(type(&keys, "ax", passed));
    assert_false(type(&keys, "x", passed));
    assert_false(type(&keys, "z", passed));
    assert_string_equal(passed, "axxz");
    assert_true(type(&keys, "xxy", passed));
    assert_string_equal(passed, "axxz");
    streams.detach_key_count = 1;
    detachkeys_init(&streams, &keys);
    assert_true(type(&keys, "bx", passed));
    assert_string_equal(passed, "axxzb");
    streams.detach_key_count = 0;
    detachkeys_init(&streams, &keys);
    assert_false(type(&keys, "x\20\21", passed));
    assert_string_equal(passed, "axxzbx\20\21");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual_keys),
        cmocka_unit_test(test_keys_of_ones_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
