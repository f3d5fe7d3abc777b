/*
 * fuzz_upload_range.c - libFuzzer target: any bytes as the Range of an upload. What is taken is a
 * number of bytes that can be gone on from.
 */
#include "fuzz.h"

#include "registry/upload_place.h"

static bool accepts(const char *text, size_t length)
{
    uint64_t bytes = 0;

    if (strlen(text) != length || !upload_range_parse(text, &bytes))
        return false;
    FUZZ_CHECK(bytes <= INT64_MAX && bytes != 1);
    return true;
}

FUZZ_TARGET(4096)
