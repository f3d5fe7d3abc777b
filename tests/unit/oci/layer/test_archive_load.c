/* test_archive_load.c - archives as docker, podman and skopeo write them, and broken ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/layer/archive_load.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "oci/blobs.h"
#include "oci/layer/archive_file.h"
#include "support/fake_store.h"
#include "support/layer_tar.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define LAYERS 2

struct place {
    struct fake_store *fake;
    struct layer_tar layers[LAYERS];
    struct digest diff_ids[LAYERS];
    char *config;
    struct digest config_digest;
    struct layer_tar archive;
    char **names;
    struct mcpd_error error;
};

static const struct platform amd64 = {.os = "linux", .architecture = "amd64"};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    void *fake = NULL;

    assert_non_null(place);
    assert_int_equal(fake_store_setup(&fake), 0);
    place->fake = fake;
    for (size_t i = 0; i < LAYERS; i++) {
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

static int teardown(void **state)
{
    struct place *place = *state;
    void *fake = place->fake;

    for (size_t i = 0; i < LAYERS; i++)
        layer_tar_done(&place->layers[i]);
    layer_tar_done(&place->archive);
    strv_free(place->names);
    free(place->config);
    assert_int_equal(fake_store_count(place->fake, "tmp"), 0);
    assert_int_equal(fake_store_teardown(&fake), 0);
    free(place);
    return 0;
}

static void put(struct place *place, const char *name, const void *bytes, size_t count)
{
    layer_tar_add(&place->archive, &(struct layer_tar_entry){
                                       .type = '0', .name = name, .data = bytes, .size = count});
}

static void put_text(struct place *place, const char *name, const char *text)
{
    put(place, name, text, strlen(text));
}

static struct digest put_blob(struct place *place, const void *bytes, size_t count)
{
    struct digest digest = layer_tar_digest(bytes, count);
    CLEANUP_FREE char *name = str_format("blobs/sha256/%s", digest_hex(&digest));

    put(place, name, bytes, count);
    return digest;
}

static int load_bytes(struct place *place, const struct buf *bytes)
{
    static const struct progress_sink silent;
    CLEANUP_FD int fd = memfd_create("archive", MFD_CLOEXEC);

    strv_free(place->names);
    place->names = NULL;
    assert_int_equal(fs_write_all(fd, bytes->data, bytes->length, "archive", NULL), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return archive_load(&place->fake->store, fd, &amd64, &silent, &place->names, &place->error);
}

static int load(struct place *place)
{
    layer_tar_end(&place->archive);
    return load_bytes(place, &place->archive.bytes);
}

static void loaded(struct place *place, int rc, const char *name)
{
    struct image image;

    if (rc < 0)
        fail_msg("%s", place->error.message);
    assert_int_equal(strv_length(place->names), 1);
    assert_string_equal(place->names[0], name);
    assert_int_equal(store_find_image(&place->fake->store, name, &image, &place->error), 0);
    assert_true(digest_equal(&image.id, &place->config_digest));
    image_done(&image);
    for (size_t i = 0; i < LAYERS; i++)
        assert_true(store_has_layer(&place->fake->store, &place->diff_ids[i]));
}

static void refused(struct place *place, int rc, const char *text)
{
    if (rc >= 0)
        fail_msg("loaded, but should fail with '%s'", text);
    if (!strstr(place->error.message, text))
        fail_msg("'%s' lacks '%s'", place->error.message, text);
    assert_null(place->names);
    assert_int_equal(fake_store_count(place->fake, "layers"), 0);
}

/* ---------------------------------------------------------------- docker-archive */

static void put_manifest_json(struct place *place, const char *tags, const char *first)
{
    CLEANUP_FREE char *text =
        str_format("[{\"Config\":\"config.json\",\"RepoTags\":%s,\"Layers\":[\"%s\",\"two.tar\"]}]",
                   tags, first);

    put_text(place, "manifest.json", text);
}

static void put_docker(struct place *place, const char *tags)
{
    put_text(place, "config.json", place->config);
    put(place, "one.tar", place->layers[0].bytes.data, place->layers[0].bytes.length);
    put(place, "two.tar", place->layers[1].bytes.data, place->layers[1].bytes.length);
    put_manifest_json(place, tags, "one.tar");
}

static void test_docker(void **state)
{
    struct place *place = *state;

    put_docker(place, "[\"localhost/x:1\"]");
    loaded(place, load(place), "localhost/x:1");
    /* The layers lie there as they came. */
    assert_true(blob_exists(&place->fake->store, &place->diff_ids[0]));
}

static void test_docker_several_names(void **state)
{
    struct place *place = *state;
    struct image image;

    put_docker(place, "[\"alpine:3\",\"localhost/x:1\",\"not a name\"]");
    assert_int_equal(load(place), 0);
    assert_int_equal(strv_length(place->names), 2);
    assert_string_equal(place->names[0], "docker.io/library/alpine:3");
    assert_string_equal(place->names[1], "localhost/x:1");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(store_find_image(&place->fake->store, place->names[i], &image, NULL), 0);
        image_done(&image);
    }
}

static void test_docker_without_name(void **state)
{
    struct place *place = *state;

    put_docker(place, "null");
    loaded(place, load(place), place->config_digest.text);
}

/* As docker writes them: a folder per layer, the same layer twice as a link. */
static void test_docker_links(void **state)
{
    struct place *place = *state;

    put_text(place, "./config.json", place->config);
    put(place, "abc/layer.tar", place->layers[0].bytes.data, place->layers[0].bytes.length);
    layer_tar_symlink(&place->archive, "def/layer.tar", "../abc/layer.tar");
    layer_tar_hardlink(&place->archive, "ghi/layer.tar", "def/layer.tar");
    put(place, "two.tar", place->layers[1].bytes.data, place->layers[1].bytes.length);
    put_manifest_json(place, "[\"x:1\"]", "ghi/layer.tar");
    loaded(place, load(place), "docker.io/library/x:1");
}

static void test_docker_packed_layer(void **state)
{
    struct place *place = *state;
    CLEANUP_BUF struct buf packed;

    buf_init(&packed, 1u << 20);
    layer_tar_gzip(place->layers[0].bytes.data, place->layers[0].bytes.length, &packed);
    put_text(place, "config.json", place->config);
    put(place, "one.tar", packed.data, packed.length);
    put(place, "two.tar", place->layers[1].bytes.data, place->layers[1].bytes.length);
    put_manifest_json(place, "[\"localhost/x:1\"]", "one.tar");
    loaded(place, load(place), "localhost/x:1");
}

static void test_docker_wrong_layer(void **state)
{
    struct place *place = *state;

    place->layers[0].bytes.data[600] ^= 1;
    put_docker(place, "[\"localhost/x:1\"]");
    refused(place, load(place), "Digest did not match");
}

static void test_docker_missing(void **state)
{
    struct place *place = *state;

    put_text(place, "config.json", place->config);
    put_manifest_json(place, "[]", "../../../etc/passwd");
    refused(place, load(place), "lacks its member");
}

/* ---------------------------------------------------------------- oci-archive */

static char *descriptor(const char *type, const struct digest *digest, size_t size,
                        const char *more)
{
    return str_format("{\"mediaType\":\"application/vnd.oci.image.%s\",\"digest\":\"%s\",\"size\":"
                      "%zu%s}",
                      type, digest->text, size, more);
}

/* The descriptor of the image's manifest, for an index; owned by the caller. */
static char *put_oci_image(struct place *place, bool with_layers, const char *more)
{
    CLEANUP_BUF struct buf packed;
    CLEANUP_FREE char *config = NULL, *one = NULL, *two = NULL, *manifest = NULL;
    struct digest digests[LAYERS], manifest_digest;

    buf_init(&packed, 1u << 20);
    layer_tar_gzip(place->layers[0].bytes.data, place->layers[0].bytes.length, &packed);
    digests[0] = layer_tar_digest(packed.data, packed.length);
    if (with_layers)
        digests[0] = put_blob(place, packed.data, packed.length);
    digests[1] = put_blob(place, place->layers[1].bytes.data, place->layers[1].bytes.length);
    (void)put_blob(place, place->config, strlen(place->config));
    config = descriptor("config.v1+json", &place->config_digest, strlen(place->config), "");
    one = descriptor("layer.v1.tar+gzip", &digests[0], packed.length, "");
    two = descriptor("layer.v1.tar", &digests[1], place->layers[1].bytes.length, "");
    manifest =
        str_format("{\"schemaVersion\":2,\"config\":%s,\"layers\":[%s,%s]}", config, one, two);
    manifest_digest = put_blob(place, manifest, strlen(manifest));
    return descriptor("manifest.v1+json", &manifest_digest, strlen(manifest), more);
}

static void put_index(struct place *place, const char *entries)
{
    CLEANUP_FREE char *text = str_format("{\"schemaVersion\":2,\"manifests\":[%s]}", entries);

    put_text(place, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
    put_text(place, "index.json", text);
}

#define NAMED(name) ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"" name "\"}"

static void test_oci(void **state)
{
    struct place *place = *state;
    CLEANUP_FREE char *entry = put_oci_image(place, true, NAMED("localhost/x:oci"));

    put_index(place, entry);
    loaded(place, load(place), "localhost/x:oci");
}

static void test_oci_names(void **state)
{
    static const struct {
        const char *more;
        const char *name; /* NULL: none */
    } cases[] = {
        {NAMED("1.2"), "localhost/1.2:latest"},
        {NAMED("x:1"), "localhost/x:1"},
        {NAMED("quay.io/a/b:c"), "quay.io/a/b:c"},
        {NAMED("Not A Name"), NULL},
        {"", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct place *place = *state;
        CLEANUP_FREE char *entry = put_oci_image(place, true, cases[i].more);

        put_index(place, entry);
        loaded(place, load(place), cases[i].name ? cases[i].name : place->config_digest.text);
        buf_clear(&place->archive.bytes);
    }
}

static void test_oci_lists_platforms(void **state)
{
    struct place *place = *state;
    CLEANUP_FREE char *entry =
        put_oci_image(place, true, ",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}");
    CLEANUP_FREE char *other =
        descriptor("manifest.v1+json", &place->diff_ids[0], 100,
                   ",\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\"}");
    CLEANUP_FREE char *index =
        str_format("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\","
                   "\"manifests\":[%s,%s]}",
                   other, entry);
    struct digest digest = put_blob(place, index, strlen(index));
    CLEANUP_FREE char *nested =
        descriptor("index.v1+json", &digest, strlen(index), NAMED("localhost/x:1"));

    put_index(place, nested);
    loaded(place, load(place), "localhost/x:1");
}

static void test_oci_missing_layer(void **state)
{
    struct place *place = *state;
    CLEANUP_FREE char *entry = put_oci_image(place, false, NAMED("localhost/x:oci"));

    put_index(place, entry);
    refused(place, load(place), "the archive lacks the layer");
}

static void test_oci_wrong_blob(void **state)
{
    struct place *place = *state;
    CLEANUP_FREE char *entry = put_oci_image(place, true, NAMED("localhost/x:oci"));

    /* In the contents of the first member, the packed layer. */
    place->archive.bytes.data[512 + 20] ^= 1;
    put_index(place, entry);
    refused(place, load(place), "Digest did not match");
}

/* docker 25 writes both; the manifest as it was pushed is worth more. */
static void test_both(void **state)
{
    struct place *place = *state;
    CLEANUP_FREE char *entry =
        put_oci_image(place, true,
                      ",\"annotations\":{\"io.containerd.image.name\":\"quay.io/x/y:1\","
                      "\"org.opencontainers.image.ref.name\":\"1\"}");

    put_index(place, entry);
    put_text(place, "manifest.json", "[]");
    loaded(place, load(place), "quay.io/x/y:1");
}

/* ---------------------------------------------------------------- the file itself */

static void test_packed_archive(void **state)
{
    struct place *place = *state;
    CLEANUP_BUF struct buf packed;

    buf_init(&packed, 1u << 20);
    put_docker(place, "[\"localhost/x:1\"]");
    layer_tar_end(&place->archive);
    layer_tar_gzip(place->archive.bytes.data, place->archive.bytes.length, &packed);
    loaded(place, load_bytes(place, &packed), "localhost/x:1");
}

static void test_pipe(void **state)
{
    static const struct progress_sink silent;
    struct place *place = *state;
    int fds[2];
    pid_t pid;
    int rc;

    put_docker(place, "[\"localhost/x:1\"]");
    layer_tar_end(&place->archive);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0)
        _exit(fs_write_all(fds[1], place->archive.bytes.data, place->archive.bytes.length,
                           "archive", NULL) < 0);
    (void)close(fds[1]);
    rc = archive_load(&place->fake->store, fds[0], &amd64, &silent, &place->names, &place->error);
    (void)close(fds[0]);
    (void)waitpid(pid, NULL, 0);
    loaded(place, rc, "localhost/x:1");
}

static void test_truncated(void **state)
{
    struct place *place = *state;
    struct buf half;

    put_manifest_json(place, "[\"localhost/x:1\"]", "one.tar");
    put_docker(place, "[\"localhost/x:1\"]");
    half = place->archive.bytes;
    for (; half.length > 0; half.length -= half.length > 512 ? 512 : half.length) {
        if (half.length >= place->archive.bytes.length - 1024)
            continue; /* only the second manifest.json is missing */
        assert_true(load_bytes(place, &half) < 0);
        assert_int_equal(fake_store_count(place->fake, "layers"), 0);
    }
    assert_true(load_bytes(place, &half) < 0);
}

static void test_other_files(void **state)
{
    struct place *place = *state;
    CLEANUP_BUF struct buf noise;

    buf_init(&noise, 1u << 20);
    for (size_t i = 0; i < 10000; i++)
        assert_int_equal(buf_append(&noise, &(char){(char)(i * 7 + i / 13)}, 1), 0);
    refused(place, load_bytes(place, &noise), "not a tar");
    noise.length = 0;
    refused(place, load_bytes(place, &noise), "not a tar");
    put_text(place, "hello", "world");
    refused(place, load(place), "neither");
}

static void test_index_of_members(void **state)
{
    struct place *place = *state;
    CLEANUP_ARCHIVE_FILE struct archive_file file = {.fd = -1};
    CLEANUP_FD int fd = memfd_create("archive", MFD_CLOEXEC);
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;

    layer_tar_pax(&place->archive, "path", "a/long/name/by/pax", 18);
    put_text(place, "short", "pax");
    layer_tar_gnu_long(&place->archive, 'L', "a/long/name/by/gnu");
    put_text(place, "short", "gnu");
    put_text(place, "twice", "first");
    put_text(place, "./twice", "second");
    layer_tar_symlink(&place->archive, "round", "round");
    layer_tar_symlink(&place->archive, "out", "../../twice");
    layer_tar_end(&place->archive);
    assert_int_equal(
        fs_write_all(fd, place->archive.bytes.data, place->archive.bytes.length, "archive", NULL),
        0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(archive_file_open(fd, place->fake->store.tmp_fd, &file, NULL), 0);
    assert_null(archive_file_find(&file, "round"));
    assert_null(archive_file_find(&file, "nothing"));
    assert_int_equal(archive_file_read(&file, archive_file_find(&file, "a/long/name/by/pax"), 100,
                                       &text, &length, NULL),
                     0);
    assert_string_equal(text, "pax");
    free(TAKE_PTR(text));
    assert_int_equal(archive_file_read(&file, archive_file_find(&file, "a/long/name/by/gnu"), 100,
                                       &text, &length, NULL),
                     0);
    assert_string_equal(text, "gnu");
    free(TAKE_PTR(text));
    assert_int_equal(
        archive_file_read(&file, archive_file_find(&file, "out"), 100, &text, &length, NULL), 0);
    assert_string_equal(text, "second");
    assert_int_equal(
        archive_file_read(&file, archive_file_find(&file, "out"), 5, &text, &length, NULL),
        -MCPD_E_LIMIT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_docker),
        TEST(test_docker_several_names),
        TEST(test_docker_without_name),
        TEST(test_docker_links),
        TEST(test_docker_packed_layer),
        TEST(test_docker_wrong_layer),
        TEST(test_docker_missing),
        TEST(test_oci),
        TEST(test_oci_names),
        TEST(test_oci_lists_platforms),
        TEST(test_oci_missing_layer),
        TEST(test_oci_wrong_blob),
        TEST(test_both),
        TEST(test_packed_archive),
        TEST(test_pipe),
        TEST(test_truncated),
        TEST(test_other_files),
        TEST(test_index_of_members),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
