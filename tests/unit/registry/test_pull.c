/*
 * test_pull.c - whole pulls from a registry of our own, which behaves as the test wants.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/pull_place.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

static void test_pull(void **state)
{
    struct pull_place *place = *state;

    pull_place_pull(place, fake_registry_serve);
    assert_int_equal(http_server_count(&place->server, "GET /v2/t/image/blobs/"),
                     FAKE_REGISTRY_LAYERS + 1);
    assert_int_equal(strv_length(place->warnings), 0);
    /* Again: only the manifest is asked for. */
    assert_int_equal(pull_place_pull_name(place, "t/image:1"), 0);
    assert_int_equal(http_server_count(&place->server, "GET /v2/t/image/blobs/"),
                     FAKE_REGISTRY_LAYERS + 1);
}

static void test_unknown(void **state)
{
    struct pull_place *place = *state;
    CLEANUP_FREE char *expected = NULL;

    http_server_start(&place->server, fake_registry_serve, &place->registry);
    assert_int_equal(pull_place_pull_name(place, "no/such:1"), -MCPD_E_NOT_FOUND);
    expected = str_format("initializing source docker://127.0.0.1:%d/no/such:1: reading manifest 1 "
                          "in 127.0.0.1:%d/no/such: manifest unknown",
                          place->server.port, place->server.port);
    assert_string_equal(place->error.message, expected);
    assert_int_equal(strv_length(place->warnings), 0);
}

static void test_refused_connection(void **state)
{
    struct pull_place *place = *state;
    CLEANUP_FREE char *expected = NULL;
    int port;

    http_server_start(&place->server, fake_registry_serve, &place->registry);
    port = place->server.port;
    http_server_stop(&place->server);
    place->server.port = port;
    assert_int_equal(pull_place_pull_name(place, "t/image:1"), -MCPD_E_NETWORK);
    expected = str_format("initializing source docker://127.0.0.1:%d/t/image:1: pinging container "
                          "registry 127.0.0.1:%d: Get \"https://127.0.0.1:%d/v2/\": dial tcp "
                          "127.0.0.1:%d: connect: connection refused",
                          port, port, port, port);
    assert_string_equal(place->error.message, expected);
    assert_int_equal(strv_length(place->warnings), 3);
    assert_true(str_has_prefix(place->warnings[0],
                               "Failed, retrying in 20ms ... (1/3). Error: initializing source "));
}

static void test_index(void **state)
{
    struct pull_place *place = *state;
    struct fake_registry *registry = &place->registry;

    registry->index = str_format(
        "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\","
        "\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":"
        "\"%s\",\"size\":%zu,\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}}]}",
        registry->manifest_digest.text, strlen(registry->manifest));
    pull_place_pull(place, fake_registry_serve);
    place->options.user.platform = "linux/s390x";
    assert_int_equal(pull_place_pull_name(place, "t/image:1"), -MCPD_E_NOT_FOUND);
    assert_non_null(strstr(place->error.message, "linux/amd64"));
}

/* ---------------------------------------------------------------- wrong answers */

static bool flips_a_byte(const struct http_exchange *exchange)
{
    const struct buf *layer = fake_registry_layer(exchange);
    CLEANUP_FREE char *copy = NULL;

    if (!layer)
        return fake_registry_serve(exchange);
    copy = malloc(layer->length);
    memcpy(copy, layer->data, layer->length);
    copy[layer->length / 2] ^= 1;
    http_reply(exchange, 200, NULL, copy, layer->length);
    return true;
}

static void test_wrong_digest(void **state)
{
    pull_place_is_refused(*state, flips_a_byte, MCPD_E_CORRUPT, "Digest did not match");
}

static bool wrong_config(const struct http_exchange *exchange)
{
    const struct fake_registry *registry = exchange->server->context;

    if (!fake_registry_is_blob(exchange, &registry->config_digest))
        return fake_registry_serve(exchange);
    http_reply_text(exchange, 200, NULL, "{}");
    return true;
}

static void test_wrong_config(void **state)
{
    pull_place_is_refused(*state, wrong_config, MCPD_E_CORRUPT, "Digest did not match");
}

static bool endless_manifest(const struct http_exchange *exchange)
{
    char *much = calloc(1, 8u << 20);

    http_reply(exchange, 200, "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n", much,
               8u << 20);
    free(much);
    return true;
}

static void test_endless_manifest(void **state)
{
    struct pull_place *place = *state;

    pull_place_is_refused(place, endless_manifest, MCPD_E_LIMIT, "larger");
    assert_int_equal(strv_length(place->warnings), 0);
}

static bool longer(const struct http_exchange *exchange)
{
    const struct buf *layer = fake_registry_layer(exchange);
    CLEANUP_FREE char *copy = NULL;

    if (!layer)
        return fake_registry_serve(exchange);
    copy = calloc(1, layer->length + 10);
    memcpy(copy, layer->data, layer->length);
    http_reply(exchange, 200, NULL, copy, layer->length + 10);
    return true;
}

static void test_longer(void **state)
{
    pull_place_is_refused(*state, longer, MCPD_E_CORRUPT, "larger");
}

/* ---------------------------------------------------------------- redirects */

static bool redirects_blobs(const struct http_exchange *exchange)
{
    const struct fake_registry *registry = exchange->server->context;
    CLEANUP_FREE char *headers = NULL;
    char auth[200];

    if (!http_header(exchange, "Authorization", auth, sizeof(auth))) {
        http_reply_text(exchange, 401, "WWW-Authenticate: Basic realm=\"x\"\r\n", "");
        return true;
    }
    if (!fake_registry_layer(exchange))
        return fake_registry_serve(exchange);
    headers = str_format("Location: http://127.0.0.1:%d%s\r\n", registry->elsewhere->port,
                         exchange->path);
    http_reply_text(exchange, 307, headers, "moved");
    return true;
}

static void test_redirect_drops_authorization(void **state)
{
    struct pull_place *place = *state;

    place->options.user.credentials = "user:secret";
    http_server_start(&place->second, fake_registry_serve, &place->registry);
    pull_place_pull(place, redirects_blobs);
    assert_int_equal(http_server_count(&place->second, "GET"), FAKE_REGISTRY_LAYERS);
    assert_int_equal(http_server_count(&place->second, "auth="), 0);
    assert_true(http_server_count(&place->server, "auth=Basic dXNlcjpzZWNyZXQ=") >=
                FAKE_REGISTRY_LAYERS);
}

static bool asks_for_our_name(const struct http_exchange *exchange)
{
    CLEANUP_FREE char *headers = str_format(
        "WWW-Authenticate: Bearer realm=\"http://127.0.0.1:%d/token\"\r\n", exchange->server->port);

    http_reply_text(exchange, 401, headers, "");
    return true;
}

/* Who is behind a redirect may ask, but gets nothing. */
static void test_redirect_asks_for_credentials(void **state)
{
    struct pull_place *place = *state;

    place->options.user.credentials = "user:secret";
    http_server_start(&place->second, asks_for_our_name, &place->registry);
    pull_place_is_refused(place, redirects_blobs, MCPD_E_DENIED, "unauthorized");
    assert_int_equal(http_server_count(&place->second, "auth="), 0);
    assert_int_equal(http_server_count(&place->second, "/token"), 0);
}

static bool redirects_within(const struct http_exchange *exchange)
{
    CLEANUP_FREE char *headers = NULL;

    if (strchr(exchange->path, '?') || !fake_registry_layer(exchange))
        return fake_registry_serve(exchange);
    headers = str_format("Location: %s?again\r\n", exchange->path);
    http_reply_text(exchange, 302, headers, "");
    return true;
}

static void test_relative_redirect(void **state)
{
    pull_place_pull(*state, redirects_within);
}

static bool redirects_for_ever(const struct http_exchange *exchange)
{
    CLEANUP_FREE char *headers = str_format("Location: %s\r\n", exchange->path);

    http_reply_text(exchange, 307, headers, "");
    return true;
}

static void test_redirect_loop(void **state)
{
    struct pull_place *place = *state;

    pull_place_is_refused(place, redirects_for_ever, MCPD_E_PROTOCOL, "redirects");
    assert_int_equal(http_server_count(&place->server, "GET"), HTTP_MAX_REDIRECTS + 1);
}

static bool redirects_to_file(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 307, "Location: file:///etc/passwd\r\n", "");
    return true;
}

static void test_redirect_to_file(void **state)
{
    assert_true(pull_place_try(*state, redirects_to_file) < 0);
}

/* ---------------------------------------------------------------- who we are */

static void test_basic_without_credentials(void **state)
{
    struct pull_place *place = *state;

    pull_place_is_refused(place, redirects_blobs, MCPD_E_DENIED, "/image: unauthorized");
    assert_true(str_has_suffix(place->error.message, ": unauthorized"));
    assert_int_equal(strv_length(place->warnings), 0);
}

static bool wants_token(const struct http_exchange *exchange)
{
    const struct fake_registry *registry = exchange->server->context;
    CLEANUP_FREE char *headers = NULL;
    char auth[200] = "";

    (void)http_header(exchange, "Authorization", auth, sizeof(auth));
    if (strcmp(auth, "Bearer good") == 0 &&
        !(fake_registry_layer(exchange) && fake_registry_layer(exchange)->length > 1u << 20 &&
          exchange->count == 0))
        return fake_registry_serve(exchange);
    headers = str_format("WWW-Authenticate: Bearer realm=\"http://127.0.0.1:%d/token\","
                         "service=\"a service\"\r\n",
                         registry->elsewhere->port);
    http_reply_text(exchange, 401, headers, "");
    return true;
}

static bool gives_tokens(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 200, NULL, "{\"access_token\":\"good\",\"expires_in\":60}");
    return true;
}

/* Anonymous; and the token "expires" in the middle, before the largest layer. */
static void test_token(void **state)
{
    struct pull_place *place = *state;

    http_server_start(&place->second, gives_tokens, &place->registry);
    pull_place_pull(place, wants_token);
    assert_int_equal(http_server_count(&place->second,
                                       "GET /token?service=a+service&scope=repository%3at%2fimage"
                                       "%3apull "),
                     2);
    assert_int_equal(http_server_count(&place->second, "auth="), 0);
}

static void test_token_with_credentials(void **state)
{
    struct pull_place *place = *state;

    place->options.user.credentials = "user:secret";
    http_server_start(&place->second, gives_tokens, &place->registry);
    pull_place_pull(place, wants_token);
    assert_int_equal(http_server_count(&place->second, "account=user"), 2);
    assert_int_equal(http_server_count(&place->second, "auth=Basic dXNlcjpzZWNyZXQ="), 2);
    assert_int_equal(http_server_count(&place->server, "Basic"), 0);
}

static bool gives_nonsense(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 200, NULL, "{\"token\":\"good\\r\\nX-Evil: 1\"}");
    return true;
}

static void test_bad_token(void **state)
{
    struct pull_place *place = *state;

    http_server_start(&place->second, gives_nonsense, &place->registry);
    pull_place_is_refused(place, wants_token, MCPD_E_PROTOCOL, "no token");
}

static bool refuses_tokens(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 401, NULL, "{}");
    return true;
}

static void test_token_refused(void **state)
{
    struct pull_place *place = *state;

    place->options.user.credentials = "user:wrong";
    http_server_start(&place->second, refuses_tokens, &place->registry);
    pull_place_is_refused(place, wants_token, MCPD_E_DENIED,
                          "invalid username/password: unauthorized");
    assert_null(strstr(place->error.message, "wrong"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pull_place_setup, pull_place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pull),
        TEST(test_unknown),
        TEST(test_refused_connection),
        TEST(test_index),
        TEST(test_wrong_digest),
        TEST(test_wrong_config),
        TEST(test_endless_manifest),
        TEST(test_longer),
        TEST(test_redirect_drops_authorization),
        TEST(test_redirect_asks_for_credentials),
        TEST(test_relative_redirect),
        TEST(test_redirect_loop),
        TEST(test_redirect_to_file),
        TEST(test_basic_without_credentials),
        TEST(test_token),
        TEST(test_token_with_credentials),
        TEST(test_bad_token),
        TEST(test_token_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
