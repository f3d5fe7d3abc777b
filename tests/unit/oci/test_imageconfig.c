/* test_imageconfig.c - configurations as docker, podman and buildkit write them, and broken ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/imageconfig.h"

#include "base/buf.h"
#include "base/str.h"

#include <string.h>

#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define D      "\"sha256:" HEX "\""
#define ROOTFS "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[" D "]}"

static int parse(const char *text, struct imageconfig *config, struct mcpd_error *error)
{
    memset(config, 0, sizeof(*config));
    memset(error, 0, sizeof(*error));
    return imageconfig_parse(text, strlen(text), config, error);
}

static void take(const char *text, struct imageconfig *config)
{
    struct mcpd_error error;

    if (parse(text, config, &error) < 0)
        fail_msg("%s: %s", text, error.message);
}

static void test_full(void **state)
{
    struct imageconfig config;

    take(
        "{\"architecture\":\"arm\",\"variant\":\"v7\",\"os\":\"linux\",\"author\":\"me\","
        "\"created\":\"2026-11-23T16:12:24.554447437Z\",\"config\":{\"User\":\"0:0\","
        "\"ExposedPorts\":{\"53/udp\":{},\"8080/tcp\":{}},\"Env\":[\"PATH=/bin\",\"A=1=2\"],"
        "\"Entrypoint\":[\"/bin/busybox\"],\"Cmd\":[\"sleep\",\"1000\"],\"Volumes\":{\"/data\":{}},"
        "\"WorkingDir\":\"/srv\",\"Labels\":{\"k\":\"v\"},\"StopSignal\":\"SIGTERM\","
        "\"Healthcheck\":{\"Test\":[\"NONE\"]}}," ROOTFS ",\"history\":[{\"created_by\":\"x\"}]}",
        &config);
    assert_string_equal(config.architecture, "arm");
    assert_string_equal(config.variant, "v7");
    assert_string_equal(config.os, "linux");
    assert_string_equal(config.author, "me");
    assert_int_equal(config.created_unix_ns, 1795450344554447437);
    assert_string_equal(config.user, "0:0");
    assert_string_equal(config.working_dir, "/srv");
    assert_string_equal(config.stop_signal, "SIGTERM");
    assert_string_equal(config.exposed_ports[1], "8080/tcp");
    assert_string_equal(config.env[1], "A=1=2");
    assert_string_equal(config.entrypoint[0], "/bin/busybox");
    assert_string_equal(config.cmd[1], "1000");
    assert_string_equal(config.volumes[0], "/data");
    assert_string_equal(config.labels[0], "k=v");
    assert_int_equal(config.diff_id_count, 1);
    assert_string_equal(config.diff_ids[0].text, "sha256:" HEX);
    assert_non_null(json_object_get(config.document, "history"));
    imageconfig_done(&config);
    imageconfig_done(&config);
}

static void test_sparse(void **state)
{
    static const char *const sparse[] = {
        "{" ROOTFS "}",
        "{" ROOTFS ",\"config\":null,\"created\":null}",
        "{" ROOTFS ",\"config\":{\"User\":\"\",\"Env\":null,\"Cmd\":null,\"Entrypoint\":null,"
        "\"Labels\":null,\"Volumes\":null,\"ExposedPorts\":null,\"WorkingDir\":\"\"},\"created\":"
        "\"\"}",
        "{" ROOTFS ",\"created\":\"0001-01-01T00:00:00Z\",\"unknown\":{\"x\":[1,2]}}",
    };

    for (size_t i = 0; i < sizeof(sparse) / sizeof(sparse[0]); i++) {
        struct imageconfig config;

        take(sparse[i], &config);
        assert_null(config.user);
        assert_null(config.working_dir);
        assert_null(config.cmd);
        assert_null(config.entrypoint);
        assert_int_equal(config.created_unix_ns, 0);
        imageconfig_done(&config);
    }
}

static void test_no_layers(void **state)
{
    struct imageconfig config;

    take("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}", &config);
    assert_int_equal(config.diff_id_count, 0);
    imageconfig_done(&config);
    take("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":null}}", &config);
    assert_int_equal(config.diff_id_count, 0);
    imageconfig_done(&config);
}

static void test_malformed(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{" ROOTFS,
        "{\"rootfs\":[]}",
        "{\"rootfs\":{\"diff_ids\":{}}}",
        "{\"rootfs\":{\"diff_ids\":[1]}}",
        "{\"rootfs\":{\"diff_ids\":[\"\"]}}",
        "{\"rootfs\":{\"diff_ids\":[\"sha256:../../../etc\"]}}",
        "{" ROOTFS ",\"created\":7}",
        "{" ROOTFS ",\"created\":\"yesterday\"}",
        "{" ROOTFS ",\"os\":[]}",
        "{" ROOTFS ",\"config\":[]}",
        "{" ROOTFS ",\"config\":{\"User\":0}}",
        "{" ROOTFS ",\"config\":{\"User\":\"a\\u0000b\"}}",
        "{" ROOTFS ",\"config\":{\"Env\":\"A=1\"}}",
        "{" ROOTFS ",\"config\":{\"Env\":[1]}}",
        "{" ROOTFS ",\"config\":{\"Env\":[\"A=\\u0000\"]}}",
        "{" ROOTFS ",\"config\":{\"Cmd\":{}}}",
        "{" ROOTFS ",\"config\":{\"Labels\":{\"a\":1}}}",
        "{" ROOTFS ",\"config\":{\"Labels\":[]}}",
        "{" ROOTFS ",\"config\":{\"Volumes\":[\"/a\"]}}",
        "{" ROOTFS ",\"config\":{\"User\":\"a\",\"User\":\"b\"}}",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct imageconfig config;
        struct mcpd_error error;

        if (parse(bad[i], &config, &error) != -MCPD_E_CORRUPT)
            fail_msg("%s: %s", bad[i], error.message);
        assert_null(config.document);
    }
}

static void test_limits(void **state)
{
    CLEANUP_BUF struct buf many;
    CLEANUP_BUF struct buf large;
    struct imageconfig config;
    struct mcpd_error error;

    buf_init(&many, 1u << 20);
    buf_init(&large, 8u << 20);
    (void)buf_append_text(&many, "{\"rootfs\":{\"diff_ids\":[" D);
    for (size_t i = 0; i < IMAGECONFIG_MAX_LAYERS; i++)
        (void)buf_append_text(&many, "," D);
    (void)buf_append_text(&many, "]}}");
    assert_int_equal(parse(buf_text(&many), &config, &error), -MCPD_E_LIMIT);
    assert_non_null(strstr(error.message, "513 layers"));
    for (size_t i = 0; i <= IMAGECONFIG_MAX_BYTES / 8; i++)
        (void)buf_append_text(&large, "        ");
    assert_int_equal(parse(buf_text(&large), &config, &error), -MCPD_E_LIMIT);
    buf_clear(&large);
    for (size_t i = 0; i < 100000; i++)
        (void)buf_append_text(&large, "[");
    assert_int_equal(parse(buf_text(&large), &config, &error), -MCPD_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full),      cmocka_unit_test(test_sparse),
        cmocka_unit_test(test_no_layers), cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
