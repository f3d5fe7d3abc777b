/* test_archive_save.c - what was saved can be loaded and is the same image; where layers come from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/layer/archive_save.h"

#include "base/fsutil.h"
#include "base/jsonx.h"
#include "base/str.h"
#include "oci/blobs.h"
#include "oci/layer/archive_file.h"
#include "oci/layer/archive_load.h"
#include "oci/layer/pack.h"
#include "support/archive_place.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static const struct progress_sink silent;

/* ---------------------------------------------------------------- saving */

static char *path_of(const struct archive_place *place, const char *name)
{
    return str_format("%s/%s", place->fake->path, name);
}

/* To "out" beside the store's folders. */
static int save_as(struct archive_place *place, enum mcpd_save_format format,
                   const char *const *names, bool several, const char *to)
{
    CLEANUP_FREE char *path = path_of(place, to);
    CLEANUP_STRV char **images = NULL;
    struct archive_save_request request = {
        .format = format, .several = several, .path = path, .output_fd = -1};

    for (; *names; names++)
        assert_int_equal(strv_append(&images, *names), 0);
    request.images = images;
    return archive_save(&place->fake->store, &request, &silent, &place->error);
}

static void saved(struct archive_place *place, int rc)
{
    if (rc < 0)
        fail_msg("%s", place->error.message);
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void save_one(struct archive_place *place, enum mcpd_save_format format, const char *to)
{
    saved(place, save_as(place, format, NAMES("localhost/x:1"), false, to));
}

/* Loads it into a store of its own and compares ids. */
static void loads_elsewhere(struct archive_place *place, const char *from, const char *name)
{
    CLEANUP_FREE char *path = path_of(place, from);
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    CLEANUP_STRV char **names = NULL;
    struct fake_store *other;
    struct image image;
    void *state = NULL;

    assert_true(fd >= 0);
    assert_int_equal(fake_store_setup(&state), 0);
    other = state;
    if (archive_load(&other->store, fd, &archive_place_amd64, &silent, &names, &place->error) < 0)
        fail_msg("%s", place->error.message);
    if (name)
        assert_string_equal(names[0], name);
    assert_int_equal(store_find_image(&other->store, names[0], &image, NULL), 0);
    assert_true(digest_equal(&image.id, &place->config_digest));
    for (size_t i = 0; i < ARCHIVE_PLACE_LAYERS; i++)
        assert_true(store_has_layer(&other->store, &place->diff_ids[i]));
    image_done(&image);
    assert_int_equal(fake_store_teardown(&state), 0);
}

static void remove_saved(struct archive_place *place, const char *name)
{
    assert_int_equal(fs_remove_tree(place->fake->store.root_fd, name, NULL), 0);
}

/* A member's text, owned by the caller. */
static char *member(struct archive_place *place, const char *archive, const char *name)
{
    CLEANUP_ARCHIVE_FILE struct archive_file file = {.fd = -1};
    CLEANUP_FREE char *path = path_of(place, archive);
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    const struct archive_member *found;
    char *text = NULL;
    size_t length = 0;

    assert_int_equal(archive_file_open(fd, place->fake->store.tmp_fd, &file, NULL), 0);
    found = archive_file_find(&file, name);
    if (!found)
        fail_msg("%s lacks %s", archive, name);
    assert_int_equal(archive_file_read(&file, found, 1u << 20, &text, &length, NULL), 0);
    return text;
}

static size_t count_members(struct archive_place *place, const char *archive)
{
    CLEANUP_ARCHIVE_FILE struct archive_file file = {.fd = -1};
    CLEANUP_FREE char *path = path_of(place, archive);
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_int_equal(archive_file_open(fd, place->fake->store.tmp_fd, &file, NULL), 0);
    return file.count;
}

static void load_docker(struct archive_place *place)
{
    archive_place_put_docker(place, "[\"localhost/x:1\"]");
    archive_place_loaded(place, archive_place_load(place), "localhost/x:1");
    buf_clear(&place->archive.bytes);
}

/* With a gzip layer and a plain one. */
static void load_oci(struct archive_place *place)
{
    CLEANUP_FREE char *entry = archive_place_put_oci_image(place, true, NAMED("localhost/x:1"));

    archive_place_put_index(place, entry);
    archive_place_loaded(place, archive_place_load(place), "localhost/x:1");
    buf_clear(&place->archive.bytes);
}

/* ---------------------------------------------------------------- the formats */

static void all_formats(struct archive_place *place)
{
    save_one(place, MCPD_SAVE_DOCKER_ARCHIVE, "docker");
    loads_elsewhere(place, "docker", "localhost/x:1");
    save_one(place, MCPD_SAVE_OCI_ARCHIVE, "oci");
    loads_elsewhere(place, "oci", "localhost/x:1");
    save_one(place, MCPD_SAVE_OCI_DIR, "oci.d");
    loads_elsewhere(place, "oci.d", "localhost/x:1");
    save_one(place, MCPD_SAVE_DOCKER_DIR, "docker.d");
    loads_elsewhere(place, "docker.d", NULL);
}

static void test_from_docker(void **state)
{
    load_docker(*state);
    all_formats(*state);
}

static void test_from_oci(void **state)
{
    load_oci(*state);
    all_formats(*state);
}

static void test_reproducible(void **state)
{
    struct archive_place *place = *state;
    enum mcpd_save_format formats[] = {MCPD_SAVE_DOCKER_ARCHIVE, MCPD_SAVE_OCI_ARCHIVE};

    load_oci(place);
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        CLEANUP_FREE char *one = NULL;
        CLEANUP_FREE char *two = NULL;
        size_t lengths[2] = {0};

        save_one(place, formats[i], "one");
        save_one(place, formats[i], "two");
        assert_int_equal(
            fs_read_file(place->fake->store.root_fd, "one", 1u << 20, &one, &lengths[0], NULL), 0);
        assert_int_equal(
            fs_read_file(place->fake->store.root_fd, "two", 1u << 20, &two, &lengths[1], NULL), 0);
        assert_int_equal(lengths[0], lengths[1]);
        assert_memory_equal(one, two, lengths[0]);
        remove_saved(place, "one");
        remove_saved(place, "two");
    }
}

/* An OCI image keeps its manifest bit for bit; docker's becomes one with OCI's media types. */
static void test_oci_manifest(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_FREE char *index = NULL;
    CLEANUP_FREE char *manifest = NULL;
    CLEANUP_FREE char *name = NULL;
    struct image image;

    load_oci(place);
    assert_int_equal(store_find_image(&place->fake->store, "localhost/x:1", &image, NULL), 0);
    save_one(place, MCPD_SAVE_OCI_ARCHIVE, "oci");
    index = member(place, "oci", "index.json");
    assert_non_null(strstr(index, image.manifest_digest.text));
    name = str_format("blobs/sha256/%s", digest_hex(&image.manifest_digest));
    manifest = member(place, "oci", name);
    assert_null(strstr(manifest, "docker"));
    image_done(&image);
}

static void test_docker_becomes_oci(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_FREE char *index = NULL;
    CLEANUP_FREE char *manifest = NULL;
    CLEANUP_FREE char *name = NULL;

    load_docker(place);
    save_one(place, MCPD_SAVE_OCI_ARCHIVE, "oci");
    index = member(place, "oci", "index.json");
    assert_null(strstr(index, "docker"));
    name = str_format("blobs/sha256/%.64s", strstr(index, "sha256:") + 7);
    manifest = member(place, "oci", name);
    assert_null(strstr(manifest, "docker"));
    assert_non_null(strstr(manifest, place->config_digest.text));
}

/* ---------------------------------------------------------------- names and several images */

static void test_further_names(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_FREE char *list = NULL;

    load_docker(place);
    saved(place,
          save_as(place, MCPD_SAVE_DOCKER_ARCHIVE,
                  NAMES("localhost/x:1", "y:2", "quay.io/z:3", "localhost/x:1"), false, "out"));
    list = member(place, "out", "manifest.json");
    assert_non_null(
        strstr(list, "\"RepoTags\":[\"localhost/y:2\",\"quay.io/z:3\",\"localhost/x:1\"]"));
    remove_saved(place, "out");
    assert_true(save_as(place, MCPD_SAVE_DOCKER_ARCHIVE, NAMES("localhost/x:1", "Not A Name"),
                        false, "out") < 0);
    assert_false(fs_exists(place->fake->store.root_fd, "out"));
}

static void test_by_id(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_FREE char *list = NULL;

    load_docker(place);
    saved(place, save_as(place, MCPD_SAVE_DOCKER_ARCHIVE, NAMES(digest_hex(&place->config_digest)),
                         false, "out"));
    list = member(place, "out", "manifest.json");
    assert_non_null(strstr(list, "\"RepoTags\":[]"));
    loads_elsewhere(place, "out", place->config_digest.text);
}

static void test_several_images(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_FREE char *list = NULL;
    struct reference name;
    struct image image;

    load_docker(place);
    assert_int_equal(reference_parse("localhost/again:1", &name, NULL), 0);
    assert_int_equal(store_find_image(&place->fake->store, "localhost/x:1", &image, NULL), 0);
    assert_int_equal(store_tag(&place->fake->store, &name, &image.manifest_digest, NULL, NULL), 0);
    image_done(&image);
    saved(place,
          save_as(place, MCPD_SAVE_DOCKER_ARCHIVE,
                  NAMES("localhost/x:1", "localhost/again:1", digest_hex(&place->config_digest)),
                  true, "out"));
    list = member(place, "out", "manifest.json");
    assert_non_null(strstr(list, "\"RepoTags\":[\"localhost/x:1\",\"localhost/again:1\"]"));
    /* Two layers, a config, two folders of three, a list, and the old one. */
    assert_int_equal(count_members(place, "out"), 2 + 1 + 2 * 3 + 2);
    assert_true(save_as(place, MCPD_SAVE_DOCKER_ARCHIVE, NAMES("localhost/x:1", "nosuch"), true,
                        "more") < 0);
    assert_string_equal(place->error.message, "nosuch: image not known");
    assert_false(fs_exists(place->fake->store.root_fd, "more"));
}

/* A further name that is another image: podman's meaning, with a word about it. */
static void test_name_of_another(void **state)
{
    struct archive_place *place = *state;
    struct fake_image other = {.name = "localhost/other:1", .layers = NAMES("base")};

    load_docker(place);
    fake_store_add(place->fake, &other, NULL);
    saved(place, save_as(place, MCPD_SAVE_DOCKER_ARCHIVE,
                         NAMES("localhost/x:1", "localhost/other:1"), false, "out"));
    assert_true(fake_store_warned(place->fake, "localhost/other:1 is another image here"));
}

static void test_oci_dir_keeps_others(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_FREE char *text = NULL;
    CLEANUP_JSON json_t *index = NULL;
    json_t *entries;

    load_oci(place);
    saved(place,
          save_as(place, MCPD_SAVE_OCI_DIR, NAMES("localhost/x:1", "localhost/y:1"), false, "out"));
    saved(place,
          save_as(place, MCPD_SAVE_OCI_DIR, NAMES("localhost/x:1", "localhost/z:1"), false, "out"));
    text = member(place, "out", "index.json");
    assert_int_equal(jsonx_parse(text, strlen(text), 16, "index", &index, NULL), 0);
    entries = json_object_get(index, "manifests");
    assert_int_equal(json_array_size(entries), 3);
}

static void test_docker_dir_of_others(void **state)
{
    struct archive_place *place = *state;

    load_docker(place);
    assert_int_equal(fs_make_dir(place->fake->store.root_fd, "out", 0700, NULL, NULL), 0);
    fake_store_write(place->fake, "out/precious", "data");
    assert_true(save_as(place, MCPD_SAVE_DOCKER_DIR, NAMES("localhost/x:1"), false, "out") < 0);
    assert_non_null(strstr(place->error.message, "don't want to overwrite important data"));
    assert_true(fs_exists(place->fake->store.root_fd, "out/precious"));
    remove_saved(place, "out");
    save_one(place, MCPD_SAVE_DOCKER_DIR, "out");
    save_one(place, MCPD_SAVE_DOCKER_DIR, "out");
    loads_elsewhere(place, "out", NULL);
}

static void test_existing_files(void **state)
{
    struct archive_place *place = *state;

    load_oci(place);
    fake_store_write(place->fake, "out", "something");
    assert_int_equal(save_as(place, MCPD_SAVE_DOCKER_ARCHIVE, NAMES("localhost/x:1"), false, "out"),
                     -MCPD_E_CONFLICT);
    save_one(place, MCPD_SAVE_OCI_ARCHIVE, "out");
    loads_elsewhere(place, "out", "localhost/x:1");
    assert_true(save_as(place, MCPD_SAVE_OCI_DIR, NAMES("localhost/x:1"), false, "out") < 0);
    saved(place,
          save_as(place, MCPD_SAVE_OCI_DIR, NAMES("localhost/x:1"), false, "new/folders/out//"));
    loads_elsewhere(place, "new/folders/out", "localhost/x:1");
    assert_int_equal(fake_store_count(place->fake, "new/folders"), 1);
    assert_int_equal(fs_make_dir(place->fake->store.root_fd, "dir", 0700, NULL, NULL), 0);
    assert_true(save_as(place, MCPD_SAVE_OCI_ARCHIVE, NAMES("localhost/x:1"), false, "dir") < 0);
    assert_true(save_as(place, MCPD_SAVE_OCI_ARCHIVE, NAMES("localhost/x:1"), false, "no/dir") < 0);
    assert_non_null(strstr(place->error.message, "no such file or directory"));
}

/* ---------------------------------------------------------------- where layers come from */

static void remove_blob(struct archive_place *place, const struct digest *digest)
{
    char path[BLOB_PATH_SIZE];

    blob_path(digest, path);
    assert_int_equal(unlinkat(place->fake->store.root_fd, path, 0), 0);
}

static struct digest first_blob(struct archive_place *place)
{
    struct digest digest;
    struct image image;

    assert_int_equal(store_find_image(&place->fake->store, "localhost/x:1", &image, NULL), 0);
    digest = image.layer_digests[0];
    image_done(&image);
    return digest;
}

/* The gzip blob is gone, but another image has the layer as a plain tar. */
static void test_blob_of_another_image(void **state)
{
    struct archive_place *place = *state;
    struct digest blob;

    archive_place_put_docker(place, "[\"localhost/y:1\"]");
    archive_place_loaded(place, archive_place_load(place), "localhost/y:1");
    buf_clear(&place->archive.bytes);
    load_oci(place);
    blob = first_blob(place);
    remove_blob(place, &blob);
    all_formats(place);
}

/* The other way round: only the gzip blob of another image is there. */
static void test_packed_blob_of_another_image(void **state)
{
    struct archive_place *place = *state;
    struct image image;
    CLEANUP_FREE char *entry = archive_place_put_oci_image(place, true, NAMED("localhost/y:1"));

    archive_place_put_index(place, entry);
    archive_place_loaded(place, archive_place_load(place), "localhost/y:1");
    buf_clear(&place->archive.bytes);
    load_docker(place);
    assert_int_equal(store_find_image(&place->fake->store, "localhost/x:1", &image, NULL), 0);
    remove_blob(place, &image.layer_digests[0]);
    image_done(&image);
    all_formats(place);
}

/* The layers are there already, as another image's and in another form. What the archive brings is
 * kept all the same: that image may go. */
static void test_blobs_of_its_own(void **state)
{
    struct archive_place *place = *state;
    struct digest packed;

    load_oci(place);
    packed = first_blob(place);
    load_docker(place);
    remove_blob(place, &packed);
    assert_true(blob_exists(&place->fake->store, &place->diff_ids[0]));
    assert_int_equal(fake_store_count(place->fake, "images/partial"), 0);
    all_formats(place);
}

/* Only unpacked, and not by us: the bytes cannot be made again, and it is said at once. */
static void test_only_unpacked(void **state)
{
    struct archive_place *place = *state;
    struct digest blob;

    load_oci(place);
    blob = first_blob(place);
    remove_blob(place, &blob);
    assert_int_equal(save_as(place, MCPD_SAVE_DOCKER_ARCHIVE, NAMES("localhost/x:1"), false, "out"),
                     -MCPD_E_NOT_FOUND);
    assert_non_null(strstr(place->error.message, "only unpacked"));
    assert_false(fs_exists(place->fake->store.root_fd, "out"));
    assert_int_equal(save_as(place, MCPD_SAVE_OCI_ARCHIVE, NAMES("localhost/x:1"), false, "out"),
                     -MCPD_E_NOT_FOUND);
}

static int append(void *context, const void *bytes, size_t count, struct mcpd_error *err)
{
    return buf_append(context, bytes, count);
}

/* Only unpacked, but it was packed by us: it is made again. */
static void test_packed_again(void **state)
{
    struct archive_place *place = *state;
    const struct pack_options options = {.is_layer = true, .tmp_fd = place->fake->store.tmp_fd};
    CLEANUP_FD int dir_fd = -1;
    struct pack_result result;
    char path[STORE_LAYER_PATH_SIZE];
    struct digest old = place->diff_ids[0];

    load_docker(place);
    store_layer_path(&old, path);
    assert_int_equal(fs_open_dir(place->fake->store.root_fd, path, &dir_fd, NULL), 0);
    buf_clear(&place->layers[0].bytes);
    assert_int_equal(pack_tree(dir_fd, &options, append, &place->layers[0].bytes, &result, NULL),
                     0);
    place->diff_ids[0] =
        layer_tar_digest(place->layers[0].bytes.data, place->layers[0].bytes.length);
    free(place->config);
    place->config = str_format("{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":"
                               "\"layers\",\"diff_ids\":[\"%s\",\"%s\"]}}",
                               place->diff_ids[0].text, place->diff_ids[1].text);
    place->config_digest = layer_tar_digest(place->config, strlen(place->config));
    load_docker(place);
    remove_blob(place, &place->diff_ids[0]);
    all_formats(place);
}

/* A blob that rotted in the store: the archive does not appear. */
static void test_damaged_blob(void **state)
{
    struct archive_place *place = *state;
    struct digest blob;
    char path[BLOB_PATH_SIZE];
    CLEANUP_FD int fd = -1;
    size_t before;

    load_oci(place);
    blob_path(&place->diff_ids[1], path);
    fd = openat(place->fake->store.root_fd, path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "X", 1, 520), 1);
    before = fake_store_count(place->fake, ".");
    assert_int_equal(save_as(place, MCPD_SAVE_OCI_ARCHIVE, NAMES("localhost/x:1"), false, "out"),
                     -MCPD_E_CORRUPT);
    assert_int_equal(save_as(place, MCPD_SAVE_OCI_DIR, NAMES("localhost/x:1"), false, "out"),
                     -MCPD_E_CORRUPT);
    assert_int_equal(save_as(place, MCPD_SAVE_DOCKER_DIR, NAMES("localhost/x:1"), false, "out"),
                     -MCPD_E_CORRUPT);
    assert_int_equal(fake_store_count(place->fake, "."), before);
    assert_int_equal(save_as(place, MCPD_SAVE_DOCKER_ARCHIVE, NAMES("localhost/x:1"), false, "out"),
                     -MCPD_E_CORRUPT);
    blob = first_blob(place);
    blob_path(&blob, path);
    assert_int_equal(pwrite(fd, "\0", 1, 520), 1);
    cleanup_close_fd(&fd);
    fd = openat(place->fake->store.root_fd, path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "XXXXXXXX", 8, 30), 8);
    assert_int_equal(save_as(place, MCPD_SAVE_DOCKER_ARCHIVE, NAMES("localhost/x:1"), false, "out"),
                     -MCPD_E_CORRUPT);
    assert_false(fs_exists(place->fake->store.root_fd, "out"));
    assert_int_equal(fake_store_count(place->fake, "tmp"), 0);
}

/* The length of a layer's tar was not written down: it is found out. */
static void test_unknown_length(void **state)
{
    struct archive_place *place = *state;

    load_oci(place);
    for (size_t i = 0; i < ARCHIVE_PLACE_LAYERS; i++) {
        CLEANUP_FREE char *path =
            str_format("layers/%s/layer.json", digest_hex(&place->diff_ids[i]));
        CLEANUP_FREE char *text =
            str_format("{\"diff_id\":\"%s\",\"bytes\":8}", place->diff_ids[i].text);

        fake_store_write(place->fake, path, text);
    }
    all_formats(place);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, archive_place_setup, archive_place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_from_docker),
        TEST(test_from_oci),
        TEST(test_reproducible),
        TEST(test_oci_manifest),
        TEST(test_docker_becomes_oci),
        TEST(test_further_names),
        TEST(test_by_id),
        TEST(test_several_images),
        TEST(test_name_of_another),
        TEST(test_oci_dir_keeps_others),
        TEST(test_docker_dir_of_others),
        TEST(test_existing_files),
        TEST(test_blob_of_another_image),
        TEST(test_packed_blob_of_another_image),
        TEST(test_blobs_of_its_own),
        TEST(test_only_unpacked),
        TEST(test_packed_again),
        TEST(test_damaged_blob),
        TEST(test_unknown_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
