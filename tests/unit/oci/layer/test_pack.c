/* test_pack.c - what was packed and unpacked again is the same; the same tree gives the same tar.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/layer/pack.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "oci/layer/pack_links.h"
#include "oci/layer/pack_walk.h"
#include "oci/layer/unpack_policy.h"
#include "support/same_tree.h"
#include "support/unpack_place.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define TAR_MAX_BYTES (64u << 20)

/* ---------------------------------------------------------------- packing, unpacking */

static int write_buf(void *context, const void *bytes, size_t count, struct mcpd_error *err)
{
    struct buf *buf = context;

    return buf_append(buf, bytes, count) < 0 ? error_no_memory(err, "tar") : 0;
}

static struct pack_result pack(struct unpack_place *place, int dir_fd, struct buf *tar)
{
    const struct pack_options options = {
        .is_layer = true,
        .use_user_xattrs = place->options.is_in_userns,
        .has_root = true,
        .tmp_fd = place->fd,
    };
    struct pack_result result = {0};
    struct mcpd_error error = {0};

    buf_init(tar, TAR_MAX_BYTES);
    if (pack_tree(dir_fd, &options, write_buf, tar, &result, &error) < 0)
        fail_msg("%s", error.message);
    return result;
}

/* Unpacks into a new folder and compares. */
static void same_again(struct unpack_place *place, const struct buf *tar)
{
    CLEANUP_FD int old_fd = TAKE_FD(place->fs_fd);

    assert_int_equal(fs_make_dir(place->fd, "again", 0755, &place->fs_fd, NULL), 0);
    if (unpack_place_try_bytes(place, tar) < 0)
        fail_msg("%s", place->error.message);
    same_tree(old_fd, place->fs_fd);
    (void)close(place->fs_fd);
    place->fs_fd = TAKE_FD(old_fd);
    assert_int_equal(fs_remove_tree(place->fd, "again", NULL), 0);
}

static void round_trip(struct unpack_place *place)
{
    CLEANUP_BUF struct buf tar;
    CLEANUP_BUF struct buf second;

    (void)pack(place, place->fs_fd, &tar);
    same_again(place, &tar);
    (void)pack(place, place->fs_fd, &second);
    assert_int_equal(tar.length, second.length);
    assert_memory_equal(tar.data, second.data, tar.length);
}

static void put_file(struct unpack_place *place, const char *path, const char *text, mode_t mode)
{
    assert_int_equal(fs_write_file(place->fs_fd, path, text, strlen(text), mode, 0, NULL), 0);
}

static void set_time(struct unpack_place *place, const char *path, time_t seconds, long nanoseconds)
{
    const struct timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};

    assert_int_equal(utimensat(place->fs_fd, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static bool has_text(const struct buf *tar, const char *text)
{
    return memmem(tar->data, tar->length, text, strlen(text)) != NULL;
}

/* ---------------------------------------------------------------- round trips */

static void test_empty(void **state)
{
    round_trip(*state);
}

static void test_plain(void **state)
{
    struct unpack_place *place = *state;

    put_file(place, "file", "contents", 0640);
    put_file(place, "setuid", "x", 0755);
    assert_int_equal(fchmodat(place->fs_fd, "setuid", 06755, 0), 0);
    assert_int_equal(mkdirat(place->fs_fd, "dir", 01777), 0);
    assert_int_equal(fchmodat(place->fs_fd, "dir", 01777, 0), 0);
    put_file(place, "dir/in", "", unpack_place_is_root() ? 0 : 0400);
    assert_int_equal(symlinkat("../anywhere", place->fs_fd, "dir/link"), 0);
    assert_int_equal(mkfifoat(place->fs_fd, "pipe", 0604), 0);
    set_time(place, "dir/link", 1234567890, 987654321);
    set_time(place, "file", 1, 1);
    set_time(place, "setuid", -5, 0);
    set_time(place, "pipe", 5000000000, 0);
    set_time(place, "dir", 1600000000, 0);
    set_time(place, ".", 1500000000, 5);
    round_trip(place);
}

static void test_owners(void **state)
{
    struct unpack_place *place = *state;
    static const uid_t ids[] = {1, 1000, 262143, 262144, 2097152, 4294967294};

    if (!unpack_place_is_root())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        CLEANUP_FREE char *name = str_format("file%zu", i);

        put_file(place, name, "x", 0600);
        assert_int_equal(fchownat(place->fs_fd, name, ids[i], ids[ARRAY_SIZE(ids) - 1 - i], 0), 0);
    }
    round_trip(place);
}

static void test_devices(void **state)
{
    struct unpack_place *place = *state;

    if (!unpack_place_is_root())
        skip();
    assert_int_equal(mknodat(place->fs_fd, "null", S_IFCHR | 0666, makedev(1, 3)), 0);
    assert_int_equal(mknodat(place->fs_fd, "big", S_IFBLK | 0600, makedev(4095, 1048575)), 0);
    round_trip(place);
}

static void test_hard_links(void **state)
{
    struct unpack_place *place = *state;
    CLEANUP_BUF struct buf tar;

    assert_int_equal(mkdirat(place->fs_fd, "a", 0755), 0);
    assert_int_equal(mkdirat(place->fs_fd, "z", 0755), 0);
    put_file(place, "z/first", "linked", 0600);
    assert_int_equal(linkat(place->fs_fd, "z/first", place->fs_fd, "a/second", 0), 0);
    assert_int_equal(linkat(place->fs_fd, "z/first", place->fs_fd, "third", 0), 0);
    assert_int_equal(symlinkat("first", place->fs_fd, "z/soft"), 0);
    assert_int_equal(linkat(place->fs_fd, "z/soft", place->fs_fd, "softer", 0), 0);
    put_file(place, "z/other", "not linked", 0600);
    round_trip(place);
    (void)pack(place, place->fs_fd, &tar);
    /* The contents once, under the first name in order. */
    assert_null(
        memmem((const char *)memmem(tar.data, tar.length, "linked", 6) + 6, 64, "linked", 6));
    assert_true(has_text(&tar, "a/second"));
}

static void test_attributes(void **state)
{
    static const char capability[20] = {1, 0, 0, 2, 0, 0x20};
    struct unpack_place *place = *state;
    CLEANUP_FD int fd = -1, dir_fd = -1;
    CLEANUP_BUF struct buf tar;

    put_file(place, "file", "x", 0755);
    assert_int_equal(mkdirat(place->fs_fd, "dir", 0755), 0);
    fd = openat(place->fs_fd, "file", O_RDONLY | O_CLOEXEC);
    dir_fd = openat(place->fs_fd, "dir", O_RDONLY | O_CLOEXEC);
    if (fsetxattr(fd, "user.z", "last", 4, 0) < 0)
        skip();
    assert_int_equal(fsetxattr(fd, "user.a", "", 0, 0), 0);
    assert_int_equal(fsetxattr(fd, "user.binary", "a\0b\n=c", 6, 0), 0);
    assert_int_equal(fsetxattr(dir_fd, "user.dir", "d", 1, 0), 0);
    if (unpack_place_is_root())
        assert_int_equal(fsetxattr(fd, "security.capability", capability, sizeof(capability), 0),
                         0);
    round_trip(place);
    (void)pack(place, place->fs_fd, &tar);
    assert_true(has_text(&tar, "SCHILY.xattr.user.binary="));
    assert_false(has_text(&tar, "LIBARCHIVE"));
}

static void test_names(void **state)
{
    struct unpack_place *place = *state;
    char name[256];
    CLEANUP_BUF struct buf tar;

    memset(name, 'n', 255);
    name[255] = '\0';
    put_file(place, name, "long", 0600);
    put_file(place, "h\xc3\xa9llo w\xc3\xb6rld", "utf-8", 0600);
    put_file(place, "with\nnewline", "x", 0600);
    put_file(place, " blank ", "x", 0600);
    assert_int_equal(symlinkat(name, place->fs_fd, "to-long"), 0);
    assert_int_equal(mkdirat(place->fs_fd, "d", 0755), 0);
    assert_int_equal(linkat(place->fs_fd, name, place->fs_fd, "d/hard", 0), 0);
    round_trip(place);
    (void)pack(place, place->fs_fd, &tar);
    assert_false(has_text(&tar, "hdrcharset"));
    put_file(place, "latin\xe9", "not utf-8", 0600);
    round_trip(place);
}

static void test_holes(void **state)
{
    struct unpack_place *place = *state;
    CLEANUP_FD int fd = openat(place->fs_fd, "sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CLEANUP_FD int empty_fd = openat(place->fs_fd, "hole", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CLEANUP_FD int end_fd = openat(place->fs_fd, "end", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CLEANUP_BUF struct buf tar;
    struct stat st;

    assert_int_equal(pwrite(fd, "begin", 5, 0), 5);
    assert_int_equal(pwrite(fd, "middle", 6, 5 << 20), 6);
    assert_int_equal(pwrite(fd, "end", 3, 40 << 20), 3);
    assert_int_equal(ftruncate(empty_fd, 30 << 20), 0);
    assert_int_equal(pwrite(end_fd, "x", 1, 0), 1);
    assert_int_equal(ftruncate(end_fd, 20 << 20), 0);
    round_trip(place);
    (void)pack(place, place->fs_fd, &tar);
    assert_true(tar.length < 1u << 20);
    assert_true(has_text(&tar, "GNU.sparse.realsize"));
    assert_int_equal(fstat(fd, &st), 0);
    assert_true(st.st_blocks < 1000);
}

/* ---------------------------------------------------------------- overlay's marks */

static void test_marks(void **state)
{
    struct unpack_place *place = *state;
    CLEANUP_BUF struct buf tar;

    layer_tar_dir(&place->tar, "opaque");
    layer_tar_file(&place->tar, "opaque/.wh..wh..opq", "");
    layer_tar_file(&place->tar, "opaque/new", "x");
    layer_tar_file(&place->tar, ".wh.gone", "");
    layer_tar_dir(&place->tar, "sub");
    layer_tar_file(&place->tar, "sub/.wh.gone too", "");
    if (unpack_place_try(place) < 0)
        skip(); /* a user outside of a user namespace makes no whiteout */
    assert_true(unpack_place_is_opaque(place, "opaque"));
    (void)pack(place, place->fs_fd, &tar);
    assert_true(has_text(&tar, ".wh.gone"));
    assert_true(has_text(&tar, "opaque/.wh..wh..opq"));
    assert_true(has_text(&tar, "sub/.wh.gone too"));
    assert_false(has_text(&tar, "overlay.opaque"));
    same_again(place, &tar);
}

/* ---------------------------------------------------------------- any tree */

/* A tree made of a number: every kind of object, names, owners and times by chance. */
struct maker {
    struct unpack_place *place;
    unsigned int seed;
    unsigned int made;
};

static unsigned int chance(struct maker *maker, unsigned int below)
{
    return (unsigned int)rand_r(&maker->seed) % below;
}

static void make_contents(struct maker *maker, int fd)
{
    char bytes[5000];
    size_t count = chance(maker, sizeof(bytes));

    for (size_t i = 0; i < count; i++)
        bytes[i] = (char)chance(maker, 256);
    assert_int_equal(pwrite(fd, bytes, count, chance(maker, 4) ? 0 : (off_t)chance(maker, 1 << 22)),
                     (ssize_t)count);
    if (chance(maker, 4) == 0)
        (void)fsetxattr(fd, "user.x", bytes, count < 100 ? count : 100, 0);
}

static void make_object(struct maker *maker, int dir_fd, const char *name, int depth);

static void make_folder(struct maker *maker, int dir_fd, const char *name, int depth)
{
    CLEANUP_FD int fd = -1;

    if (mkdirat(dir_fd, name, 0700) < 0)
        return;
    fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    for (unsigned int i = chance(maker, 8); i > 0; i--) {
        CLEANUP_FREE char *below = str_format("%x", chance(maker, 1 << 16));

        make_object(maker, fd, below, depth + 1);
    }
}

static void make_link(struct maker *maker, int dir_fd, const char *name)
{
    CLEANUP_FREE char *old = str_format("linked%u", chance(maker, 5));
    CLEANUP_FD int fd = openat(maker->place->fs_fd, old, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(linkat(maker->place->fs_fd, old, dir_fd, name, 0), 0);
}

static void describe(struct maker *maker, int dir_fd, const char *name, bool is_link)
{
    const struct timespec time = {(time_t)chance(maker, 2000000000),
                                  chance(maker, 2) ? 0 : (long)chance(maker, 1000000000)};
    const struct timespec times[2] = {time, time};

    if (unpack_place_is_root())
        assert_int_equal(
            fchownat(dir_fd, name, chance(maker, 3000000), chance(maker, 100), AT_SYMLINK_NOFOLLOW),
            0);
    if (!is_link)
        assert_int_equal(fchmodat(dir_fd, name, chance(maker, 07777) | 0700, 0), 0);
    assert_int_equal(utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void make_object(struct maker *maker, int dir_fd, const char *name, int depth)
{
    unsigned int kind = chance(maker, depth < 6 ? 10 : 5);
    CLEANUP_FD int fd = -1;

    if (fs_exists(dir_fd, name) || maker->made++ > 300)
        return;
    if (kind == 0) {
        CLEANUP_FREE char *target = str_format("%0*u", (int)chance(maker, 300) + 1, 7u);

        assert_int_equal(symlinkat(target, dir_fd, name), 0);
    } else if (kind == 1) {
        assert_int_equal(mkfifoat(dir_fd, name, 0600), 0);
    } else if (kind == 2) {
        make_link(maker, dir_fd, name);
        return; /* its attributes are those of another name */
    } else if (kind < 5) {
        fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        make_contents(maker, fd);
    } else {
        make_folder(maker, dir_fd, name, depth);
    }
    describe(maker, dir_fd, name, kind == 0);
}

static void test_any_tree(void **state)
{
    struct unpack_place *place = *state;

    for (unsigned int seed = 1; seed <= 40; seed++) {
        struct maker maker = {.place = place, .seed = seed};

        make_folder(&maker, place->fs_fd, "top", 0);
        for (unsigned int i = 0; i < 5; i++) {
            CLEANUP_FREE char *name = str_format("more%u", i);

            make_object(&maker, place->fs_fd, name, 0);
        }
        round_trip(place);
        (void)close(place->fs_fd);
        assert_int_equal(fs_remove_tree(place->fd, "fs", NULL), 0);
        assert_int_equal(fs_make_dir(place->fd, "fs", 0755, &place->fs_fd, NULL), 0);
    }
}

/* The order in which files were made, and which folder it is, make no difference. */
static void test_reproducible(void **state)
{
    struct unpack_place *place = *state;
    CLEANUP_BUF struct buf one;
    CLEANUP_BUF struct buf two;

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 200; i++) {
            CLEANUP_FREE char *name = str_format("%d", round ? 199 - i : i);

            put_file(place, name, name, 0644);
            set_time(place, name, 1000 + (round ? 199 - i : i), 0);
        }
        set_time(place, ".", 7, 0);
        (void)pack(place, place->fs_fd, round ? &two : &one);
        (void)close(place->fs_fd);
        assert_int_equal(fs_remove_tree(place->fd, "fs", NULL), 0);
        assert_int_equal(fs_make_dir(place->fd, "fs", 0755, &place->fs_fd, NULL), 0);
    }
    assert_int_equal(one.length, two.length);
    assert_memory_equal(one.data, two.data, one.length);
}

/* ---------------------------------------------------------------- what a tree may be like */

struct seen {
    char last[256];
    size_t count;
};

static int in_order(void *context, int dir_fd, const char *name, const char *path, int fd,
                    const struct stat *st, struct mcpd_error *err)
{
    struct seen *seen = context;

    if (strcmp(path, seen->last) <= 0)
        return error_set(err, MCPD_E_INTERNAL, "%s behind %s", path, seen->last);
    (void)snprintf(seen->last, sizeof(seen->last), "%s", path);
    seen->count++;
    return 0;
}

/* More names than fit: the folder is read several times. */
static void test_walk_large_folder(void **state)
{
    struct unpack_place *place = *state;
    struct mcpd_error error = {0};
    size_t count = 5000;

    for (size_t i = 0; i < count; i++) {
        CLEANUP_FREE char *name =
            str_format("%zu-%0*zu", (i * 7919) % count, (int)(i % 100) + 1, i);
        CLEANUP_FD int fd = openat(place->fs_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
    }
    for (size_t bytes = 1; bytes < 4u << 20; bytes *= 16) {
        struct seen seen = {0};

        if (pack_walk(place->fs_fd, bytes, in_order, &seen, &error) < 0)
            fail_msg("%s", error.message);
        assert_int_equal(seen.count, count);
    }
}

static void test_too_deep(void **state)
{
    struct unpack_place *place = *state;
    CLEANUP_FD int fd = fcntl(place->fs_fd, F_DUPFD_CLOEXEC, 0);
    CLEANUP_BUF struct buf tar;
    const struct pack_options options = {.tmp_fd = place->fd};
    struct pack_result result;
    struct mcpd_error error = {0};

    buf_init(&tar, TAR_MAX_BYTES);
    for (int i = 0; i <= PACK_MAX_DEPTH + 1; i++) {
        int below;

        assert_int_equal(mkdirat(fd, "d", 0755), 0);
        below = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(below >= 0);
        (void)close(fd);
        fd = below;
    }
    assert_int_equal(pack_tree(place->fs_fd, &options, write_buf, &tar, &result, &error),
                     -MCPD_E_LIMIT);
    assert_non_null(strstr(error.message, "deep"));
}

static void test_socket(void **state)
{
    struct unpack_place *place = *state;
    CLEANUP_BUF struct buf tar;

    assert_int_equal(mknodat(place->fs_fd, "socket", S_IFSOCK | 0600, 0), 0);
    assert_int_equal(pack(place, place->fs_fd, &tar).skipped, 1);
    assert_false(has_text(&tar, "socket"));
}

static int write_some(void *context, const void *bytes, size_t count, struct mcpd_error *err)
{
    size_t *left = context;

    if (count > *left)
        return error_set(err, MCPD_E_NO_SPACE, "the disk is full");
    *left -= count;
    return 0;
}

static void test_output_fails(void **state)
{
    struct unpack_place *place = *state;
    const struct pack_options options = {.tmp_fd = place->fd};
    struct pack_result result;

    put_file(place, "file", "contents", 0600);
    for (size_t room = 0; room < 3 * 512; room += 256) {
        struct mcpd_error error = {0};
        size_t left = room;

        assert_int_equal(pack_tree(place->fs_fd, &options, write_some, &left, &result, &error),
                         -MCPD_E_NO_SPACE);
        assert_string_equal(error.message, "the disk is full");
    }
}

/* ---------------------------------------------------------------- hard links in memory */

static void test_links(void **state)
{
    struct unpack_place *place = *state;
    struct pack_links links;
    char target[UNPACK_PATH_SIZE];
    bool is_known = false;
    struct stat st = {.st_nlink = 3};

    pack_links_init(&links, place->fd);
    for (int round = 0; round < 3; round++)
        for (ino_t i = 1; i <= 2000; i++) {
            CLEANUP_FREE char *path = str_format("path%d-%zu", round, (size_t)i);
            CLEANUP_FREE char *first = str_format("path0-%zu", (size_t)i);

            st.st_ino = i;
            st.st_dev = i % 3;
            assert_int_equal(pack_links_look(&links, &st, path, target, &is_known, NULL), 0);
            assert_int_equal(is_known, round > 0);
            if (is_known)
                assert_string_equal(target, first);
        }
    /* All names were seen: the same number is another file now. */
    st.st_ino = 5;
    st.st_dev = 2;
    assert_int_equal(pack_links_look(&links, &st, "new", target, &is_known, NULL), 0);
    assert_false(is_known);
    assert_int_equal(pack_links_look(&links, &st, "newer", target, &is_known, NULL), 0);
    assert_true(is_known);
    assert_string_equal(target, "new");
    pack_links_done(&links);
}

#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, unpack_place_setup, unpack_place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_empty),    TEST(test_plain),        TEST(test_owners),
        TEST(test_devices),  TEST(test_hard_links),   TEST(test_attributes),
        TEST(test_names),    TEST(test_holes),        TEST(test_marks),
        TEST(test_any_tree), TEST(test_reproducible), TEST(test_walk_large_folder),
        TEST(test_too_deep), TEST(test_socket),       TEST(test_output_fails),
        TEST(test_links),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
