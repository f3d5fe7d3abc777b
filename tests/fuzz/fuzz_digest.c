/*
 * fuzz_digest.c - libFuzzer target: any bytes as a digest.
 * Build: clang -fsanitize=fuzzer,address,undefined -Isrc, with src/base and src/oci.
 */
#include "fuzz.h"

#include "oci/digest.h"

#include <string.h>

static bool accepts(const char *text, size_t length)
{
    struct digest digest = {0};
    struct mcpd_error error = {0};

    if (strlen(text) != length || digest_parse(text, &digest, &error) < 0) {
        FUZZ_CHECK(!digest_is_set(&digest));
        return false;
    }
    FUZZ_CHECK(strcmp(digest.text, text) == 0);
    FUZZ_CHECK(strlen(digest_hex(&digest)) == 64 && !strpbrk(digest_hex(&digest), "/."));
    return true;
}

FUZZ_TARGET(256)
