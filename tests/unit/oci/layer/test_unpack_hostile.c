/* test_unpack_hostile.c - layers made to break out or to be too much: nothing gets out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/unpack_place.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "oci/layer/unpack_policy.h"

#include <stdlib.h>
#include <string.h>

static void refused(struct unpack_place *place, int code, const char *text)
{
    int rc = unpack_place_try(place);

    if (rc == 0)
        fail_msg("taken, but should fail with '%s'", text);
    assert_int_equal(rc, -code);
    if (!strstr(place->error.message, text))
        fail_msg("'%s' lacks '%s'", place->error.message, text);
}

static void test_leaving(void **state)
{
    struct unpack_place *place = *state;

    layer_tar_file(&place->tar, "../victim", "pwned");
    refused(place, MCPD_E_CORRUPT, "outside");
}

static void test_leaving_in_the_middle(void **state)
{
    struct unpack_place *place = *state;

    layer_tar_file(&place->tar, "a/../../victim", "pwned");
    refused(place, MCPD_E_CORRUPT, "outside");
}

/* All of these stay inside; teardown looks at the victim. */
static void test_through_links_outside(void **state)
{
    struct unpack_place *place = *state;
    CLEANUP_FREE char *victim = str_format("%s/victim", place->path);

    layer_tar_symlink(&place->tar, "a", "..");
    layer_tar_file(&place->tar, "a/victim", "pwned");
    layer_tar_symlink(&place->tar, "b", place->path);
    layer_tar_file(&place->tar, "b/victim", "pwned");
    layer_tar_symlink(&place->tar, "c", victim);
    layer_tar_file(&place->tar, "c", "pwned");
    layer_tar_symlink(&place->tar, "d", "/proc/self/cwd");
    layer_tar_file(&place->tar, "d/x", "pwned");
    layer_tar_file(&place->tar, victim, "pwned");
    layer_tar_symlink(&place->tar, "one", "../..");
    layer_tar_symlink(&place->tar, "two", "one/..");
    layer_tar_file(&place->tar, "two/victim", "pwned");
    unpack_place_unpack(place);
    unpack_place_has_text(place, "victim", "pwned");
}

static void test_link_loop(void **state)
{
    struct unpack_place *place = *state;

    layer_tar_symlink(&place->tar, "a", "b");
    layer_tar_symlink(&place->tar, "b", "a");
    layer_tar_file(&place->tar, "a/x", "x");
    assert_true(unpack_place_try(place) < 0);
}

static void test_file_in_the_way(void **state)
{
    struct unpack_place *place = *state;

    layer_tar_file(&place->tar, "a", "file");
    layer_tar_file(&place->tar, "a/b", "x");
    refused(place, MCPD_E_CORRUPT, "folder");
}

static void test_hardlink_outside(void **state)
{
    struct unpack_place *place = *state;

    layer_tar_hardlink(&place->tar, "stolen", "../victim");
    refused(place, MCPD_E_CORRUPT, "leaves the layer");
}

static void test_hardlink_absolute(void **state)
{
    struct unpack_place *place = *state;
    CLEANUP_FREE char *victim = str_format("%s/victim", place->path);

    layer_tar_hardlink(&place->tar, "stolen", victim);
    refused(place, MCPD_E_CORRUPT, "not in the layer");
}

static void test_hardlink_through_link(void **state)
{
    struct unpack_place *place = *state;

    layer_tar_symlink(&place->tar, "up", "..");
    layer_tar_hardlink(&place->tar, "stolen", "up/victim");
    refused(place, MCPD_E_CORRUPT, "not in the layer");
}

/* The link itself is linked, not what it points at. */
static void test_hardlink_to_symlink(void **state)
{
    struct unpack_place *place = *state;
    CLEANUP_FREE char *victim = str_format("%s/victim", place->path);

    layer_tar_symlink(&place->tar, "link", victim);
    layer_tar_hardlink(&place->tar, "second", "link");
    layer_tar_file(&place->tar, "second", "pwned");
    unpack_place_unpack(place);
    unpack_place_has_text(place, "second", "pwned");
}

static void test_hardlink_to_folder(void **state)
{
    struct unpack_place *place = *state;

    layer_tar_dir(&place->tar, "dir");
    layer_tar_hardlink(&place->tar, "second", "dir");
    refused(place, MCPD_E_CORRUPT, "folder");
}

static void test_whiteout_tricks(void **state)
{
    static const char *const names[] = {".wh.", ".wh..", ".wh...", "a/.wh..", ".wh.x/y", ".wh./y"};
    struct unpack_place *place = *state;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        buf_clear(&place->tar.bytes);
        layer_tar_file(&place->tar, names[i], "x");
        refused(place, MCPD_E_CORRUPT, "whiteout");
    }
    buf_clear(&place->tar.bytes);
    layer_tar_file(&place->tar, "../.wh.victim", NULL);
    refused(place, MCPD_E_CORRUPT, "outside");
    buf_clear(&place->tar.bytes);
    layer_tar_symlink(&place->tar, "up", "..");
    layer_tar_file(&place->tar, "up/.wh.victim", NULL);
    layer_tar_file(&place->tar, "up/.wh..wh..opq", NULL);
    unpack_place_unpack(place);
    assert_true(unpack_place_is_whiteout(place, "victim"));
}

static void test_root_replaced(void **state)
{
    struct unpack_place *place = *state;

    layer_tar_symlink(&place->tar, "./", "/etc");
    assert_true(unpack_place_try(place) < 0);
    buf_clear(&place->tar.bytes);
    layer_tar_file(&place->tar, ".", "x");
    assert_true(unpack_place_try(place) < 0);
    assert_true(S_ISDIR(unpack_place_look(place, ".").st_mode));
}

static void test_too_deep(void **state)
{
    struct unpack_place *place = *state;
    CLEANUP_BUF struct buf path;

    buf_init(&path, 10000);
    for (int i = 0; i < 1500; i++)
        assert_int_equal(buf_append_text(&path, "d/"), 0);
    assert_int_equal(buf_append_text(&path, "f"), 0);
    layer_tar_gnu_long(&place->tar, 'L', buf_text(&path));
    layer_tar_file(&place->tar, "short", "x");
    refused(place, MCPD_E_LIMIT, "deep");
}

static void test_deep(void **state)
{
    struct unpack_place *place = *state;
    CLEANUP_BUF struct buf path;

    buf_init(&path, 10000);
    for (int i = 0; i < UNPACK_MAX_DEPTH; i++)
        assert_int_equal(buf_append_text(&path, "d/"), 0);
    assert_int_equal(buf_append_text(&path, "f"), 0);
    layer_tar_gnu_long(&place->tar, 'L', buf_text(&path));
    layer_tar_file(&place->tar, "short", "deep");
    unpack_place_unpack(place);
    unpack_place_has_text(place, buf_text(&path), "deep");
}

static void test_too_many_entries(void **state)
{
    struct unpack_place *place = *state;

    place->options.max_entries = 3;
    for (int i = 0; i < 4; i++)
        layer_tar_file(&place->tar, "same", "x");
    refused(place, MCPD_E_LIMIT, "more than 3 entries");
}

static void test_truncated(void **state)
{
    struct unpack_place *place = *state;
    struct buf half;

    layer_tar_file(&place->tar, "first", "x");
    layer_tar_add(&place->tar, &(struct layer_tar_entry){
                                   .type = '0', .name = "file", .data = "0123456789", .size = 10});
    half = place->tar.bytes;
    half.length -= 400;
    /* The padding of the last entry is missing, or its contents, or a part of its header. */
    half.length -= 110;
    assert_true(unpack_place_try_bytes(place, &half) < 0);
    half.length -= 300;
    assert_true(unpack_place_try_bytes(place, &half) < 0);
}

static void test_not_a_tar(void **state)
{
    struct unpack_place *place = *state;
    char noise[5000];

    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (char)(i * 31 + i / 7);
    assert_int_equal(buf_append(&place->tar.bytes, noise, sizeof(noise)), 0);
    assert_int_equal(unpack_place_try_bytes(place, &place->tar.bytes), -MCPD_E_CORRUPT);
    assert_non_null(strstr(place->error.message, "tar"));
}

static void test_damaged_header(void **state)
{
    struct unpack_place *place = *state;

    layer_tar_file(&place->tar, "a", "x");
    layer_tar_file(&place->tar, "b", "x");
    place->tar.bytes.data[1024 + 3] ^= 1;
    assert_true(unpack_place_try(place) < 0);
}

static void test_huge_sizes(void **state)
{
    struct unpack_place *place = *state;

    layer_tar_pax(&place->tar, "size", "9223372036854775806", 19);
    layer_tar_file(&place->tar, "huge", "x");
    assert_true(unpack_place_try(place) < 0);
    buf_clear(&place->tar.bytes);
    layer_tar_pax(&place->tar, "GNU.sparse.map", "0,1", 3);
    layer_tar_pax(&place->tar, "GNU.sparse.size", "9000000000000000000", 19);
    layer_tar_file(&place->tar, "sparse", "x");
    assert_true(unpack_place_try(place) < 0);
    buf_clear(&place->tar.bytes);
    layer_tar_pax(&place->tar, "GNU.sparse.map", "9000000000000000000,1", 21);
    layer_tar_pax(&place->tar, "GNU.sparse.size", "10", 2);
    layer_tar_file(&place->tar, "sparse", "x");
    assert_true(unpack_place_try(place) < 0);
}

static void test_trailing_flood(void **state)
{
    struct unpack_place *place = *state;
    CLEANUP_FREE char *zeros = calloc(1, 1u << 20);

    layer_tar_file(&place->tar, "a", "x");
    for (int i = 0; i < 66; i++)
        assert_int_equal(buf_append(&place->tar.bytes, zeros, 1u << 20), 0);
    refused(place, MCPD_E_LIMIT, "follow its end");
}

static void test_owner_of_nobody(void **state)
{
    struct unpack_place *place = *state;

    layer_tar_add(&place->tar, &(struct layer_tar_entry){
                                   .type = '0', .name = "f", .data = "x", .uid = 4294967295});
    refused(place, MCPD_E_CORRUPT, "owner");
}

static void test_message_is_clean(void **state)
{
    struct unpack_place *place = *state;

    layer_tar_file(&place->tar, "../\x1b[31mred\n", "x");
    refused(place, MCPD_E_CORRUPT, "?[31mred?");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, unpack_place_setup, unpack_place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_leaving),
        TEST(test_leaving_in_the_middle),
        TEST(test_through_links_outside),
        TEST(test_link_loop),
        TEST(test_file_in_the_way),
        TEST(test_hardlink_outside),
        TEST(test_hardlink_absolute),
        TEST(test_hardlink_through_link),
        TEST(test_hardlink_to_symlink),
        TEST(test_hardlink_to_folder),
        TEST(test_whiteout_tricks),
        TEST(test_root_replaced),
        TEST(test_deep),
        TEST(test_too_deep),
        TEST(test_too_many_entries),
        TEST(test_truncated),
        TEST(test_not_a_tar),
        TEST(test_damaged_header),
        TEST(test_huge_sizes),
        TEST(test_trailing_flood),
        TEST(test_owner_of_nobody),
        TEST(test_message_is_clean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
