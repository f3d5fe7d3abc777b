/* test_pathclean.c - a path in its shortest form. */
#include "base/base_test.h"

#include "runtime/pathclean.h"

static void test_clean(void **state)
{
    static const struct {
        const char *path, *clean;
    } rows[] = {
        {"/", "/"},
        {"", "/"},
        {"//", "/"},
        {"/a", "/a"},
        {"/a/", "/a"},
        {"//a//b//", "/a/b"},
        {"/a/./b", "/a/b"},
        {"/a/../b", "/b"},
        {"/../..", "/"},
        {"/a/b/..", "/a"},
        {"/a/b/../../..", "/"},
        {"/a/...", "/a/..."},
        {"/.a/..b", "/.a/..b"},
        {"/a/.", "/a"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP_FREE char *clean = pathclean(rows[i].path);

        assert_string_equal(clean, rows[i].clean);
    }
}

static void test_depth(void **state)
{
    assert_int_equal(pathclean_depth("/"), 0);
    assert_int_equal(pathclean_depth("/a"), 1);
    assert_int_equal(pathclean_depth("/a/b"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_depth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
