/* test_contents.c - the list of what a layer holds: every change of the folder or the list is
 * found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/layer/contents_check.h"
#include "oci/layer/contents_file.h"
#include "oci/layer/crc64.h"
#include "support/unpack_place.h"

#include "base/fsutil.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

struct place {
    struct unpack_place *unpack;
    int old_cwd_fd;
    char *found; /* "path: what\n" for each problem */
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    void *unpack = NULL;

    assert_non_null(place);
    assert_int_equal(unpack_place_setup(&unpack), 0);
    place->unpack = unpack;
    place->old_cwd_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    void *unpack = place->unpack;

    assert_int_equal(fchdir(place->old_cwd_fd), 0);
    (void)close(place->old_cwd_fd);
    free(place->found);
    free(place);
    return unpack_place_teardown(&unpack);
}

static int open_list(struct place *place, int flags)
{
    int fd = openat(place->unpack->fd, CONTENTS_FILE_NAME, flags | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    return fd;
}

static void unpack(struct place *place)
{
    place->unpack->options.contents_fd = open_list(place, O_WRONLY | O_CREAT | O_TRUNC);
    unpack_place_unpack(place->unpack);
    (void)close(place->unpack->options.contents_fd);
}

/* One of everything that anybody may make. */
static void unpack_layer_of_everything(struct place *place)
{
    struct layer_tar *tar = &place->unpack->tar;

    layer_tar_dir(tar, "dir");
    layer_tar_file(tar, "dir/file", "contents of the file");
    layer_tar_file(tar, "dir/empty", NULL);
    layer_tar_file(tar, "dir/other", "contents of the other");
    layer_tar_hardlink(tar, "dir/twin", "dir/file");
    layer_tar_symlink(tar, "dir/link", "file");
    layer_tar_add(tar, &(struct layer_tar_entry){.type = '6', .name = "fifo"});
    layer_tar_file(tar, "a name\nwith 100%\xff", "x");
    layer_tar_pax(tar, "SCHILY.xattr.user.one", "1", 1);
    layer_tar_file(tar, "marked", "x");
    layer_tar_file(tar, "dir.d", "sorts between the folder and what is in it");
    layer_tar_file(tar, "replaced", "what nobody will see");
    layer_tar_file(tar, "replaced", "what is there");
    layer_tar_file(tar, ".wh.gone", NULL);
    unpack(place);
}

static void note(void *context, const char *path, const char *what)
{
    struct place *place = context;
    char *found = str_format("%s%s: %s\n", place->found ? place->found : "", path, what);

    assert_non_null(found);
    free(place->found);
    place->found = found;
}

/* Exactly these lines, "" for none. */
static void expect(struct place *place, const char *lines)
{
    int list_fd = open_list(place, O_RDONLY);
    struct contents_total total = {0};
    size_t count = 0, expected_count = 0;

    free(TAKE_PTR(place->found));
    assert_int_equal(
        contents_check(place->unpack->fs_fd, list_fd, note, place, &total, &count, NULL), 0);
    (void)close(list_fd);
    for (const char *c = lines; *c; c++)
        expected_count += *c == '\n';
    assert_string_equal(place->found ? place->found : "", lines);
    assert_int_equal(count, expected_count);
}

static void expect_damage(struct place *place)
{
    int list_fd = open_list(place, O_RDONLY);
    struct contents_total total = {0};
    size_t count = 0;

    free(TAKE_PTR(place->found));
    assert_int_equal(
        contents_check(place->unpack->fs_fd, list_fd, note, place, &total, &count, NULL), 0);
    (void)close(list_fd);
    assert_true(count > 0);
}

static void put(struct place *place, const char *path, off_t offset, const char *text)
{
    int fd = openat(place->unpack->fs_fd, path, O_WRONLY | O_CLOEXEC);
    struct stat st;

    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    assert_int_equal(pwrite(fd, text, strlen(text), offset), (ssize_t)strlen(text));
    assert_int_equal(futimens(fd, (struct timespec[]){st.st_atim, st.st_mtim}), 0);
    (void)close(fd);
}

/* Changes in a folder change its time, which would be a second finding. */
static void keep_time(struct place *place, const char *path, int64_t mtime_s)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = mtime_s}};

    assert_int_equal(utimensat(place->unpack->fs_fd, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static int64_t time_of(struct place *place, const char *path)
{
    return unpack_place_look(place->unpack, path).st_mtim.tv_sec;
}

static void test_nothing_changed(void **state)
{
    struct place *place = *state;

    unpack_layer_of_everything(place);
    expect(place, "");
    /* dir/file, dir/other, the name, marked, dir.d, replaced */
    assert_int_equal(place->unpack->result.file_bytes, 20 + 21 + 1 + 1 + 42 + 13);
}

static void test_contents(void **state)
{
    struct place *place = *state;

    unpack_layer_of_everything(place);
    put(place, "dir/file", 3, "T");
    expect(place, "dir/file: contents differ\n");
    put(place, "dir/file", 3, "t");
    expect(place, "");
    put(place, "dir/file", 20, "+");
    expect(place, "dir/file: has 21 bytes instead of 20\n");
}

/* Bit by bit. */
static void test_every_flipped_bit(void **state)
{
    struct place *place = *state;
    static const char text[] = "contents of the other";

    unpack_layer_of_everything(place);
    for (unsigned int i = 0; i < 8 * (sizeof(text) - 1); i++) {
        char flipped[2] = {(char)(text[i / 8] ^ 1 << i % 8), '\0'};
        char same[2] = {text[i / 8], '\0'};

        if (flipped[0] == '\0')
            continue;
        put(place, "dir/other", i / 8, flipped);
        expect(place, "dir/other: contents differ\n");
        put(place, "dir/other", i / 8, same);
    }
    expect(place, "");
}

static void test_modes(void **state)
{
    struct place *place = *state;
    int fs_fd = place->unpack->fs_fd;

    unpack_layer_of_everything(place);
    assert_int_equal(fchmodat(fs_fd, "dir/file", 0600, 0), 0);
    assert_int_equal(fchmodat(fs_fd, "dir", 01755, 0), 0);
    assert_int_equal(fchmodat(fs_fd, "fifo", 0666, 0), 0);
    expect(place, "fifo: mode is 0666 instead of 0644\n"
                  "dir: mode is 1755 instead of 0755\n"
                  "dir/file: mode is 0600 instead of 0644\n"
                  "dir/twin: mode is 0600 instead of 0644\n");
}

static void test_owners(void **state)
{
    struct place *place = *state;
    int fs_fd = place->unpack->fs_fd;

    if (!unpack_place_is_root())
        skip();
    unpack_layer_of_everything(place);
    assert_int_equal(fchownat(fs_fd, "dir/link", 7, 0, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(fchownat(fs_fd, ".", 0, 8, 0), 0);
    assert_int_equal(fchownat(fs_fd, "gone", 1, 1, AT_SYMLINK_NOFOLLOW), 0);
    expect(place, "/: belongs to 0:8 instead of 0:0\n"
                  "gone: belongs to 1:1 instead of 0:0\n"
                  "dir/link: belongs to 7:0 instead of 0:0\n");
}

static void test_times(void **state)
{
    struct place *place = *state;

    unpack_layer_of_everything(place);
    keep_time(place, "dir/link", -5);
    expect(place, "dir/link: modification time differs\n");
}

static void test_missing_and_more(void **state)
{
    struct place *place = *state;
    int fs_fd = place->unpack->fs_fd;
    int64_t root_time_s, dir_time_s;

    unpack_layer_of_everything(place);
    root_time_s = time_of(place, ".");
    dir_time_s = time_of(place, "dir");
    assert_int_equal(unlinkat(fs_fd, "dir/empty", 0), 0);
    assert_int_equal(unlinkat(fs_fd, "replaced", 0), 0);
    assert_int_equal(unlinkat(fs_fd, "gone", 0), 0);
    assert_int_equal(mkdirat(fs_fd, "zoo", 0755), 0);
    assert_int_equal(fs_write_file(fs_fd, "zoo/ape", "", 0, 0600, 0, NULL), 0);
    assert_int_equal(fs_write_file(fs_fd, "aaa", "", 0, 0600, 0, NULL), 0);
    keep_time(place, "dir", dir_time_s);
    keep_time(place, ".", root_time_s);
    expect(place, "aaa: does not belong to the layer\n"
                  "gone: is missing\n"
                  "replaced: is missing\n"
                  "dir/empty: is missing\n"
                  "zoo: does not belong to the layer\n"
                  "zoo/ape: does not belong to the layer\n");
}

static void test_whole_folder_is_missing(void **state)
{
    struct place *place = *state;
    int64_t root_time_s;

    unpack_layer_of_everything(place);
    root_time_s = time_of(place, ".");
    assert_int_equal(fs_remove_tree(place->unpack->fs_fd, "dir", NULL), 0);
    keep_time(place, ".", root_time_s);
    expect(place, "dir: is missing\ndir/empty: is missing\ndir/file: is missing\n"
                  "dir/link: is missing\ndir/other: is missing\ndir/twin: is missing\n");
}

static void test_types(void **state)
{
    struct place *place = *state;
    int fs_fd = place->unpack->fs_fd;
    int64_t dir_time_s, root_time_s;

    unpack_layer_of_everything(place);
    dir_time_s = time_of(place, "dir");
    root_time_s = time_of(place, ".");
    assert_int_equal(unlinkat(fs_fd, "dir/link", 0), 0);
    assert_int_equal(symlinkat("elif", fs_fd, "dir/link"), 0);
    keep_time(place, "dir/link", 1600000000);
    keep_time(place, "dir", dir_time_s);
    expect(place, "dir/link: links to something else\n");
    assert_int_equal(unlinkat(fs_fd, "dir/link", 0), 0);
    assert_int_equal(fs_write_file(fs_fd, "dir/link", "", 0, 0777, 0, NULL), 0);
    keep_time(place, "dir/link", 1600000000);
    keep_time(place, "dir", dir_time_s);
    expect(place, "dir/link: is of another type\n");
    assert_int_equal(unlinkat(fs_fd, "fifo", 0), 0);
    assert_int_equal(mkdirat(fs_fd, "fifo", 0755), 0);
    keep_time(place, ".", root_time_s);
    expect(place, "fifo: is missing\n"
                  "dir/link: is of another type\n"
                  "fifo: does not belong to the layer\n");
}

static void test_hard_links(void **state)
{
    struct place *place = *state;
    int fs_fd = place->unpack->fs_fd;
    int64_t dir_time_s;

    unpack_layer_of_everything(place);
    dir_time_s = time_of(place, "dir");
    assert_int_equal(unlinkat(fs_fd, "dir/twin", 0), 0);
    assert_int_equal(fs_write_file(fs_fd, "dir/twin", "contents of the file", 20, 0644, 0, NULL),
                     0);
    keep_time(place, "dir/twin", 1600000000);
    keep_time(place, "dir", dir_time_s);
    expect(place, "dir/twin: is of another type\n");
    assert_int_equal(unlinkat(fs_fd, "dir/twin", 0), 0);
    assert_int_equal(linkat(fs_fd, "dir/other", fs_fd, "dir/twin", 0), 0);
    keep_time(place, "dir", dir_time_s);
    expect(place, "dir/twin: is a name of another file\n");
    /* A name outside, as a container's copy may have one, is none of ours. */
    assert_int_equal(unlinkat(fs_fd, "dir/twin", 0), 0);
    assert_int_equal(linkat(fs_fd, "dir/file", fs_fd, "dir/twin", 0), 0);
    assert_int_equal(linkat(fs_fd, "dir/other", place->unpack->fd, "outside", 0), 0);
    keep_time(place, "dir", dir_time_s);
    expect(place, "");
}

static void test_attributes(void **state)
{
    struct place *place = *state;
    char path[128];

    unpack_layer_of_everything(place);
    if (place->unpack->result.skipped_xattrs > 0)
        skip(); /* this file system has none */
    (void)snprintf(path, sizeof(path), "%s/fs/marked", place->unpack->path);
    assert_int_equal(setxattr(path, "user.one", "2", 1, 0), 0);
    expect(place, "marked: extended attributes differ\n");
    assert_int_equal(setxattr(path, "user.one", "1", 1, 0), 0);
    expect(place, "");
    assert_int_equal(setxattr(path, "user.two", "", 0, 0), 0);
    expect(place, "marked: extended attributes differ\n");
    assert_int_equal(removexattr(path, "user.two"), 0);
    assert_int_equal(removexattr(path, "user.one"), 0);
    expect(place, "marked: extended attributes differ\n");
    (void)snprintf(path, sizeof(path), "%s/fs/dir", place->unpack->path);
    assert_int_equal(setxattr(path, "user.overlay.opaque", "y", 1, 0), 0);
    expect(place, "marked: extended attributes differ\ndir: extended attributes differ\n");
}

/* What the security module of the host writes is no change of the layer. */
static void test_labels_do_not_count(void **state)
{
    struct place *place = *state;
    char path[128];

    if (!unpack_place_is_root())
        skip();
    unpack_layer_of_everything(place);
    (void)snprintf(path, sizeof(path), "%s/fs/marked", place->unpack->path);
    if (setxattr(path, "security.ima", "x", 1, 0) < 0)
        skip();
    expect(place, "");
}

/* Each byte of the list itself. */
static void test_every_flipped_byte_of_the_list(void **state)
{
    struct place *place = *state;
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    int fd;

    unpack_layer_of_everything(place);
    assert_int_equal(
        fs_read_file(place->unpack->fd, CONTENTS_FILE_NAME, 1u << 20, &text, &length, NULL), 0);
    fd = open_list(place, O_WRONLY);
    for (size_t i = 0; i < length; i++) {
        char flipped = (char)(text[i] ^ (i % 2 ? 1 : 0x10));

        assert_int_equal(pwrite(fd, &flipped, 1, (off_t)i), 1);
        expect_damage(place);
        assert_int_equal(pwrite(fd, &text[i], 1, (off_t)i), 1);
    }
    expect(place, "");
    for (size_t i = 0; i < length; i += 7) {
        assert_int_equal(ftruncate(fd, (off_t)i), 0);
        expect_damage(place);
        assert_int_equal(pwrite(fd, text, length, 0), (ssize_t)length);
    }
    assert_int_equal(pwrite(fd, "\n", 1, (off_t)length), 1);
    expect_damage(place);
    (void)close(fd);
}

/* A line has a limit, whatever the file holds. */
static void test_endless_line(void **state)
{
    struct place *place = *state;
    static char line[1u << 20];
    int fd;

    unpack_layer_of_everything(place);
    memset(line, 'a', sizeof(line));
    fd = open_list(place, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, line, sizeof(line)), sizeof(line));
    (void)close(fd);
    expect(place, "/: the list of the layer's contents is damaged: a line is too long\n");
}

/* Holes are not read, and do not matter. */
static void test_sparse(void **state)
{
    struct place *place = *state;
    int fd;

    layer_tar_file(&place->unpack->tar, "file", "x");
    unpack(place);
    fd = openat(place->unpack->fs_fd, "file", O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, "middle", 6, 1 << 20), 6);
    assert_int_equal(ftruncate(fd, 1LL << 40), 0);
    (void)close(fd);
    keep_time(place, "file", 1600000000);
    fd = open_list(place, O_WRONLY | O_TRUNC);
    assert_int_equal(
        contents_file_make(place->unpack->fs_fd, NULL, 0, fd, &(struct contents_total){0}, NULL),
        0);
    (void)close(fd);
    expect(place, "");
    put(place, "file", (1 << 20) + 3, "D");
    expect(place, "file: contents differ\n");
    put(place, "file", (1 << 20) + 3, "d");
    put(place, "file", 1LL << 30, "1");
    expect(place, "file: contents differ\n");
}

/* Folders that were changed on purpose after the list was made. */
static void test_refresh(void **state)
{
    struct place *place = *state;
    static const char paths[] = "no/where\0dir\0a/b";

    layer_tar_file(&place->unpack->tar, "dir/file", "x");
    layer_tar_file(&place->unpack->tar, "a/b/file", "x");
    unpack(place);
    assert_int_equal(fchmodat(place->unpack->fs_fd, "dir", 01777, 0), 0);
    assert_int_equal(fchmodat(place->unpack->fs_fd, "a", 0700, 0), 0);
    expect(place, "a: mode is 0700 instead of 0755\ndir: mode is 1777 instead of 0755\n");
    assert_int_equal(contents_file_refresh(place->unpack->fd, paths, sizeof(paths), NULL), 0);
    expect(place, "a: mode is 0700 instead of 0755\n");
    assert_false(fs_exists(place->unpack->fd, CONTENTS_FILE_NAME ".new"));
    assert_int_equal(unlinkat(place->unpack->fd, CONTENTS_FILE_NAME, 0), 0);
    assert_int_equal(contents_file_refresh(place->unpack->fd, paths, sizeof(paths), NULL), 0);
}

static void test_order(void **state)
{
    /* As the walk gives them; upper case is a folder. */
    static const struct contents_entry sorted[] = {
        {.path = "", .type = 'd'},    {.path = "b", .type = 'f'},
        {.path = "ba", .type = 'l'},  {.path = "c", .type = 'c'},
        {.path = "A", .type = 'd'},   {.path = "A/a", .type = 'f'},
        {.path = "A/B", .type = 'd'}, {.path = "A/B/c", .type = 'f'},
        {.path = "A.B", .type = 'd'}, {.path = "A.B/c", .type = 'h'},
        {.path = "AB", .type = 'd'},  {.path = "b", .type = 'd'},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sorted); i++)
        for (size_t j = 0; j < ARRAY_SIZE(sorted); j++) {
            int order = contents_compare(&sorted[i], &sorted[j]);

            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
}

static void test_crc64(void **state)
{
    static char zeros[70000];

    (void)state;
    assert_true(crc64_update(0, "123456789", 9) == UINT64_C(0x995dc9bbdf1939fa));
    for (size_t i = 0; i < sizeof(zeros); i += 1 + i / 3)
        assert_true(crc64_update(crc64_update(0, "abc", 3), zeros, i) ==
                    crc64_update_zeros(crc64_update(0, "abc", 3), i));
}

static void test_inode_map(void **state)
{
    struct inode_map map = {0};
    uint64_t value = 0;

    (void)state;
    assert_false(inode_map_get(&map, 5, &value));
    assert_false(inode_map_put(&map, 0, 1));
    for (uint64_t i = 1; i <= 100000; i++)
        assert_true(inode_map_put(&map, i << 20, i));
    assert_true(inode_map_put(&map, 3 << 20, 33));
    for (uint64_t i = 1; i <= 100000; i++)
        assert_true(inode_map_get(&map, i << 20, &value) && value == (i == 3 ? 33 : i));
    assert_false(inode_map_get(&map, 7, &value));
    inode_map_done(&map);
    assert_false(inode_map_get(&map, 3 << 20, &value));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_changed),
        TEST(test_contents),
        TEST(test_every_flipped_bit),
        TEST(test_modes),
        TEST(test_owners),
        TEST(test_times),
        TEST(test_missing_and_more),
        TEST(test_whole_folder_is_missing),
        TEST(test_types),
        TEST(test_hard_links),
        TEST(test_attributes),
        TEST(test_labels_do_not_count),
        TEST(test_every_flipped_byte_of_the_list),
        TEST(test_endless_line),
        TEST(test_sparse),
        TEST(test_refresh),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_crc64),
        cmocka_unit_test(test_inode_map),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
