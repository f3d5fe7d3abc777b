/*
 * cgroup.h - one group per container on v2, v1 and hybrid hosts (cgroups(7)).
 *
 * v2 with the controllers: one directory. v1: one directory in each hierarchy that is needed (pids,
 * memory, cpu: only those with a limit, as few as possible, because each costs), on hybrid hosts
 * also one in `unified` for kill and freeze. The container's first process moves itself (see
 * cgroup_enter_self). A limit that was asked for and cannot be enforced is an error naming the
 * reason; the default pids limit is best effort.
 */
#ifndef RUNTIME_CGROUP_H
#define RUNTIME_CGROUP_H

#include "base/error.h"
#include "runtime/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CGROUP_MAX_HIERARCHIES 8
#define CGROUP_PATH_SIZE       256

struct cgroup {
    char path[CGROUP_PATH_SIZE]; /* below each hierarchy: "/mcpd/ID"; "" when there is none */
    int unified_fd; /* the v2 directory, -1 when none: CLONE_INTO_CGROUP, cgroup.kill */
    struct {
        const char *controller; /* "pids", "memory", "cpu"; static */
        int dir_fd;
        int tasks_fd; /* open for writing: cgroup_enter_self */
    } v1[CGROUP_MAX_HIERARCHIES];
    size_t v1_count;
};
#define CGROUP_NONE                                 \
    {                                               \
        .path = "", .unified_fd = -1, .v1_count = 0 \
    }

/* Where the group of this id will be, for a note of it before it is made; "" when this user may not
 * make groups. */
int cgroup_choose_path(const char *id, char path[CGROUP_PATH_SIZE],
                       struct mcpd_error *err) MUST_CHECK;
/* At such a path. The group's own is "" and it is success when nothing is asked for and none can be
 * made. */
int cgroup_create(const char *path, const struct plan_limits *limits, struct cgroup *ret_cgroup,
                  struct mcpd_error *err) MUST_CHECK;
/* Moves the calling, single-threaded process: "0" into tasks (v1) or cgroup.procs (v2, unless it
 * was cloned into it). */
int cgroup_enter_self(const struct cgroup *cgroup, bool is_in_unified,
                      struct mcpd_error *err) MUST_CHECK;
/* For exec: opens the groups of an existing path for entering. */
int cgroup_open(const char *path, struct cgroup *ret_cgroup, struct mcpd_error *err) MUST_CHECK;
/* Was anything in it killed for lack of memory? */
bool cgroup_had_oom_kill(const struct cgroup *cgroup);
int cgroup_kill_all(const struct cgroup *cgroup, struct mcpd_error *err) MUST_CHECK;
/* Waits for the last process to go (bounded) and removes all directories. */
int cgroup_remove(struct cgroup *cgroup, struct mcpd_error *err) MUST_CHECK;
void cgroup_close(struct cgroup *cgroup); /* only the descriptors */
/* By path alone, after a crash: kill and remove. */
int cgroup_destroy_path(const char *path, struct mcpd_error *err) MUST_CHECK;

/* For info: "v1" also on hybrid hosts, where limits are set there; "v2"; "" when there is none. */
const char *cgroup_version_name(void);
/* All controllers of a v2 host; else those that this user can set limits with. Owned strv, NULL
 * when there are none. */
int cgroup_list_controllers(char ***ret_names, struct mcpd_error *err) MUST_CHECK;

#endif
