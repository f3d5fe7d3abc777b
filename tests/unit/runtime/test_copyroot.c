/* test_copyroot.c - one tree out of layers: what hides what, and what is kept of each file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/copyroot.h"

#include "base/fsutil.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

struct place {
    char folder[32];
    int layer_fds[3]; /* topmost first */
    int to_fd;
};

static int make_place(void **state)
{
    static struct place place;
    CLEANUP_FD int folder_fd = -1;
    static const char *const names[] = {"top", "middle", "bottom"};

    place = (struct place){.folder = "/tmp/mcpd-unit-XXXXXX"};
    assert_non_null(mkdtemp(place.folder));
    assert_int_equal(fs_open_dir(AT_FDCWD, place.folder, &folder_fd, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_int_equal(fs_make_dir(folder_fd, names[i], 0755, &place.layer_fds[i], NULL), 0);
    assert_int_equal(fs_make_dir(folder_fd, "to", 0700, &place.to_fd, NULL), 0);
    *state = &place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;

    for (size_t i = 0; i < ARRAY_SIZE(place->layer_fds); i++)
        (void)close(place->layer_fds[i]);
    (void)close(place->to_fd);
    assert_int_equal(fs_remove_tree(AT_FDCWD, place->folder, NULL), 0);
    return 0;
}

static void put(const struct place *place, size_t layer, const char *path, const char *text)
{
    CLEANUP_FREE char *folder = strndup(path, (size_t)(strrchr(path, '/') - path));

    if (*folder)
        assert_int_equal(fs_make_dirs(place->layer_fds[layer], folder + 1, 0755, NULL, NULL), 0);
    assert_int_equal(
        fs_write_file(place->layer_fds[layer], path + 1, text, strlen(text), 0644, 0, NULL), 0);
}

static void hide(const struct place *place, size_t layer, const char *path)
{
    assert_int_equal(mknodat(place->layer_fds[layer], path, S_IFCHR, makedev(0, 0)), 0);
}

static void make(const struct place *place)
{
    const struct copyroot_request request = {
        .layer_fds = place->layer_fds,
        .layer_count = ARRAY_SIZE(place->layer_fds),
        .to_fd = place->to_fd,
        .in_userns = geteuid() != 0,
    };
    struct mcpd_error err = {0};

    if (copyroot_make(&request, &err) < 0)
        fail_msg("%s", err.message);
}

/* text NULL: nothing is there. */
static void has(const struct place *place, const char *path, const char *text)
{
    CLEANUP_FREE char *found = NULL;
    int rc = fs_read_file(place->to_fd, path, 100, &found, NULL, NULL);

    if (!text)
        assert_int_equal(rc, -MCPD_E_NOT_FOUND);
    else
        assert_string_equal(found, text);
}

static void test_what_hides_what(void **state)
{
    struct place *place = *state;

    put(place, 2, "/a/one", "bottom");
    put(place, 1, "/a/one", "middle");
    put(place, 2, "/a/two", "bottom");
    put(place, 2, "/gone/x", "bottom");
    hide(place, 1, "gone");
    put(place, 2, "/back/x", "bottom");
    hide(place, 1, "back");
    put(place, 0, "/back/y", "top");
    put(place, 2, "/was-file", "bottom");
    put(place, 0, "/was-file/in", "top");
    put(place, 2, "/was-folder/in", "bottom");
    put(place, 0, "/was-folder", "top");
    hide(place, 0, "nothing");
    make(place);
    has(place, "a/one", "middle");
    has(place, "a/two", "bottom");
    has(place, "gone", NULL);
    has(place, "back/x", NULL);
    has(place, "back/y", "top");
    has(place, "was-file/in", "top");
    has(place, "was-folder", "top");
    has(place, "nothing", NULL);
}

static void test_opaque(void **state)
{
    struct place *place = *state;
    const char *name = geteuid() == 0 ? "trusted.overlay.opaque" : "user.overlay.opaque";
    CLEANUP_FD int fd = -1;
    CLEANUP_FD int copy_fd = -1;
    char value[8];

    put(place, 2, "/a/b/below", "bottom");
    put(place, 1, "/a/b/middle", "middle");
    put(place, 0, "/a/b/top", "top");
    fd = openat(place->layer_fds[1], "a", O_RDONLY | O_DIRECTORY);
    if (fsetxattr(fd, name, "y", 1, 0) < 0)
        skip(); /* a /tmp without */
    make(place);
    has(place, "a/b/below", NULL);
    has(place, "a/b/middle", "middle");
    has(place, "a/b/top", "top");
    copy_fd = openat(place->to_fd, "a", O_RDONLY | O_DIRECTORY);
    assert_true(fgetxattr(copy_fd, name, value, sizeof(value)) < 0);
}

static void test_what_is_kept(void **state)
{
    struct place *place = *state;
    const struct timespec times[2] = {{.tv_sec = 1000000001, .tv_nsec = 5},
                                      {.tv_sec = 1000000002, .tv_nsec = 7}};
    struct stat st;
    struct stat other;

    put(place, 2, "/d/file", "text");
    assert_int_equal(fchmodat(place->layer_fds[2], "d/file", 04751, 0), 0);
    assert_int_equal(fchmodat(place->layer_fds[2], "d", 01750, 0), 0);
    assert_int_equal(linkat(place->layer_fds[2], "d/file", place->layer_fds[2], "link", 0), 0);
    assert_int_equal(symlinkat("d/file", place->layer_fds[2], "soft"), 0);
    assert_int_equal(mknodat(place->layer_fds[2], "pipe", S_IFIFO | 0600, 0), 0);
    assert_int_equal(utimensat(place->layer_fds[2], "d/file", times, 0), 0);
    assert_int_equal(utimensat(place->layer_fds[2], "d", times, 0), 0);
    make(place);
    assert_int_equal(fstatat(place->to_fd, "d/file", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 04751);
    assert_int_equal(st.st_mtim.tv_sec, 1000000002);
    assert_int_equal(st.st_mtim.tv_nsec, 7);
    assert_int_equal(st.st_nlink, 2);
    assert_int_equal(fstatat(place->to_fd, "link", &other, 0), 0);
    assert_int_equal(st.st_ino, other.st_ino);
    assert_int_equal(fstatat(place->to_fd, "d", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 01750);
    assert_int_equal(st.st_mtim.tv_sec, 1000000002);
    assert_int_equal(fstatat(place->to_fd, "pipe", &st, 0), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(fstatat(place->to_fd, "soft", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISLNK(st.st_mode));
    /* The layer's own file is another one. */
    assert_int_equal(fs_write_file(place->to_fd, "d/file", "new", 3, 0644, 0, NULL), 0);
    assert_int_equal(fstatat(place->layer_fds[2], "d/file", &st, 0), 0);
    assert_int_equal(st.st_size, 4);
}

static void test_holes(void **state)
{
    struct place *place = *state;
    CLEANUP_FD int fd = openat(place->layer_fds[0], "sparse", O_CREAT | O_WRONLY, 0644);
    struct stat st;
    char end[4] = "";
    CLEANUP_FD int copy_fd = -1;

    assert_int_equal(pwrite(fd, "end", 3, 8 << 20), 3);
    assert_int_equal(ftruncate(fd, 16 << 20), 0);
    make(place);
    assert_int_equal(fstatat(place->to_fd, "sparse", &st, 0), 0);
    assert_int_equal(st.st_size, 16 << 20);
    assert_true(st.st_blocks * 512 < 1 << 20);
    copy_fd = openat(place->to_fd, "sparse", O_RDONLY);
    assert_int_equal(pread(copy_fd, end, 3, 8 << 20), 3);
    assert_string_equal(end, "end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_hides_what, make_place, remove_place),
        cmocka_unit_test_setup_teardown(test_opaque, make_place, remove_place),
        cmocka_unit_test_setup_teardown(test_what_is_kept, make_place, remove_place),
        cmocka_unit_test_setup_teardown(test_holes, make_place, remove_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
