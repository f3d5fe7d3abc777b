/*
 * test_saferoot.c - nothing opens outside of the root: with openat2, and again with a
 * filter that refuses it, as on older kernels.
 */
#include "base/base_test.h"

#include <linux/limits.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/saferoot.h"
#include "base/str.h"

/* dir/outside/secret beside dir/root, in which all the tests happen. */
static int make_root(struct test_dir *dir)
{
    int fd = -1;

    assert_int_equal(fs_make_dirs(dir->fd, "outside", 0755, NULL, NULL), 0);
    put_file(dir->fd, "outside/secret", "host");
    put_file(dir->fd, "secret", "host");
    assert_int_equal(fs_make_dirs(dir->fd, "root/etc", 0755, &fd, NULL), 0);
    put_file(fd, "passwd", "inside");
    close(fd);
    assert_int_equal(fs_open_dir(dir->fd, "root", &fd, NULL), 0);
    put_file(fd, "secret", "inside");
    return fd;
}

static void assert_inside(int root_fd, const char *path, const char *wanted)
{
    CLEANUP_FREE char *text = NULL;
    struct mcpd_error err = {0};

    if (saferoot_read_file(root_fd, path, 100, &text, NULL, &err) < 0)
        fail_msg("%s: %s", path, err.message);
    assert_string_equal(text, wanted);
}

static void assert_open_fails(int root_fd, const char *path, int flags, int sys_errno)
{
    struct mcpd_error err = {0};
    int rc = saferoot_open(root_fd, path, flags, 0, &err);

    if (rc >= 0)
        fail_msg("'%s' was opened", path);
    assert_int_equal(errno, sys_errno);
    assert_int_equal(err.sys_errno, sys_errno);
    assert_int_equal(err.code, -rc);
}

static void test_dots_stay_inside(void **state)
{
    CLEANUP_FD int root_fd = make_root(*state);
    static const char *const paths[] = {
        "etc/passwd",
        "/etc/passwd",
        "//etc/./passwd",
        "../etc/passwd",
        "/../../../etc/passwd",
        "etc/../etc/passwd",
        "etc/../../etc/../../../etc/passwd",
        "./etc/../../root/../etc/passwd",
    };

    for (size_t i = 0; i < ARRAY_SIZE(paths) - 1; i++)
        assert_inside(root_fd, paths[i], "inside");
    assert_open_fails(root_fd, paths[ARRAY_SIZE(paths) - 1], O_RDONLY, ENOENT);
    assert_inside(root_fd, "../secret", "inside");
    assert_open_fails(root_fd, "../outside/secret", O_RDONLY, ENOENT);
    assert_open_fails(root_fd, "", O_RDONLY, ENOENT);
    assert_open_fails(root_fd, "etc/passwd/", O_RDONLY, ENOTDIR);
    assert_open_fails(root_fd, "etc/passwd/..", O_RDONLY, ENOTDIR);
    assert_open_fails(root_fd, "none/../etc", O_RDONLY, ENOENT);
}

static void test_links_stay_inside(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FD int root_fd = make_root(dir);
    CLEANUP_FREE char *host_path = str_format("%s/outside/secret", dir->path);

    assert_int_equal(symlinkat("/etc/passwd", root_fd, "absolute"), 0);
    assert_int_equal(symlinkat("../../../secret", root_fd, "etc/up"), 0);
    assert_int_equal(symlinkat("/etc", root_fd, "dirlink"), 0);
    assert_int_equal(symlinkat("dirlink/../dirlink/up", root_fd, "chain"), 0);
    assert_int_equal(symlinkat(host_path, root_fd, "host"), 0);
    assert_int_equal(symlinkat("/", root_fd, "slash"), 0);
    assert_int_equal(symlinkat("etc/passwd/", root_fd, "with-slash"), 0);
    assert_inside(root_fd, "absolute", "inside");
    assert_inside(root_fd, "etc/up", "inside");
    assert_inside(root_fd, "dirlink/passwd", "inside");
    assert_inside(root_fd, "dirlink/../secret", "inside");
    assert_inside(root_fd, "chain", "inside");
    assert_inside(root_fd, "slash/slash/slash/secret", "inside");
    assert_inside(root_fd, "slash/../../etc/passwd", "inside");
    assert_open_fails(root_fd, "host", O_RDONLY, ENOENT);
    assert_open_fails(root_fd, "absolute", O_RDONLY | O_NOFOLLOW, ELOOP);
    assert_open_fails(root_fd, "absolute/", O_RDONLY, ENOTDIR);
    assert_open_fails(root_fd, "with-slash", O_RDONLY, ENOTDIR);
    assert_open_fails(root_fd, "dirlink", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, ENOTDIR);
}

static void test_link_itself(void **state)
{
    CLEANUP_FD int root_fd = make_root(*state);
    CLEANUP_FD int link_fd = -1;
    CLEANUP_FD int folder_fd = -1;
    CLEANUP_FD int slash_fd = -1;
    struct stat st;

    assert_int_equal(symlinkat("/etc", root_fd, "l"), 0);
    link_fd = saferoot_open(root_fd, "l", O_PATH | O_NOFOLLOW, 0, NULL);
    assert_true(link_fd >= 0);
    assert_int_equal(fstat(link_fd, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    folder_fd = saferoot_open(root_fd, "l", O_PATH, 0, NULL);
    assert_int_equal(fstat(folder_fd, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    slash_fd = saferoot_open(root_fd, "l/", O_PATH | O_NOFOLLOW, 0, NULL);
    assert_int_equal(fstat(slash_fd, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_true(fcntl(folder_fd, F_GETFD) & FD_CLOEXEC);
}

static void test_too_many_links(void **state)
{
    CLEANUP_FD int root_fd = make_root(*state);
    char name[16];
    char target[16];

    assert_int_equal(symlinkat("loop", root_fd, "loop"), 0);
    assert_open_fails(root_fd, "loop", O_RDONLY, ELOOP);
    assert_int_equal(symlinkat("b", root_fd, "a"), 0);
    assert_int_equal(symlinkat("a/x", root_fd, "b"), 0); /* grows with each round */
    assert_open_fails(root_fd, "a", O_RDONLY, ELOOP);
    assert_open_fails(root_fd, "a/y", O_RDONLY, ELOOP);
    assert_int_equal(symlinkat("secret", root_fd, "link0"), 0);
    for (int i = 1; i <= 40; i++) {
        (void)snprintf(name, sizeof(name), "link%d", i);
        (void)snprintf(target, sizeof(target), "link%d", i - 1);
        assert_int_equal(symlinkat(target, root_fd, name), 0);
    }
    assert_inside(root_fd, "link39", "inside"); /* 40 links */
    assert_open_fails(root_fd, "link40", O_RDONLY, ELOOP);
}

static void test_long_names_and_paths(void **state)
{
    CLEANUP_FD int root_fd = make_root(*state);
    char name[301];
    char path[PATH_MAX + 100];
    size_t length = 0;
    char parent_name[256];
    struct mcpd_error err;

    memset(name, 'n', 300);
    name[300] = '\0';
    assert_open_fails(root_fd, name, O_RDONLY, ENAMETOOLONG);
    assert_code(saferoot_make_dirs(root_fd, name, 0755, &err), MCPD_E_SYSTEM);
    assert_int_equal(err.sys_errno, ENAMETOOLONG);
    assert_error_contains(saferoot_open_parent(root_fd, name, 0, parent_name, &err), err,
                          MCPD_E_INVALID, "a name is longer than 255 bytes");
    while (length + 8 < 4000)
        length += (size_t)snprintf(path + length, sizeof(path) - length, "etc/../");
    (void)snprintf(path + length, sizeof(path) - length, "secret");
    assert_inside(root_fd, path, "inside");
}

static void test_magic_links_lead_nowhere(void **state)
{
    CLEANUP_FD int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP_FREE char *path = NULL;
    struct test_dir *dir = *state;
    struct mcpd_error err;

    path = str_format("self/fd/%d/secret", dir->fd);
    put_file(dir->fd, "secret", "host");
    assert_true(saferoot_open(proc_fd, path, O_RDONLY, 0, &err) < 0);
    assert_true(saferoot_open(proc_fd, "self/root/etc/passwd", O_RDONLY, 0, &err) < 0);
    assert_true(saferoot_open(proc_fd, "self/exe", O_RDONLY, 0, &err) < 0);
}

static void test_create(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FD int root_fd = make_root(dir);
    CLEANUP_FD int fd = -1;
    CLEANUP_FD int other_fd = -1;
    static const int flags = O_WRONLY | O_CREAT;

    assert_int_equal(symlinkat("/../outside/new", root_fd, "dangling"), 0);
    assert_int_equal(symlinkat("/etc/new", root_fd, "to-new"), 0);
    assert_true(saferoot_open(root_fd, "dangling", flags, 0600, NULL) < 0);
    assert_false(fs_exists(dir->fd, "outside/new"));
    fd = saferoot_open(root_fd, "to-new", flags, 0640, NULL);
    assert_true(fd >= 0);
    assert_true(fs_exists(root_fd, "etc/new"));
    other_fd = saferoot_open(root_fd, "/etc/exclusive", flags | O_EXCL, 0600, NULL);
    assert_true(other_fd >= 0);
    assert_open_fails(root_fd, "/etc/exclusive", flags | O_EXCL, EEXIST);
    assert_open_fails(root_fd, "to-new", flags | O_EXCL, EEXIST);
    assert_open_fails(root_fd, "etc", flags, EISDIR);
    assert_open_fails(root_fd, "etc/..", flags, EISDIR);
    assert_open_fails(root_fd, "etc/slash/", flags, EISDIR);
}

static void test_make_dirs(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FD int root_fd = make_root(dir);
    mode_t old = umask(0077);
    struct stat st;
    struct mcpd_error err;
    int fd;

    fd = saferoot_make_dirs(root_fd, "/a/b/../c/", 0755, &err);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    close(fd);
    assert_true(fs_exists(root_fd, "a/b"));
    assert_true(fs_exists(root_fd, "a/c"));
    assert_int_equal(symlinkat("/run", root_fd, "var-run"), 0); /* dangling until now */
    fd = saferoot_make_dirs(root_fd, "var-run/lock", 0755, &err);
    assert_true(fd >= 0);
    close(fd);
    assert_true(fs_exists(root_fd, "run/lock"));
    assert_int_equal(symlinkat("../../outside/made", root_fd, "evil"), 0);
    fd = saferoot_make_dirs(root_fd, "evil/sub", 0700, &err);
    assert_true(fd >= 0);
    close(fd);
    assert_false(fs_exists(dir->fd, "outside/made"));
    assert_true(fs_exists(root_fd, "outside/made/sub"));
    fd = saferoot_make_dirs(root_fd, "..", 0700, &err);
    assert_true(fd >= 0);
    close(fd);
    assert_code(saferoot_make_dirs(root_fd, "etc/passwd/x", 0755, &err), MCPD_E_SYSTEM);
    assert_string_equal(err.message, "make folder 'etc/passwd/x': Not a directory");
    umask(old);
}

static void test_open_parent(void **state)
{
    CLEANUP_FD int root_fd = make_root(*state);
    static const char *const bad[] = {"/", "", ".", "..", "etc/..", "etc/.", "etc/../"};
    char name[256];
    struct mcpd_error err;
    int fd;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_code(saferoot_open_parent(root_fd, bad[i], 0755, name, &err), MCPD_E_INVALID);
    assert_string_equal(err.message, "'etc/../' does not name a file");
    fd = saferoot_open_parent(root_fd, "../../etc/passwd/", 0, name, &err);
    assert_true(fd >= 0);
    assert_string_equal(name, "passwd");
    assert_true(fs_exists(fd, "passwd"));
    close(fd);
    fd = saferoot_open_parent(root_fd, "top", 0, name, &err);
    assert_true(fd >= 0);
    assert_true(fs_exists(fd, "etc"));
    close(fd);
    assert_code(saferoot_open_parent(root_fd, "no/where/x", 0, name, &err), MCPD_E_NOT_FOUND);
    fd = saferoot_open_parent(root_fd, "no/where/x", 0755, name, &err);
    assert_true(fd >= 0);
    close(fd);
    assert_true(fs_exists(root_fd, "no/where"));
    /* The last name is not resolved, even when it is a link. */
    assert_int_equal(symlinkat("/etc", root_fd, "link"), 0);
    fd = saferoot_open_parent(root_fd, "link", 0, name, &err);
    assert_true(fs_exists(fd, "secret"));
    close(fd);
}

static void test_read_file_takes_regular_files_only(void **state)
{
    CLEANUP_FD int root_fd = make_root(*state);
    CLEANUP_FREE char *text = NULL;
    struct mcpd_error err;
    int rc;

    assert_int_equal(mkfifoat(root_fd, "fifo", 0600), 0);
    rc = saferoot_read_file(root_fd, "fifo", 100, &text, NULL, &err); /* and does not wait */
    assert_error(rc, err, MCPD_E_INVALID, "'fifo' is not a regular file");
    assert_code(saferoot_read_file(root_fd, "etc", 100, &text, NULL, &err), MCPD_E_INVALID);
    assert_code(saferoot_read_file(root_fd, "none", 100, &text, NULL, &err), MCPD_E_NOT_FOUND);
    rc = saferoot_read_file(root_fd, "secret", 3, &text, NULL, &err);
    assert_error(rc, err, MCPD_E_LIMIT, "'secret' is larger than 3 bytes");
    if (geteuid() == 0 && mknodat(root_fd, "zero", S_IFCHR | 0600, makedev(1, 5)) == 0)
        assert_code(saferoot_read_file(root_fd, "zero", 100, &text, NULL, &err), MCPD_E_INVALID);
}

/* A child that keeps swapping a folder for a link to the outside. */
static void test_swapped_links(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FD int root_fd = make_root(dir);
    pid_t pid;

    assert_int_equal(fs_make_dirs(root_fd, "x/d", 0755, NULL, NULL), 0);
    put_file(root_fd, "x/d/secret", "inside");
    assert_int_equal(symlinkat("../../outside", root_fd, "x/l"), 0);
    assert_int_equal(fs_make_dirs(root_fd, "outside", 0755, NULL, NULL), 0);
    put_file(root_fd, "outside/secret", "inside");
    pid = fork();
    assert_true(pid >= 0);
    while (pid == 0) {
        (void)renameat2(root_fd, "x/d", root_fd, "x/l", RENAME_EXCHANGE);
        /* Moved about, so that ".." means something else. */
        (void)renameat(root_fd, "x/d", dir->fd, "outside/d");
        (void)renameat(dir->fd, "outside/d", root_fd, "x/d");
    }
    for (int i = 0; i < 3000; i++) {
        CLEANUP_FREE char *text = NULL;
        static const char *const paths[] = {"x/d/secret", "x/d/../../secret",
                                            "x/l/../outside/secret"};

        if (saferoot_read_file(root_fd, paths[i % 3], 100, &text, NULL, NULL) == 0)
            assert_string_equal(text, "inside");
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_no_descriptor_is_lost(void **state)
{
    CLEANUP_FD int root_fd = make_root(*state);
    int before = count_open_fds();
    int fd = saferoot_open(root_fd, "etc/../etc/../etc/passwd", O_RDONLY, 0, NULL);

    assert_true(fd >= 0);
    close(fd);
    assert_open_fails(root_fd, "etc/none/none", O_RDONLY, ENOENT);
    assert_int_equal(count_open_fds(), before);
}

static int run_all(const char *name)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_dots_stay_inside),
        DIR_TEST(test_links_stay_inside),
        DIR_TEST(test_link_itself),
        DIR_TEST(test_too_many_links),
        DIR_TEST(test_long_names_and_paths),
        DIR_TEST(test_magic_links_lead_nowhere),
        DIR_TEST(test_create),
        DIR_TEST(test_make_dirs),
        DIR_TEST(test_open_parent),
        DIR_TEST(test_read_file_takes_regular_files_only),
        DIR_TEST(test_swapped_links),
        DIR_TEST(test_no_descriptor_is_lost),
    };

    return _cmocka_run_group_tests(name, tests, ARRAY_SIZE(tests), NULL, NULL);
}

static int run_without_openat2(const char *name, int sys_errno)
{
    int status = 1;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        int rc = refuse_call(SYS_openat2, sys_errno) ? run_all(name) : 1;

        fflush(NULL);
        _exit(rc != 0);
    }
    return pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0;
}

int main(void)
{
    int failed = run_all("saferoot");

    failed += run_without_openat2("saferoot without openat2", ENOSYS);
    failed += run_without_openat2("saferoot, openat2 denied", EPERM);
    failed += run_without_openat2("saferoot, openat2 always racing", EAGAIN);
    return failed != 0;
}
