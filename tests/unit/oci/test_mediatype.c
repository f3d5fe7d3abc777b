/* test_mediatype.c - the table of media types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/mediatype.h"

static void test_kinds(void **state)
{
    static const struct {
        const char *name;
        enum mediatype_kind kind;
        enum mediatype_compression compression;
        bool is_docker;
        bool is_foreign;
    } known[] = {
        {MEDIATYPE_OCI_MANIFEST, MEDIATYPE_KIND_MANIFEST, MEDIATYPE_COMPRESSION_NONE, false, false},
        {MEDIATYPE_DOCKER_MANIFEST, MEDIATYPE_KIND_MANIFEST, MEDIATYPE_COMPRESSION_NONE, true,
         false},
        {MEDIATYPE_OCI_INDEX, MEDIATYPE_KIND_INDEX, MEDIATYPE_COMPRESSION_NONE, false, false},
        {MEDIATYPE_DOCKER_LIST, MEDIATYPE_KIND_INDEX, MEDIATYPE_COMPRESSION_NONE, true, false},
        {MEDIATYPE_OCI_CONFIG, MEDIATYPE_KIND_CONFIG, MEDIATYPE_COMPRESSION_NONE, false, false},
        {MEDIATYPE_DOCKER_CONFIG, MEDIATYPE_KIND_CONFIG, MEDIATYPE_COMPRESSION_NONE, true, false},
        {MEDIATYPE_OCI_LAYER, MEDIATYPE_KIND_LAYER, MEDIATYPE_COMPRESSION_NONE, false, false},
        {MEDIATYPE_OCI_LAYER "+gzip", MEDIATYPE_KIND_LAYER, MEDIATYPE_COMPRESSION_GZIP, false,
         false},
        {MEDIATYPE_OCI_LAYER "+zstd", MEDIATYPE_KIND_LAYER, MEDIATYPE_COMPRESSION_ZSTD, false,
         false},
        {MEDIATYPE_DOCKER_LAYER, MEDIATYPE_KIND_LAYER, MEDIATYPE_COMPRESSION_NONE, true, false},
        {MEDIATYPE_DOCKER_LAYER ".gzip", MEDIATYPE_KIND_LAYER, MEDIATYPE_COMPRESSION_GZIP, true,
         false},
        {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", MEDIATYPE_KIND_LAYER,
         MEDIATYPE_COMPRESSION_GZIP, true, true},
        {"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", MEDIATYPE_KIND_LAYER,
         MEDIATYPE_COMPRESSION_ZSTD, false, true},
        {"application/vnd.docker.distribution.manifest.v1+prettyjws", MEDIATYPE_KIND_SCHEMA1,
         MEDIATYPE_COMPRESSION_NONE, true, false},
        /* as a Content-Type header may spell it */
        {"Application/VND.oci.image.index.v1+JSON; charset=utf-8", MEDIATYPE_KIND_INDEX,
         MEDIATYPE_COMPRESSION_NONE, false, false},
        {" application/vnd.oci.image.index.v1+json;x=y\r\n", MEDIATYPE_KIND_INDEX,
         MEDIATYPE_COMPRESSION_NONE, false, false},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const struct mediatype *type = mediatype_find(known[i].name);

        if (!type)
            fail_msg("'%s' is not known", known[i].name);
        assert_int_equal(type->kind, known[i].kind);
        assert_int_equal(type->compression, known[i].compression);
        assert_int_equal(type->is_docker, known[i].is_docker);
        assert_int_equal(type->is_foreign, known[i].is_foreign);
    }
}

static void test_unknown(void **state)
{
    assert_null(mediatype_find(NULL));
    assert_null(mediatype_find(""));
    assert_null(mediatype_find("application/json"));
    assert_null(mediatype_find("application/vnd.oci.image.index.v1+jsonx"));
    assert_null(mediatype_find("application/vnd.oci.image.layer.v1.tar+gzip+encrypted"));
    assert_null(mediatype_find("application/vnd.oci.image.index"));
}

static void test_of_layer(void **state)
{
    assert_string_equal(mediatype_of_layer(false, MEDIATYPE_COMPRESSION_ZSTD),
                        "application/vnd.oci.image.layer.v1.tar+zstd");
    assert_string_equal(mediatype_of_layer(true, MEDIATYPE_COMPRESSION_GZIP),
                        "application/vnd.docker.image.rootfs.diff.tar.gzip");
    assert_string_equal(mediatype_of_layer(false, MEDIATYPE_COMPRESSION_NONE), MEDIATYPE_OCI_LAYER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_of_layer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
