/* test_challenge.c - WWW-Authenticate as registries send it, and as they should not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/challenge.h"

#include <string.h>

static void choose(const char *header, struct challenge *challenge)
{
    char text[4000];
    char *headers[] = {text, NULL};

    (void)strncpy(text, header, sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memset(challenge, 'x', sizeof(*challenge));
    challenge_choose(headers, challenge);
}

static void test_bearer(void **state)
{
    struct challenge challenge;

    choose("Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
           "scope=\"repository:library/alpine:pull\"",
           &challenge);
    assert_int_equal(challenge.scheme, CHALLENGE_SCHEME_BEARER);
    assert_string_equal(challenge.realm, "https://auth.docker.io/token");
    assert_string_equal(challenge.service, "registry.docker.io");
    assert_string_equal(challenge.scope, "repository:library/alpine:pull");
    choose("bearer  Realm = https://x/y , SERVICE=\"a, \\\"b\\\"\" ,error=\"invalid_token\"",
           &challenge);
    assert_int_equal(challenge.scheme, CHALLENGE_SCHEME_BEARER);
    assert_string_equal(challenge.realm, "https://x/y");
    assert_string_equal(challenge.service, "a, \"b\"");
    assert_string_equal(challenge.scope, "");
}

static void test_basic(void **state)
{
    struct challenge challenge;

    choose("Basic realm=\"Registry Realm\"", &challenge);
    assert_int_equal(challenge.scheme, CHALLENGE_SCHEME_BASIC);
    choose("BASIC", &challenge);
    assert_int_equal(challenge.scheme, CHALLENGE_SCHEME_BASIC);
}

static void test_several(void **state)
{
    static char basic[] = "Basic realm=\"b\"",
                other[] = "Negotiate abc==", bearer[] = "Bearer realm=c";
    char *headers[] = {basic, other, bearer, NULL};
    struct challenge challenge;

    choose("Negotiate YII==, Basic realm=\"b\", Bearer realm=\"https://t\",service=s", &challenge);
    assert_int_equal(challenge.scheme, CHALLENGE_SCHEME_BEARER);
    assert_string_equal(challenge.realm, "https://t");
    assert_string_equal(challenge.service, "s");
    challenge_choose(headers, &challenge);
    assert_int_equal(challenge.scheme, CHALLENGE_SCHEME_BEARER);
    assert_string_equal(challenge.realm, "c");
    challenge_choose(NULL, &challenge);
    assert_int_equal(challenge.scheme, CHALLENGE_SCHEME_OTHER);
}

static void test_nonsense(void **state)
{
    static const char *const headers[] = {
        "",
        ",",
        ", ,",
        "=",
        "\"",
        "Bearer",
        "Digest realm=x",
        "Bearer realm=\"never ends",
        "Bearer realm=",
        "(",
        "\x01\x02",
        "Bearer =x",
    };

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        struct challenge challenge;

        choose(headers[i], &challenge);
        if (challenge.scheme == CHALLENGE_SCHEME_BEARER)
            assert_string_equal(challenge.service, "");
        else
            assert_int_equal(challenge.scheme, CHALLENGE_SCHEME_OTHER);
    }
}

static void test_too_long(void **state)
{
    char header[3000] = "Bearer realm=\"";
    struct challenge challenge;

    memset(header + strlen(header), 'x', 2000);
    choose(header, &challenge);
    assert_int_equal(challenge.scheme, CHALLENGE_SCHEME_BEARER);
    assert_string_equal(challenge.service, "");
    strcpy(header + 2000, "\",service=s");
    choose(header, &challenge);
    /* A cut address is worse than none. */
    assert_int_equal(challenge.scheme, CHALLENGE_SCHEME_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bearer),   cmocka_unit_test(test_basic),
        cmocka_unit_test(test_several),  cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
