/* test_fsutil.c - small files, folders and paths. */
#include "base/base_test.h"

#include "base/str.h"

static void assert_mode(int dir_fd, const char *path, mode_t mode)
{
    struct stat st;

    assert_int_equal(fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(st.st_mode & 07777, mode);
}

static void assert_content(int dir_fd, const char *path, const char *wanted)
{
    CLEANUP_FREE char *text = NULL;

    assert_int_equal(fs_read_file(dir_fd, path, 1 << 20, &text, NULL, NULL), 0);
    assert_string_equal(text, wanted);
}

static int count_names(int dir_fd, const char *name, unsigned char type, void *context,
                       struct mcpd_error *err)
{
    (*(int *)context)++;
    return 0;
}

static int names_in(int dir_fd)
{
    int count = 0;

    assert_int_equal(fs_visit_dir(dir_fd, ".", count_names, &count, NULL), 0);
    return count;
}

/* --- reading --- */

static void test_read(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    struct mcpd_error err;
    int rc;

    put_file(dir->fd, "f", "hello");
    assert_int_equal(fs_read_file(dir->fd, "f", 5, &text, &length, &err), 0);
    assert_string_equal(text, "hello");
    assert_int_equal(length, 5);
    rc = fs_read_file(dir->fd, "f", 4, &text, &length, &err);
    assert_error(rc, err, MCPD_E_LIMIT, "'f' is larger than 4 bytes");
    rc = fs_read_file(dir->fd, "g", 4, &text, &length, &err);
    assert_error(rc, err, MCPD_E_NOT_FOUND, "open 'g': No such file or directory");
    rc = fs_read_file(dir->fd, ".", 4, &text, &length, &err);
    assert_error(rc, err, MCPD_E_SYSTEM, "read '.': Is a directory");
    assert_code(fs_read_file(dir->fd, "f", 0, &text, &length, NULL), MCPD_E_LIMIT);
}

static void test_read_regular(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    struct mcpd_error err = {0};

    put_file(dir->fd, "file", "text");
    assert_int_equal(fs_read_regular(dir->fd, "file", 4, &text, &length, &err), 0);
    assert_string_equal(text, "text");
    assert_int_equal(length, 4);
    free(TAKE_PTR(text));
    assert_code(fs_read_regular(dir->fd, "file", 3, &text, NULL, &err), MCPD_E_LIMIT);
    assert_code(fs_read_regular(dir->fd, "none", 3, &text, NULL, &err), MCPD_E_NOT_FOUND);
    assert_int_equal(mkdirat(dir->fd, "folder", 0700), 0);
    assert_error(fs_read_regular(dir->fd, "folder", 3, &text, NULL, &err), err, MCPD_E_CORRUPT,
                 "'folder' is no regular file");
    assert_int_equal(mkfifoat(dir->fd, "pipe", 0600), 0);
    assert_code(fs_read_regular(dir->fd, "pipe", 3, &text, NULL, &err), MCPD_E_CORRUPT);
}

static void test_read_what_has_no_size(void **state)
{
    CLEANUP_FREE char *text = NULL;
    CLEANUP_FREE char *more = NULL;
    char *large = NULL;
    size_t length;
    int pipe_fds[2];

    assert_int_equal(fs_read_file(AT_FDCWD, "/proc/self/status", 1 << 20, &text, &length, NULL), 0);
    assert_int_equal(strlen(text), length);
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    large = malloc(50000);
    memset(large, 'x', 50000);
    assert_int_equal(fs_write_all(pipe_fds[1], large, 50000, "pipe", NULL), 0);
    close(pipe_fds[1]);
    assert_int_equal(fs_read_fd(pipe_fds[0], "pipe", 50000, &more, &length, NULL), 0);
    assert_int_equal(length, 50000);
    close(pipe_fds[0]);
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    assert_int_equal(fs_write_all(pipe_fds[1], large, 50000, "pipe", NULL), 0);
    close(pipe_fds[1]);
    assert_code(fs_read_fd(pipe_fds[0], "pipe", 49999, &more, &length, NULL), MCPD_E_LIMIT);
    close(pipe_fds[0]);
    free(large);
}

/* --- writing --- */

static void test_write(void **state)
{
    struct test_dir *dir = *state;
    mode_t old = umask(0077);

    assert_int_equal(fs_write_file(dir->fd, "f", "one", 3, 0644, 0, NULL), 0);
    assert_content(dir->fd, "f", "one");
    assert_mode(dir->fd, "f", 0644);
    assert_int_equal(fs_write_file(dir->fd, "f", "two", 3, 0600, FS_WRITE_SYNC, NULL), 0);
    assert_content(dir->fd, "f", "two");
    assert_mode(dir->fd, "f", 0600);
    assert_int_equal(mkdirat(dir->fd, "d", 0755), 0);
    assert_int_equal(fs_write_file(dir->fd, "d/e", "", 0, 0600, FS_WRITE_SYNC, NULL), 0);
    assert_content(dir->fd, "d/e", "");
    assert_int_equal(names_in(dir->fd), 2); /* no temporary file stays */
    umask(old);
}

static void test_write_replaces_a_link_and_not_its_target(void **state)
{
    struct test_dir *dir = *state;

    put_file(dir->fd, "target", "old");
    assert_int_equal(symlinkat("target", dir->fd, "link"), 0);
    assert_int_equal(fs_write_file(dir->fd, "link", "new", 3, 0600, 0, NULL), 0);
    assert_content(dir->fd, "target", "old");
    assert_content(dir->fd, "link", "new");
}

static void test_write_exclusive(void **state)
{
    struct test_dir *dir = *state;
    struct mcpd_error err;
    int rc;

    assert_int_equal(fs_write_file(dir->fd, "n", "a", 1, 0600, FS_WRITE_EXCLUSIVE, NULL), 0);
    rc = fs_write_file(dir->fd, "n", "b", 1, 0600, FS_WRITE_EXCLUSIVE, &err);
    assert_error(rc, err, MCPD_E_CONFLICT, "'n' exists already");
    assert_content(dir->fd, "n", "a");
    assert_int_equal(names_in(dir->fd), 1);
}

static void test_write_errors(void **state)
{
    struct test_dir *dir = *state;
    static const char *const bad[] = {"", "/", "a/", ".", "..", "a/.."};
    char name[301];
    struct mcpd_error err;
    int rc;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_code(fs_write_file(dir->fd, bad[i], "", 0, 0600, 0, NULL), MCPD_E_INVALID);
    rc = fs_write_file(dir->fd, "x/y", "", 0, 0600, 0, &err);
    assert_error(rc, err, MCPD_E_NOT_FOUND, "open folder 'x/': No such file or directory");
    memset(name, 'n', 300);
    name[300] = '\0';
    rc = fs_write_file(dir->fd, name, "", 0, 0600, 0, &err);
    assert_error_contains(rc, err, MCPD_E_SYSTEM, ": File name too long");
    assert_int_equal(err.sys_errno, ENAMETOOLONG);
    assert_int_equal(names_in(dir->fd), 0);
    rc = fs_write_all(-1, "x", 1, "nothing", &err);
    assert_error(rc, err, MCPD_E_SYSTEM, "write 'nothing': Bad file descriptor");
}

static void test_disk_full(void **state)
{
    CLEANUP_FD int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct mcpd_error err;
    int rc = fs_write_all(fd, "x", 1, "blob", &err);

    assert_error(rc, err, MCPD_E_NO_SPACE, "write 'blob': No space left on device");
}

static void test_unlink_if_exists(void **state)
{
    struct test_dir *dir = *state;
    struct mcpd_error err;

    put_file(dir->fd, "f", "");
    assert_int_equal(fs_unlink_if_exists(dir->fd, "f", &err), 0);
    assert_int_equal(fs_unlink_if_exists(dir->fd, "f", &err), 0);
    assert_int_equal(mkdirat(dir->fd, "d", 0755), 0);
    assert_error(fs_unlink_if_exists(dir->fd, "d", &err), err, MCPD_E_SYSTEM,
                 "remove 'd': Is a directory");
}

static void test_sync_dir(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FD int path_fd = open(dir->path, O_PATH | O_CLOEXEC);

    assert_int_equal(fs_sync_dir(dir->fd, NULL), 0);
    assert_int_equal(fs_sync_dir(path_fd, NULL), 0);
    assert_int_equal(fs_sync_dir(AT_FDCWD, NULL), 0);
    assert_code(fs_sync_dir(-1, NULL), MCPD_E_SYSTEM);
}

/* --- folders --- */

static void test_make_dir(void **state)
{
    struct test_dir *dir = *state;
    mode_t old = umask(0077);
    CLEANUP_FD int fd = -1;
    struct mcpd_error err;
    int rc;

    assert_int_equal(fs_make_dir(dir->fd, "d", 0755, &fd, &err), 0);
    assert_true(fd >= 0);
    assert_mode(dir->fd, "d", 0755);
    assert_int_equal(fs_make_dir(dir->fd, "d", 0700, NULL, &err), 0);
    assert_mode(dir->fd, "d", 0755); /* it was there before */
    put_file(dir->fd, "f", "");
    rc = fs_make_dir(dir->fd, "f", 0755, NULL, &err);
    assert_error(rc, err, MCPD_E_INVALID, "'f' exists and is not a folder");
    assert_int_equal(symlinkat("d", dir->fd, "l"), 0);
    assert_code(fs_make_dir(dir->fd, "l", 0755, NULL, NULL), MCPD_E_INVALID);
    assert_code(fs_make_dir(dir->fd, "x/y", 0755, NULL, NULL), MCPD_E_NOT_FOUND);
    umask(old);
}

static void test_make_dirs(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FREE char *absolute = str_format("%s//p/q/", dir->path);
    CLEANUP_FD int fd = -1;
    mode_t old = umask(0027);
    struct mcpd_error err;
    int before = count_open_fds();
    int rc;

    assert_int_equal(fs_make_dirs(dir->fd, "a//b/./c/", 0755, &fd, &err), 0);
    put_file(fd, "here", "x");
    assert_content(dir->fd, "a/b/c/here", "x");
    assert_mode(dir->fd, "a", 0755);
    assert_int_equal(fs_make_dirs(AT_FDCWD, absolute, 0700, NULL, &err), 0);
    assert_true(fs_exists(dir->fd, "p/q"));
    assert_int_equal(symlinkat("a/b", dir->fd, "l"), 0);
    assert_int_equal(fs_make_dirs(dir->fd, "l/c/d", 0700, NULL, &err), 0);
    assert_true(fs_exists(dir->fd, "a/b/c/d"));
    assert_int_equal(fs_make_dirs(dir->fd, ".", 0700, NULL, &err), 0);
    assert_int_equal(fs_make_dirs(dir->fd, "", 0700, NULL, &err), 0);
    assert_int_equal(fs_make_dirs(AT_FDCWD, "/", 0700, NULL, &err), 0);
    rc = fs_make_dirs(dir->fd, "a/b/c/here/x", 0700, NULL, &err);
    assert_error(rc, err, MCPD_E_INVALID, "'a/b/c/here/x': 'here' exists and is not a folder");
    assert_int_equal(count_open_fds(), before + 1);
    umask(old);
}

static void test_make_temp_dir(void **state)
{
    struct test_dir *dir = *state;
    char name[40];
    CLEANUP_FD int fd = -1;
    CLEANUP_FD int other_fd = -1;
    struct mcpd_error err;

    assert_int_equal(fs_make_temp_dir(dir->fd, "layer-", name, sizeof(name), &fd, &err), 0);
    assert_true(str_has_prefix(name, "layer-"));
    assert_mode(dir->fd, name, 0700);
    assert_int_equal(fs_make_temp_dir(dir->fd, "layer-", name, sizeof(name), &other_fd, &err), 0);
    assert_int_equal(names_in(dir->fd), 2);
    assert_code(fs_make_temp_dir(dir->fd, "layer-", name, 8, &other_fd, &err), MCPD_E_LIMIT);
    assert_code(fs_make_temp_dir(dir->fd, "no/x", name, sizeof(name), &other_fd, &err),
                MCPD_E_NOT_FOUND);
}

static int stop_at_second(int dir_fd, const char *name, unsigned char type, void *context,
                          struct mcpd_error *err)
{
    return ++*(int *)context == 2 ? error_set(err, MCPD_E_CANCELLED, "enough") : 0;
}

static void test_visit(void **state)
{
    struct test_dir *dir = *state;
    int count = 0;
    int before = count_open_fds();
    struct mcpd_error err;

    put_file(dir->fd, "a", "");
    put_file(dir->fd, ".b", "");
    put_file(dir->fd, "c", "");
    assert_int_equal(names_in(dir->fd), 3);
    assert_error(fs_visit_dir(dir->fd, ".", stop_at_second, &count, &err), err, MCPD_E_CANCELLED,
                 "enough");
    assert_int_equal(count, 2);
    assert_error(fs_visit_dir(dir->fd, "none", stop_at_second, &count, &err), err, MCPD_E_NOT_FOUND,
                 "open folder 'none': No such file or directory");
    assert_int_equal(count_open_fds(), before);
}

/* --- names --- */

static void test_exists(void **state)
{
    struct test_dir *dir = *state;

    assert_false(fs_exists(dir->fd, "l"));
    assert_int_equal(symlinkat("nowhere", dir->fd, "l"), 0);
    assert_true(fs_exists(dir->fd, "l"));
}

static void test_paths_of_descriptors(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FREE char *path = NULL;
    CLEANUP_FREE char *here = NULL;
    char link[FS_FD_PATH_SIZE];
    char cwd[4096];
    struct mcpd_error err;
    struct stat a;
    struct stat b;

    assert_int_equal(fs_path_of_fd(dir->fd, &path, NULL), 0);
    assert_string_equal(path, dir->path);
    assert_int_equal(fs_path_of_fd(AT_FDCWD, &here, NULL), 0);
    assert_string_equal(here, getcwd(cwd, sizeof(cwd)));
    assert_int_equal(stat(fs_fd_path(dir->fd, link), &a), 0);
    assert_int_equal(fstat(dir->fd, &b), 0);
    assert_int_equal(a.st_ino, b.st_ino);
    assert_error(fs_path_of_fd(987, &path, &err), err, MCPD_E_NOT_FOUND,
                 "read '/proc/self/fd/987': No such file or directory");
}

static int check_folder(const struct test_dir *dir, const char *name, struct mcpd_error *err)
{
    CLEANUP_FD int fd = -1;
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", dir->path, name);
    assert_int_equal(fs_open_dir(AT_FDCWD, path, &fd, NULL), 0);
    return fs_check_own_folder(path, fd, err);
}

static void test_own_folder(void **state)
{
    struct test_dir *dir = *state;
    struct mcpd_error err = {0};

    assert_int_equal(mkdirat(dir->fd, "own", 0700), 0);
    assert_int_equal(mkdirat(dir->fd, "own/below", 0755), 0);
    assert_int_equal(symlinkat("own", dir->fd, "link"), 0);
    assert_int_equal(check_folder(dir, "own", &err), 0);
    assert_int_equal(check_folder(dir, "own/", &err), 0);
    assert_int_equal(check_folder(dir, "link", &err), 0);
    assert_int_equal(check_folder(dir, "link/below", &err), 0);
    assert_int_equal(fchmodat(dir->fd, "own/below", 0707, 0), 0);
    assert_error_contains(check_folder(dir, "own/below", &err), err, MCPD_E_DENIED,
                          "can be written to by everybody");
    if (geteuid() != 0)
        return;
    assert_int_equal(fchmodat(dir->fd, "own/below", 0755, 0), 0);
    assert_int_equal(fchownat(dir->fd, "link", TEST_USER_ID, 0, AT_SYMLINK_NOFOLLOW), 0);
    assert_error_contains(check_folder(dir, "link", &err), err, MCPD_E_DENIED, "is not followed");
    assert_error_contains(check_folder(dir, "link/", &err), err, MCPD_E_DENIED, "is not followed");
    assert_error_contains(check_folder(dir, "link/below", &err), err, MCPD_E_DENIED,
                          "is not followed");
    assert_int_equal(check_folder(dir, "own/below", &err), 0);
    assert_int_equal(fchownat(dir->fd, "own/below", TEST_USER_ID, 0, 0), 0);
    assert_error_contains(check_folder(dir, "own/below", &err), err, MCPD_E_DENIED,
                          "belongs to user 54321");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_own_folder),
        DIR_TEST(test_read),
        DIR_TEST(test_read_regular),
        cmocka_unit_test(test_read_what_has_no_size),
        DIR_TEST(test_write),
        DIR_TEST(test_write_replaces_a_link_and_not_its_target),
        DIR_TEST(test_write_exclusive),
        DIR_TEST(test_write_errors),
        cmocka_unit_test(test_disk_full),
        DIR_TEST(test_unlink_if_exists),
        DIR_TEST(test_sync_dir),
        DIR_TEST(test_make_dir),
        DIR_TEST(test_make_dirs),
        DIR_TEST(test_make_temp_dir),
        DIR_TEST(test_visit),
        DIR_TEST(test_exists),
        DIR_TEST(test_paths_of_descriptors),
    };

    return cmocka_run_group_tests_name("fsutil", tests, NULL, NULL);
}
