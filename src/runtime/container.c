/*
 * container.c - the record of a container: made, found, settled, removed.
 *
 * Theory of operation.
 * A record is one folder, ROOT/containers/ID. It is made complete under ROOT/tmp and renamed, so
 * it is there whole or not at all; then its name is made, a link that nobody can make twice. A
 * name that points to no record is left over from a crash between the two steps (of making or of
 * removing) and free; only replacing such a leftover needs a lock. Unless the container is thrown
 * away at its end, spec.json is synced before the rename and both folders after it.
 *
 * Whether it runs is asked of the kernel: the monitor holds a lock as long as it lives. state.json
 * says what was last known. The two can disagree in one way only: state.json says running and
 * nobody holds the lock. Then either a monitor is just starting or ending, or it was killed, or
 * the host was restarted. Who wants to know takes the lock and reads state.json again: holding the
 * lock, what it says is final. If it still says running, the monitor is lost: what it left is
 * killed, and the record says exited.
 *
 * Removing renames the record into ROOT/tmp first, which is the moment it is gone for everybody;
 * whatever is left there when we are killed is swept with the other leftovers of tmp.
 */
#include "runtime/container.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fsutil.h"
#include "base/jsonx.h"
#include "base/lock.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/userns.h"
#include "oci/storetmp.h"
#include "runtime/cgroup.h"

#define NAMES_LOCK     "names.lock" /* in RUNROOT/containers */
#define NAME_ATTEMPTS  32
#define END_WAIT_MS    10000 /* for a monitor that is just ending */
#define KILL_WAIT_MS   5000
#define EXIT_CODE_LOST 137
#define RUN_NAME_SIZE  (IDENT_SIZE + 16)

/* --- the folders -------------------------------------------------------------------------- */

/* Nearly always there, so opening is tried first. */
static int open_folder(int dir_fd, const char *name, int *ret_fd, struct mcpd_error *err)
{
    *ret_fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*ret_fd >= 0)
        return 0;
    if (errno != ENOENT)
        return error_errno(err, "open folder '%s'", name);
    return fs_make_dir(dir_fd, name, 0700, ret_fd, err);
}

static int open_run_folder(const char *runroot, int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FREE char *path = str_format("%s/containers", runroot);

    if (!path)
        return error_no_memory(err, "runroot");
    *ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_fd >= 0 ? 0 : fs_make_dirs(AT_FDCWD, path, 0700, ret_fd, err);
}

int container_root_open(const char *root, const char *runroot, struct container_root *ret_root,
                        struct mcpd_error *err)
{
    CLEANUP(container_root_done)
    struct container_root folders = {
        .root_fd = -1, .containers_fd = -1, .names_fd = -1, .tmp_fd = -1, .run_fd = -1};
    int rc;

    rc = fs_open_dir(AT_FDCWD, root, &folders.root_fd, err);
    if (rc == 0)
        rc = open_folder(folders.root_fd, "containers", &folders.containers_fd, err);
    if (rc == 0)
        rc = open_folder(folders.root_fd, "names", &folders.names_fd, err);
    if (rc == 0)
        rc = open_folder(folders.root_fd, "tmp", &folders.tmp_fd, err);
    if (rc == 0)
        rc = open_run_folder(runroot, &folders.run_fd, err);
    if (rc < 0)
        return rc;
    folders.root = root;
    folders.runroot = runroot;
    *ret_root = folders;
    folders = (struct container_root){
        .root_fd = -1, .containers_fd = -1, .names_fd = -1, .tmp_fd = -1, .run_fd = -1};
    return 0;
}

void container_root_done(struct container_root *root)
{
    int *fds[] = {&root->root_fd, &root->containers_fd, &root->names_fd, &root->tmp_fd,
                  &root->run_fd};

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        cleanup_close_fd(fds[i]);
        *fds[i] = -1;
    }
}

int container_open_run_dir(const struct container_root *root, const char *id, int *ret_fd,
                           struct mcpd_error *err)
{
    return open_folder(root->run_fd, id, ret_fd, err);
}

void container_done(struct container *container)
{
    cleanup_close_fd(&container->dir_fd);
    container->dir_fd = -1;
    plan_done(&container->plan);
}

/* --- names ----------------------------------------------------------------------------------- */

static bool is_id(const char *text)
{
    return strlen(text) == IDENT_SIZE - 1 && str_is_hex(text, IDENT_SIZE - 1);
}

/* The id a name points to; false when there is no such name or no such record. */
static bool read_name(const struct container_root *root, const char *name, char ret_id[IDENT_SIZE])
{
    char id[IDENT_SIZE + 1];
    ssize_t length = readlinkat(root->names_fd, name, id, sizeof(id) - 1);

    if (length != IDENT_SIZE - 1)
        return false;
    id[length] = '\0';
    if (!is_id(id) || !fs_exists(root->containers_fd, id))
        return false;
    memcpy(ret_id, id, IDENT_SIZE);
    return true;
}

static int name_is_taken(const char *name, const char *id, struct mcpd_error *err)
{
    return error_set(
        err, MCPD_E_CONFLICT,
        "creating container storage: the container name \"%s\" is already in use by %s. "
        "You have to remove that container to be able to reuse that name: that name is "
        "already in use",
        name, id);
}

int container_check_name(const struct container_root *root, const char *name,
                         struct mcpd_error *err)
{
    char id[IDENT_SIZE];

    return ident_is_valid_name(name) && read_name(root, name, id) ? name_is_taken(name, id, err)
                                                                  : 0;
}

/* The name exists but points to nothing. Two who find that at once must not both win. */
static int replace_dead_name(const struct container_root *root, const char *name, const char *id,
                             struct mcpd_error *err)
{
    CLEANUP_FD int lock_fd = -1;
    char other[IDENT_SIZE];
    int rc = lock_take(root->run_fd, NAMES_LOCK, LOCK_KIND_EXCLUSIVE, -1, &lock_fd, err);

    if (rc < 0)
        return rc;
    if (read_name(root, name, other))
        return name_is_taken(name, other, err);
    rc = fs_unlink_if_exists(root->names_fd, name, err);
    if (rc < 0)
        return rc;
    if (symlinkat(id, root->names_fd, name) == 0)
        return 0;
    return errno == EEXIST ? name_is_taken(name, "another one", err)
                           : error_errno(err, "make name '%s'", name);
}

static int make_name(const struct container_root *root, const char *name, const char *id,
                     struct mcpd_error *err)
{
    char other[IDENT_SIZE];

    if (symlinkat(id, root->names_fd, name) == 0)
        return 0;
    if (errno != EEXIST)
        return error_errno(err, "make name '%s'", name);
    if (read_name(root, name, other))
        return name_is_taken(name, other, err);
    return replace_dead_name(root, name, id, err);
}

/* --- making ------------------------------------------------------------------------------------
 */

/* The folder is nobody's yet, so the file needs no name of its own first. */
static int write_spec(int dir_fd, const struct plan *plan, bool sync, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *json = plan_to_json(plan);
    CLEANUP_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    CLEANUP_FD int fd = -1;
    int rc;

    if (!text)
        return error_no_memory(err, "spec.json");
    fd = openat(dir_fd, "spec.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(err, "create 'spec.json'");
    rc = fs_write_all(fd, text, strlen(text), "spec.json", err);
    if (rc == 0 && sync && fsync(fd) < 0)
        return error_errno(err, "sync 'spec.json'");
    return rc;
}

/* upper/ and work/ are made with the first start (rootfs.c). */
static int fill_record(int dir_fd, const struct plan *plan, bool sync, struct mcpd_error *err)
{
    int rc = write_spec(dir_fd, plan, sync, err);

    return rc == 0 && sync ? fs_sync_dir(dir_fd, err) : rc;
}

/* Gives the finished record its place, then its name. */
static int publish(const struct container_root *root, const struct storetmp *tmp,
                   const struct plan *plan, bool sync, struct mcpd_error *err)
{
    int rc;

    if (renameat(root->tmp_fd, tmp->name, root->containers_fd, plan->id) < 0)
        return error_errno(err, "rename a container into place");
    rc = make_name(root, plan->name, plan->id, err);
    if (rc < 0) {
        (void)renameat(root->containers_fd, plan->id, root->tmp_fd, tmp->name);
        return rc;
    }
    rc = sync ? fs_sync_dir(root->containers_fd, err) : 0;
    if (rc == 0 && sync)
        rc = fs_sync_dir(root->names_fd, err);
    return rc;
}

static int create_named(const struct container_root *root, const struct plan *plan,
                        struct mcpd_error *err)
{
    /* storetmp knows stores; all it wants of one is the folder. */
    const struct store store = {.tmp_fd = root->tmp_fd};
    CLEANUP_STORETMP struct storetmp tmp = STORETMP_NONE;
    bool sync = !plan->auto_remove;
    int rc = storetmp_create(&store, "container", &tmp, err);

    if (rc == 0)
        rc = fill_record(tmp.dir_fd, plan, sync, err);
    return rc < 0 ? rc : publish(root, &tmp, plan, sync, err);
}

static int create_unnamed(const struct container_root *root, struct plan *plan,
                          struct mcpd_error *err)
{
    int rc = -MCPD_E_CONFLICT;

    for (unsigned int attempt = 0; attempt < NAME_ATTEMPTS && rc == -MCPD_E_CONFLICT; attempt++) {
        char name[64];
        char other[IDENT_SIZE];

        ident_random_name(plan->id, attempt, name, sizeof(name));
        if (read_name(root, name, other))
            continue;
        free(plan->name);
        plan->name = strdup(name);
        if (!plan->name)
            return error_no_memory(err, "name");
        rc = create_named(root, plan, err);
    }
    return plan->name ? rc : error_set(err, MCPD_E_CONFLICT, "found no free name");
}

int container_create(const struct container_root *root, struct plan *plan, struct mcpd_error *err)
{
    int rc;

    if (!plan->name)
        return create_unnamed(root, plan, err);
    rc = container_check_name(root, plan->name, err);
    return rc < 0 ? rc : create_named(root, plan, err);
}

/* --- finding ------------------------------------------------------------------------------------
 */

struct prefix_search {
    const char *prefix;
    size_t found;
    char id[IDENT_SIZE];
};

static int match_prefix(int dir_fd, const char *name, unsigned char type, void *context,
                        struct mcpd_error *err)
{
    struct prefix_search *search = context;

    (void)dir_fd;
    (void)type;
    (void)err;
    if (is_id(name) && str_has_prefix(name, search->prefix)) {
        search->found++;
        memcpy(search->id, name, IDENT_SIZE);
    }
    return 0;
}

static int find_prefix(const struct container_root *root, const char *text, char ret_id[IDENT_SIZE],
                       struct mcpd_error *err)
{
    struct prefix_search search = {.prefix = text};
    int rc = fs_visit_dir(root->containers_fd, ".", match_prefix, &search, err);

    if (rc < 0)
        return rc;
    if (search.found > 1)
        return error_set(err, MCPD_E_INVALID, "more than one result for container name or ID %s",
                         text);
    if (search.found == 0)
        return -MCPD_E_NOT_FOUND;
    memcpy(ret_id, search.id, IDENT_SIZE);
    return 0;
}

int container_find(const struct container_root *root, const char *name_or_id,
                   char ret_id[IDENT_SIZE], struct mcpd_error *err)
{
    int rc = -MCPD_E_NOT_FOUND;

    if (ident_is_valid_name(name_or_id) && read_name(root, name_or_id, ret_id))
        return 0;
    if (is_id(name_or_id) && fs_exists(root->containers_fd, name_or_id)) {
        memcpy(ret_id, name_or_id, IDENT_SIZE);
        return 0;
    }
    if (str_is_hex(name_or_id, strlen(name_or_id)))
        rc = find_prefix(root, name_or_id, ret_id, err);
    if (rc == -MCPD_E_NOT_FOUND)
        return error_set(err, MCPD_E_NOT_FOUND,
                         "no container with name or ID \"%s\" found: no such container",
                         name_or_id);
    return rc;
}

/* --- the truth
 * ------------------------------------------------------------------------------------ */

/* Still the process that was started, and not another with its number? The pidfd pins whoever has
 * the number now; after that its start time and namespace can be asked for without a race. */
static bool is_our_init(const struct container_run *run)
{
    unsigned long long ticks;
    char path[48];
    char theirs[64] = "";
    char ours[64] = "";

    if (proc_start_time(run->init_pid, &ticks, NULL) < 0 || ticks != run->init_start_ticks)
        return false;
    (void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)run->init_pid);
    return readlink(path, theirs, sizeof(theirs) - 1) > 0 &&
           readlink("/proc/self/ns/pid", ours, sizeof(ours) - 1) > 0 && strcmp(theirs, ours) != 0;
}

static void kill_process(const struct container_run *run)
{
    CLEANUP_FD int pidfd = run->init_pid > 0 ? proc_pidfd_open(run->init_pid) : -1;

    if (pidfd >= 0 && is_our_init(run)) {
        struct pollfd end = {.fd = pidfd, .events = POLLIN};

        (void)proc_pidfd_send_signal(pidfd, SIGKILL);
        (void)poll(&end, 1, KILL_WAIT_MS);
    }
}

/* Of a monitor that was killed. One that had no time to write run.json may have made groups: root's
 * have a place that follows from the id (cgroup.c). If they stay, only space is lost. */
static void kill_leftovers(const char *id, int run_dir_fd)
{
    struct container_run run = {0};
    char boot_id[sizeof(run.boot_id)];

    container_boot_id(boot_id);
    if (container_load_run(run_dir_fd, &run, NULL) < 0) {
        (void)snprintf(run.cgroup_path, sizeof(run.cgroup_path), "/mcpd/%s", id);
        (void)snprintf(run.boot_id, sizeof(run.boot_id), "%s", boot_id);
    }
    if (strcmp(boot_id, run.boot_id) != 0)
        return;
    kill_process(&run);
    if (run.cgroup_path[0] != '\0')
        (void)!cgroup_destroy_path(run.cgroup_path, NULL);
}

/* The caller holds the lock, so no monitor lives or can start. */
static int settle_lost(const struct container_root *root, struct container *container,
                       int run_dir_fd, struct mcpd_error *err)
{
    struct container_state *state = &container->state;

    kill_leftovers(container->id, run_dir_fd);
    (void)unlinkat(run_dir_fd, "run.json", 0);
    (void)unlinkat(run_dir_fd, "socket", 0);
    if (container->plan.auto_remove) {
        (void)!container_delete(root, container->id, container->plan.name, false, NULL);
        return error_set(err, MCPD_E_NOT_FOUND,
                         "no container with name or ID \"%s\" found: no such container",
                         container->id);
    }
    state->status = CONTAINER_STATUS_EXITED;
    state->exit_code = EXIT_CODE_LOST;
    state->finished_unix_ns = clock_unix_ns();
    (void)snprintf(state->error, sizeof(state->error), "monitor lost");
    /* On a full or read-only disk the answer is still right, and found again next time. */
    (void)!container_save_state(container->dir_fd, state, false, NULL);
    return 0;
}

static int settle(const struct container_root *root, struct container *container,
                  struct mcpd_error *err)
{
    CLEANUP_FD int run_dir_fd = -1;
    CLEANUP_FD int lock_fd = -1;
    bool is_held;
    int rc;

    if (!container_is_active(container->state.status))
        return 0;
    rc = container_open_run_dir(root, container->id, &run_dir_fd, err);
    if (rc == 0)
        rc = lock_is_held(run_dir_fd, "lock", &is_held, err);
    if (rc == 0 && !is_held)
        rc = lock_take(run_dir_fd, "lock", LOCK_KIND_EXCLUSIVE, 0, &lock_fd, err);
    if (rc == -MCPD_E_TIMEOUT)
        is_held = true;
    else if (rc < 0)
        return rc;
    if (is_held) {
        (void)!container_load_run(run_dir_fd, &container->run, NULL);
        return 0;
    }
    rc = container_load_state(container->dir_fd, &container->state, err);
    if (rc < 0 || !container_is_active(container->state.status))
        return rc;
    return settle_lost(root, container, run_dir_fd, err);
}

static int load(const struct container_root *root, struct container *container,
                struct mcpd_error *err)
{
    int rc;

    container->dir_fd =
        openat(root->containers_fd, container->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (container->dir_fd < 0 && errno == ENOENT)
        return error_set(err, MCPD_E_NOT_FOUND,
                         "no container with name or ID \"%s\" found: no such container",
                         container->id);
    if (container->dir_fd < 0)
        return error_errno(err, "open container '%s'", container->id);
    rc = container_load_plan(container->dir_fd, &container->plan, err);
    /* Both files are read without a lock: the record may be removed at any moment. */
    if (rc < 0 && !fs_exists(root->containers_fd, container->id))
        return error_set(err, MCPD_E_NOT_FOUND,
                         "no container with name or ID \"%s\" found: no such container",
                         container->id);
    if (rc < 0)
        return error_set(err, MCPD_E_CORRUPT, "container %s is damaged (mcpd rm -f removes it)",
                         container->id);
    rc = container_load_state(container->dir_fd, &container->state, err);
    return rc < 0 ? rc : settle(root, container, err);
}

int container_load(const struct container_root *root, const char *id,
                   struct container *ret_container, struct mcpd_error *err)
{
    struct container container = {.dir_fd = -1};
    int rc = str_copy(container.id, sizeof(container.id), id);

    plan_init(&container.plan);
    rc = rc < 0 ? error_set(err, MCPD_E_INVALID, "'%s' is not an id", id)
                : load(root, &container, err);
    if (rc < 0) {
        container_done(&container);
        return rc;
    }
    *ret_container = container;
    return 0;
}

/* --- removing -----------------------------------------------------------------------------------
 */

static void remove_run_dir(const struct container_root *root, const char *id)
{
    static const char files[][10] = {"run.json", "socket", "lock"};

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        char path[RUN_NAME_SIZE];

        (void)snprintf(path, sizeof(path), "%s/%s", id, files[i]);
        (void)unlinkat(root->run_fd, path, 0);
    }
    (void)unlinkat(root->run_fd, id, AT_REMOVEDIR);
}

static void remove_name(const struct container_root *root, const char *name, const char *id)
{
    char target[IDENT_SIZE + 1] = "";

    if (readlinkat(root->names_fd, name, target, sizeof(target) - 1) > 0 && strcmp(target, id) == 0)
        (void)unlinkat(root->names_fd, name, 0);
}

int container_delete(const struct container_root *root, const char *id, const char *name, bool sync,
                     struct mcpd_error *err)
{
    int rc;

    if (renameat(root->containers_fd, id, root->tmp_fd, id) < 0)
        return errno == ENOENT ? 0 : error_errno(err, "remove container '%s'", id);
    if (name)
        remove_name(root, name, id);
    rc = sync ? fs_sync_dir(root->containers_fd, err) : 0;
    remove_run_dir(root, id);
    if (rc == 0)
        rc = userns_remove_tree(root->tmp_fd, id, err);
    return rc;
}

int container_remove(const struct container_root *root, const struct container *container,
                     struct mcpd_error *err)
{
    CLEANUP_FD int run_dir_fd = -1;
    CLEANUP_FD int lock_fd = -1;
    int rc;

    if (container_is_active(container->state.status))
        return error_set(err, MCPD_E_STATE,
                         "cannot remove container %s as it is %s - running or paused containers "
                         "cannot be removed without force: container state improper",
                         container->id, container_status_name(container->state.status));
    rc = container_open_run_dir(root, container->id, &run_dir_fd, err);
    if (rc == 0)
        rc = lock_take(run_dir_fd, "lock", LOCK_KIND_EXCLUSIVE, END_WAIT_MS, &lock_fd, err);
    if (rc == -MCPD_E_TIMEOUT)
        return error_set(err, MCPD_E_STATE,
                         "cannot remove container %s as it is running - running or paused "
                         "containers cannot be removed without force: container state improper",
                         container->id);
    if (rc < 0 && rc != -MCPD_E_NOT_FOUND) /* NOT_FOUND: it removed itself at its end */
        return rc;
    if (rc == 0 && container->state.status == CONTAINER_STATUS_CREATED)
        kill_leftovers(container->id, run_dir_fd); /* of a start that was killed */
    return container_delete(root, container->id, container->plan.name, !container->plan.auto_remove,
                            err);
}

/* --- sweeping
 * ------------------------------------------------------------------------------------- */

static int sweep_name(int dir_fd, const char *name, unsigned char type, void *context,
                      struct mcpd_error *err)
{
    const struct container_root *root = context;
    CLEANUP_FD int lock_fd = -1;
    char id[IDENT_SIZE];

    (void)type;
    if (read_name(root, name, id))
        return 0;
    if (lock_take(root->run_fd, NAMES_LOCK, LOCK_KIND_EXCLUSIVE, -1, &lock_fd, err) == 0 &&
        !read_name(root, name, id))
        (void)unlinkat(dir_fd, name, 0);
    return 0;
}

static int sweep_run_dir(int dir_fd, const char *id, unsigned char type, void *context,
                         struct mcpd_error *err)
{
    const struct container_root *root = context;
    CLEANUP_FD int run_dir_fd = -1;
    CLEANUP_FD int lock_fd = -1;

    (void)dir_fd;
    (void)type;
    if (!is_id(id) || fs_exists(root->containers_fd, id) ||
        fs_open_dir(root->run_fd, id, &run_dir_fd, err) < 0 ||
        lock_take(run_dir_fd, "lock", LOCK_KIND_EXCLUSIVE, 0, &lock_fd, err) < 0)
        return 0;
    kill_leftovers(id, run_dir_fd);
    remove_run_dir(root, id);
    return 0;
}

int container_sweep(const struct container_root *root, struct mcpd_error *err)
{
    struct container_root copy = *root;
    struct mcpd_error ignored;
    int rc = fs_visit_dir(root->names_fd, ".", sweep_name, &copy, &ignored);

    if (rc == 0)
        rc = fs_visit_dir(root->run_fd, ".", sweep_run_dir, &copy, &ignored);
    return rc < 0 ? error_copy(err, &ignored) : 0;
}
