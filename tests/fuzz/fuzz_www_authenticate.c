/*
 * fuzz_www_authenticate.c - libFuzzer target: any bytes as a WWW-Authenticate header. Reading ends,
 * and every value is a string within its buffer.
 */
#include "fuzz.h"

#include "registry/challenge.h"

static bool accepts(const char *text, size_t length)
{
    struct challenge challenge;
    const char *cursor = text;
    size_t count = 0;
    bool is_good = false;

    if (strlen(text) != length)
        return false;
    while (challenge_next(&cursor, &challenge)) {
        FUZZ_CHECK(memchr(challenge.realm, 0, sizeof(challenge.realm)));
        FUZZ_CHECK(memchr(challenge.service, 0, sizeof(challenge.service)));
        FUZZ_CHECK(memchr(challenge.scope, 0, sizeof(challenge.scope)));
        FUZZ_CHECK(cursor <= text + length && ++count <= length);
        is_good |= challenge.scheme != CHALLENGE_SCHEME_OTHER;
    }
    return is_good;
}

FUZZ_TARGET(1u << 16)
