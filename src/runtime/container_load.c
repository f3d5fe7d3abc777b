/*
 * container_load.c - reads a record and settles what is true of it now.
 *
 * Theory of operation. Whether a container runs is asked of the kernel: the monitor holds the lock
 * as long as it lives. state.json says what was last known. The two can disagree in one way only:
 * state.json says running and nobody holds the lock. Then either a monitor is just starting or
 * ending, or it was killed, or the host was restarted. Who wants to know takes the lock and reads
 * state.json again: holding the lock, what it says is final. If it still says running, the monitor
 * is lost: what it left is killed, and the record says exited.
 *
 * Of a damaged record that is to be ended or removed, what cannot be read counts as running, and
 * what cannot be asked of the kernel is left to whoever asks the monitor.
 */
#include "runtime/container_parts.h"

#include <fcntl.h>
#include <signal.h>

#include "base/clock.h"
#include "base/fsutil.h"
#include "base/str.h"

#define EXIT_CODE_LOST         137
#define UNKNOWN_STOP_TIMEOUT_S 10 /* podman's default */

/* The caller holds the lock, so no monitor lives or can start. */
static int settle_lost(const struct container_root *root, struct container *container, int lock_fd,
                       struct mcpd_error *err)
{
    struct container_state *state = &container->state;

    container_kill_left(container->dir_fd, lock_fd);
    container_remove_run_dir(root, container->id);
    if (container->plan.auto_remove) {
        (void)!container_delete(root, container->id, container->plan.name, false, NULL);
        return container_not_found(container->id, err);
    }
    state->status = CONTAINER_STATUS_EXITED;
    state->exit_code = EXIT_CODE_LOST;
    state->finished_unix_ns = clock_unix_ns();
    (void)snprintf(state->error, sizeof(state->error), "monitor lost");
    /* On a full or read-only disk the answer is still right, and found again next time. */
    (void)!container_save_state(container->dir_fd, state, false, NULL);
    return 0;
}

/* The kernel's answer; the lock is ours when nobody held it. */
static int ask_lock(const struct container_root *root, const struct container *container,
                    int *ret_lock_fd, bool *ret_is_held, struct mcpd_error *err)
{
    int rc = container_is_locked(container->dir_fd, ret_is_held, err);

    if (rc < 0 || *ret_is_held)
        return rc;
    rc = container_lock(root, container->id, container->dir_fd, 0, ret_lock_fd, err);
    *ret_is_held = rc == -MCPD_E_TIMEOUT;
    return *ret_is_held ? 0 : rc;
}

static int settle(const struct container_root *root, bool is_damaged, struct container *container,
                  struct mcpd_error *err)
{
    CLEANUP_FD int lock_fd = -1;
    bool is_held = false;
    int rc;

    if (!container_is_active(container->state.status))
        return 0;
    rc = ask_lock(root, container, &lock_fd, &is_held, err);
    if (rc < 0)
        return is_damaged && rc != -MCPD_E_NOT_FOUND ? 0 : rc;
    if (is_held) {
        (void)!container_load_run(container->dir_fd, &container->run, NULL);
        return 0;
    }
    rc = container_load_state(container->dir_fd, &container->state, err);
    if (rc < 0 && !is_damaged)
        return rc;
    if (!container_is_active(container->state.status))
        return 0;
    return settle_lost(root, container, lock_fd, err);
}

static int refuse_damaged(const struct container_root *root, const struct container *container,
                          struct mcpd_error *err)
{
    bool is_held = false;

    /* Files are read without a lock: the record may be removed at any moment. */
    if (!fs_exists(root->containers_fd, container->id))
        return container_not_found(container->id, err);
    (void)!container_is_locked(container->dir_fd, &is_held, NULL);
    return error_set(err, MCPD_E_CORRUPT,
                     is_held ? "container %s is damaged, and runs (mcpd rm -f ends and removes it)"
                             : "container %s is damaged (mcpd rm -f removes it)",
                     container->id);
}

static int load(const struct container_root *root, bool is_damaged, struct container *container,
                struct mcpd_error *err)
{
    int rc = 0;

    container->dir_fd =
        openat(root->containers_fd, container->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (container->dir_fd < 0 && errno == ENOENT)
        return container_not_found(container->id, err);
    if (container->dir_fd < 0)
        return error_errno(err, "open container '%s'", container->id);
    if (!is_damaged && container_load_plan(container->dir_fd, &container->plan, err) < 0)
        return refuse_damaged(root, container, err);
    rc = container_load_state(container->dir_fd, &container->state, err);
    if (rc < 0 && !is_damaged)
        return rc;
    if (rc < 0)
        container->state.status = CONTAINER_STATUS_RUNNING;
    rc = settle(root, is_damaged, container, err);
    return rc == -MCPD_E_CORRUPT ? refuse_damaged(root, container, err) : rc;
}

static int load_new(const struct container_root *root, const char *id, bool is_damaged,
                    struct container *ret_container, struct mcpd_error *err)
{
    struct container container = {.dir_fd = -1};
    int rc = str_copy(container.id, sizeof(container.id), id);

    plan_init(&container.plan);
    rc = rc < 0 ? error_set(err, MCPD_E_INVALID, "'%s' is not an id", id)
                : load(root, is_damaged, &container, err);
    if (rc < 0) {
        container_done(&container);
        return rc;
    }
    *ret_container = container;
    return 0;
}

int container_load(const struct container_root *root, const char *id,
                   struct container *ret_container, struct mcpd_error *err)
{
    return load_new(root, id, false, ret_container, err);
}

int container_load_damaged(const struct container_root *root, const char *id,
                           struct container *ret_container, struct mcpd_error *err)
{
    int rc = load_new(root, id, true, ret_container, err);

    if (rc < 0)
        return rc;
    ret_container->plan.stop_signal = SIGTERM;
    ret_container->plan.stop_timeout_s = UNKNOWN_STOP_TIMEOUT_S;
    return 0;
}

void container_done(struct container *container)
{
    cleanup_close_fd(&container->dir_fd);
    container->dir_fd = -1;
    plan_done(&container->plan);
}
