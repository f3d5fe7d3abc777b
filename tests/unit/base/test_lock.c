/* test_lock.c - exclusive, shared, timeouts, dead holders, removed files. */
#include "base/base_test.h"

#include "base/clock.h"
#include "base/lock.h"

static void test_exclusive_and_shared(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FD int a = -1;
    CLEANUP_FD int b = -1;
    CLEANUP_FD int c = -1;
    struct mcpd_error err;
    int rc;

    assert_int_equal(lock_take(dir->fd, "lock", LOCK_KIND_EXCLUSIVE, 0, &a, &err), 0);
    rc = lock_take(dir->fd, "lock", LOCK_KIND_EXCLUSIVE, 0, &b, &err);
    assert_error(rc, err, MCPD_E_TIMEOUT, "'lock' is locked");
    assert_code(lock_take(dir->fd, "lock", LOCK_KIND_SHARED, 0, &b, &err), MCPD_E_TIMEOUT);
    close(TAKE_FD(a));
    assert_int_equal(lock_take(dir->fd, "lock", LOCK_KIND_SHARED, 0, &b, &err), 0);
    assert_int_equal(lock_take(dir->fd, "lock", LOCK_KIND_SHARED, 0, &c, &err), 0);
    assert_code(lock_take(dir->fd, "lock", LOCK_KIND_EXCLUSIVE, 0, &a, &err), MCPD_E_TIMEOUT);
    assert_true(fcntl(b, F_GETFD) & FD_CLOEXEC);
}

static void test_convert(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FD int a = -1;
    CLEANUP_FD int b = -1;
    CLEANUP_FD int c = -1;

    assert_int_equal(lock_take(dir->fd, "lock", LOCK_KIND_SHARED, 0, &a, NULL), 0);
    assert_int_equal(lock_take(dir->fd, "lock", LOCK_KIND_SHARED, 0, &b, NULL), 0);
    /* The old one stays when the new one is not to be had. */
    assert_code(lock_convert(a, LOCK_KIND_EXCLUSIVE, 20, NULL), MCPD_E_TIMEOUT);
    close(TAKE_FD(b));
    assert_code(lock_take(dir->fd, "lock", LOCK_KIND_EXCLUSIVE, 0, &c, NULL), MCPD_E_TIMEOUT);
    assert_int_equal(lock_convert(a, LOCK_KIND_EXCLUSIVE, 0, NULL), 0);
    assert_code(lock_take(dir->fd, "lock", LOCK_KIND_SHARED, 0, &b, NULL), MCPD_E_TIMEOUT);
    assert_int_equal(lock_convert(a, LOCK_KIND_SHARED, 0, NULL), 0);
    assert_int_equal(lock_take(dir->fd, "lock", LOCK_KIND_SHARED, 0, &b, NULL), 0);
}

static void test_timeout_is_waited_for(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FD int a = -1;
    CLEANUP_FD int b = -1;
    int64_t start;

    assert_int_equal(lock_take(dir->fd, "lock", LOCK_KIND_EXCLUSIVE, -1, &a, NULL), 0);
    start = clock_monotonic_ms();
    assert_code(lock_take(dir->fd, "lock", LOCK_KIND_EXCLUSIVE, 60, &b, NULL), MCPD_E_TIMEOUT);
    assert_in_range(clock_monotonic_ms() - start, 60, 5000);
}

/* A child that holds the lock until its pipe is closed. */
static pid_t start_holder(struct test_dir *dir, int *ret_pipe_fd)
{
    int ready[2];
    int hold[2];
    char word;
    pid_t pid;

    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int fd = -1;

        close(hold[1]);
        if (lock_take(dir->fd, "lock", LOCK_KIND_EXCLUSIVE, 0, &fd, NULL) < 0)
            _exit(1);
        (void)!write(ready[1], "r", 1);
        (void)!read(hold[0], &word, 1);
        usleep(50000);
        _exit(0);
    }
    close(ready[1]);
    close(hold[0]);
    assert_int_equal(read(ready[0], &word, 1), 1);
    close(ready[0]);
    *ret_pipe_fd = hold[1];
    return pid;
}

static void test_wait_for_another_process(void **state)
{
    struct test_dir *dir = *state;
    static const int timeouts_ms[] = {-1, 10000};

    for (size_t i = 0; i < ARRAY_SIZE(timeouts_ms); i++) {
        CLEANUP_FD int fd = -1;
        int pipe_fd = -1;
        bool is_held = false;
        pid_t pid = start_holder(dir, &pipe_fd);

        assert_int_equal(lock_is_held(dir->fd, "lock", &is_held, NULL), 0);
        assert_true(is_held);
        close(pipe_fd);
        assert_int_equal(lock_take(dir->fd, "lock", LOCK_KIND_EXCLUSIVE, timeouts_ms[i], &fd, NULL),
                         0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
    }
}

static void test_killed_holder_leaves_nothing(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FD int fd = -1;
    bool is_held = true;
    int pipe_fd = -1;
    pid_t pid = start_holder(dir, &pipe_fd);

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(lock_is_held(dir->fd, "lock", &is_held, NULL), 0);
    assert_false(is_held);
    assert_int_equal(lock_take(dir->fd, "lock", LOCK_KIND_EXCLUSIVE, 0, &fd, NULL), 0);
    close(pipe_fd);
}

static void test_is_held(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FD int fd = -1;
    CLEANUP_FD int copy = -1;
    bool is_held = true;
    struct mcpd_error err;

    assert_int_equal(lock_is_held(dir->fd, "lock", &is_held, &err), 0);
    assert_false(is_held);
    assert_false(fs_exists(dir->fd, "lock")); /* asking makes nothing */
    assert_int_equal(lock_take(dir->fd, "lock", LOCK_KIND_SHARED, 0, &fd, &err), 0);
    assert_int_equal(lock_is_held(dir->fd, "lock", &is_held, &err), 0);
    assert_true(is_held);
    copy = dup(fd); /* such as one in a child */
    close(TAKE_FD(fd));
    assert_int_equal(lock_is_held(dir->fd, "lock", &is_held, &err), 0);
    assert_true(is_held);
    close(TAKE_FD(copy));
    assert_int_equal(lock_is_held(dir->fd, "lock", &is_held, &err), 0);
    assert_false(is_held);
    assert_int_equal(symlinkat("lock", dir->fd, "link"), 0);
    assert_code(lock_is_held(dir->fd, "link", &is_held, &err), MCPD_E_SYSTEM);
    assert_code(lock_take(dir->fd, "link", LOCK_KIND_SHARED, 0, &fd, &err), MCPD_E_SYSTEM);
    assert_code(lock_take(dir->fd, "no/lock", LOCK_KIND_SHARED, 0, &fd, &err), MCPD_E_NOT_FOUND);
}

/* A thousand questions while somebody else takes the lock without waiting. */
static void test_asking_disturbs_nobody(void **state)
{
    struct test_dir *dir = *state;
    pid_t pid = fork();
    bool is_held;

    assert_true(pid >= 0);
    while (pid == 0)
        (void)!lock_is_held(dir->fd, "lock", &is_held, NULL);
    for (int i = 0; i < 5000; i++) {
        CLEANUP_FD int fd = -1;

        assert_int_equal(lock_take(dir->fd, "lock", LOCK_KIND_EXCLUSIVE, 0, &fd, NULL), 0);
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* The holder removes the file before it lets go: who waited must end up with the new one. */
static void test_removed_while_waiting(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FD int fd = -1;
    int waiter_status = 1;
    int pipe_fds[2];
    bool is_held = false;
    pid_t pid;
    char word;

    assert_int_equal(lock_take(dir->fd, "lock", LOCK_KIND_EXCLUSIVE, 0, &fd, NULL), 0);
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int mine = -1;

        close(TAKE_FD(fd));
        (void)!write(pipe_fds[1], "r", 1);
        if (lock_take(dir->fd, "lock", LOCK_KIND_EXCLUSIVE, 5000, &mine, NULL) < 0)
            _exit(1);
        _exit(!fs_exists(dir->fd, "lock") || lock_is_held(dir->fd, "lock", &is_held, NULL) < 0 ||
              !is_held);
    }
    assert_int_equal(read(pipe_fds[0], &word, 1), 1);
    usleep(50000);
    assert_int_equal(unlinkat(dir->fd, "lock", 0), 0);
    close(TAKE_FD(fd));
    assert_int_equal(waitpid(pid, &waiter_status, 0), pid);
    assert_int_equal(waiter_status, 0);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

/* As some network file systems answer. */
static int lock_without_locks(void *context)
{
    struct test_dir *dir = context;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    struct mcpd_error err = {0};
    bool is_held;
    int fd = -1;

    CHECK(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOLCK), SCMP_SYS(fcntl), 1,
                           SCMP_A1(SCMP_CMP_EQ, F_OFD_SETLK)) == 0);
    CHECK(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOLCK), SCMP_SYS(fcntl), 1,
                           SCMP_A1(SCMP_CMP_EQ, F_OFD_GETLK)) == 0);
    CHECK(seccomp_load(filter) == 0);
    CHECK(lock_take(dir->fd, "lock", LOCK_KIND_EXCLUSIVE, 0, &fd, &err) == -MCPD_E_UNSUPPORTED);
    CHECK(strcmp(err.message, "lock 'lock': the file system knows no locks (No locks available); "
                              "take another one for --root and --runroot") == 0);
    CHECK(lock_is_held(dir->fd, "lock", &is_held, &err) == -MCPD_E_UNSUPPORTED);
    return 0;
}

static void test_no_locks(void **state)
{
    run_child(lock_without_locks, *state, 0);
}

static void test_no_file(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FD int fd = -1;
    struct mcpd_error err = {0};
    bool is_held;

    assert_int_equal(mkdirat(dir->fd, "folder", 0700), 0);
    assert_int_equal(mkfifoat(dir->fd, "pipe", 0600), 0);
    assert_error(lock_take(dir->fd, "folder", LOCK_KIND_EXCLUSIVE, 0, &fd, &err), err,
                 MCPD_E_CORRUPT, "lock 'folder' is no regular file");
    assert_code(lock_take(dir->fd, "pipe", LOCK_KIND_EXCLUSIVE, -1, &fd, &err), MCPD_E_CORRUPT);
    assert_code(lock_is_held(dir->fd, "folder", &is_held, &err), MCPD_E_CORRUPT);
    assert_code(lock_is_held(dir->fd, "pipe", &is_held, &err), MCPD_E_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_no_locks),
        DIR_TEST(test_exclusive_and_shared),
        DIR_TEST(test_convert),
        DIR_TEST(test_timeout_is_waited_for),
        DIR_TEST(test_wait_for_another_process),
        DIR_TEST(test_killed_holder_leaves_nothing),
        DIR_TEST(test_is_held),
        DIR_TEST(test_no_file),
        DIR_TEST(test_asking_disturbs_nobody),
        DIR_TEST(test_removed_while_waiting),
    };

    return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
