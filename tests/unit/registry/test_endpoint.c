/* test_endpoint.c - where a registry is and whom to trust there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/endpoint.h"

#include "base/fsutil.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static void test_loopback(void **state)
{
    static const char *const yes[] = {"localhost",      "localhost:5000", "127.0.0.1",
                                      "127.1.2.3:5000", "[::1]:5000",     "[::1]"};
    static const char *const no[] = {"localhost.example", "128.0.0.1", "example", "[::2]",
                                     "127.0.0.1.example", "1270.0.0.1"};

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        assert_true(endpoint_is_loopback(yes[i]));
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        assert_false(endpoint_is_loopback(no[i]));
}

static void has_url(const char *domain, bool skip_verify, const char *expected, bool may_be_http)
{
    CLEANUP_ENDPOINT struct endpoint endpoint = {0};
    CLEANUP_FREE char *url = NULL;

    assert_int_equal(endpoint_init(domain, skip_verify, NULL, &endpoint, NULL), 0);
    url = endpoint_url(&endpoint, "/v2/");
    assert_string_equal(url, expected);
    assert_int_equal(endpoint.may_be_http, may_be_http);
    assert_int_equal(endpoint.tls.skip_verify, skip_verify);
}

static void test_urls(void **state)
{
    assert_int_equal(setenv("HOME", "/nonexistent", 1), 0);
    has_url("docker.io", false, "https://registry-1.docker.io/v2/", false);
    has_url("quay.io", false, "https://quay.io/v2/", false);
    has_url("quay.io", true, "https://quay.io/v2/", true);
    has_url("127.0.0.1:5000", false, "https://127.0.0.1:5000/v2/", true);
}

static void put(const char *folder, const char *name, const char *text)
{
    CLEANUP_FREE char *path = str_format("%s/%s", folder, name);

    assert_int_equal(fs_write_file(AT_FDCWD, path, text, strlen(text), 0600, 0, NULL), 0);
}

static void test_certificates(void **state)
{
    CLEANUP_ENDPOINT struct endpoint given = {0};
    CLEANUP_ENDPOINT struct endpoint found = {0};
    CLEANUP_ENDPOINT struct endpoint bad = {0};
    char home[] = "/tmp/mcpd-unit-XXXXXX";
    CLEANUP_FREE char *folder = NULL;
    struct mcpd_error error = {0};

    assert_non_null(mkdtemp(home));
    folder = str_format("%s/.config/containers/certs.d/r.example:5000", home);
    assert_int_equal(fs_make_dirs(AT_FDCWD, folder, 0700, NULL, NULL), 0);
    put(folder, "a.crt", "FIRST");
    put(folder, "b.crt", "SECOND");
    put(folder, "me.cert", "certificate");
    put(folder, "readme", "not one");
    assert_int_equal(setenv("HOME", home, 1), 0);
    /* A certificate without its key helps nobody. */
    assert_int_equal(endpoint_init("r.example:5000", false, NULL, &bad, &error), -MCPD_E_INVALID);
    assert_non_null(strstr(error.message, "me.key"));
    put(folder, "me.key", "key");
    assert_int_equal(endpoint_init("r.example:5000", false, NULL, &found, NULL), 0);
    assert_non_null(strstr(found.tls.extra_ca_pem, "FIRST"));
    assert_non_null(strstr(found.tls.extra_ca_pem, "SECOND"));
    assert_true(str_has_suffix(found.tls.client_key_path, "/me.key"));
    assert_int_equal(endpoint_init("other.example", false, folder, &given, NULL), 0);
    assert_non_null(strstr(given.tls.extra_ca_pem, "FIRST"));
    assert_true(endpoint_init("r.example:5000", false, "/no/such", &bad, NULL) < 0);
    assert_int_equal(fs_remove_tree(AT_FDCWD, home, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_certificates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
