/*
 * caps.c - the capability sets of this process, by the plain system calls.
 * Source: capabilities(7).
 */
#include "runtime/caps.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define CAPABILITIES_MAX 64

/* The two halves of version 3. */
struct kernel_sets {
    struct __user_cap_data_struct half[2];
};

static bool has(uint64_t set, int capability)
{
    return (set >> capability) & 1;
}

void caps_decide(uint64_t capabilities, uint64_t added, bool is_root, struct caps_sets *ret_sets)
{
    ret_sets->bounding = capabilities;
    ret_sets->permitted = is_root ? capabilities : capabilities & added;
    ret_sets->inheritable = is_root ? 0 : capabilities & added;
}

int caps_begin(const struct caps_sets *sets, struct mcpd_error *err)
{
    for (int i = 0; i < CAPABILITIES_MAX; i++) {
        if (has(sets->bounding, i))
            continue;
        if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0)
            continue;
        if (errno == EINVAL) /* beyond the last one of this kernel */
            break;
        return error_errno(err, "drop capability %d", i);
    }
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return error_errno(err, "keep capabilities over the change of user");
    return 0;
}

/* What this process does not have cannot be given to it. */
static uint64_t permitted_now(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct kernel_sets sets = {0};

    if (syscall(SYS_capget, &header, sets.half) < 0)
        return 0;
    return (uint64_t)sets.half[1].permitted << 32 | sets.half[0].permitted;
}

static int set_sets(uint64_t permitted, uint64_t inheritable, struct mcpd_error *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct kernel_sets sets = {{
        {(uint32_t)permitted, (uint32_t)permitted, (uint32_t)inheritable},
        {(uint32_t)(permitted >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
    }};

    if (syscall(SYS_capset, &header, sets.half) < 0)
        return error_errno(err, "set capabilities");
    return 0;
}

/* Kernels before 4.3 have no ambient set; then the capabilities end with exec, as they did. */
static int raise_ambient(uint64_t set, struct mcpd_error *err)
{
    for (int i = 0; i < CAPABILITIES_MAX; i++)
        if (has(set, i) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0 &&
            errno != EINVAL)
            return error_errno(err, "raise the ambient capability %d", i);
    return 0;
}

int caps_apply(const struct caps_sets *sets, uint64_t extra, struct mcpd_error *err)
{
    uint64_t available = permitted_now();
    int rc = set_sets((sets->permitted | extra) & available, sets->inheritable & available, err);

    return rc < 0 ? rc : raise_ambient(sets->inheritable & available, err);
}

int caps_give_up(const struct caps_sets *sets, struct mcpd_error *err)
{
    uint64_t available = permitted_now();

    return set_sets(sets->permitted & available, sets->inheritable & available, err);
}
