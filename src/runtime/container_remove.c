/*
 * container_remove.c - a container is removed, and what killed processes left is swept.
 *
 * Theory of operation. Removing renames the record into ROOT/tmp first, which is the moment it is
 * gone for everybody; then the name goes, then the files. Whatever is left there when we are killed
 * is swept with the other leftovers of tmp. Nothing runs of a record that is removed: its lock is
 * held by who removes it, and what the holder before noted in it has been killed.
 *
 * The lock may be held although the record says that nothing runs: by a monitor that is just
 * starting or ending, or by somebody who looks or removes. While it is waited for, the record is
 * read again and again, since a start ends with a running container, which needs another answer.
 *
 * A sweep finds three things: names of nothing; locks that are free but not empty, whose holder was
 * killed; run folders without a record. Another --root may share our RUNROOT, and a run folder
 * tells not whose it is, so only one is removed that is empty or on whose socket nobody listens.
 * Groups are only ever removed by what a record of ours says.
 */
#include "runtime/container_parts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fdpass.h"
#include "base/fsutil.h"
#include "base/lock.h"
#include "base/str.h"
#include "base/userns.h"

#define END_WAIT_MS       10000 /* for a monitor that is just starting or ending */
#define LOOK_AGAIN_MS     20
#define UNSTARTED_WAIT_MS 1000 /* for one that was killed */
#define RUN_NAME_SIZE     (IDENT_SIZE + 16)
#define GONE_PREFIX       ".gone-" /* of a run folder that is being removed */

/* --- removing -------------------------------------------------------------------------- */

static const char *socket_name(const char *id, char buffer[RUN_NAME_SIZE])
{
    (void)snprintf(buffer, RUN_NAME_SIZE, "%s/socket", id);
    return buffer;
}

/* Empty or with a socket; nobody looks for it under this name. */
static void remove_gone_run_dir(const struct container_root *root, const char *name)
{
    char path[RUN_NAME_SIZE];

    (void)unlinkat(root->run_fd, socket_name(name, path), 0);
    (void)unlinkat(root->run_fd, name, AT_REMOVEDIR);
}

void container_remove_run_dir(const struct container_root *root, const char *id)
{
    char gone[RUN_NAME_SIZE];

    (void)snprintf(gone, sizeof(gone), GONE_PREFIX "%s", id);
    if (renameat(root->run_fd, id, root->run_fd, gone) == 0)
        remove_gone_run_dir(root, gone);
}

static void remove_name(const struct container_root *root, const char *name, const char *id)
{
    char target[IDENT_SIZE + 1] = "";

    if (readlinkat(root->names_fd, name, target, sizeof(target) - 1) > 0 && strcmp(target, id) == 0)
        (void)unlinkat(root->names_fd, name, 0);
}

struct name_search {
    const struct container_root *root;
    const char *id;
};

static int visit_name(int dir_fd, const char *name, unsigned char type, void *context,
                      struct mcpd_error *err)
{
    const struct name_search *search = context;

    (void)dir_fd;
    (void)type;
    (void)err;
    remove_name(search->root, name, search->id);
    return 0;
}

/* Of a record that cannot be read. */
static void remove_unknown_name(const struct container_root *root, const char *id)
{
    struct name_search search = {.root = root, .id = id};
    struct mcpd_error ignored;

    (void)!fs_visit_dir(root->names_fd, ".", visit_name, &search, &ignored);
}

int container_delete(const struct container_root *root, const char *id, const char *name, bool sync,
                     struct mcpd_error *err)
{
    int rc;

    if (renameat(root->containers_fd, id, root->tmp_fd, id) < 0)
        return errno == ENOENT ? 0 : error_errno(err, "remove container '%s'", id);
    if (name)
        remove_name(root, name, id);
    else
        remove_unknown_name(root, id);
    rc = sync ? fs_sync_dir(root->containers_fd, err) : 0;
    container_remove_run_dir(root, id);
    if (rc == 0)
        rc = userns_remove_tree(root->tmp_fd, id, err);
    return rc;
}

static int refuse_active(const char *id, const char *status, struct mcpd_error *err)
{
    return error_set(err, MCPD_E_STATE,
                     "cannot remove container %s as it is %s - running or paused containers "
                     "cannot be removed without force: container state improper",
                     id, status);
}

/* TIMEOUT: somebody else holds the lock. */
static int remove_locked(const struct container_root *root, const struct container *container,
                         int timeout_ms, struct mcpd_error *err)
{
    CLEANUP_FD int lock_fd = -1;
    int rc = container_lock(root, container->id, container->dir_fd, timeout_ms, &lock_fd, err);

    if (rc == -MCPD_E_NOT_FOUND) /* it removed itself at its end */
        return 0;
    if (rc < 0)
        return rc;
    container_kill_left(container->dir_fd, lock_fd);
    return container_delete(root, container->id, container->plan.name, !container->plan.auto_remove,
                            err);
}

int container_remove_within(const struct container_root *root, const struct container *container,
                            int timeout_ms, struct mcpd_error *err)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    struct container_state state;
    int rc;

    for (;;) {
        rc = remove_locked(root, container, LOOK_AGAIN_MS, err);
        if (rc != -MCPD_E_TIMEOUT)
            return rc;
        if (container_load_state(container->dir_fd, &state, NULL) == 0 &&
            container_is_active(state.status))
            return refuse_active(container->id, container_status_name(state.status), err);
        if (clock_monotonic_ms() >= deadline_ms)
            return rc;
    }
}

int container_remove(const struct container_root *root, const struct container *container,
                     struct mcpd_error *err)
{
    int rc;

    if (container_is_active(container->state.status))
        return refuse_active(container->id, container_status_name(container->state.status), err);
    rc = container_remove_within(root, container, END_WAIT_MS, err);
    return rc == -MCPD_E_TIMEOUT ? refuse_active(container->id, "starting", err) : rc;
}

void container_remove_unstarted(const struct container_root *root,
                                const struct container *container)
{
    (void)!remove_locked(root, container, UNSTARTED_WAIT_MS, NULL);
}

/* --- sweeping -------------------------------------------------------------------------- */

static int sweep_name(int dir_fd, const char *name, unsigned char type, void *context,
                      struct mcpd_error *err)
{
    const struct container_root *root = context;
    CLEANUP_FD int lock_fd = -1;
    char id[IDENT_SIZE];

    (void)type;
    if (container_read_name(root, name, id))
        return 0;
    if (container_lock_names(root, &lock_fd, err) == 0 && !container_read_name(root, name, id))
        (void)unlinkat(dir_fd, name, 0);
    return 0;
}

/* A start that was killed before the state said so: nobody else would look after it. */
static void sweep_unclean(const struct container_root *root, const struct container *container)
{
    CLEANUP_FD int lock_fd = -1;

    if (container_is_active(container->state.status) || /* settled by having been loaded */
        container_lock(root, container->id, container->dir_fd, 0, &lock_fd, NULL) < 0)
        return;
    container_kill_left(container->dir_fd, lock_fd);
    container_remove_run_dir(root, container->id);
    if (container->plan.auto_remove)
        (void)!container_delete(root, container->id, container->plan.name, false, NULL);
}

static int sweep_record(int dir_fd, const char *id, unsigned char type, void *context,
                        struct mcpd_error *err)
{
    const struct container_root *root = context;
    struct container container;
    char path[RUN_NAME_SIZE];
    bool is_held = false;
    struct stat st;
    int rc;

    (void)type;
    (void)err;
    (void)snprintf(path, sizeof(path), "%s/" CONTAINER_LOCK, id);
    if (!container_is_id(id) || fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        st.st_size == 0 || lock_is_held(dir_fd, path, &is_held, NULL) < 0 || is_held)
        return 0;
    rc = container_load(root, id, &container, NULL);
    if (rc == -MCPD_E_CORRUPT)
        rc = container_load_damaged(root, id, &container, NULL);
    if (rc < 0)
        return 0;
    sweep_unclean(root, &container);
    container_done(&container);
    return 0;
}

static bool somebody_listens(const struct container_root *root, const char *id)
{
    CLEANUP_FD int fd = -1;
    char path[RUN_NAME_SIZE];

    return fdpass_connect(root->run_fd, socket_name(id, path), &fd, NULL) != -MCPD_E_NOT_FOUND;
}

static int sweep_run_dir(int dir_fd, const char *id, unsigned char type, void *context,
                         struct mcpd_error *err)
{
    const struct container_root *root = context;

    (void)dir_fd;
    (void)type;
    (void)err;
    if (str_has_prefix(id, GONE_PREFIX))
        remove_gone_run_dir(root, id);
    if (!container_is_id(id) || fs_exists(root->containers_fd, id))
        return 0;
    /* An empty one goes at once: a monitor that was about to listen there makes it again. */
    if (unlinkat(root->run_fd, id, AT_REMOVEDIR) < 0 && !somebody_listens(root, id))
        container_remove_run_dir(root, id);
    return 0;
}

int container_sweep(const struct container_root *root, struct mcpd_error *err)
{
    struct container_root copy = *root;
    struct mcpd_error ignored;
    int rc = fs_visit_dir(root->names_fd, ".", sweep_name, &copy, &ignored);

    if (rc == 0)
        rc = fs_visit_dir(root->containers_fd, ".", sweep_record, &copy, &ignored);
    if (rc == 0)
        rc = fs_visit_dir(root->run_fd, ".", sweep_run_dir, &copy, &ignored);
    return rc < 0 ? error_copy(err, &ignored) : 0;
}
