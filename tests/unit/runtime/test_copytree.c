/* test_copytree.c - a copy has content, owners, modes, times and links; nothing is followed. */
#include "base/base_test.h"

#include "runtime/copytree.h"

static void make_pair(struct test_dir *dir, int *ret_from, int *ret_to)
{
    assert_int_equal(fs_make_dirs(dir->fd, "from", 0755, ret_from, NULL), 0);
    assert_int_equal(fs_make_dirs(dir->fd, "to", 0700, ret_to, NULL), 0);
}

static void assert_text(int dir_fd, const char *path, const char *wanted)
{
    CLEANUP_FREE char *text = NULL;

    assert_int_equal(fs_read_file(dir_fd, path, 4 << 20, &text, NULL, NULL), 0);
    assert_string_equal(text, wanted);
}

static void test_tree(void **state)
{
    CLEANUP_FD int from = -1;
    CLEANUP_FD int to = -1;
    const struct timespec times[2] = {{1000, 5}, {2000, 6}};
    char target[64] = "";
    struct stat st;

    make_pair(*state, &from, &to);
    assert_int_equal(mkdirat(from, "a", 0755), 0);
    put_file(from, "a/file", "content");
    put_file(from, "empty", "");
    assert_int_equal(fchmodat(from, "a/file", 04751, 0), 0);
    assert_int_equal(symlinkat("/etc/passwd", from, "link"), 0);
    assert_int_equal(mkfifoat(from, "pipe", 0644), 0);
    if (geteuid() == 0)
        assert_int_equal(fchownat(from, "a/file", 5, 6, 0), 0);
    assert_int_equal(fchmodat(from, "a/file", 04751, 0), 0);
    assert_int_equal(utimensat(from, "a/file", times, 0), 0);
    assert_int_equal(fchmodat(from, "a", 0511, 0), 0);
    assert_int_equal(copytree_fill(from, to, NULL), 0);
    assert_text(to, "a/file", "content");
    assert_text(to, "empty", "");
    assert_int_equal(fstatat(to, "a/file", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 04751);
    assert_int_equal(st.st_mtim.tv_sec, 2000);
    if (geteuid() == 0)
        assert_true(st.st_uid == 5 && st.st_gid == 6);
    assert_int_equal(fstatat(to, "a", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0511);
    assert_true(readlinkat(to, "link", target, sizeof(target) - 1) > 0);
    assert_string_equal(target, "/etc/passwd");
    assert_int_equal(faccessat(to, "pipe", F_OK, 0), -1);
    assert_int_equal(fstat(to, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700); /* its own */
    assert_int_equal(fchmodat(from, "a", 0755, 0), 0);
    assert_int_equal(fchmodat(to, "a", 0755, 0), 0);
}

static void test_large_file(void **state)
{
    CLEANUP_FD int from = -1;
    CLEANUP_FD int to = -1;
    CLEANUP_FREE char *bytes = malloc((3 << 20) + 1);

    make_pair(*state, &from, &to);
    memset(bytes, 'y', 3 << 20);
    bytes[3 << 20] = '\0';
    put_file(from, "large", bytes);
    assert_int_equal(copytree_fill(from, to, NULL), 0);
    assert_text(to, "large", bytes);
}

static void test_too_deep(void **state)
{
    CLEANUP_FD int from = -1;
    CLEANUP_FD int to = -1;
    int depth_fd;
    struct mcpd_error err = {0};

    make_pair(*state, &from, &to);
    depth_fd = dup(from);
    for (int i = 0; i < 300; i++) {
        int next = -1;

        assert_int_equal(fs_make_dir(depth_fd, "d", 0755, &next, NULL), 0);
        close(depth_fd);
        depth_fd = next;
    }
    close(depth_fd);
    assert_code(copytree_fill(from, to, &err), MCPD_E_LIMIT);
}

static void test_target_not_empty(void **state)
{
    CLEANUP_FD int from = -1;
    CLEANUP_FD int to = -1;
    struct mcpd_error err = {0};

    make_pair(*state, &from, &to);
    put_file(from, "name", "new");
    put_file(to, "name", "old");
    assert_true(copytree_fill(from, to, &err) < 0);
    assert_text(to, "name", "old");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_tree),
        DIR_TEST(test_large_file),
        DIR_TEST(test_too_deep),
        DIR_TEST(test_target_not_empty),
    };

    return cmocka_run_group_tests_name("copytree", tests, NULL, NULL);
}
