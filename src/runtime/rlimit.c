/*
 * rlimit.c - resource limits. Hosts may deny raising them even to root (a machine without
 * CAP_SYS_RESOURCE), and a container that runs with the host's limit is better than none.
 */
#include "runtime/rlimit.h"

#include <sys/resource.h>

static rlim_t smaller(rlim_t a, rlim_t b)
{
    return a < b ? a : b; /* RLIM_INFINITY is the largest value */
}

static int apply_one(const struct plan_rlimit *limit, struct mcpd_error *err)
{
    __rlimit_resource_t resource = (__rlimit_resource_t)limit->resource;
    struct rlimit wanted = {.rlim_cur = (rlim_t)limit->soft, .rlim_max = (rlim_t)limit->hard};
    struct rlimit now;

    if (setrlimit(resource, &wanted) == 0)
        return 0;
    if (errno != EPERM || getrlimit(resource, &now) < 0)
        return error_errno(err, "set the resource limit %d", limit->resource);
    wanted.rlim_max = smaller(wanted.rlim_max, now.rlim_max);
    wanted.rlim_cur = smaller(wanted.rlim_cur, wanted.rlim_max);
    if (setrlimit(resource, &wanted) < 0)
        return error_errno(err, "set the resource limit %d", limit->resource);
    return 0;
}

int rlimit_apply(const struct plan_rlimit *limits, size_t count, struct mcpd_error *err)
{
    for (size_t i = 0; i < count; i++) {
        int rc = apply_one(&limits[i], err);

        if (rc < 0)
            return rc;
    }
    return 0;
}
