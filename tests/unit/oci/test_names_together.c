/* test_names_together.c - several names change in one instant, wherever their writer is killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/store.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "oci/tags.h"
#include "oci/tags_batch.h"
#include "support/fake_store.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

static const char *const one_layer[] = {"base", NULL};
static const struct digest none;

static struct reference reference(const char *text)
{
    struct reference result;

    assert_int_equal(reference_parse(text, &result, NULL), 0);
    return result;
}

static void add(struct fake_store *fake, const char *name, const char *author,
                struct digest *manifest)
{
    CLEANUP_FREE char *extra = str_format("\"author\": \"%s\",", author);
    struct fake_image spec = {.name = name, .layers = one_layer, .extra = extra};

    fake_store_add(fake, &spec, manifest);
}

/* "NAME=first four digits" of every tag, sorted by image and name. */
static char *all_tags(struct fake_store *fake)
{
    CLEANUP_TAG_LIST struct tag_list list = {0};
    CLEANUP_STRV char **words = NULL;

    assert_int_equal(tags_list(&fake->store, &list, NULL), 0);
    for (size_t i = 0; i < list.count; i++)
        assert_int_equal(
            strv_append_take(&words, str_format("%.12s=%.4s", list.tags[i].name,
                                                digest_hex(&list.tags[i].manifest_digest))),
            0);
    return words ? strv_join(words, " ") : strdup("");
}

static void check_found(struct fake_store *fake, const char *name, const struct digest *manifest)
{
    struct image image;

    if (!manifest) {
        assert_int_equal(store_find_image(&fake->store, name, &image, NULL), -MCPD_E_NOT_FOUND);
        return;
    }
    assert_int_equal(store_find_image(&fake->store, name, &image, NULL), 0);
    assert_true(digest_equal(&image.manifest_digest, manifest));
    image_done(&image);
}

static struct digest id_of(struct fake_store *fake, const struct digest *manifest)
{
    struct digest id;
    struct image image;

    assert_int_equal(store_load_image(&fake->store, manifest, &image, NULL), 0);
    id = image.id;
    image_done(&image);
    return id;
}

static bool has_file(struct fake_store *fake, const char *name)
{
    return fs_exists(fake->store.tags_fd, name);
}

static bool has_untagged(struct fake_store *fake, const struct digest *manifest)
{
    char name[TAGS_NAME_SIZE];

    tags_untagged_file_name(manifest, name);
    return has_file(fake, name);
}

/* ---------------------------------------------------------------- giving */

static void test_tag_all(void **state)
{
    struct fake_store *fake = *state;
    struct digest one, two, three;
    struct reference names[] = {reference("q.io/one:2"), reference("q.io/two:1"),
                                reference("q.io/two:latest")};

    add(fake, "q.io/one:1", "1", &one);
    add(fake, "q.io/two:1", "2", &two);
    add(fake, NULL, "3", &three);
    assert_true(has_untagged(fake, &three));
    assert_int_equal(store_tag_all(&fake->store,
                                   (struct store_name[]){{&names[0], three, none},
                                                         {&names[1], three, none},
                                                         {&names[2], one, none}},
                                   3, NULL),
                     0);
    check_found(fake, "q.io/one:1", &one);
    check_found(fake, "q.io/one:2", &three);
    check_found(fake, "q.io/two:1", &three);
    check_found(fake, "q.io/two:latest", &one);
    /* The second has lost its only name and stays; the third has names now. */
    assert_true(has_untagged(fake, &two));
    assert_false(has_untagged(fake, &three));
    assert_false(has_untagged(fake, &one));
    assert_false(has_file(fake, ".batch"));
}

static void test_tag_all_without_name(void **state)
{
    struct fake_store *fake = *state;
    struct digest one, two;
    struct reference name = reference("q.io/two:1");

    add(fake, "q.io/one:1", "1", &one);
    add(fake, "q.io/old:1", "2", &two);
    /* It has a name already: nothing to keep. */
    assert_int_equal(store_tag_all(&fake->store,
                                   (struct store_name[]){{NULL, one, none}, {&name, two, none}}, 2,
                                   NULL),
                     0);
    assert_false(has_untagged(fake, &one));
    check_found(fake, "q.io/two:1", &two);
}

static void test_tag_all_or_nothing(void **state)
{
    struct fake_store *fake = *state;
    struct digest one, missing = fake_digest("missing");
    struct reference names[] = {reference("q.io/a:1"), reference("q.io/b:1")};
    CLEANUP_FREE char *before = NULL;
    CLEANUP_FREE char *after = NULL;
    struct mcpd_error error = {0};

    add(fake, "q.io/one:1", "1", &one);
    before = all_tags(fake);
    assert_int_equal(
        store_tag_all(&fake->store,
                      (struct store_name[]){{&names[0], one, none}, {&names[1], missing, none}}, 2,
                      &error),
        -MCPD_E_NOT_FOUND);
    after = all_tags(fake);
    assert_string_equal(before, after);
}

/* The index that led to a manifest goes into the tag too. */
static void test_tag_all_with_index(void **state)
{
    struct fake_store *fake = *state;
    struct digest one, index = fake_digest("index");
    struct reference names[] = {reference("q.io/a:1"), reference("q.io/b:1")};
    struct tag tag = {0};

    add(fake, "q.io/one:1", "1", &one);
    assert_int_equal(
        store_tag_all(&fake->store,
                      (struct store_name[]){{&names[0], one, index}, {&names[1], one, none}}, 2,
                      NULL),
        0);
    assert_int_equal(tags_read(&fake->store, "q.io%2Fa:1", &tag, NULL), 0);
    assert_true(digest_equal(&tag.index_digest, &index));
    assert_int_equal(tags_read(&fake->store, "q.io%2Fb:1", &tag, NULL), 0);
    assert_false(digest_is_set(&tag.index_digest));
}

/* ---------------------------------------------------------------- killed half way */

static void write_batch(struct fake_store *fake, const char *one, const struct digest *digest,
                        const char *gone)
{
    CLEANUP_FREE char *text = str_format(
        "{\"names\": {\"%s\": {\"manifest\": \"%s\"}, \"%s\": null}}", one, digest->text, gone);

    fake_store_write(fake, "images/tags/.batch", text);
}

/* The batch is there, not one of its files: its names count, and the next change finishes it. */
static void test_batch_left_behind(void **state)
{
    struct fake_store *fake = *state;
    struct digest one, two;
    struct reference name = reference("q.io/new:1");
    CLEANUP_FREE char *before = NULL;
    CLEANUP_FREE char *after = NULL;

    add(fake, "q.io/one:1", "1", &one);
    add(fake, "q.io/two:1", "2", &two);
    write_batch(fake, "q.io%2Fone:1", &two, "q.io%2Ftwo:1");
    check_found(fake, "q.io/one:1", &two);
    check_found(fake, "q.io/two:1", NULL);
    before = all_tags(fake);
    assert_null(strstr(before, "q.io/two"));
    assert_int_equal(store_tag(&fake->store, &name, &two, NULL, NULL), 0);
    assert_false(has_file(fake, ".batch"));
    check_found(fake, "q.io/one:1", &two);
    check_found(fake, "q.io/two:1", NULL);
    assert_false(has_file(fake, "q.io%2Ftwo:1"));
    after = all_tags(fake);
    assert_non_null(strstr(after, "q.io/new"));
}

static void test_batch_brings_new_names(void **state)
{
    struct fake_store *fake = *state;
    struct digest one;
    CLEANUP_FREE char *text = NULL;

    add(fake, "q.io/one:1", "1", &one);
    write_batch(fake, "q.io%2Fmore:1", &one, "q.io%2Fnever:1");
    check_found(fake, "q.io/more:1", &one);
    text = all_tags(fake);
    assert_non_null(strstr(text, "q.io/more:1"));
    assert_non_null(strstr(text, "q.io/one:1"));
    assert_null(strchr(strchr(text, ' ') + 1, ' '));
}

static void test_batch_damaged(void **state)
{
    struct fake_store *fake = *state;
    struct digest one;
    struct reference name = reference("q.io/new:1");

    add(fake, "q.io/one:1", "1", &one);
    fake_store_write(fake, "images/tags/.batch", "{\"names\": {\"q.io");
    check_found(fake, "q.io/one:1", &one);
    assert_true(fake_store_warned(fake, ".batch"));
    assert_int_equal(store_tag(&fake->store, &name, &one, NULL, NULL), 0);
    assert_false(has_file(fake, ".batch"));
}

static void test_batch_names_stay_in_the_folder(void **state)
{
    struct fake_store *fake = *state;
    struct digest one;
    struct reference name = reference("q.io/new:1");

    add(fake, "q.io/one:1", "1", &one);
    write_batch(fake, "../escaped", &one, "../blobs");
    assert_int_equal(store_tag(&fake->store, &name, &one, NULL, NULL), 0);
    assert_false(fs_exists(fake->store.root_fd, "images/escaped"));
    assert_true(fs_exists(fake->store.root_fd, "images/blobs"));
}

/* A writer swaps eight names between two images for ever and is killed; a reader then sees all of
 * them at the one or all at the other. */
static void swap_for_ever(struct fake_store *fake, const struct digest images[2])
{
    struct reference names[8];
    struct store_name list[8];

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        CLEANUP_FREE char *text = str_format("q.io/n%zu:1", i);

        names[i] = reference(text);
    }
    for (unsigned int round = 0;; round++) {
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
            list[i] = (struct store_name){&names[i], images[round % 2], none};
        if (store_tag_all(&fake->store, list, ARRAY_SIZE(names), NULL) < 0)
            _exit(1);
    }
}

static void check_same_image(struct fake_store *fake)
{
    struct digest first = {0};

    for (size_t i = 0; i < 8; i++) {
        CLEANUP_FREE char *text = str_format("q.io/n%zu:1", i);
        struct image image;
        int rc = store_find_image(&fake->store, text, &image, NULL);

        if (i == 0 && rc == 0)
            first = image.manifest_digest;
        assert_int_equal(rc, digest_is_set(&first) ? 0 : -MCPD_E_NOT_FOUND);
        if (rc < 0)
            continue;
        assert_true(digest_equal(&image.manifest_digest, &first));
        image_done(&image);
    }
}

static void test_killed_at_random(void **state)
{
    struct fake_store *fake = *state;
    struct digest images[2];
    unsigned int seed = 1;

    add(fake, "q.io/one:1", "1", &images[0]);
    add(fake, "q.io/two:1", "2", &images[1]);
    for (int round = 0; round < 60; round++) {
        struct timespec pause = {.tv_nsec = (rand_r(&seed) % 8000) * 1000};
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
            swap_for_ever(fake, images);
        (void)nanosleep(&pause, NULL);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        check_same_image(fake);
    }
    check_found(fake, "q.io/one:1", &images[0]);
    check_found(fake, "q.io/two:1", &images[1]);
}

/* ---------------------------------------------------------------- taking */

static void test_untag_names(void **state)
{
    struct fake_store *fake = *state;
    struct digest one, two, id;
    struct reference names[] = {reference("q.io/a:1"), reference("q.io/b:1")};
    struct mcpd_error error = {0};

    add(fake, "q.io/a:1", "1", &one);
    add(fake, "q.io/other:1", "2", &two);
    assert_int_equal(store_tag(&fake->store, &names[1], &one, NULL, NULL), 0);
    id = id_of(fake, &one);
    /* Not this image's: nothing changes. */
    names[1] = reference("q.io/other:1");
    assert_int_equal(store_untag_names(&fake->store, &id, names, 2, &error), -MCPD_E_NOT_FOUND);
    assert_string_equal(error.message, "q.io/other:1: tag not known");
    check_found(fake, "q.io/a:1", &one);
    assert_int_equal(store_untag_names(&fake->store, &id, names, 1, NULL), 0);
    check_found(fake, "q.io/a:1", NULL);
    check_found(fake, "q.io/b:1", &one);
    assert_false(has_untagged(fake, &one));
}

static void test_untag_all(void **state)
{
    struct fake_store *fake = *state;
    struct digest one, id;
    struct reference name = reference("q.io/b:1");

    add(fake, "q.io/a:1", "1", &one);
    id = id_of(fake, &one);
    assert_int_equal(store_tag(&fake->store, &name, &one, NULL, NULL), 0);
    assert_int_equal(store_untag_names(&fake->store, &id, NULL, 0, NULL), 0);
    check_found(fake, "q.io/a:1", NULL);
    check_found(fake, "q.io/b:1", NULL);
    assert_true(has_untagged(fake, &one));
    /* Again: there is nothing left to take. */
    assert_int_equal(store_untag_names(&fake->store, &id, NULL, 0, NULL), 0);
    assert_true(has_untagged(fake, &one));
}

#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, fake_store_setup, fake_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tag_all),
        TEST(test_tag_all_without_name),
        TEST(test_tag_all_or_nothing),
        TEST(test_tag_all_with_index),
        TEST(test_batch_left_behind),
        TEST(test_batch_brings_new_names),
        TEST(test_batch_damaged),
        TEST(test_batch_names_stay_in_the_folder),
        TEST(test_killed_at_random),
        TEST(test_untag_names),
        TEST(test_untag_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
