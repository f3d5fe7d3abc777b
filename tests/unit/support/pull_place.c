/* pull_place.c - see pull_place.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/pull_place.h"

#include "base/str.h"
#include "support/layer_tar.h"

#include <stdlib.h>
#include <string.h>

static void remember_warning(void *context, const char *message)
{
    struct pull_place *place = context;

    assert_int_equal(strv_append(&place->warnings, message), 0);
}

/* Layers of different sizes, the last one too large for a socket's buffers. */
static void make_layers(struct fake_registry *registry)
{
    for (size_t i = 0; i < FAKE_REGISTRY_LAYERS; i++) {
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

static void fake_registry_init(struct fake_registry *registry)
{
    static const char layer_type[] = "application/vnd.oci.image.layer.v1.tar+gzip";
    CLEANUP_FREE char *config = NULL;
    char *layers[FAKE_REGISTRY_LAYERS];

    make_layers(registry);
    registry->config = str_format(
        "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\","
        "\"diff_ids\":[\"%s\",\"%s\",\"%s\"]}}",
        registry->diff_ids[0].text, registry->diff_ids[1].text, registry->diff_ids[2].text);
    registry->config_digest = layer_tar_digest(registry->config, strlen(registry->config));
    config = descriptor("application/vnd.oci.image.config.v1+json", &registry->config_digest,
                        strlen(registry->config));
    for (size_t i = 0; i < FAKE_REGISTRY_LAYERS; i++)
        layers[i] = descriptor(layer_type, &registry->digests[i], registry->blobs[i].length);
    registry->manifest =
        str_format("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json"
                   "\",\"config\":%s,\"layers\":[%s,%s,%s]}",
                   config, layers[0], layers[1], layers[2]);
    registry->manifest_digest = layer_tar_digest(registry->manifest, strlen(registry->manifest));
    for (size_t i = 0; i < FAKE_REGISTRY_LAYERS; i++)
        free(layers[i]);
}

int pull_place_setup(void **state)
{
    struct pull_place *place = calloc(1, sizeof(*place));
    void *fake = NULL;

    assert_non_null(place);
    assert_int_equal(fake_store_setup(&fake), 0);
    place->fake = fake;
    place->server.log_fd = place->second.log_fd = -1;
    place->options.warn = remember_warning;
    place->options.warn_context = place;
    place->options.user.platform = "linux/amd64";
    fake_registry_init(&place->registry);
    place->registry.elsewhere = &place->second;
    assert_int_equal(setenv("MCPD_RETRY_DELAY_MS", "20", 1), 0);
    assert_int_equal(setenv("HOME", "/nonexistent", 1), 0);
    assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
    *state = place;
    return 0;
}

int pull_place_teardown(void **state)
{
    struct pull_place *place = *state;
    void *fake = place->fake;

    http_server_stop(&place->server);
    http_server_stop(&place->second);
    for (size_t i = 0; i < FAKE_REGISTRY_LAYERS; i++)
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

/* ---------------------------------------------------------------- an fake_registry_serve registry
 */

bool fake_registry_is_blob(const struct http_exchange *exchange, const struct digest *digest)
{
    return strstr(exchange->path, "/blobs/") && strstr(exchange->path, digest->text);
}

const struct buf *fake_registry_layer(const struct http_exchange *exchange)
{
    const struct fake_registry *registry = exchange->server->context;

    for (size_t i = 0; i < FAKE_REGISTRY_LAYERS; i++)
        if (fake_registry_is_blob(exchange, &registry->digests[i]))
            return &registry->blobs[i];
    return NULL;
}

static bool answer_document(const struct http_exchange *exchange)
{
    const struct fake_registry *registry = exchange->server->context;
    const char *manifests = "/v2/t/image/manifests/";

    if (fake_registry_is_blob(exchange, &registry->config_digest)) {
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

bool fake_registry_serve(const struct http_exchange *exchange)
{
    const struct buf *layer = fake_registry_layer(exchange);

    if (!layer)
        return answer_document(exchange);
    http_reply_range(exchange, layer->data, layer->length);
    return true;
}

int pull_place_pull_name(struct pull_place *place, const char *name_and_tag)
{
    CLEANUP_FREE char *name = str_format("127.0.0.1:%d/%s", place->server.port, name_and_tag);
    struct reference reference;

    assert_int_equal(reference_parse(name, &reference, NULL), 0);
    return pull_image(&place->fake->store, &reference, &place->options, &place->id, &place->error);
}

int pull_place_try(struct pull_place *place, http_handler handler)
{
    http_server_start(&place->server, handler, &place->registry);
    return pull_place_pull_name(place, "t/image:1");
}

void pull_place_pull(struct pull_place *place, http_handler handler)
{
    if (pull_place_try(place, handler) < 0)
        fail_msg("%s", place->error.message);
    assert_true(digest_equal(&place->id, &place->registry.config_digest));
    for (size_t i = 0; i < FAKE_REGISTRY_LAYERS; i++)
        assert_true(store_has_layer(&place->fake->store, &place->registry.diff_ids[i]));
    assert_int_equal(fake_store_count(place->fake, "images/tags"), 2); /* and its lock */
    assert_int_equal(fake_store_count(place->fake, "images/partial"), 0);
}

void pull_place_is_refused(struct pull_place *place, http_handler handler, int code,
                           const char *text)
{
    int rc = pull_place_try(place, handler);

    if (rc == 0)
        fail_msg("pulled, but should fail with '%s'", text);
    assert_int_equal(rc, -code);
    if (!strstr(place->error.message, text))
        fail_msg("'%s' lacks '%s'", place->error.message, text);
    assert_int_equal(fake_store_count(place->fake, "layers"), 0);
}
