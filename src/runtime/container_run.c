/*
 * container_run.c - the lock of a container, and what its holder notes in it.
 *
 * Theory of operation. ROOT/containers/ID/lock is held by the monitor as long as it lives, and by
 * whoever clears up after one or removes the container. What runs, or is about to be made, stands
 * in the same file (struct container_run), written in place by the holder:
 *   1. before anything is made: the monitor itself and the planned cgroup;
 *   2. when the command runs: its process too;
 *   3. when all of it is gone again: nothing, the file is empty.
 * So a lock that is free and not empty tells of a holder that was killed, and of all that it may
 * have left. It lies in ROOT and not in RUNROOT, which may vanish at any time, as when a user logs
 * out: two monitors over one upper directory would be the end of its files. (A ROOT on a file
 * system without kernel locks is refused with the first lock.)
 *
 * Numbers of processes are believed only in the boot and the pid namespace that they were noted in,
 * and only together with the start time of the process: a pidfd pins whoever has the number now,
 * and after that its start time can be asked for without a race.
 */
#include "runtime/container_parts.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "base/jsonx.h"
#include "base/lock.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/cgroup.h"

#define RECORD_MAX     16384
#define RECORD_DEPTH   4
#define BOOT_ID_FILE   "/proc/sys/kernel/random/boot_id"
#define PID_NAMESPACE  "/proc/self/ns/pid"
#define KILL_WAIT_MS   5000
#define NO_PROCESS     (-1)
#define NOTICE_WAIT_MS 2000 /* for a monitor to see that its process has ended */

/* --- the lock -------------------------------------------------------------------------- */

/* The folder may have been renamed away by whoever removes the container, with the lock in it. */
static bool is_in_place(const struct container_root *root, const char *id, int dir_fd)
{
    struct stat ours;
    struct stat named;

    return fstat(dir_fd, &ours) == 0 &&
           fstatat(root->containers_fd, id, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

int container_lock(const struct container_root *root, const char *id, int dir_fd, int timeout_ms,
                   int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FD int fd = -1;
    int rc = lock_take(dir_fd, CONTAINER_LOCK, LOCK_KIND_EXCLUSIVE, timeout_ms, &fd, err);

    if (rc == -MCPD_E_NOT_FOUND || (rc == 0 && !is_in_place(root, id, dir_fd)))
        return container_not_found(id, err);
    if (rc == 0)
        *ret_fd = TAKE_FD(fd);
    return rc;
}

int container_is_locked(int dir_fd, bool *ret_is_locked, struct mcpd_error *err)
{
    return lock_is_held(dir_fd, CONTAINER_LOCK, ret_is_locked, err);
}

bool container_drop_damaged_lock(int dir_fd)
{
    struct mcpd_error ignored;
    bool is_held;

    return lock_is_held(dir_fd, CONTAINER_LOCK, &is_held, &ignored) == -MCPD_E_CORRUPT &&
           fs_remove_tree(dir_fd, CONTAINER_LOCK, &ignored) == 0;
}

/* --- the record in it ------------------------------------------------------------------ */

static void read_boot_id(char buffer[40])
{
    CLEANUP_FREE char *text = NULL;

    buffer[0] = '\0';
    if (fs_read_file(AT_FDCWD, BOOT_ID_FILE, 64, &text, NULL, NULL) < 0)
        return;
    text[strcspn(text, "\n")] = '\0';
    (void)snprintf(buffer, 40, "%s", text);
}

/* "pid:[4026531836]"; "" when /proc does not tell. */
static void read_pid_namespace(char buffer[32])
{
    ssize_t length = readlink(PID_NAMESPACE, buffer, 31);

    buffer[length > 0 ? length : 0] = '\0';
}

void container_run_init(struct container_run *run, const char *cgroup_path)
{
    *run = (struct container_run){.monitor_pid = getpid()};
    (void)!proc_start_time(run->monitor_pid, &run->monitor_start_ticks, NULL);
    (void)snprintf(run->cgroup_path, sizeof(run->cgroup_path), "%s", cgroup_path);
    read_boot_id(run->boot_id);
    read_pid_namespace(run->pid_namespace);
}

int container_save_run(int lock_fd, const struct container_run *run, const char *runroot,
                       struct mcpd_error *err)
{
    CLEANUP_JSON json_t *json = json_pack(
        "{s:o, s:o, s:i, s:I, s:i, s:I, s:o, s:o}", "bootId", jsonx_string(run->boot_id),
        "pidNamespace", jsonx_string(run->pid_namespace), "monitorPid", (int)run->monitor_pid,
        "monitorStartTicks", (json_int_t)run->monitor_start_ticks, "initPid", (int)run->init_pid,
        "initStartTicks", (json_int_t)run->init_start_ticks, "cgroup",
        jsonx_string(run->cgroup_path), "runroot", jsonx_string(runroot));
    CLEANUP_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    size_t length = text ? strlen(text) : 0;

    if (!text)
        return error_no_memory(err, "what runs");
    if (length > RECORD_MAX)
        return error_set(err, MCPD_E_LIMIT, "the path of the runtime folder is too long");
    if (lseek(lock_fd, 0, SEEK_SET) < 0)
        return error_errno(err, "note what runs");
    if (fs_write_all(lock_fd, text, length, "note of what runs", err) < 0 ||
        ftruncate(lock_fd, (off_t)length) < 0)
        return error_errno(err, "note what runs");
    return 0;
}

void container_clear_run(int lock_fd)
{
    (void)!ftruncate(lock_fd, 0);
}

static int parse_pid(const json_t *json, const char *key, pid_t *ret_pid, struct mcpd_error *err)
{
    int64_t value = 0;
    int rc = jsonx_get_i64(json, key, CONTAINER_LOCK, &value, err);

    if (rc == 0 && (value < 0 || value > INT32_MAX))
        return error_set(err, MCPD_E_CORRUPT, CONTAINER_LOCK ": %s is out of range", key);
    *ret_pid = (pid_t)value;
    return rc;
}

static int parse_ticks(const json_t *json, const char *key, unsigned long long *ret_ticks,
                       struct mcpd_error *err)
{
    uint64_t value = 0;
    int rc = jsonx_get_u64(json, key, CONTAINER_LOCK, &value, err);

    *ret_ticks = value;
    return rc;
}

static int parse_text(const json_t *json, const char *key, char *buffer, size_t size,
                      struct mcpd_error *err)
{
    const char *text = NULL;
    int rc = jsonx_get_string(json, key, CONTAINER_LOCK, &text, err);

    if (rc == 0 && str_copy(buffer, size, text ? text : "") < 0)
        return error_set(err, MCPD_E_CORRUPT, CONTAINER_LOCK ": %s is too long", key);
    return rc;
}

static int parse_run(const json_t *json, struct container_run *run, struct mcpd_error *err)
{
    int rc = parse_text(json, "bootId", run->boot_id, sizeof(run->boot_id), err);

    if (rc == 0)
        rc = parse_text(json, "pidNamespace", run->pid_namespace, sizeof(run->pid_namespace), err);
    if (rc == 0)
        rc = parse_pid(json, "monitorPid", &run->monitor_pid, err);
    if (rc == 0)
        rc = parse_ticks(json, "monitorStartTicks", &run->monitor_start_ticks, err);
    if (rc == 0)
        rc = parse_pid(json, "initPid", &run->init_pid, err);
    if (rc == 0)
        rc = parse_ticks(json, "initStartTicks", &run->init_start_ticks, err);
    return rc < 0 ? rc
                  : parse_text(json, "cgroup", run->cgroup_path, sizeof(run->cgroup_path), err);
}

/* New reference; NOT_FOUND when nothing is noted. */
static int load_record(int dir_fd, json_t **ret_json, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    int rc = fs_read_regular(dir_fd, CONTAINER_LOCK, RECORD_MAX, &text, &length, err);

    if (rc == 0 && length == 0)
        return error_set(err, MCPD_E_NOT_FOUND, "nothing is noted in the lock");
    return rc < 0 ? rc : jsonx_parse(text, length, RECORD_DEPTH, CONTAINER_LOCK, ret_json, err);
}

int container_load_run(int dir_fd, struct container_run *ret_run, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *json = NULL;
    struct container_run run = {0};
    int rc = load_record(dir_fd, &json, err);

    if (rc == 0)
        rc = parse_run(json, &run, err);
    if (rc == 0)
        *ret_run = run;
    return rc;
}

int container_load_runroot(int dir_fd, char **ret_runroot, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *json = NULL;
    int rc = load_record(dir_fd, &json, err);

    return rc < 0 ? rc : jsonx_dup_string(json, "runroot", CONTAINER_LOCK, ret_runroot, err);
}

/* --- what runs by that record ---------------------------------------------------------------- */

/* Does the record speak of this boot, and its numbers of the processes that we see? */
static bool is_of_here(const struct container_run *run, bool *ret_sees_processes)
{
    char boot_id[sizeof(run->boot_id)];
    char pid_namespace[sizeof(run->pid_namespace)];

    read_boot_id(boot_id);
    read_pid_namespace(pid_namespace);
    *ret_sees_processes = strcmp(pid_namespace, run->pid_namespace) == 0;
    return strcmp(boot_id, run->boot_id) == 0;
}

/* A descriptor of that very process; -1 when it is gone, or nobody can tell. */
static int open_process(const struct container_run *run, pid_t pid, unsigned long long start_ticks)
{
    CLEANUP_FD int pidfd = -1;
    unsigned long long ticks = 0;
    bool sees_processes;

    if (pid > 0 && start_ticks != 0 && is_of_here(run, &sees_processes) && sees_processes)
        pidfd = proc_pidfd_open(pid);
    if (pidfd >= 0 && proc_start_time(pid, &ticks, NULL) == 0 && ticks == start_ticks)
        return TAKE_FD(pidfd);
    return NO_PROCESS;
}

/* True: it has ended, or never was. */
static bool await_end(int pidfd, int timeout_ms)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};

    return pidfd < 0 || poll(&end, 1, timeout_ms) == 1;
}

bool container_signal_monitor(const struct container_run *run, int signal_number)
{
    CLEANUP_FD int pidfd = open_process(run, run->monitor_pid, run->monitor_start_ticks);

    return pidfd >= 0 && proc_pidfd_send_signal(pidfd, signal_number) == 0;
}

bool container_signal_init(const struct container_run *run, int signal_number)
{
    CLEANUP_FD int pidfd = open_process(run, run->init_pid, run->init_start_ticks);

    return pidfd >= 0 && proc_pidfd_send_signal(pidfd, signal_number) == 0;
}

void container_kill_left(int dir_fd, int lock_fd)
{
    struct container_run run;
    bool sees_processes;
    int rc = container_load_run(dir_fd, &run, NULL);

    if (rc == -MCPD_E_NOT_FOUND)
        return;
    if (rc == 0 && is_of_here(&run, &sees_processes)) {
        CLEANUP_FD int pidfd = open_process(&run, run.init_pid, run.init_start_ticks);

        if (pidfd >= 0)
            (void)proc_pidfd_send_signal(pidfd, SIGKILL);
        (void)await_end(pidfd, KILL_WAIT_MS);
        if (run.cgroup_path[0] != '\0' && cgroup_destroy_path(run.cgroup_path, NULL) < 0)
            return; /* somebody may have more luck later */
    }
    container_clear_run(lock_fd);
}

void container_kill_starting(int dir_fd)
{
    struct container_run run;

    if (container_load_run(dir_fd, &run, NULL) == 0)
        (void)container_signal_monitor(&run, SIGKILL);
}

/* Until the lock is free. */
static int await_unlock(int dir_fd, int timeout_ms, struct mcpd_error *err)
{
    CLEANUP_FD int fd = -1;

    return lock_take(dir_fd, CONTAINER_LOCK, LOCK_KIND_EXCLUSIVE, timeout_ms, &fd, err);
}

int container_force_end(const char *id, int dir_fd, int signal_number, int timeout_ms,
                        bool *ret_was_killed, struct mcpd_error *err)
{
    CLEANUP_FD int pidfd = -1;
    struct container_run run;
    int rc = container_load_run(dir_fd, &run, NULL);

    *ret_was_killed = false;
    if (rc < 0)
        return error_set(err, MCPD_E_STATE,
                         "the monitor of container %s does not answer, and what it runs is not "
                         "known: container state improper",
                         id);
    pidfd = open_process(&run, run.init_pid, run.init_start_ticks);
    if (pidfd >= 0)
        (void)proc_pidfd_send_signal(pidfd, signal_number);
    if (!await_end(pidfd, timeout_ms)) {
        *ret_was_killed = true;
        (void)proc_pidfd_send_signal(pidfd, SIGKILL);
        if (!await_end(pidfd, KILL_WAIT_MS))
            return error_set(err, MCPD_E_STATE, "the process of container %s cannot be killed", id);
    }
    rc = await_unlock(dir_fd, NOTICE_WAIT_MS, err);
    if (rc == -MCPD_E_TIMEOUT && container_signal_monitor(&run, SIGKILL))
        rc = await_unlock(dir_fd, KILL_WAIT_MS, err);
    if (rc == -MCPD_E_NOT_FOUND) /* it removed itself */
        return 0;
    return rc == -MCPD_E_TIMEOUT
               ? error_set(err, MCPD_E_STATE, "the monitor of container %s cannot be ended", id)
               : rc;
}
