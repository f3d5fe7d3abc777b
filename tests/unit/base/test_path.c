/* test_path.c - the last name of a path, and its part below a root. */
#include "base/base_test.h"

#include "base/path.h"

static void test_last_name(void **state)
{
    static const struct {
        const char *path;
        size_t start;
        size_t length;
    } good[] = {
        {"a", 0, 1},   {"/a", 1, 1}, {"a/b", 2, 1},  {"a//bc//", 3, 2},
        {"...", 0, 3}, {".a", 0, 2}, {"../a", 3, 1},
    };
    static const char *const bad[] = {"", "/", "//", ".", "..", "a/.", "a/../", "/.."};
    size_t start;
    size_t length;

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        assert_true(path_last_name(good[i].path, &start, &length));
        assert_int_equal(start, good[i].start);
        assert_int_equal(length, good[i].length);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(path_last_name(bad[i], &start, &length));
}

static void test_below(void **state)
{
    static const char *const table[][3] = {
        {"/a/b", "/", "/a/b"},    {"/a/b", "/a", "/b"},   {"/a", "/a", "/"},
        {"/ab/c", "/a", "/ab/c"}, {"/x/y", "/a", "/x/y"}, {"/a/b/c", "/a/b", "/c"},
        {"/a", "/a/b", "/a"},     {"/a/b", "", "/a/b"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        assert_string_equal(path_below(table[i][0], table[i][1]), table[i][2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_name),
        cmocka_unit_test(test_below),
    };

    return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
