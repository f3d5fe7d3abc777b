/* test_copies.c - what is remembered of where a layer lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/copies.h"

#include "base/str.h"
#include "support/fake_store.h"

#include <string.h>

static const char *const layers[] = {"layer", NULL};
static const struct fake_image image = {.name = "h.example/x:1", .layers = layers};

static void add(const struct fake_store *fake, const char *blob, const char *packing,
                const char *repository)
{
    const struct digest diff_id = fake_digest("layer");
    CLEANUP_FREE char *packed = packing ? strdup(packing) : NULL;
    CLEANUP_FREE char *name = strdup(repository);
    char *repositories[] = {name, NULL};
    const struct copy copy = {
        .digest = fake_digest(blob),
        .size = 10,
        .packing = packed,
        .repositories = repositories,
    };

    assert_int_equal(copies_add(&fake->store, &diff_id, &copy, NULL), 0);
}

static void load(const struct fake_store *fake, struct copies *copies)
{
    const struct digest diff_id = fake_digest("layer");

    copies_load(&fake->store, &diff_id, copies);
}

static void test_add_and_find(void **state)
{
    struct fake_store *fake = *state;
    CLEANUP_COPIES struct copies copies = {0};
    const struct digest first = fake_digest("first"), none = fake_digest("none");
    const struct copy *copy;

    fake_store_add(fake, &image, NULL);
    load(fake, &copies);
    assert_int_equal(copies.count, 0);
    add(fake, "first", NULL, "h.example/a");
    add(fake, "first", NULL, "h.example:5000/b");
    add(fake, "first", NULL, "h.example/c/d");
    add(fake, "first", NULL, "h.example/a");
    add(fake, "second", "gzip", "h.example/a");
    load(fake, &copies);
    assert_int_equal(copies.count, 2);
    assert_null(copies_find(&copies, &none));
    assert_null(copies_find_packed(&copies, "zstd"));
    assert_non_null(copies_find_packed(&copies, "gzip"));
    copy = copies_find(&copies, &first);
    assert_non_null(copy);
    assert_int_equal(copy->size, 10);
    assert_null(copy->packing);
    assert_int_equal(strv_length(copy->repositories), 3);
    assert_string_equal(copy_path_on(copy, "h.example", "x"), "c/d");
    assert_string_equal(copy_path_on(copy, "h.example", "c/d"), "a");
    assert_string_equal(copy_path_on(copy, "h.example:5000", "x"), "b");
    assert_null(copy_path_on(copy, "h.example:5000", "b"));
    assert_null(copy_path_on(copy, "h.exampl", "x"));
}

/* A load knows of no repository; what comes later is added. */
static void test_without_a_repository(void **state)
{
    struct fake_store *fake = *state;
    const struct digest diff_id = fake_digest("layer"), blob = fake_digest("layer.tar");
    const struct copy copy = {.digest = blob, .size = 10};
    CLEANUP_COPIES struct copies before = {0};
    CLEANUP_COPIES struct copies after = {0};

    fake_store_add(fake, &image, NULL);
    add(fake, "elsewhere", NULL, "h.example/a");
    load(fake, &before);
    assert_null(copies_find_stored(&before, &fake->store));
    for (int i = 0; i < 2; i++)
        assert_int_equal(copies_add(&fake->store, &diff_id, &copy, NULL), 0);
    add(fake, "layer.tar", NULL, "h.example/a");
    load(fake, &after);
    assert_int_equal(after.count, 2);
    assert_ptr_equal(copies_find_stored(&after, &fake->store), &after.list[1]);
    assert_int_equal(strv_length(after.list[1].repositories), 1);
    assert_string_equal(copy_path_on(&after.list[1], "h.example", "x"), "a");
}

static void test_limits(void **state)
{
    struct fake_store *fake = *state;
    CLEANUP_COPIES struct copies copies = {0};
    const struct digest last = fake_digest("blob19"), early = fake_digest("blob1");
    const struct copy *copy;

    fake_store_add(fake, &image, NULL);
    for (int i = 0; i < 20; i++) {
        CLEANUP_FREE char *blob = str_format("blob%d", i);

        add(fake, blob, NULL, "h.example/a");
    }
    for (int i = 0; i < 20; i++) {
        CLEANUP_FREE char *repository = str_format("h.example/r%d", i);

        add(fake, "blob19", NULL, repository);
    }
    load(fake, &copies);
    assert_int_equal(copies.count, COPIES_MAX);
    assert_null(copies_find(&copies, &early));
    copy = copies_find(&copies, &last);
    assert_int_equal(strv_length(copy->repositories), COPIES_MAX_REPOSITORIES);
    assert_string_equal(copy->repositories[0], "h.example/r12");
    assert_string_equal(copy->repositories[7], "h.example/r19");
}

/* A hint that is damaged is none, and is written anew. */
static void test_damaged(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{\"copies\":7}",
        "{\"copies\":[7]}",
        "{\"copies\":[{\"digest\":\"sha256:x\",\"size\":1,\"in\":[\"h/x\"]}]}",
        "{\"copies\":[{\"size\":1,\"in\":[\"h/x\"]}]}",
    };
    struct fake_store *fake = *state;
    const struct digest diff_id = fake_digest("layer");
    CLEANUP_FREE char *path = str_format("layers/%s/copies.json", digest_hex(&diff_id));

    fake_store_add(fake, &image, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        CLEANUP_COPIES struct copies copies = {0};

        fake_store_write(fake, path, texts[i]);
        load(fake, &copies);
        assert_int_equal(copies.count, 0);
        add(fake, "first", NULL, "h.example/a");
        load(fake, &copies);
        assert_int_equal(copies.count, 1);
    }
}

static void test_no_layer(void **state)
{
    struct fake_store *fake = *state;
    const struct digest diff_id = fake_digest("nowhere");
    char name[] = "h.example/a";
    char *repositories[] = {name, NULL};
    const struct copy copy = {.digest = diff_id, .size = 1, .repositories = repositories};

    assert_true(copies_add(&fake->store, &diff_id, &copy, NULL) < 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_store_setup, fake_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_add_and_find), TEST(test_without_a_repository),
        TEST(test_limits),       TEST(test_damaged),
        TEST(test_no_layer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
