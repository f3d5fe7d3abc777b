/* test_manifest.c - the four kinds of documents, hostile ones, the choice of a platform. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/manifest.h"

#include "base/buf.h"
#include "base/str.h"

#include <string.h>

#define HEX       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define D         "\"sha256:" HEX "\""
#define CONFIG(t) "\"config\":{\"mediaType\":\"" t "\",\"size\":7,\"digest\":" D "}"
#define LAYER(t)  "{\"mediaType\":\"" t "\",\"size\":1234,\"digest\":" D "}"
#define ENTRY(t, platform) \
    "{\"mediaType\":\"" t "\",\"size\":9,\"digest\":" D ",\"platform\":{" platform "}}"
#define OCI_IMAGE                                                                                 \
    "\"schemaVersion\":2," CONFIG(MEDIATYPE_OCI_CONFIG) ",\"layers\":[" LAYER(MEDIATYPE_OCI_LAYER \
                                                                              "+zstd") "]"

static int parse(const char *text, const char *content_type, struct manifest_document *document,
                 struct mcpd_error *error)
{
    memset(document, 0, sizeof(*document));
    memset(error, 0, sizeof(*error));
    return manifest_parse(text, strlen(text), content_type, document, error);
}

static void take(const char *text, const char *content_type, struct manifest_document *document)
{
    struct mcpd_error error;

    if (parse(text, content_type, document, &error) < 0)
        fail_msg("%s: %s", text, error.message);
}

static void refuse(const char *text, const char *content_type, int code, const char *message)
{
    struct manifest_document document;
    struct mcpd_error error;
    int rc = parse(text, content_type, &document, &error);

    if (rc != -code || !strstr(error.message, message))
        fail_msg("%.200s: %d %s", text, rc, error.message);
}

/* ---------------------------------------------------------------- four media types */

static void test_oci_manifest(void **state)
{
    struct manifest_document document;

    take("{" OCI_IMAGE ",\"mediaType\":\"" MEDIATYPE_OCI_MANIFEST
         "\",\"annotations\":{\"a\":\"b\"}}",
         MEDIATYPE_OCI_MANIFEST, &document);
    assert_int_equal(document.kind, MANIFEST_KIND_IMAGE);
    assert_string_equal(document.manifest.media_type, MEDIATYPE_OCI_MANIFEST);
    assert_string_equal(document.manifest.config.digest.text, "sha256:" HEX);
    assert_int_equal(document.manifest.config.size, 7);
    assert_int_equal(document.manifest.layer_count, 1);
    assert_int_equal(document.manifest.layers[0].size, 1234);
    assert_string_equal(document.manifest.layers[0].media_type, MEDIATYPE_OCI_LAYER "+zstd");
    assert_int_equal(json_object_size(document.manifest.annotations), 1);
    assert_int_equal(manifest_check_runnable(&document.manifest, NULL), 0);
    manifest_document_done(&document);
}

static void test_docker_manifest(void **state)
{
    struct manifest_document document;

    take("{\"schemaVersion\":2,\"mediaType\":\"" MEDIATYPE_DOCKER_MANIFEST
         "\"," CONFIG(MEDIATYPE_DOCKER_CONFIG) ",\"layers\":[" LAYER(
             MEDIATYPE_DOCKER_LAYER ".gzip") "," LAYER(MEDIATYPE_DOCKER_LAYER) "]}",
         NULL, &document);
    assert_string_equal(document.manifest.media_type, MEDIATYPE_DOCKER_MANIFEST);
    assert_int_equal(document.manifest.layer_count, 2);
    assert_null(document.manifest.annotations);
    assert_int_equal(manifest_check_runnable(&document.manifest, NULL), 0);
    manifest_document_done(&document);
}

static void test_indexes(void **state)
{
    struct manifest_document document;

    take("{\"schemaVersion\":2,\"mediaType\":\"" MEDIATYPE_OCI_INDEX "\",\"manifests\":[" ENTRY(
             MEDIATYPE_OCI_MANIFEST,
             "\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v6\"") "]}",
         MEDIATYPE_OCI_INDEX "; charset=utf-8", &document);
    assert_int_equal(document.kind, MANIFEST_KIND_INDEX);
    assert_int_equal(document.index.entry_count, 1);
    assert_string_equal(document.index.entries[0].platform.variant, "v6");
    manifest_document_done(&document);

    take("{\"schemaVersion\":2,\"manifests\":[" ENTRY(
             MEDIATYPE_DOCKER_MANIFEST, "\"os\":\"linux\",\"architecture\":\"amd64\"") "]}",
         NULL, &document);
    assert_string_equal(document.index.media_type, MEDIATYPE_DOCKER_LIST);
    manifest_document_done(&document);
}

/* The type is optional in OCI documents. */
static void test_media_type_is_found(void **state)
{
    struct manifest_document document;

    take("{" OCI_IMAGE "}", NULL, &document);
    assert_string_equal(document.manifest.media_type, MEDIATYPE_OCI_MANIFEST);
    manifest_document_done(&document);
    take("{" OCI_IMAGE "}", "application/json", &document);
    assert_string_equal(document.manifest.media_type, MEDIATYPE_OCI_MANIFEST);
    manifest_document_done(&document);
    take("{\"schemaVersion\":2," CONFIG(MEDIATYPE_DOCKER_CONFIG) ",\"layers\":[]}", NULL,
         &document);
    assert_string_equal(document.manifest.media_type, MEDIATYPE_DOCKER_MANIFEST);
    manifest_document_done(&document);
    take("{\"schemaVersion\":2,\"manifests\":[]}", NULL, &document);
    assert_string_equal(document.index.media_type, MEDIATYPE_OCI_INDEX);
    manifest_document_done(&document);
}

static void test_descriptor_extras(void **state)
{
    struct manifest_document document;

    take("{\"schemaVersion\":2,\"manifests\":[{\"digest\":" D ",\"size\":0,\"urls\":[\"http://x\"],"
         "\"annotations\":{\"org.opencontainers.image.ref.name\":\"1.2\"}}]}",
         NULL, &document);
    assert_null(document.index.entries[0].media_type);
    assert_string_equal(document.index.entries[0].urls[0], "http://x");
    assert_string_equal(
        strv_env_get(document.index.entries[0].annotations, "org.opencontainers.image.ref.name"),
        "1.2");
    manifest_document_done(&document);
}

/* ---------------------------------------------------------------- hostile */

static void test_ambiguous(void **state)
{
    refuse("{" OCI_IMAGE ",\"manifests\":[]}", NULL, MCPD_E_CORRUPT, "ambiguous");
    refuse("{\"schemaVersion\":2,\"manifests\":[]," CONFIG("x") "}", NULL, MCPD_E_CORRUPT,
           "ambiguous");
    refuse("{" OCI_IMAGE ",\"mediaType\":\"" MEDIATYPE_OCI_INDEX "\"}", NULL, MCPD_E_CORRUPT,
           "ambiguous");
    refuse("{" OCI_IMAGE "}", MEDIATYPE_DOCKER_LIST, MCPD_E_CORRUPT, "ambiguous");
    refuse("{\"schemaVersion\":2,\"manifests\":[]}", MEDIATYPE_OCI_MANIFEST, MCPD_E_CORRUPT,
           "ambiguous");
    refuse("{\"schemaVersion\":2,\"manifests\":[]}", MEDIATYPE_OCI_LAYER, MCPD_E_CORRUPT,
           "ambiguous");
    refuse("{\"schemaVersion\":2,\"layers\":[],\"layers\":[]}", NULL, MCPD_E_CORRUPT, "JSON");
}

static void test_schema1(void **state)
{
    refuse("{\"schemaVersion\":1,\"name\":\"x\",\"fsLayers\":[]}", NULL, MCPD_E_UNSUPPORTED,
           "schema 1");
    refuse("{\"schemaVersion\":2,\"fsLayers\":[],\"layers\":[]}", NULL, MCPD_E_UNSUPPORTED,
           "schema 1");
    refuse("whatever", "application/vnd.docker.distribution.manifest.v1+prettyjws",
           MCPD_E_UNSUPPORTED, "schema 1");
}

static void test_malformed(void **state)
{
    static const char *const bad[] = {
        "",
        "x",
        "[]",
        "\"x\"",
        "{}",
        "{\"schemaVersion\":2}",
        "{\"schemaVersion\":3,\"layers\":[]}",
        "{\"schemaVersion\":\"2\",\"layers\":[]}",
        "{" OCI_IMAGE,
        "{" OCI_IMAGE "}x",
        "{" OCI_IMAGE ",\"mediaType\":7}",
        "{" OCI_IMAGE ",\"annotations\":[]}",
        "{" OCI_IMAGE ",\"annotations\":{\"a\":1}}",
        "{\"schemaVersion\":2,\"layers\":[]}",
        "{\"schemaVersion\":2," CONFIG("x") "}",
        "{\"schemaVersion\":2," CONFIG("x") ",\"layers\":{}}",
        "{\"schemaVersion\":2," CONFIG("x") ",\"layers\":[1]}",
        "{\"schemaVersion\":2," CONFIG("x") ",\"layers\":[{}]}",
        "{\"schemaVersion\":2,\"config\":[],\"layers\":[]}",
        "{\"schemaVersion\":2,\"config\":{\"digest\":" D "},\"layers\":[]}",
        "{\"schemaVersion\":2,\"config\":{\"digest\":" D ",\"size\":-1},\"layers\":[]}",
        "{\"schemaVersion\":2,\"config\":{\"digest\":" D ",\"size\":1.5},\"layers\":[]}",
        "{\"schemaVersion\":2,\"config\":{\"digest\":" D ",\"size\":\"7\"},\"layers\":[]}",
        "{\"schemaVersion\":2,\"config\":{\"digest\":" D
        ",\"size\":99999999999999999999},\"layers\":[]}",
        "{\"schemaVersion\":2,\"config\":{\"size\":1},\"layers\":[]}",
        "{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:../../x\",\"size\":1},\"layers\":[]}",
        "{\"schemaVersion\":2,\"config\":{\"digest\":\"sha512:ab\",\"size\":1},\"layers\":[]}",
        "{\"schemaVersion\":2,\"manifests\":{}}",
        "{\"schemaVersion\":2,\"manifests\":null}",
        "{\"schemaVersion\":2,\"manifests\":[{\"digest\":" D ",\"size\":1,\"platform\":[]}]}",
        "{\"schemaVersion\":2,\"manifests\":[{\"digest\":" D
        ",\"size\":1,\"platform\":{\"os\":1}}]}",
        "{\"schemaVersion\":2,\"manifests\":[{\"digest\":" D ",\"size\":1,\"urls\":[1]}]}",
        "{\"schemaVersion\":2,\"manifests\":[{\"digest\":" D
        ",\"size\":1,\"mediaType\":\"a\\u0000b\"}]}",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refuse(bad[i], NULL, MCPD_E_CORRUPT, "");
}

static void test_bytes_that_are_no_text(void **state)
{
    static const char bytes[] = "{\"schemaVersion\":2,\"mani\0fests\":[]}";
    struct manifest_document document;

    assert_int_equal(manifest_parse(bytes, sizeof(bytes) - 1, NULL, &document, NULL),
                     -MCPD_E_CORRUPT);
    assert_int_equal(manifest_parse("{\"a\":\"\xff\"}", 9, NULL, &document, NULL), -MCPD_E_CORRUPT);
}

static char *repeated(const char *head, const char *piece, size_t count, const char *tail)
{
    struct buf buf;

    buf_init(&buf, 64u << 20);
    (void)buf_append_text(&buf, head);
    for (size_t i = 0; i < count; i++)
        (void)buf_append_format(&buf, "%s%s", i > 0 && piece[0] == '{' ? "," : "", piece);
    (void)buf_append_text(&buf, tail);
    return buf_take(&buf);
}

static void test_limits(void **state)
{
    static const char head[] = "{\"schemaVersion\":2," CONFIG("x") ",\"layers\":[";
    CLEANUP_FREE char *most = repeated(head, LAYER("x"), 512, "]}");
    CLEANUP_FREE char *many = repeated(head, LAYER("x"), 513, "]}");
    CLEANUP_FREE char *deep = repeated("{\"schemaVersion\":2,\"layers\":", "[", 100000, "");
    CLEANUP_FREE char *large = repeated("{\"schemaVersion\":2}", " ", MANIFEST_MAX_BYTES, "");
    CLEANUP_FREE char *entries = repeated("{\"schemaVersion\":2,\"manifests\":[",
                                          "{\"digest\":" D ",\"size\":1}", 1025, "]}");
    struct manifest_document document;

    take(most, NULL, &document);
    assert_int_equal(document.manifest.layer_count, 512);
    manifest_document_done(&document);
    refuse(many, NULL, MCPD_E_LIMIT, "513 entries, more than 512");
    refuse(deep, NULL, MCPD_E_LIMIT, "levels deep");
    refuse(large, NULL, MCPD_E_LIMIT, "larger than 4194304 bytes");
    refuse(entries, NULL, MCPD_E_LIMIT, "more than 1024");
    refuse("{\"schemaVersion\":2,\"manifests\":[{\"digest\":" D ",\"size\":1,\"platform\":"
           "{\"os\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}}]}",
           NULL, MCPD_E_LIMIT, "too long");
}

static void check_not_runnable(const char *text, const char *message)
{
    struct manifest_document document;
    struct mcpd_error error = {0};

    take(text, NULL, &document);
    assert_int_equal(manifest_check_runnable(&document.manifest, &error), -MCPD_E_UNSUPPORTED);
    assert_non_null(strstr(error.message, message));
    manifest_document_done(&document);
}

static void test_not_runnable(void **state)
{
    check_not_runnable("{\"schemaVersion\":2," CONFIG(
                           "application/vnd.cncf.helm.config.v1+json") ",\"layers\":[]}",
                       "not a container image but \"application/vnd.cncf.helm");
    check_not_runnable("{\"schemaVersion\":2,\"config\":{\"digest\":" D
                       ",\"size\":1},\"layers\":[]}",
                       "not a container image");
    check_not_runnable("{\"schemaVersion\":2," CONFIG(MEDIATYPE_OCI_CONFIG) ",\"layers\":[" LAYER(
                           MEDIATYPE_OCI_LAYER) "," LAYER("application/x-zip") "]}",
                       "layer 2 is of the unknown type \"application/x-zip\"");
    check_not_runnable("{\"schemaVersion\":2," CONFIG(MEDIATYPE_OCI_CONFIG) ",\"layers\":[" LAYER(
                           "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip") "]}",
                       "layer 1 is foreign");
}

/* ---------------------------------------------------------------- choosing */

struct offer {
    const char *platform; /* NULL: none */
    const char *media_type;
};

static int choose(const struct offer *offers, size_t count, const char *wanted, size_t *ret_chosen,
                  struct mcpd_error *error)
{
    struct descriptor entries[8] = {0};
    struct manifest_index index = {.entries = entries, .entry_count = count};
    const struct descriptor *chosen = NULL;
    struct platform platform;
    int rc;

    for (size_t i = 0; i < count; i++) {
        char text[PLATFORM_TEXT_SIZE];
        char *part[3] = {NULL};
        char *rest = text;

        (void)snprintf(text, sizeof(text), "%s", offers[i].platform ? offers[i].platform : "");
        for (size_t k = 0; k < 3; k++)
            part[k] = strsep(&rest, "/");
        assert_int_equal(str_copy(entries[i].platform.os, PLATFORM_PART_SIZE, part[0]), 0);
        assert_int_equal(
            str_copy(entries[i].platform.architecture, PLATFORM_PART_SIZE, part[1] ? part[1] : ""),
            0);
        assert_int_equal(
            str_copy(entries[i].platform.variant, PLATFORM_PART_SIZE, part[2] ? part[2] : ""), 0);
        entries[i].media_type =
            strdup(offers[i].media_type ? offers[i].media_type : MEDIATYPE_OCI_MANIFEST);
    }
    assert_int_equal(platform_parse(wanted, &platform, NULL), 0);
    rc = manifest_index_choose(&index, &platform, &chosen, error);
    if (rc == 0)
        *ret_chosen = (size_t)(chosen - entries);
    for (size_t i = 0; i < count; i++)
        descriptor_done(&entries[i]);
    return rc;
}

static void check_choice(const struct offer *offers, size_t count, const char *wanted,
                         size_t expected)
{
    struct mcpd_error error = {0};
    size_t chosen = 99;

    if (choose(offers, count, wanted, &chosen, &error) < 0)
        fail_msg("%s", error.message);
    assert_int_equal(chosen, expected);
}

static void test_choose(void **state)
{
    static const struct offer offers[] = {
        {"unknown/unknown", NULL}, {"linux/amd64", NULL},    {"linux/arm/v5", NULL},
        {"linux/arm/v7", NULL},    {"linux/arm64/v8", NULL}, {"windows/amd64", NULL},
        {"linux/arm/v6", NULL},    {"linux/amd64/v3", NULL},
    };

    check_choice(offers, 8, "linux/amd64", 1);
    check_choice(offers, 8, "linux/amd64/v3", 7);
    check_choice(offers, 8, "linux/amd64/v2", 1);
    check_choice(offers, 8, "linux/arm64", 4);
    check_choice(offers, 8, "linux/arm/v8", 3);
    check_choice(offers, 8, "linux/arm/v7", 3);
    check_choice(offers, 8, "linux/arm/v6", 6);
    check_choice(offers, 8, "linux/arm", 3);
    check_choice(offers, 8, "windows/amd64", 5);
    check_choice(offers + 6, 2, "linux/amd64", 1);
}

static void test_choose_without_platform(void **state)
{
    static const struct offer one[] = {{NULL, NULL}};
    static const struct offer two[] = {{NULL, NULL}, {NULL, NULL}};
    static const struct offer other[] = {{"linux/amd64", "application/vnd.in-toto+json"},
                                         {"linux/amd64", MEDIATYPE_OCI_INDEX}};
    struct mcpd_error error = {0};
    size_t chosen;

    check_choice(one, 1, "linux/amd64", 0);
    assert_int_equal(choose(two, 2, "linux/amd64", &chosen, &error), -MCPD_E_NOT_FOUND);
    check_choice(other, 2, "linux/amd64", 1);
}

static void test_no_match_lists(void **state)
{
    static const struct offer offers[] = {
        {"unknown/unknown", NULL}, {"linux/amd64", NULL}, {"linux/arm/v7", NULL}};
    struct mcpd_error error = {0};
    size_t chosen;

    assert_int_equal(choose(offers, 3, "linux/s390x", &chosen, &error), -MCPD_E_NOT_FOUND);
    assert_string_equal(error.message, "no image found in manifest list for linux/s390x; it has "
                                       "linux/amd64, linux/arm/v7");
    assert_int_equal(choose(offers, 0, "linux/s390x", &chosen, &error), -MCPD_E_NOT_FOUND);
    assert_non_null(strstr(error.message, "it has none"));
}

/* ---------------------------------------------------------------- writing */

static void test_format(void **state)
{
    struct manifest_document first;
    struct manifest_document second;
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;

    take("{" OCI_IMAGE ",\"annotations\":{\"k\":\"v\"}}", NULL, &first);
    assert_int_equal(manifest_format(&first.manifest, &text, &length, NULL), 0);
    assert_int_equal(strlen(text), length);
    take(text, MEDIATYPE_OCI_MANIFEST, &second);
    assert_int_equal(second.manifest.layer_count, 1);
    assert_int_equal(second.manifest.layers[0].size, 1234);
    assert_string_equal(second.manifest.config.media_type, MEDIATYPE_OCI_CONFIG);
    assert_true(json_equal(first.manifest.annotations, second.manifest.annotations));
    manifest_document_done(&first);
    manifest_document_done(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oci_manifest),
        cmocka_unit_test(test_docker_manifest),
        cmocka_unit_test(test_indexes),
        cmocka_unit_test(test_media_type_is_found),
        cmocka_unit_test(test_descriptor_extras),
        cmocka_unit_test(test_ambiguous),
        cmocka_unit_test(test_schema1),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_not_runnable),
        cmocka_unit_test(test_choose),
        cmocka_unit_test(test_choose_without_platform),
        cmocka_unit_test(test_no_match_lists),
        cmocka_unit_test(test_format),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
