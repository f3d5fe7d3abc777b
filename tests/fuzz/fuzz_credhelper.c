/*
 * fuzz_credhelper.c - libFuzzer target: any bytes as the answer of a credential helper. A password
 * never comes without its user, and an identity token never beside one.
 */
#include "fuzz.h"

#include "registry/credhelper.h"

static bool accepts(const char *text, size_t length)
{
    struct credentials credentials = {0};
    int rc = credhelper_parse(text, length, &credentials, NULL);
    bool has_found = credentials_are_set(&credentials);

    FUZZ_CHECK(rc == 0 || !has_found);
    FUZZ_CHECK(!credentials.password == !credentials.user);
    FUZZ_CHECK(!credentials.identity_token || !credentials.user);
    FUZZ_CHECK(!credentials.user || (*credentials.user && !strchr(credentials.user, ':')));
    credentials_done(&credentials);
    return has_found;
}

FUZZ_TARGET(1u << 16)
