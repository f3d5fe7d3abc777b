/*
 * seccomp.c - the system call filter of a container.
 *
 * Theory of operation. libseccomp turns the profile into BPF for all entries that the kernel has
 * for this machine (64 bit, 32 bit, x32), which takes 15 to 20 ms and leaves a megabyte of heap;
 * loading the result takes a fraction of one. So it is made once, in a child process, and kept:
 *
 *   ROOT/cache/seccomp/<hash>.bpf     header, then the instructions
 *
 * What the result depends on (the rules, the machine, kernel and libseccomp releases, the
 * capabilities, as many calls go with one) is written out as a key text; its hash is the name and
 * is in the header, with a checksum. A file that is not whole is made anew and replaced
 * atomically, so the cache needs no lock and may be deleted at any time. It is as trusted as the
 * rest of the store: who can write there decides about the containers anyhow. That it cannot be
 * written is no failure.
 */
#include "runtime/seccomp.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "base/fdpass.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/str.h"
#include "runtime/seccomp_default.h"

#define CACHE_FOLDER     "cache/seccomp"
#define CACHE_NAME_SIZE  32
#define KEY_SIZE         256
#define FILTER_BYTES_MAX (BPF_MAXINSNS * sizeof(struct sock_filter))

#if defined(__x86_64__)
#define NATIVE_NAME "amd64"
static const uint32_t further_architectures[] = {SCMP_ARCH_X86, SCMP_ARCH_X32};
#elif defined(__aarch64__)
#define NATIVE_NAME "arm64"
static const uint32_t further_architectures[] = {SCMP_ARCH_ARM};
#elif defined(__arm__)
#define NATIVE_NAME "arm"
#elif defined(__i386__)
#define NATIVE_NAME "x86"
#elif defined(__s390x__)
#define NATIVE_NAME "s390x"
static const uint32_t further_architectures[] = {SCMP_ARCH_S390};
#elif defined(__powerpc64__)
#define NATIVE_NAME "ppc64le"
#else
#define NATIVE_NAME "other"
#endif
#if defined(__arm__) || defined(__i386__) || defined(__powerpc64__) || \
    !(defined(__x86_64__) || defined(__aarch64__) || defined(__s390x__))
static const uint32_t further_architectures[] = {SCMP_ARCH_NATIVE};
#endif

/* --- from rules to BPF ---------------------------------------------------------------- */

static bool rule_counts(const struct seccomp_rule *rule, uint64_t capabilities)
{
    CLEANUP_STRV char **architectures = NULL;

    if ((rule->with_capabilities & capabilities) != rule->with_capabilities ||
        (rule->without_capabilities & capabilities) != 0)
        return false;
    if (!rule->architectures)
        return true;
    architectures = strv_split(rule->architectures, ' ');
    return architectures && strv_contains(architectures, NATIVE_NAME);
}

static int add_call(scmp_filter_ctx context, const struct seccomp_rule *rule, const char *name,
                    struct mcpd_error *err)
{
    uint32_t action = rule->refusal ? SCMP_ACT_ERRNO((uint32_t)rule->refusal) : SCMP_ACT_ALLOW;
    struct scmp_arg_cmp tests[SECCOMP_TESTS_MAX] = {0};
    int number = seccomp_syscall_resolve_name(name);
    int rc;

    if (number == __NR_SCMP_ERROR) /* newer than this libseccomp */
        return 0;
    for (size_t i = 0; i < rule->test_count; i++)
        tests[i] = (struct scmp_arg_cmp){.arg = rule->tests[i].index,
                                         .op = (enum scmp_compare)rule->tests[i].operator,
                                         .datum_a = rule->tests[i].value };
    rc = seccomp_rule_add_array(context, action, number, (unsigned int)rule->test_count, tests);
    if (rc < 0 && rc != -EEXIST && rc != -EDOM) /* EDOM: not a call of these architectures */
        return error_set(err, MCPD_E_SYSTEM, "seccomp rule for '%s': %s", name,
                         strerrordesc_np(-rc));
    return 0;
}

static int add_rule(scmp_filter_ctx context, const struct seccomp_rule *rule,
                    struct mcpd_error *err)
{
    CLEANUP_STRV char **names = strv_split(rule->names, ' ');
    int rc = 0;

    if (!names)
        return error_no_memory(err, "seccomp rules");
    for (char **name = names; rc == 0 && *name; name++)
        rc = add_call(context, rule, *name, err);
    return rc;
}

static int add_architectures(scmp_filter_ctx context)
{
    for (size_t i = 0; i < ARRAY_SIZE(further_architectures); i++) {
        int rc = seccomp_arch_add(context, further_architectures[i]);

        if (rc < 0 && rc != -EEXIST)
            return rc;
    }
    /* A tree instead of a list: less work for every system call, and for the kernel at loading. */
    return seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
}

static void release_context(scmp_filter_ctx *context)
{
    if (*context)
        seccomp_release(*context);
}

/* Writes the instructions of the built-in profile to a descriptor. */
static int compile(uint64_t capabilities, int fd, struct mcpd_error *err)
{
    CLEANUP(release_context) scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    int rc;

    if (!context)
        return error_no_memory(err, "seccomp filter");
    rc = add_architectures(context);
    if (rc < 0)
        return error_set(err, MCPD_E_SYSTEM, "seccomp architectures: %s", strerrordesc_np(-rc));
    for (size_t i = 0; i < seccomp_default_rule_count; i++) {
        if (!rule_counts(&seccomp_default_rules[i], capabilities))
            continue;
        rc = add_rule(context, &seccomp_default_rules[i], err);
        if (rc < 0)
            return rc;
    }
    rc = seccomp_export_bpf(context, fd);
    return rc < 0 ? error_set(err, MCPD_E_SYSTEM, "export the seccomp filter: %s",
                              strerrordesc_np(-rc))
                  : 0;
}

/* The same in a child, whose memory goes with it: the monitor stays small. */
static int compile_aside(uint64_t capabilities, int fd, struct mcpd_error *err)
{
    int pipe_fds[2];
    pid_t pid;
    int rc;

    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return error_errno(err, "make a pipe");
    pid = fork();
    if (pid == 0) {
        struct mcpd_error error = {0};

        if (compile(capabilities, fd, &error) < 0)
            fdpass_send_error(pipe_fds[1], &error);
        _exit(0);
    }
    (void)close(pipe_fds[1]);
    rc = pid < 0 ? error_errno(err, "make a process") : fdpass_receive_error(pipe_fds[0], err);
    (void)close(pipe_fds[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return rc;
}

/* --- the cache --------------------------------------------------------------------------- */

struct cache_header {
    char magic[8];
    uint64_t key_hash;
    uint64_t checksum; /* of the instructions */
    uint64_t byte_count;
};
static const char cache_magic[8] = "mcpdbpf1";

#define FNV_START UINT64_C(0xcbf29ce484222325)

/* FNV-1a: against accidents, not against enemies. */
static uint64_t fnv(uint64_t hash, const void *bytes, size_t count)
{
    const unsigned char *next = bytes;

    for (size_t i = 0; i < count; i++)
        hash = (hash ^ next[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t rules_hash(void)
{
    uint64_t hash = FNV_START;

    for (size_t i = 0; i < seccomp_default_rule_count; i++) {
        const struct seccomp_rule *rule = &seccomp_default_rules[i];

        hash = fnv(hash, rule->names, strlen(rule->names) + 1);
        hash = fnv(hash, &rule->refusal, sizeof(rule->refusal));
        hash = fnv(hash, &rule->with_capabilities, sizeof(rule->with_capabilities));
        hash = fnv(hash, &rule->without_capabilities, sizeof(rule->without_capabilities));
        for (size_t j = 0; j < rule->test_count; j++) {
            hash = fnv(hash, &rule->tests[j].index, sizeof(rule->tests[j].index));
            hash = fnv(hash, &rule->tests[j].operator, sizeof(rule->tests[j].operator));
            hash = fnv(hash, &rule->tests[j].value, sizeof(rule->tests[j].value));
        }
    }
    return hash;
}

static uint64_t key_hash(uint64_t capabilities)
{
    const struct scmp_version *library = seccomp_version();
    struct utsname host;
    char key[KEY_SIZE + sizeof(host)];

    if (uname(&host) < 0)
        return 0;
    (void)snprintf(key, sizeof(key),
                   "default %016" PRIx64 " " NATIVE_NAME " %s %s %u.%u.%u %016" PRIx64,
                   rules_hash(), host.machine, host.release, library ? library->major : 0,
                   library ? library->minor : 0, library ? library->micro : 0, capabilities);
    return fnv(FNV_START, key, strlen(key));
}

/* bytes: a header and what follows. */
static bool is_whole(const char *bytes, size_t length, uint64_t hash)
{
    struct cache_header header;

    if (length < sizeof(header))
        return false;
    memcpy(&header, bytes, sizeof(header));
    return memcmp(header.magic, cache_magic, sizeof(header.magic)) == 0 &&
           header.key_hash == hash && header.byte_count == length - sizeof(header) &&
           header.byte_count > 0 && header.byte_count <= FILTER_BYTES_MAX &&
           header.byte_count % sizeof(struct sock_filter) == 0 &&
           header.checksum == fnv(FNV_START, bytes + sizeof(header), (size_t)header.byte_count);
}

static void set_filter(struct seccomp_filter *filter, char *bytes, size_t length)
{
    *filter = (struct seccomp_filter){
        .bytes = bytes,
        .offset = sizeof(struct cache_header),
        .count = (length - sizeof(struct cache_header)) / sizeof(struct sock_filter),
    };
}

static bool load(int folder_fd, const char *name, uint64_t hash, struct seccomp_filter *ret_filter)
{
    CLEANUP_FREE char *bytes = NULL;
    size_t length = 0;
    struct mcpd_error ignored;

    if (folder_fd < 0 ||
        fs_read_file(folder_fd, name, FILTER_BYTES_MAX + sizeof(struct cache_header), &bytes,
                     &length, &ignored) < 0)
        return false;
    if (!is_whole(bytes, length, hash)) {
        log_debug("seccomp", "%s is damaged and made anew", name);
        return false;
    }
    set_filter(ret_filter, TAKE_PTR(bytes), length);
    return true;
}

/* Header and instructions, as in the cache file. */
static int make(uint64_t capabilities, uint64_t hash, char **ret_bytes, size_t *ret_length,
                struct mcpd_error *err)
{
    struct cache_header header = {.key_hash = hash};
    CLEANUP_FD int fd = memfd_create("seccomp", MFD_CLOEXEC);
    CLEANUP_FREE char *bytes = NULL;
    size_t length = 0;
    int rc;

    if (fd < 0)
        return error_errno(err, "make a memory file");
    memcpy(header.magic, cache_magic, sizeof(header.magic));
    rc = fs_write_all(fd, &header, sizeof(header), "seccomp filter", err);
    if (rc == 0)
        rc = compile_aside(capabilities, fd, err);
    if (rc == 0 && lseek(fd, 0, SEEK_SET) < 0)
        rc = error_errno(err, "rewind the seccomp filter");
    if (rc == 0)
        rc = fs_read_fd(fd, "seccomp filter", FILTER_BYTES_MAX + sizeof(header), &bytes, &length,
                        err);
    if (rc < 0)
        return rc;
    if (!bytes || length < sizeof(header))
        return error_set(err, MCPD_E_INTERNAL, "the seccomp filter came out empty");
    header.byte_count = length - sizeof(header);
    header.checksum = fnv(FNV_START, bytes + sizeof(header), (size_t)header.byte_count);
    memcpy(bytes, &header, sizeof(header));
    if (!is_whole(bytes, length, hash))
        return error_set(err, MCPD_E_INTERNAL, "the seccomp filter came out damaged");
    *ret_bytes = TAKE_PTR(bytes);
    *ret_length = length;
    return 0;
}

/* The folder of the cache, -1 when there is none to be had. */
static int open_folder(int root_fd)
{
    struct mcpd_error ignored;
    int fd = -1;

    if (root_fd < 0)
        return fd;
    fd = openat(root_fd, CACHE_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && fs_make_dirs(root_fd, CACHE_FOLDER, 0700, &fd, &ignored) < 0)
        log_debug("seccomp", "%s", ignored.message);
    return fd;
}

int seccomp_prepare(const struct plan *plan, uint64_t capabilities, int root_fd,
                    struct seccomp_filter *ret_filter, struct mcpd_error *err)
{
    const char *profile = plan->seccomp_profile;
    CLEANUP_FD int folder_fd = -1;
    struct mcpd_error ignored;
    char name[CACHE_NAME_SIZE];
    char *bytes;
    size_t length;
    uint64_t hash;
    int rc;

    *ret_filter = (struct seccomp_filter)SECCOMP_FILTER_NONE;
    if (plan->privileged || str_equal(profile, "unconfined"))
        return 0;
    if (profile && profile[0] != '\0' && !str_equal(profile, "default"))
        return error_set(err, MCPD_E_UNSUPPORTED, "seccomp profiles from files are not supported");
    hash = key_hash(capabilities);
    (void)snprintf(name, sizeof(name), "%016" PRIx64 ".bpf", hash);
    folder_fd = open_folder(root_fd);
    if (load(folder_fd, name, hash, ret_filter))
        return 0;
    rc = make(capabilities, hash, &bytes, &length, err);
    if (rc < 0)
        return error_wrap(err, rc, "seccomp");
    if (folder_fd >= 0 && fs_write_file(folder_fd, name, bytes, length, 0600, 0, &ignored) < 0)
        log_debug("seccomp", "%s", ignored.message);
    set_filter(ret_filter, bytes, length);
    return 0;
}

void seccomp_filter_done(struct seccomp_filter *filter)
{
    free(filter->bytes);
    *filter = (struct seccomp_filter)SECCOMP_FILTER_NONE;
}

int seccomp_install(const struct seccomp_filter *filter, struct mcpd_error *err)
{
    struct sock_fprog program = {.len = (unsigned short)filter->count};

    if (filter->count == 0)
        return 0;
    program.filter = (struct sock_filter *)(void *)(filter->bytes + filter->offset);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0)
        return 0;
    if (errno == ENOSYS || errno == EINVAL)
        return error_set(err, MCPD_E_UNSUPPORTED,
                         "this kernel has no seccomp filters (CONFIG_SECCOMP_FILTER); "
                         "--security-opt seccomp=unconfined runs without");
    return error_errno(err, "load the seccomp filter");
}
