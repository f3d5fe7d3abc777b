/* test_proc.c - real children: descriptors, signals, failures, deadlines. */
#include "base/base_test.h"

#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/proc.h"
#include "base/str.h"

/* argv for `sh -c script` */
#define SHELL(script) ((char *const[]){(char[]){"sh"}, (char[]){"-c"}, (char[]){script}, NULL})

/* Runs a shell script with stdout and stderr in a pipe; its output, owned by the caller. */
static char *run_script(struct proc_options *options, int *ret_status)
{
    CLEANUP_PROC struct proc proc = PROC_NONE;
    struct mcpd_error err;
    char *text = NULL;
    int pipe_fds[2];

    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    if (options->program_fd < 0)
        options->program = "sh";
    if (options->stdout_fd == -1)
        options->stdout_fd = pipe_fds[1];
    options->stderr_fd = pipe_fds[1];
    if (proc_start(options, &proc, &err) < 0)
        fail_msg("%s", err.message);
    close(pipe_fds[1]);
    assert_int_equal(fs_read_fd(pipe_fds[0], "output", 1 << 16, &text, NULL, &err), 0);
    close(pipe_fds[0]);
    assert_int_equal(proc_wait(&proc, -1, ret_status, &err), 0);
    return text;
}

static void test_exit_codes(void **state)
{
    struct proc_options options = PROC_OPTIONS_NONE;
    CLEANUP_FREE char *a = NULL;
    CLEANUP_FREE char *b = NULL;
    int status = 0;

    options.argv = SHELL("echo out; echo err >&2; exit 7");
    a = run_script(&options, &status);
    assert_string_equal(a, "out\nerr\n");
    assert_int_equal(proc_exit_code(status), 7);
    options = (struct proc_options)PROC_OPTIONS_NONE;
    options.argv = SHELL("kill -9 $$");
    b = run_script(&options, &status);
    assert_int_equal(proc_exit_code(status), 137);
}

static void test_program_not_there(void **state)
{
    struct test_dir *dir = *state;
    struct proc_options options = PROC_OPTIONS_NONE;
    struct proc proc = PROC_NONE;
    CLEANUP_FREE char *script = str_format("%s/script", dir->path);
    int before = count_open_fds();
    struct mcpd_error err;

    options.argv = SHELL("true");
    options.program = "mcpd-no-such-program";
    assert_error(proc_start(&options, &proc, &err), err, MCPD_E_NOT_FOUND,
                 "program 'mcpd-no-such-program' is not installed (not found in PATH)");
    options.program = "/nonexistent/program";
    assert_error(proc_start(&options, &proc, &err), err, MCPD_E_NOT_FOUND,
                 "start '/nonexistent/program': No such file or directory");
    assert_int_equal(err.sys_errno, ENOENT);
    put_file(dir->fd, "script", "no program at all");
    options.program = script;
    assert_code(proc_start(&options, &proc, &err), MCPD_E_DENIED);
    assert_int_equal(err.sys_errno, EACCES);
    assert_int_equal(fchmodat(dir->fd, "script", 0755, 0), 0);
    assert_code(proc_start(&options, &proc, &err), MCPD_E_SYSTEM);
    assert_int_equal(err.sys_errno, ENOEXEC);
    options.program = "sh";
    options.directory = "/nonexistent";
    assert_error(proc_start(&options, &proc, &err), err, MCPD_E_NOT_FOUND,
                 "start 'sh': enter '/nonexistent': No such file or directory");
    options.directory = NULL;
    options.stdin_fd = 987;
    assert_error(proc_start(&options, &proc, &err), err, MCPD_E_SYSTEM,
                 "start 'sh': pass descriptors: Bad file descriptor");
    assert_int_equal(proc.pid, 0);
    assert_int_equal(count_open_fds(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* the failed ones are reaped */
    assert_int_equal(errno, ECHILD);
}

static void test_path_lookup(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FREE char *old = strdup(getenv("PATH"));
    CLEANUP_FREE char *path = str_format("relative::%s:/usr/bin:/bin", dir->path);
    char *const argv[] = {(char[]){"mytool"}, NULL};
    CLEANUP_FREE char *output = NULL;
    struct mcpd_error err;
    int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

    put_file(dir->fd, "mytool", "#!/bin/sh\necho found\n");
    setenv("PATH", path, 1);
    assert_code(proc_run(argv, 5000, &output, &err), MCPD_E_NOT_FOUND); /* not executable */
    assert_int_equal(fchmodat(dir->fd, "mytool", 0755, 0), 0);
    assert_int_equal(proc_run(argv, 5000, &output, &err), 0);
    assert_string_equal(output, "found\n");
    /* The present folder is never searched. */
    setenv("PATH", "relative::/usr/bin", 1);
    assert_int_equal(fchdir(dir->fd), 0);
    assert_code(proc_run(argv, 5000, NULL, &err), MCPD_E_NOT_FOUND);
    assert_int_equal(fchdir(here), 0);
    close(here);
    setenv("PATH", old, 1);
}

/* Sources that are targets of one another, and one that stands on its own target already. */
static void test_descriptors_are_placed(void **state)
{
    struct test_dir *dir = *state;
    struct proc_options options = PROC_OPTIONS_NONE;
    CLEANUP_FREE char *output = NULL;
    char name[16];
    int fds[4];
    int status = 1;

    for (int i = 0; i < 4; i++) {
        (void)snprintf(name, sizeof(name), "f%d", i);
        put_file(dir->fd, name, name);
        fds[i] = openat(dir->fd, name, O_RDONLY | O_CLOEXEC);
    }
    /* Rotated: what is 3 here may well be one of them. */
    options.stdin_fd = fds[0];
    options.keep_fds[0] = fds[2];
    options.keep_fds[1] = fds[1];
    options.keep_fds[2] = fds[3];
    options.argv =
        SHELL("cat; echo; cat <&3; echo; cat <&4; echo; cat <&5; echo; ls /proc/self/fd | wc -l");
    output = run_script(&options, &status);
    /* ls: 0 1 2 3 4 5 and the folder it reads. */
    assert_string_equal(output, "f0\nf2\nf1\nf3\n7\n");
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}

/* In a child, so that the low numbers can be given away. */
static int rotate_low_fds(void *context)
{
    struct test_dir *dir = context;
    struct proc_options options = PROC_OPTIONS_NONE;
    CLEANUP_PROC struct proc proc = PROC_NONE;
    CLEANUP_FREE char *text = NULL;
    struct mcpd_error err;
    int status;

    int three;
    int four;

    put_file(dir->fd, "three", "3");
    put_file(dir->fd, "four", "4");
    CHECK((three = fcntl(openat(dir->fd, "three", O_RDONLY), F_DUPFD, 20)) >= 20);
    CHECK((four = fcntl(openat(dir->fd, "four", O_RDONLY), F_DUPFD, 20)) >= 20);
    CHECK(dup2(three, 3) == 3); /* may have been the folder */
    CHECK(dup2(four, 4) == 4);
    CHECK(dup2(openat(AT_FDCWD, dir->path, O_TMPFILE | O_RDWR, 0600), 0) == 0);
    options.program = "sh";
    options.argv = SHELL("cat <&3; cat <&4; cat <&0");
    options.stdin_fd = 4;
    options.stdout_fd = 0;
    options.stderr_fd = PROC_INHERIT;
    options.keep_fds[0] = 4;
    options.keep_fds[1] = 3;
    CHECK(proc_start(&options, &proc, &err) == 0);
    CHECK(proc_wait(&proc, 5000, &status, &err) == 0);
    CHECK(status == 0);
    CHECK(lseek(0, 0, SEEK_SET) == 0);
    CHECK(fs_read_fd(0, "output", 100, &text, NULL, &err) == 0);
    CHECK(strcmp(text, "43") == 0); /* 4 is at its end when it is read again */
    return 0;
}

static void test_low_descriptors_rotate(void **state)
{
    run_child(rotate_low_fds, *state, 0);
}

static void test_nothing_leaks_into_the_child(void **state)
{
    struct proc_options options = PROC_OPTIONS_NONE;
    CLEANUP_FREE char *output = NULL;
    int careless = dup(STDIN_FILENO); /* not close-on-exec */
    int far = fcntl(STDIN_FILENO, F_DUPFD, 500);
    int status;

    options.argv = SHELL("ls /proc/self/fd | wc -l");
    output = run_script(&options, &status);
    assert_string_equal(output, "4\n");
    close(careless);
    close(far);
}

/* What terminals, shells and monitors set up must not reach helpers. */
static void test_signals_are_reset(void **state)
{
    struct proc_options options = PROC_OPTIONS_NONE;
    CLEANUP_FREE char *output = NULL;
    sigset_t blocked;
    sigset_t old;
    int status;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigaddset(&blocked, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &old), 0);
    assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    options.argv = SHELL("grep -E 'Sig(Blk|Ign)' /proc/self/status");
    output = run_script(&options, &status);
    assert_string_equal(output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &blocked), 0);
    assert_true(sigismember(&blocked, SIGUSR1)); /* ours are as before */
    assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
    assert_true(signal(SIGPIPE, SIG_DFL) == SIG_IGN);
}

static void test_session_directory_environment(void **state)
{
    struct test_dir *dir = *state;
    struct proc_options options = PROC_OPTIONS_NONE;
    char *const envp[] = {(char[]){"ONLY=this"}, (char[]){"PATH=/usr/bin:/bin"}, NULL};
    CLEANUP_FREE char *wanted = str_format("%s this none\nleader\n", dir->path);
    CLEANUP_FREE char *output = NULL;
    int status;

    options.envp = envp;
    options.directory = dir->path;
    options.new_session = true;
    options.argv = SHELL("echo $(pwd) $ONLY ${HOME-none}; set -- $(cat /proc/$$/stat);"
                         " [ $6 = $$ ] && echo leader");
    output = run_script(&options, &status);
    assert_string_equal(output, wanted);
}

static void test_program_fd(void **state)
{
    struct proc_options options = PROC_OPTIONS_NONE;
    CLEANUP_FD int fd = open("/bin/echo", O_PATH | O_CLOEXEC);
    CLEANUP_FREE char *output = NULL;
    int status;

    options.program_fd = fd;
    options.argv = (char *const[]){(char[]){"mcpd: web"}, (char[]){"hello"}, NULL};
    options.keep_fds[0] = STDERR_FILENO;
    options.keep_fds[1] = STDERR_FILENO;
    options.keep_fds[2] = STDERR_FILENO;
    options.keep_fds[3] = STDERR_FILENO; /* covers the low numbers, where fd may be */
    output = run_script(&options, &status);
    assert_string_equal(output, "hello\n");
    assert_int_equal(status, 0);
}

static void test_wait_with_deadline(void **state)
{
    struct proc_options options = PROC_OPTIONS_NONE;
    struct proc proc = PROC_NONE;
    int64_t start;
    int status;
    struct mcpd_error err;

    options.program = "sleep";
    options.argv = (char *const[]){(char[]){"sleep"}, (char[]){"100"}, NULL};
    assert_int_equal(proc_start(&options, &proc, &err), 0);
    assert_true(proc.pidfd >= 0);
    assert_true(fcntl(proc.pidfd, F_GETFD) & FD_CLOEXEC);
    start = clock_monotonic_ms();
    assert_code(proc_wait(&proc, 50, &status, &err), MCPD_E_TIMEOUT);
    assert_in_range(clock_monotonic_ms() - start, 50, 5000);
    assert_code(proc_wait(&proc, 0, &status, &err), MCPD_E_TIMEOUT);
    assert_int_equal(proc_signal(&proc, SIGTERM, &err), 0);
    assert_int_equal(proc_wait(&proc, 5000, &status, &err), 0);
    assert_int_equal(proc_exit_code(status), 128 + SIGTERM);
    assert_int_equal(proc.pid, 0);
    assert_int_equal(proc.pidfd, -1);
    proc_done(&proc);
    assert_code(proc_signal(&proc, SIGTERM, &err), MCPD_E_STATE);
    assert_code(proc_wait(&proc, 0, &status, &err), MCPD_E_INTERNAL);
}

static void test_wait_without_pidfd(void **state)
{
    struct proc_options options = PROC_OPTIONS_NONE;
    struct proc proc = PROC_NONE;
    int status;
    struct mcpd_error err;

    options.program = "sleep";
    options.argv = (char *const[]){(char[]){"sleep"}, (char[]){"0.1"}, NULL};
    assert_int_equal(proc_start(&options, &proc, &err), 0);
    close(TAKE_FD(proc.pidfd));
    assert_code(proc_wait(&proc, 1, &status, &err), MCPD_E_TIMEOUT);
    assert_int_equal(proc_wait(&proc, 5000, &status, &err), 0);
    assert_int_equal(status, 0);
    assert_int_equal(proc_start(&options, &proc, &err), 0);
    close(TAKE_FD(proc.pidfd));
    assert_int_equal(proc_signal(&proc, SIGKILL, &err), 0);
    assert_int_equal(proc_wait(&proc, 5000, &status, &err), 0);
}

static void test_forgotten_child_is_killed(void **state)
{
    int before = count_open_fds();
    pid_t pid;

    {
        CLEANUP_PROC struct proc proc = PROC_NONE;
        struct proc_options options = PROC_OPTIONS_NONE;

        options.program = "sleep";
        options.argv = (char *const[]){(char[]){"sleep"}, (char[]){"100"}, NULL};
        assert_int_equal(proc_start(&options, &proc, NULL), 0);
        pid = proc.pid;
    }
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
    assert_int_equal(count_open_fds(), before);
}

static void test_run(void **state)
{
    CLEANUP_FREE char *output = NULL;
    struct mcpd_error err;

    assert_int_equal(proc_run(SHELL("echo a; echo b >&2"), 5000, &output, &err), 0);
    assert_string_equal(output, "a\nb\n");
    assert_int_equal(proc_run(SHELL("true"), -1, NULL, &err), 0);
    assert_error(
        proc_run(SHELL("echo first; echo 'uid range [0-1) -> [5-6) not allowed' >&2; exit 3"), 5000,
                 NULL, &err),
        err, MCPD_E_SYSTEM, "'sh' failed with exit code 3: uid range [0-1) -> [5-6) not allowed");
    assert_error(proc_run(SHELL("exit 1"), 5000, NULL, &err), err, MCPD_E_SYSTEM,
                 "'sh' failed with exit code 1");
    assert_error(proc_run(SHELL("echo gone; kill -TERM $$"), 5000, NULL, &err), err, MCPD_E_SYSTEM,
                 "'sh' was ended by signal 15: gone");
}

static void test_talk(void **state)
{
    CLEANUP_STRV char **absent = strv_split("mcpd-no-such-program", ' ');
    CLEANUP(proc_words_done) struct proc_words words = {0};
    CLEANUP(proc_words_done) struct proc_words none = {0};
    char *much = calloc(1, 300001);

    assert_int_equal(proc_talk(SHELL("cat; echo oops >&2; exit 3"), "hello\n", 5000, &words, NULL),
                     0);
    assert_string_equal(words.output, "hello\n");
    assert_string_equal(words.complaint, "oops\n");
    assert_int_equal(words.exit_code, 3);
    proc_words_done(&words);
    memset(much, 'x', 300000);
    assert_int_equal(proc_talk(SHELL("cat; echo oops >&2; exit 3"), much, 5000, &words, NULL), 0);
    assert_int_equal(strlen(words.output), 65536);
    proc_words_done(&words);
    assert_int_equal(proc_talk(SHELL("true"), much, 5000, &words, NULL), 0);
    assert_int_equal(words.exit_code, 0);
    assert_int_equal(proc_talk(SHELL("exec sleep 60"), "", 50, &none, NULL), -MCPD_E_TIMEOUT);
    assert_int_equal(proc_talk(absent, "", 50, &none, NULL), -MCPD_E_NOT_FOUND);
    assert_null(none.output);
    free(much);
}

static void test_run_limits_output_and_time(void **state)
{
    CLEANUP_FREE char *output = NULL;
    int before = count_open_fds();
    int64_t start = clock_monotonic_ms();
    struct mcpd_error err;

    assert_int_equal(
        proc_run(SHELL("head -c 1000000 /dev/zero | tr '\\0' x"), 20000, &output, &err), 0);
    assert_int_equal(strlen(output), 64 * 1024);
    start = clock_monotonic_ms();
    assert_error(proc_run(SHELL("exec sleep 100"), 50, NULL, &err), err, MCPD_E_TIMEOUT,
                 "run 'sh': no end after 50 ms");
    /* A grandchild keeps the pipe open; the helper itself has ended. */
    assert_int_equal(proc_run(SHELL("sleep 3 & echo done"), 20000, NULL, &err), 0);
    assert_in_range(clock_monotonic_ms() - start, 50, 2500);
    /* It closes its output and goes on. */
    assert_code(proc_run(SHELL("exec >&- 2>&-; exec sleep 100"), 100, NULL, &err), MCPD_E_TIMEOUT);
    assert_int_equal(count_open_fds(), before);
}

static void test_start_time(void **state)
{
    unsigned long long a = 0;
    unsigned long long b = 0;
    struct mcpd_error err;
    char name[16];

    assert_int_equal(proc_start_time(getpid(), &a, &err), 0);
    assert_int_equal(proc_start_time(getpid(), &b, &err), 0);
    assert_true(a > 0 && a == b);
    /* A name that looks like the rest of the line. */
    assert_int_equal(prctl(PR_GET_NAME, name), 0);
    assert_int_equal(prctl(PR_SET_NAME, ") S 1 1 1 1 (x"), 0);
    assert_int_equal(proc_start_time(getpid(), &b, &err), 0);
    assert_int_equal(prctl(PR_SET_NAME, name), 0);
    assert_true(a == b);
    assert_error(proc_start_time(99999999, &a, &err), err, MCPD_E_NOT_FOUND,
                 "there is no process 99999999");
}

static void handle(int number)
{
    (void)number;
}

static void test_handled_signals(void **state)
{
    struct sigaction before;
    const struct sigaction caught = {.sa_handler = handle};
    const struct sigaction ignored = {.sa_handler = SIG_IGN};
    sigset_t blocked;

    assert_int_equal(sigaction(SIGPIPE, &caught, &before), 0);
    assert_true(proc_handles_signal(getpid(), SIGPIPE));
    assert_int_equal(sigaction(SIGPIPE, &ignored, NULL), 0);
    assert_false(proc_handles_signal(getpid(), SIGPIPE));
    assert_int_equal(sigaction(SIGPIPE, &before, NULL), 0);
    assert_false(proc_handles_signal(getpid(), SIGUSR2));
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGUSR2); /* to be fetched with sigwait */
    assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, NULL), 0);
    assert_true(proc_handles_signal(getpid(), SIGUSR2));
    assert_int_equal(sigprocmask(SIG_UNBLOCK, &blocked, NULL), 0);
    assert_false(proc_handles_signal(getpid(), 64));
    assert_false(proc_handles_signal(getpid(), 65));
    assert_false(proc_handles_signal(getpid(), 0));
    assert_false(proc_handles_signal(99999999, SIGTERM));
}

static void test_pidfd(void **state)
{
    CLEANUP_FD int fd = proc_pidfd_open(getpid());

    assert_true(fd >= 0);
    assert_int_equal(proc_pidfd_send_signal(fd, 0), 0);
    assert_int_equal(proc_pidfd_open(99999999), -1);
    assert_int_equal(errno, ESRCH);
}

/* Kernels without close_range: the descriptors' own flags decide. */
static int start_without_close_range(void *context)
{
    char *const argv[] = {(char[]){"echo"}, (char[]){"ok"}, NULL};
    CLEANUP_FREE char *output = NULL;

    CHECK(refuse_call(SYS_close_range, ENOSYS));
    CHECK(proc_run(argv, 5000, &output, NULL) == 0);
    CHECK(strcmp(output, "ok\n") == 0);
    return 0;
}

/* Kernels that know no pidfds at all. */
static int start_without_pidfd(void *context)
{
    char *const argv[] = {(char[]){"echo"}, (char[]){"ok"}, NULL};
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    CLEANUP_FREE char *output = NULL;

    CHECK(filter);
    CHECK(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SYS_clone, 1,
                           SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_PIDFD, CLONE_PIDFD)) == 0);
    CHECK(seccomp_load(filter) == 0);
    seccomp_release(filter);
    CHECK(proc_run(argv, 5000, &output, NULL) == 0);
    CHECK(strcmp(output, "ok\n") == 0);
    return 0;
}

static void test_older_kernels(void **state)
{
    run_child(start_without_close_range, NULL, 0);
    run_child(start_without_pidfd, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_codes),
        DIR_TEST(test_program_not_there),
        DIR_TEST(test_path_lookup),
        DIR_TEST(test_descriptors_are_placed),
        DIR_TEST(test_low_descriptors_rotate),
        cmocka_unit_test(test_nothing_leaks_into_the_child),
        cmocka_unit_test(test_signals_are_reset),
        DIR_TEST(test_session_directory_environment),
        cmocka_unit_test(test_program_fd),
        cmocka_unit_test(test_wait_with_deadline),
        cmocka_unit_test(test_wait_without_pidfd),
        cmocka_unit_test(test_forgotten_child_is_killed),
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_talk),
        cmocka_unit_test(test_run_limits_output_and_time),
        cmocka_unit_test(test_start_time),
        cmocka_unit_test(test_handled_signals),
        cmocka_unit_test(test_pidfd),
        cmocka_unit_test(test_older_kernels),
    };

    return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
