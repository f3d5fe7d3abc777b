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
#include "support/archive_place.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* ---------------------------------------------------------------- docker-archive */

static void test_docker(void **state)
{
    struct archive_place *place = *state;

    archive_place_put_docker(place, "[\"localhost/x:1\"]");
    archive_place_loaded(place, archive_place_load(place), "localhost/x:1");
    /* The layers lie there as they came. */
    assert_true(blob_exists(&place->fake->store, &place->diff_ids[0]));
}

static void test_docker_several_names(void **state)
{
    struct archive_place *place = *state;
    struct image image;

    archive_place_put_docker(place, "[\"alpine:3\",\"localhost/x:1\"]");
    assert_int_equal(archive_place_load(place), 0);
    assert_int_equal(strv_length(place->names), 2);
    assert_string_equal(place->names[0], "docker.io/library/alpine:3");
    assert_string_equal(place->names[1], "localhost/x:1");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(store_find_image(&place->fake->store, place->names[i], &image, NULL), 0);
        image_done(&image);
    }
}

/* As podman: the image is not taken without the name that its maker wanted. */
static void test_docker_no_name(void **state)
{
    struct archive_place *place = *state;

    archive_place_put_docker(place, "[\"alpine:3\",\"not a name\"]");
    archive_place_refused(place, archive_place_load(place),
                          "invalid name \"not a name\": invalid reference format");
}

static void test_oci_no_name(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_FREE char *entry = archive_place_put_oci_image(place, true, NAMED("../x"));

    archive_place_put_index(place, entry);
    archive_place_refused(place, archive_place_load(place), "invalid name \"../x\"");
}

static void test_docker_without_name(void **state)
{
    struct archive_place *place = *state;

    archive_place_put_docker(place, "null");
    archive_place_loaded(place, archive_place_load(place), place->config_digest.text);
}

/* As docker writes them: a folder per layer, the same layer twice as a link. */
static void test_docker_links(void **state)
{
    struct archive_place *place = *state;

    archive_place_put_text(place, "./config.json", place->config);
    archive_place_put(place, "abc/layer.tar", place->layers[0].bytes.data,
                      place->layers[0].bytes.length);
    layer_tar_symlink(&place->archive, "def/layer.tar", "../abc/layer.tar");
    layer_tar_hardlink(&place->archive, "ghi/layer.tar", "def/layer.tar");
    archive_place_put(place, "two.tar", place->layers[1].bytes.data, place->layers[1].bytes.length);
    archive_place_put_manifest_json(place, "[\"x:1\"]", "ghi/layer.tar");
    archive_place_loaded(place, archive_place_load(place), "docker.io/library/x:1");
}

static void test_docker_packed_layer(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_BUF struct buf packed;

    buf_init(&packed, 1u << 20);
    layer_tar_gzip(place->layers[0].bytes.data, place->layers[0].bytes.length, &packed);
    archive_place_put_text(place, "config.json", place->config);
    archive_place_put(place, "one.tar", packed.data, packed.length);
    archive_place_put(place, "two.tar", place->layers[1].bytes.data, place->layers[1].bytes.length);
    archive_place_put_manifest_json(place, "[\"localhost/x:1\"]", "one.tar");
    archive_place_loaded(place, archive_place_load(place), "localhost/x:1");
}

static void test_docker_wrong_layer(void **state)
{
    struct archive_place *place = *state;

    place->layers[0].bytes.data[600] ^= 1;
    archive_place_put_docker(place, "[\"localhost/x:1\"]");
    archive_place_refused(place, archive_place_load(place), "Digest did not match");
}

static void test_docker_missing(void **state)
{
    struct archive_place *place = *state;

    archive_place_put_text(place, "config.json", place->config);
    archive_place_put_manifest_json(place, "[]", "../../../etc/passwd");
    archive_place_refused(place, archive_place_load(place), "lacks its member");
}

/* ---------------------------------------------------------------- oci-archive */

static void test_oci(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_FREE char *entry = archive_place_put_oci_image(place, true, NAMED("localhost/x:oci"));

    archive_place_put_index(place, entry);
    archive_place_loaded(place, archive_place_load(place), "localhost/x:oci");
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
        {"", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct archive_place *place = *state;
        CLEANUP_FREE char *entry = archive_place_put_oci_image(place, true, cases[i].more);

        archive_place_put_index(place, entry);
        archive_place_loaded(place, archive_place_load(place),
                             cases[i].name ? cases[i].name : place->config_digest.text);
        buf_clear(&place->archive.bytes);
    }
}

static void test_oci_lists_platforms(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_FREE char *entry = archive_place_put_oci_image(
        place, true, ",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}");
    CLEANUP_FREE char *other =
        archive_place_descriptor("manifest.v1+json", &place->diff_ids[0], 100,
                                 ",\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\"}");
    CLEANUP_FREE char *index =
        str_format("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\","
                   "\"manifests\":[%s,%s]}",
                   other, entry);
    struct digest digest = archive_place_put_blob(place, index, strlen(index));
    CLEANUP_FREE char *nested =
        archive_place_descriptor("index.v1+json", &digest, strlen(index), NAMED("localhost/x:1"));

    archive_place_put_index(place, nested);
    archive_place_loaded(place, archive_place_load(place), "localhost/x:1");
}

static void test_oci_missing_layer(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_FREE char *entry = archive_place_put_oci_image(place, false, NAMED("localhost/x:oci"));

    archive_place_put_index(place, entry);
    archive_place_refused(place, archive_place_load(place), "the archive lacks the layer");
}

static void test_oci_wrong_blob(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_FREE char *entry = archive_place_put_oci_image(place, true, NAMED("localhost/x:oci"));

    /* In the contents of the first member, the packed layer. */
    place->archive.bytes.data[512 + 20] ^= 1;
    archive_place_put_index(place, entry);
    archive_place_refused(place, archive_place_load(place), "Digest did not match");
}

/* docker 25 writes both; the manifest as it was pushed is worth more. */
static void test_both(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_FREE char *entry = archive_place_put_oci_image(
        place, true,
        ",\"annotations\":{\"io.containerd.image.name\":\"quay.io/x/y:1\","
        "\"org.opencontainers.image.ref.name\":\"1\"}");

    archive_place_put_index(place, entry);
    archive_place_put_text(place, "manifest.json", "[]");
    archive_place_loaded(place, archive_place_load(place), "quay.io/x/y:1");
}

/* ---------------------------------------------------------------- several images */

/* The second image has one layer, and is named "localhost/y:1". */
static void put_second(struct archive_place *place, const char *layer, const struct digest *diff_id)
{
    CLEANUP_FREE char *config =
        str_format("{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\","
                   "\"diff_ids\":[\"%s\"]}}",
                   diff_id->text);
    CLEANUP_FREE char *text = str_format(
        "[{\"Config\":\"config.json\",\"RepoTags\":[\"localhost/x:1\"],\"Layers\":[\"one.tar\","
        "\"two.tar\"]},{\"Config\":\"second.json\",\"RepoTags\":[\"localhost/y:1\"],\"Layers\":"
        "[\"%s\"]}]",
        layer);

    archive_place_put_text(place, "config.json", place->config);
    archive_place_put_text(place, "second.json", config);
    archive_place_put(place, "one.tar", place->layers[0].bytes.data, place->layers[0].bytes.length);
    archive_place_put(place, "two.tar", place->layers[1].bytes.data, place->layers[1].bytes.length);
    archive_place_put_text(place, "manifest.json", text);
}

static void test_several_images(void **state)
{
    struct archive_place *place = *state;
    struct image image;

    put_second(place, "one.tar", &place->diff_ids[0]);
    assert_int_equal(archive_place_load(place), 0);
    assert_int_equal(strv_length(place->names), 2);
    assert_string_equal(place->names[0], "localhost/x:1");
    assert_string_equal(place->names[1], "localhost/y:1");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(store_find_image(&place->fake->store, place->names[i], &image, NULL), 0);
        assert_int_equal(image.layer_count, 2 - i);
        image_done(&image);
    }
    assert_int_equal(fake_store_count(place->fake, "layers"), 2);
}

/* The last of them is bad: none is there. */
static void test_several_or_none(void **state)
{
    struct archive_place *place = *state;

    put_second(place, "no-such.tar", &place->diff_ids[0]);
    archive_place_refused(place, archive_place_load(place), "lacks its member no-such.tar");
    assert_int_equal(fake_store_count(place->fake, "images/tags"), 0);
    buf_clear(&place->archive.bytes);
    put_second(place, "two.tar", &place->config_digest);
    archive_place_refused(place, archive_place_load(place), "Digest did not match");
    assert_int_equal(fake_store_count(place->fake, "images/tags"), 0);
}

static void test_same_image_twice(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_FREE char *one = archive_place_put_oci_image(place, true, NAMED("localhost/x:1"));
    CLEANUP_FREE char *two = archive_place_put_oci_image(place, true, NAMED("localhost/x:2"));
    CLEANUP_FREE char *both = str_format("%s,%s", one, two);

    /* put_oci_image writes each blob anew: the same bytes under the same name are no contradiction
     * of layers, but documents must be there once. */
    archive_place_put_index(place, both);
    archive_place_refused(place, archive_place_load(place), "twice");
    buf_clear(&place->archive.bytes);
    free(TAKE_PTR(one));
    one = archive_place_put_oci_image(place, true, NAMED("localhost/x:1"));
    free(TAKE_PTR(both));
    both = str_format("%s,%s", one, two);
    archive_place_put_index(place, both);
    assert_int_equal(archive_place_load(place), 0);
    assert_int_equal(strv_length(place->names), 2);
    assert_string_equal(place->names[1], "localhost/x:2");
}

/* ---------------------------------------------------------------- folders */

static void write_below(const struct archive_place *place, const char *path, const void *bytes,
                        size_t count)
{
    CLEANUP_FREE char *full = str_format("dir/%s", path);

    assert_int_equal(fs_write_file(place->fake->store.root_fd, full, bytes, count, 0600, 0, NULL),
                     0);
}

/* Every member of the archive as a file of the folder "dir" in the store's own. */
static int load_folder(struct archive_place *place)
{
    static const struct progress_sink silent;
    CLEANUP_ARCHIVE_FILE struct archive_file file = {.fd = -1};
    CLEANUP_FD int fd = memfd_create("archive", MFD_CLOEXEC);
    CLEANUP_FD int dir_fd = -1;
    int rc;

    layer_tar_end(&place->archive);
    assert_int_equal(
        fs_write_all(fd, place->archive.bytes.data, place->archive.bytes.length, "archive", NULL),
        0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(archive_file_open(fd, place->fake->store.tmp_fd, &file, NULL), 0);
    assert_int_equal(fs_make_dirs(place->fake->store.root_fd, "dir/blobs/sha256", 0700, NULL, NULL),
                     0);
    for (size_t i = 0; i < file.count; i++) {
        CLEANUP_FREE char *bytes = NULL;
        size_t count = 0;

        assert_int_equal(archive_file_read(&file, &file.members[i], 1u << 20, &bytes, &count, NULL),
                         0);
        write_below(place, file.members[i].name, bytes, count);
    }
    assert_int_equal(fs_open_dir(place->fake->store.root_fd, "dir", &dir_fd, NULL), 0);
    rc = archive_load(&place->fake->store, dir_fd, &archive_place_amd64, &silent, &place->names,
                      &place->error);
    assert_int_equal(fs_remove_tree(place->fake->store.root_fd, "dir", NULL), 0);
    return rc;
}

static void test_oci_folder(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_FREE char *entry = archive_place_put_oci_image(place, true, NAMED("localhost/x:oci"));

    archive_place_put_index(place, entry);
    archive_place_loaded(place, load_folder(place), "localhost/x:oci");
}

static void put_plain(struct archive_place *place, const void *bytes, size_t count)
{
    struct digest digest = layer_tar_digest(bytes, count);

    archive_place_put(place, digest_hex(&digest), bytes, count);
}

static void test_docker_folder(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_FREE char *config = archive_place_descriptor("config.v1+json", &place->config_digest,
                                                         strlen(place->config), "");
    CLEANUP_FREE char *one = archive_place_descriptor("layer.v1.tar", &place->diff_ids[0],
                                                      place->layers[0].bytes.length, "");
    CLEANUP_FREE char *two = archive_place_descriptor("layer.v1.tar", &place->diff_ids[1],
                                                      place->layers[1].bytes.length, "");
    CLEANUP_FREE char *manifest =
        str_format("{\"schemaVersion\":2,\"config\":%s,\"layers\":[%s,%s]}", config, one, two);

    archive_place_put_text(place, "version", "Directory Transport Version: 1.1\n");
    archive_place_put_text(place, "manifest.json", manifest);
    put_plain(place, place->config, strlen(place->config));
    put_plain(place, place->layers[0].bytes.data, place->layers[0].bytes.length);
    put_plain(place, place->layers[1].bytes.data, place->layers[1].bytes.length);
    archive_place_loaded(place, load_folder(place), place->config_digest.text);
}

/* ---------------------------------------------------------------- the file itself */

static void test_packed_archive(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_BUF struct buf packed;

    buf_init(&packed, 1u << 20);
    archive_place_put_docker(place, "[\"localhost/x:1\"]");
    layer_tar_end(&place->archive);
    layer_tar_gzip(place->archive.bytes.data, place->archive.bytes.length, &packed);
    archive_place_loaded(place, archive_place_load_bytes(place, &packed), "localhost/x:1");
}

/* xz and bzip2, by content. */
static void pack(const struct buf *plain, int (*add_filter)(struct archive *), struct buf *packed)
{
    size_t room = plain->length + 65536, used = 0;
    char *bytes = malloc(room);
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();

    assert_non_null(bytes);
    assert_int_equal(add_filter(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_set_format_raw(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_open_memory(archive, bytes, room, &used), ARCHIVE_OK);
    archive_entry_set_filetype(entry, AE_IFREG);
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(archive, plain->data, plain->length), plain->length);
    assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
    archive_entry_free(entry);
    assert_int_equal(buf_append(packed, bytes, used), 0);
    free(bytes);
}

static void test_other_compressions(void **state)
{
    static int (*const filters[])(struct archive *) = {
        archive_write_add_filter_xz,
        archive_write_add_filter_bzip2,
        archive_write_add_filter_zstd,
    };
    struct archive_place *place = *state;

    archive_place_put_docker(place, "[\"localhost/x:1\"]");
    layer_tar_end(&place->archive);
    for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
        CLEANUP_BUF struct buf packed;

        buf_init(&packed, 1u << 20);
        pack(&place->archive.bytes, filters[i], &packed);
        archive_place_loaded(place, archive_place_load_bytes(place, &packed), "localhost/x:1");
        packed.length /= 2;
        assert_true(archive_place_load_bytes(place, &packed) < 0);
    }
}

static void test_pipe(void **state)
{
    static const struct progress_sink silent;
    struct archive_place *place = *state;
    int fds[2];
    pid_t pid;
    int rc;

    archive_place_put_docker(place, "[\"localhost/x:1\"]");
    layer_tar_end(&place->archive);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0)
        _exit(fs_write_all(fds[1], place->archive.bytes.data, place->archive.bytes.length,
                           "archive", NULL) < 0);
    (void)close(fds[1]);
    rc = archive_load(&place->fake->store, fds[0], &archive_place_amd64, &silent, &place->names,
                      &place->error);
    (void)close(fds[0]);
    (void)waitpid(pid, NULL, 0);
    archive_place_loaded(place, rc, "localhost/x:1");
}

static void test_other_files(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_BUF struct buf noise;

    buf_init(&noise, 1u << 20);
    for (size_t i = 0; i < 10000; i++)
        assert_int_equal(buf_append(&noise, &(char){(char)(i * 7 + i / 13)}, 1), 0);
    archive_place_refused(place, archive_place_load_bytes(place, &noise), "not a tar");
    noise.length = 0;
    archive_place_refused(place, archive_place_load_bytes(place, &noise), "not a tar");
    archive_place_put_text(place, "hello", "world");
    archive_place_refused(place, archive_place_load(place), "neither");
}

static void test_index_of_members(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_ARCHIVE_FILE struct archive_file file = {.fd = -1};
    CLEANUP_FD int fd = memfd_create("archive", MFD_CLOEXEC);
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;

    layer_tar_pax(&place->archive, "path", "a/long/name/by/pax", 18);
    archive_place_put_text(place, "short", "pax");
    layer_tar_gnu_long(&place->archive, 'L', "a/long/name/by/gnu");
    archive_place_put_text(place, "short", "gnu");
    archive_place_put_text(place, "twice", "first");
    archive_place_put_text(place, "./twice", "second");
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

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, archive_place_setup, archive_place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_docker),
        TEST(test_docker_several_names),
        TEST(test_docker_without_name),
        TEST(test_docker_no_name),
        TEST(test_oci_no_name),
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
        TEST(test_several_images),
        TEST(test_several_or_none),
        TEST(test_same_image_twice),
        TEST(test_oci_folder),
        TEST(test_docker_folder),
        TEST(test_packed_archive),
        TEST(test_other_compressions),
        TEST(test_pipe),
        TEST(test_other_files),
        TEST(test_index_of_members),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
