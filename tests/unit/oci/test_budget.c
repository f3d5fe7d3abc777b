/* test_budget.c - what goes first, what stays, and what cannot fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/budget.h"

#include "base/str.h"
#include "oci/blobs.h"
#include "oci/copies.h"
#include "support/fake_store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* Three images, the first one not used for the longest time. Layers take 1000 bytes each. */
static const char *const layers[][3] = {{"base", "one"}, {"base", "two"}, {"base", "three"}};
static const char *const names[] = {"q.io/one:1", "q.io/two:1", "q.io/three:1"};

struct images {
    struct image list[3];
};

static void images_done(struct images *images)
{
    for (size_t i = 0; i < ARRAY_SIZE(images->list); i++)
        image_done(&images->list[i]);
}

static void add_images(struct fake_store *fake, struct images *images)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const struct fake_image spec = {.name = names[i], .layers = layers[i]};
        const struct timespec times[] = {{.tv_nsec = UTIME_OMIT},
                                         {.tv_sec = time(NULL) - 1000 + (time_t)(i * 100)}};
        struct digest manifest;

        fake_store_add(fake, &spec, &manifest);
        assert_int_equal(store_load_image(&fake->store, &manifest, &images->list[i], NULL), 0);
        assert_int_equal(utimensat(fake->store.blobs_fd, digest_hex(&images->list[i].id), times, 0),
                         0);
    }
}

/* The compressed form of a layer lies here; repository NULL: no registry has it. */
static void add_blob(struct fake_store *fake, const char *layer, const char *repository)
{
    CLEANUP_FREE char *seed = str_format("%s.tar", layer);
    CLEANUP_FREE char *name = repository ? strdup(repository) : NULL;
    char *repositories[] = {name, NULL};
    const struct digest diff_id = fake_digest(layer);
    const struct copy copy = {
        .digest = fake_digest(seed), .size = 10, .repositories = repositories};
    char path[BLOB_PATH_SIZE];

    blob_path(&copy.digest, path);
    fake_store_write(fake, path, "compressed");
    assert_int_equal(copies_add(&fake->store, &diff_id, &copy, NULL), 0);
}

static bool has_blob(struct fake_store *fake, const char *layer)
{
    CLEANUP_FREE char *seed = str_format("%s.tar", layer);
    const struct digest digest = fake_digest(seed);

    return blob_exists(&fake->store, &digest);
}

static void count_evicted(void *context, const struct usage_image *image)
{
    (void)image;
    ++*(int *)context;
}

/* Frees `bytes`, or as much as it can; returns how many images went. */
static int free_bytes(struct fake_store *fake, const struct usage_pins *pins, uint64_t bytes)
{
    CLEANUP_USAGE struct usage usage = {0};
    int evicted = 0;
    struct budget budget = {.evicted = count_evicted, .context = &evicted};
    bool collects = false;

    assert_int_equal(usage_load(&fake->store, pins, &usage, NULL), 0);
    budget.max_bytes = usage_total_bytes(&usage);
    assert_false(budget_is_exceeded(&budget, &usage));
    budget.needed_bytes = bytes;
    assert_int_equal(budget_is_exceeded(&budget, &usage), bytes > 0);
    assert_int_equal(budget_make_room(&fake->store, &budget, &usage, &collects, NULL), 0);
    assert_int_equal(collects, evicted > 0);
    return evicted;
}

static bool is_there(struct fake_store *fake, const char *name)
{
    struct image image;

    if (store_find_image(&fake->store, name, &image, NULL) < 0)
        return false;
    image_done(&image);
    return true;
}

static void test_oldest_first(void **state)
{
    struct fake_store *fake = *state;
    CLEANUP(images_done) struct images images = {0};
    static const struct usage_pins none;

    add_images(fake, &images);
    assert_int_equal(free_bytes(fake, &none, 0), 0);
    assert_int_equal(free_bytes(fake, &none, 1000), 1);
    assert_false(is_there(fake, "q.io/one:1"));
    assert_true(is_there(fake, "q.io/two:1"));
    assert_int_equal(free_bytes(fake, &none, UINT64_MAX), 2);
    assert_false(is_there(fake, "q.io/three:1"));
}

static void test_pinned_stay(void **state)
{
    struct fake_store *fake = *state;
    CLEANUP(images_done) struct images images = {0};
    const struct usage_pins pins = {.image_ids = &images.list[0].id, .image_count = 1};
    CLEANUP_USAGE struct usage usage = {0};
    struct budget budget = {0};

    add_images(fake, &images);
    assert_int_equal(free_bytes(fake, &pins, 1000), 1);
    assert_true(is_there(fake, "q.io/one:1"));
    assert_false(is_there(fake, "q.io/two:1"));
    assert_int_equal(usage_load(&fake->store, &pins, &usage, NULL), 0);
    budget.max_bytes = usage_pinned_bytes(&usage) + 500;
    budget.needed_bytes = 500;
    assert_true(budget_can_fit(&budget, &usage));
    budget.needed_bytes = 501;
    assert_false(budget_can_fit(&budget, &usage));
    budget.needed_bytes = UINT64_MAX;
    assert_false(budget_can_fit(&budget, &usage));
    budget.max_bytes = 1;
    budget.needed_bytes = 0;
    assert_false(budget_can_fit(&budget, &usage));
}

/* Those that a registry has, the others never; the oldest image's before the next one's. */
static void test_blobs_before_images(void **state)
{
    struct fake_store *fake = *state;
    CLEANUP(images_done) struct images images = {0};
    static const struct usage_pins none;

    add_images(fake, &images);
    add_blob(fake, "base", NULL);
    add_blob(fake, "one", "q.io/one");
    add_blob(fake, "two", "q.io/two");
    assert_int_equal(free_bytes(fake, &none, 1), 0);
    assert_false(has_blob(fake, "one"));
    assert_true(has_blob(fake, "two"));
    assert_int_equal(free_bytes(fake, &none, 1), 0);
    assert_false(has_blob(fake, "two"));
    assert_int_equal(free_bytes(fake, &none, 1), 1);
    assert_true(has_blob(fake, "base"));
    assert_false(is_there(fake, "q.io/one:1"));
}

static void test_trim(void **state)
{
    struct fake_store *fake = *state;
    CLEANUP(images_done) struct images images = {0};
    CLEANUP_USAGE struct usage usage = {0};
    CLEANUP_TRIMMING struct trimming trimming = {0};
    static const struct usage_pins none;
    const struct usage_image *image;

    add_images(fake, &images);
    add_blob(fake, "base", NULL);
    add_blob(fake, "one", "q.io/one");
    assert_int_equal(usage_load(&fake->store, &none, &usage, NULL), 0);
    image = usage_find_image(&usage, &images.list[0].id);
    assert_int_equal(trim_image(&fake->store, image, false, &trimming, NULL), 0);
    assert_int_equal(strv_length(trimming.digests), 1);
    assert_int_equal(trimming.kept_count, 1);
    assert_true(trimming.freed_bytes > 0);
    assert_true(has_blob(fake, "base"));
    assert_false(has_blob(fake, "one"));
    trimming_done(&trimming);
    assert_int_equal(trim_image(&fake->store, image, true, &trimming, NULL), 0);
    assert_int_equal(strv_length(trimming.digests), 1);
    assert_int_equal(trimming.kept_count, 0);
    assert_false(has_blob(fake, "base"));
}

#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, fake_store_setup, fake_store_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_oldest_first),
        TEST(test_pinned_stay),
        TEST(test_blobs_before_images),
        TEST(test_trim),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
