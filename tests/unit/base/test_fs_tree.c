/* test_fs_tree.c - removing and measuring trees, hostile ones among them. */
#include "base/base_test.h"

#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "base/fs_walk.h"
#include "base/str.h"

/* mkdir for each of `depth` levels, one inside the other. */
static void make_deep(int dir_fd, const char *name, int depth)
{
    int fd = dup(dir_fd);

    for (int i = 0; i < depth; i++) {
        int next;

        assert_int_equal(mkdirat(fd, name, 0755), 0);
        next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        if (i % 100 == 0)
            put_file(next, "file", "x");
        close(fd);
        fd = next;
    }
    close(fd);
}

static void test_remove_small_things(void **state)
{
    struct test_dir *dir = *state;
    static const char *const bad[] = {"", ".", "..", "/", "a/..", "a/."};
    struct mcpd_error err;

    assert_int_equal(fs_remove_tree(dir->fd, "absent", &err), 0);
    assert_int_equal(fs_remove_tree(dir->fd, "absent/absent", &err), 0);
    put_file(dir->fd, "f", "");
    assert_int_equal(fs_remove_tree(dir->fd, "f", &err), 0);
    assert_int_equal(mkfifoat(dir->fd, "p", 0600), 0);
    assert_int_equal(fs_remove_tree(dir->fd, "p", &err), 0);
    assert_int_equal(mkdirat(dir->fd, "d", 0700), 0);
    assert_int_equal(fs_remove_tree(dir->fd, "d///", &err), 0);
    assert_false(fs_exists(dir->fd, "d"));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_code(fs_remove_tree(dir->fd, bad[i], NULL), MCPD_E_INVALID);
    assert_error(fs_remove_tree(dir->fd, "..", &err), err, MCPD_E_INVALID,
                 "'..' cannot be removed");
}

static void test_remove_never_follows_links(void **state)
{
    struct test_dir *dir = *state;

    assert_int_equal(fs_make_dirs(dir->fd, "outside/deep", 0755, NULL, NULL), 0);
    put_file(dir->fd, "outside/precious", "x");
    assert_int_equal(fs_make_dirs(dir->fd, "tree/sub", 0755, NULL, NULL), 0);
    assert_int_equal(symlinkat("../outside", dir->fd, "tree/link"), 0);
    assert_int_equal(symlinkat(dir->path, dir->fd, "tree/sub/absolute"), 0);
    assert_int_equal(symlinkat("tree", dir->fd, "to-tree"), 0);
    assert_int_equal(fs_remove_tree(dir->fd, "to-tree", NULL), 0); /* only the link */
    assert_true(fs_exists(dir->fd, "tree/sub"));
    assert_int_equal(fs_remove_tree(dir->fd, "tree", NULL), 0);
    assert_false(fs_exists(dir->fd, "tree"));
    assert_true(fs_exists(dir->fd, "outside/precious"));
    assert_true(fs_exists(dir->fd, "outside/deep"));
}

/* 5000 levels, few descriptors and a small stack. */
static int remove_deep_with_little(void *context)
{
    struct test_dir *dir = context;
    struct rlimit files = {.rlim_cur = 100, .rlim_max = 100};
    struct rlimit stack = {.rlim_cur = 256 * 1024, .rlim_max = 256 * 1024};
    struct mcpd_error err = {0};

    CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
    CHECK(setrlimit(RLIMIT_STACK, &stack) == 0);
    if (fs_remove_tree(dir->fd, "deep", &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    CHECK(!fs_exists(dir->fd, "deep"));
    return 0;
}

static void test_remove_deep_tree(void **state)
{
    struct test_dir *dir = *state;

    make_deep(dir->fd, "deep", 5000);
    run_child(remove_deep_with_little, dir, 0);
}

static void test_remove_long_names(void **state)
{
    struct test_dir *dir = *state;
    char name[256];

    memset(name, '\xff', 255); /* no UTF-8 either */
    name[255] = '\0';
    make_deep(dir->fd, name, 200);
    assert_int_equal(fs_remove_tree(dir->fd, name, NULL), 0);
    assert_false(fs_exists(dir->fd, name));
}

static void test_remove_wide_tree(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FD int fd = -1;
    char name[64];

    assert_int_equal(fs_make_dir(dir->fd, "wide", 0755, &fd, NULL), 0);
    for (int i = 0; i < 1500; i++) {
        (void)snprintf(name, sizeof(name), "a-name-of-some-length-%d", i);
        if (i % 2)
            put_file(fd, name, "");
        else
            assert_int_equal(mkdirat(fd, name, 0700), 0);
    }
    assert_int_equal(fs_remove_tree(dir->fd, "wide", NULL), 0);
    assert_false(fs_exists(dir->fd, "wide"));
}

/* Folders that their owner has closed, as overlay's work folder is. */
static int remove_closed_folders(void *context)
{
    struct test_dir *dir = context;
    int fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    static const mode_t modes[] = {0, 0100, 0200, 0300, 0400, 0500, 0600};
    struct mcpd_error err = {0};
    char name[32];

    CHECK(geteuid() != 0);
    CHECK(mkdirat(fd, "top", 0700) == 0);
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        (void)snprintf(name, sizeof(name), "top/%zu", i);
        CHECK(mkdirat(fd, name, 0700) == 0);
        (void)snprintf(name, sizeof(name), "top/%zu/sub", i);
        CHECK(mkdirat(fd, name, 0700) == 0);
        (void)snprintf(name, sizeof(name), "top/%zu/sub/empty", i);
        CHECK(mkdirat(fd, name, 0000) == 0);
        (void)snprintf(name, sizeof(name), "top/%zu/file", i);
        CHECK(close(openat(fd, name, O_WRONLY | O_CREAT, 0000)) == 0);
        (void)snprintf(name, sizeof(name), "top/%zu", i);
        CHECK(fchmodat(fd, name, modes[i], 0) == 0);
    }
    CHECK(fchmodat(fd, "top", 0000, 0) == 0);
    if (fs_remove_tree(fd, "top", &err) < 0)
        fprintf(stderr, "%s\n", err.message);
    CHECK(err.code == 0);
    CHECK(!fs_exists(fd, "top"));
    return 0;
}

static void test_remove_closed_folders(void **state)
{
    struct test_dir *dir = *state;

    assert_int_equal(fchmod(dir->fd, 0777), 0);
    run_child(remove_closed_folders, dir, TEST_USER_ID);
}

static int remove_foreign(void *context)
{
    struct test_dir *dir = context;
    struct mcpd_error err = {0};
    int rc = fs_remove_tree(dir->fd, "tree", &err);

    CHECK(rc == -MCPD_E_DENIED);
    CHECK(strcmp(err.message, "remove 'tree/sub/file': Permission denied") == 0);
    CHECK(err.sys_errno == EACCES);
    return 0;
}

static void test_remove_of_others_is_denied(void **state)
{
    struct test_dir *dir = *state;

    if (geteuid() != 0)
        skip();
    assert_int_equal(fchmod(dir->fd, 0777), 0);
    assert_int_equal(fs_make_dirs(dir->fd, "tree/sub", 0755, NULL, NULL), 0);
    put_file(dir->fd, "tree/sub/file", "");
    run_child(remove_foreign, dir, TEST_USER_ID);
}

/* --- mounts --- */

/* Mounts of a new namespace are only seen through descriptors opened in it. */
static int enter_mount_namespace(struct test_dir *dir)
{
    CHECK(unshare(CLONE_NEWNS) == 0);
    CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(dir->fd >= 0);
    return 0;
}

static int remove_around_mount(void *context)
{
    struct test_dir *dir = context;
    CLEANUP_FREE char *mount_point = str_format("%s/tree/sub/mnt", dir->path);
    CLEANUP_FREE char *outside = str_format("%s/outside", dir->path);
    struct mcpd_error err = {0};
    uint64_t bytes = 0;

    CHECK(enter_mount_namespace(dir) == 0);
    CHECK(mount(outside, mount_point, NULL, MS_BIND, NULL) == 0);
    CHECK(fs_remove_tree(dir->fd, "tree", &err) == -MCPD_E_CONFLICT);
    CHECK(strcmp(err.message, "'tree/sub/mnt' is a mount point") == 0);
    CHECK(fs_remove_tree(AT_FDCWD, mount_point, &err) == -MCPD_E_CONFLICT);
    CHECK(fs_exists(dir->fd, "outside/precious"));
    CHECK(fs_tree_disk_bytes(dir->fd, "tree", &bytes, &err) == 0);
    CHECK(bytes > 0 && bytes < 100000); /* without what is mounted */
    CHECK(umount(mount_point) == 0);
    CHECK(fs_remove_tree(dir->fd, "tree", &err) == 0);
    CHECK(fs_exists(dir->fd, "outside/precious"));
    return 0;
}

/* Without openat2 only other file systems are seen. */
static int remove_around_other_file_system(void *context)
{
    struct test_dir *dir = context;
    CLEANUP_FREE char *mount_point = str_format("%s/tree/sub/mnt", dir->path);
    CLEANUP_FREE char *precious = str_format("%s/precious", mount_point);
    struct mcpd_error err = {0};

    CHECK(enter_mount_namespace(dir) == 0);
    CHECK(mount("none", mount_point, "tmpfs", 0, NULL) == 0);
    CHECK(mkdir(precious, 0755) == 0);
    CHECK(refuse_call(SYS_openat2, ENOSYS));
    CHECK(fs_remove_tree(dir->fd, "tree", &err) == -MCPD_E_CONFLICT);
    CHECK(strcmp(err.message, "'tree/sub/mnt' is a mount point") == 0);
    CHECK(access(precious, F_OK) == 0);
    CHECK(umount(mount_point) == 0);
    CHECK(fs_remove_tree(dir->fd, "tree", &err) == 0);
    return 0;
}

static void make_mount_tree(struct test_dir *dir)
{
    CLEANUP_FREE char *large = malloc(100001);

    memset(large, 'x', 100000);
    large[100000] = '\0';
    assert_int_equal(fs_make_dirs(dir->fd, "tree/sub/mnt", 0755, NULL, NULL), 0);
    assert_int_equal(fs_make_dirs(dir->fd, "outside", 0755, NULL, NULL), 0);
    put_file(dir->fd, "outside/precious", large);
}

static void test_remove_stays_in_its_mount(void **state)
{
    struct test_dir *dir = *state;

    if (geteuid() != 0)
        skip();
    make_mount_tree(dir);
    run_child(remove_around_mount, dir, 0);
    make_mount_tree(dir);
    run_child(remove_around_other_file_system, dir, 0);
}

/* --- races --- */

struct swap {
    int dir_fd;
    int leaves;
};

/* Deep in the walk, somebody moves the folder we are in out of the tree. */
static int move_away(struct fs_walk *walk, int dir_fd, const char *name, struct mcpd_error *err)
{
    struct swap *swap = fs_walk_context(walk);

    if (strcmp(name, "bottom") == 0)
        assert_int_equal(renameat(swap->dir_fd, "deep/deep/deep", swap->dir_fd, "elsewhere/moved"),
                         0);
    return 0;
}

static int count_leave(struct fs_walk *walk, int dir_fd, const char *name, struct mcpd_error *err)
{
    struct swap *swap = fs_walk_context(walk);
    struct stat st;

    /* Nothing of the outside is ever handed out. */
    assert_int_equal(fstatat(dir_fd, "outside", &st, 0), -1);
    swap->leaves++;
    return 0;
}

static void test_walk_notices_a_moved_folder(void **state)
{
    struct test_dir *dir = *state;
    static const struct fs_walk_operations operations = {.leaf = move_away, .leave = count_leave};
    struct swap swap = {.dir_fd = dir->fd};
    struct mcpd_error err;
    int fd = dup(dir->fd);
    int rc;

    make_deep(dir->fd, "deep", 100);
    for (int i = 0; i < 100; i++) {
        int next = openat(fd, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        close(fd);
        fd = next;
    }
    put_file(fd, "bottom", "");
    close(fd);
    assert_int_equal(fs_make_dirs(dir->fd, "elsewhere/outside", 0755, NULL, NULL), 0);
    fd = openat(dir->fd, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = fs_walk_run(fd, "deep", &operations, &swap, &err);
    assert_error(rc, err, MCPD_E_CONFLICT, "a folder below 'deep' was moved meanwhile");
    assert_int_equal(swap.leaves, 100 - 3);
}

/* A child that swaps a folder for a link and back as fast as it can. */
static void swap_for_ever(int dir_fd)
{
    for (;;) {
        (void)renameat2(dir_fd, "tree/victim", dir_fd, "tree/link", RENAME_EXCHANGE);
        (void)mkdirat(dir_fd, "tree/victim", 0700);
        (void)!symlinkat("../outside", dir_fd, "tree/link");
        (void)close(openat(dir_fd, "tree/victim/file", O_CREAT | O_WRONLY | O_NOFOLLOW, 0600));
    }
}

static void test_remove_against_a_swapper(void **state)
{
    struct test_dir *dir = *state;
    pid_t pid;

    assert_int_equal(fs_make_dirs(dir->fd, "outside/sub", 0755, NULL, NULL), 0);
    put_file(dir->fd, "outside/precious", "x");
    put_file(dir->fd, "outside/sub/precious", "x");
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        swap_for_ever(dir->fd);
    for (int i = 0; i < 300; i++) {
        (void)mkdirat(dir->fd, "tree", 0755);
        (void)!fs_remove_tree(dir->fd, "tree", NULL); /* success is a matter of luck */
        assert_true(fs_exists(dir->fd, "outside/precious"));
        assert_true(fs_exists(dir->fd, "outside/sub/precious"));
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(fs_remove_tree(dir->fd, "tree", NULL), 0);
}

/* --- sizes --- */

static uint64_t disk_bytes(int dir_fd, const char *path)
{
    struct stat st;

    assert_int_equal(fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
    return fs_disk_bytes(&st);
}

/* 1 GiB of nothing. */
static void make_sparse(int dir_fd, const char *path)
{
    int fd = openat(dir_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 1 << 30), 0);
    (void)close(fd);
}

static void test_tree_bytes(void **state)
{
    struct test_dir *dir = *state;
    uint64_t bytes = 0;
    uint64_t expected;
    struct mcpd_error err;
    char name[32];

    assert_int_equal(fs_make_dirs(dir->fd, "t/sub", 0755, NULL, NULL), 0);
    put_file(dir->fd, "t/a", "12345");
    put_file(dir->fd, "t/sub/b", "123");
    assert_int_equal(symlinkat("target", dir->fd, "t/link"), 0);
    for (int i = 0; i < 600; i++) { /* pairs: each counts once */
        (void)snprintf(name, sizeof(name), "t/sub/pair%d", i / 2);
        if (i % 2 == 0) {
            put_file(dir->fd, name, "1");
        } else {
            char other[32];

            (void)snprintf(other, sizeof(other), "t/other%d", i / 2);
            assert_int_equal(linkat(dir->fd, name, dir->fd, other, 0), 0);
        }
    }
    make_sparse(dir->fd, "t/sparse"); /* counts as what it takes */
    expected = disk_bytes(dir->fd, "t") + disk_bytes(dir->fd, "t/sub") +
               disk_bytes(dir->fd, "t/a") + disk_bytes(dir->fd, "t/sub/b") +
               disk_bytes(dir->fd, "t/link") + disk_bytes(dir->fd, "t/sparse") +
               300 * disk_bytes(dir->fd, "t/sub/pair0");
    assert_true(expected < 10 << 20);
    assert_int_equal(fs_tree_disk_bytes(dir->fd, "t", &bytes, &err), 0);
    assert_int_equal(bytes, expected);
    assert_error(fs_tree_disk_bytes(dir->fd, "none", &bytes, &err), err, MCPD_E_NOT_FOUND,
                 "open folder 'none': No such file or directory");
}

static void test_no_descriptor_is_lost(void **state)
{
    struct test_dir *dir = *state;
    int before = count_open_fds();
    uint64_t bytes;

    make_deep(dir->fd, "deep", 300);
    assert_int_equal(fs_tree_disk_bytes(dir->fd, "deep", &bytes, NULL), 0);
    assert_int_equal(fs_remove_tree(dir->fd, "deep", NULL), 0);
    assert_int_equal(count_open_fds(), before);
}

static int run_all(const char *name)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_remove_small_things),        DIR_TEST(test_remove_never_follows_links),
        DIR_TEST(test_remove_deep_tree),           DIR_TEST(test_remove_long_names),
        DIR_TEST(test_remove_wide_tree),           DIR_TEST(test_remove_closed_folders),
        DIR_TEST(test_remove_of_others_is_denied), DIR_TEST(test_walk_notices_a_moved_folder),
        DIR_TEST(test_remove_against_a_swapper),   DIR_TEST(test_tree_bytes),
        DIR_TEST(test_no_descriptor_is_lost),
    };

    return _cmocka_run_group_tests(name, tests, ARRAY_SIZE(tests), NULL, NULL);
}

static int run_on_old_kernel(void *context)
{
    int rc;

    CHECK(refuse_call(SYS_openat2, ENOSYS));
    rc = run_all("fs_tree without openat2");
    fflush(NULL);
    return rc;
}

int main(void)
{
    const struct CMUnitTest mounts[] = {
        DIR_TEST(test_remove_stays_in_its_mount),
    };
    int status = 1;
    int failed = run_all("fs_tree") + cmocka_run_group_tests_name("mounts", mounts, NULL, NULL);
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid == 0)
        _exit(run_on_old_kernel(NULL) != 0);
    return pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0 || failed != 0;
}
