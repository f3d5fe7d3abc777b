/*
 * fuzz_reference.c - libFuzzer target: any bytes as an image name. What is taken can be printed,
 * read again, and never makes a file name that leaves its folder.
 */
#include "fuzz.h"

#include "oci/reference.h"
#include "oci/tags.h"

#include <string.h>

static bool accepts(const char *text, size_t length)
{
    char printed[REFERENCE_MAX_LENGTH + 1];
    char file_name[TAGS_NAME_SIZE];
    struct reference first = {0};
    struct reference second = {0};

    if (strlen(text) != length || reference_parse(text, &first, NULL) < 0)
        return false;
    reference_format(&first, printed, sizeof(printed));
    FUZZ_CHECK(reference_parse(printed, &second, NULL) == 0);
    FUZZ_CHECK(memcmp(&first, &second, sizeof(first)) == 0);
    FUZZ_CHECK(strlen(first.domain) + 1 + strlen(first.path) <= 255);
    if (tags_file_name(&first, file_name, NULL) == 0)
        FUZZ_CHECK(!strchr(file_name, '/') && file_name[0] != '.' && file_name[0] != '@');
    return true;
}

FUZZ_TARGET(4096)
