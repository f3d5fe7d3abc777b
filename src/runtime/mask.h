/*
 * mask.h - what a container must not see or change of the kernel's file systems.
 */
#ifndef RUNTIME_MASK_H
#define RUNTIME_MASK_H

#include "base/error.h"
#include "runtime/plan.h"

struct mask_request {
    const struct plan *plan;
    int root_fd; /* of the container */
    int proc_fd; /* root of the procfs that was mounted at /proc; -1: the plan has none */
    int sys_fd;  /* the same for sysfs at /sys */
    int null_fd; /* the null device of the container's own /dev; -1: none, the host's is shown */
};
/* Covers the plan's masked paths and makes its read-only paths read-only. Paths that this kernel
 * does not have are skipped. With the host's /dev still in reach. */
int mask_apply(const struct mask_request *request, struct mcpd_error *err) MUST_CHECK;

#endif
