/* test_confine.c - what a worker that was taken over could still do, tried from inside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/layer/confine.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "base/userns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

struct place {
    char path[64]; /* holds fs/ and victim */
    int fs_fd;
    bool has_filter;
    void (*attack)(struct place *place);
    int listen_port;
    pid_t outside;          /* a process to attack */
    struct mcpd_error *err; /* where the attacker reports */
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    CLEANUP_FREE char *victim = NULL;
    CLEANUP_FREE char *fs = NULL;

    assert_non_null(place);
    (void)snprintf(place->path, sizeof(place->path), "/var/tmp/mcpd-unit-XXXXXX");
    assert_non_null(mkdtemp(place->path));
    victim = str_format("%s/victim", place->path);
    assert_int_equal(fs_write_file(AT_FDCWD, victim, "whole", 5, 0666, 0, NULL), 0);
    fs = str_format("%s/fs", place->path);
    assert_int_equal(fs_make_dir(AT_FDCWD, fs, 0755, &place->fs_fd, NULL), 0);
    assert_int_equal(fs_write_file(place->fs_fd, "inside", "old", 3, 0644, 0, NULL), 0);
    place->has_filter = true;
    place->outside = getpid();
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    CLEANUP_FREE char *victim = str_format("%s/victim", place->path);
    CLEANUP_FREE char *text = NULL;
    struct stat st;
    size_t length = 0;

    assert_int_equal(fs_read_file(AT_FDCWD, victim, 100, &text, &length, NULL), 0);
    assert_string_equal(text, "whole");
    assert_int_equal(stat(victim, &st), 0);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(st.st_mode & 07777, 0666);
    (void)close(place->fs_fd);
    assert_int_equal(userns_remove_tree(AT_FDCWD, place->path, NULL), 0);
    free(place);
    return 0;
}

/* ------------------------------------------------------------------ in the worker */

/* The attack must have failed with one of two codes. */
static void must_fail(struct place *place, const char *what, long result, int code, int or_code)
{
    int number = errno;

    if (place->err->code != 0)
        return;
    if (result >= 0)
        (void)!error_set(place->err, MCPD_E_DENIED, "%s: it worked", what);
    else if (number != code && number != or_code)
        (void)!error_set(place->err, MCPD_E_DENIED, "%s: failed with %s", what,
                         strerrorname_np(number));
}
#define REFUSED(call)        must_fail(place, #call, (long)(call), EPERM, EACCES)
#define FAILS_WITH(call, no) must_fail(place, #call, (long)(call), no, no)

static void must_work(struct place *place, const char *what, long result)
{
    if (result < 0 && place->err->code == 0)
        (void)!error_errno(place->err, "%s", what);
}
#define WORKS(call) must_work(place, #call, (long)(call))

/* Runs in the user namespace of an ordinary user, as workers do. */
static int work(void *context, struct mcpd_error *err)
{
    struct place *place = context;
    struct confine_filter *filter = NULL;
    pid_t parent = getpid();
    int pipe_fds[2];
    int rc = confine_filter_new(&filter, err);

    if (rc < 0)
        return rc;
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return error_errno(err, "pipe");
    if (fork() == 0) {
        const int keep[] = {place->fs_fd, pipe_fds[1]};
        const struct confine_options options = {
            .root_fd = place->fs_fd,
            .is_in_userns = userns_is_needed(),
            .parent_pid = parent,
            .filter = place->has_filter ? filter : NULL,
        };
        struct mcpd_error error = {0};

        place->err = &error;
        if (confine_descriptors(keep, 2, &error) == 0 && confine_process(&options, &error) == 0)
            place->attack(place);
        if (write(pipe_fds[1], &error, sizeof(error)) < 0)
            _exit(1);
        _exit(0);
    }
    confine_filter_free(filter);
    (void)close(pipe_fds[1]);
    memset(err, 0, sizeof(*err));
    if (read(pipe_fds[0], err, sizeof(*err)) != sizeof(*err))
        rc = error_set(err, MCPD_E_SYSTEM, "the worker died");
    (void)close(pipe_fds[0]);
    (void)wait(NULL);
    return -err->code;
}

static void run(struct place *place, void (*attack)(struct place *place))
{
    struct mcpd_error error = {0};

    if (IS_SANITIZED)
        skip();
    place->attack = attack;
    if (userns_run(work, place, &error) < 0)
        fail_msg("%s", error.message);
}

/* ------------------------------------------------------------------ what it has to do */

static void do_its_work(struct place *place)
{
    int fd = openat(place->fs_fd, "file", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
    int dir_fd;

    WORKS(fd);
    WORKS(write(fd, "x", 1));
    WORKS(pwrite(fd, "y", 1, 100));
    WORKS(ftruncate(fd, 1000));
    WORKS(fchmod(fd, 0600));
    WORKS(fchown(fd, 0, 0));
    WORKS(futimens(fd, NULL));
    WORKS(mkdirat(place->fs_fd, "dir", 0755));
    dir_fd = openat(place->fs_fd, "dir", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    WORKS(dir_fd);
    WORKS(linkat(place->fs_fd, "file", dir_fd, "second", 0));
    WORKS(symlinkat("/etc/passwd", dir_fd, "link"));
    WORKS(mknodat(dir_fd, "whiteout", S_IFCHR, makedev(0, 0)));
    WORKS(mknodat(dir_fd, "pipe", S_IFIFO | 0644, 0));
    WORKS(utimensat(dir_fd, "link", NULL, AT_SYMLINK_NOFOLLOW));
    WORKS(fchownat(dir_fd, "link", 0, 0, AT_SYMLINK_NOFOLLOW));
    WORKS(fchmodat(dir_fd, "pipe", 0600, 0));
    WORKS(unlinkat(dir_fd, "link", 0));
    WORKS(fcntl(dir_fd, F_DUPFD_CLOEXEC, 0));
    WORKS(mmap(NULL, 1u << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                  MAP_FAILED
              ? -1
              : 0);
}

static void test_work(void **state)
{
    run(*state, do_its_work);
}

/* ------------------------------------------------------------------ files */

static void attack_files(struct place *place)
{
    REFUSED(open("/etc/passwd", O_RDONLY));
    REFUSED(open("/etc/passwd", O_RDWR));
    REFUSED(openat(place->fs_fd, "../victim", O_RDWR));
    REFUSED(openat(place->fs_fd, "inside", O_RDONLY));
    REFUSED(openat(place->fs_fd, "inside", O_WRONLY | O_TRUNC));
    REFUSED(openat(place->fs_fd, "inside", O_WRONLY | O_CREAT, 0644));
    FAILS_WITH(syscall(SYS_openat2, place->fs_fd, "inside", NULL, 0), ENOSYS);
    /* Above the folder there is only the folder. */
    FAILS_WITH(openat(place->fs_fd, "../victim", O_PATH), ENOENT);
    FAILS_WITH(openat(place->fs_fd, "/proc", O_RDONLY | O_DIRECTORY), ENOENT);
    FAILS_WITH(unlinkat(place->fs_fd, "../victim", 0), ENOENT);
    FAILS_WITH(linkat(place->fs_fd, "../victim", place->fs_fd, "stolen", 0), ENOENT);
    FAILS_WITH(fchmodat(place->fs_fd, "../victim", 0777, 0), ENOENT);
    FAILS_WITH(fchownat(place->fs_fd, "../victim", 1, 1, 0), ENOENT);
    REFUSED(renameat(place->fs_fd, "inside", place->fs_fd, "../victim"));
    REFUSED(chroot(".."));
    REFUSED(chdir("/"));
    REFUSED(syscall(SYS_open_by_handle_at, place->fs_fd, NULL, 0));
    REFUSED(syscall(SYS_name_to_handle_at, place->fs_fd, "", NULL, NULL, 0));
}

static void test_files(void **state)
{
    run(*state, attack_files);
}

static void attack_devices(struct place *place)
{
    WORKS(mknodat(place->fs_fd, "null", S_IFCHR | 0666, makedev(1, 3)));
    REFUSED(openat(place->fs_fd, "null", O_RDWR));
    REFUSED(ioctl(place->fs_fd, TIOCSTI, "x"));
}

/* A device that it makes is only a node. */
static void test_devices(void **state)
{
    if (userns_is_needed())
        skip();
    run(*state, attack_devices);
}

/* ------------------------------------------------------------------ the rest of the world */

static void attack_network(struct place *place)
{
    REFUSED(socket(AF_INET, SOCK_STREAM, 0));
    REFUSED(socket(AF_INET6, SOCK_DGRAM, 0));
    REFUSED(socket(AF_UNIX, SOCK_STREAM, 0));
    REFUSED(socket(AF_NETLINK, SOCK_RAW, 0));
    REFUSED(socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0, 0}));
}

static void test_network(void **state)
{
    run(*state, attack_network);
}

static void attack_processes(struct place *place)
{
    char *const arguments[] = {(char[]){"true"}, NULL};

    REFUSED(ptrace(PTRACE_ATTACH, place->outside, NULL, NULL));
    REFUSED(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    REFUSED(kill(place->outside, 0));
    REFUSED(kill(-1, SIGKILL));
    REFUSED(execve("/bin/true", arguments, arguments + 1));
    REFUSED(syscall(SYS_execveat, place->fs_fd, "inside", arguments, arguments + 1, 0));
    REFUSED(fork());
    REFUSED(syscall(SYS_clone3, NULL, 0));
    REFUSED(syscall(SYS_process_vm_readv, place->outside, NULL, 0, NULL, 0, 0));
    REFUSED(syscall(SYS_pidfd_open, place->outside, 0));
    REFUSED(prctl(PR_SET_DUMPABLE, 1));
}

static void test_processes(void **state)
{
    run(*state, attack_processes);
}

static void attack_kernel(struct place *place)
{
    REFUSED(unshare(CLONE_NEWUSER));
    REFUSED(setns(place->fs_fd, 0));
    REFUSED(mount("none", "/", "tmpfs", 0, NULL));
    REFUSED(syscall(SYS_open_tree, place->fs_fd, "", AT_EMPTY_PATH));
    REFUSED(syscall(SYS_bpf, 0, NULL, 0));
    REFUSED(syscall(SYS_io_uring_setup, 1, NULL));
    REFUSED(syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0));
    REFUSED(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
    REFUSED(syscall(SYS_userfaultfd, 0));
    REFUSED(syscall(SYS_setresuid, 1, 1, 1));
    REFUSED(syscall(SYS_memfd_create, "code", 0));
    REFUSED(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                 0) == MAP_FAILED
                ? -1
                : 0);
}

static void test_kernel(void **state)
{
    run(*state, attack_kernel);
}

/* The entries for 32-bit programs are no way round. */
#ifdef __x86_64__
static void attack_by_32_bits(struct place *place)
{
    long result = 20; /* getpid */

    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    must_work(place, "int 0x80", -1);
}
#endif

static void test_other_entries(void **state)
{
#ifdef __x86_64__
    struct place *place = *state;
    struct mcpd_error error = {0};

    if (IS_SANITIZED)
        skip();
    place->attack = attack_by_32_bits;
    assert_int_equal(userns_run(work, place, &error), -MCPD_E_SYSTEM);
    assert_string_equal(error.message, "the worker died");
#else
    skip();
#endif
}

/* ------------------------------------------------------------------ the walls behind the filter */

static bool has_landlock(int version)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >=
           version;
}

static void attack_unfiltered(struct place *place)
{
    FAILS_WITH(open("/etc/passwd", O_RDONLY), ENOENT);
    FAILS_WITH(openat(place->fs_fd, "../../../../../../etc/passwd", O_RDONLY), ENOENT);
    REFUSED(chroot("."));
}

static void test_unfiltered(void **state)
{
    struct place *place = *state;

    place->has_filter = false;
    run(place, attack_unfiltered);
}

static void attack_landlocked(struct place *place)
{
    REFUSED(openat(place->fs_fd, "inside", O_RDONLY));
    REFUSED(openat(place->fs_fd, "inside", O_RDWR));
    REFUSED(mknodat(place->fs_fd, "socket", S_IFSOCK | 0644, 0));
    REFUSED(mount("none", "/", "tmpfs", 0, NULL));
    WORKS(mkdirat(place->fs_fd, "dir", 0755));
    WORKS(openat(place->fs_fd, "dir", O_RDONLY | O_DIRECTORY));
    WORKS(symlinkat("x", place->fs_fd, "dir/link"));
    WORKS(unlinkat(place->fs_fd, "dir/link", 0));
    WORKS(linkat(place->fs_fd, "inside", place->fs_fd, "dir/second", 0));
}

static void test_landlock(void **state)
{
    struct place *place = *state;

    if (!has_landlock(2))
        skip();
    place->has_filter = false;
    run(place, attack_landlocked);
}

static void attack_connect(struct place *place)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)place->listen_port),
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    WORKS(fd);
    REFUSED(connect(fd, (struct sockaddr *)&address, sizeof(address)));
    REFUSED(kill(place->outside, 0));
}

static void test_landlock_connect(void **state)
{
    struct place *place = *state;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof(address);
    CLEANUP_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (!has_landlock(6))
        skip();
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    place->listen_port = ntohs(address.sin_port);
    place->has_filter = false;
    run(place, attack_connect);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_work),          TEST(test_files),
        TEST(test_devices),       TEST(test_network),
        TEST(test_processes),     TEST(test_kernel),
        TEST(test_other_entries), TEST(test_unfiltered),
        TEST(test_landlock),      TEST(test_landlock_connect),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
