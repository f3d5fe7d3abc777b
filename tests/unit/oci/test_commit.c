/* test_commit.c - blobs, layers and the way of an image into the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/commit.h"

#include "base/fsutil.h"
#include "oci/blobs.h"
#include "oci/layers.h"
#include "oci/storetmp.h"
#include "support/fake_store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const two_layers[] = {"base", "top", NULL};

/* ---------------------------------------------------------------- blobs */

static void test_blob_read(void **state)
{
    struct fake_store *fake = *state;
    struct digest digest = fake_digest("blob");
    char path[BLOB_PATH_SIZE];
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    struct mcpd_error error = {0};

    assert_false(blob_exists(&fake->store, &digest));
    assert_int_equal(blob_read(&fake->store, &digest, 100, &text, &length, &error),
                     -MCPD_E_NOT_FOUND);
    assert_non_null(strstr(error.message, digest.text));
    blob_path(&digest, path);
    fake_store_write(fake, path, "hello");
    assert_true(blob_exists(&fake->store, &digest));
    assert_int_equal(blob_read(&fake->store, &digest, 4, &text, &length, NULL), -MCPD_E_LIMIT);
    assert_int_equal(blob_read(&fake->store, &digest, 5, &text, &length, NULL), 0);
    assert_string_equal(text, "hello");
    assert_int_equal(length, 5);
}

static void test_blob_open(void **state)
{
    struct fake_store *fake = *state;
    struct digest digest = fake_digest("blob");
    char path[BLOB_PATH_SIZE];
    uint64_t bytes = 0;
    int fd = -1;

    blob_path(&digest, path);
    fake_store_write(fake, path, "hello");
    assert_int_equal(blob_open(&fake->store, &digest, &fd, &bytes, NULL), 0);
    assert_int_equal(bytes, 5);
    (void)close(fd);
    assert_int_equal(unlinkat(fake->store.root_fd, path, 0), 0);
    assert_int_equal(fs_make_dirs(fake->store.root_fd, path, 0700, NULL, NULL), 0);
    assert_int_equal(blob_open(&fake->store, &digest, &fd, &bytes, NULL), -MCPD_E_CORRUPT);
    assert_int_equal(unlinkat(fake->store.root_fd, path, AT_REMOVEDIR), 0);
    assert_int_equal(symlinkat("/etc/passwd", fake->store.root_fd, path), 0);
    assert_true(blob_open(&fake->store, &digest, &fd, &bytes, NULL) < 0);
}

static void test_partial(void **state)
{
    struct fake_store *fake = *state;
    struct digest digest = fake_digest("blob");
    const char *hex = digest_hex(&digest);
    uint64_t length = 99;
    int second = -1;
    int fd = -1;

    assert_int_equal(blob_partial_open(&fake->store, &digest, 0, &fd, &length, NULL), 0);
    assert_int_equal(length, 0);
    assert_int_equal(fs_write_all(fd, "half", 4, "x", NULL), 0);
    assert_int_equal(blob_partial_open(&fake->store, &digest, 10, &second, &length, NULL),
                     -MCPD_E_TIMEOUT);
    (void)close(fd);
    assert_int_equal(blob_partial_open(&fake->store, &digest, 0, &fd, &length, NULL), 0);
    assert_int_equal(length, 4);
    assert_int_equal(blob_publish(&fake->store, fake->store.partial_fd, hex, &digest, NULL), 0);
    (void)close(fd);
    assert_int_equal(blob_partial_open(&fake->store, &digest, 0, &fd, &length, NULL), 0);
    assert_int_equal(fd, -1);
    assert_int_equal(fake_store_count(fake, "images/partial"), 0);
    assert_int_equal(blob_partial_remove(&fake->store, &digest, NULL), 0);
}

/* ---------------------------------------------------------------- layers */

static void make_layer(struct fake_store *fake, const char *content, struct storetmp *tmp)
{
    struct digest diff_id = fake_digest("layer");

    assert_int_equal(storetmp_create(&fake->store, "layer", tmp, NULL), 0);
    assert_int_equal(fs_make_dir(tmp->dir_fd, "fs", 0755, NULL, NULL), 0);
    assert_int_equal(fs_write_file(tmp->dir_fd, "fs/x", content, strlen(content), 0644, 0, NULL),
                     0);
    assert_int_equal(layers_describe(&fake->store, tmp->name, &diff_id,
                                     &(struct layer_sizes){4711, 8192, 10240}, NULL),
                     0);
}

static void check_layer(struct fake_store *fake, const char *content)
{
    struct layer_sizes sizes;
    struct digest diff_id = fake_digest("layer");
    char path[STORE_LAYER_PATH_SIZE];
    char file[STORE_LAYER_PATH_SIZE + 8];
    CLEANUP_FREE char *text = NULL;
    uint64_t bytes = 0;

    store_layer_path(&diff_id, path);
    (void)snprintf(file, sizeof(file), "%s/x", path);
    assert_int_equal(fs_read_file(fake->store.root_fd, file, 100, &text, NULL, NULL), 0);
    assert_string_equal(text, content);
    assert_true(store_has_layer(&fake->store, &diff_id));
    assert_int_equal(store_layer_bytes(&fake->store, &diff_id, &bytes, NULL), 0);
    assert_int_equal(bytes, 4711);
    assert_int_equal(store_layer_sizes(&fake->store, &diff_id, &sizes, NULL), 0);
    assert_int_equal(sizes.tar_bytes, 10240);
}

static void test_layer_publish(void **state)
{
    struct fake_store *fake = *state;
    struct digest diff_id = fake_digest("layer");
    struct storetmp first;
    struct storetmp second;

    assert_false(store_has_layer(&fake->store, &diff_id));
    make_layer(fake, "first", &first);
    make_layer(fake, "second", &second);
    assert_int_equal(layers_publish(&fake->store, first.name, &diff_id, false, NULL), 0);
    assert_int_equal(layers_publish(&fake->store, second.name, &diff_id, false, NULL), 0);
    storetmp_done(&first);
    storetmp_done(&second);
    check_layer(fake, "first");
    assert_int_equal(fake_store_count(fake, "tmp"), 0);
    assert_int_equal(layers_remove(&fake->store, &diff_id, NULL), 0);
    assert_false(store_has_layer(&fake->store, &diff_id));
    assert_int_equal(layers_remove(&fake->store, &diff_id, NULL), 0);
    assert_int_equal(fake_store_count(fake, "tmp"), 0);
}

static void test_layer_replaces_damage(void **state)
{
    struct fake_store *fake = *state;
    struct digest diff_id = fake_digest("layer");
    char path[STORE_LAYER_PATH_SIZE];
    struct storetmp tmp;

    store_layer_path(&diff_id, path);
    assert_int_equal(fs_make_dirs(fake->store.root_fd, path, 0700, NULL, NULL), 0);
    assert_false(store_has_layer(&fake->store, &diff_id));
    make_layer(fake, "whole", &tmp);
    assert_int_equal(layers_publish(&fake->store, tmp.name, &diff_id, false, NULL), 0);
    storetmp_done(&tmp);
    check_layer(fake, "whole");
    assert_int_equal(fake_store_count(fake, "tmp"), 0);
}

static void test_layer_bytes_damaged(void **state)
{
    struct fake_store *fake = *state;
    struct digest diff_id = fake_digest("layer");
    char path[STORE_LAYER_PATH_SIZE + 16];
    struct mcpd_error error = {0};
    uint64_t bytes;

    assert_int_equal(store_layer_bytes(&fake->store, &diff_id, &bytes, &error), -MCPD_E_NOT_FOUND);
    (void)snprintf(path, sizeof(path), "layers/%s", digest_hex(&diff_id));
    assert_int_equal(fs_make_dirs(fake->store.root_fd, path, 0700, NULL, NULL), 0);
    (void)snprintf(path, sizeof(path), "layers/%s/layer.json", digest_hex(&diff_id));
    fake_store_write(fake, path, "{\"bytes\": -5}");
    assert_int_equal(store_layer_bytes(&fake->store, &diff_id, &bytes, &error), -MCPD_E_CORRUPT);
}

/* ---------------------------------------------------------------- commit */

static void test_commit(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {.name = "q.io/a:1", .layers = two_layers};
    struct digest manifest;
    struct image image;

    fake_store_add(fake, &spec, &manifest);
    assert_int_equal(fake_store_count(fake, "tmp"), 0);
    assert_int_equal(fake_store_count(fake, "images/partial"), 0);
    assert_int_equal(fake_store_count(fake, "images/blobs/sha256"), 4);
    assert_int_equal(fake_store_count(fake, "layers"), 2);
    assert_int_equal(store_find_image(&fake->store, "q.io/a:1", &image, NULL), 0);
    assert_true(digest_equal(&image.manifest_digest, &manifest));
    image_done(&image);
    fake_store_add(fake, &spec, &manifest); /* once more changes nothing */
    assert_int_equal(fake_store_count(fake, "images/blobs/sha256"), 4);
    assert_int_equal(fake_store_count(fake, "tmp"), 0);
}

static void test_commit_mends_a_truncated_document(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {.name = "q.io/a:1", .layers = two_layers};
    char path[BLOB_PATH_SIZE];
    struct digest manifest;
    struct image image;

    fake_store_add(fake, &spec, &manifest);
    blob_path(&manifest, path);
    fake_store_write(fake, path, "{\"schema");
    assert_int_equal(store_find_image(&fake->store, "q.io/a:1", &image, NULL), -MCPD_E_CORRUPT);
    fake_store_add(fake, &spec, NULL);
    assert_int_equal(store_find_image(&fake->store, "q.io/a:1", &image, NULL), 0);
    image_done(&image);
}

/* A piece is missing: nothing gets a name. */
static void test_commit_fails_whole(void **state)
{
    struct fake_store *fake = *state;
    struct digest missing = fake_digest("never downloaded");
    struct commit_layer layer = {.tmp_name = "nosuch", .diff_id = missing};
    struct commit_document document = {fake_digest("m"), "{}", 2};
    struct reference name;
    struct commit commit = {.partials = &missing,
                            .partial_count = 1,
                            .documents = &document,
                            .document_count = 1,
                            .manifest_digest = document.digest,
                            .name = &name};
    struct mcpd_error error = {0};

    assert_int_equal(reference_parse("q.io/a:1", &name, NULL), 0);
    assert_int_equal(store_commit(&fake->store, &commit, &error), -MCPD_E_NOT_FOUND);
    commit.partial_count = 0;
    commit.layers = &layer;
    commit.layer_count = 1;
    assert_int_equal(store_commit(&fake->store, &commit, &error), -MCPD_E_NOT_FOUND);
    assert_int_equal(fake_store_count(fake, "images/tags"), 0);
    assert_int_equal(fake_store_count(fake, "images/blobs/sha256"), 0);
    assert_int_equal(fake_store_count(fake, "tmp"), 0);
}

/* Four processes bring the same image at the same time, twenty times, while one lists. */
static void test_concurrent_publish(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {.name = "q.io/a:1", .layers = two_layers};
    struct image *images = NULL;
    pid_t children[4];
    size_t count = 0;

    for (size_t i = 0; i < 4; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] > 0)
            continue;
        for (int round = 0; round < 20; round++) {
            struct storetmp layer;
            struct digest diff_id = fake_digest("layer");
            struct digest blob = fake_digest("blob");
            struct commit_layer layers[] = {
                {.tmp_name = layer.name, .diff_id = diff_id, .sizes = {4711, 8192, 10240}}};
            struct commit_document documents[] = {{blob, "{}", 2}};
            struct commit commit = {.layers = layers,
                                    .layer_count = 1,
                                    .documents = documents,
                                    .document_count = 1,
                                    .manifest_digest = blob};
            int rc;

            make_layer(fake, "x", &layer);
            rc = store_commit(&fake->store, &commit, NULL);
            storetmp_done(&layer);
            if (rc < 0 || !store_has_layer(&fake->store, &diff_id))
                _exit(1);
        }
        _exit(0);
    }
    fake_store_add(fake, &spec, NULL);
    for (size_t i = 0; i < 4; i++) {
        int status = -1;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    check_layer(fake, "x");
    assert_int_equal(fake_store_count(fake, "tmp"), 0);
    assert_int_equal(store_list_images(&fake->store, &images, &count, NULL), 0);
    assert_int_equal(count, 1); /* the other one is "{}", and only a warning */
    assert_true(fake_store_warned(fake, "@sha256:"));
    store_free_images(images, count);
}

#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, fake_store_setup, fake_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_blob_read),
        TEST(test_blob_open),
        TEST(test_partial),
        TEST(test_layer_publish),
        TEST(test_layer_replaces_damage),
        TEST(test_layer_bytes_damaged),
        TEST(test_commit),
        TEST(test_commit_mends_a_truncated_document),
        TEST(test_commit_fails_whole),
        TEST(test_concurrent_publish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
