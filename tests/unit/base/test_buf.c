/* test_buf.c - growth, the maximum, the sticky failure. */
#include "base/base_test.h"

#include "base/buf.h"

static void test_append(void **state)
{
    CLEANUP_BUF struct buf buf;
    CLEANUP_FREE char *text = NULL;
    struct mcpd_error err;

    buf_init(&buf, 10000);
    assert_string_equal(buf_text(&buf), "");
    assert_int_equal(buf_append(&buf, "", 0), 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(buf_append_format(&buf, "%03d,", i), 0);
    assert_int_equal(buf.length, 4000);
    assert_int_equal(buf.data[4000], '\0');
    assert_int_equal(strncmp(buf_text(&buf), "000,001,", 8), 0);
    assert_int_equal(buf_check(&buf, "list", &err), 0);
    text = buf_take(&buf);
    assert_int_equal(strlen(text), 4000);
    assert_int_equal(buf.length, 0);
    assert_int_equal(buf_append_text(&buf, "again"), 0);
    assert_string_equal(buf_text(&buf), "again");
}

static void test_long_format(void **state)
{
    CLEANUP_BUF struct buf buf;

    buf_init(&buf, SIZE_MAX);
    assert_int_equal(buf_append_format(&buf, "%0*d", 5000, 1), 0);
    assert_int_equal(buf.length, 5000);
}

static void test_maximum_is_sticky(void **state)
{
    CLEANUP_BUF struct buf buf;
    struct mcpd_error err;
    int rc;

    buf_init(&buf, 4);
    assert_int_equal(buf_append(&buf, "abcd", 4), 0);
    assert_code(buf_append(&buf, "e", 1), MCPD_E_LIMIT);
    assert_code(buf_append(&buf, "", 0), MCPD_E_LIMIT);
    assert_code(buf_append_format(&buf, "%0*d", 5000, 1), MCPD_E_LIMIT);
    rc = buf_check(&buf, "manifest", &err);
    assert_error(rc, err, MCPD_E_LIMIT, "manifest is larger than 4 bytes");
    assert_null(buf_take(&buf));
    buf_clear(&buf);
    assert_int_equal(buf_append_text(&buf, "x"), 0);
    assert_string_equal(buf_text(&buf), "x");
}

static void test_take_of_nothing(void **state)
{
    CLEANUP_BUF struct buf buf;
    CLEANUP_FREE char *text = NULL;

    buf_init(&buf, 4);
    text = buf_take(&buf);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_long_format),
        cmocka_unit_test(test_maximum_is_sticky),
        cmocka_unit_test(test_take_of_nothing),
    };

    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
