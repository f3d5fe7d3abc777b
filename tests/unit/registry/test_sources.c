/* test_sources.c - pulls by way of mirrors: `second` is the mirror, `server` the registry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/pull_place.h"

#include "base/fsutil.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* The registry gets a mirror; rest: what follows the mirror's host and port in the file. */
static void configure(struct pull_place *place, const char *rest)
{
    CLEANUP_FREE char *path = str_format("%s/registries.conf", place->fake->store.path);
    CLEANUP_FREE char *text = str_format("[[registry]]\nlocation = '127.0.0.1:%d'\n"
                                         "[[registry.mirror]]\nlocation = '127.0.0.1:%d%s",
                                         place->server.port, place->second.port, rest);

    assert_int_equal(fs_write_file(AT_FDCWD, path, text, strlen(text), 0600, 0, NULL), 0);
    assert_int_equal(setenv("CONTAINERS_REGISTRIES_CONF", path, 1), 0);
}

static int teardown(void **state)
{
    assert_int_equal(unsetenv("CONTAINERS_REGISTRIES_CONF"), 0);
    return pull_place_teardown(state);
}

static void start(struct pull_place *place, http_handler registry, http_handler mirror)
{
    http_server_start(&place->server, registry, &place->registry);
    http_server_start(&place->second, mirror, &place->registry);
    configure(place, "'\n");
}

static void pulls(struct pull_place *place)
{
    if (pull_place_pull_name(place, "t/image:1") < 0)
        fail_msg("%s", place->error.message);
    for (size_t i = 0; i < FAKE_REGISTRY_LAYERS; i++)
        assert_true(store_has_layer(&place->fake->store, &place->registry.diff_ids[i]));
    assert_int_equal(fake_store_count(place->fake, "images/partial"), 0);
}

static void test_mirror(void **state)
{
    struct pull_place *place = *state;
    CLEANUP_FREE char *name = NULL;
    struct image image = {0};

    start(place, fake_registry_serve, fake_registry_serve);
    pulls(place);
    assert_int_equal(http_server_count(&place->server, "GET"), 0);
    assert_int_equal(http_server_count(&place->second, "GET"), FAKE_REGISTRY_LAYERS + 2);
    /* Its name is the one that was asked for. */
    name = str_format("127.0.0.1:%d/t/image:1", place->server.port);
    assert_int_equal(store_find_image(&place->fake->store, name, &image, NULL), 0);
    assert_string_equal(image.names[0], name);
    image_done(&image);
}

static void test_mirror_below_a_path(void **state)
{
    struct pull_place *place = *state;

    http_server_start(&place->server, fake_registry_serve, &place->registry);
    http_server_start(&place->second, fake_registry_serve, &place->registry);
    configure(place, "/hub'\n");
    pulls(place);
    assert_true(http_server_count(&place->second, "GET /v2/hub/t/image/manifests/1") == 1);
    assert_true(http_server_count(&place->server, "GET /v2/t/image/") > 0);
}

/* One that is down costs no pause and no word. */
static void test_mirror_down(void **state)
{
    struct pull_place *place = *state;
    int port;

    assert_int_equal(setenv("MCPD_RETRY_DELAY_MS", "30000", 1), 0);
    start(place, fake_registry_serve, fake_registry_serve);
    port = place->second.port;
    http_server_stop(&place->second);
    place->second.port = port;
    pulls(place);
    assert_int_equal(strv_length(place->warnings), 0);
}

static bool knows_nothing(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 404, NULL,
                    "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"x\"}]}");
    return true;
}

static bool wants_to_be_paid(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 401, "WWW-Authenticate: Basic realm=\"x\"\r\n", "");
    return true;
}

static void test_mirror_without_it(void **state)
{
    struct pull_place *place = *state;

    start(place, fake_registry_serve, knows_nothing);
    pulls(place);
    assert_int_equal(http_server_count(&place->second, "GET"), 1);
    assert_int_equal(strv_length(place->warnings), 0);
}

/* What was given for the registry is not for its mirror. */
static void test_credentials(void **state)
{
    struct pull_place *place = *state;

    place->options.user.credentials = "user:secret";
    start(place, fake_registry_serve, wants_to_be_paid);
    pulls(place);
    assert_int_equal(http_server_count(&place->second, "GET"), 1);
    assert_int_equal(http_server_count(&place->second, "auth="), 0);
}

/* The manifest is there, the large layer is not. */
static bool has_lost_a_layer(const struct http_exchange *exchange)
{
    const struct buf *layer = fake_registry_layer(exchange);

    if (!layer || layer->length < 1u << 20)
        return fake_registry_serve(exchange);
    http_reply_text(exchange, 404, NULL, "");
    return true;
}

static void test_layer_missing(void **state)
{
    struct pull_place *place = *state;

    start(place, fake_registry_serve, has_lost_a_layer);
    pulls(place);
    assert_int_equal(http_server_count(&place->server, "GET /v2/t/image/manifests/1"), 0);
    assert_true(http_server_count(&place->server, place->registry.digests[2].text) == 1);
}

/* The same for one that breaks off: what it brought counts. */
static bool breaks_off(const struct http_exchange *exchange)
{
    const struct buf *layer = fake_registry_layer(exchange);

    if (!layer || layer->length < 1u << 20)
        return fake_registry_serve(exchange);
    if (exchange->count > 0) {
        http_reply_text(exchange, 404, NULL, "");
        return true;
    }
    http_reply_cut(exchange, 200, NULL, layer->data, layer->length, 2000000);
    return false;
}

static void test_layer_in_two_pieces(void **state)
{
    struct pull_place *place = *state;

    start(place, fake_registry_serve, breaks_off);
    pulls(place);
    assert_int_equal(http_server_count(&place->server, "range=bytes=2000000-"), 1);
}

static bool has_a_wrong_layer(const struct http_exchange *exchange)
{
    const struct buf *layer = fake_registry_layer(exchange);
    CLEANUP_FREE char *copy = NULL;

    if (!layer || layer->length < 1u << 20)
        return fake_registry_serve(exchange);
    copy = malloc(layer->length);
    memcpy(copy, layer->data, layer->length);
    copy[1000] ^= 1;
    http_reply(exchange, 200, NULL, copy, layer->length);
    return true;
}

static void test_layer_wrong(void **state)
{
    struct pull_place *place = *state;

    start(place, fake_registry_serve, has_a_wrong_layer);
    pulls(place);
    assert_int_equal(http_server_count(&place->server, place->registry.digests[2].text), 1);
}

static bool is_broken(const struct http_exchange *exchange)
{
    http_reply_text(exchange, 500, NULL, "");
    return true;
}

/* Everything once in each round, the pauses between the rounds. */
static void test_all_broken(void **state)
{
    struct pull_place *place = *state;
    CLEANUP_FREE char *expected = NULL;

    start(place, is_broken, is_broken);
    assert_int_equal(pull_place_pull_name(place, "t/image:1"), -MCPD_E_NETWORK);
    expected = str_format(
        "initializing source docker://127.0.0.1:%d/t/image:1: (Mirrors also failed: "
        "[127.0.0.1:%d/t/image:1: reading manifest 1 in 127.0.0.1:%d/t/image: received unexpected "
        "HTTP status: 500]): 127.0.0.1:%d/t/image:1: reading manifest 1 in 127.0.0.1:%d/t/image: "
        "received unexpected HTTP status: 500",
        place->server.port, place->second.port, place->second.port, place->server.port,
        place->server.port);
    assert_string_equal(place->error.message, expected);
    assert_int_equal(strv_length(place->warnings), 3);
    assert_int_equal(http_server_count(&place->server, "GET"), 4);
    assert_int_equal(http_server_count(&place->second, "GET"), 4);
}

static void test_blocked(void **state)
{
    struct pull_place *place = *state;
    CLEANUP_FREE char *expected = NULL;

    http_server_start(&place->server, fake_registry_serve, &place->registry);
    http_server_start(&place->second, fake_registry_serve, &place->registry);
    configure(place, "'\n[[registry]]\nprefix='127.0.0.1'\nlocation='x.io'\nblocked=true\n");
    assert_int_equal(pull_place_pull_name(place, "t/image:1"), 0);
    place->server.port++; /* of nobody: the longest prefix is the other one */
    assert_int_equal(pull_place_pull_name(place, "t/image:1"), -MCPD_E_DENIED);
    expected = str_format("initializing source docker://127.0.0.1:%d/t/image:1: registry 127.0.0.1 "
                          "is blocked in %s or /nonexistent/.config/containers/registries.conf.d",
                          place->server.port, getenv("CONTAINERS_REGISTRIES_CONF"));
    assert_string_equal(place->error.message, expected);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pull_place_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_mirror),
        TEST(test_mirror_below_a_path),
        TEST(test_mirror_down),
        TEST(test_mirror_without_it),
        TEST(test_credentials),
        TEST(test_layer_missing),
        TEST(test_layer_in_two_pieces),
        TEST(test_layer_wrong),
        TEST(test_all_broken),
        TEST(test_blocked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
