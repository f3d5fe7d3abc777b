/*
 * confine.c - see confine.h.
 *
 * Theory of operation. Several walls, each of which would do against most bugs:
 *   - no descriptor but the worker's own, and its / is the layer's folder. The capability to call
 *     chroot(2) goes right behind it, and no folder outside is held, so there is no way back;
 *   - few capabilities, never any new ones, limits on memory and open files;
 *   - landlock: below that folder things may be made, written and removed, but no file read and
 *     no program started; no TCP, no signal to a process outside. Needs Linux 5.19 (older ones
 *     forbid hard links from one folder to another); anything less is left to the others;
 *   - seccomp, last, when nothing else has to be set up (confine_filter.c).
 * Namespaces would add nothing: no call that they change is left. chroot and seccomp are there on
 * every kernel that runs containers.
 *
 * A sanitizer has to write its report, so such a build keeps stderr and leaves out / and the
 * filter; MCPD_DEBUG=unpack keeps stderr too.
 */
#include "oci/layer/confine.h"

#include "base/log.h"
#include "oci/layer/unpack_policy.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
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
#define LOG_TOPIC   "unpack"

#ifdef __SANITIZE_ADDRESS__
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

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
    if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0 ||
        (!IS_SANITIZED && !log_is_enabled(LOG_TOPIC) && dup2(fd, STDERR_FILENO) < 0))
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

static int set_limits(rlim_t descriptors, struct mcpd_error *err)
{
    int rc = set_limit(RLIMIT_CORE, 0, err);

    if (rc == 0)
        rc = set_limit(RLIMIT_NOFILE, descriptors, err);
    if (rc == 0)
        rc = set_limit(RLIMIT_FSIZE, UNPACK_MAX_FILE_BYTES, err);
    if (rc == 0 && !IS_SANITIZED)
        rc = set_limit(RLIMIT_DATA, DATA_LIMIT_BYTES, err);
    return rc;
}

/* ------------------------------------------------------------------ the file system */

static int enter_root(int root_fd, struct mcpd_error *err)
{
    if (IS_SANITIZED)
        return 0;
    if (fchdir(root_fd) < 0 || chroot(".") < 0)
        return error_errno(err, "make a layer's folder the root");
    return 0;
}

static int keep_only(uint32_t keep, struct mcpd_error *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};

    if (syscall(SYS_capget, &header, data) < 0)
        return error_errno(err, "capget");
    data[0].effective &= keep & data[0].permitted;
    data[0].permitted &= keep;
    data[0].inheritable = 0;
    data[1] = (struct __user_cap_data_struct){0};
    return syscall(SYS_capset, &header, data) < 0 ? error_errno(err, "capset") : 0;
}

static int keep_capabilities(bool is_in_userns, struct mcpd_error *err)
{
    uint32_t keep = 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER | 1u << CAP_FSETID |
                    1u << CAP_MKNOD | 1u << CAP_SETFCAP;

    if (!is_in_userns)
        keep |= 1u << CAP_SYS_ADMIN; /* trusted.overlay.opaque */
    return keep_only(keep, err);
}

/* linux/landlock.h of the machine that builds may be older than the kernel that runs: the versions
 * of the interface by number. What a kernel does not know is left out. */
#define LANDLOCK_FS_V2        ((1ull << 14) - 1)
#define LANDLOCK_FS_TRUNCATE  (1ull << 14) /* v3 */
#define LANDLOCK_NET_TCP      3ull         /* v4: bind, connect */
#define LANDLOCK_FS_IOCTL_DEV (1ull << 15) /* v5 */
#define LANDLOCK_SCOPES       3ull         /* v6: abstract sockets, signals */

struct landlock_attributes {
    uint64_t handled_fs;
    uint64_t handled_net;
    uint64_t scoped;
};

static void fill_landlock(long version, struct landlock_attributes *ret_attributes)
{
    *ret_attributes = (struct landlock_attributes){
        .handled_fs = LANDLOCK_FS_V2 | (version >= 3 ? LANDLOCK_FS_TRUNCATE : 0) |
                      (version >= 5 ? LANDLOCK_FS_IOCTL_DEV : 0),
        .handled_net = version >= 4 ? LANDLOCK_NET_TCP : 0,
        .scoped = version >= 6 ? LANDLOCK_SCOPES : 0,
    };
}

static int add_landlock_folder(int ruleset_fd, const struct landlock_attributes *attributes,
                               int folder_fd)
{
    const uint64_t forbidden = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
                               LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_FS_IOCTL_DEV;
    const struct landlock_path_beneath_attr rule = {
        .allowed_access = attributes->handled_fs & ~forbidden,
        .parent_fd = folder_fd,
    };

    return (int)syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

/* folder_fd -1: nothing at all. */
static int enter_landlock(int folder_fd, struct mcpd_error *err)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct landlock_attributes attributes;
    CLEANUP_FD int ruleset_fd = -1;

    if (version < 2) {
        log_debug(LOG_TOPIC, "no landlock, or an old one, on this kernel");
        return 0;
    }
    fill_landlock(version, &attributes);
    ruleset_fd = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
    if (ruleset_fd < 0 ||
        (folder_fd >= 0 && add_landlock_folder(ruleset_fd, &attributes, folder_fd) < 0) ||
        syscall(SYS_landlock_restrict_self, ruleset_fd, 0) < 0)
        return error_errno(err, "landlock");
    return 0;
}

int confine_process(const struct confine_options *options, struct mcpd_error *err)
{
    int rc = enter_root(options->root_fd, err);

    if (rc == 0)
        rc = set_limits(FILES_LIMIT, err);
    if (rc == 0)
        rc = keep_capabilities(options->is_in_userns, err);
    if (rc == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        rc = error_errno(err, "prctl(PR_SET_NO_NEW_PRIVS)");
    if (rc == 0)
        rc = confine_die_with_parent(options->parent_pid, err);
    if (rc == 0)
        rc = enter_landlock(options->root_fd, err);
    if (rc == 0 && options->filter && !IS_SANITIZED)
        rc = confine_filter_load(options->filter, err);
    return rc;
}

static int load_own_filter(struct mcpd_error *err)
{
    struct confine_filter *filter = NULL;
    int rc = confine_filter_new(&filter, err);

    if (rc == 0)
        rc = confine_filter_load(filter, err);
    confine_filter_free(filter);
    return rc;
}

int confine_decoder(struct mcpd_error *err)
{
    int rc = keep_only(0, err);

    if (rc == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        rc = error_errno(err, "prctl(PR_SET_NO_NEW_PRIVS)");
    if (rc == 0)
        rc = enter_landlock(-1, err);
    if (rc == 0)
        rc = set_limits(IS_SANITIZED ? FILES_LIMIT : 0, err);
    if (rc == 0 && !IS_SANITIZED)
        rc = load_own_filter(err);
    return rc;
}
