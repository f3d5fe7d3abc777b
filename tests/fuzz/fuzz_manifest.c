/*
 * fuzz_manifest.c - libFuzzer target: any bytes as a manifest or an index. What is taken can be
 * used, and a manifest can be written and read again.
 */
#include "fuzz.h"

#include "oci/manifest.h"

#include <string.h>

static void use_manifest(const struct manifest *manifest)
{
    struct manifest_document again = {0};
    char *text = NULL;
    size_t length = 0;
    int rc = manifest_check_runnable(manifest, NULL);

    (void)rc;
    FUZZ_CHECK(manifest->media_type && manifest->layer_count <= MANIFEST_MAX_LAYERS);
    if (manifest_format(manifest, &text, &length, NULL) < 0)
        return;
    if (length <= MANIFEST_MAX_BYTES) {
        FUZZ_CHECK(manifest_parse(text, length, NULL, &again, NULL) == 0);
        FUZZ_CHECK(again.manifest.layer_count == manifest->layer_count);
        FUZZ_CHECK(again.manifest.config.size == manifest->config.size);
    }
    manifest_document_done(&again);
    free(text);
}

static void use_index(const struct manifest_index *list)
{
    static const char *const wanted[] = {"linux/amd64", "linux/arm/v7", "linux/arm64/v8"};

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        const struct descriptor *entry = NULL;
        struct mcpd_error error = {0};
        struct platform platform;

        FUZZ_CHECK(platform_parse(wanted[i], &platform, NULL) == 0);
        if (manifest_index_choose(list, &platform, &entry, &error) == 0)
            FUZZ_CHECK(entry >= list->entries && entry < list->entries + list->entry_count);
    }
}

static bool accepts(const char *text, size_t length)
{
    struct manifest_document document = {0};
    struct mcpd_error error = {0};

    if (manifest_parse(text, length, NULL, &document, &error) < 0) {
        FUZZ_CHECK(error.message[0] != '\0');
        return false;
    }
    switch (document.kind) {
    case MANIFEST_KIND_IMAGE:
        use_manifest(&document.manifest);
        break;
    case MANIFEST_KIND_INDEX:
        use_index(&document.index);
        break;
    }
    manifest_document_done(&document);
    return true;
}

FUZZ_TARGET(MANIFEST_MAX_BYTES + 1)
