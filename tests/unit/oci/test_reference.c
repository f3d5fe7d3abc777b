/* test_reference.c - the grammar of image names, as a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/reference.h"

#include <string.h>

#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX
#define A50    "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
#define A128   A50 A50 "aaaaaaaaaabbbbbbbbbbcccccccc"
#define A236   A50 A50 A50 A50 "aaaaaaaaaabbbbbbbbbbccccccccccdddddd"

static const struct {
    const char *text;
    const char *domain;
    const char *path;
    const char *tag;
    const char *digest;
} good[] = {
    /* short names */
    {"alpine", "docker.io", "library/alpine", "latest", ""},
    {"alpine:3.19", "docker.io", "library/alpine", "3.19", ""},
    {"user/app", "docker.io", "user/app", "latest", ""},
    {"user/app:v1", "docker.io", "user/app", "v1", ""},
    {"a/b/c", "docker.io", "a/b/c", "latest", ""},
    {"library/alpine", "docker.io", "library/alpine", "latest", ""},
    {"docker.io/alpine", "docker.io", "library/alpine", "latest", ""},
    {"docker.io/library/alpine", "docker.io", "library/alpine", "latest", ""},
    {"docker.io/user/app:2", "docker.io", "user/app", "2", ""},
    {"index.docker.io/alpine", "docker.io", "library/alpine", "latest", ""},
    {"index.docker.io/user/app", "docker.io", "user/app", "latest", ""},
    {"0", "docker.io", "library/0", "latest", ""},
    {"a", "docker.io", "library/a", "latest", ""},
    /* hosts */
    {"localhost/a", "localhost", "a", "latest", ""},
    {"localhost/a/b:t", "localhost", "a/b", "t", ""},
    {"localhost:5000/a", "localhost:5000", "a", "latest", ""},
    {"localhost", "docker.io", "library/localhost", "latest", ""},
    {"localhost2/a", "docker.io", "localhost2/a", "latest", ""},
    {"quay.io/a", "quay.io", "a", "latest", ""},
    {"quay.io/a/b/c/d:1.2.3", "quay.io", "a/b/c/d", "1.2.3", ""},
    {"host:5000/a", "host:5000", "a", "latest", ""},
    {"host:5000/a:5000", "host:5000", "a", "5000", ""},
    {"host:5000", "docker.io", "library/host", "5000", ""},
    {"127.0.0.1:5000/t/tiny:1.2", "127.0.0.1:5000", "t/tiny", "1.2", ""},
    {"127.0.0.1/tiny", "127.0.0.1", "tiny", "latest", ""},
    {"[::1]:5000/a", "[::1]:5000", "a", "latest", ""},
    {"[::1]/a", "[::1]", "a", "latest", ""},
    {"[2001:db8::1]:443/a/b:c", "[2001:db8::1]:443", "a/b", "c", ""},
    {"[FE80::1]/a", "[FE80::1]", "a", "latest", ""},
    {"REGISTRY.example.COM/a", "REGISTRY.example.COM", "a", "latest", ""},
    {"a-b.c-d.e/f", "a-b.c-d.e", "f", "latest", ""},
    {"xn--n3h.com/a", "xn--n3h.com", "a", "latest", ""},
    {"1.2/a", "1.2", "a", "latest", ""},
    {"host:1/a", "host:1", "a", "latest", ""},
    {"host:65535/a", "host:65535", "a", "latest", ""},
    {"docker://alpine", "docker.io", "library/alpine", "latest", ""},
    {"docker://quay.io/a:b", "quay.io", "a", "b", ""},
    /* paths */
    {"a_b", "docker.io", "library/a_b", "latest", ""},
    {"a__b", "docker.io", "library/a__b", "latest", ""},
    {"a.b/c", "a.b", "c", "latest", ""},
    {"x/a.b", "docker.io", "x/a.b", "latest", ""},
    {"a-b", "docker.io", "library/a-b", "latest", ""},
    {"a---b", "docker.io", "library/a---b", "latest", ""},
    {"q.io/a_b/c-d.e/f__g", "q.io", "a_b/c-d.e/f__g", "latest", ""},
    /* tags */
    {"a:_", "docker.io", "library/a", "_", ""},
    {"a:V1.0-RC_2", "docker.io", "library/a", "V1.0-RC_2", ""},
    {"a:1..2", "docker.io", "library/a", "1..2", ""},
    {"a:" A128, "docker.io", "library/a", A128, ""},
    /* digests */
    {"a@" DIGEST, "docker.io", "library/a", "", DIGEST},
    {"a:t@" DIGEST, "docker.io", "library/a", "t", DIGEST},
    {"a/b:tag@" DIGEST, "docker.io", "a/b", "tag", DIGEST},
    {"h:1/a@" DIGEST, "h:1", "a", "", DIGEST},
    {"[::1]:5000/a:t@" DIGEST, "[::1]:5000", "a", "t", DIGEST},
    /* length and look-alikes */
    {"docker.io/a/bcdefg/" A236, "docker.io", "a/bcdefg/" A236, "latest", ""},
    {"q.io/" HEX, "q.io", HEX, "latest", ""},
    {"x/" HEX, "docker.io", "x/" HEX, "latest", ""},
    {"0123456789abcdef", "docker.io", "library/0123456789abcdef", "latest", ""},
};

static const char *const bad[] = {
    "",
    "docker://",
    "/",
    "/a",
    "a/",
    "a//b",
    "q.io/",
    "q.io//a",
    ":tag",
    "a:",
    "a:b:c",
    "a:t/b",
    "a:.t",
    "a:-t",
    "a:t!",
    "a:t t",
    "a:" A128 "x",
    "a@",
    "a@sha256:",
    "a@sha256:abc",
    "a@sha512:" HEX HEX,
    "a@" DIGEST "@" DIGEST,
    "a@" DIGEST ":t",
    "@" DIGEST,
    "a b",
    "a\nb",
    "a\tb",
    "a%2fb",
    "-a",
    "_a",
    ".a",
    "a-",
    "a_",
    "a.",
    "a___b",
    "a..b",
    "a._b",
    "x/a.-b",
    "q.io/.a",
    "q.io/a/../b",
    "../a",
    "./a",
    "a/./b",
    "http://a/b",
    "host:0/a",
    "host:65536/a",
    "host:/a",
    "host:12x/a",
    "-host.io/a",
    "host-.io/a",
    "ho_st.io/a",
    "host..io/a",
    ".io/a",
    "[::1/a",
    "[]:1/a",
    "[::1]x/a",
    "[::g]/a",
    "[::1]:/a",
    "q.io/\xc3\xa4",
    "\xff\xfe",
    HEX,
    "docker.io/a/bcdefgh/" A236,
    "a/bcdefgh/" A236,
    A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50,
};

static void test_good(void **state)
{
    assert_true(sizeof(good) / sizeof(good[0]) + sizeof(bad) / sizeof(bad[0]) >= 60);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct reference reference = {0};
        struct mcpd_error error = {0};

        if (reference_parse(good[i].text, &reference, &error) != 0)
            fail_msg("'%s': %s", good[i].text, error.message);
        assert_string_equal(reference.domain, good[i].domain);
        assert_string_equal(reference.path, good[i].path);
        assert_string_equal(reference.tag, good[i].tag);
        assert_string_equal(reference.digest.text, good[i].digest);
    }
}

static void test_bad(void **state)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct reference reference = {.tag = "untouched"};
        struct mcpd_error error = {0};

        if (reference_parse(bad[i], &reference, &error) != -MCPD_E_INVALID)
            fail_msg("'%s' was taken", bad[i]);
        if (strncmp(error.message, "invalid reference format", 24) != 0)
            fail_msg("'%s': %s", bad[i], error.message);
        assert_string_equal(reference.tag, "untouched");
    }
}

static void test_upper_case(void **state)
{
    static const char *const upper[] = {"Alpine", "user/App:x", "Foo/bar", "q.io/A", "aLpine:3"};

    for (size_t i = 0; i < sizeof(upper) / sizeof(upper[0]); i++) {
        struct reference reference;
        struct mcpd_error error = {0};

        assert_int_equal(reference_parse(upper[i], &reference, &error), -MCPD_E_INVALID);
        assert_string_equal(error.message, "repository name must be lowercase");
    }
}

/* What is printed can be read, and is then the same. */
static void test_format(void **state)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        char text[REFERENCE_MAX_LENGTH + 1];
        char repository[REFERENCE_MAX_LENGTH + 1];
        struct reference first = {0};
        struct reference second = {0};

        assert_int_equal(reference_parse(good[i].text, &first, NULL), 0);
        reference_format(&first, text, sizeof(text));
        assert_int_equal(reference_parse(text, &second, NULL), 0);
        assert_memory_equal(&first, &second, sizeof(first));
        reference_format_repository(&first, repository, sizeof(repository));
        assert_true(strncmp(text, repository, strlen(repository)) == 0);
    }
}

static void test_format_examples(void **state)
{
    char text[REFERENCE_MAX_LENGTH + 1];
    struct reference reference;

    assert_int_equal(reference_parse("alpine", &reference, NULL), 0);
    reference_format(&reference, text, sizeof(text));
    assert_string_equal(text, "docker.io/library/alpine:latest");
    assert_int_equal(reference_parse("h:1/a:t@" DIGEST, &reference, NULL), 0);
    reference_format(&reference, text, sizeof(text));
    assert_string_equal(text, "h:1/a:t@" DIGEST);
    reference_format_repository(&reference, text, sizeof(text));
    assert_string_equal(text, "h:1/a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_upper_case),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_format_examples),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
