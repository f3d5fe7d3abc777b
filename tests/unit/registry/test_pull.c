/*
 * test_pull.c - whole pulls from a registry of our own, which behaves as the test wants.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/pull.h"

#include "base/str.h"
#include "support/fake_store.h"
#include "support/http_server.h"
#include "support/layer_tar.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LAYERS 3

/* What the registry holds; the server's processes have a copy. */
struct registry {
    struct buf blobs[LAYERS];
    struct digest digests[LAYERS];
    struct digest diff_ids[LAYERS];
    char *config;
    struct digest config_digest;
    char *manifest;
    struct digest manifest_digest;
    char *index; /* NULL: the tag is the manifest */
    struct digest index_digest;
    struct http_server *elsewhere; /* to redirect to, and to fetch tokens from */
};

struct place {
    struct fake_store *fake;
    struct registry registry;
    struct http_server server;
    struct http_server second;
    struct registry_options options;
    char **warnings;
    struct digest id;
    struct mcpd_error error;
};

static void remember_warning(void *context, const char *message)
{
    struct place *place = context;

    assert_int_equal(strv_append(&place->warnings, message), 0);
}

/* Layers of different sizes, the last one too large for a socket's buffers. */
static void make_layers(struct registry *registry)
{
    for (size_t i = 0; i < LAYERS; i++) {
        CLEANUP_LAYER_TAR struct layer_tar tar;
        CLEANUP_FREE char *name = str_format("file%zu", i);
        size_t size = i == 2 ? 6u << 20 : 1000 * (i + 1);
        char *data = malloc(size + 1);

        assert_non_null(data);
        for (size_t j = 0; j < size; j++)
            data[j] = (char)('a' + (j * (i + 3) + j / 100) % 23);
        data[size] = '\0';
        layer_tar_init(&tar);
        layer_tar_file(&tar, name, data);
        layer_tar_end(&tar);
        free(data);
        buf_init(&registry->blobs[i], 64u << 20);
        registry->diff_ids[i] = layer_tar_digest(tar.bytes.data, tar.bytes.length);
        if (i == 2)
            assert_int_equal(buf_append(&registry->blobs[i], tar.bytes.data, tar.bytes.length), 0);
        else if (i == 1)
            layer_tar_zstd(tar.bytes.data, tar.bytes.length, &registry->blobs[i]);
        else
            layer_tar_gzip(tar.bytes.data, tar.bytes.length, &registry->blobs[i]);
        registry->digests[i] = layer_tar_digest(registry->blobs[i].data, registry->blobs[i].length);
    }
}

static char *descriptor(const char *type, const struct digest *digest, size_t size)
{
    return str_format("{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu}", type, digest->text,
                      size);
}

static void make_registry(struct registry *registry)
{
    static const char layer_type[] = "application/vnd.oci.image.layer.v1.tar+gzip";
    CLEANUP_FREE char *config = NULL;
    char *layers[LAYERS];

    make_layers(registry);
    registry->config = str_format(
        "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\","
        "\"diff_ids\":[\"%s\",\"%s\",\"%s\"]}}",
        registry->diff_ids[0].text, registry->diff_ids[1].text, registry->diff_ids[2].text);
    registry->config_digest = layer_tar_digest(registry->config, strlen(registry->config));
    config = descriptor("application/vnd.oci.image.config.v1+json", &registry->config_digest,
                        strlen(registry->config));
    for (size_t i = 0; i < LAYERS; i++)
        layers[i] = descriptor(layer_type, &registry->digests[i], registry->blobs[i].length);
    registry->manifest =
        str_format("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json"
                   "\",\"config\":%s,\"layers\":[%s,%s,%s]}",
                   config, layers[0], layers[1], layers[2]);
    registry->manifest_digest = layer_tar_digest(registry->manifest, strlen(registry->manifest));
    for (size_t i = 0; i < LAYERS; i++)
        free(layers[i]);
}

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    void *fake = NULL;

    assert_non_null(place);
    assert_int_equal(fake_store_setup(&fake), 0);
    place->fake = fake;
    place->server.log_fd = place->second.log_fd = -1;
    place->options.warn = remember_warning;
    place->options.warn_context = place;
    place->options.user.platform = "linux/amd64";
    make_registry(&place->registry);
    place->registry.elsewhere = &place->second;
    assert_int_equal(setenv("MCPD_RETRY_DELAY_MS", "20", 1), 0);
    assert_int_equal(setenv("HOME", "/nonexistent", 1), 0);
    assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    void *fake = place->fake;

    http_server_stop(&place->server);
    http_server_stop(&place->second);
    for (size_t i = 0; i < LAYERS; i++)
        buf_done(&place->registry.blobs[i]);
    free(place->registry.config);
    free(place->registry.manifest);
    free(place->registry.index);
    strv_free(place->warnings);
    assert_int_equal(fake_store_count(place->fake, "tmp"), 0);
    assert_int_equal(fake_store_teardown(&fake), 0);
    free(place);
    return 0;
}

/* ---------------------------------------------------------------- an honest registry */

static bool is_blob(const struct http_exchange *exchange, const struct digest *digest)
{
    return strstr(exchange->path, "/blobs/") && strstr(exchange->path, digest->text);
}

static const struct buf *find_layer(const struct http_exchange *exchange)
{
    const struct registry *registry = exchange->server->context;

    for (size_t i = 0; i < LAYERS; i++)
        if (is_blob(exchange, &registry->digests[i]))
            return &registry->blobs[i];
    return NULL;
}

static bool answer_document(const struct http_exchange *exchange)
{
    const struct registry *registry = exchange->server->context;
    const char *manifests = "/v2/t/image/manifests/";

    if (is_blob(exchange, &registry->config_digest)) {
        http_reply_text(exchange, 200, NULL, registry->config);
    } else if (str_has_prefix(exchange->path, manifests)) {
        const char *tag = exchange->path + strlen(manifests);

        if (registry->index && strcmp(tag, registry->manifest_digest.text) != 0)
            http_reply_text(exchange, 200,
                            "Content-Type: application/vnd.oci.image.index.v1+json\r\n",
                            registry->index);
        else
            http_reply_text(exchange, 200,
                            "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n",
                            registry->manifest);
    } else {
        http_reply_text(exchange, 404, NULL,
                        "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest "
                        "unknown\"}]}");
    }
    return true;
}

static bool honest(const struct http_exchange *exchange)
{
    const struct buf *layer = find_layer(exchange);

    if (!layer)
        return answer_document(exchange);
    http_reply_range(exchange, layer->data, layer->length);
    return true;
}

static int pull_name(struct place *place, const char *name_and_tag)
{
    CLEANUP_FREE char *name = str_format("127.0.0.1:%d/%s", place->server.port, name_and_tag);
    struct reference reference;

    assert_int_equal(reference_parse(name, &reference, NULL), 0);
    return pull_image(&place->fake->store, &reference, &place->options, &place->id, &place->error);
}

static int pull(struct place *place, http_handler handler)
{
    http_server_start(&place->server, handler, &place->registry);
    return pull_name(place, "t/image:1");
}

static void pull_well(struct place *place, http_handler handler)
{
    if (pull(place, handler) < 0)
        fail_msg("%s", place->error.message);
    assert_true(digest_equal(&place->id, &place->registry.config_digest));
    for (size_t i = 0; i < LAYERS; i++)
        assert_true(store_has_layer(&place->fake->store, &place->registry.diff_ids[i]));
    assert_int_equal(fake_store_count(place->fake, "images/tags"), 2); /* and its lock */
    assert_int_equal(fake_store_count(place->fake, "images/partial"), 0);
}

static void refused(struct place *place, http_handler handler, int code, const char *text)
{
    int rc = pull(place, handler);

    if (rc == 0)
        fail_msg("pulled, but should fail with '%s'", text);
    assert_int_equal(rc, -code);
    if (!strstr(place->error.message, text))
        fail_msg("'%s' lacks '%s'", place->error.message, text);
    assert_int_equal(fake_store_count(place->fake, "layers"), 0);
}

static void test_pull(void **state)
{
    struct place *place = *state;

    pull_well(place, honest);
    assert_int_equal(http_server_count(&place->server, "GET /v2/t/image/blobs/"), LAYERS + 1);
    assert_int_equal(strv_length(place->warnings), 0);
    /* Again: manifest and config are asked for, no layer. */
    assert_int_equal(pull_name(place, "t/image:1"), 0);
    assert_int_equal(http_server_count(&place->server, "GET /v2/t/image/blobs/"), LAYERS + 2);
}

static void test_unknown(void **state)
{
    struct place *place = *state;
    CLEANUP_FREE char *expected = NULL;

    http_server_start(&place->server, honest, &place->registry);
    assert_int_equal(pull_name(place, "no/such:1"), -MCPD_E_NOT_FOUND);
    expected = str_format("initializing source docker://127.0.0.1:%d/no/such:1: reading manifest 1 "
                          "in 127.0.0.1:%d/no/such: manifest unknown",
                          place->server.port, place->server.port);
    assert_string_equal(place->error.message, expected);
    assert_int_equal(strv_length(place->warnings), 0);
}

static void test_refused_connection(void **state)
{
    struct place *place = *state;
    CLEANUP_FREE char *expected = NULL;
    int port;

    http_server_start(&place->server, honest, &place->registry);
    port = place->server.port;
    http_server_stop(&place->server);
    place->server.port = port;
    assert_int_equal(pull_name(place, "t/image:1"), -MCPD_E_NETWORK);
    expected = str_format("initializing source docker://127.0.0.1:%d/t/image:1: pinging container "
                          "registry 127.0.0.1:%d: Get \"https://127.0.0.1:%d/v2/\": dial tcp "
                          "127.0.0.1:%d: connect: connection refused",
                          port, port, port, port);
    assert_string_equal(place->error.message, expected);
    assert_int_equal(strv_length(place->warnings), 3);
    assert_true(str_has_prefix(place->warnings[0],
                               "Failed, retrying in 1s ... (1/3). Error: initializing source "));
}

static void test_index(void **state)
{
    struct place *place = *state;
    struct registry *registry = &place->registry;

    registry->index = str_format(
        "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\","
        "\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":"
        "\"%s\",\"size\":%zu,\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}}]}",
        registry->manifest_digest.text, strlen(registry->manifest));
    pull_well(place, honest);
    place->options.user.platform = "linux/s390x";
    assert_int_equal(pull_name(place, "t/image:1"), -MCPD_E_NOT_FOUND);
    assert_non_null(strstr(place->error.message, "linux/amd64"));
}

/* ---------------------------------------------------------------- bad networks */

static bool cuts_once(const struct http_exchange *exchange)
{
    const struct buf *layer = find_layer(exchange);

    if (layer && layer->length > 1u << 20 && exchange->count == 0) {
        http_reply_cut(exchange, 200, NULL, layer->data, layer->length, 3000000);
        return false;
    }
    return honest(exchange);
}

static void test_resume(void **state)
{
    struct place *place = *state;
    CLEANUP_FREE char *expected = NULL;

    pull_well(place, cuts_once);
    expected = str_format("range=bytes=3000000-%zu", place->registry.blobs[2].length - 1);
    assert_int_equal(http_server_count(&place->server, expected), 1);
    assert_int_equal(strv_length(place->warnings), 1);
}

static bool ignores_ranges(const struct http_exchange *exchange)
{
    const struct buf *layer = find_layer(exchange);

    if (!layer)
        return honest(exchange);
    if (layer->length > 1u << 20 && exchange->count == 0) {
        http_reply_cut(exchange, 200, NULL, layer->data, layer->length, 3000000);
        return false;
    }
    http_reply(exchange, 200, NULL, layer->data, layer->length);
    return true;
}

static void test_no_ranges(void **state)
{
    pull_well(*state, ignores_ranges);
}

static bool refuses_ranges(const struct http_exchange *exchange)
{
    char range[64];

    if (find_layer(exchange) && http_header(exchange, "Range", range, sizeof(range))) {
        http_reply_text(exchange, 416, NULL, "");
        return true;
    }
    return ignores_ranges(exchange);
}

static void test_range_refused(void **state)
{
    pull_well(*state, refuses_ranges);
}

static bool always_cuts(const struct http_exchange *exchange)
{
    const struct buf *layer = find_layer(exchange);

    if (!layer)
        return honest(exchange);
    http_reply_cut(exchange, 200, NULL, layer->data, layer->length, 100);
    return false;
}

static void test_gives_up(void **state)
{
    struct place *place = *state;

    refused(place, always_cuts, MCPD_E_NETWORK, "unexpected EOF");
    assert_true(strv_length(place->warnings) >= 3);
}

static bool busy_twice(const struct http_exchange *exchange)
{
    if (exchange->count < 2) {
        http_reply_text(exchange, exchange->count == 0 ? 503 : 429, NULL,
                        "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"slow\"}]}");
        return true;
    }
    return honest(exchange);
}

static void test_busy(void **state)
{
    pull_well(*state, busy_twice);
}

static bool asks_for_a_second(const struct http_exchange *exchange)
{
    if (exchange->count == 0 && strstr(exchange->path, "manifests")) {
        http_reply_text(exchange, 429, "Retry-After: 1\r\n", "");
        return true;
    }
    return honest(exchange);
}

static void test_retry_after(void **state)
{
    struct place *place = *state;
    struct timespec before, after;

    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    pull_well(place, asks_for_a_second);
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(
        (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >= 990);
}

static bool always_broken(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 500, NULL, "oops");
    return true;
}

static void test_always_broken(void **state)
{
    struct place *place = *state;

    refused(place, always_broken, MCPD_E_NETWORK, "500");
    assert_int_equal(strv_length(place->warnings), 3);
}

/* ---------------------------------------------------------------- wrong answers */

static bool flips_a_byte(const struct http_exchange *exchange)
{
    const struct buf *layer = find_layer(exchange);
    CLEANUP_FREE char *copy = NULL;

    if (!layer)
        return honest(exchange);
    copy = malloc(layer->length);
    memcpy(copy, layer->data, layer->length);
    copy[layer->length / 2] ^= 1;
    http_reply(exchange, 200, NULL, copy, layer->length);
    return true;
}

static void test_wrong_digest(void **state)
{
    refused(*state, flips_a_byte, MCPD_E_CORRUPT, "Digest did not match");
}

static bool wrong_config(const struct http_exchange *exchange)
{
    const struct registry *registry = exchange->server->context;

    if (!is_blob(exchange, &registry->config_digest))
        return honest(exchange);
    http_reply_text(exchange, 200, NULL, "{}");
    return true;
}

static void test_wrong_config(void **state)
{
    refused(*state, wrong_config, MCPD_E_CORRUPT, "Digest did not match");
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
    struct place *place = *state;

    refused(place, endless_manifest, MCPD_E_LIMIT, "larger");
    assert_int_equal(strv_length(place->warnings), 0);
}

static bool longer(const struct http_exchange *exchange)
{
    const struct buf *layer = find_layer(exchange);
    CLEANUP_FREE char *copy = NULL;

    if (!layer)
        return honest(exchange);
    copy = calloc(1, layer->length + 10);
    memcpy(copy, layer->data, layer->length);
    http_reply(exchange, 200, NULL, copy, layer->length + 10);
    return true;
}

static void test_longer(void **state)
{
    refused(*state, longer, MCPD_E_CORRUPT, "larger");
}

/* ---------------------------------------------------------------- redirects */

static bool redirects_blobs(const struct http_exchange *exchange)
{
    const struct registry *registry = exchange->server->context;
    CLEANUP_FREE char *headers = NULL;
    char auth[200];

    if (!http_header(exchange, "Authorization", auth, sizeof(auth))) {
        http_reply_text(exchange, 401, "WWW-Authenticate: Basic realm=\"x\"\r\n", "");
        return true;
    }
    if (!find_layer(exchange))
        return honest(exchange);
    headers = str_format("Location: http://127.0.0.1:%d%s\r\n", registry->elsewhere->port,
                         exchange->path);
    http_reply_text(exchange, 307, headers, "moved");
    return true;
}

static void test_redirect_drops_authorization(void **state)
{
    struct place *place = *state;

    place->options.user.credentials = "user:secret";
    http_server_start(&place->second, honest, &place->registry);
    pull_well(place, redirects_blobs);
    assert_int_equal(http_server_count(&place->second, "GET"), LAYERS);
    assert_int_equal(http_server_count(&place->second, "auth="), 0);
    assert_true(http_server_count(&place->server, "auth=Basic dXNlcjpzZWNyZXQ=") >= LAYERS);
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
    struct place *place = *state;

    place->options.user.credentials = "user:secret";
    http_server_start(&place->second, asks_for_our_name, &place->registry);
    refused(place, redirects_blobs, MCPD_E_DENIED, "unauthorized");
    assert_int_equal(http_server_count(&place->second, "auth="), 0);
    assert_int_equal(http_server_count(&place->second, "/token"), 0);
}

static bool redirects_within(const struct http_exchange *exchange)
{
    CLEANUP_FREE char *headers = NULL;

    if (strchr(exchange->path, '?') || !find_layer(exchange))
        return honest(exchange);
    headers = str_format("Location: %s?again\r\n", exchange->path);
    http_reply_text(exchange, 302, headers, "");
    return true;
}

static void test_relative_redirect(void **state)
{
    pull_well(*state, redirects_within);
}

static bool redirects_for_ever(const struct http_exchange *exchange)
{
    CLEANUP_FREE char *headers = str_format("Location: %s\r\n", exchange->path);

    http_reply_text(exchange, 307, headers, "");
    return true;
}

static void test_redirect_loop(void **state)
{
    struct place *place = *state;

    refused(place, redirects_for_ever, MCPD_E_PROTOCOL, "redirects");
    assert_int_equal(http_server_count(&place->server, "GET"), HTTP_MAX_REDIRECTS + 1);
}

static bool redirects_to_file(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 307, "Location: file:///etc/passwd\r\n", "");
    return true;
}

static void test_redirect_to_file(void **state)
{
    assert_true(pull(*state, redirects_to_file) < 0);
}

/* ---------------------------------------------------------------- who we are */

static void test_basic_without_credentials(void **state)
{
    struct place *place = *state;

    refused(place, redirects_blobs, MCPD_E_DENIED, "/image: unauthorized");
    assert_true(str_has_suffix(place->error.message, ": unauthorized"));
    assert_int_equal(strv_length(place->warnings), 0);
}

static bool wants_token(const struct http_exchange *exchange)
{
    const struct registry *registry = exchange->server->context;
    CLEANUP_FREE char *headers = NULL;
    char auth[200] = "";

    (void)http_header(exchange, "Authorization", auth, sizeof(auth));
    if (strcmp(auth, "Bearer good") == 0 &&
        !(find_layer(exchange) && find_layer(exchange)->length > 1u << 20 && exchange->count == 0))
        return honest(exchange);
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
    struct place *place = *state;

    http_server_start(&place->second, gives_tokens, &place->registry);
    pull_well(place, wants_token);
    assert_int_equal(http_server_count(&place->second,
                                       "GET /token?service=a+service&scope=repository%3at%2fimage"
                                       "%3apull "),
                     2);
    assert_int_equal(http_server_count(&place->second, "auth="), 0);
}

static void test_token_with_credentials(void **state)
{
    struct place *place = *state;

    place->options.user.credentials = "user:secret";
    http_server_start(&place->second, gives_tokens, &place->registry);
    pull_well(place, wants_token);
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
    struct place *place = *state;

    http_server_start(&place->second, gives_nonsense, &place->registry);
    refused(place, wants_token, MCPD_E_PROTOCOL, "no token");
}

static bool refuses_tokens(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 401, NULL, "{}");
    return true;
}

static void test_token_refused(void **state)
{
    struct place *place = *state;

    place->options.user.credentials = "user:wrong";
    http_server_start(&place->second, refuses_tokens, &place->registry);
    refused(place, wants_token, MCPD_E_DENIED, "invalid username/password: unauthorized");
    assert_null(strstr(place->error.message, "wrong"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pull),
        TEST(test_unknown),
        TEST(test_refused_connection),
        TEST(test_index),
        TEST(test_resume),
        TEST(test_no_ranges),
        TEST(test_range_refused),
        TEST(test_gives_up),
        TEST(test_busy),
        TEST(test_retry_after),
        TEST(test_always_broken),
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
