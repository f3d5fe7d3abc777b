/* test_images.c - finding and listing, also when something is damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/store.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "oci/blobs.h"
#include "oci/tags.h"
#include "support/fake_store.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const one_layer[] = {"base", NULL};
static const char *const two_layers[] = {"base", "top", NULL};

static void find(struct fake_store *fake, const char *name, struct image *image)
{
    struct mcpd_error error = {0};

    if (store_find_image(&fake->store, name, image, &error) < 0)
        fail_msg("%s", error.message);
}

static void check_found(struct fake_store *fake, const char *name, const struct digest *manifest)
{
    struct image image;

    find(fake, name, &image);
    if (!digest_equal(&image.manifest_digest, manifest))
        fail_msg("%s: found another image", name);
    image_done(&image);
}

/* Found by one name, and shown by that one alone. */
static void check_shown(struct fake_store *fake, const char *asked, const char *shown)
{
    struct image image;

    find(fake, asked, &image);
    assert_int_equal(strv_length(image.names), 1);
    assert_string_equal(image.names[0], shown);
    image_done(&image);
}

static void check_not_found(struct fake_store *fake, const char *name)
{
    struct image image = {.layer_count = 77};
    struct mcpd_error error = {0};
    CLEANUP_FREE char *expected = str_format("%s: image not known", name);

    if (store_find_image(&fake->store, name, &image, &error) != -MCPD_E_NOT_FOUND)
        fail_msg("%s: %s", name, error.message);
    assert_string_equal(error.message, expected);
    assert_int_equal(image.layer_count, 77);
}

static void test_find_by_reference(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {.name = "alpine:3", .layers = two_layers};
    struct digest manifest;
    struct image image;

    fake_store_add(fake, &spec, &manifest);
    check_found(fake, "alpine:3", &manifest);
    check_found(fake, "docker.io/alpine:3", &manifest);
    check_found(fake, "docker.io/library/alpine:3", &manifest);
    check_found(fake, "docker://alpine:3", &manifest);
    check_not_found(fake, "alpine");
    check_not_found(fake, "alpine:4");
    check_not_found(fake, "user/alpine:3");
    check_not_found(fake, "q.io/library/alpine:3");
    find(fake, "alpine:3", &image);
    assert_false(image.has_all_names);
    assert_string_equal(image.names[0], "docker.io/library/alpine:3");
    assert_null(image.names[1]);
    assert_int_equal(image.layer_count, 2);
    assert_int_equal(image.config.diff_id_count, 2);
    assert_int_equal(image.layer_sizes[1], 10);
    assert_string_equal(image.media_type, MEDIATYPE_OCI_MANIFEST);
    image_done(&image);
    image_done(&image);
}

/* One tag file, whatever else is in the folder: damage beside it is not even noticed. */
static void test_find_never_lists(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {.name = "q.io/a:1", .layers = one_layer};
    struct digest manifest;

    fake_store_add(fake, &spec, &manifest);
    fake_store_write(fake, "images/tags/q.io%2Fb:1", "damaged");
    check_found(fake, "q.io/a:1", &manifest);
    assert_null(fake->warnings);
}

static void test_short_names_are_local_too(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image local = {.name = "localhost/tiny:1.2", .layers = one_layer};
    struct fake_image remote = {.name = "tiny:1.2", .layers = two_layers};
    struct digest local_manifest;
    struct digest remote_manifest;

    fake_store_add(fake, &local, &local_manifest);
    check_found(fake, "tiny:1.2", &local_manifest);
    check_found(fake, "localhost/tiny:1.2", &local_manifest);
    check_not_found(fake, "docker.io/tiny:1.2");
    check_not_found(fake, "docker.io/library/tiny:1.2");
    check_not_found(fake, "docker://tiny:1.2");
    fake_store_add(fake, &remote, &remote_manifest);
    check_found(fake, "tiny:1.2", &local_manifest);
    check_found(fake, "docker.io/tiny:1.2", &remote_manifest);
}

/* localhost, then docker.io, then whatever ends so. */
static void test_short_names_by_their_end(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {.name = "q.io/a/b:1", .layers = one_layer};
    struct digest manifest;
    struct digest hub;

    fake_store_add(fake, &spec, &manifest);
    check_found(fake, "b:1", &manifest);
    check_found(fake, "a/b:1", &manifest);
    check_shown(fake, "b:1", "q.io/a/b:1");
    check_not_found(fake, "b");
    check_not_found(fake, "b:11");
    check_not_found(fake, "io/a/b:1");
    check_not_found(fake, "x/b:1");
    check_not_found(fake, "docker.io/b:1");
    check_not_found(fake, "docker.io/a/b:1");
    check_not_found(fake, "docker://b:1");
    spec = (struct fake_image){.name = "docker.io/library/b:1", .layers = two_layers};
    fake_store_add(fake, &spec, &hub);
    check_found(fake, "b:1", &hub);
    check_found(fake, "a/b:1", &manifest);
}

static void test_ambiguous_short_name(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {.name = "q.io/a:1", .layers = one_layer};
    struct mcpd_error error = {0};
    struct digest manifest;
    struct image image;

    fake_store_add(fake, &spec, &manifest);
    spec.name = "r.io/x/a:1"; /* the same image */
    fake_store_add(fake, &spec, NULL);
    check_found(fake, "a:1", &manifest);
    spec = (struct fake_image){.name = "s.io/a:1", .layers = two_layers};
    fake_store_add(fake, &spec, NULL);
    assert_int_equal(store_find_image(&fake->store, "a:1", &image, &error), -MCPD_E_INVALID);
    assert_non_null(strstr(error.message, "a:1: the short name fits several images ("));
    assert_non_null(strstr(error.message, "q.io/a:1"));
    assert_non_null(strstr(error.message, "s.io/a:1"));
    check_found(fake, "x/a:1", &manifest);
}

static void test_find_by_digest(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {.name = "q.io/a:1", .layers = one_layer};
    struct digest manifest;
    CLEANUP_FREE char *name = NULL;
    CLEANUP_FREE char *tagged = NULL;
    CLEANUP_FREE char *other = NULL;
    CLEANUP_FREE char *short_name = NULL;

    fake_store_add(fake, &spec, &manifest);
    name = str_format("q.io/a@%s", manifest.text);
    tagged = str_format("q.io/a:7@%s", manifest.text);
    other = str_format("q.io/ab@%s", manifest.text);
    check_found(fake, name, &manifest);
    check_found(fake, tagged, &manifest);
    check_not_found(fake, other);
    check_shown(fake, name, name);
    short_name = str_format("a@%s", manifest.text);
    check_found(fake, short_name, &manifest);
    check_shown(fake, short_name, name);
}

/* Pulled by the digest of an index: the tag file leads on to the manifest. */
static void test_find_by_digest_of_index(void **state)
{
    struct fake_store *fake = *state;
    struct digest of_index = fake_digest("index");
    CLEANUP_FREE char *name = str_format("q.io/a@%s", of_index.text);
    struct fake_image spec = {.name = name, .layers = one_layer, .index = "index"};
    struct digest manifest;
    struct image image;

    fake_store_add(fake, &spec, &manifest);
    check_found(fake, name, &manifest);
    find(fake, name, &image);
    assert_string_equal(image.index_digest.text, of_index.text);
    assert_int_equal(store_load_image_names(&fake->store, &image, NULL), 0);
    assert_string_equal(image.names[0], name);
    assert_int_equal(strv_length(image.names), 1);
    assert_int_equal(strv_length(image.digest_names), 2);
    assert_true(image.has_all_names);
    image_done(&image);
}

/* Pulled by the tag of an index: both digests lead here, from this repository only. */
static void test_find_by_tag_of_index(void **state)
{
    struct fake_store *fake = *state;
    struct digest of_index = fake_digest("index");
    struct fake_image spec = {.name = "q.io/a:1", .layers = one_layer, .index = "index"};
    CLEANUP_FREE char *by_index = str_format("q.io/a@%s", of_index.text);
    CLEANUP_FREE char *elsewhere = str_format("r.io/a@%s", of_index.text);
    CLEANUP_FREE char *short_name = str_format("a:7@%s", of_index.text);
    CLEANUP_FREE char *by_manifest = NULL;
    struct digest manifest;
    struct image image;

    fake_store_add(fake, &spec, &manifest);
    by_manifest = str_format("q.io/a@%s", manifest.text);
    check_found(fake, by_index, &manifest);
    check_found(fake, by_manifest, &manifest);
    check_found(fake, short_name, &manifest);
    check_not_found(fake, elsewhere);
    find(fake, "q.io/a:1", &image);
    assert_string_equal(image.index_digest.text, of_index.text);
    assert_int_equal(store_load_image_names(&fake->store, &image, NULL), 0);
    assert_int_equal(strv_length(image.digest_names), 2);
    image_done(&image);
}

static void test_find_by_id(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {.name = "q.io/a:1", .layers = one_layer};
    struct digest manifest;
    struct image image;
    char id[DIGEST_TEXT_SIZE];

    fake_store_add(fake, &spec, &manifest);
    find(fake, "q.io/a:1", &image);
    (void)snprintf(id, sizeof(id), "%s", image.id.text);
    image_done(&image);
    check_found(fake, id, &manifest);
    check_found(fake, id + 7, &manifest);
    id[7 + 12] = '\0';
    check_found(fake, id, &manifest);
    check_found(fake, id + 7, &manifest);
    id[7 + 3] = '\0';
    check_found(fake, id + 7, &manifest);
    find(fake, id + 7, &image);
    assert_true(image.has_all_names);
    assert_string_equal(image.names[0], "q.io/a:1");
    image_done(&image);
    id[7 + 2] = '\0';
    check_not_found(fake, id + 7);
    check_not_found(fake, "0123456789ab");
    check_not_found(fake,
                    "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
}

static void test_ambiguous_prefix(void **state)
{
    struct fake_store *fake = *state;
    struct digest seen[4096 / 16];
    struct mcpd_error error = {0};
    struct image image;
    char prefix[4] = "";
    size_t count = 0;

    /* Until two of the made-up ids begin alike. */
    while (!prefix[0]) {
        CLEANUP_FREE char *name = str_format("q.io/a:%zu", count);
        CLEANUP_FREE char *extra = str_format("\"author\": \"%zu\",", count);
        struct fake_image spec = {.name = name, .extra = extra};

        assert_true(count < sizeof(seen) / sizeof(seen[0]));
        fake_store_add(fake, &spec, NULL);
        find(fake, name, &image);
        for (size_t i = 0; i < count; i++)
            if (strncmp(digest_hex(&seen[i]), digest_hex(&image.id), 3) == 0)
                (void)snprintf(prefix, sizeof(prefix), "%s", digest_hex(&image.id));
        seen[count++] = image.id;
        image_done(&image);
    }
    assert_int_equal(store_find_image(&fake->store, prefix, &image, &error), -MCPD_E_CONFLICT);
    assert_non_null(strstr(error.message, "more than one image"));
}

/* The same configuration under two manifests (as pulled, and as loaded from an archive). */
static void test_same_id_twice_is_not_ambiguous(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image oci = {.name = "q.io/a:oci", .layers = one_layer};
    struct fake_image docker = {
        .name = "q.io/a:docker", .layers = one_layer, .media_type = MEDIATYPE_DOCKER_MANIFEST};
    struct image first;
    struct image second;

    fake_store_add(fake, &oci, NULL);
    fake_store_add(fake, &docker, NULL);
    find(fake, "q.io/a:oci", &first);
    find(fake, "q.io/a:docker", &second);
    assert_true(digest_equal(&first.id, &second.id));
    assert_false(digest_equal(&first.manifest_digest, &second.manifest_digest));
    image_done(&second);
    find(fake, digest_hex(&first.id), &second);
    assert_true(digest_equal(&first.manifest_digest, &second.manifest_digest));
    assert_int_equal(strv_length(second.names), 2);
    image_done(&first);
    image_done(&second);
}

static void set_time(struct fake_store *fake, const char *tag, time_t seconds)
{
    const struct timespec times[] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

    assert_int_equal(utimensat(fake->store.tags_fd, tag, times, 0), 0);
}

/* It is listed once, as what came first; when that is damaged, as what is left. */
static void test_list_of_several_manifests(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image second = {.name = "q.io/a:oci", .layers = one_layer, .index = "index"};
    struct fake_image first = {
        .name = "r.io/b:docker", .layers = one_layer, .media_type = MEDIATYPE_DOCKER_MANIFEST};
    struct image *images = NULL;
    struct digest manifests[2];
    char path[BLOB_PATH_SIZE];
    size_t count = 0;

    fake_store_add(fake, &second, &manifests[1]);
    fake_store_add(fake, &first, &manifests[0]);
    set_time(fake, "q.io%2Fa:oci", 2000);
    set_time(fake, "r.io%2Fb:docker", 1000);
    assert_int_equal(store_list_images(&fake->store, &images, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_true(digest_equal(&images[0].manifest_digest, &manifests[0]));
    assert_false(digest_is_set(&images[0].index_digest));
    assert_string_equal(images[0].media_type, MEDIATYPE_DOCKER_MANIFEST);
    assert_string_equal(images[0].names[0], "q.io/a:oci"); /* the newest name first */
    assert_string_equal(images[0].names[1], "r.io/b:docker");
    assert_int_equal(strv_length(images[0].digest_names), 3);
    store_free_images(images, count);
    blob_path(&manifests[0], path);
    fake_store_write(fake, path, "torn");
    assert_int_equal(store_list_images(&fake->store, &images, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_true(digest_equal(&images[0].manifest_digest, &manifests[1]));
    assert_true(digest_is_set(&images[0].index_digest));
    assert_true(fake_store_warned(fake, "r.io/b:docker"));
    store_free_images(images, count);
}

/* What `tag` added comes behind what was pulled; the order is that of podman. */
static void test_order_of_names(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {.name = "q.io/a:pulled", .layers = one_layer};
    static const char *const added[] = {"q.io/z:first", "q.io/y:second"};
    struct image image;
    CLEANUP_FREE char *names = NULL;

    fake_store_add(fake, &spec, NULL);
    set_time(fake, "q.io%2Fa:pulled", 1000);
    find(fake, "q.io/a:pulled", &image);
    for (size_t i = 0; i < 2; i++) {
        struct reference name;

        assert_int_equal(reference_parse(added[i], &name, NULL), 0);
        assert_int_equal(store_add_name(&fake->store, &image, &name, NULL), 0);
    }
    set_time(fake, "q.io%2Fz:first", 2000);
    set_time(fake, "q.io%2Fy:second", 3000);
    spec.name = "q.io/b:later";
    fake_store_add(fake, &spec, NULL);
    assert_int_equal(store_load_image_names(&fake->store, &image, NULL), 0);
    names = strv_join(image.names, " ");
    assert_string_equal(names, "q.io/b:later q.io/a:pulled q.io/z:first q.io/y:second");
    image_done(&image);
}

static void test_bad_names(void **state)
{
    struct fake_store *fake = *state;
    struct mcpd_error error = {0};
    struct image image;

    assert_int_equal(store_find_image(&fake->store, "Alpine", &image, &error), -MCPD_E_INVALID);
    assert_string_equal(error.message, "repository name must be lowercase");
    assert_int_equal(store_find_image(&fake->store, "", &image, &error), -MCPD_E_INVALID);
    assert_int_equal(store_find_image(&fake->store, "../../etc", &image, &error), -MCPD_E_INVALID);
    assert_int_equal(store_find_image(&fake->store, "a:b:c", &image, NULL), -MCPD_E_INVALID);
}

/* ---------------------------------------------------------------- listing */

static void test_list(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image old = {
        .name = "q.io/old:1", .layers = one_layer, .created = "2020-01-01T00:00:00Z"};
    struct fake_image new = {
        .name = "q.io/new:1", .layers = two_layers, .created = "2026-01-01T00:00:00Z"};
    struct fake_image none = {.layers = two_layers, .created = "2023-01-01T00:00:00Z"};
    struct reference name;
    struct image *images = NULL;
    struct digest manifest;
    size_t count = 99;

    assert_int_equal(store_list_images(&fake->store, &images, &count, NULL), 0);
    assert_int_equal(count, 0);
    store_free_images(images, count);
    fake_store_add(fake, &none, NULL);
    fake_store_add(fake, &old, NULL);
    fake_store_add(fake, &new, &manifest);
    assert_int_equal(reference_parse("q.io/another:2", &name, NULL), 0);
    assert_int_equal(store_tag(&fake->store, &name, &manifest, NULL, NULL), 0);
    assert_int_equal(store_list_images(&fake->store, &images, &count, NULL), 0);
    assert_int_equal(count, 3);
    assert_int_equal(strv_length(images[0].names), 2);
    assert_true(strv_contains(images[0].names, "q.io/another:2"));
    assert_true(strv_contains(images[0].names, "q.io/new:1"));
    assert_int_equal(strv_length(images[0].digest_names), 2);
    assert_null(images[1].names);
    assert_null(images[1].digest_names);
    assert_string_equal(images[2].names[0], "q.io/old:1");
    assert_true(images[2].has_all_names);
    assert_null(fake->warnings);
    store_free_images(images, count);
}

/* What can lie in the place of a manifest or config. Every other image is listed all the same. */
static void check_damage(struct fake_store *fake, const struct digest *blob, const char *content)
{
    struct image *images = NULL;
    struct image image;
    char path[BLOB_PATH_SIZE];
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    size_t count = 0;
    struct mcpd_error error = {0};

    assert_int_equal(blob_read(&fake->store, blob, 1 << 20, &text, &length, NULL), 0);
    blob_path(blob, path);
    if (content)
        fake_store_write(fake, path, content);
    else
        assert_int_equal(unlinkat(fake->store.root_fd, path, 0), 0);
    strv_free(fake->warnings);
    fake->warnings = NULL;
    assert_int_equal(store_list_images(&fake->store, &images, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_string_equal(images[0].names[0], "q.io/good:1");
    assert_int_equal(strv_length(fake->warnings), 1);
    assert_true(fake_store_warned(fake, "q.io/bad:1"));
    store_free_images(images, count);
    if (store_find_image(&fake->store, "q.io/bad:1", &image, &error) != -MCPD_E_CORRUPT)
        fail_msg("with '%s': %s", content ? content : "nothing", error.message);
    assert_non_null(strstr(error.message, "q.io/bad:1 is damaged"));
    fake_store_write(fake, path, text);
}

static void test_damaged(void **state)
{
    static const char *const contents[] = {NULL, "",   "{",
                                           "[]", "{}", "{\"schemaVersion\": 2, \"manifests\": []}"};
    struct fake_store *fake = *state;
    struct fake_image good = {.name = "q.io/good:1", .layers = one_layer};
    struct fake_image bad = {.name = "q.io/bad:1", .layers = two_layers};
    struct image image;
    struct digest id;
    struct digest manifest;

    fake_store_add(fake, &good, NULL);
    fake_store_add(fake, &bad, &manifest);
    find(fake, "q.io/bad:1", &image);
    id = image.id;
    image_done(&image);
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        check_damage(fake, &manifest, contents[i]);
        check_damage(fake, &id, contents[i]);
    }
    check_found(fake, "q.io/bad:1", &manifest);
}

/* Every possible truncation of both documents. */
static void test_truncated_anywhere(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {.name = "q.io/a:1", .layers = one_layer};
    struct digest blobs[2];
    struct image image;

    fake_store_add(fake, &spec, &blobs[0]);
    find(fake, "q.io/a:1", &image);
    blobs[1] = image.id;
    image_done(&image);
    for (size_t i = 0; i < 2; i++) {
        CLEANUP_FREE char *text = NULL;
        char path[BLOB_PATH_SIZE];
        size_t length = 0;

        assert_int_equal(blob_read(&fake->store, &blobs[i], 1 << 20, &text, &length, NULL), 0);
        blob_path(&blobs[i], path);
        for (size_t k = 0; k < length; k++) {
            assert_int_equal(fs_write_file(fake->store.root_fd, path, text, k, 0600, 0, NULL), 0);
            assert_int_equal(store_find_image(&fake->store, "q.io/a:1", &image, NULL),
                             -MCPD_E_CORRUPT);
        }
        fake_store_write(fake, path, text);
    }
    check_found(fake, "q.io/a:1", &blobs[0]);
}

static void test_layer_counts_must_agree(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {.name = "q.io/a:1", .layers = two_layers};
    struct digest manifest;
    char path[BLOB_PATH_SIZE];
    CLEANUP_FREE char *text = NULL;
    struct mcpd_error error = {0};
    struct image image;
    char *cut;

    fake_store_add(fake, &spec, &manifest);
    assert_int_equal(blob_read(&fake->store, &manifest, 1 << 20, &text, &(size_t){0}, NULL), 0);
    cut = strstr(text, "}, {\"mediaType\"");
    assert_non_null(cut);
    (void)snprintf(cut, 4, "}]}");
    blob_path(&manifest, path);
    fake_store_write(fake, path, text);
    assert_int_equal(store_find_image(&fake->store, "q.io/a:1", &image, &error), -MCPD_E_CORRUPT);
    assert_non_null(strstr(error.message, "the manifest has 1 layers, the config 2"));
}

static void test_load_image(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {
        .name = "q.io/a:1", .layers = one_layer, .annotations = "{\"a\": \"b\"}"};
    struct digest manifest;
    struct digest missing = fake_digest("missing");
    struct image image;

    fake_store_add(fake, &spec, &manifest);
    assert_int_equal(store_load_image(&fake->store, &manifest, &image, NULL), 0);
    assert_false(image.has_all_names);
    assert_null(image.names);
    assert_int_equal(json_object_size(image.annotations), 1);
    image_done(&image);
    assert_int_equal(store_load_image(&fake->store, &missing, &image, NULL), -MCPD_E_NOT_FOUND);
}

#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, fake_store_setup, fake_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_find_by_reference),
        TEST(test_find_never_lists),
        TEST(test_short_names_are_local_too),
        TEST(test_find_by_digest),
        TEST(test_short_names_by_their_end),
        TEST(test_ambiguous_short_name),
        TEST(test_find_by_digest_of_index),
        TEST(test_find_by_tag_of_index),
        TEST(test_find_by_id),
        TEST(test_ambiguous_prefix),
        TEST(test_same_id_twice_is_not_ambiguous),
        TEST(test_list_of_several_manifests),
        TEST(test_order_of_names),
        TEST(test_bad_names),
        TEST(test_list),
        TEST(test_damaged),
        TEST(test_truncated_anywhere),
        TEST(test_layer_counts_must_agree),
        TEST(test_load_image),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
