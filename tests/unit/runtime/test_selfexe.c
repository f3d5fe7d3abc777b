/* test_selfexe.c - nobody writes to what runs from a protected descriptor. */
#include "base/base_test.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/proc.h"
#include "runtime/selfexe.h"

#define PROGRAM "/bin/true"

/* A program of our own, so that we could write to it. */
static void copy_program(const struct test_dir *dir, char path[96])
{
    CLEANUP_FREE char *bytes = NULL;
    size_t length = 0;

    (void)snprintf(path, 96, "%s/program", dir->path);
    assert_int_equal(fs_read_file(AT_FDCWD, PROGRAM, 64 << 20, &bytes, &length, NULL), 0);
    assert_int_equal(fs_write_file(AT_FDCWD, path, bytes, length, 0755, 0, NULL), 0);
}

static void assert_runs(int fd, const char *path)
{
    struct proc_options options = PROC_OPTIONS_NONE;
    CLEANUP_PROC struct proc proc = PROC_NONE;
    char name[] = "true";
    char *argv[] = {name, NULL};
    struct mcpd_error err = {0};
    int status = -1;

    options.program = path;
    options.program_fd = fd;
    options.argv = argv;
    if (proc_start(&options, &proc, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(proc_wait(&proc, 10000, &status, NULL), 0);
    assert_int_equal(status, 0);
}

static bool can_be_written(int fd)
{
    char path[FS_FD_PATH_SIZE];
    int again = open(fs_fd_path(fd, path), O_WRONLY | O_CLOEXEC);
    bool written = again >= 0 && write(again, "x", 1) == 1;

    if (again >= 0)
        close(again);
    return written;
}

static void test_root(void **state)
{
    CLEANUP_FD int fd = -1;
    char path[96];

    if (geteuid() != 0)
        skip();
    copy_program(*state, path);
    assert_int_equal(selfexe_open_protected(path, false, &fd, NULL), 0);
    assert_true(fd >= 0);
    assert_false(can_be_written(fd));
    assert_runs(fd, path);
}

static int on_old_kernel(void *context)
{
    struct test_dir *dir = context;
    CLEANUP_FD int fd = -1;
    char path[96];

    CHECK(refuse_call(SYS_mount_setattr, ENOSYS));
    copy_program(dir, path);
    CHECK(selfexe_open_protected(path, false, &fd, NULL) == 0);
    CHECK(fd >= 0 && !can_be_written(fd));
    return 0;
    CHECK(fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE);
    assert_runs(fd, path);
    return 0;
}

static void test_old_kernel(void **state)
{
    run_child(on_old_kernel, *state, 0);
}

static int as_owner(void *context)
{
    struct test_dir *dir = context;
    CLEANUP_FD int fd = -1;
    char path[96];

    (void)snprintf(path, sizeof(path), "%s/program", dir->path);
    CHECK(chmod(path, 0555) == 0); /* its owner could change that */
    CHECK(selfexe_open_protected(path, false, &fd, NULL) == 0);
    CHECK(fd >= 0 && !can_be_written(fd));
    assert_runs(fd, path);
    return 0;
}

static void test_owner(void **state)
{
    char path[96];

    copy_program(*state, path);
    assert_int_equal(geteuid() == 0 ? chown(path, TEST_USER_ID, TEST_USER_ID) : 0, 0);
    run_child(as_owner, *state, TEST_USER_ID);
}

/* An installed program is root's: a user needs no copy. */
static int as_stranger(void *context)
{
    CLEANUP_FD int fd = -1;

    CHECK(selfexe_open_protected(PROGRAM, false, &fd, NULL) == 0);
    CHECK(fd == -1);
    CHECK(selfexe_open_protected(PROGRAM, true, &fd, NULL) == 0); /* but for its path */
    CHECK(fd >= 0 && !can_be_written(fd));
    return 0;
}

static void test_stranger(void **state)
{
    if (geteuid() != 0)
        skip();
    run_child(as_stranger, NULL, TEST_USER_ID);
}

static void test_missing(void **state)
{
    CLEANUP_FD int fd = -1;
    struct mcpd_error err = {0};

    if (geteuid() != 0)
        skip();
    assert_int_equal(selfexe_open_protected("/no/such/program", false, &fd, &err), 0);
    assert_int_equal(fd, -1); /* whoever executes the path says so */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_root),
        DIR_TEST(test_old_kernel),
        DIR_TEST(test_owner),
        cmocka_unit_test(test_stranger),
        cmocka_unit_test(test_missing),
    };

    return cmocka_run_group_tests_name("selfexe", tests, NULL, NULL);
}
