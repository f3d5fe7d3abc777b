/* test_gc.c - what is needed stays, the rest goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/store.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "oci/blobs.h"
#include "oci/copies.h"
#include "oci/partials.h"
#include "oci/tags.h"
#include "support/fake_store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static const char *const shared_layers[] = {"base", "top", NULL};
static const char *const other_layers[] = {"base", "other", NULL};

static uint64_t collect(struct fake_store *fake, const struct digest *used, size_t count)
{
    CLEANUP_FD int lock = -1;
    struct mcpd_error error = {0};
    uint64_t freed = 0;

    assert_int_equal(store_lock_exclusive(&fake->store, -1, &lock, NULL), 0);
    if (store_collect(&fake->store, lock, used, count, &freed, &error) < 0)
        fail_msg("%s", error.message);
    return freed;
}

/* What a file of a few bytes takes on this disk. */
static uint64_t small_file_bytes(struct fake_store *fake)
{
    struct stat st;

    fake_store_write(fake, "small", "small");
    assert_int_equal(fstatat(fake->store.root_fd, "small", &st, 0), 0);
    assert_int_equal(unlinkat(fake->store.root_fd, "small", 0), 0);
    return fs_disk_bytes(&st);
}

static void add(struct fake_store *fake, const char *name, const char *const *layers,
                struct digest *manifest)
{
    struct fake_image spec = {.name = name, .layers = layers};

    fake_store_add(fake, &spec, manifest);
}

static bool has_layer(struct fake_store *fake, const char *seed)
{
    struct digest diff_id = fake_digest(seed);

    return store_has_layer(&fake->store, &diff_id);
}

static void test_nothing_to_do(void **state)
{
    struct fake_store *fake = *state;
    struct image image;

    assert_int_equal(collect(fake, NULL, 0), 0);
    add(fake, "q.io/a:1", shared_layers, NULL);
    add(fake, NULL, other_layers, NULL);
    assert_int_equal(collect(fake, NULL, 0), 0);
    assert_int_equal(fake_store_count(fake, "images/blobs/sha256"), 7);
    assert_int_equal(fake_store_count(fake, "layers"), 3);
    assert_int_equal(store_find_image(&fake->store, "q.io/a:1", &image, NULL), 0);
    image_done(&image);
    assert_null(fake->warnings);
}

static void test_removed_image_goes_shared_layers_stay(void **state)
{
    struct fake_store *fake = *state;
    struct digest manifest;
    uint64_t freed;

    add(fake, "q.io/a:1", shared_layers, &manifest);
    add(fake, "q.io/b:1", other_layers, NULL);
    fake_store_remove(fake, &manifest);
    freed = collect(fake, NULL, 0);
    assert_true(freed > 1000 + 10); /* one layer, one blob, two documents */
    assert_true(has_layer(fake, "base"));
    assert_true(has_layer(fake, "other"));
    assert_false(has_layer(fake, "top"));
    assert_int_equal(fake_store_count(fake, "images/blobs/sha256"), 4);
    assert_int_equal(fake_store_count(fake, "tmp"), 0);
    assert_int_equal(collect(fake, NULL, 0), 0);
}

/* With the name that was pulled by it, and with no other. */
static void test_index_stays_with_its_name(void **state)
{
    struct fake_store *fake = *state;
    struct digest index = fake_digest("index");
    struct fake_image spec = {.name = "q.io/a:index", .layers = shared_layers, .index = "index"};
    struct reference name;
    bool was_last = true;

    fake_store_add(fake, &spec, NULL);
    spec = (struct fake_image){.name = "q.io/a:plain", .layers = shared_layers};
    fake_store_add(fake, &spec, NULL);
    assert_int_equal(collect(fake, NULL, 0), 0);
    assert_true(blob_exists(&fake->store, &index));
    assert_int_equal(reference_parse("q.io/a:index", &name, NULL), 0);
    assert_int_equal(store_untag(&fake->store, &name, &was_last, NULL), 0);
    assert_false(was_last);
    assert_int_equal(collect(fake, NULL, 0), small_file_bytes(fake));
    assert_false(blob_exists(&fake->store, &index));
    assert_null(fake->warnings);
}

static void test_layers_of_containers_stay(void **state)
{
    struct fake_store *fake = *state;
    struct digest used[] = {fake_digest("top"), fake_digest("base"), fake_digest("top")};
    struct digest manifest;

    add(fake, "q.io/a:1", shared_layers, &manifest);
    add(fake, "q.io/b:1", other_layers, NULL);
    fake_store_remove(fake, &manifest);
    (void)collect(fake, used, 3);
    assert_true(has_layer(fake, "top"));
    assert_true(has_layer(fake, "base"));
    (void)collect(fake, NULL, 0);
    assert_false(has_layer(fake, "top"));
}

static void test_everything_goes(void **state)
{
    struct fake_store *fake = *state;
    struct digest manifest;

    add(fake, "q.io/a:1", shared_layers, &manifest);
    fake_store_remove(fake, &manifest);
    (void)collect(fake, NULL, 0);
    assert_int_equal(fake_store_count(fake, "images/blobs/sha256"), 0);
    assert_int_equal(fake_store_count(fake, "layers"), 0);
    assert_int_equal(fake_store_count(fake, "images/tags"), 1); /* its lock file */
}

/* Compressed blobs may be dropped (image trim); that is no damage. */
static void test_missing_layer_blobs_are_fine(void **state)
{
    struct fake_store *fake = *state;
    struct digest blob = fake_digest("top.tar");
    char path[BLOB_PATH_SIZE];

    add(fake, "q.io/a:1", shared_layers, NULL);
    blob_path(&blob, path);
    assert_int_equal(unlinkat(fake->store.root_fd, path, 0), 0);
    assert_int_equal(collect(fake, NULL, 0), 0);
    assert_true(has_layer(fake, "top"));
    assert_null(fake->warnings);
}

static void remember_form(struct fake_store *fake, const char *blob)
{
    const struct digest diff_id = fake_digest("top");
    const struct copy copy = {.digest = fake_digest(blob), .size = 1};

    assert_int_equal(copies_add(&fake->store, &diff_id, &copy, NULL), 0);
}

/* What the layer came in stays for as long as there is an image that has nothing else. */
static void test_other_forms(void **state)
{
    struct fake_store *fake = *state;
    struct digest own = fake_digest("top.tar"), other = fake_digest("top.other");
    struct digest manifest;
    char path[BLOB_PATH_SIZE], other_path[BLOB_PATH_SIZE];

    add(fake, "q.io/a:1", shared_layers, &manifest);
    blob_path(&other, other_path);
    fake_store_write(fake, other_path, "form");
    remember_form(fake, "top.tar");
    remember_form(fake, "top.other");
    blob_path(&own, path);
    assert_int_equal(unlinkat(fake->store.root_fd, path, 0), 0);
    assert_int_equal(collect(fake, NULL, 0), 0);
    assert_true(blob_exists(&fake->store, &other));
    fake_store_write(fake, path, "own");
    assert_int_equal(collect(fake, NULL, 0), small_file_bytes(fake));
    assert_false(blob_exists(&fake->store, &other));
    fake_store_write(fake, other_path, "form");
    assert_int_equal(unlinkat(fake->store.root_fd, path, 0), 0);
    fake_store_remove(fake, &manifest);
    (void)collect(fake, NULL, 0);
    assert_int_equal(fake_store_count(fake, "images/blobs/sha256"), 0);
}

static void test_damaged_image_harms_itself_alone(void **state)
{
    struct fake_store *fake = *state;
    struct digest manifest;
    char path[BLOB_PATH_SIZE];
    struct image image;

    add(fake, "q.io/bad:1", shared_layers, &manifest);
    add(fake, "q.io/good:1", other_layers, NULL);
    blob_path(&manifest, path);
    fake_store_write(fake, path, "{");
    (void)collect(fake, NULL, 0);
    assert_true(fake_store_warned(fake, "q.io/bad:1"));
    assert_false(has_layer(fake, "top"));
    assert_true(blob_exists(&fake->store, &manifest));
    assert_int_equal(store_find_image(&fake->store, "q.io/good:1", &image, NULL), 0);
    image_done(&image);
}

/* What can still be read of it is kept: its blobs are named by the manifest. */
static void test_lost_config_keeps_blobs(void **state)
{
    struct fake_store *fake = *state;
    struct digest blob = fake_digest("top.tar");
    struct image image;
    char path[BLOB_PATH_SIZE];

    add(fake, "q.io/a:1", shared_layers, NULL);
    assert_int_equal(store_find_image(&fake->store, "q.io/a:1", &image, NULL), 0);
    blob_path(&image.id, path);
    image_done(&image);
    assert_int_equal(unlinkat(fake->store.root_fd, path, 0), 0);
    (void)collect(fake, NULL, 0);
    assert_true(fake_store_warned(fake, "q.io/a:1"));
    assert_true(blob_exists(&fake->store, &blob));
}

static void age(struct fake_store *fake, const char *path, time_t seconds)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) - seconds}};

    assert_int_equal(utimensat(fake->store.root_fd, path, times, 0), 0);
}

static int truncate_below(const struct fake_store *fake, const char *path, off_t length)
{
    CLEANUP_FD int fd = openat(fake->store.root_fd, path, O_WRONLY | O_CLOEXEC);
    struct stat st;
    int rc;

    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    rc = ftruncate(fd, length);
    assert_int_equal(futimens(fd, (struct timespec[]){st.st_atim, st.st_mtim}), 0);
    return rc;
}

static void test_partials(void **state)
{
    struct fake_store *fake = *state;
    struct digest old = fake_digest("old");
    struct digest fresh = fake_digest("fresh");
    struct digest busy = fake_digest("busy");
    char path[BLOB_PATH_SIZE];
    uint64_t length;
    int fd = -1;

    (void)snprintf(path, sizeof(path), "images/partial/%s", digest_hex(&fresh));
    fake_store_write(fake, path, "fresh");
    (void)snprintf(path, sizeof(path), "images/partial/%s", digest_hex(&old));
    fake_store_write(fake, path, "old");
    age(fake, path, (time_t)8 * 24 * 3600);
    assert_int_equal(blob_partial_open(&fake->store, &busy, 0, &fd, &length, NULL), 0);
    (void)snprintf(path, sizeof(path), "images/partial/%s", digest_hex(&busy));
    age(fake, path, (time_t)8 * 24 * 3600);
    assert_int_equal(collect(fake, NULL, 0), 3);
    assert_int_equal(fake_store_count(fake, "images/partial"), 2);
    (void)close(fd);
    assert_int_equal(collect(fake, NULL, 0), 0);
    assert_int_equal(fake_store_count(fake, "images/partial"), 1);
}

/* Together at most a tenth of the file system; holes count, so that a test can be that large. */
static void test_partials_beyond_the_limit(void **state)
{
    struct fake_store *fake = *state;
    static const char *const seeds[] = {"newest", "empty", "older", "oldest"};
    char path[BLOB_PATH_SIZE];
    struct statvfs fs;
    uint64_t share;

    assert_int_equal(fstatvfs(fake->store.partial_fd, &fs), 0);
    share = (uint64_t)fs.f_blocks * fs.f_frsize / PARTIALS_MAX_SHARE;
    for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
        struct digest digest = fake_digest(seeds[i]);

        (void)snprintf(path, sizeof(path), "images/partial/%s", digest_hex(&digest));
        fake_store_write(fake, path, "");
        age(fake, path, (time_t)(i * 1000));
        if (strcmp(seeds[i], "empty") == 0 ||
            truncate_below(fake, path, (off_t)(share / 5 * (i == 0 ? 3 : 4))) == 0)
            continue;
        skip(); /* a file system without holes */
    }
    (void)collect(fake, NULL, 0);
    assert_int_equal(fake_store_count(fake, "images/partial"), 1);
    (void)snprintf(path, sizeof(path), "images/partial/%s",
                   digest_hex(&(struct digest[]){fake_digest("newest")}[0]));
    assert_true(fs_exists(fake->store.root_fd, path));
}

static void test_left_overs_and_strangers(void **state)
{
    struct fake_store *fake = *state;

    fake_store_write(fake, "images/blobs/sha256/.tmp-0123456789abcdef", "half a write");
    fake_store_write(fake, "images/tags/.tmp-0123456789abcdef", "half a write");
    fake_store_write(fake, "images/blobs/sha256/README", "not ours");
    fake_store_write(fake, "layers/notes", "not ours");
    assert_int_equal(fs_make_dirs(fake->store.tmp_fd, "dead/fs", 0700, NULL, NULL), 0);
    assert_int_equal(collect(fake, NULL, 0), 2 * small_file_bytes(fake));
    assert_int_equal(fake_store_count(fake, "images/blobs/sha256"), 1);
    assert_int_equal(fake_store_count(fake, "images/tags"), 1);
    assert_int_equal(fake_store_count(fake, "layers"), 1);
    assert_int_equal(fake_store_count(fake, "tmp"), 0);
    assert_true(fake_store_warned(fake, "README"));
    assert_true(fake_store_warned(fake, "notes"));
}

/* A layer without its description (a cut in the middle of a delete by hand) goes too. */
static void test_damaged_layer_goes(void **state)
{
    struct fake_store *fake = *state;
    struct digest diff_id = fake_digest("torn");
    char path[STORE_LAYER_PATH_SIZE];

    store_layer_path(&diff_id, path);
    assert_int_equal(fs_make_dirs(fake->store.root_fd, path, 0700, NULL, NULL), 0);
    assert_int_equal(collect(fake, NULL, 0), 0);
    assert_int_equal(fake_store_count(fake, "layers"), 0);
}

static void test_needs_the_lock(void **state)
{
    struct fake_store *fake = *state;
    uint64_t freed = 77;

    assert_int_equal(store_collect(&fake->store, -1, NULL, 0, &freed, NULL), -MCPD_E_INTERNAL);
    assert_int_equal(freed, 77);
}

#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, fake_store_setup, fake_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_to_do),
        TEST(test_removed_image_goes_shared_layers_stay),
        TEST(test_index_stays_with_its_name),
        TEST(test_layers_of_containers_stay),
        TEST(test_everything_goes),
        TEST(test_missing_layer_blobs_are_fine),
        TEST(test_other_forms),
        TEST(test_damaged_image_harms_itself_alone),
        TEST(test_lost_config_keeps_blobs),
        TEST(test_partials),
        TEST(test_partials_beyond_the_limit),
        TEST(test_left_overs_and_strangers),
        TEST(test_damaged_layer_goes),
        TEST(test_needs_the_lock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
