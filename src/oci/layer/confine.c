/*
 * confine.c - see confine.h.
 *
 * What is here needs no kernel feature that may be missing. A file system and system call filter
 * (landlock, seccomp) belong at the end of confine_process, when nothing has to be opened any more:
 * the worker then only uses descriptors that it already holds.
 */
#include "oci/layer/confine.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* The decoder's window (32 MiB), buffers, and what libarchive takes for a header. */
#define DATA_LIMIT_BYTES (160u << 20)
/* UNPACK_MAX_DEPTH levels and some. */
#define FILES_LIMIT 512
#define MAX_KEPT    8

int confine_die_with_parent(pid_t parent_pid, struct mcpd_error *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return error_errno(err, "prctl(PR_SET_PDEATHSIG)");
    /* It may have died before we asked. In another pid namespace the number is 0. */
    if (getppid() != parent_pid)
        return error_set(err, MCPD_E_CANCELLED, "the parent process is gone");
    return 0;
}

static int replace_standard(struct mcpd_error *err)
{
    CLEANUP_FD int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return error_errno(err, "open /dev/null");
    if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
        return error_errno(err, "dup2 of /dev/null");
    return 0;
}

static void close_between(unsigned int first, unsigned int last)
{
    struct rlimit limit = {0};

    if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
        return;
    /* Kernels before 5.9. */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < last)
        last = (unsigned int)limit.rlim_cur;
    for (unsigned int fd = first; fd <= last; fd++)
        (void)close((int)fd);
}

int confine_descriptors(const int *keep_fds, unsigned int count, struct mcpd_error *err)
{
    unsigned int sorted[MAX_KEPT] = {0};
    unsigned int next = STDERR_FILENO + 1;

    if (count > MAX_KEPT)
        return error_set(err, MCPD_E_INTERNAL, "too many descriptors to keep");
    for (unsigned int i = 0; i < count; i++) {
        unsigned int at = i;

        for (; at > 0 && sorted[at - 1] > (unsigned int)keep_fds[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = (unsigned int)keep_fds[i];
    }
    for (unsigned int i = 0; i < count; i++) {
        if (sorted[i] > next)
            close_between(next, sorted[i] - 1);
        if (sorted[i] >= next)
            next = sorted[i] + 1;
    }
    close_between(next, ~0u);
    return replace_standard(err);
}

static int set_limit(__rlimit_resource_t resource, rlim_t value, struct mcpd_error *err)
{
    struct rlimit limit = {0};

    if (getrlimit(resource, &limit) < 0)
        return error_errno(err, "getrlimit");
    if (limit.rlim_max < value)
        value = limit.rlim_max;
    limit = (struct rlimit){.rlim_cur = value, .rlim_max = value};
    return setrlimit(resource, &limit) < 0 ? error_errno(err, "setrlimit") : 0;
}

static int set_limits(struct mcpd_error *err)
{
    int rc = set_limit(RLIMIT_CORE, 0, err);

    if (rc == 0)
        rc = set_limit(RLIMIT_NOFILE, FILES_LIMIT, err);
#ifndef __SANITIZE_ADDRESS__
    if (rc == 0)
        rc = set_limit(RLIMIT_DATA, DATA_LIMIT_BYTES, err);
#endif
    return rc;
}

static int keep_capabilities(bool is_in_userns, struct mcpd_error *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    uint32_t keep = 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER | 1u << CAP_FSETID |
                    1u << CAP_MKNOD | 1u << CAP_SETFCAP;

    if (!is_in_userns)
        keep |= 1u << CAP_SYS_ADMIN; /* trusted.overlay.opaque */
    if (syscall(SYS_capget, &header, data) < 0)
        return error_errno(err, "capget");
    data[0].effective &= keep & data[0].permitted;
    data[0].permitted &= keep;
    data[0].inheritable = 0;
    data[1] = (struct __user_cap_data_struct){0};
    return syscall(SYS_capset, &header, data) < 0 ? error_errno(err, "capset") : 0;
}

int confine_process(bool is_in_userns, struct mcpd_error *err)
{
    int rc = set_limits(err);

    if (rc == 0)
        rc = keep_capabilities(is_in_userns, err);
    if (rc == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        rc = error_errno(err, "prctl(PR_SET_NO_NEW_PRIVS)");
    return rc;
}
