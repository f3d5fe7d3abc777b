/* test_names.c - tag, untag, remove: no image is lost by accident, none stays by accident. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/store.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "oci/tags.h"
#include "support/fake_store.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const one_layer[] = {"base", NULL};

static struct reference reference(const char *text)
{
    struct reference result;

    assert_int_equal(reference_parse(text, &result, NULL), 0);
    return result;
}

static int tag(struct fake_store *fake, const char *name, const struct digest *manifest)
{
    struct reference target = reference(name);

    return store_tag(&fake->store, &target, manifest, NULL, NULL);
}

static void add(struct fake_store *fake, const char *name, const char *author,
                struct digest *manifest)
{
    CLEANUP_FREE char *extra = str_format("\"author\": \"%s\",", author);
    struct fake_image spec = {.name = name, .layers = one_layer, .extra = extra};

    fake_store_add(fake, &spec, manifest);
}

static bool has_untagged(struct fake_store *fake, const struct digest *manifest)
{
    char name[TAGS_NAME_SIZE];

    tags_untagged_file_name(manifest, name);
    return fs_exists(fake->store.tags_fd, name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void check_names(struct fake_store *fake, const struct digest *manifest, const char *joined)
{
    struct image image;
    CLEANUP_FREE char *text = NULL;

    assert_int_equal(store_load_image(&fake->store, manifest, &image, NULL), 0);
    assert_int_equal(store_load_image_names(&fake->store, &image, NULL), 0);
    if (image.names)
        qsort(image.names, strv_length(image.names), sizeof(char *), compare_names);
    text = image.names ? strv_join(image.names, " ") : strdup("");
    assert_string_equal(text, joined);
    image_done(&image);
}

static void test_tag(void **state)
{
    struct fake_store *fake = *state;
    struct digest manifest;

    add(fake, "q.io/a:1", "x", &manifest);
    assert_int_equal(tag(fake, "q.io/b:1", &manifest), 0);
    assert_int_equal(tag(fake, "q.io/b:1", &manifest), 0);
    check_names(fake, &manifest, "q.io/a:1 q.io/b:1");
    assert_false(has_untagged(fake, &manifest));
}

static int take(struct fake_store *fake, const struct digest *image_id, const char *name)
{
    struct reference target = reference(name);

    return store_untag_names(&fake->store, image_id, &target, 1, NULL);
}

static void test_take_names(void **state)
{
    struct fake_store *fake = *state;
    struct digest manifest, other;
    struct image image;

    add(fake, "q.io/a:1", "x", &manifest);
    add(fake, "q.io/other:1", "y", &other);
    assert_int_equal(tag(fake, "q.io/b:1", &manifest), 0);
    assert_int_equal(store_load_image(&fake->store, &manifest, &image, NULL), 0);
    assert_int_equal(take(fake, &image.id, "q.io/other:1"), -MCPD_E_NOT_FOUND);
    assert_int_equal(take(fake, &image.id, "q.io/nosuch:1"), -MCPD_E_NOT_FOUND);
    assert_int_equal(take(fake, &image.id, "q.io/a:1"), 0);
    assert_false(has_untagged(fake, &manifest));
    assert_int_equal(take(fake, &image.id, "q.io/b:1"), 0);
    assert_true(has_untagged(fake, &manifest));
    assert_int_equal(take(fake, &image.id, "q.io/b:1"), -MCPD_E_NOT_FOUND);
    check_names(fake, &other, "q.io/other:1");
    image_done(&image);
}

static void test_tag_of_nothing(void **state)
{
    struct fake_store *fake = *state;
    struct digest missing = fake_digest("missing");
    struct reference name = reference("q.io/a:1");
    struct mcpd_error error = {0};

    assert_int_equal(store_tag(&fake->store, &name, &missing, NULL, &error), -MCPD_E_NOT_FOUND);
    assert_non_null(strstr(error.message, "image not known"));
    assert_int_equal(store_tag(&fake->store, NULL, &missing, NULL, &error), -MCPD_E_NOT_FOUND);
}

static void test_moved_name_keeps_the_old_image(void **state)
{
    struct fake_store *fake = *state;
    struct digest old;
    struct digest new;

    add(fake, "q.io/a:1", "old", &old);
    add(fake, "q.io/a:1", "new", &new);
    assert_true(has_untagged(fake, &old));
    assert_false(has_untagged(fake, &new));
    check_names(fake, &old, "");
    check_names(fake, &new, "q.io/a:1");
    /* a new name makes it an ordinary one again */
    assert_int_equal(tag(fake, "q.io/old:1", &old), 0);
    assert_false(has_untagged(fake, &old));
}

static void test_moved_name_with_others_left(void **state)
{
    struct fake_store *fake = *state;
    struct digest old;
    struct digest new;

    add(fake, "q.io/a:1", "old", &old);
    assert_int_equal(tag(fake, "q.io/a:2", &old), 0);
    add(fake, "q.io/a:1", "new", &new);
    assert_false(has_untagged(fake, &old));
    check_names(fake, &old, "q.io/a:2");
}

/* Another manifest of the same image: there is nothing to keep. */
static void test_moved_to_another_manifest(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {.name = "q.io/a:1", .layers = one_layer, .index = "index"};
    struct digest old;
    struct digest new;

    fake_store_add(fake, &spec, &old);
    spec.media_type = MEDIATYPE_DOCKER_MANIFEST;
    fake_store_add(fake, &spec, &new);
    assert_false(digest_equal(&old, &new));
    assert_false(has_untagged(fake, &old));
    check_names(fake, &new, "q.io/a:1");
}

/* The index goes where its image goes: to further names, and into the anonymous one. */
static void test_index_of_further_names(void **state)
{
    struct fake_store *fake = *state;
    struct digest index = fake_digest("index");
    struct fake_image spec = {.name = "q.io/a:1", .layers = one_layer, .index = "index"};
    struct reference name = reference("q.io/b:1");
    struct tag found = {0};
    struct digest manifest;
    struct image image;
    char untagged[TAGS_NAME_SIZE];

    fake_store_add(fake, &spec, &manifest);
    assert_int_equal(store_find_image(&fake->store, "q.io/a:1", &image, NULL), 0);
    assert_int_equal(store_add_name(&fake->store, &image, &name, NULL), 0);
    image_done(&image);
    assert_int_equal(tags_read(&fake->store, "q.io%2Fb:1", &found, NULL), 0);
    assert_true(digest_equal(&found.index_digest, &index));
    assert_true(found.is_further);
    add(fake, "q.io/a:1", "new", NULL);
    add(fake, "q.io/b:1", "new", NULL);
    tags_untagged_file_name(&manifest, untagged);
    assert_int_equal(tags_read(&fake->store, untagged, &found, NULL), 0);
    assert_true(digest_equal(&found.index_digest, &index));
}

/* All of an image's names go, whatever manifest they lead to. */
static void test_remove_image_with_two_manifests(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {.name = "q.io/a:1", .layers = one_layer};
    struct digest manifest;

    fake_store_add(fake, &spec, NULL);
    spec = (struct fake_image){
        .name = "q.io/b:1", .layers = one_layer, .media_type = MEDIATYPE_DOCKER_MANIFEST};
    fake_store_add(fake, &spec, &manifest);
    fake_store_remove(fake, &manifest);
    assert_int_equal(fake_store_count(fake, "images/tags"), 1); /* its lock file */
}

static void test_untagged(void **state)
{
    struct fake_store *fake = *state;
    struct digest manifest;

    add(fake, NULL, "x", &manifest);
    assert_true(has_untagged(fake, &manifest));
    assert_int_equal(tag(fake, "q.io/a:1", &manifest), 0);
    assert_false(has_untagged(fake, &manifest));
    assert_int_equal(store_tag(&fake->store, NULL, &manifest, NULL, NULL), 0); /* it has a name */
    assert_false(has_untagged(fake, &manifest));
}

static void test_damaged_tag_is_replaced(void **state)
{
    struct fake_store *fake = *state;
    struct digest manifest;

    add(fake, "q.io/a:1", "x", &manifest);
    fake_store_write(fake, "images/tags/q.io%2Fb:1", "torn");
    assert_int_equal(tag(fake, "q.io/b:1", &manifest), 0);
    check_names(fake, &manifest, "q.io/a:1 q.io/b:1");
}

static void test_untag(void **state)
{
    struct fake_store *fake = *state;
    struct reference first = reference("q.io/a:1");
    struct reference second = reference("q.io/b:1");
    struct mcpd_error error = {0};
    struct digest manifest;
    bool was_last = true;

    add(fake, "q.io/a:1", "x", &manifest);
    assert_int_equal(tag(fake, "q.io/b:1", &manifest), 0);
    assert_int_equal(store_untag(&fake->store, &first, &was_last, NULL), 0);
    assert_false(was_last);
    check_names(fake, &manifest, "q.io/b:1");
    assert_int_equal(store_untag(&fake->store, &first, &was_last, &error), -MCPD_E_NOT_FOUND);
    assert_string_equal(error.message, "q.io/a:1: image not known");
    assert_int_equal(store_untag(&fake->store, &second, &was_last, NULL), 0);
    assert_true(was_last);
    assert_false(has_untagged(fake, &manifest));
}

static void test_untag_damaged(void **state)
{
    struct fake_store *fake = *state;
    struct reference name = reference("q.io/a:1");
    bool was_last = false;

    fake_store_write(fake, "images/tags/q.io%2Fa:1", "torn");
    assert_int_equal(store_untag(&fake->store, &name, &was_last, NULL), 0);
    assert_true(was_last);
    assert_false(fs_exists(fake->store.tags_fd, "q.io%2Fa:1"));
}

static void test_remove_image(void **state)
{
    struct fake_store *fake = *state;
    struct digest manifest;
    struct digest other;
    struct image *images = NULL;
    size_t count = 0;

    add(fake, "q.io/a:1", "x", &manifest);
    add(fake, "q.io/other:1", "y", &other);
    assert_int_equal(tag(fake, "q.io/b/c:1", &manifest), 0);
    fake_store_remove(fake, &manifest);
    assert_int_equal(store_list_images(&fake->store, &images, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_true(digest_equal(&images[0].manifest_digest, &other));
    store_free_images(images, count);
    fake_store_remove(fake, &manifest);
}

/* Two processes fight for one name: neither image is ever without a tag file. */
static void test_concurrent_moves(void **state)
{
    struct fake_store *fake = *state;
    struct digest manifests[2];
    pid_t children[2];

    add(fake, "q.io/a:1", "one", &manifests[0]);
    add(fake, "q.io/a:1", "two", &manifests[1]);
    for (size_t i = 0; i < 2; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] > 0)
            continue;
        for (int round = 0; round < 25; round++)
            if (tag(fake, "q.io/a:1", &manifests[i]) < 0)
                _exit(1);
        _exit(0);
    }
    for (size_t i = 0; i < 2; i++) {
        int status = -1;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_true(has_untagged(fake, &manifests[0]) != has_untagged(fake, &manifests[1]));
}

#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, fake_store_setup, fake_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tag),
        TEST(test_take_names),
        TEST(test_tag_of_nothing),
        TEST(test_moved_name_keeps_the_old_image),
        TEST(test_moved_name_with_others_left),
        TEST(test_moved_to_another_manifest),
        TEST(test_index_of_further_names),
        TEST(test_remove_image_with_two_manifests),
        TEST(test_untagged),
        TEST(test_damaged_tag_is_replaced),
        TEST(test_untag),
        TEST(test_untag_damaged),
        TEST(test_remove_image),
        TEST(test_concurrent_moves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
