/*
 * fuzz_storeconf.c - libFuzzer target: any bytes as an mcpd.conf. What is taken keeps its promises:
 * absolute paths, and not too many.
 */
#include "fuzz.h"

#include "oci/storeconf.h"

static bool accepts(const char *text, size_t length)
{
    CLEANUP_STORECONF struct storeconf conf = {0};
    size_t count = 0;

    if (storeconf_add(&conf, text, length, "f", NULL) < 0)
        return false;
    for (; conf.additional && conf.additional[count]; count++)
        FUZZ_CHECK(conf.additional[count][0] == '/');
    FUZZ_CHECK(count <= STORECONF_MAX_ADDITIONAL);
    return true;
}

FUZZ_TARGET(STORECONF_MAX_BYTES)
