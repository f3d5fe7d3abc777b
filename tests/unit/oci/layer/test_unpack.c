/*
 * test_unpack.c - whole layers into a folder: what becomes of each kind of entry, and that nothing
 * gets out. Runs as anybody: what needs root is tested as root, and as a user the files are ours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/layer/unpack.h"
#include "oci/layer/unpack_policy.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "support/layer_tar.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

struct place {
    char path[64]; /* holds fs/ and victim */
    int fd;
    int fs_fd;
    struct layer_tar tar;
    struct unpack_options options;
    struct unpack_result result;
    struct mcpd_error error;
};

static bool is_root(void)
{
    return geteuid() == 0;
}

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    assert_non_null(place);
    (void)snprintf(place->path, sizeof(place->path), "/var/tmp/mcpd-unit-XXXXXX");
    assert_non_null(mkdtemp(place->path));
    place->fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(place->fd, "fs", 0755), 0);
    place->fs_fd = openat(place->fd, "fs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(fs_write_file(place->fd, "victim", "untouched", 9, 0666, 0, NULL), 0);
    layer_tar_init(&place->tar);
    place->options.ignore_owners = !is_root();
    place->options.is_in_userns = !is_root();
    (void)umask(0);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    struct stat st;

    /* Whatever the test did: the neighbour of the layer's folder is as before. */
    assert_int_equal(fs_read_file(place->fd, "victim", 100, &text, &length, NULL), 0);
    assert_string_equal(text, "untouched");
    assert_int_equal(fstatat(place->fd, "victim", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(st.st_nlink, 1);
    (void)close(place->fd);
    (void)close(place->fs_fd);
    assert_int_equal(fs_remove_tree(AT_FDCWD, place->path, NULL), 0);
    unpack_result_done(&place->result);
    layer_tar_done(&place->tar);
    free(place);
    return 0;
}

static ssize_t read_tar(void *context, void *buffer, size_t size, struct mcpd_error *err)
{
    struct buf *rest = context;
    size_t count = rest->length < size ? rest->length : size;

    (void)err;
    if (count == 0)
        return 0;
    memcpy(buffer, rest->data, count);
    rest->data += count;
    rest->length -= count;
    return (ssize_t)count;
}

static int unpack_bytes(struct place *place, const struct buf *bytes)
{
    struct buf rest = *bytes;

    unpack_result_done(&place->result);
    return unpack_layer(read_tar, &rest, place->fs_fd, &place->options, &place->result,
                        &place->error);
}

static int unpack(struct place *place)
{
    layer_tar_end(&place->tar);
    return unpack_bytes(place, &place->tar.bytes);
}

static void unpack_well(struct place *place)
{
    if (unpack(place) < 0)
        fail_msg("%s", place->error.message);
    assert_true(digest_equal(
        &place->result.diff_id,
        &(struct digest[]){layer_tar_digest(place->tar.bytes.data, place->tar.bytes.length)}[0]));
    assert_int_equal(place->result.tar_bytes, place->tar.bytes.length);
}

static struct stat look(const struct place *place, const char *path)
{
    struct stat st = {0};

    if (fstatat(place->fs_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        fail_msg("%s is not there", path);
    return st;
}

static void has_text(const struct place *place, const char *path, const char *expected)
{
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;

    assert_int_equal(fs_read_file(place->fs_fd, path, 1u << 20, &text, &length, NULL), 0);
    assert_string_equal(text, expected);
}

static bool is_whiteout(const struct place *place, const char *path)
{
    struct stat st = look(place, path);

    return S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0);
}

static bool is_opaque(const struct place *place, const char *path)
{
    const char *name =
        place->options.is_in_userns ? "user.overlay.opaque" : "trusted.overlay.opaque";
    CLEANUP_FD int fd = openat(place->fs_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char value[2];

    return fd >= 0 && fgetxattr(fd, name, value, sizeof(value)) == 1 && value[0] == 'y';
}

/* ---------------------------------------------------------------- good layers */

static void test_plain(void **state)
{
    struct place *place = *state;
    struct layer_tar *tar = &place->tar;
    /* Without capabilities we could not write into it ourselves. */
    const unsigned int closed = is_root() ? 0555 : 0755;
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
    unpack_well(place);
    assert_int_equal(place->result.entries, 10);
    assert_int_equal(place->result.file_bytes, 8 + 24);
    has_text(place, "dir/file", "contents");
    st = look(place, "dir/file");
    assert_int_equal(st.st_mode, S_IFREG | 0640);
    assert_int_equal(st.st_mtime, 1000000002);
    assert_int_equal(st.st_nlink, 2);
    assert_int_equal(st.st_ino, look(place, "hard").st_ino);
    assert_int_equal(look(place, "dir/empty").st_size, 0);
    st = look(place, "dir");
    assert_int_equal(st.st_mode, S_IFDIR | closed);
    assert_int_equal(st.st_mtime, 1000000001);
    st = look(place, "dir/soft");
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(st.st_mtime, 1600000000);
    assert_int_equal(look(place, "fifo").st_mode, S_IFIFO | 0622);
    assert_int_equal(look(place, "suid").st_mode, S_IFREG | 06755);
    assert_int_equal(look(place, "tmp").st_mode, S_IFDIR | 01777);
    assert_int_equal(look(place, ".").st_mode, S_IFDIR | 0750);
    assert_int_equal(look(place, ".").st_mtime, 1600000000);
}

static void test_folder_times(void **state)
{
    struct place *place = *state;

    layer_tar_add(&place->tar, &(struct layer_tar_entry){.type = '5', .name = "a", .mtime = 1111});
    layer_tar_add(&place->tar,
                  &(struct layer_tar_entry){.type = '5', .name = "a/b", .mtime = 2222});
    layer_tar_file(&place->tar, "a/b/x", "1");
    layer_tar_file(&place->tar, "c", "1");
    layer_tar_file(&place->tar, "a/b/y", "2");
    layer_tar_file(&place->tar, "a/z", "3");
    layer_tar_symlink(&place->tar, "way", "a/b");
    layer_tar_file(&place->tar, "way/w", "4");
    unpack_well(place);
    assert_int_equal(look(place, "a").st_mtime, 1111);
    assert_int_equal(look(place, "a/b").st_mtime, 2222);
    has_text(place, "a/b/w", "4");
    assert_true(S_ISLNK(look(place, "way").st_mode));
}

static void test_owners(void **state)
{
    struct place *place = *state;
    struct stat st;

    if (!is_root())
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
    unpack_well(place);
    st = look(place, "d");
    assert_true(st.st_uid == 5 && st.st_gid == 6 && (st.st_mode & 07777) == 02775);
    st = look(place, "d/root");
    assert_true(st.st_uid == 0 && st.st_gid == 0);
    st = look(place, "d/sub");
    assert_true(st.st_uid == 0 && st.st_gid == 0 && (st.st_mode & 07777) == 0755);
    st = look(place, "d/high");
    assert_true(st.st_uid == 3000000000u && st.st_gid == 2097153 && (st.st_mode & 07777) == 04711);
    st = look(place, "d/link");
    assert_true(st.st_uid == 7 && st.st_gid == 8);
    st = look(place, "null");
    assert_true(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3) && st.st_gid == 9);
}

static void test_devices_are_left_out(void **state)
{
    struct place *place = *state;

    place->options.is_in_userns = true;
    layer_tar_add(&place->tar, &(struct layer_tar_entry){
                                   .type = '3', .name = "dev/null", .major = 1, .minor = 3});
    layer_tar_add(&place->tar, &(struct layer_tar_entry){
                                   .type = '4', .name = "dev/sda", .major = 8, .minor = 0});
    layer_tar_file(&place->tar, "file", "x");
    unpack_well(place);
    assert_int_equal(place->result.skipped, 2);
    assert_false(fs_exists(place->fs_fd, "dev/null"));
    has_text(place, "file", "x");
}

static void test_whiteouts(void **state)
{
    struct place *place = *state;

    layer_tar_file(&place->tar, "dir/.wh.gone", NULL);
    layer_tar_dir(&place->tar, "opaque");
    layer_tar_file(&place->tar, "opaque/.wh..wh..opq", NULL);
    layer_tar_file(&place->tar, "opaque/new", "x");
    layer_tar_file(&place->tar, "late/x", "x");
    layer_tar_file(&place->tar, "late/.wh..wh..opq", NULL);
    layer_tar_file(&place->tar, ".wh..wh.plnk/1.2", "x");
    layer_tar_file(&place->tar, ".wh..wh.aufs", "x");
    unpack_well(place);
    assert_true(is_whiteout(place, "dir/gone"));
    assert_false(is_opaque(place, "dir"));
    assert_true(is_opaque(place, "opaque"));
    assert_true(is_opaque(place, "late"));
    has_text(place, "opaque/new", "x");
    assert_false(fs_exists(place->fs_fd, ".wh..wh.plnk"));
    assert_false(fs_exists(place->fs_fd, ".wh..wh.aufs"));
    assert_int_equal(place->result.skipped, 2);
}

/* A whiteout hides what is below, never what this layer has itself. */
static void test_whiteout_and_the_same_name(void **state)
{
    struct place *place = *state;

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
    unpack_well(place);
    has_text(place, "file1", "new");
    has_text(place, "file2", "new");
    has_text(place, "dir1/x", "new");
    has_text(place, "dir2/x", "new");
    assert_true(is_opaque(place, "dir1"));
    assert_true(is_opaque(place, "dir2"));
}

static void test_later_replaces_earlier(void **state)
{
    struct place *place = *state;
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
    unpack_well(place);
    has_text(place, "file", "new");
    has_text(place, "becomes/dir/x", "inside");
    has_text(place, "was/dir", "now a file");
    has_text(place, "link", "a file, not through the link");
    has_text(place, "kept/x", "kept");
    assert_int_equal(look(place, "kept").st_mode, S_IFDIR | 0700);
    assert_true(S_ISDIR(look(place, "dirlink").st_mode));
    assert_int_equal(look(place, "file").st_nlink, 2);
}

static void test_through_links_of_the_layer(void **state)
{
    struct place *place = *state;

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
    unpack_well(place);
    has_text(place, "usr/lib/a", "a");
    has_text(place, "usr/lib/sub/b", "b");
    has_text(place, "opt/not/there/c", "c");
    has_text(place, "d", "d");
    assert_int_equal(look(place, "e").st_ino, look(place, "usr/lib/a").st_ino);
}

static void test_long_names(void **state)
{
    static char name[300], target[300];
    struct place *place = *state;
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
    unpack_well(place);
    has_text(place, path, "gnu");
    has_text(place, "pax/\xc3\xbcml\xc3\xa4ut", "utf-8");
    has_text(place, "pax/\xff\xfe raw", "not utf-8");
    has_text(place, "latin\xe9", "raw in the header");
    assert_true(readlinkat(place->fs_fd, "gnulink", read, sizeof(read) - 1) > 0);
    assert_string_equal(read, target);
    memset(read, 0, sizeof(read));
    assert_true(readlinkat(place->fs_fd, "paxlink", read, sizeof(read) - 1) > 0);
    assert_string_equal(read, target);
    assert_int_equal(look(place, "fine").st_mtim.tv_sec, 1234567890);
    assert_int_equal(look(place, "fine").st_mtim.tv_nsec, 123456789);
}

static void test_sparse(void **state)
{
    struct place *place = *state;
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    struct stat st;

    /* GNU 0.1: 4 bytes at 1 MiB, the rest is a hole. */
    layer_tar_pax(&place->tar, "GNU.sparse.map", "1048576,4,2097152,0", 19);
    layer_tar_pax(&place->tar, "GNU.sparse.size", "2097152", 7);
    layer_tar_file(&place->tar, "sparse", "data");
    unpack_well(place);
    st = look(place, "sparse");
    assert_int_equal(st.st_size, 2097152);
    assert_true(st.st_blocks < 512);
    assert_int_equal(fs_read_file(place->fs_fd, "sparse", 4u << 20, &text, &length, NULL), 0);
    assert_memory_equal(text + 1048576, "data", 4);
    assert_int_equal(text[1048580], 0);
}

static void test_xattrs(void **state)
{
    static const unsigned char capability[20] = {1, 0, 0, 2, 0, 0x20};
    struct place *place = *state;
    CLEANUP_FD int fd = -1;
    char value[32] = {0};

    layer_tar_pax(&place->tar, "SCHILY.xattr.user.color", "blue\0x", 6);
    layer_tar_pax(&place->tar, "SCHILY.xattr.trusted.overlay.redirect", "/etc", 4);
    layer_tar_pax(&place->tar, "SCHILY.xattr.user.overlay.opaque", "y", 1);
    layer_tar_file(&place->tar, "file", "x");
    layer_tar_pax(&place->tar, "SCHILY.xattr.user.dir", "yes", 3);
    layer_tar_dir(&place->tar, "dir");
    if (is_root()) {
        layer_tar_pax(&place->tar, "SCHILY.xattr.security.capability", capability,
                      sizeof(capability));
        layer_tar_add(&place->tar,
                      &(struct layer_tar_entry){
                          .type = '0', .name = "ping", .data = "x", .mode = 0755, .uid = 10});
    }
    unpack_well(place);
    fd = openat(place->fs_fd, "file", O_RDONLY | O_CLOEXEC);
    assert_int_equal(fgetxattr(fd, "user.color", value, sizeof(value)), 6);
    assert_memory_equal(value, "blue\0x", 6);
    assert_true(fgetxattr(fd, "trusted.overlay.redirect", value, sizeof(value)) < 0);
    assert_true(fgetxattr(fd, "user.overlay.opaque", value, sizeof(value)) < 0);
    assert_int_equal(place->result.skipped_xattrs, 2);
    (void)close(fd);
    fd = openat(place->fs_fd, "dir", O_RDONLY | O_CLOEXEC);
    assert_int_equal(fgetxattr(fd, "user.dir", value, sizeof(value)), 3);
    if (!is_root())
        return;
    (void)close(fd);
    fd = openat(place->fs_fd, "ping", O_RDONLY | O_CLOEXEC);
    assert_int_equal(fgetxattr(fd, "security.capability", value, sizeof(value)), 20);
    assert_memory_equal(value, capability, 20);
}

static void test_compressed(void **state)
{
    struct place *place = *state;
    CLEANUP_BUF struct buf packed;
    struct digest expected;

    buf_init(&packed, 1u << 20);
    layer_tar_file(&place->tar, "file", "gzip");
    layer_tar_end(&place->tar);
    /* Blocks of zeros behind the end belong to the diff_id. */
    layer_tar_end(&place->tar);
    expected = layer_tar_digest(place->tar.bytes.data, place->tar.bytes.length);
    layer_tar_gzip(place->tar.bytes.data, place->tar.bytes.length, &packed);
    assert_int_equal(unpack_bytes(place, &packed), 0);
    assert_true(digest_equal(&expected, &place->result.diff_id));
    has_text(place, "file", "gzip");
    buf_clear(&packed);
    layer_tar_zstd(place->tar.bytes.data, place->tar.bytes.length, &packed);
    assert_int_equal(unpack_bytes(place, &packed), 0);
    assert_true(digest_equal(&expected, &place->result.diff_id));
}

static void test_empty(void **state)
{
    struct place *place = *state;

    assert_int_equal(unpack_bytes(place, &place->tar.bytes), 0);
    assert_string_equal(place->result.diff_id.text,
                        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    unpack_well(place);
    assert_int_equal(place->result.entries, 0);
}

static void test_implied(void **state)
{
    static const char expected[] = "a\0a/b\0x";
    struct place *place = *state;

    layer_tar_file(&place->tar, "a/b/c", "x");
    layer_tar_file(&place->tar, "x/y", "x");
    layer_tar_file(&place->tar, "later/y", "x");
    layer_tar_dir(&place->tar, "later");
    layer_tar_dir(&place->tar, "known");
    layer_tar_file(&place->tar, "known/y", "x");
    unpack_well(place);
    assert_int_equal(place->result.implied_bytes, sizeof(expected));
    assert_memory_equal(place->result.implied, expected, sizeof(expected));
}

/* ---------------------------------------------------------------- hostile layers */

static void refused(struct place *place, int code, const char *text)
{
    int rc = unpack(place);

    if (rc == 0)
        fail_msg("taken, but should fail with '%s'", text);
    assert_int_equal(rc, -code);
    if (!strstr(place->error.message, text))
        fail_msg("'%s' lacks '%s'", place->error.message, text);
}

static void test_leaving(void **state)
{
    struct place *place = *state;

    layer_tar_file(&place->tar, "../victim", "pwned");
    refused(place, MCPD_E_CORRUPT, "outside");
}

static void test_leaving_in_the_middle(void **state)
{
    struct place *place = *state;

    layer_tar_file(&place->tar, "a/../../victim", "pwned");
    refused(place, MCPD_E_CORRUPT, "outside");
}

/* All of these stay inside; teardown looks at the victim. */
static void test_through_links_outside(void **state)
{
    struct place *place = *state;
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
    unpack_well(place);
    has_text(place, "victim", "pwned");
}

static void test_link_loop(void **state)
{
    struct place *place = *state;

    layer_tar_symlink(&place->tar, "a", "b");
    layer_tar_symlink(&place->tar, "b", "a");
    layer_tar_file(&place->tar, "a/x", "x");
    assert_true(unpack(place) < 0);
}

static void test_file_in_the_way(void **state)
{
    struct place *place = *state;

    layer_tar_file(&place->tar, "a", "file");
    layer_tar_file(&place->tar, "a/b", "x");
    refused(place, MCPD_E_CORRUPT, "folder");
}

static void test_hardlink_outside(void **state)
{
    struct place *place = *state;

    layer_tar_hardlink(&place->tar, "stolen", "../victim");
    refused(place, MCPD_E_CORRUPT, "leaves the layer");
}

static void test_hardlink_absolute(void **state)
{
    struct place *place = *state;
    CLEANUP_FREE char *victim = str_format("%s/victim", place->path);

    layer_tar_hardlink(&place->tar, "stolen", victim);
    refused(place, MCPD_E_CORRUPT, "not in the layer");
}

static void test_hardlink_through_link(void **state)
{
    struct place *place = *state;

    layer_tar_symlink(&place->tar, "up", "..");
    layer_tar_hardlink(&place->tar, "stolen", "up/victim");
    refused(place, MCPD_E_CORRUPT, "not in the layer");
}

/* The link itself is linked, not what it points at. */
static void test_hardlink_to_symlink(void **state)
{
    struct place *place = *state;
    CLEANUP_FREE char *victim = str_format("%s/victim", place->path);

    layer_tar_symlink(&place->tar, "link", victim);
    layer_tar_hardlink(&place->tar, "second", "link");
    layer_tar_file(&place->tar, "second", "pwned");
    unpack_well(place);
    has_text(place, "second", "pwned");
}

static void test_hardlink_to_folder(void **state)
{
    struct place *place = *state;

    layer_tar_dir(&place->tar, "dir");
    layer_tar_hardlink(&place->tar, "second", "dir");
    refused(place, MCPD_E_CORRUPT, "folder");
}

static void test_whiteout_tricks(void **state)
{
    static const char *const names[] = {".wh.", ".wh..", ".wh...", "a/.wh..", ".wh.x/y", ".wh./y"};
    struct place *place = *state;

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
    unpack_well(place);
    assert_true(is_whiteout(place, "victim"));
}

static void test_root_replaced(void **state)
{
    struct place *place = *state;

    layer_tar_symlink(&place->tar, "./", "/etc");
    assert_true(unpack(place) < 0);
    buf_clear(&place->tar.bytes);
    layer_tar_file(&place->tar, ".", "x");
    assert_true(unpack(place) < 0);
    assert_true(S_ISDIR(look(place, ".").st_mode));
}

static void test_too_deep(void **state)
{
    struct place *place = *state;
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
    struct place *place = *state;
    CLEANUP_BUF struct buf path;

    buf_init(&path, 10000);
    for (int i = 0; i < UNPACK_MAX_DEPTH; i++)
        assert_int_equal(buf_append_text(&path, "d/"), 0);
    assert_int_equal(buf_append_text(&path, "f"), 0);
    layer_tar_gnu_long(&place->tar, 'L', buf_text(&path));
    layer_tar_file(&place->tar, "short", "deep");
    unpack_well(place);
    has_text(place, buf_text(&path), "deep");
}

static void test_too_many_entries(void **state)
{
    struct place *place = *state;

    place->options.max_entries = 3;
    for (int i = 0; i < 4; i++)
        layer_tar_file(&place->tar, "same", "x");
    refused(place, MCPD_E_LIMIT, "more than 3 entries");
}

static void test_truncated(void **state)
{
    struct place *place = *state;
    struct buf half;

    layer_tar_file(&place->tar, "first", "x");
    layer_tar_add(&place->tar, &(struct layer_tar_entry){
                                   .type = '0', .name = "file", .data = "0123456789", .size = 10});
    half = place->tar.bytes;
    half.length -= 400;
    /* The padding of the last entry is missing, or its contents, or a part of its header. */
    half.length -= 110;
    assert_true(unpack_bytes(place, &half) < 0);
    half.length -= 300;
    assert_true(unpack_bytes(place, &half) < 0);
}

static void test_not_a_tar(void **state)
{
    struct place *place = *state;
    char noise[5000];

    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (char)(i * 31 + i / 7);
    assert_int_equal(buf_append(&place->tar.bytes, noise, sizeof(noise)), 0);
    assert_int_equal(unpack_bytes(place, &place->tar.bytes), -MCPD_E_CORRUPT);
    assert_non_null(strstr(place->error.message, "tar"));
}

static void test_damaged_header(void **state)
{
    struct place *place = *state;

    layer_tar_file(&place->tar, "a", "x");
    layer_tar_file(&place->tar, "b", "x");
    place->tar.bytes.data[1024 + 3] ^= 1;
    assert_true(unpack(place) < 0);
}

static void test_huge_sizes(void **state)
{
    struct place *place = *state;

    layer_tar_pax(&place->tar, "size", "9223372036854775806", 19);
    layer_tar_file(&place->tar, "huge", "x");
    assert_true(unpack(place) < 0);
    buf_clear(&place->tar.bytes);
    layer_tar_pax(&place->tar, "GNU.sparse.map", "0,1", 3);
    layer_tar_pax(&place->tar, "GNU.sparse.size", "9000000000000000000", 19);
    layer_tar_file(&place->tar, "sparse", "x");
    assert_true(unpack(place) < 0);
    buf_clear(&place->tar.bytes);
    layer_tar_pax(&place->tar, "GNU.sparse.map", "9000000000000000000,1", 21);
    layer_tar_pax(&place->tar, "GNU.sparse.size", "10", 2);
    layer_tar_file(&place->tar, "sparse", "x");
    assert_true(unpack(place) < 0);
}

static void test_trailing_flood(void **state)
{
    struct place *place = *state;
    CLEANUP_FREE char *zeros = calloc(1, 1u << 20);

    layer_tar_file(&place->tar, "a", "x");
    for (int i = 0; i < 66; i++)
        assert_int_equal(buf_append(&place->tar.bytes, zeros, 1u << 20), 0);
    refused(place, MCPD_E_LIMIT, "follow its end");
}

static void test_owner_of_nobody(void **state)
{
    struct place *place = *state;

    layer_tar_add(&place->tar, &(struct layer_tar_entry){
                                   .type = '0', .name = "f", .data = "x", .uid = 4294967295});
    refused(place, MCPD_E_CORRUPT, "owner");
}

static void test_message_is_clean(void **state)
{
    struct place *place = *state;

    layer_tar_file(&place->tar, "../\x1b[31mred\n", "x");
    refused(place, MCPD_E_CORRUPT, "?[31mred?");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
