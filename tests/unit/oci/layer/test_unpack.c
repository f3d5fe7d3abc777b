/* test_unpack.c - whole layers into a folder: what becomes of each kind of entry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/unpack_place.h"

#include "base/fsutil.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static void test_plain(void **state)
{
    struct unpack_place *place = *state;
    struct layer_tar *tar = &place->tar;
    /* Without capabilities we could not write into it ourselves. */
    const unsigned int closed = unpack_place_is_root() ? 0555 : 0755;
    struct stat st;

    layer_tar_add(tar, &(struct layer_tar_entry){.type = '5', .name = "./", .mode = 0750});
    layer_tar_add(tar, &(struct layer_tar_entry){
                           .type = '5', .name = "dir/", .mode = closed, .mtime = 1000000001});
    layer_tar_add(tar, &(struct layer_tar_entry){.type = '0',
                                                 .name = "dir/file",
                                                 .data = "contents",
                                                 .mode = 0640,
                                                 .mtime = 1000000002});
    layer_tar_file(tar, "dir/empty", NULL);
    layer_tar_symlink(tar, "dir/soft", "../../../etc/passwd");
    layer_tar_hardlink(tar, "hard", "dir/file");
    layer_tar_add(tar, &(struct layer_tar_entry){.type = '6', .name = "fifo", .mode = 0622});
    layer_tar_add(tar, &(struct layer_tar_entry){.type = '0', .name = "suid", .mode = 06755});
    layer_tar_add(tar, &(struct layer_tar_entry){.type = '5', .name = "tmp", .mode = 01777});
    layer_tar_file(tar, "dir/later", "back in the first folder");
    unpack_place_unpack(place);
    assert_int_equal(place->result.entries, 10);
    assert_int_equal(place->result.file_bytes, 8 + 24);
    unpack_place_has_text(place, "dir/file", "contents");
    st = unpack_place_look(place, "dir/file");
    assert_int_equal(st.st_mode, S_IFREG | 0640);
    assert_int_equal(st.st_mtime, 1000000002);
    assert_int_equal(st.st_nlink, 2);
    assert_int_equal(st.st_ino, unpack_place_look(place, "hard").st_ino);
    assert_int_equal(unpack_place_look(place, "dir/empty").st_size, 0);
    st = unpack_place_look(place, "dir");
    assert_int_equal(st.st_mode, S_IFDIR | closed);
    assert_int_equal(st.st_mtime, 1000000001);
    st = unpack_place_look(place, "dir/soft");
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(st.st_mtime, 1600000000);
    assert_int_equal(unpack_place_look(place, "fifo").st_mode, S_IFIFO | 0622);
    assert_int_equal(unpack_place_look(place, "suid").st_mode, S_IFREG | 06755);
    assert_int_equal(unpack_place_look(place, "tmp").st_mode, S_IFDIR | 01777);
    assert_int_equal(unpack_place_look(place, ".").st_mode, S_IFDIR | 0750);
    assert_int_equal(unpack_place_look(place, ".").st_mtime, 1600000000);
}

static void test_folder_times(void **state)
{
    struct unpack_place *place = *state;

    layer_tar_add(&place->tar, &(struct layer_tar_entry){.type = '5', .name = "a", .mtime = 1111});
    layer_tar_add(&place->tar,
                  &(struct layer_tar_entry){.type = '5', .name = "a/b", .mtime = 2222});
    layer_tar_file(&place->tar, "a/b/x", "1");
    layer_tar_file(&place->tar, "c", "1");
    layer_tar_file(&place->tar, "a/b/y", "2");
    layer_tar_file(&place->tar, "a/z", "3");
    layer_tar_symlink(&place->tar, "way", "a/b");
    layer_tar_file(&place->tar, "way/w", "4");
    unpack_place_unpack(place);
    assert_int_equal(unpack_place_look(place, "a").st_mtime, 1111);
    assert_int_equal(unpack_place_look(place, "a/b").st_mtime, 2222);
    unpack_place_has_text(place, "a/b/w", "4");
    assert_true(S_ISLNK(unpack_place_look(place, "way").st_mode));
}

static void test_owners(void **state)
{
    struct unpack_place *place = *state;
    struct stat st;

    if (!unpack_place_is_root())
        skip();
    layer_tar_add(&place->tar, &(struct layer_tar_entry){
                                   .type = '5', .name = "d", .mode = 02775, .uid = 5, .gid = 6});
    layer_tar_file(&place->tar, "d/root", "x");
    layer_tar_dir(&place->tar, "d/sub");
    layer_tar_add(&place->tar, &(struct layer_tar_entry){.type = '0',
                                                         .name = "d/high",
                                                         .data = "x",
                                                         .mode = 04711,
                                                         .uid = 3000000000,
                                                         .gid = 2097153});
    layer_tar_add(&place->tar,
                  &(struct layer_tar_entry){
                      .type = '2', .name = "d/link", .target = "x", .uid = 7, .gid = 8});
    layer_tar_add(&place->tar,
                  &(struct layer_tar_entry){
                      .type = '3', .name = "null", .mode = 0666, .major = 1, .minor = 3, .gid = 9});
    unpack_place_unpack(place);
    st = unpack_place_look(place, "d");
    assert_true(st.st_uid == 5 && st.st_gid == 6 && (st.st_mode & 07777) == 02775);
    st = unpack_place_look(place, "d/root");
    assert_true(st.st_uid == 0 && st.st_gid == 0);
    st = unpack_place_look(place, "d/sub");
    assert_true(st.st_uid == 0 && st.st_gid == 0 && (st.st_mode & 07777) == 0755);
    st = unpack_place_look(place, "d/high");
    assert_true(st.st_uid == 3000000000u && st.st_gid == 2097153 && (st.st_mode & 07777) == 04711);
    st = unpack_place_look(place, "d/link");
    assert_true(st.st_uid == 7 && st.st_gid == 8);
    st = unpack_place_look(place, "null");
    assert_true(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3) && st.st_gid == 9);
}

static void test_devices_are_left_out(void **state)
{
    struct unpack_place *place = *state;

    place->options.is_in_userns = true;
    layer_tar_add(&place->tar, &(struct layer_tar_entry){
                                   .type = '3', .name = "dev/null", .major = 1, .minor = 3});
    layer_tar_add(&place->tar, &(struct layer_tar_entry){
                                   .type = '4', .name = "dev/sda", .major = 8, .minor = 0});
    layer_tar_file(&place->tar, "file", "x");
    unpack_place_unpack(place);
    assert_int_equal(place->result.skipped, 2);
    assert_false(fs_exists(place->fs_fd, "dev/null"));
    unpack_place_has_text(place, "file", "x");
}

static void test_whiteouts(void **state)
{
    struct unpack_place *place = *state;

    layer_tar_file(&place->tar, "dir/.wh.gone", NULL);
    layer_tar_dir(&place->tar, "opaque");
    layer_tar_file(&place->tar, "opaque/.wh..wh..opq", NULL);
    layer_tar_file(&place->tar, "opaque/new", "x");
    layer_tar_file(&place->tar, "late/x", "x");
    layer_tar_file(&place->tar, "late/.wh..wh..opq", NULL);
    layer_tar_file(&place->tar, ".wh..wh.plnk/1.2", "x");
    layer_tar_file(&place->tar, ".wh..wh.aufs", "x");
    unpack_place_unpack(place);
    assert_true(unpack_place_is_whiteout(place, "dir/gone"));
    assert_false(unpack_place_is_opaque(place, "dir"));
    assert_true(unpack_place_is_opaque(place, "opaque"));
    assert_true(unpack_place_is_opaque(place, "late"));
    unpack_place_has_text(place, "opaque/new", "x");
    assert_false(fs_exists(place->fs_fd, ".wh..wh.plnk"));
    assert_false(fs_exists(place->fs_fd, ".wh..wh.aufs"));
    assert_int_equal(place->result.skipped, 2);
}

/* A whiteout hides what is below, never what this layer has itself. */
static void test_whiteout_and_the_same_name(void **state)
{
    struct unpack_place *place = *state;

    layer_tar_file(&place->tar, ".wh.file1", NULL);
    layer_tar_file(&place->tar, "file1", "new");
    layer_tar_file(&place->tar, "file2", "new");
    layer_tar_file(&place->tar, ".wh.file2", NULL);
    layer_tar_file(&place->tar, ".wh.dir1", NULL);
    layer_tar_dir(&place->tar, "dir1");
    layer_tar_file(&place->tar, "dir1/x", "new");
    layer_tar_dir(&place->tar, "dir2");
    layer_tar_file(&place->tar, "dir2/x", "new");
    layer_tar_file(&place->tar, ".wh.dir2", NULL);
    unpack_place_unpack(place);
    unpack_place_has_text(place, "file1", "new");
    unpack_place_has_text(place, "file2", "new");
    unpack_place_has_text(place, "dir1/x", "new");
    unpack_place_has_text(place, "dir2/x", "new");
    assert_true(unpack_place_is_opaque(place, "dir1"));
    assert_true(unpack_place_is_opaque(place, "dir2"));
}

static void test_later_replaces_earlier(void **state)
{
    struct unpack_place *place = *state;
    struct layer_tar *tar = &place->tar;

    layer_tar_file(tar, "file", "old old old");
    layer_tar_file(tar, "file", "new");
    layer_tar_file(tar, "becomes/dir", "file");
    layer_tar_dir(tar, "becomes/dir");
    layer_tar_file(tar, "becomes/dir/x", "inside");
    layer_tar_dir(tar, "was/dir");
    layer_tar_file(tar, "was/dir/x/y", "gone");
    layer_tar_file(tar, "was/dir", "now a file");
    layer_tar_symlink(tar, "link", "victim");
    layer_tar_file(tar, "link", "a file, not through the link");
    layer_tar_dir(tar, "kept");
    layer_tar_file(tar, "kept/x", "kept");
    layer_tar_add(tar, &(struct layer_tar_entry){.type = '5', .name = "kept", .mode = 0700});
    layer_tar_symlink(tar, "dirlink", "kept");
    layer_tar_dir(tar, "dirlink");
    layer_tar_hardlink(tar, "self", "file");
    layer_tar_hardlink(tar, "self", "file");
    layer_tar_hardlink(tar, "file", "file");
    unpack_place_unpack(place);
    unpack_place_has_text(place, "file", "new");
    unpack_place_has_text(place, "becomes/dir/x", "inside");
    unpack_place_has_text(place, "was/dir", "now a file");
    unpack_place_has_text(place, "link", "a file, not through the link");
    unpack_place_has_text(place, "kept/x", "kept");
    assert_int_equal(unpack_place_look(place, "kept").st_mode, S_IFDIR | 0700);
    assert_true(S_ISDIR(unpack_place_look(place, "dirlink").st_mode));
    assert_int_equal(unpack_place_look(place, "file").st_nlink, 2);
}

static void test_through_links_of_the_layer(void **state)
{
    struct unpack_place *place = *state;

    layer_tar_dir(&place->tar, "usr/lib");
    layer_tar_symlink(&place->tar, "lib", "usr/lib");
    layer_tar_file(&place->tar, "lib/a", "a");
    layer_tar_symlink(&place->tar, "absolute", "/usr/lib");
    layer_tar_file(&place->tar, "absolute/sub/b", "b");
    layer_tar_symlink(&place->tar, "dangling", "opt/not/there");
    layer_tar_file(&place->tar, "dangling/c", "c");
    layer_tar_symlink(&place->tar, "up", "../../../..");
    layer_tar_file(&place->tar, "up/d", "d");
    layer_tar_hardlink(&place->tar, "e", "lib/a");
    unpack_place_unpack(place);
    unpack_place_has_text(place, "usr/lib/a", "a");
    unpack_place_has_text(place, "usr/lib/sub/b", "b");
    unpack_place_has_text(place, "opt/not/there/c", "c");
    unpack_place_has_text(place, "d", "d");
    assert_int_equal(unpack_place_look(place, "e").st_ino,
                     unpack_place_look(place, "usr/lib/a").st_ino);
}

static void test_long_names(void **state)
{
    static char name[300], target[300];
    struct unpack_place *place = *state;
    CLEANUP_FREE char *path = NULL;
    char read[400] = {0};

    memset(name, 'n', 200);
    memset(target, 't', 250);
    path = str_format("%s/%s", name, name);
    layer_tar_gnu_long(&place->tar, 'L', path);
    layer_tar_file(&place->tar, "short", "gnu");
    layer_tar_gnu_long(&place->tar, 'K', target);
    layer_tar_symlink(&place->tar, "gnulink", "short");
    layer_tar_pax(&place->tar, "path", "pax/\xc3\xbcml\xc3\xa4ut", 12);
    layer_tar_file(&place->tar, "short", "utf-8");
    layer_tar_pax(&place->tar, "path", "pax/\xff\xfe raw", 10);
    layer_tar_file(&place->tar, "short", "not utf-8");
    layer_tar_pax(&place->tar, "linkpath", target, strlen(target));
    layer_tar_symlink(&place->tar, "paxlink", "short");
    layer_tar_pax(&place->tar, "mtime", "1234567890.123456789", 20);
    layer_tar_file(&place->tar, "fine", "x");
    layer_tar_file(&place->tar, "latin\xe9", "raw in the header");
    unpack_place_unpack(place);
    unpack_place_has_text(place, path, "gnu");
    unpack_place_has_text(place, "pax/\xc3\xbcml\xc3\xa4ut", "utf-8");
    unpack_place_has_text(place, "pax/\xff\xfe raw", "not utf-8");
    unpack_place_has_text(place, "latin\xe9", "raw in the header");
    assert_true(readlinkat(place->fs_fd, "gnulink", read, sizeof(read) - 1) > 0);
    assert_string_equal(read, target);
    memset(read, 0, sizeof(read));
    assert_true(readlinkat(place->fs_fd, "paxlink", read, sizeof(read) - 1) > 0);
    assert_string_equal(read, target);
    assert_int_equal(unpack_place_look(place, "fine").st_mtim.tv_sec, 1234567890);
    assert_int_equal(unpack_place_look(place, "fine").st_mtim.tv_nsec, 123456789);
}

static void test_sparse(void **state)
{
    struct unpack_place *place = *state;
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    struct stat st;

    /* GNU 0.1: 4 bytes at 1 MiB, the rest is a hole. */
    layer_tar_pax(&place->tar, "GNU.sparse.map", "1048576,4,2097152,0", 19);
    layer_tar_pax(&place->tar, "GNU.sparse.size", "2097152", 7);
    layer_tar_file(&place->tar, "sparse", "data");
    unpack_place_unpack(place);
    st = unpack_place_look(place, "sparse");
    assert_int_equal(st.st_size, 2097152);
    assert_true(st.st_blocks < 512);
    assert_int_equal(fs_read_file(place->fs_fd, "sparse", 4u << 20, &text, &length, NULL), 0);
    assert_memory_equal(text + 1048576, "data", 4);
    assert_int_equal(text[1048580], 0);
}

static void test_xattrs(void **state)
{
    static const unsigned char capability[20] = {1, 0, 0, 2, 0, 0x20};
    struct unpack_place *place = *state;
    CLEANUP_FD int fd = -1;
    char value[32] = {0};

    layer_tar_pax(&place->tar, "SCHILY.xattr.user.color", "blue\0x", 6);
    layer_tar_pax(&place->tar, "SCHILY.xattr.trusted.overlay.redirect", "/etc", 4);
    layer_tar_pax(&place->tar, "SCHILY.xattr.user.overlay.opaque", "y", 1);
    layer_tar_file(&place->tar, "file", "x");
    layer_tar_pax(&place->tar, "SCHILY.xattr.user.dir", "yes", 3);
    layer_tar_dir(&place->tar, "dir");
    if (unpack_place_is_root()) {
        layer_tar_pax(&place->tar, "SCHILY.xattr.security.capability", capability,
                      sizeof(capability));
        layer_tar_add(&place->tar,
                      &(struct layer_tar_entry){
                          .type = '0', .name = "ping", .data = "x", .mode = 0755, .uid = 10});
    }
    unpack_place_unpack(place);
    fd = openat(place->fs_fd, "file", O_RDONLY | O_CLOEXEC);
    assert_int_equal(fgetxattr(fd, "user.color", value, sizeof(value)), 6);
    assert_memory_equal(value, "blue\0x", 6);
    assert_true(fgetxattr(fd, "trusted.overlay.redirect", value, sizeof(value)) < 0);
    assert_true(fgetxattr(fd, "user.overlay.opaque", value, sizeof(value)) < 0);
    assert_int_equal(place->result.skipped_xattrs, 2);
    (void)close(fd);
    fd = openat(place->fs_fd, "dir", O_RDONLY | O_CLOEXEC);
    assert_int_equal(fgetxattr(fd, "user.dir", value, sizeof(value)), 3);
    if (!unpack_place_is_root())
        return;
    (void)close(fd);
    fd = openat(place->fs_fd, "ping", O_RDONLY | O_CLOEXEC);
    assert_int_equal(fgetxattr(fd, "security.capability", value, sizeof(value)), 20);
    assert_memory_equal(value, capability, 20);
}

static void test_compressed(void **state)
{
    struct unpack_place *place = *state;
    CLEANUP_BUF struct buf packed;
    struct digest expected;

    buf_init(&packed, 1u << 20);
    layer_tar_file(&place->tar, "file", "gzip");
    layer_tar_end(&place->tar);
    /* Blocks of zeros behind the end belong to the diff_id. */
    layer_tar_end(&place->tar);
    expected = layer_tar_digest(place->tar.bytes.data, place->tar.bytes.length);
    layer_tar_gzip(place->tar.bytes.data, place->tar.bytes.length, &packed);
    assert_int_equal(unpack_place_try_bytes(place, &packed), 0);
    assert_true(digest_equal(&expected, &place->result.diff_id));
    unpack_place_has_text(place, "file", "gzip");
    buf_clear(&packed);
    layer_tar_zstd(place->tar.bytes.data, place->tar.bytes.length, &packed);
    assert_int_equal(unpack_place_try_bytes(place, &packed), 0);
    assert_true(digest_equal(&expected, &place->result.diff_id));
}

static void test_empty(void **state)
{
    struct unpack_place *place = *state;

    assert_int_equal(unpack_place_try_bytes(place, &place->tar.bytes), 0);
    assert_string_equal(place->result.diff_id.text,
                        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    unpack_place_unpack(place);
    assert_int_equal(place->result.entries, 0);
}

static void test_implied(void **state)
{
    static const char expected[] = "a\0a/b\0x";
    struct unpack_place *place = *state;

    layer_tar_file(&place->tar, "a/b/c", "x");
    layer_tar_file(&place->tar, "x/y", "x");
    layer_tar_file(&place->tar, "later/y", "x");
    layer_tar_dir(&place->tar, "later");
    layer_tar_dir(&place->tar, "known");
    layer_tar_file(&place->tar, "known/y", "x");
    unpack_place_unpack(place);
    assert_int_equal(place->result.implied_bytes, sizeof(expected));
    assert_memory_equal(place->result.implied, expected, sizeof(expected));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, unpack_place_setup, unpack_place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_plain),
        TEST(test_folder_times),
        TEST(test_owners),
        TEST(test_devices_are_left_out),
        TEST(test_whiteouts),
        TEST(test_whiteout_and_the_same_name),
        TEST(test_later_replaces_earlier),
        TEST(test_through_links_of_the_layer),
        TEST(test_long_names),
        TEST(test_sparse),
        TEST(test_xattrs),
        TEST(test_compressed),
        TEST(test_empty),
        TEST(test_implied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
