/* test_upload_place.c - where an upload goes to, and how much of it has arrived. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/upload_place.h"

#include "base/str.h"

#include <string.h>

#define TLS "https://r.example/v2/a/blobs/uploads/"

static void test_places(void **state)
{
    static const struct {
        const char *base;
        const char *location;
        const char *url; /* NULL: refused */
    } cases[] = {
        {TLS, "/v2/a/blobs/uploads/id", "https://r.example/v2/a/blobs/uploads/id"},
        {TLS, "id?x=1", "https://r.example/v2/a/blobs/uploads/id?x=1"},
        {TLS, "https://r.example/x?_state=a%3D%3d&b=c#f", "https://r.example/x?_state=a%3D%3d&b=c"},
        {TLS, "HTTPS://other.example:8443/x", "HTTPS://other.example:8443/x"},
        {TLS, "//other.example/x", "https://other.example/x"},
        {TLS, "http://r.example/x", NULL},
        {"http://127.0.0.1:5000/v2/", "https://s.example/x", "https://s.example/x"},
        {"http://127.0.0.1:5000/v2/", "http://s.example/x", "http://s.example/x"},
        {"http://127.0.0.1:5000/v2/", "/x", "http://127.0.0.1:5000/x"},
        {TLS, NULL, NULL},
        {TLS, "", NULL},
        {TLS, "https://user:secret@r.example/x", NULL},
        {TLS, "https://r.example/x\r\nX: y", NULL},
        {TLS, "ftp://r.example/x", NULL},
        {TLS, "https://", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_FREE char *url = NULL;
        struct mcpd_error error = {0};
        int rc = upload_place_parse(cases[i].base, cases[i].location, &url, &error);

        if (!str_equal(url, cases[i].url))
            fail_msg("%s: %s (%s)", cases[i].location, url ? url : "refused", error.message);
        assert_int_equal(rc, cases[i].url ? 0 : -MCPD_E_PROTOCOL);
        assert_null(strstr(error.message, "secret"));
    }
}

static void test_digest(void **state)
{
    struct digest digest;
    CLEANUP_FREE char *first = NULL;
    CLEANUP_FREE char *second = NULL;

    assert_int_equal(
        digest_parse("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
                     "abcdef",
                     &digest, NULL),
        0);
    first = upload_place_with_digest("https://r/x", &digest);
    assert_string_equal(first,
                        "https://r/x?digest=sha256%3A0123456789abcdef0123456789abcdef01234567"
                        "89abcdef0123456789abcdef");
    second = upload_place_with_digest("https://r/x?a=b", &digest);
    assert_true(str_has_prefix(second, "https://r/x?a=b&digest=sha256%3A0123"));
}

static void test_ranges(void **state)
{
    static const struct {
        const char *text;
        int64_t bytes; /* -1: refused */
    } cases[] = {
        {"0-0", 0},
        {"0-1", 2},
        {"0-4294967295", 4294967296},
        {"bytes=0-9", 10},
        {"bytes 0-9", 10},
        {"1-2", -1},
        {"0-", -1},
        {"", -1},
        {NULL, -1},
        {"0-x", -1},
        {"0-9223372036854775807", -1},
        {"0-9/10", -1},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t bytes = 0;
        bool is_good = upload_range_parse(cases[i].text, &bytes);

        assert_int_equal(is_good ? (int64_t)bytes : -1, cases[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
