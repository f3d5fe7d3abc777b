/*
 * base_test.h - what the tests of src/base share: a fresh folder per test, checks of
 * errors, children that report a line number, system calls that are refused.
 */
#ifndef BASE_TEST_H
#define BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fsutil.h"

#define TEST_USER_ID 54321

/* A test's own folder; *state points at it. */
struct test_dir {
    int fd;
    char path[64];
};

static inline int test_dir_setup(void **state)
{
    struct test_dir *dir = calloc(1, sizeof(*dir));

    (void)snprintf(dir->path, sizeof(dir->path), "/tmp/mcpd-test-XXXXXX");
    if (!mkdtemp(dir->path) || chmod(dir->path, 0755) < 0)
        return -1;
    dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = dir;
    return dir->fd < 0;
}

static inline int test_dir_teardown(void **state)
{
    struct test_dir *dir = *state;
    int rc = fs_remove_tree(AT_FDCWD, dir->path, NULL);

    (void)close(dir->fd);
    free(dir);
    return rc;
}

#define DIR_TEST(function) \
    cmocka_unit_test_setup_teardown(function, test_dir_setup, test_dir_teardown)

/* A file with a text below a folder. */
static inline void put_file(int dir_fd, const char *path, const char *text)
{
    int fd = openat(dir_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

#define assert_code(rc, code) assert_int_equal(rc, -(int)(code))

/* The code came back as the result and in the error, and the text is the expected one. */
#define assert_error(rc, err, wanted_code, text)          \
    do {                                                  \
        assert_int_equal(rc, -(int)(wanted_code));        \
        assert_int_equal((err).code, (int)(wanted_code)); \
        assert_string_equal((err).message, text);         \
    } while (0)

#define assert_error_contains(rc, err, wanted_code, text)                    \
    do {                                                                     \
        assert_int_equal(rc, -(int)(wanted_code));                           \
        assert_int_equal((err).code, (int)(wanted_code));                    \
        if (!strstr((err).message, text))                                    \
            fail_msg("\"%s\" does not contain \"%s\"", (err).message, text); \
    } while (0)

/* In children: the first wrong line becomes the result, as cmocka's assertions cannot leave. */
#define CHECK(condition)                                                                      \
    do {                                                                                      \
        if (!(condition)) {                                                                   \
            fprintf(stderr, "%s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__, #condition, \
                    errno);                                                                   \
            return __LINE__;                                                                  \
        }                                                                                     \
    } while (0)

typedef int (*child_function)(void *context);

/* Runs in a child; the result must be 0. With user_id != 0 as that user when we are root. */
static inline void run_child(child_function function, void *context, uid_t user_id)
{
    int status = 0;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (user_id != 0 && geteuid() == 0 &&
            (setgroups(0, NULL) < 0 || setresgid(user_id, user_id, user_id) < 0 ||
             setresuid(user_id, user_id, user_id) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0))
            _exit(99); /* dumpable, as after an exec: or its files in /proc are root's */
        _exit(function(context) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* From now on this process gets `sys_errno` for the system call: an older kernel. */
static inline bool refuse_call(int number, int sys_errno)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool ok = filter &&
              seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)sys_errno), number, 0) == 0 &&
              seccomp_load(filter) == 0;

    seccomp_release(filter);
    return ok;
}

static inline int count_open_fds(void)
{
    int count = 0;

    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

#endif
