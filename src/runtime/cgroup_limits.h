/*
 * cgroup_limits.h - write the limits of one group and see that the kernel took them. Internal to
 * cgroup*.c.
 */
#ifndef RUNTIME_CGROUP_LIMITS_H
#define RUNTIME_CGROUP_LIMITS_H

#include "runtime/cgroup_layout.h"

/* Is there a limit of this kind, and is it one somebody asked for? */
bool cgroup_limits_has(const struct plan_limits *limits, enum cgroup_controller controller);
bool cgroup_limits_is_asked(const struct plan_limits *limits, enum cgroup_controller controller);

int cgroup_limits_write_v1(int dir_fd, enum cgroup_controller controller,
                           const struct plan_limits *limits, struct mcpd_error *err) MUST_CHECK;
int cgroup_limits_write_v2(int dir_fd, enum cgroup_controller controller,
                           const struct plan_limits *limits, struct mcpd_error *err) MUST_CHECK;

/* Is `controller` one of the words in this file of a v2 group? */
bool cgroup_limits_lists(int dir_fd, const char *file, enum cgroup_controller controller);
/* Hands the controller down to the children of this v2 group. */
int cgroup_limits_enable(int dir_fd, enum cgroup_controller controller,
                         struct mcpd_error *err) MUST_CHECK;

/* A kernel file of one short text, in one write. */
int cgroup_write(int dir_fd, const char *file, const char *text, struct mcpd_error *err) MUST_CHECK;

#endif
