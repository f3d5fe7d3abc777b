/*
 * container.h - the record of one container on disk, and what is true of it now.
 *
 *   ROOT/containers/ID/spec.json      the plan (plan.h); written once, synced unless auto_remove
 *   ROOT/containers/ID/state.json     struct container_state: what must survive a reboot; atomic;
 *                                     absent until the first start
 *   ROOT/containers/ID/{upper,work}/  of the overlay, made with the first start
 *   ROOT/containers/ID/{log,log.1}    output
 *   ROOT/containers/ID/{hosts,resolv.conf,hostname}
 *   ROOT/containers/ID/lock           held by the monitor as long as it lives; what it runs stands
 * in it (struct container_run), and nothing when all of that is gone (container_run.c)
 *   ROOT/names/NAME                   -> ID, a link made exclusively: the name is the lock on
 * itself RUNROOT/containers/ID/socket      the monitor's (monitor.h), made again when RUNROOT was
 * lost
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

/* What stands in the lock. Numbers mean something in that boot and pid namespace only, and only
 * together with the start time. */
struct container_run {
    char boot_id[40];
    char pid_namespace[32];
    pid_t monitor_pid;
    unsigned long long monitor_start_ticks;
    pid_t init_pid; /* 0: not started yet */
    unsigned long long init_start_ticks;
    char cgroup_path[256]; /* below each hierarchy, also when only planned; "" when none */
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
int container_not_found(const char *name_or_id, struct mcpd_error *err) MUST_CHECK;
/* Reads the record and settles the truth: if state says running but nobody holds the lock, what the
 * monitor left is killed (identity checked), the cgroup removed and EXITED written. CORRUPT when
 * spec.json cannot be read, or the lock is none. */
int container_load(const struct container_root *root, const char *id,
                   struct container *ret_container, struct mcpd_error *err) MUST_CHECK;
/* The same without the plan, which says no more than how to stop it, and RUNNING where nobody can
 * tell: for ending and removing what container_load cannot load. */
int container_load_damaged(const struct container_root *root, const char *id,
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
 * starting or ending is waited for. */
int container_remove(const struct container_root *root, const struct container *container,
                     struct mcpd_error *err) MUST_CHECK;
/* The same for who decides what comes next: the status in container is not asked, and TIMEOUT says
 * that its lock is held although nothing runs. STATE: it has been started meanwhile. */
int container_remove_within(const struct container_root *root, const struct container *container,
                            int timeout_ms, struct mcpd_error *err) MUST_CHECK;
/* Of one that was to be thrown away at its end, and could not be started. Not if somebody else has
 * started it. */
void container_remove_unstarted(const struct container_root *root,
                                const struct container *container);
/* For who holds the container's lock already. name NULL: not known. sync: the removal survives a
 * power cut. */
int container_delete(const struct container_root *root, const char *id, const char *name, bool sync,
                     struct mcpd_error *err) MUST_CHECK;
/* What killed processes left: names of nothing, half made starts with their processes and groups,
 * run folders without a record. Cheap when there is nothing; not on the way of a start. */
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

/* RUNROOT/containers/ID; the first makes what is missing. */
int container_make_run_dir(const char *runroot, const char *id, int *ret_fd,
                           struct mcpd_error *err) MUST_CHECK;
int container_open_run_dir(const char *runroot, const char *id, int *ret_fd,
                           struct mcpd_error *err) MUST_CHECK;

/* --- the lock and what runs (container_run.c) --- */

/* dir_fd is the record's. TIMEOUT: somebody holds it; NOT_FOUND: the container was removed. */
int container_lock(const struct container_root *root, const char *id, int dir_fd, int timeout_ms,
                   int *ret_fd, struct mcpd_error *err) MUST_CHECK;
int container_is_locked(int dir_fd, bool *ret_is_locked, struct mcpd_error *err) MUST_CHECK;
/* This process as the monitor, with the group that it is about to make. */
void container_run_init(struct container_run *run, const char *cgroup_path);
/* By the holder of the lock. */
int container_save_run(int lock_fd, const struct container_run *run, const char *runroot,
                       struct mcpd_error *err) MUST_CHECK;
void container_clear_run(int lock_fd);
/* NOT_FOUND: nothing is noted. */
int container_load_run(int dir_fd, struct container_run *ret_run,
                       struct mcpd_error *err) MUST_CHECK;
/* Where the monitor's socket is; owned by the caller. */
int container_load_runroot(int dir_fd, char **ret_runroot, struct mcpd_error *err) MUST_CHECK;
/* The caller holds the lock, so the holder before was killed if anything is noted: kills what it
 * ran, removes its cgroup and forgets the note. */
void container_kill_left(int dir_fd, int lock_fd);
/* False: that process is not there any more. */
bool container_signal_monitor(const struct container_run *run, int signal_number);
bool container_signal_init(const struct container_run *run, int signal_number);
/* Removes what is in the place of the lock and none: nobody can hold it. False: it is fine. */
bool container_drop_damaged_lock(int dir_fd);
/* Ends a monitor that holds the lock and does not get its container started; who takes the lock
 * afterwards clears up. Does not wait. */
void container_kill_starting(int dir_fd);
/* Ends a container whose monitor does not answer: the signal to its process, SIGKILL after a while,
 * and the monitor too if it does not notice. Afterwards the lock is free and container_load settles
 * the rest. */
int container_force_end(const char *id, int dir_fd, int signal_number, int timeout_ms,
                        bool *ret_was_killed, struct mcpd_error *err) MUST_CHECK;

/* podman's documents: samples inspect-json-*.json, ps-json*.json. New references. */
json_t *container_inspect_json(const struct container_root *root,
                               const struct container *container);
json_t *container_list_json(const struct container *container);

#endif
