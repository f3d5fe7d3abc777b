/* test_bundle_index.c - the annotation of a bundle, written and read. Bad ones: tests/fuzz/reject.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/layer/bundle_index.h"

#include "base/jsonx.h"
#include "base/str.h"
#include "support/fake_store.h"

#include <stdlib.h>
#include <string.h>

static struct bundle_need need_of(const char *seed)
{
    return (struct bundle_need){
        .digest = fake_digest(seed), .diff_id = fake_digest("plain"), .size = 1234};
}

/* index.json with this annotation, owned by the caller. */
static char *index_with(const char *annotation)
{
    CLEANUP_JSON json_t *root = json_pack("{s:i, s:[], s:{s:s}}", "schemaVersion", 2, "manifests",
                                          "annotations", BUNDLE_ANNOTATION, annotation);

    return json_dumps(root, JSON_COMPACT);
}

static void test_round_trip(void **state)
{
    CLEANUP_BUNDLE_INDEX struct bundle_index index = {.document_count = 4};
    CLEANUP_BUNDLE_INDEX struct bundle_index again = {0};
    CLEANUP_FREE char *annotation = NULL;
    CLEANUP_FREE char *text = NULL;
    char name[] = "localhost/app:1";
    struct bundle_need need = need_of("one");

    assert_int_equal(bundle_index_add_need(&index, &need, NULL), 0);
    need = need_of("two");
    need.image = name;
    assert_int_equal(bundle_index_add_need(&index, &need, NULL), 0);
    assert_int_equal(bundle_index_format(&index, &annotation, NULL), 0);
    text = index_with(annotation);
    assert_int_equal(bundle_index_parse(text, strlen(text), &again, NULL), 0);
    assert_int_equal(again.document_count, 4);
    assert_int_equal(again.need_count, 2);
    assert_true(digest_equal(&again.needs[0].digest, &index.needs[0].digest));
    assert_true(digest_equal(&again.needs[1].diff_id, &index.needs[1].diff_id));
    assert_int_equal(again.needs[1].size, 1234);
    assert_string_equal(again.needs[0].image, "");
    assert_string_equal(again.needs[1].image, "localhost/app:1");
}

/* What may be written can be read: the longest list, with the longest names. */
static void test_most_needs(void **state)
{
    CLEANUP_BUNDLE_INDEX struct bundle_index index = {.document_count = 1};
    CLEANUP_BUNDLE_INDEX struct bundle_index again = {0};
    CLEANUP_FREE char *annotation = NULL;
    CLEANUP_FREE char *text = NULL;
    char name[BUNDLE_MAX_IMAGE_NAME + 1];
    struct bundle_need need = need_of("one");
    struct mcpd_error error = {0};

    memset(name, 'x', sizeof(name) - 1);
    name[128] = '\0';
    need.image = name;
    for (int i = 0; i < BUNDLE_MAX_NEEDS; i++)
        assert_int_equal(bundle_index_add_need(&index, &need, NULL), 0);
    assert_int_equal(bundle_index_add_need(&index, &need, &error), -MCPD_E_LIMIT);
    assert_non_null(strstr(error.message, "2048 layers at most"));
    assert_int_equal(bundle_index_format(&index, &annotation, NULL), 0);
    text = index_with(annotation);
    assert_int_equal(bundle_index_parse(text, strlen(text), &again, NULL), 0);
    assert_int_equal(again.need_count, BUNDLE_MAX_NEEDS);
}

static void test_too_long(void **state)
{
    CLEANUP_BUNDLE_INDEX struct bundle_index index = {.document_count = 1};
    char name[BUNDLE_MAX_IMAGE_NAME + 1];
    char *text = NULL;
    struct bundle_need need = need_of("one");

    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    need.image = name;
    for (int i = 0; i < BUNDLE_MAX_NEEDS; i++)
        assert_int_equal(bundle_index_add_need(&index, &need, NULL), 0);
    assert_int_equal(bundle_index_format(&index, &text, NULL), -MCPD_E_LIMIT);
    assert_null(text);
}

static void refused(const char *annotation, enum mcpd_error_code code, const char *message)
{
    CLEANUP_BUNDLE_INDEX struct bundle_index index = {0};
    CLEANUP_FREE char *text = index_with(annotation);
    struct mcpd_error error = {0};

    assert_int_equal(bundle_index_parse(text, strlen(text), &index, &error), -(int)code);
    if (!strstr(error.message, message))
        fail_msg("'%s' lacks '%s'", error.message, message);
}

static void test_refused(void **state)
{
    refused("{\"version\":2}", MCPD_E_UNSUPPORTED, "a bundle of version 2");
    refused("{\"version\":1,\"documents\":0}", MCPD_E_LIMIT, "from 1 to 2048 documents, not 0");
    refused("{\"version\":1,\"documents\":1,\"needs\":[{}]}", MCPD_E_CORRUPT,
            "a needed layer has no digest");
    refused("{", MCPD_E_CORRUPT, BUNDLE_ANNOTATION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_most_needs),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
