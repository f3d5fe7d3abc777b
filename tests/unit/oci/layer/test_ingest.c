/* test_ingest.c - layers on their way into a real store, brought by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/layer/ingest.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "oci/blobs.h"
#include "support/fake_store.h"
#include "support/layer_tar.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_LAYERS 4

/* An image of layers that exist only here. */
struct image_source {
    struct buf blobs[MAX_LAYERS]; /* compressed */
    struct descriptor descriptors[MAX_LAYERS];
    struct digest diff_ids[MAX_LAYERS];
    struct manifest manifest;
    struct imageconfig config;
};

struct place {
    struct fake_store *fake;
    struct worker_pool pool;
    int lock_fd;
    struct image_source source;
    struct ingest *ingest;
    struct mcpd_error error;
};

static const struct progress_sink silent;

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    void *fake = NULL;

    assert_non_null(place);
    assert_int_equal(fake_store_setup(&fake), 0);
    place->fake = fake;
    assert_int_equal(worker_pool_start(&place->pool, NULL), 0);
    assert_int_equal(store_lock_shared(&place->fake->store, &place->lock_fd, NULL), 0);
    place->source.manifest.layers = place->source.descriptors;
    place->source.config.diff_ids = place->source.diff_ids;
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    void *fake = place->fake;

    ingest_free(place->ingest);
    for (size_t i = 0; i < place->source.manifest.layer_count; i++)
        buf_done(&place->source.blobs[i]);
    worker_pool_done(&place->pool);
    (void)close(place->lock_fd);
    assert_int_equal(fake_store_count(place->fake, "tmp"), 0);
    assert_int_equal(fake_store_teardown(&fake), 0);
    free(place);
    return 0;
}

/* One more layer with one file; packed: gzip. */
static void add_layer(struct place *place, const char *name, const char *contents, bool packed)
{
    struct image_source *source = &place->source;
    size_t i = source->manifest.layer_count++;
    CLEANUP_LAYER_TAR struct layer_tar tar;
    struct buf *blob = &source->blobs[i];

    layer_tar_init(&tar);
    layer_tar_file(&tar, name, contents);
    layer_tar_end(&tar);
    buf_init(blob, 16u << 20);
    source->diff_ids[i] = layer_tar_digest(tar.bytes.data, tar.bytes.length);
    if (packed)
        layer_tar_gzip(tar.bytes.data, tar.bytes.length, blob);
    else
        assert_int_equal(buf_append(blob, tar.bytes.data, tar.bytes.length), 0);
    source->descriptors[i].digest = layer_tar_digest(blob->data, blob->length);
    source->descriptors[i].size = blob->length;
    source->config.diff_id_count = source->manifest.layer_count;
}

static int begin(struct place *place)
{
    ingest_free(place->ingest);
    place->ingest = NULL;
    return ingest_new(&place->fake->store, &place->pool, &place->source.manifest,
                      &place->source.config, &silent, &place->ingest, &place->error);
}

static const struct buf *blob_of(const struct place *place, const struct ingest_layer *layer)
{
    const struct descriptor *descriptor = ingest_descriptor(layer);

    for (size_t i = 0; i < place->source.manifest.layer_count; i++)
        if (digest_equal(&place->source.descriptors[i].digest, &descriptor->digest))
            return &place->source.blobs[i];
    fail_msg("a layer of nobody");
    return NULL;
}

/* Brings at most `limit` bytes of each layer, `step` at a time, until all is done, nothing more can
 * be brought, or something fails. */
static int bring(struct place *place, size_t step, uint64_t limit)
{
    for (int round = 0; round < 10000; round++) {
        struct pollfd fds[INGEST_POLL_MAX];
        bool has_brought = false;
        int timeout_ms = -1;
        size_t count;
        int rc = ingest_step(place->ingest, &place->error);

        if (rc < 0 || ingest_is_done(place->ingest))
            return rc;
        for (size_t i = 0; i < ingest_count(place->ingest); i++) {
            struct ingest_layer *layer = ingest_layer(place->ingest, i);
            const struct buf *blob = blob_of(place, layer);
            size_t at = (size_t)ingest_length(layer);
            size_t left = blob->length - at;

            if (ingest_state(layer) != INGEST_STATE_FETCHING || left == 0 || at >= limit)
                continue;
            rc = ingest_write(layer, blob->data + at, left < step ? left : step, &place->error);
            if (rc < 0)
                return rc;
            has_brought = true;
        }
        if (has_brought)
            continue;
        count = ingest_poll(place->ingest, fds, &timeout_ms);
        if (count == 0 && timeout_ms < 0)
            return 1; /* it waits for bytes */
        if (poll(fds, count, timeout_ms < 0 ? 5000 : timeout_ms) == 0 && timeout_ms < 0)
            return 1;
    }
    fail_msg("it does not end");
    return 0;
}

static void commit(struct place *place)
{
    struct digest manifest = fake_digest("manifest");
    static const char text[] =
        "{\"schemaVersion\": 2, \"mediaType\": \"" MEDIATYPE_OCI_MANIFEST "\", \"config\": "
        "{\"mediaType\": \"" MEDIATYPE_OCI_CONFIG "\", \"size\": 2, \"digest\": \"sha256:"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}, \"layers\": []}";
    struct commit_document document = {manifest, text, strlen(text)};
    const struct digest no_index = {0};
    struct reference name;

    assert_int_equal(reference_parse("localhost/x:1", &name, NULL), 0);
    if (ingest_commit(place->ingest, &document, 1, &manifest, &no_index, &name, &place->error) < 0)
        fail_msg("%s", place->error.message);
}

static void layer_has(const struct place *place, size_t index, const char *name,
                      const char *contents)
{
    char path[STORE_LAYER_PATH_SIZE];
    CLEANUP_FREE char *full = NULL;
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;

    store_layer_path(&place->source.diff_ids[index], path);
    full = str_format("%s/%s", path, name);
    assert_int_equal(fs_read_file(place->fake->store.root_fd, full, 1u << 20, &text, &length, NULL),
                     0);
    assert_string_equal(text, contents);
}

static void test_whole(void **state)
{
    struct place *place = *state;

    add_layer(place, "one", "first", true);
    add_layer(place, "two", "second", false);
    assert_int_equal(begin(place), 0);
    assert_int_equal(ingest_count(place->ingest), 2);
    assert_int_equal(ingest_missing_bytes(place->ingest),
                     place->source.blobs[0].length + place->source.blobs[1].length);
    if (bring(place, 100, UINT64_MAX) < 0)
        fail_msg("%s", place->error.message);
    /* Nothing is visible before the commit. */
    assert_false(store_has_layer(&place->fake->store, &place->source.diff_ids[0]));
    assert_false(blob_exists(&place->fake->store, &place->source.descriptors[0].digest));
    commit(place);
    layer_has(place, 0, "one", "first");
    layer_has(place, 1, "two", "second");
    assert_true(blob_exists(&place->fake->store, &place->source.descriptors[1].digest));
    /* A second time there is nothing to do. */
    assert_int_equal(begin(place), 0);
    assert_true(ingest_is_done(place->ingest));
    assert_int_equal(ingest_missing_bytes(place->ingest), 0);
    commit(place);
    assert_int_equal(fake_store_count(place->fake, "images/partial"), 0);
}

static void test_same_layer_twice(void **state)
{
    struct place *place = *state;

    add_layer(place, "one", "first", true);
    add_layer(place, "one", "first", true);
    /* The same contents, packed otherwise. */
    add_layer(place, "one", "first", false);
    assert_int_equal(begin(place), 0);
    assert_int_equal(ingest_count(place->ingest), 1);
    assert_int_equal(bring(place, 100, UINT64_MAX), 0);
    commit(place);
    layer_has(place, 0, "one", "first");
}

static void test_contradiction(void **state)
{
    struct place *place = *state;

    add_layer(place, "one", "first", true);
    add_layer(place, "one", "first", true);
    place->source.diff_ids[1] = fake_digest("other");
    assert_int_equal(begin(place), -MCPD_E_CORRUPT);
    place->source.config.diff_id_count = 1;
    assert_int_equal(begin(place), -MCPD_E_CORRUPT);
    assert_non_null(strstr(place->error.message, "layers"));
}

static void test_wrong_digest(void **state)
{
    struct place *place = *state;

    add_layer(place, "one", "first", false);
    place->source.blobs[0].data[700] ^= 1;
    assert_int_equal(begin(place), 0);
    assert_int_equal(bring(place, 100, UINT64_MAX), -MCPD_E_CORRUPT);
    assert_non_null(strstr(place->error.message, "Digest did not match"));
    ingest_free(TAKE_PTR(place->ingest));
    assert_int_equal(fake_store_count(place->fake, "images/partial"), 0);
    assert_int_equal(fake_store_count(place->fake, "layers"), 0);
}

/* The transfer is to blame, not the image, when both the stream and its digest are wrong. */
static void test_wrong_digest_of_damaged_stream(void **state)
{
    struct place *place = *state;

    add_layer(place, "one", "first", true);
    place->source.blobs[0].data[place->source.blobs[0].length - 5] ^= 1;
    assert_int_equal(begin(place), 0);
    assert_int_equal(bring(place, 10, UINT64_MAX), -MCPD_E_CORRUPT);
    assert_non_null(strstr(place->error.message, "Digest did not match"));
}

static void test_damaged_stream(void **state)
{
    struct place *place = *state;
    struct buf *blob = &place->source.blobs[0];

    add_layer(place, "one", "first", true);
    blob->data[blob->length - 5] ^= 1;
    place->source.descriptors[0].digest = layer_tar_digest(blob->data, blob->length);
    assert_int_equal(begin(place), 0);
    assert_int_equal(bring(place, 1000, UINT64_MAX), -MCPD_E_CORRUPT);
    assert_non_null(strstr(place->error.message, "gzip"));
}

static void test_wrong_diff_id(void **state)
{
    struct place *place = *state;

    add_layer(place, "one", "first", true);
    place->source.diff_ids[0] = fake_digest("other");
    assert_int_equal(begin(place), 0);
    assert_int_equal(bring(place, 1000, UINT64_MAX), -MCPD_E_CORRUPT);
    assert_non_null(strstr(place->error.message, "config says"));
}

static void test_too_long(void **state)
{
    struct place *place = *state;

    add_layer(place, "one", "first", true);
    place->source.descriptors[0].size -= 10;
    assert_int_equal(begin(place), 0);
    assert_int_equal(bring(place, 1000, UINT64_MAX), -MCPD_E_CORRUPT);
    assert_non_null(strstr(place->error.message, "larger"));
}

static void test_resume(void **state)
{
    struct place *place = *state;

    add_layer(place, "one", "first", false);
    assert_int_equal(begin(place), 0);
    assert_int_equal(bring(place, 100, 1000), 1);
    assert_int_equal(begin(place), 0);
    assert_int_equal(ingest_step(place->ingest, NULL), 0);
    assert_int_equal(ingest_length(ingest_layer(place->ingest, 0)), 1000);
    assert_int_equal(bring(place, 100, UINT64_MAX), 0);
    commit(place);
    layer_has(place, 0, "one", "first");
}

static void damage(struct place *place, size_t index, const char *name)
{
    char path[STORE_LAYER_PATH_SIZE];
    CLEANUP_FREE char *full = NULL;

    store_layer_path(&place->source.diff_ids[index], path);
    full = str_format("%s/%s", path, name);
    fake_store_write(place->fake, full, "rotten");
}

/* A damaged layer is made from its blob again and takes the place of the other. */
static void test_repair_layer(void **state)
{
    struct place *place = *state;
    struct ingest_damage lost = {.layers = &place->source.diff_ids[0], .layer_count = 1};

    if (geteuid() != 0)
        skip(); /* the layer belongs to the user namespace */
    add_layer(place, "one", "first", true);
    add_layer(place, "two", "second", true);
    assert_int_equal(begin(place), 0);
    assert_int_equal(bring(place, 100, UINT64_MAX), 0);
    commit(place);
    damage(place, 0, "one");
    damage(place, 1, "two");
    assert_int_equal(begin(place), 0);
    ingest_mark_damage(place->ingest, &lost);
    assert_false(ingest_is_done(place->ingest));
    assert_int_equal(bring(place, 100, 0), 0); /* no byte is asked for */
    layer_has(place, 0, "one", "rotten");
    commit(place);
    layer_has(place, 0, "one", "first");
    layer_has(place, 1, "two", "rotten");
}

/* A blob that is gone comes back, and the layer that is good stays as it is. */
static void test_repair_blob(void **state)
{
    struct place *place = *state;
    struct ingest_damage lost = {.blob_count = 1};

    add_layer(place, "one", "first", true);
    assert_int_equal(begin(place), 0);
    assert_int_equal(bring(place, 100, UINT64_MAX), 0);
    commit(place);
    lost.blobs = &place->source.descriptors[0].digest;
    assert_int_equal(unlinkat(place->fake->store.blobs_fd, digest_hex(lost.blobs), 0), 0);
    assert_int_equal(begin(place), 0);
    assert_true(ingest_is_done(place->ingest));
    ingest_mark_damage(place->ingest, &lost);
    assert_int_equal(bring(place, 10, 50), 1);
    assert_int_equal(bring(place, 10, UINT64_MAX), 0);
    assert_int_equal(fake_store_count(place->fake, "tmp"), 0); /* nobody unpacks */
    commit(place);
    assert_true(blob_exists(&place->fake->store, lost.blobs));
    assert_int_equal(fake_store_count(place->fake, "images/partial"), 0);
    /* Somebody else has brought it. */
    assert_int_equal(begin(place), 0);
    ingest_mark_damage(place->ingest, &lost);
    assert_int_equal(bring(place, 10, 0), 0);
    commit(place);
}

static char *partial_path(const struct place *place)
{
    return str_format("images/partial/%s", digest_hex(&place->source.descriptors[0].digest));
}

/* What an earlier attempt left is wrong: begun again, once, and then it is right. */
static void test_bad_partial(void **state)
{
    struct place *place = *state;
    CLEANUP_FREE char *path = NULL;

    add_layer(place, "one", "first", false);
    path = partial_path(place);
    fake_store_write(place->fake, path, "these are not the bytes");
    assert_int_equal(begin(place), 0);
    if (bring(place, 100, UINT64_MAX) < 0)
        fail_msg("%s", place->error.message);
    commit(place);
    layer_has(place, 0, "one", "first");
}

static void test_long_partial(void **state)
{
    struct place *place = *state;
    CLEANUP_FREE char *path = NULL;
    CLEANUP_FREE char *text = calloc(1, 5001);

    memset(text, 'x', 5000);
    add_layer(place, "one", "first", false);
    path = partial_path(place);
    fake_store_write(place->fake, path, text);
    assert_int_equal(begin(place), 0);
    assert_int_equal(bring(place, 100, UINT64_MAX), 0);
}

/* The blob is in the store, its layer is not: unpacked without fetching, unless it is damaged. */
static void test_stored_blob(void **state)
{
    struct place *place = *state;
    char path[BLOB_PATH_SIZE];
    CLEANUP_FD int fd = -1;

    add_layer(place, "one", "first", false);
    blob_path(&place->source.descriptors[0].digest, path);
    fake_store_write(place->fake, path, "");
    fd = openat(place->fake->store.root_fd, path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(
        fs_write_all(fd, place->source.blobs[0].data, place->source.blobs[0].length, "blob", NULL),
        0);
    assert_int_equal(begin(place), 0);
    assert_int_equal(bring(place, 100, 0), 0);
    commit(place);
    layer_has(place, 0, "one", "first");
}

static void test_damaged_stored_blob(void **state)
{
    struct place *place = *state;
    char path[BLOB_PATH_SIZE];

    add_layer(place, "one", "first", false);
    blob_path(&place->source.descriptors[0].digest, path);
    fake_store_write(place->fake, path, "rotten");
    assert_int_equal(begin(place), 0);
    if (bring(place, 100, UINT64_MAX) < 0)
        fail_msg("%s", place->error.message);
    commit(place);
    layer_has(place, 0, "one", "first");
}

/* Two pulls with a common layer: the second waits for the first and brings nothing. */
static void test_two_at_once(void **state)
{
    struct place *place = *state;
    CLEANUP_INGEST struct ingest *second = NULL;
    struct pollfd fds[INGEST_POLL_MAX];
    int timeout_ms = -1;

    add_layer(place, "one", "first", true);
    add_layer(place, "two", "second", true);
    assert_int_equal(begin(place), 0);
    assert_int_equal(ingest_step(place->ingest, NULL), 0);
    assert_int_equal(ingest_new(&place->fake->store, &place->pool, &place->source.manifest,
                                &place->source.config, &silent, &second, NULL),
                     0);
    assert_int_equal(ingest_step(second, NULL), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(ingest_state(ingest_layer(second, i)), INGEST_STATE_WAITING);
    assert_int_equal(ingest_poll(second, fds, &timeout_ms), 0);
    assert_true(timeout_ms > 0);
    assert_int_equal(bring(place, 1000, UINT64_MAX), 0);
    assert_int_equal(ingest_step(second, NULL), 0);
    assert_false(ingest_is_done(second));
    commit(place);
    ingest_free(TAKE_PTR(place->ingest));
    assert_int_equal(ingest_step(second, NULL), 0);
    assert_true(ingest_is_done(second));
    assert_int_equal(fake_store_count(place->fake, "images/partial"), 0);
}

/* The first one gives up: the second takes over where it was. */
static void test_taken_over(void **state)
{
    struct place *place = *state;
    struct ingest *first;

    add_layer(place, "one", "first", false);
    assert_int_equal(begin(place), 0);
    assert_int_equal(bring(place, 100, 500), 1);
    first = TAKE_PTR(place->ingest);
    assert_int_equal(begin(place), 0);
    assert_int_equal(ingest_step(place->ingest, NULL), 0);
    assert_int_equal(ingest_state(ingest_layer(place->ingest, 0)), INGEST_STATE_WAITING);
    ingest_free(first);
    assert_int_equal(ingest_step(place->ingest, NULL), 0);
    assert_int_equal(ingest_length(ingest_layer(place->ingest, 0)), 500);
    assert_int_equal(bring(place, 100, UINT64_MAX), 0);
}

static void test_implied_folder(void **state)
{
    struct place *place = *state;
    struct image_source *source = &place->source;
    CLEANUP_LAYER_TAR struct layer_tar tar;
    char path[STORE_LAYER_PATH_SIZE + 8];
    struct stat st;

    layer_tar_init(&tar);
    layer_tar_add(&tar, &(struct layer_tar_entry){.type = '5', .name = "tmp", .mode = 01777});
    layer_tar_end(&tar);
    source->manifest.layer_count = 1;
    buf_init(&source->blobs[0], 1u << 20);
    assert_int_equal(buf_append(&source->blobs[0], tar.bytes.data, tar.bytes.length), 0);
    source->diff_ids[0] = layer_tar_digest(tar.bytes.data, tar.bytes.length);
    source->descriptors[0].digest = source->diff_ids[0];
    source->descriptors[0].size = tar.bytes.length;
    add_layer(place, "tmp/x", "sloppy", false);
    assert_int_equal(begin(place), 0);
    assert_int_equal(bring(place, 1000, UINT64_MAX), 0);
    commit(place);
    layer_has(place, 1, "tmp/x", "sloppy");
    store_layer_path(&source->diff_ids[1], path);
    (void)strncat(path, "/tmp", 5);
    assert_int_equal(fstatat(place->fake->store.root_fd, path, &st, 0), 0);
    assert_int_equal(st.st_mode, S_IFDIR | 01777);
    assert_int_equal(st.st_mtime, 1600000000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_whole),
        TEST(test_same_layer_twice),
        TEST(test_contradiction),
        TEST(test_wrong_digest),
        TEST(test_wrong_digest_of_damaged_stream),
        TEST(test_damaged_stream),
        TEST(test_wrong_diff_id),
        TEST(test_too_long),
        TEST(test_resume),
        TEST(test_repair_layer),
        TEST(test_repair_blob),
        TEST(test_bad_partial),
        TEST(test_long_partial),
        TEST(test_stored_blob),
        TEST(test_damaged_stored_blob),
        TEST(test_two_at_once),
        TEST(test_taken_over),
        TEST(test_implied_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
