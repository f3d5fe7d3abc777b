/*
 * fuzz_authfile.c - libFuzzer target: any bytes as an auth file. A password never comes without its
 * user. What is asked for: the repository "registry.example/team/app".
 */
#include "fuzz.h"

#include "registry/authfile.h"

static bool accepts(const char *text, size_t length)
{
    struct credentials credentials = {0};
    int rc = authfile_lookup(text, length, "registry.example/team/app", &credentials, NULL);
    bool has_found = credentials.user || credentials.identity_token;

    FUZZ_CHECK(rc == 0 || !has_found);
    FUZZ_CHECK(!credentials.password == !credentials.user);
    credentials_done(&credentials);
    return has_found;
}

FUZZ_TARGET(1u << 16)
