/*
 * confine_filter.c - the system calls that an unpack worker may make. See confine.h.
 *
 * Theory of operation. The list is what inflate.c, unpack.c, unpack_tree.c and contents.c need, and
 * what libc and the libraries below them do with memory; everything else is answered with EPERM,
 * also by way of the entries of other architectures (there the process is killed). A few calls are
 * looked at more closely:
 *
 *   openat    folders, O_PATH, and files that it makes itself. A file or device that is there
 *             already cannot be opened, so that a device node of the layer is only a node.
 *   openat2   its flags lie in memory, where no filter sees them: ENOSYS, and saferoot.c walks.
 *   mmap, mprotect   nothing becomes executable: no code from data, no library is loaded later.
 *   fcntl     duplicates and flags.
 *
 * The filter is put together once, in the pool (0.1 ms); loading it costs a worker 0.25 ms.
 */
#include "oci/layer/confine.h"

#include "base/log.h"

#include <fcntl.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

struct confine_filter {
    scmp_filter_ctx context;
};

/* Names that the headers of this machine do not know are negative numbers, which libseccomp skips.
 */
static const int plain_calls[] = {
    /* the stream, the result, the contents */
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(pwrite64),
    SCMP_SYS(lseek),
    SCMP_SYS(_llseek),
    SCMP_SYS(close),
    SCMP_SYS(ftruncate),
    SCMP_SYS(ftruncate64),
    SCMP_SYS(fallocate),
    SCMP_SYS(getdents64),
    /* objects and what they are */
    SCMP_SYS(mkdirat),
    SCMP_SYS(mknodat),
    SCMP_SYS(symlinkat),
    SCMP_SYS(linkat),
    SCMP_SYS(unlinkat),
    SCMP_SYS(readlinkat),
    SCMP_SYS(fstat),
    SCMP_SYS(fstat64),
    SCMP_SYS(newfstatat),
    SCMP_SYS(fstatat64),
    SCMP_SYS(statx),
    SCMP_SYS(fchmod),
    SCMP_SYS(fchmodat),
    SCMP_SYS(fchown),
    SCMP_SYS(fchown32),
    SCMP_SYS(fchownat),
    SCMP_SYS(utimensat),
    SCMP_SYS(utimensat_time64),
    SCMP_SYS(fsetxattr),
    /* the list of what the layer holds: contents.c */
    SCMP_SYS(fchdir),
    SCMP_SYS(flistxattr),
    SCMP_SYS(llistxattr),
    SCMP_SYS(fgetxattr),
    SCMP_SYS(lgetxattr),
    /* memory, time, the end */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(futex_time64),
    SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_gettime64),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(geteuid),
    SCMP_SYS(geteuid32),
    SCMP_SYS(getegid),
    SCMP_SYS(getegid32),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(sched_yield),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigreturn),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

/* Allowed when (argument & mask) == value. */
struct tested_call {
    int number;
    unsigned int argument;
    uint64_t mask;
    uint64_t value;
};
static const struct tested_call tested_calls[] = {
    {SCMP_SYS(openat), 2, O_DIRECTORY, O_DIRECTORY},
    {SCMP_SYS(openat), 2, O_PATH, O_PATH},
    {SCMP_SYS(openat), 2, O_CREAT | O_EXCL, O_CREAT | O_EXCL},
    {SCMP_SYS(mmap), 2, PROT_EXEC, 0},
    {SCMP_SYS(mmap2), 2, PROT_EXEC, 0},
    {SCMP_SYS(mprotect), 2, PROT_EXEC, 0},
    {SCMP_SYS(fcntl), 1, ~0ull, F_DUPFD_CLOEXEC},
    {SCMP_SYS(fcntl), 1, ~0ull, F_GETFL},
    {SCMP_SYS(fcntl), 1, ~0ull, F_GETFD},
    {SCMP_SYS(fcntl64), 1, ~0ull, F_DUPFD_CLOEXEC},
    {SCMP_SYS(fcntl64), 1, ~0ull, F_GETFL},
    {SCMP_SYS(fcntl64), 1, ~0ull, F_GETFD},
};

/* Not a call of this architecture, or there already. */
static bool is_harmless(int rc)
{
    return rc == 0 || rc == -EDOM || rc == -EEXIST;
}

static int add_rules(scmp_filter_ctx context)
{
    int rc = 0;

    for (size_t i = 0; i < ARRAY_SIZE(plain_calls) && is_harmless(rc); i++)
        rc = seccomp_rule_add(context, SCMP_ACT_ALLOW, plain_calls[i], 0);
    for (size_t i = 0; i < ARRAY_SIZE(tested_calls) && is_harmless(rc); i++) {
        const struct tested_call *call = &tested_calls[i];

        rc = seccomp_rule_add(
            context, SCMP_ACT_ALLOW, call->number, 1,
            SCMP_CMP64(call->argument, SCMP_CMP_MASKED_EQ, call->mask, call->value));
    }
    if (is_harmless(rc))
        rc = seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2), 0);
    return is_harmless(rc) ? 0 : rc;
}

int confine_filter_new(struct confine_filter **ret_filter, struct mcpd_error *err)
{
    struct confine_filter *filter = calloc(1, sizeof(*filter));
    int rc;

    if (!filter)
        return error_no_memory(err, "a system call filter");
    filter->context = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    rc = filter->context ? add_rules(filter->context) : -ENOMEM;
    if (rc < 0) {
        confine_filter_free(filter);
        return error_set(err, MCPD_E_SYSTEM, "system call filter: %s", strerrordesc_np(-rc));
    }
    *ret_filter = filter;
    return 0;
}

void confine_filter_free(struct confine_filter *filter)
{
    if (!filter)
        return;
    if (filter->context)
        seccomp_release(filter->context);
    free(filter);
}

int confine_filter_load(const struct confine_filter *filter, struct mcpd_error *err)
{
    int rc = seccomp_load(filter->context);

    if (rc == 0)
        return 0;
    /* A kernel that was built without filters: the other walls stand. */
    if (rc == -EINVAL || rc == -ENOSYS) {
        log_debug("unpack", "this kernel has no seccomp filters");
        return 0;
    }
    return error_set(err, MCPD_E_SYSTEM, "load the system call filter: %s", strerrordesc_np(-rc));
}
