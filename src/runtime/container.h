/*
 * container.h - the record of one container on disk, and what is true of it now.
 *
 *   ROOT/containers/ID/spec.json      the plan (plan.h); written once, synced unless auto_remove
 *   ROOT/containers/ID/state.json     struct container_state: what must survive a reboot; atomic;
 *                                     absent until the first start
 *   ROOT/containers/ID/{upper,work}/  of the overlay, made with the first start
 *   ROOT/containers/ID/{log,log.1}    output
 *   ROOT/containers/ID/{hosts,resolv.conf,hostname}
 *   ROOT/names/NAME                   -> ID, a link made exclusively: the name is the lock on
 * itself RUNROOT/containers/ID/lock        held by the monitor as long as it lives
 *   RUNROOT/containers/ID/run.json    struct container_run: pid and start time of init, boot_id;
 *                                     for display and for killing what a lost monitor left; never
 *                                     believed without the lock
 *   RUNROOT/containers/ID/socket      the monitor's (monitor.h)
 *
 * A container runs if and only if its monitor holds the lock. Making: directory under ROOT/tmp
 * complete, renamed to containers/ID, then the name; a name that points to nothing is free.
 * Removing: the record is renamed into tmp/ (gone at once for everybody), the name is unlinked,
 * then the tree is deleted.
 */
#ifndef RUNTIME_CONTAINER_H
#define RUNTIME_CONTAINER_H

#include "base/error.h"
#include "base/ident.h"
#include "runtime/plan.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum container_status {
    CONTAINER_STATUS_CREATED,
    CONTAINER_STATUS_RUNNING,
    CONTAINER_STATUS_PAUSED,
    CONTAINER_STATUS_STOPPING,
    CONTAINER_STATUS_RESTARTING,
    CONTAINER_STATUS_EXITED,
};
const char *container_status_name(enum container_status status);

/* state.json */
struct container_state {
    enum container_status status; /* as last written; see container_load for the truth */
    int exit_code;
    bool oom_killed;
    bool stopped_by_user;
    int64_t started_unix_ns; /* 0: never */
    int64_t finished_unix_ns;
    uint32_t restart_count;
    char error[256]; /* last failure to start, or "monitor lost" */
};

/* run.json */
struct container_run {
    pid_t monitor_pid;
    pid_t init_pid;
    unsigned long long init_start_ticks;
    char cgroup_path[256]; /* below each hierarchy, "" when none */
    char boot_id[40];
};

/* The folders of an engine, opened once. */
struct container_root {
    const char *root; /* absolute, borrowed from the engine */
    const char *runroot;
    int root_fd;       /* ROOT */
    int containers_fd; /* ROOT/containers */
    int names_fd;      /* ROOT/names */
    int tmp_fd;        /* ROOT/tmp */
    int run_fd;        /* RUNROOT/containers */
};
int container_root_open(const char *root, const char *runroot, struct container_root *ret_root,
                        struct mcpd_error *err) MUST_CHECK;
void container_root_done(struct container_root *root);

struct container {
    char id[IDENT_SIZE];
    int dir_fd; /* ROOT/containers/ID */
    struct plan plan;
    struct container_state
        state; /* corrected: a lost monitor shows as EXITED with error "monitor lost" */
    struct container_run run; /* zero unless running */
};
void container_done(struct container *container);

/* Writes the record of a decided plan: plan->id set, plan->name set or NULL for a random one (then
 * set here). CONFLICT with podman's text when the name is taken. */
int container_create(const struct container_root *root, struct plan *plan,
                     struct mcpd_error *err) MUST_CHECK;
/* By name, full id or unique prefix. NOT_FOUND: `no container with name or ID "x" found: no such
 * container`. */
int container_find(const struct container_root *root, const char *name_or_id,
                   char ret_id[IDENT_SIZE], struct mcpd_error *err) MUST_CHECK;
/* Reads the record and settles the truth: if state says running but nobody holds the lock, what the
 * monitor left is killed (identity checked by start time and pid namespace), the cgroup removed and
 * EXITED written. */
int container_load(const struct container_root *root, const char *id,
                   struct container *ret_container, struct mcpd_error *err) MUST_CHECK;
/* All records, oldest first, with dir_fd closed (-1); damaged ones are skipped and named to warn.
 */
int container_list(const struct container_root *root, void (*warn)(void *, const char *),
                   void *warn_context, struct container **ret_containers, size_t *ret_count,
                   struct mcpd_error *err) MUST_CHECK;
void container_list_free(struct container *containers, size_t count);
int container_save_state(int dir_fd, const struct container_state *state, bool sync,
                         struct mcpd_error *err) MUST_CHECK;
/* The record, its name, its files. It must not be running (STATE, podman's text); one that is just
 * ending is waited for. */
int container_remove(const struct container_root *root, const struct container *container,
                     struct mcpd_error *err) MUST_CHECK;
/* The same for who holds the container's lock already (a monitor), or for a damaged record. name
 * NULL: not known. sync: the removal survives a power cut. */
int container_delete(const struct container_root *root, const char *id, const char *name, bool sync,
                     struct mcpd_error *err) MUST_CHECK;
/* What killed processes left: names of nothing, run folders without a record, and their processes
 * and groups. Cheap when there is nothing; not on the way of a start. */
int container_sweep(const struct container_root *root, struct mcpd_error *err) MUST_CHECK;
/* CONFLICT with podman's text when a container has the name; for asking early. */
int container_check_name(const struct container_root *root, const char *name,
                         struct mcpd_error *err) MUST_CHECK;
/* Is a process of the container to be expected? */
bool container_is_active(enum container_status status);

/* Files of a record, for the monitor. Folders are ROOT/containers/ID and RUNROOT/containers/ID. */
int container_load_plan(int dir_fd, struct plan *ret_plan, struct mcpd_error *err) MUST_CHECK;
/* An absent file is a container that never ran; an unreadable one counts as running, so that the
 * lock decides. */
int container_load_state(int dir_fd, struct container_state *ret_state,
                         struct mcpd_error *err) MUST_CHECK;
int container_save_run(int run_dir_fd, const struct container_run *run,
                       struct mcpd_error *err) MUST_CHECK;
int container_load_run(int run_dir_fd, struct container_run *ret_run,
                       struct mcpd_error *err) MUST_CHECK;
/* This boot, from the kernel; "" when it does not tell. */
void container_boot_id(char buffer[40]);
/* RUNROOT/containers/ID, made when missing. */
int container_open_run_dir(const struct container_root *root, const char *id, int *ret_fd,
                           struct mcpd_error *err) MUST_CHECK;

/* podman's documents: samples inspect-json-*.json, ps-json*.json. New references. */
json_t *container_inspect_json(const struct container_root *root,
                               const struct container *container);
json_t *container_list_json(const struct container *container);

#endif
