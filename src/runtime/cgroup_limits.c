/*
 * cgroup_limits.c - write the limits of one group and see that the kernel took them.
 *
 * Units: bytes, tasks, microseconds per period. Swap follows docker's rule: with a memory limit
 * and nothing said about swap, as much swap as memory; kernels that do not account swap have no
 * such file. Sources: kernel documentation admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst.
 */
#include "runtime/cgroup_limits.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/str.h"

#define CONTROL_FILE_MAX 4096
#define NUMBER_SIZE      48
#define LARGEST_PAGE     65536 /* memory limits are rounded down to pages */

bool cgroup_limits_has(const struct plan_limits *limits, enum cgroup_controller controller)
{
    switch (controller) {
    case CGROUP_CONTROLLER_PIDS:
        return limits->pids_max > 0;
    case CGROUP_CONTROLLER_MEMORY:
        return limits->memory_bytes > 0;
    case CGROUP_CONTROLLER_CPU:
        return limits->cpu_quota_us > 0;
    case CGROUP_CONTROLLER_COUNT:
        break;
    }
    return false;
}

bool cgroup_limits_is_asked(const struct plan_limits *limits, enum cgroup_controller controller)
{
    return cgroup_limits_has(limits, controller) &&
           !(controller == CGROUP_CONTROLLER_PIDS && limits->pids_is_default);
}

int cgroup_write(int dir_fd, const char *file, const char *text, struct mcpd_error *err)
{
    CLEANUP_FD int fd = openat(dir_fd, file, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return error_errno(err, "open '%s' of the cgroup", file);
    if (write(fd, text, strlen(text)) < 0)
        return error_errno(err, "write '%s' to '%s' of the cgroup", text, file);
    return 0;
}

/* The first number of a control file; "max" and everything else is UINT64_MAX. */
static int read_number(int dir_fd, const char *file, uint64_t *ret_value, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    int rc = fs_read_file(dir_fd, file, CONTROL_FILE_MAX, &text, NULL, err);

    if (rc < 0)
        return rc;
    text[strcspn(text, " \n")] = '\0';
    if (str_to_u64(text, UINT64_MAX, ret_value) < 0)
        *ret_value = UINT64_MAX;
    return 0;
}

/* A limit that is not in force must never look as if it were. */
static int write_number(int dir_fd, const char *file, uint64_t value, uint64_t tolerance,
                        struct mcpd_error *err)
{
    char text[NUMBER_SIZE];
    uint64_t taken = 0;
    int rc;

    (void)snprintf(text, sizeof(text), "%" PRIu64, value);
    rc = cgroup_write(dir_fd, file, text, err);
    if (rc == 0)
        rc = read_number(dir_fd, file, &taken, err);
    if (rc < 0)
        return rc;
    if (taken > value || value - taken > tolerance)
        return error_set(err, MCPD_E_UNSUPPORTED, "the kernel did not take %s for '%s'", text,
                         file);
    return 0;
}

static uint64_t twice(uint64_t value)
{
    return value > INT64_MAX / 2 ? INT64_MAX : value * 2;
}

static int write_v1_memory(int dir_fd, uint64_t bytes, struct mcpd_error *err)
{
    int rc = write_number(dir_fd, "memory.limit_in_bytes", bytes, LARGEST_PAGE, err);

    if (rc == 0 && faccessat(dir_fd, "memory.memsw.limit_in_bytes", F_OK, 0) == 0)
        rc = write_number(dir_fd, "memory.memsw.limit_in_bytes", twice(bytes), LARGEST_PAGE, err);
    return rc;
}

int cgroup_limits_write_v1(int dir_fd, enum cgroup_controller controller,
                           const struct plan_limits *limits, struct mcpd_error *err)
{
    int rc = 0;

    switch (controller) {
    case CGROUP_CONTROLLER_PIDS:
        return write_number(dir_fd, "pids.max", (uint64_t)limits->pids_max, 0, err);
    case CGROUP_CONTROLLER_MEMORY:
        return write_v1_memory(dir_fd, limits->memory_bytes, err);
    case CGROUP_CONTROLLER_CPU:
        rc = write_number(dir_fd, "cpu.cfs_period_us", limits->cpu_period_us, 0, err);
        if (rc == 0)
            rc = write_number(dir_fd, "cpu.cfs_quota_us", limits->cpu_quota_us, 0, err);
        return rc;
    case CGROUP_CONTROLLER_COUNT:
        break;
    }
    return 0;
}

static int write_v2_memory(int dir_fd, uint64_t bytes, struct mcpd_error *err)
{
    int rc = write_number(dir_fd, "memory.max", bytes, LARGEST_PAGE, err);

    if (rc == 0 && faccessat(dir_fd, "memory.swap.max", F_OK, 0) == 0)
        rc = write_number(dir_fd, "memory.swap.max", bytes, LARGEST_PAGE, err);
    return rc;
}

static int write_v2_cpu(int dir_fd, const struct plan_limits *limits, struct mcpd_error *err)
{
    char text[2 * NUMBER_SIZE];
    uint64_t taken = 0;
    int rc;

    (void)snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, limits->cpu_quota_us,
                   limits->cpu_period_us);
    rc = cgroup_write(dir_fd, "cpu.max", text, err);
    if (rc == 0)
        rc = read_number(dir_fd, "cpu.max", &taken, err);
    if (rc == 0 && taken != limits->cpu_quota_us)
        return error_set(err, MCPD_E_UNSUPPORTED, "the kernel did not take %s for 'cpu.max'", text);
    return rc;
}

int cgroup_limits_write_v2(int dir_fd, enum cgroup_controller controller,
                           const struct plan_limits *limits, struct mcpd_error *err)
{
    switch (controller) {
    case CGROUP_CONTROLLER_PIDS:
        return write_number(dir_fd, "pids.max", (uint64_t)limits->pids_max, 0, err);
    case CGROUP_CONTROLLER_MEMORY:
        return write_v2_memory(dir_fd, limits->memory_bytes, err);
    case CGROUP_CONTROLLER_CPU:
        return write_v2_cpu(dir_fd, limits, err);
    case CGROUP_CONTROLLER_COUNT:
        break;
    }
    return 0;
}

bool cgroup_limits_lists(int dir_fd, const char *file, enum cgroup_controller controller)
{
    CLEANUP_FREE char *text = NULL;
    CLEANUP_STRV char **words = NULL;

    if (fs_read_file(dir_fd, file, CONTROL_FILE_MAX, &text, NULL, NULL) < 0)
        return false;
    text[strcspn(text, "\n")] = '\0';
    words = strv_split(text, ' ');
    return words && strv_contains(words, cgroup_controller_name(controller));
}

int cgroup_limits_enable(int dir_fd, enum cgroup_controller controller, struct mcpd_error *err)
{
    char text[NUMBER_SIZE];

    if (cgroup_limits_lists(dir_fd, "cgroup.subtree_control", controller))
        return 0;
    (void)snprintf(text, sizeof(text), "+%s", cgroup_controller_name(controller));
    return cgroup_write(dir_fd, "cgroup.subtree_control", text, err);
}
