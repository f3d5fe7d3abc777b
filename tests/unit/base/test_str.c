/* test_str.c - strings, numbers, sizes, vectors. */
#include "base/base_test.h"

#include "base/str.h"

static void test_format_prefix_suffix_equal(void **state)
{
    CLEANUP_FREE char *text = str_format("%s-%d", "a", 7);

    assert_string_equal(text, "a-7");
    assert_true(str_has_prefix("sha256:ab", "sha256:"));
    assert_false(str_has_prefix("sha", "sha256"));
    assert_true(str_has_suffix("x.tar", ".tar"));
    assert_false(str_has_suffix("tar", ".tar"));
    assert_true(str_has_suffix("x", ""));
    assert_true(str_equal(NULL, NULL));
    assert_false(str_equal(NULL, ""));
    assert_true(str_equal("a", "a"));
    assert_false(str_equal("a", "b"));
}

static void test_numbers(void **state)
{
    static const char *const bad[] = {"",
                                      " 1",
                                      "1 ",
                                      "+1",
                                      "-1",
                                      "0x10",
                                      "1e3",
                                      "12a",
                                      "18446744073709551616",
                                      "99999999999999999999999"};
    uint64_t value = 5;
    uint32_t small = 5;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_code(str_to_u64(bad[i], UINT64_MAX, &value), MCPD_E_INVALID);
    assert_code(str_to_u64(NULL, UINT64_MAX, &value), MCPD_E_INVALID);
    assert_int_equal(value, 5);
    assert_int_equal(str_to_u64("18446744073709551615", UINT64_MAX, &value), 0);
    assert_true(value == UINT64_MAX);
    assert_int_equal(str_to_u64("0007", 7, &value), 0);
    assert_int_equal(value, 7);
    assert_code(str_to_u64("8", 7, &value), MCPD_E_INVALID);
    assert_code(str_to_u32("4294967296", UINT32_MAX, &small), MCPD_E_INVALID);
    assert_int_equal(small, 5);
    assert_int_equal(str_to_u32("4294967295", UINT32_MAX, &small), 0);
    assert_true(small == UINT32_MAX);
}

static void test_bools(void **state)
{
    static const char *const bad[] = {"", "yes", "tRue", "2", "true "};
    bool value = false;

    assert_int_equal(str_to_bool("TRUE", &value), 0);
    assert_true(value);
    assert_int_equal(str_to_bool("0", &value), 0);
    assert_false(value);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(str_to_bool(bad[i], &value), -MCPD_E_INVALID);
}

static void test_sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"0", 0},
        {"512", 512},
        {"512b", 512},
        {"64k", 65536},
        {"64K", 65536},
        {"1.5g", 1610612736},
        {"10MiB", 10485760},
        {"10mb", 10485760},
        {"1 GiB", 1073741824},
        {"2t", 2199023255552},
        {"0.5k", 512},
        {"1.9999b", 1},
        {"16777215t", UINT64_C(18446742974197923840)},
    };
    static const char *const bad[] = {"",    "k",     "-1",        "1.",
                                      ".5",  "1..5",  "1kk",       "1x",
                                      "1ib", "1 k b", "16777216t", "99999999999999999999",
                                      "1\v", "1kiB ", "  1"};
    uint64_t bytes = 9;

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        assert_int_equal(str_to_bytes(good[i].text, &bytes), 0);
        assert_int_equal(bytes, good[i].bytes);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_code(str_to_bytes(bad[i], &bytes), MCPD_E_INVALID);
    assert_code(str_to_bytes(NULL, &bytes), MCPD_E_INVALID);
    assert_int_equal(str_to_decimal_bytes("1.5kb", &bytes), 0);
    assert_int_equal(bytes, 1500);
    assert_int_equal(str_to_decimal_bytes("10MiB", &bytes), 0);
    assert_int_equal(bytes, 10000000);
    assert_code(str_to_decimal_bytes("zz", &bytes), MCPD_E_INVALID);
}

static void test_format_bytes(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},         {999, "999 B"},   {1000, "1 kB"},           {1988765, "1.99 MB"},
        {999499, "999 kB"}, {999500, "1 MB"}, {12345678901, "12.3 GB"}, {UINT64_MAX, "18.4 EB"},
    };
    char text[32];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        str_format_bytes(cases[i].bytes, text, sizeof(text));
        assert_string_equal(text, cases[i].text);
    }
    str_format_bytes_tight(0, text, sizeof(text));
    assert_string_equal(text, "0B");
    str_format_bytes_tight(10000000, text, sizeof(text));
    assert_string_equal(text, "10MB");
    str_format_bytes_tight(1234567, text, sizeof(text));
    assert_string_equal(text, "1.235MB");
}

static void test_copy_and_hex(void **state)
{
    static const uint8_t bytes[] = {0x00, 0xff, 0x5a};
    char buffer[4] = "zzz";
    char hex[7];

    assert_int_equal(str_copy(buffer, sizeof(buffer), "abc"), 0);
    assert_string_equal(buffer, "abc");
    assert_code(str_copy(buffer, sizeof(buffer), "abcd"), MCPD_E_LIMIT);
    assert_string_equal(buffer, "");
    assert_code(str_copy(buffer, 0, ""), MCPD_E_LIMIT);
    str_hex(bytes, sizeof(bytes), hex);
    assert_string_equal(hex, "00ff5a");
    assert_true(str_is_hex(hex, 6));
    assert_false(str_is_hex("00FF", 4));
    assert_false(str_is_hex("00g0", 4));
    assert_false(str_is_hex("00", 3)); /* shorter than asked */
    assert_false(str_is_hex("", 0));
}

static void test_vectors(void **state)
{
    CLEANUP_STRV char **vector = NULL;
    CLEANUP_STRV char **copy = NULL;
    CLEANUP_STRV char **empty = strv_copy(NULL);
    CLEANUP_FREE char *joined = NULL;
    CLEANUP_FREE char *joined_empty = strv_join(NULL, ",");

    assert_int_equal(strv_length(NULL), 0);
    assert_non_null(empty);
    assert_null(empty[0]);
    assert_string_equal(joined_empty, "");
    assert_int_equal(strv_append(&vector, "a"), 0);
    assert_int_equal(strv_append_take(&vector, strdup("b")), 0);
    assert_code(strv_append_take(&vector, NULL), MCPD_E_NO_MEMORY);
    assert_int_equal(strv_length(vector), 2);
    copy = strv_copy(vector);
    joined = strv_join(copy, ", ");
    assert_string_equal(joined, "a, b");
    assert_true(strv_contains(copy, "b"));
    assert_false(strv_contains(copy, "c"));
    assert_false(strv_contains(NULL, "c"));
}

static void test_split(void **state)
{
    CLEANUP_STRV char **vector = strv_split("a,b,,c", ',');
    CLEANUP_STRV char **one = strv_split("", ',');
    CLEANUP_STRV char **two = strv_split(",", ',');

    assert_int_equal(strv_length(vector), 4);
    assert_string_equal(vector[2], "");
    assert_string_equal(vector[3], "c");
    assert_int_equal(strv_length(one), 1);
    assert_string_equal(one[0], "");
    assert_int_equal(strv_length(two), 2);
}

static void test_environment(void **state)
{
    CLEANUP_STRV char **vector = NULL;

    assert_null(strv_env_get(vector, "A"));
    assert_int_equal(strv_env_set(&vector, "AB=1"), 0);
    assert_int_equal(strv_env_set(&vector, "A=2=3"), 0);
    assert_int_equal(strv_env_set(&vector, "FLAG"), 0);
    assert_string_equal(strv_env_get(vector, "A"), "2=3");
    assert_string_equal(strv_env_get(vector, "AB"), "1");
    assert_null(strv_env_get(vector, "FLAG"));
    assert_int_equal(strv_env_set(&vector, "A="), 0);
    assert_string_equal(strv_env_get(vector, "A"), "");
    assert_int_equal(strv_length(vector), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format_prefix_suffix_equal),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_bools),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_format_bytes),
        cmocka_unit_test(test_copy_and_hex),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_environment),
    };

    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
