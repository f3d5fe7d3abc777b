/*
 * cgroup_layout.h - where this host keeps its cgroup hierarchies. Internal to cgroup*.c and tests.
 */
#ifndef RUNTIME_CGROUP_LAYOUT_H
#define RUNTIME_CGROUP_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "runtime/cgroup.h"

/* The v1 controllers we make groups in, as few as possible. */
enum cgroup_controller {
    CGROUP_CONTROLLER_PIDS,
    CGROUP_CONTROLLER_MEMORY,
    CGROUP_CONTROLLER_CPU,
    CGROUP_CONTROLLER_COUNT,
};
const char *cgroup_controller_name(enum cgroup_controller controller);

struct cgroup_layout {
    char unified[CGROUP_PATH_SIZE]; /* mount point of v2, "" when there is none */
    char v1[CGROUP_CONTROLLER_COUNT][CGROUP_PATH_SIZE]; /* mount points, "" when not mounted */
    bool has_v1;                                        /* any v1 controller at all */
};

int cgroup_layout_load(struct cgroup_layout *ret_layout, struct mcpd_error *err) MUST_CHECK;
/* From the text of a mountinfo file. */
void cgroup_layout_parse(const char *mountinfo, struct cgroup_layout *ret_layout);
/* The v2 line "0::/path" of a /proc/PID/cgroup file; false when there is none or it is too long. */
bool cgroup_layout_find_own(const char *text, char path[CGROUP_PATH_SIZE]);

#endif
