/* test_look.c - is an image in its registry? Yes, no, or nobody who could say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/look.h"

#include "base/str.h"
#include "support/http_server.h"

#include <stdlib.h>
#include <string.h>

#define MANIFEST                                                                                   \
    "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\"," \
    "\"digest\":\"sha256:0000000000000000000000000000000000000000000000000000000000000000\","      \
    "\"size\":2},\"layers\":[]}"
#define TYPE    "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n"
#define VERSION "Docker-Distribution-Api-Version: registry/2.0\r\n"

struct place {
    struct http_server server;
    struct registry_options options;
    struct mcpd_error error;
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    assert_non_null(place);
    place->server.log_fd = -1;
    assert_int_equal(setenv("MCPD_RETRY_DELAY_MS", "10", 1), 0);
    assert_int_equal(setenv("HOME", "/nonexistent", 1), 0);
    assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
    assert_int_equal(unsetenv("REGISTRY_AUTH_FILE"), 0);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;

    http_server_stop(&place->server);
    free(place);
    return 0;
}

/* Asks a server that answers like this; *ret_exists is -1 when it could not be told. */
static int ask(struct place *place, http_handler handler, int *ret_exists)
{
    CLEANUP_FREE char *name = NULL;
    struct reference reference;
    bool exists = false;
    int rc;

    http_server_stop(&place->server);
    http_server_start(&place->server, handler, NULL);
    name = str_format("127.0.0.1:%d/t/image:1", place->server.port);
    assert_int_equal(reference_parse(name, &reference, NULL), 0);
    place->error = (struct mcpd_error){0};
    rc = look_exists(&reference, &place->options, &exists, &place->error);
    *ret_exists = rc < 0 ? -1 : exists;
    return rc;
}

static bool has_it(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 200, TYPE, MANIFEST);
    return true;
}

static bool has_it_without_head(const struct http_exchange *exchange)
{
    if (strcmp(exchange->method, "HEAD") == 0)
        http_reply_text(exchange, 405, NULL, "");
    else
        http_reply_text(exchange, 200, TYPE, MANIFEST);
    return true;
}

static bool lacks_it(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 404, VERSION, "");
    return true;
}

/* Says so in its body only. */
static bool lacks_it_in_json(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 404, NULL, "{\"errors\":[{\"code\":\"NAME_UNKNOWN\"}]}");
    return true;
}

static bool is_a_load_balancer(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 404, "Content-Type: text/plain\r\n", "default backend - 404");
    return true;
}

static bool is_a_web_page(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 200, "Content-Type: text/html\r\n", "<html>Please log in</html>");
    return true;
}

static bool is_broken(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 503, VERSION, "");
    return true;
}

static bool asks_who(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 401, VERSION "WWW-Authenticate: Basic realm=\"x\"\r\n", "");
    return true;
}

static bool denies(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 403, VERSION, "");
    return true;
}

static bool hangs_up(const struct http_exchange *exchange)
{
    (void)exchange;
    return false;
}

static void test_answers(void **state)
{
    static const struct {
        http_handler handler;
        int exists; /* -1: could not tell */
        int rc;
        int requests;
    } cases[] = {
        {has_it, 1, 0, 1},
        {has_it_without_head, 1, 0, 2},
        {lacks_it, 0, 0, 1},
        {lacks_it_in_json, 0, 0, 2},
        {is_a_load_balancer, -1, -MCPD_E_PROTOCOL, 2},
        {is_a_web_page, -1, -MCPD_E_CORRUPT, 2},
        {is_broken, -1, -MCPD_E_NETWORK, 4},
        {asks_who, -1, -MCPD_E_DENIED, 1},
        {denies, -1, -MCPD_E_DENIED, 1},
        {hangs_up, -1, -MCPD_E_NETWORK, 4},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct place *place = *state;
        int exists = -2;
        int rc = ask(place, cases[i].handler, &exists);
        int requests = http_server_count(&place->server, "/t/image/manifests/1");

        if (rc != cases[i].rc || exists != cases[i].exists || requests != cases[i].requests)
            fail_msg("case %zu: rc %d, exists %d, %d requests: %s", i, rc, exists, requests,
                     place->error.message);
    }
}

static int read_manifest(struct place *place, const char *host, char **ret_text)
{
    CLEANUP_FREE char *name = str_format("%s/t/image:1", host);
    struct reference reference;

    assert_int_equal(reference_parse(name, &reference, NULL), 0);
    return look_manifest(&reference, &place->options, ret_text, &place->error);
}

static void test_manifest(void **state)
{
    struct place *place = *state;
    CLEANUP_FREE char *host = NULL;
    CLEANUP_FREE char *text = NULL;
    CLEANUP_FREE char *expected = NULL;
    char *none = NULL;

    http_server_start(&place->server, has_it, NULL);
    host = str_format("127.0.0.1:%d", place->server.port);
    assert_int_equal(read_manifest(place, host, &text), 0);
    assert_string_equal(text, MANIFEST);
    free(host);
    http_server_stop(&place->server);
    http_server_start(&place->server, lacks_it, NULL);
    host = str_format("127.0.0.1:%d", place->server.port);
    assert_int_equal(read_manifest(place, host, &none), -MCPD_E_NOT_FOUND);
    expected = str_format("reading image \"docker://%s/t/image:1\": reading manifest 1 in "
                          "%s/t/image: manifest unknown",
                          host, host);
    assert_string_equal(place->error.message, expected);
}

/* What is wrong on our side is no missing image either. */
static void test_our_mistakes(void **state)
{
    struct place *place = *state;
    char *none = NULL;

    place->options.user.auth_file = "/no/such/file";
    assert_int_equal(read_manifest(place, "127.0.0.1:9", &none), -MCPD_E_INVALID);
    assert_int_equal(place->error.code, MCPD_E_INVALID);
    place->options.user.auth_file = NULL;
    place->options.user.cert_dir = "/no/such/folder";
    assert_int_equal(read_manifest(place, "127.0.0.1:9", &none), -MCPD_E_INVALID);
    place->options.user.cert_dir = NULL;
    assert_int_equal(read_manifest(place, "127.0.0.1:9", &none), -MCPD_E_NETWORK);
    assert_int_equal(read_manifest(place, "registry.invalid", &none), -MCPD_E_NETWORK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_answers),
        TEST(test_manifest),
        TEST(test_our_mistakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
