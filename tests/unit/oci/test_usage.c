/* test_usage.c - what images take: each object once, and who needs it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/usage.h"

#include "support/fake_store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const char *const one_layers[] = {"base", "one", NULL};
static const char *const two_layers[] = {"base", "two", NULL};

static void load(struct fake_store *fake, const struct usage_pins *pins, struct usage *usage)
{
    static const struct usage_pins none;
    struct mcpd_error error = {0};

    if (usage_load(&fake->store, pins ? pins : &none, usage, &error) < 0)
        fail_msg("%s", error.message);
}

static void add(struct fake_store *fake, const char *name, const char *const *layers,
                struct image *ret_image)
{
    struct fake_image spec = {.name = name, .layers = layers};
    struct digest manifest;

    fake_store_add(fake, &spec, &manifest);
    assert_int_equal(store_load_image(&fake->store, &manifest, ret_image, NULL), 0);
}

static const struct usage_object *find(const struct usage *usage, enum usage_kind kind,
                                       const char *seed)
{
    struct digest digest = fake_digest(seed);

    for (size_t i = 0; i < usage->object_count; i++)
        if (usage->objects[i].kind == kind && digest_equal(&usage->objects[i].digest, &digest))
            return &usage->objects[i];
    fail_msg("no object %s", seed);
    return NULL;
}

static void test_shared_and_unique(void **state)
{
    struct fake_store *fake = *state;
    CLEANUP_USAGE struct usage usage = {0};
    CLEANUP(image_done) struct image one = {0};
    CLEANUP(image_done) struct image two = {0};
    const struct fake_image again = {.name = "q.io/again:1", .layers = two_layers};
    uint64_t shared_bytes = 0, sum;

    load(fake, NULL, &usage);
    assert_int_equal(usage.image_count, 0);
    assert_int_equal(usage_total_bytes(&usage), 0);
    usage_done(&usage);
    add(fake, "q.io/one:1", one_layers, &one);
    add(fake, "q.io/two:1", two_layers, &two);
    fake_store_add(fake, &again, NULL);
    load(fake, NULL, &usage);
    assert_int_equal(usage.image_count, 2);
    assert_int_equal(find(&usage, USAGE_LAYER, "base")->image_count, 2);
    assert_int_equal(find(&usage, USAGE_LAYER, "one")->image_count, 1);
    assert_int_equal(find(&usage, USAGE_LAYER, "base")->bytes, 1000);
    assert_non_null(usage_find_image(&usage, &one.id));
    assert_null(usage_find_image(&usage, &(struct digest[]){fake_digest("no")}[0]));
    sum = usage_image_bytes(usage_find_image(&usage, &one.id), &shared_bytes);
    assert_true(shared_bytes >= 1000 && sum >= shared_bytes + 1000);
    assert_int_equal(usage_kind_bytes(&usage, USAGE_LAYER), 3000);
    assert_int_equal(usage_total_bytes(&usage), usage_kind_bytes(&usage, USAGE_LAYER) +
                                                    usage_kind_bytes(&usage, USAGE_BLOB) +
                                                    usage_kind_bytes(&usage, USAGE_DOCUMENT));
    assert_int_equal(usage_pinned_bytes(&usage), 0);
}

static void test_pins(void **state)
{
    struct fake_store *fake = *state;
    CLEANUP_USAGE struct usage usage = {0};
    CLEANUP(image_done) struct image one = {0};
    CLEANUP(image_done) struct image two = {0};
    struct digest layer = fake_digest("two");
    struct usage_pins pins = {.layers = &layer, .layer_count = 1};

    add(fake, "q.io/one:1", one_layers, &one);
    add(fake, "q.io/two:1", two_layers, &two);
    pins.image_ids = &one.id;
    pins.image_count = 1;
    load(fake, &pins, &usage);
    assert_true(find(&usage, USAGE_LAYER, "base")->is_pinned);
    assert_true(find(&usage, USAGE_LAYER, "two")->is_pinned);
    assert_true(usage_find_image(&usage, &one.id)->is_pinned);
    assert_false(usage_find_image(&usage, &two.id)->is_pinned);
    assert_true(usage_pinned_bytes(&usage) >= 3000);
    assert_true(usage_pinned_bytes(&usage) < usage_total_bytes(&usage));
}

static void set_age(struct fake_store *fake, const struct digest *id, time_t seconds)
{
    const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) - seconds}};

    assert_int_equal(utimensat(fake->store.blobs_fd, digest_hex(id), times, 0), 0);
}

/* At most once an hour; a clock that was wrong does not matter. */
static void test_last_use(void **state)
{
    struct fake_store *fake = *state;
    CLEANUP(image_done) struct image one = {0};
    struct digest nobody = fake_digest("nobody");
    const time_t now = time(NULL);

    add(fake, "q.io/one:1", one_layers, &one);
    set_age(fake, &one.id, 3000);
    store_note_use(&fake->store, &one.id);
    assert_true(store_last_use(&fake->store, &one.id).tv_sec <= now - 2990);
    set_age(fake, &one.id, 4000);
    store_note_use(&fake->store, &one.id);
    assert_true(store_last_use(&fake->store, &one.id).tv_sec >= now - 1);
    set_age(fake, &one.id, -100000);
    store_note_use(&fake->store, &one.id);
    assert_true(store_last_use(&fake->store, &one.id).tv_sec < now + 1000);
    store_note_use(&fake->store, &nobody);
    assert_int_equal(store_last_use(&fake->store, &nobody).tv_sec, 0);
}

#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, fake_store_setup, fake_store_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_shared_and_unique),
        TEST(test_pins),
        TEST(test_last_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
