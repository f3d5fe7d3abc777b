/*
 * fuzz_authfile.c - libFuzzer target: any bytes as an auth file. A password never comes without its
 * user, and a helper never beside credentials. What is asked for: the repository
 * "registry.example/team/app".
 */
#include "fuzz.h"

#include "registry/authfile.h"

static bool accepts(const char *text, size_t length)
{
    struct authfile_answer answer = {0};
    int rc = authfile_lookup(text, length, "registry.example/team/app", &answer, NULL);
    bool has_found = credentials_are_set(&answer.credentials) || answer.helper;

    FUZZ_CHECK(rc == 0 || !has_found);
    FUZZ_CHECK(!answer.credentials.password == !answer.credentials.user);
    FUZZ_CHECK(!answer.helper || !credentials_are_set(&answer.credentials));
    authfile_answer_done(&answer);
    return has_found;
}

FUZZ_TARGET(1u << 16)
