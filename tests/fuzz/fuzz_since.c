/* fuzz_since.c - libFuzzer target: any text as the output of `image inspect`, for --since. */
#include "fuzz.h"

#include "oci/layer/save_since.h"

static bool accepts(const char *text, size_t length)
{
    CLEANUP_SAVE_SINCE struct save_since since = {0};
    bool is_good = save_since_parse(text, length, &since, NULL) == 0;

    for (size_t i = 0; i < since.count; i++) {
        FUZZ_CHECK(digest_is_set(&since.layers[i].diff_id));
        FUZZ_CHECK(save_since_find(&since, &since.layers[i].diff_id) == &since.layers[i]);
        FUZZ_CHECK(strlen(since.layers[i].image) < 256);
    }
    return is_good;
}

FUZZ_TARGET(1u << 16)
