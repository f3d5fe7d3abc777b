/* test_ident.c - ids and names. */
#include "base/base_test.h"

#include "base/ident.h"
#include "base/str.h"

static void test_generate(void **state)
{
    char a[IDENT_SIZE];
    char b[IDENT_SIZE];
    struct mcpd_error err;

    assert_int_equal(ident_generate(a, &err), 0);
    assert_int_equal(ident_generate(b, &err), 0);
    assert_int_equal(strlen(a), 64);
    assert_true(str_is_hex(a, 64));
    assert_string_not_equal(a, b);
}

static void test_random_names_are_valid_and_vary(void **state)
{
    char id[IDENT_SIZE];
    char names[3][64];
    int same = 0;

    for (int i = 0; i < 500; i++) {
        assert_int_equal(ident_generate(id, NULL), 0);
        for (unsigned int attempt = 0; attempt < 3; attempt++) {
            ident_random_name(id, attempt * 2, names[attempt], sizeof(names[attempt]));
            assert_true(ident_is_valid_name(names[attempt]));
            assert_non_null(strchr(names[attempt], '_'));
        }
        same += strcmp(names[0], names[1]) == 0;
        ident_random_name(id, 0, names[1], sizeof(names[1]));
        assert_string_equal(names[0], names[1]); /* the same id, the same name */
    }
    assert_true(same < 5);
}

static void test_valid_names(void **state)
{
    static const char *const good[] = {"a", "A.b-c_9", "0", "db_1"};
    static const char *const bad[] = {"",    ".a",  "-a",       "_a", "a/b",
                                      "a b", "a\n", "\xc3\xa4", "..", "a:b"};
    char name[131];

    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_true(ident_is_valid_name(good[i]));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(ident_is_valid_name(bad[i]));
    assert_false(ident_is_valid_name(NULL));
    memset(name, 'n', sizeof(name));
    name[128] = '\0';
    assert_true(ident_is_valid_name(name));
    name[128] = 'n';
    name[129] = '\0';
    assert_false(ident_is_valid_name(name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generate),
        cmocka_unit_test(test_random_names_are_valid_and_vary),
        cmocka_unit_test(test_valid_names),
    };

    return cmocka_run_group_tests_name("ident", tests, NULL, NULL);
}
