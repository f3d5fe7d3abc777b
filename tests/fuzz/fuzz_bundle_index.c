/* fuzz_bundle_index.c - libFuzzer target: any text as the index.json of a bundle. */
#include "fuzz.h"

#include "base/jsonx.h"
#include "base/str.h"
#include "oci/layer/bundle_index.h"

/* What was read is written, and read again, as it is. */
static void check_round_trip(const struct bundle_index *index)
{
    CLEANUP_BUNDLE_INDEX struct bundle_index again = {0};
    CLEANUP_FREE char *annotation = NULL;
    CLEANUP_FREE char *text = NULL;
    CLEANUP_JSON json_t *root = NULL;

    /* What was escaped may be longer now. */
    if (bundle_index_format(index, &annotation, NULL) < 0)
        return;
    root = json_pack("{s:i, s:[], s:{s:s}}", "schemaVersion", 2, "manifests", "annotations",
                     BUNDLE_ANNOTATION, annotation);
    text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    FUZZ_CHECK(text && bundle_index_parse(text, strlen(text), &again, NULL) == 0);
    FUZZ_CHECK(again.document_count == index->document_count);
    FUZZ_CHECK(again.need_count == index->need_count);
    for (size_t i = 0; i < again.need_count; i++) {
        FUZZ_CHECK(digest_equal(&again.needs[i].digest, &index->needs[i].digest));
        FUZZ_CHECK(digest_equal(&again.needs[i].diff_id, &index->needs[i].diff_id));
        FUZZ_CHECK(again.needs[i].size == index->needs[i].size);
        FUZZ_CHECK(str_equal(again.needs[i].image, index->needs[i].image));
    }
}

static bool accepts(const char *text, size_t length)
{
    CLEANUP_BUNDLE_INDEX struct bundle_index index = {0};

    if (bundle_index_parse(text, length, &index, NULL) < 0)
        return false;
    FUZZ_CHECK(index.document_count > 0 && index.document_count <= BUNDLE_MAX_DOCUMENTS);
    FUZZ_CHECK(index.need_count <= BUNDLE_MAX_NEEDS);
    check_round_trip(&index);
    return true;
}

FUZZ_TARGET(1u << 16)
