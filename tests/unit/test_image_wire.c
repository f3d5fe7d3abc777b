/* test_image_wire.c - requests and lines between the thin program and its image helper. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image_wire.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

static void test_request(void **state)
{
    const struct image_request request = {
        .call = IMAGE_CALL_PULL,
        .root = "/var/lib/mcpd",
        .runroot = "/run/mcpd",
        .image = "alpine",
        .policy = MCPD_PULL_NEWER,
        .registry = {.skip_tls_verify = true, .credentials = "u:p\"\\", .platform = "linux/arm64"},
    };
    CLEANUP_FREE char *text = NULL;
    CLEANUP_JSON json_t *document = NULL;
    struct image_request back;

    assert_int_equal(image_request_format(&request, &text, NULL), 0);
    assert_null(strchr(text, '\n'));
    assert_int_equal(image_request_parse(text, strlen(text), &back, &document, NULL), 0);
    assert_int_equal(back.call, IMAGE_CALL_PULL);
    assert_int_equal(back.policy, MCPD_PULL_NEWER);
    assert_string_equal(back.root, "/var/lib/mcpd");
    assert_string_equal(back.image, "alpine");
    assert_true(back.registry.skip_tls_verify);
    assert_string_equal(back.registry.credentials, "u:p\"\\");
    assert_string_equal(back.registry.platform, "linux/arm64");
    assert_null(back.registry.auth_file);
    assert_null(back.path);
    assert_null(back.images[0]);
    image_request_done(&back);
}

static void test_list_in_request(void **state)
{
    char *images[] = {(char[]){"alpine"}, (char[]){"a\"b"}, NULL};
    const struct image_request request = {
        .call = IMAGE_CALL_VERIFY, .root = "/r", .runroot = "/s", .images = images, .repair = true};
    CLEANUP_FREE char *text = NULL;
    CLEANUP_JSON json_t *document = NULL;
    struct image_request back;

    assert_int_equal(image_request_format(&request, &text, NULL), 0);
    assert_int_equal(image_request_parse(text, strlen(text), &back, &document, NULL), 0);
    assert_int_equal(back.call, IMAGE_CALL_VERIFY);
    assert_true(back.repair);
    assert_int_equal(strv_length(back.images), 2);
    assert_string_equal(back.images[1], "a\"b");
    image_request_done(&back);
}

static void test_bad_requests(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"call\":\"fly\",\"root\":\"/r\",\"runroot\":\"/s\"}",
        "{\"call\":\"pull\",\"root\":\"/r\"}",
        "{\"call\":\"pull\",\"root\":\"/r\",\"runroot\":\"/s\",\"policy\":9}",
        "{\"call\":\"pull\",\"root\":7,\"runroot\":\"/s\"}",
    };
    const struct image_request latin = {.root = "/\xe9", .runroot = "/r"};
    char *text = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct image_request request;
        json_t *document = NULL;

        if (image_request_parse(texts[i], strlen(texts[i]), &request, &document, NULL) == 0)
            fail_msg("%s was taken", texts[i]);
    }
    assert_int_equal(image_request_format(&latin, &text, NULL), -MCPD_E_INVALID);
}

struct heard {
    char progress[100];
    char warning[100];
};

static void hear_progress(void *context, const struct mcpd_progress *progress)
{
    struct heard *heard = context;

    (void)snprintf(heard->progress, sizeof(heard->progress), "%s %s %llu/%llu", progress->operation,
                   progress->id, (unsigned long long)progress->current_bytes,
                   (unsigned long long)progress->total_bytes);
}

static void hear_warning(void *context, const char *message)
{
    struct heard *heard = context;

    (void)snprintf(heard->warning, sizeof(heard->warning), "%s", message);
}

/* One line as the helper writes it. Takes the reference over. */
static int take(json_t *json, const struct image_listener *listener, json_t **result,
                struct mcpd_error *err)
{
    CLEANUP_JSON json_t *owned = json;
    CLEANUP_FREE char *line = json_dumps(owned, JSON_COMPACT);

    assert_non_null(line);
    return image_wire_take_line(line, strlen(line), listener, result, err);
}

static void test_lines(void **state)
{
    struct heard heard = {{0}, {0}};
    const struct image_listener listener = {hear_progress, &heard, hear_warning, &heard};
    const struct image_listener deaf = {0};
    const struct mcpd_progress progress = {"download", "sha256:x", 5, 5000000000};
    struct mcpd_error error = {.code = MCPD_E_NO_SPACE, .sys_errno = ENOSPC};
    struct mcpd_error arrived = {0};
    CLEANUP_JSON json_t *result = NULL;

    assert_int_equal(take(image_wire_progress(&progress), &listener, &result, NULL), 0);
    assert_string_equal(heard.progress, "download sha256:x 5/5000000000");
    assert_int_equal(take(image_wire_progress(&progress), &deaf, &result, NULL), 0);
    assert_int_equal(take(json_pack("{s:s}", "warning", "take care"), &listener, &result, NULL), 0);
    assert_string_equal(heard.warning, "take care");
    (void)snprintf(error.message, sizeof(error.message), "no \"space\"\xc3");
    assert_int_equal(take(image_wire_error(&error), &listener, &result, &arrived),
                     -MCPD_E_NO_SPACE);
    assert_int_equal(arrived.sys_errno, ENOSPC);
    assert_true(str_has_prefix(arrived.message, "no \"space\""));
    assert_null(result);
    assert_int_equal(take(json_pack("{s:{s:s}}", "result", "id", "abc"), &listener, &result, NULL),
                     0);
    assert_string_equal(json_string_value(json_object_get(result, "id")), "abc");
    assert_true(take(json_pack("{s:s}", "progress", "x"), &listener, &result, NULL) < 0);
    assert_int_equal(take(json_pack("{s:{s:i}}", "error", "code", 12345), &listener, &result, NULL),
                     -MCPD_E_INTERNAL);
    assert_true(image_wire_take_line("noise", 5, &listener, &result, NULL) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_list_in_request),
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
