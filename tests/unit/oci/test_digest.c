/* test_digest.c - what is a digest and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/digest.h"

#include <string.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_good(void **state)
{
    struct digest digest = {0};
    struct mcpd_error error = {0};

    assert_false(digest_is_set(&digest));
    assert_string_equal(digest_hex(&digest), "");
    assert_int_equal(digest_parse("sha256:" HEX, &digest, &error), 0);
    assert_true(digest_is_set(&digest));
    assert_string_equal(digest.text, "sha256:" HEX);
    assert_string_equal(digest_hex(&digest), HEX);
}

static void test_bad(void **state)
{
    static const char *const bad[] = {
        "",
        ":",
        "sha256",
        "sha256:",
        HEX,
        "sha256:" HEX "0",
        "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde",
        "sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
        "sha256:../../../../../../../../../../../../../../../../../../../etc/pa",
        "sha256:0123456789abcdef0123456789abcdef/123456789abcdef0123456789abcdef",
        " sha256:" HEX,
        "sha256:" HEX " ",
        "SHA256:" HEX,
        "sha256::" HEX,
    };
    struct digest digest = {0};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct mcpd_error error = {0};

        if (digest_parse(bad[i], &digest, &error) != -MCPD_E_INVALID)
            fail_msg("'%s' was taken", bad[i]);
        assert_false(digest_is_set(&digest));
        assert_int_equal(digest_parse(bad[i], &digest, NULL), -MCPD_E_INVALID);
    }
}

static void test_other_algorithms_are_named(void **state)
{
    struct digest digest;
    struct mcpd_error error = {0};

    assert_int_equal(digest_parse("sha512:" HEX HEX, &digest, &error), -MCPD_E_INVALID);
    assert_non_null(strstr(error.message, "\"sha512\" is not supported"));
}

static void test_from_sum_and_compare(void **state)
{
    uint8_t sum[32];
    struct digest a;
    struct digest b;

    for (size_t i = 0; i < sizeof(sum); i++)
        sum[i] = (uint8_t)(i * 7);
    digest_from_sha256(sum, &a);
    assert_int_equal(digest_parse(a.text, &b, NULL), 0);
    assert_true(digest_equal(&a, &b));
    assert_int_equal(digest_compare(&a, &b), 0);
    sum[31]++;
    digest_from_sha256(sum, &b);
    assert_false(digest_equal(&a, &b));
    assert_true(digest_compare(&a, &b) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_other_algorithms_are_named),
        cmocka_unit_test(test_from_sum_and_compare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
