/*
 * test_seccomp.c - the built-in filter does what the profile says for every entry of the kernel,
 * and the cache never loads anything that is not whole.
 */
#include "base/base_test.h"

#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "runtime/seccomp.h"

#define ELEVEN UINT64_C(0x800405fb) /* podman's default capabilities */

static void prepare(int root_fd, uint64_t capabilities, struct seccomp_filter *filter)
{
    const struct plan plan = {0};
    struct mcpd_error err = {0};

    if (seccomp_prepare(&plan, capabilities, root_fd, filter, &err) < 0)
        fail_msg("%s", err.message);
}

static void test_unconfined(void **state)
{
    char unconfined[] = "unconfined";
    struct plan plan = {.seccomp_profile = unconfined};
    struct seccomp_filter filter;

    assert_int_equal(seccomp_prepare(&plan, ELEVEN, -1, &filter, NULL), 0);
    assert_int_equal(filter.count, 0);
    assert_int_equal(seccomp_install(&filter, NULL), 0); /* nothing to do */
    plan = (struct plan){.privileged = true};
    assert_int_equal(seccomp_prepare(&plan, ELEVEN, -1, &filter, NULL), 0);
    assert_int_equal(filter.count, 0);
}

static void test_profile_from_a_file(void **state)
{
    char path[] = "/some/profile.json";
    const struct plan plan = {.seccomp_profile = path};
    struct seccomp_filter filter;

    assert_code(seccomp_prepare(&plan, ELEVEN, -1, &filter, NULL), MCPD_E_UNSUPPORTED);
}

/* The name of the only file in the cache; "" when there is none. */
static void find_cached(int dir_fd, char name[300])
{
    CLEANUP_DIR DIR *folder = NULL;
    const struct dirent *entry;
    int fd = openat(dir_fd, "cache/seccomp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int count = 0;

    name[0] = '\0';
    assert_true(fd >= 0);
    folder = fdopendir(fd);
    while ((entry = readdir(folder)))
        if (entry->d_name[0] != '.') {
            (void)snprintf(name, 300, "cache/seccomp/%s", entry->d_name);
            count++;
        }
    assert_true(count <= 1);
}

static void test_cache(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP(seccomp_filter_done) struct seccomp_filter made = SECCOMP_FILTER_NONE;
    CLEANUP(seccomp_filter_done) struct seccomp_filter read = SECCOMP_FILTER_NONE;
    struct stat st;
    struct stat again;
    char name[300];

    prepare(dir->fd, ELEVEN, &made);
    assert_true(made.count > 100 && made.count < 4096);
    find_cached(dir->fd, name);
    assert_int_equal(fstatat(dir->fd, name, &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    prepare(dir->fd, ELEVEN, &read);
    assert_int_equal(read.count, made.count);
    assert_memory_equal(read.bytes + read.offset, made.bytes + made.offset, made.count * 8);
    assert_int_equal(fstatat(dir->fd, name, &again, 0), 0);
    assert_int_equal(again.st_ino, st.st_ino); /* not written again */
}

static void test_other_capabilities_other_file(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP(seccomp_filter_done) struct seccomp_filter one = SECCOMP_FILTER_NONE;
    CLEANUP(seccomp_filter_done) struct seccomp_filter other = SECCOMP_FILTER_NONE;
    char first[300];

    prepare(dir->fd, ELEVEN, &one);
    find_cached(dir->fd, first);
    assert_int_equal(unlinkat(dir->fd, first, 0), 0);
    prepare(dir->fd, ELEVEN | UINT64_C(1) << CAP_SYS_ADMIN, &other);
    assert_int_equal(faccessat(dir->fd, first, F_OK, 0), -1);
}

static void damage(int dir_fd, const char *name, int kind)
{
    CLEANUP_FD int fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC);
    struct stat st;
    char byte;

    assert_int_equal(fstat(fd, &st), 0);
    if (kind == 0) { /* one bit in the middle */
        assert_int_equal(pread(fd, &byte, 1, st.st_size / 2), 1);
        byte ^= 4;
        assert_int_equal(pwrite(fd, &byte, 1, st.st_size / 2), 1);
    } else if (kind == 1) {
        assert_int_equal(ftruncate(fd, st.st_size - 8), 0);
    } else if (kind == 2) {
        assert_int_equal(ftruncate(fd, 0), 0);
    } else if (kind == 3) {
        assert_int_equal(ftruncate(fd, 5), 0);
    } else if (kind == 4) {
        assert_int_equal(ftruncate(fd, st.st_size + 8), 0);
    } else if (kind == 5) {
        assert_int_equal(ftruncate(fd, 64 << 20), 0);
    } else {
        assert_int_equal(pwrite(fd, "mcpdbpf0", 8, 0), 8);
    }
}

static void test_damaged_file_is_made_anew(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP(seccomp_filter_done) struct seccomp_filter good = SECCOMP_FILTER_NONE;
    CLEANUP_FREE char *whole = NULL;
    size_t length = 0;
    char name[300];

    prepare(dir->fd, ELEVEN, &good);
    find_cached(dir->fd, name);
    assert_int_equal(fs_read_file(dir->fd, name, 1 << 20, &whole, &length, NULL), 0);
    for (int kind = 0; kind <= 6; kind++) {
        CLEANUP(seccomp_filter_done) struct seccomp_filter filter = SECCOMP_FILTER_NONE;
        CLEANUP_FREE char *text = NULL;
        size_t text_length = 0;

        damage(dir->fd, name, kind);
        prepare(dir->fd, ELEVEN, &filter);
        assert_int_equal(filter.count, good.count);
        assert_memory_equal(filter.bytes + filter.offset, good.bytes + good.offset, good.count * 8);
        assert_int_equal(fs_read_file(dir->fd, name, 1 << 20, &text, &text_length, NULL), 0);
        assert_int_equal(text_length, length);
        assert_memory_equal(text, whole, length);
    }
}

/* The cache is a convenience: without it all works. */
static void test_no_cache(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP(seccomp_filter_done) struct seccomp_filter first = SECCOMP_FILTER_NONE;
    CLEANUP(seccomp_filter_done) struct seccomp_filter second = SECCOMP_FILTER_NONE;

    prepare(-1, ELEVEN, &first);
    assert_true(first.count > 100);
    put_file(dir->fd, "cache", "in the way");
    prepare(dir->fd, ELEVEN, &second);
    assert_int_equal(second.count, first.count);
}

/* --- what the filter does ------------------------------------------------------------------------
 */

static int install(uint64_t capabilities)
{
    struct seccomp_filter filter = SECCOMP_FILTER_NONE;
    int rc;

    prepare(-1, capabilities, &filter);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    rc = seccomp_install(&filter, NULL);
    seccomp_filter_done(&filter);
    return rc;
}

static bool is_refused(long number, int sys_errno)
{
    errno = 0;
    return syscall(number, -1, -1, -1, -1, -1, -1) == -1 && errno == sys_errno;
}

static int check_default(void *context)
{
    CHECK(install(ELEVEN) == 0);
    CHECK(getpid() > 0);
    CHECK(is_refused(SYS_kexec_load, EPERM));
    CHECK(is_refused(SYS_bpf, EPERM));
    CHECK(is_refused(SYS_perf_event_open, EPERM));
    CHECK(is_refused(SYS_swapon, EPERM));
    CHECK(is_refused(SYS_userfaultfd, EPERM));
    CHECK(is_refused(SYS_open_by_handle_at, EPERM));
    CHECK(is_refused(SYS_settimeofday, EPERM));
    CHECK(is_refused(SYS_io_uring_setup, ENOSYS)); /* in no rule */
    CHECK(is_refused(777777, ENOSYS));             /* newer than everything */
    CHECK(chroot("/no/such") < 0 && errno != ENOSYS);
    CHECK(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
    CHECK(socket(16, SOCK_RAW, 9) < 0 && errno == EINVAL); /* netlink audit */
    CHECK(syscall(SYS_personality, 0xffffffff) >= 0);
    CHECK(syscall(SYS_personality, 0x0040000) < 0 && errno == ENOSYS);
    return 0;
}

static void test_default(void **state)
{
    run_child(check_default, NULL, 0);
}

static int check_with_admin(void *context)
{
    CHECK(install(ELEVEN | UINT64_C(1) << CAP_SYS_ADMIN) == 0);
    CHECK(syscall(SYS_bpf, 999, NULL, 0) < 0 && errno != ENOSYS);
    if (geteuid() == 0)
        CHECK(!is_refused(SYS_bpf, EPERM));
    CHECK(is_refused(SYS_settimeofday, EPERM));
    return 0;
}

static void test_with_admin(void **state)
{
    run_child(check_with_admin, NULL, 0);
}

static int check_without_chroot(void *context)
{
    CHECK(install(ELEVEN & ~(UINT64_C(1) << CAP_SYS_CHROOT)) == 0);
    CHECK(is_refused(SYS_chroot, EPERM));
    return 0;
}

static void test_without_chroot(void **state)
{
    run_child(check_without_chroot, NULL, 0);
}

#if defined(__x86_64__)
#define I386_GETPID 20
#define I386_BPF    357
#define X32_BIT     0x40000000

static int call_32_bit(int number)
{
    int result;

    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(number), "b"(-1), "c"(-1), "d"(-1)
                     : "memory");
    return result;
}

static int check_other_entries(void *context)
{
    if (call_32_bit(I386_GETPID) != getpid())
        return 0; /* this kernel has no 32-bit entry */
    CHECK(install(ELEVEN) == 0);
    CHECK(call_32_bit(I386_GETPID) == getpid());
    CHECK(call_32_bit(I386_BPF) == -EPERM);
    CHECK(call_32_bit(7777) == -ENOSYS);
    CHECK(is_refused(X32_BIT | SYS_bpf, EPERM));
    return 0;
}

static void test_other_entries(void **state)
{
    run_child(check_other_entries, NULL, 0);
}
#else
static void test_other_entries(void **state)
{
    skip();
}
#endif

static int check_no_seccomp(void *context)
{
    struct seccomp_filter filter = SECCOMP_FILTER_NONE;
    struct mcpd_error err = {0};

    prepare(-1, ELEVEN, &filter);
    CHECK(refuse_call(SYS_seccomp, ENOSYS));
    CHECK(seccomp_install(&filter, &err) == -MCPD_E_UNSUPPORTED);
    CHECK(strstr(err.message, "seccomp=unconfined") != NULL);
    seccomp_filter_done(&filter);
    return 0;
}

static void test_kernel_without(void **state)
{
    run_child(check_no_seccomp, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unconfined),
        cmocka_unit_test(test_profile_from_a_file),
        DIR_TEST(test_cache),
        DIR_TEST(test_other_capabilities_other_file),
        DIR_TEST(test_damaged_file_is_made_anew),
        DIR_TEST(test_no_cache),
        cmocka_unit_test(test_default),
        cmocka_unit_test(test_with_admin),
        cmocka_unit_test(test_without_chroot),
        cmocka_unit_test(test_other_entries),
        cmocka_unit_test(test_kernel_without),
    };

    return cmocka_run_group_tests_name("seccomp", tests, NULL, NULL);
}
