/* test_error.c - codes, texts, cutting, control characters. */
#include "base/base_test.h"

static void test_set(void **state)
{
    struct mcpd_error err = {.sys_errno = 7};
    int rc;

    errno = ENOTTY;
    rc = error_set(&err, MCPD_E_CONFLICT, "name '%s' is taken", "db");
    assert_error(rc, err, MCPD_E_CONFLICT, "name 'db' is taken");
    assert_int_equal(err.sys_errno, 0);
    assert_int_equal(errno, ENOTTY);
    assert_code(error_set(NULL, MCPD_E_LIMIT, "x"), MCPD_E_LIMIT);
}

static void test_errno_text_and_code(void **state)
{
    static const struct {
        int sys_errno;
        enum mcpd_error_code code;
    } cases[] = {
        {ENOSPC, MCPD_E_NO_SPACE},  {EDQUOT, MCPD_E_NO_SPACE}, {ENOMEM, MCPD_E_NO_MEMORY},
        {ENOENT, MCPD_E_NOT_FOUND}, {EACCES, MCPD_E_DENIED},   {EPERM, MCPD_E_DENIED},
        {EEXIST, MCPD_E_CONFLICT},  {EIO, MCPD_E_SYSTEM},
    };
    struct mcpd_error err;
    int rc;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        errno = cases[i].sys_errno;
        rc = error_errno(&err, "x");
        assert_code(rc, cases[i].code);
        assert_int_equal(err.sys_errno, cases[i].sys_errno);
        assert_int_equal(errno, cases[i].sys_errno);
        assert_code(error_errno(NULL, "x"), cases[i].code);
    }
    errno = EIO;
    rc = error_errno(&err, "read '%s'", "blob");
    assert_error(rc, err, MCPD_E_SYSTEM, "read 'blob': Input/output error");
    errno = 4000;
    rc = error_errno(&err, "read");
    assert_error(rc, err, MCPD_E_SYSTEM, "read: error 4000");
}

static void test_wrap(void **state)
{
    struct mcpd_error err;
    int rc;

    errno = ENOENT;
    rc = error_errno(&err, "open 'x'");
    rc = error_wrap(&err, rc, "pull %s", "alpine");
    assert_error(rc, err, MCPD_E_NOT_FOUND, "pull alpine: open 'x': No such file or directory");
    assert_int_equal(err.sys_errno, ENOENT);
    /* The old text may be among the arguments. */
    rc = error_set(&err, MCPD_E_INVALID, "again: %s", err.message);
    assert_int_equal(strncmp(err.message, "again: pull alpine", 18), 0);
    assert_code(error_wrap(NULL, -MCPD_E_LIMIT, "x"), MCPD_E_LIMIT);
    assert_code(error_wrap(&err, 0, "a bug"), MCPD_E_INTERNAL);
}

static void test_long_texts_keep_the_reason(void **state)
{
    char name[1000];
    struct mcpd_error err;
    int rc;

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    errno = EIO;
    rc = error_errno(&err, "open '%s'", name);
    assert_error_contains(rc, err, MCPD_E_SYSTEM, "nn: Input/output error");
    assert_int_equal(strlen(err.message), MCPD_ERROR_MESSAGE_SIZE - 1);
    rc = error_wrap(&err, rc, "%s", name);
    assert_int_equal(strlen(err.message), MCPD_ERROR_MESSAGE_SIZE - 1);
}

static void test_no_half_characters(void **state)
{
    static const char *const characters[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x90\xb3"};
    char text[700];
    struct mcpd_error err;

    for (size_t i = 0; i < ARRAY_SIZE(characters); i++) {
        size_t width = strlen(characters[i]);

        for (size_t shift = 0; shift < width; shift++) {
            size_t length = shift;

            memset(text, 'a', shift);
            for (; length + width < sizeof(text); length += width)
                memcpy(text + length, characters[i], width);
            text[length] = '\0';
            assert_code(error_set(&err, MCPD_E_INVALID, "%s", text), MCPD_E_INVALID);
            assert_int_equal((strlen(err.message) - shift) % width, 0);
            assert_true(strlen(err.message) > MCPD_ERROR_MESSAGE_SIZE - 5);
        }
    }
    /* What is no UTF-8 at all is cut anywhere. */
    memset(text, 0x80, sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_code(error_set(&err, MCPD_E_INVALID, "%s", text), MCPD_E_INVALID);
    assert_int_equal(strlen(err.message), MCPD_ERROR_MESSAGE_SIZE - 1);
}

static void test_no_control_characters(void **state)
{
    struct mcpd_error err;
    int rc = error_set(&err, MCPD_E_INVALID, "a\x1b[31mb\x7f\x01\r\tc\nd");

    assert_error(rc, err, MCPD_E_INVALID, "a?[31mb???\tc\nd");
}

static void test_copy(void **state)
{
    struct mcpd_error from = {.code = MCPD_E_CORRUPT, .sys_errno = 5, .message = "bad"};
    struct mcpd_error err;

    assert_error(error_copy(&err, &from), err, MCPD_E_CORRUPT, "bad");
    assert_int_equal(err.sys_errno, 5);
    from.code = 4711;
    memset(from.message, 'x', sizeof(from.message)); /* no NUL: it came from outside */
    assert_code(error_copy(&err, &from), MCPD_E_INTERNAL);
    assert_int_equal(err.code, MCPD_E_INTERNAL);
    assert_int_equal(strlen(err.message), MCPD_ERROR_MESSAGE_SIZE - 1);
    from.code = 0;
    assert_code(error_copy(NULL, &from), MCPD_E_INTERNAL);
}

static void test_code_names(void **state)
{
    assert_string_equal(error_code_name(0), "ok");
    assert_string_equal(error_code_name(MCPD_E_NOT_FOUND), "not-found");
    assert_string_equal(error_code_name(99), "unknown");
    for (int code = MCPD_E_INVALID; code <= MCPD_E_INTERNAL; code++)
        for (int other = MCPD_E_INVALID; other < code; other++)
            assert_string_not_equal(error_code_name(code), error_code_name(other));
}

static void test_no_memory(void **state)
{
    struct mcpd_error err;
    int rc = error_no_memory(&err, "a plan");

    assert_error(rc, err, MCPD_E_NO_MEMORY, "out of memory (a plan)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_errno_text_and_code),
        cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_long_texts_keep_the_reason),
        cmocka_unit_test(test_no_half_characters),
        cmocka_unit_test(test_no_control_characters),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_code_names),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
