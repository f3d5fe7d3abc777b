/* fuzz_imageconfig.c - libFuzzer target: any bytes as an image configuration. */
#include "fuzz.h"

#include "oci/imageconfig.h"

#include <string.h>

static bool accepts(const char *text, size_t length)
{
    struct imageconfig config = {0};
    struct mcpd_error error = {0};

    if (imageconfig_parse(text, length, &config, &error) < 0) {
        FUZZ_CHECK(error.message[0] != '\0' && !config.document);
        return false;
    }
    FUZZ_CHECK(config.document && config.diff_id_count <= IMAGECONFIG_MAX_LAYERS);
    for (size_t i = 0; i < config.diff_id_count; i++)
        FUZZ_CHECK(strlen(digest_hex(&config.diff_ids[i])) == 64);
    imageconfig_done(&config);
    return true;
}

FUZZ_TARGET(IMAGECONFIG_MAX_BYTES + 1)
