/* archive_place.c - see archive_place.h. Failures end the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/archive_place.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "oci/layer/archive_load.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

const struct platform archive_place_amd64 = {.os = "linux", .architecture = "amd64"};

int archive_place_setup(void **state)
{
    struct archive_place *place = calloc(1, sizeof(*place));
    void *fake = NULL;

    assert_non_null(place);
    assert_int_equal(fake_store_setup(&fake), 0);
    place->fake = fake;
    for (size_t i = 0; i < ARCHIVE_PLACE_LAYERS; i++) {
        CLEANUP_FREE char *name = str_format("file%zu", i);

        layer_tar_init(&place->layers[i]);
        layer_tar_file(&place->layers[i], name, "contents");
        layer_tar_end(&place->layers[i]);
        place->diff_ids[i] =
            layer_tar_digest(place->layers[i].bytes.data, place->layers[i].bytes.length);
    }
    place->config = str_format("{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":"
                               "\"layers\",\"diff_ids\":[\"%s\",\"%s\"]}}",
                               place->diff_ids[0].text, place->diff_ids[1].text);
    place->config_digest = layer_tar_digest(place->config, strlen(place->config));
    layer_tar_init(&place->archive);
    *state = place;
    return 0;
}

int archive_place_teardown(void **state)
{
    struct archive_place *place = *state;
    void *fake = place->fake;

    for (size_t i = 0; i < ARCHIVE_PLACE_LAYERS; i++)
        layer_tar_done(&place->layers[i]);
    layer_tar_done(&place->archive);
    strv_free(place->names);
    free(place->config);
    assert_int_equal(fake_store_count(place->fake, "tmp"), 0);
    assert_int_equal(fake_store_teardown(&fake), 0);
    free(place);
    return 0;
}

void archive_place_put(struct archive_place *place, const char *name, const void *bytes,
                       size_t count)
{
    layer_tar_add(&place->archive, &(struct layer_tar_entry){
                                       .type = '0', .name = name, .data = bytes, .size = count});
}

void archive_place_put_text(struct archive_place *place, const char *name, const char *text)
{
    archive_place_put(place, name, text, strlen(text));
}

struct digest archive_place_put_blob(struct archive_place *place, const void *bytes, size_t count)
{
    struct digest digest = layer_tar_digest(bytes, count);
    CLEANUP_FREE char *name = str_format("blobs/sha256/%s", digest_hex(&digest));

    archive_place_put(place, name, bytes, count);
    return digest;
}

int archive_place_load_bytes(struct archive_place *place, const struct buf *bytes)
{
    static const struct progress_sink silent;
    CLEANUP_FD int fd = memfd_create("archive", MFD_CLOEXEC);

    strv_free(place->names);
    place->names = NULL;
    assert_int_equal(fs_write_all(fd, bytes->data, bytes->length, "archive", NULL), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return archive_load(&place->fake->store, fd, &archive_place_amd64, &silent, &place->names,
                        &place->error);
}

int archive_place_load(struct archive_place *place)
{
    layer_tar_end(&place->archive);
    return archive_place_load_bytes(place, &place->archive.bytes);
}

void archive_place_loaded(struct archive_place *place, int rc, const char *name)
{
    struct image image;

    if (rc < 0)
        fail_msg("%s", place->error.message);
    assert_int_equal(strv_length(place->names), 1);
    assert_string_equal(place->names[0], name);
    assert_int_equal(store_find_image(&place->fake->store, name, &image, &place->error), 0);
    assert_true(digest_equal(&image.id, &place->config_digest));
    image_done(&image);
    for (size_t i = 0; i < ARCHIVE_PLACE_LAYERS; i++)
        assert_true(store_has_layer(&place->fake->store, &place->diff_ids[i]));
}

void archive_place_refused(struct archive_place *place, int rc, const char *text)
{
    if (rc >= 0)
        fail_msg("loaded, but should fail with '%s'", text);
    if (!strstr(place->error.message, text))
        fail_msg("'%s' lacks '%s'", place->error.message, text);
    assert_null(place->names);
    assert_int_equal(fake_store_count(place->fake, "layers"), 0);
}

void archive_place_put_manifest_json(struct archive_place *place, const char *tags,
                                     const char *first)
{
    CLEANUP_FREE char *text =
        str_format("[{\"Config\":\"config.json\",\"RepoTags\":%s,\"Layers\":[\"%s\",\"two.tar\"]}]",
                   tags, first);

    archive_place_put_text(place, "manifest.json", text);
}

void archive_place_put_docker(struct archive_place *place, const char *tags)
{
    archive_place_put_text(place, "config.json", place->config);
    archive_place_put(place, "one.tar", place->layers[0].bytes.data, place->layers[0].bytes.length);
    archive_place_put(place, "two.tar", place->layers[1].bytes.data, place->layers[1].bytes.length);
    archive_place_put_manifest_json(place, tags, "one.tar");
}

char *archive_place_descriptor(const char *type, const struct digest *digest, size_t size,
                               const char *more)
{
    return str_format("{\"mediaType\":\"application/vnd.oci.image.%s\",\"digest\":\"%s\",\"size\":"
                      "%zu%s}",
                      type, digest->text, size, more);
}

/* The descriptor of the image's manifest, for an index; owned by the caller. */
char *archive_place_put_oci_image(struct archive_place *place, bool with_layers, const char *more)
{
    CLEANUP_BUF struct buf packed;
    CLEANUP_FREE char *config = NULL, *one = NULL, *two = NULL, *manifest = NULL;
    struct digest digests[ARCHIVE_PLACE_LAYERS], manifest_digest;

    buf_init(&packed, 1u << 20);
    layer_tar_gzip(place->layers[0].bytes.data, place->layers[0].bytes.length, &packed);
    digests[0] = layer_tar_digest(packed.data, packed.length);
    if (with_layers)
        digests[0] = archive_place_put_blob(place, packed.data, packed.length);
    digests[1] =
        archive_place_put_blob(place, place->layers[1].bytes.data, place->layers[1].bytes.length);
    (void)archive_place_put_blob(place, place->config, strlen(place->config));
    config = archive_place_descriptor("config.v1+json", &place->config_digest,
                                      strlen(place->config), "");
    one = archive_place_descriptor("layer.v1.tar+gzip", &digests[0], packed.length, "");
    two = archive_place_descriptor("layer.v1.tar", &digests[1], place->layers[1].bytes.length, "");
    manifest =
        str_format("{\"schemaVersion\":2,\"config\":%s,\"layers\":[%s,%s]}", config, one, two);
    manifest_digest = archive_place_put_blob(place, manifest, strlen(manifest));
    return archive_place_descriptor("manifest.v1+json", &manifest_digest, strlen(manifest), more);
}

void archive_place_put_index(struct archive_place *place, const char *entries)
{
    CLEANUP_FREE char *text = str_format("{\"schemaVersion\":2,\"manifests\":[%s]}", entries);

    archive_place_put_text(place, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
    archive_place_put_text(place, "index.json", text);
}
