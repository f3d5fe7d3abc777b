/* test_tags.c - names as files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/tags.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "support/fake_store.h"

#include <string.h>

#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX
#define A50    "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"

static void file_name(const char *text, char buffer[TAGS_NAME_SIZE])
{
    struct reference reference;
    struct mcpd_error error = {0};

    if (reference_parse(text, &reference, &error) < 0 ||
        tags_file_name(&reference, buffer, &error) < 0)
        fail_msg("%s", error.message);
}

static void test_file_names(void **state)
{
    static const char *const table[][2] = {
        {"alpine", "docker.io%2Flibrary%2Falpine:latest"},
        {"127.0.0.1:5000/a/b/c:1", "127.0.0.1:5000%2Fa%2Fb%2Fc:1"},
        {"[::1]:5000/a", "[::1]:5000%2Fa:latest"},
        {"q.io/a@" DIGEST, "q.io%2Fa@" DIGEST},
        {"q.io/a:tag@" DIGEST, "q.io%2Fa@" DIGEST},
    };
    char buffer[TAGS_NAME_SIZE];
    struct digest digest;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        file_name(table[i][0], buffer);
        assert_string_equal(buffer, table[i][1]);
    }
    assert_int_equal(digest_parse(DIGEST, &digest, NULL), 0);
    tags_untagged_file_name(&digest, buffer);
    assert_string_equal(buffer, "@" DIGEST);
}

/* domain/path is fine by the grammar, but with the tag it fits into no file name. */
static void test_too_long(void **state)
{
    char buffer[TAGS_NAME_SIZE];
    struct reference reference;
    struct mcpd_error error = {0};

    assert_int_equal(reference_parse("q.io/" A50 A50 A50 A50 ":" A50, &reference, NULL), 0);
    assert_int_equal(tags_file_name(&reference, buffer, &error), -MCPD_E_LIMIT);
    assert_non_null(strstr(error.message, "too long to be stored"));
}

static void test_longest_can_be_written(void **state)
{
    struct fake_store *fake = *state;
    struct tag tag = {.manifest_digest = fake_digest("m")};
    struct tag found = {0};
    char buffer[TAGS_NAME_SIZE];

    /* "q.io" + "%2F" + 200 + ":" + 47 */
    file_name("q.io/" A50 A50 A50 A50 ":aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeee", buffer);
    assert_int_equal(strlen(buffer), 255);
    assert_int_equal(tags_write(&fake->store, buffer, &tag, NULL), 0);
    assert_int_equal(tags_read(&fake->store, buffer, &found, NULL), 0);
    assert_true(digest_equal(&tag.manifest_digest, &found.manifest_digest));
}

static void test_write_read_remove(void **state)
{
    struct fake_store *fake = *state;
    struct tag tag = {.manifest_digest = fake_digest("m")};
    struct tag found = {0};
    struct mcpd_error error = {0};

    assert_int_equal(tags_read(&fake->store, "x", &found, &error), -MCPD_E_NOT_FOUND);
    assert_int_equal(tags_write(&fake->store, "x", &tag, NULL), 0);
    assert_int_equal(tags_read(&fake->store, "x", &found, NULL), 0);
    assert_string_equal(found.manifest_digest.text, tag.manifest_digest.text);
    assert_int_equal(tags_remove(&fake->store, "x", NULL), 0);
    assert_int_equal(tags_remove(&fake->store, "x", NULL), 0);
    assert_int_equal(tags_sync(&fake->store, NULL), 0);
    assert_int_equal(tags_read(&fake->store, "x", &found, NULL), -MCPD_E_NOT_FOUND);
}

static void test_everything_is_kept(void **state)
{
    struct fake_store *fake = *state;
    struct tag tag = {.manifest_digest = fake_digest("m"),
                      .index_digest = fake_digest("i"),
                      .image_id = fake_digest("c"),
                      .is_further = true};
    char name[] = "kept";
    struct tag found = {.name = name, .kind = TAG_KIND_DIGEST};

    assert_int_equal(tags_write(&fake->store, "x", &tag, NULL), 0);
    assert_int_equal(tags_read(&fake->store, "x", &found, NULL), 0);
    assert_string_equal(found.manifest_digest.text, tag.manifest_digest.text);
    assert_string_equal(found.index_digest.text, tag.index_digest.text);
    assert_string_equal(found.image_id.text, tag.image_id.text);
    assert_true(found.is_further);
    assert_string_equal(found.name, "kept");
    assert_int_equal(found.kind, TAG_KIND_DIGEST);
    tag = (struct tag){.manifest_digest = fake_digest("m")};
    assert_int_equal(tags_write(&fake->store, "x", &tag, NULL), 0);
    assert_int_equal(tags_read(&fake->store, "x", &found, NULL), 0);
    assert_false(digest_is_set(&found.index_digest));
    assert_false(digest_is_set(&found.image_id));
    assert_false(found.is_further);
}

/* The first stores had no id in it: a list looks it up. */
static void test_list_of_an_old_store(void **state)
{
    struct fake_store *fake = *state;
    struct fake_image spec = {.name = "q.io/a:1"};
    struct digest manifest;
    CLEANUP_FREE char *text = NULL;
    CLEANUP_TAG_LIST struct tag_list list = {0};
    struct image image;

    fake_store_add(fake, &spec, &manifest);
    text = str_format("{\"manifest\":\"%s\"}", manifest.text);
    fake_store_write(fake, "images/tags/q.io%2Fa:1", text);
    fake_store_write(fake, "images/tags/q.io%2Fb:1", text);
    assert_int_equal(tags_list(&fake->store, &list, NULL), 0);
    assert_int_equal(list.count, 2);
    assert_int_equal(tags_group_length(&list, 0), 2);
    assert_int_equal(store_load_image(&fake->store, &manifest, &image, NULL), 0);
    assert_string_equal(list.tags[0].image_id.text, image.id.text);
    image_done(&image);
}

static void test_groups(void **state)
{
    struct fake_store *fake = *state;
    static const char *const seeds[][2] = {{"m1", "one"}, {"m2", "one"}, {"m3", "two"},
                                           {"m4", NULL},  {"m4", NULL},  {"m5", NULL}};
    CLEANUP_TAG_LIST struct tag_list list = {0};
    size_t lengths[4] = {0};
    size_t groups = 0;

    for (size_t i = 0; i < 6; i++) {
        char name[32];
        struct tag tag = {.manifest_digest = fake_digest(seeds[i][0])};

        if (seeds[i][1])
            tag.image_id = fake_digest(seeds[i][1]);
        (void)snprintf(name, sizeof(name), "q.io%%2Fa:%zu", i);
        assert_int_equal(tags_write(&fake->store, name, &tag, NULL), 0);
    }
    assert_int_equal(tags_list(&fake->store, &list, NULL), 0);
    for (size_t i = 0; i < list.count; i += tags_group_length(&list, i)) {
        assert_true(groups < 4);
        lengths[groups++] = tags_group_length(&list, i);
    }
    /* The unreadable ones come first, by manifest. */
    assert_int_equal(groups, 4);
    assert_int_equal(lengths[0] + lengths[1], 3);
    assert_int_equal(lengths[2] + lengths[3], 3);
}

static void test_repository_length(void **state)
{
    assert_int_equal(tags_repository_length("q.io/a:1"), 6);
    assert_int_equal(tags_repository_length("[::1]:5000/a/b@" DIGEST), 14);
    assert_int_equal(tags_repository_length("127.0.0.1:5000/a/b:c"), 18);
    assert_int_equal(tags_repository_length("@" DIGEST), 0);
}

static void test_damaged(void **state)
{
    static const char *const contents[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"manifest\":7}",
        "{\"manifest\":\"x\"}",
        "{\"manifest\":\"sha256:..\"}",
        "{\"manifest\":null}",
        "{\"manifest\":\"" DIGEST "\",\"index\":\"x\"}",
        "{\"manifest\":\"" DIGEST "\",\"image\":7}",
        "{\"manifest\":\"" DIGEST "\",\"further\":\"yes\"}",
        "\0\0\0",
    };
    struct fake_store *fake = *state;
    struct tag found = {0};

    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        struct mcpd_error error = {0};

        fake_store_write(fake, "images/tags/q.io%2Fa:1", contents[i]);
        assert_int_equal(tags_read(&fake->store, "q.io%2Fa:1", &found, &error), -MCPD_E_CORRUPT);
        assert_non_null(strstr(error.message, "q.io%2Fa:1"));
    }
}

static void test_oversized(void **state)
{
    struct fake_store *fake = *state;
    struct tag found = {0};
    char text[8192];

    memset(text, ' ', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    fake_store_write(fake, "images/tags/q.io%2Fa:1", text);
    assert_int_equal(tags_read(&fake->store, "q.io%2Fa:1", &found, NULL), -MCPD_E_CORRUPT);
}

static void write_tag(struct fake_store *fake, const char *name, const char *seed)
{
    struct tag tag = {.manifest_digest = fake_digest(seed)};

    assert_int_equal(tags_write(&fake->store, name, &tag, NULL), 0);
}

static void test_list(void **state)
{
    struct fake_store *fake = *state;
    struct digest lonely = fake_digest("lonely");
    char untagged[TAGS_NAME_SIZE];
    CLEANUP_TAG_LIST struct tag_list list = {0};

    write_tag(fake, "q.io%2Fb:1", "one");
    write_tag(fake, "q.io%2Fa:2", "one");
    write_tag(fake, "q.io%2Fa@" DIGEST, "one");
    tags_untagged_file_name(&lonely, untagged);
    write_tag(fake, untagged, "lonely");
    assert_int_equal(tags_list(&fake->store, &list, NULL), 0);
    assert_int_equal(list.count, 4);
    for (size_t i = 0; i < list.count; i++) {
        assert_true(tags_is_current(&fake->store, &list.tags[i]));
        if (list.tags[i].kind == TAG_KIND_UNTAGGED)
            assert_string_equal(list.tags[i].name, untagged);
        if (i + 2 < list.count && strcmp(list.tags[i].name, "q.io/a:2") == 0) {
            assert_string_equal(list.tags[i + 1].name, "q.io/b:1");
            assert_string_equal(list.tags[i + 2].name, "q.io/a@" DIGEST);
            assert_int_equal(list.tags[i + 2].kind, TAG_KIND_DIGEST);
        }
    }
    assert_null(fake->warnings);
    assert_int_equal(tags_remove_listed(&fake->store, &list.tags[0], NULL), 0);
    assert_false(tags_is_current(&fake->store, &list.tags[0]));
}

static void test_list_skips_what_is_not_ours(void **state)
{
    static const char *const names[] = {
        "README",       "UPPER%2Fx:1",  "q.io%2fa:1", "q.io%2Fa",
        "a:1",          "@sha256:xyz",  "@",          "q.io%2Fa:1@sha256:" HEX,
        "q.io%2Fa:%2F", "%2F..%2F..:1", "x%25y:1",
    };
    struct fake_store *fake = *state;
    CLEANUP_TAG_LIST struct tag_list list = {0};

    write_tag(fake, "q.io%2Fgood:1", "one");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        write_tag(fake, names[i], "one");
    fake_store_write(fake, "images/tags/q.io%2Ftorn:1", "{\"mani");
    fake_store_write(fake, "images/tags/.tmp-0123", "half");
    assert_int_equal(fs_make_dirs(fake->store.tags_fd, "q.io%2Ffolder:1", 0700, NULL, NULL), 0);
    assert_int_equal(tags_list(&fake->store, &list, NULL), 0);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.tags[0].name, "q.io/good:1");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!fake_store_warned(fake, names[i]))
            fail_msg("no warning for %s", names[i]);
    assert_true(fake_store_warned(fake, "torn"));
    assert_true(fake_store_warned(fake, "folder"));
    assert_false(fake_store_warned(fake, ".tmp"));
}

#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, fake_store_setup, fake_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_names),
        cmocka_unit_test(test_too_long),
        TEST(test_longest_can_be_written),
        TEST(test_write_read_remove),
        TEST(test_everything_is_kept),
        TEST(test_list_of_an_old_store),
        TEST(test_groups),
        cmocka_unit_test(test_repository_length),
        TEST(test_damaged),
        TEST(test_oversized),
        TEST(test_list),
        TEST(test_list_skips_what_is_not_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
