/*
 * cgroup.c - one group per container on v2, v1 and hybrid hosts.
 *
 * Theory of operation. A host has up to one v2 hierarchy ("unified") and any number of v1
 * hierarchies; a controller lives in exactly one of them. For every limit of the plan the
 * controller is looked for in v1 first (where it is mounted it cannot be in v2), then in v2. A
 * group is made
 *   - in v2 wherever it is mounted, with or without limits: it is where the first process is born
 *     (CLONE_INTO_CGROUP), and what kills all at once;
 *   - in each v1 hierarchy with a limit, and in no other: every hierarchy costs.
 * Limits are written, and read back, before a process is in.
 *
 * Entering v1 groups: moving a process by its number makes the kernel wait for all forks and exits
 * of the machine (cgroup_threadgroup_rwsem, an RCU grace period: 10 ms). A thread that moves itself
 * by writing "0" into `tasks` is spared that since Linux 5.4, so the first process enters by
 * itself, through descriptors that were opened before it was made; being alone in its process it
 * leaves no thread behind.
 *
 * Where: root's groups are /mcpd/ID below the mount point. An ordinary user may own a part of the
 * v2 tree (delegation); then they are mcpd/ID below the parent of the group we are in, or below
 * that group itself, which can hand no controllers down as we are in it. In groups that we did not
 * make nothing is changed but that: the controllers of a limit are handed down from the top.
 *
 * /mcpd itself is made when missing and removed with the last container; another mcpd may remove it
 * between our two steps, so making is a loop.
 */
#include "runtime/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fsutil.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/cgroup_limits.h"

#define OUR_FOLDER        "mcpd"
#define MAKE_ATTEMPTS     16
#define REMOVE_TIMEOUT_MS 5000
#define KILL_ROUNDS       100
#define GROUP_FILE_MAX    ((size_t)4 * 1024 * 1024)
#define NESTING_MAX       32
#define LIMIT_NAMES_SIZE  64

static void sleep_us(long microseconds)
{
    struct timespec time = {.tv_nsec = microseconds * 1000};

    (void)nanosleep(&time, NULL);
}

/* --- making ---------------------------------------------------------------------------- */

/* One kind of limit that was asked for has no controller. */
static int refuse_limit(enum cgroup_controller controller, const char *why, struct mcpd_error *err)
{
    return error_set(err, MCPD_E_UNSUPPORTED, "the %s limit cannot be enforced: %s",
                     cgroup_controller_name(controller), why);
}

static const char *limit_option(enum cgroup_controller controller)
{
    static const char *const options[CGROUP_CONTROLLER_COUNT] = {
        [CGROUP_CONTROLLER_PIDS] = "--pids-limit",
        [CGROUP_CONTROLLER_MEMORY] = "--memory",
        [CGROUP_CONTROLLER_CPU] = "--cpus",
    };

    return options[controller];
}

/* "a", "a and b", "a, b and c": of the limits that were asked for. */
static void name_asked(const struct plan_limits *limits,
                       const char *(*name)(enum cgroup_controller), char *text, size_t size)
{
    static const char *const separators[] = {"", " and ", ", "};
    int left = 0;
    size_t length = 0;

    text[0] = '\0';
    for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
        left += cgroup_limits_is_asked(limits, (enum cgroup_controller)i);
    for (int i = 0; i < CGROUP_CONTROLLER_COUNT && length < size; i++) {
        if (!cgroup_limits_is_asked(limits, (enum cgroup_controller)i))
            continue;
        left--;
        length +=
            (size_t)snprintf(text + length, size - length, "%s%s", name((enum cgroup_controller)i),
                             separators[left < 2 ? left : 2]);
    }
}

/* An ordinary user without a group can have none of them, so all are named at once. */
static int refuse_all_limits(const struct plan_limits *limits, struct mcpd_error *err)
{
    char names[LIMIT_NAMES_SIZE];
    char options[LIMIT_NAMES_SIZE];

    name_asked(limits, cgroup_controller_name, names, sizeof(names));
    name_asked(limits, limit_option, options, sizeof(options));
    return error_set(err, MCPD_E_UNSUPPORTED,
                     "the %s limit%s cannot be enforced: no cgroup is delegated to this user; "
                     "leave %s out, or run as root",
                     names, strchr(names, ' ') ? "s" : "", options);
}

/* What an id leaves behind when everything of it was killed is empty and can go. */
static int make_group_once(int mount_fd, const char *path)
{
    if (mkdirat(mount_fd, path, 0755) == 0)
        return 0;
    if (errno == EEXIST && unlinkat(mount_fd, path, AT_REMOVEDIR) == 0)
        return mkdirat(mount_fd, path, 0755);
    return -errno;
}

static int make_parent(int mount_fd, const char *path)
{
    char parent[CGROUP_PATH_SIZE];
    const char *slash = strrchr(path, '/');

    (void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash ? slash - path : 0), path);
    return mkdirat(mount_fd, parent, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

/* Makes <mount>/<path>, of which the last two names are ours. */
static int make_group(const char *mount_point, const char *path, int *ret_fd,
                      struct mcpd_error *err)
{
    CLEANUP_FD int mount_fd = open(mount_point, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const char *relative = path + 1;
    int rc = -ENOENT;

    if (mount_fd < 0)
        return error_errno(err, "open '%s'", mount_point);
    for (int attempt = 0; rc == -ENOENT && attempt < MAKE_ATTEMPTS; attempt++) {
        rc = make_group_once(mount_fd, relative);
        if (rc == -ENOENT && make_parent(mount_fd, relative) < 0)
            break;
    }
    if (rc < 0)
        return error_errno(err, "make the cgroup '%s%s'", mount_point, path);
    *ret_fd = openat(mount_fd, relative, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *ret_fd < 0 ? error_errno(err, "open the cgroup '%s%s'", mount_point, path) : 0;
}

static int add_v1(const struct cgroup_layout *layout, enum cgroup_controller controller,
                  const struct plan_limits *limits, struct cgroup *cgroup, struct mcpd_error *err)
{
    CLEANUP_FD int dir_fd = -1;
    CLEANUP_FD int tasks_fd = -1;
    int rc = make_group(layout->v1[controller], cgroup->path, &dir_fd, err);
    size_t i = cgroup->v1_count;

    if (rc < 0)
        return rc;
    tasks_fd = openat(dir_fd, "tasks", O_WRONLY | O_CLOEXEC);
    if (tasks_fd < 0)
        return error_errno(err, "open 'tasks' of the cgroup");
    cgroup->v1[i].controller = cgroup_controller_name(controller);
    cgroup->v1[i].dir_fd = TAKE_FD(dir_fd); /* from here on removed with the rest */
    cgroup->v1[i].tasks_fd = TAKE_FD(tasks_fd);
    cgroup->v1_count++;
    return cgroup_limits_write_v1(cgroup->v1[i].dir_fd, controller, limits, err);
}

/* In v2 the controller must be handed down on the way: mount -> mcpd -> ID. */
static int limit_v2(const struct cgroup *cgroup, enum cgroup_controller controller,
                    const struct plan_limits *limits, struct mcpd_error *err)
{
    CLEANUP_FD int ours_fd = openat(cgroup->unified_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP_FD int top_fd = openat(ours_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc;

    if (ours_fd < 0 || top_fd < 0)
        return error_errno(err, "open the parents of the cgroup");
    if (!cgroup_limits_lists(top_fd, "cgroup.controllers", controller))
        return error_set(err, MCPD_E_UNSUPPORTED,
                         "no such controller there (a kernel without it, or cgroup_disable=%s)",
                         cgroup_controller_name(controller));
    rc = cgroup_limits_enable(top_fd, controller, err);
    if (rc == 0)
        rc = cgroup_limits_enable(ours_fd, controller, err);
    if (rc == 0)
        rc = cgroup_limits_write_v2(cgroup->unified_fd, controller, limits, err);
    return rc;
}

/* An ordinary user's limits can only be in v2. */
static bool limits_in_v1(const struct cgroup_layout *layout, enum cgroup_controller controller)
{
    return geteuid() == 0 && layout->v1[controller][0] != '\0';
}

static int add_limit(const struct cgroup_layout *layout, enum cgroup_controller controller,
                     const struct plan_limits *limits, struct cgroup *cgroup,
                     struct mcpd_error *err)
{
    struct mcpd_error why = {0};
    int rc;

    if (geteuid() != 0 && cgroup->unified_fd < 0 && cgroup_limits_is_asked(limits, controller))
        return refuse_all_limits(limits, err);
    if (limits_in_v1(layout, controller))
        rc = add_v1(layout, controller, limits, cgroup, &why);
    else if (cgroup->unified_fd >= 0)
        rc = limit_v2(cgroup, controller, limits, &why);
    else
        rc = error_set(&why, MCPD_E_UNSUPPORTED, "%s",
                       geteuid() == 0 ? "no cgroup hierarchy with this controller is mounted"
                                      : "no cgroup is delegated to this user");
    if (rc == 0)
        return 0;
    if (cgroup_limits_is_asked(limits, controller))
        return refuse_limit(controller, why.message, err);
    log_debug("cgroup", "no default %s limit: %s", cgroup_controller_name(controller), why.message);
    return 0;
}

/* May the user make groups there, and move processes that are in the group we are in? */
static bool is_delegated(const char *mount_point, const char *path)
{
    CLEANUP_FREE char *procs = str_format("%s%s/cgroup.procs", mount_point, path);
    CLEANUP_FREE char *folder = str_format("%s%s", mount_point, path);

    return procs && folder && access(procs, W_OK) == 0 && access(folder, W_OK) == 0;
}

/* Sets the path of the v2 group of an ordinary user; untouched when nothing is delegated. */
static void find_delegated(const struct cgroup_layout *layout, const char *id,
                           char path[CGROUP_PATH_SIZE])
{
    CLEANUP_FREE char *text = NULL;
    char own[CGROUP_PATH_SIZE];
    char parent[CGROUP_PATH_SIZE];
    const char *base = parent;
    int length;

    if (layout->unified[0] == '\0' ||
        fs_read_file(AT_FDCWD, "/proc/self/cgroup", GROUP_FILE_MAX, &text, NULL, NULL) < 0 ||
        !cgroup_layout_find_own(text, own) || own[0] != '/')
        return;
    if (own[1] == '\0') /* the top of what we can see */
        own[0] = '\0';
    (void)snprintf(parent, sizeof(parent), "%.*s", (int)(own[0] ? strrchr(own, '/') - own : 0),
                   own);
    if (!is_delegated(layout->unified, base))
        base = own;
    if (!is_delegated(layout->unified, base))
        return;
    length = snprintf(path, CGROUP_PATH_SIZE, "%s/" OUR_FOLDER "/%s", base, id);
    if (length < 0 || length >= CGROUP_PATH_SIZE)
        path[0] = '\0';
}

int cgroup_choose_path(const char *id, char path[CGROUP_PATH_SIZE], struct mcpd_error *err)
{
    struct cgroup_layout layout;
    int rc;

    path[0] = '\0';
    if (geteuid() == 0) {
        (void)snprintf(path, CGROUP_PATH_SIZE, "/" OUR_FOLDER "/%s", id);
        return 0;
    }
    rc = cgroup_layout_load(&layout, err);
    if (rc == 0)
        find_delegated(&layout, id, path);
    return rc;
}

/* The v2 group carries no limit by itself, so a host where it cannot be made is no failure. */
static void add_unified(const struct cgroup_layout *layout, struct cgroup *cgroup)
{
    struct mcpd_error why = {0};

    if (layout->unified[0] == '\0' || cgroup->path[0] == '\0')
        return;
    if (make_group(layout->unified, cgroup->path, &cgroup->unified_fd, &why) < 0)
        log_debug("cgroup", "%s", why.message);
}

/* Leaves what it made in *cgroup, also on failure. */
static int create_groups(const char *path, const struct plan_limits *limits, struct cgroup *cgroup,
                         struct mcpd_error *err)
{
    struct cgroup_layout layout;
    int rc = cgroup_layout_load(&layout, err);

    if (rc < 0)
        return rc;
    (void)snprintf(cgroup->path, sizeof(cgroup->path), "%s", path);
    add_unified(&layout, cgroup);
    for (int i = 0; rc == 0 && i < CGROUP_CONTROLLER_COUNT; i++)
        if (cgroup_limits_has(limits, (enum cgroup_controller)i))
            rc = add_limit(&layout, (enum cgroup_controller)i, limits, cgroup, err);
    if (cgroup->unified_fd < 0 && cgroup->v1_count == 0)
        cgroup->path[0] = '\0';
    return rc;
}

int cgroup_create(const char *path, const struct plan_limits *limits, struct cgroup *ret_cgroup,
                  struct mcpd_error *err)
{
    struct cgroup cgroup = CGROUP_NONE;
    int rc = create_groups(path, limits, &cgroup, err);

    if (rc < 0) {
        if (cgroup_remove(&cgroup, NULL) < 0)
            log_debug("cgroup", "the groups '%s' are still there", path);
        return rc;
    }
    *ret_cgroup = cgroup;
    return 0;
}

/* --- entering -------------------------------------------------------------------------- */

int cgroup_enter_self(const struct cgroup *cgroup, bool is_in_unified, struct mcpd_error *err)
{
    for (size_t i = 0; i < cgroup->v1_count; i++)
        if (write(cgroup->v1[i].tasks_fd, "0", 1) < 0)
            return error_errno(err, "enter the %s cgroup", cgroup->v1[i].controller);
    if (cgroup->unified_fd >= 0 && !is_in_unified)
        return cgroup_write(cgroup->unified_fd, "cgroup.procs", "0", err);
    return 0;
}

/* Absent is success, with *ret_fd left at -1. */
static int open_group(const char *mount_point, const char *path, int *ret_fd,
                      struct mcpd_error *err)
{
    CLEANUP_FREE char *full = NULL;

    if (mount_point[0] == '\0')
        return 0;
    full = str_format("%s%s", mount_point, path);
    if (!full)
        return error_no_memory(err, "path of a cgroup");
    *ret_fd = open(full, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*ret_fd < 0 && errno != ENOENT)
        return error_errno(err, "open '%s'", full);
    return 0;
}

static int open_v1(const struct cgroup_layout *layout, enum cgroup_controller controller,
                   struct cgroup *cgroup, struct mcpd_error *err)
{
    CLEANUP_FD int dir_fd = -1;
    CLEANUP_FD int tasks_fd = -1;
    int rc = open_group(layout->v1[controller], cgroup->path, &dir_fd, err);

    if (rc < 0 || dir_fd < 0)
        return rc;
    tasks_fd = openat(dir_fd, "tasks", O_WRONLY | O_CLOEXEC);
    if (tasks_fd < 0)
        return error_errno(err, "open 'tasks' of the cgroup");
    cgroup->v1[cgroup->v1_count].controller = cgroup_controller_name(controller);
    cgroup->v1[cgroup->v1_count].dir_fd = TAKE_FD(dir_fd);
    cgroup->v1[cgroup->v1_count].tasks_fd = TAKE_FD(tasks_fd);
    cgroup->v1_count++;
    return 0;
}

/* "/mcpd/HEX", whatever goes before: nothing else is ever entered, killed or removed. */
static bool is_ours(const char *path)
{
    const char *name = strrchr(path, '/');
    const size_t folder = sizeof("/" OUR_FOLDER) - 1;

    return path[0] == '/' && !strstr(path, "/../") && (size_t)(name - path) >= folder &&
           memcmp(name - folder, "/" OUR_FOLDER, folder) == 0 && name[1] != '\0' &&
           str_is_hex(name + 1, strlen(name + 1));
}

int cgroup_open(const char *path, struct cgroup *ret_cgroup, struct mcpd_error *err)
{
    CLEANUP(cgroup_close) struct cgroup cgroup = CGROUP_NONE;
    struct cgroup_layout layout;
    int rc = 0;

    if (path[0] != '\0') {
        if (!is_ours(path) || str_copy(cgroup.path, sizeof(cgroup.path), path) < 0)
            return error_set(err, MCPD_E_INVALID, "'%s' is no cgroup of ours", path);
        rc = cgroup_layout_load(&layout, err);
        if (rc == 0)
            rc = open_group(layout.unified, path, &cgroup.unified_fd, err);
        for (int i = 0; rc == 0 && i < CGROUP_CONTROLLER_COUNT; i++)
            rc = open_v1(&layout, (enum cgroup_controller)i, &cgroup, err);
    }
    if (rc < 0)
        return rc;
    *ret_cgroup = cgroup;
    cgroup = (struct cgroup)CGROUP_NONE;
    return 0;
}

void cgroup_close(struct cgroup *cgroup)
{
    cleanup_close_fd(&cgroup->unified_fd);
    for (size_t i = 0; i < cgroup->v1_count; i++) {
        cleanup_close_fd(&cgroup->v1[i].dir_fd);
        cleanup_close_fd(&cgroup->v1[i].tasks_fd);
    }
    *cgroup = (struct cgroup)CGROUP_NONE;
}

/* --- looking ----------------------------------------------------------------------------- */

static bool counts_oom_kill(int dir_fd, const char *file)
{
    CLEANUP_FREE char *text = NULL;
    CLEANUP_STRV char **lines = NULL;

    if (fs_read_file(dir_fd, file, GROUP_FILE_MAX, &text, NULL, NULL) < 0)
        return false;
    lines = strv_split(text, '\n');
    for (char **line = lines; line && *line; line++)
        if (str_has_prefix(*line, "oom_kill ") && strcmp(*line, "oom_kill 0") != 0)
            return true;
    return false;
}

bool cgroup_had_oom_kill(const struct cgroup *cgroup)
{
    for (size_t i = 0; i < cgroup->v1_count; i++)
        if (str_equal(cgroup->v1[i].controller, "memory"))
            return counts_oom_kill(cgroup->v1[i].dir_fd, "memory.oom_control");
    return cgroup->unified_fd >= 0 && counts_oom_kill(cgroup->unified_fd, "memory.events");
}

/* --- for info ------------------------------------------------------------------------------ */

const char *cgroup_version_name(void)
{
    struct cgroup_layout layout;

    if (cgroup_layout_load(&layout, NULL) < 0)
        return "";
    if (layout.has_v1)
        return "v1";
    return layout.unified[0] != '\0' ? "v2" : "";
}

/* Of the v2 hierarchy; none when it has none. */
static char **list_unified_controllers(const struct cgroup_layout *layout)
{
    CLEANUP_FREE char *path = str_format("%s/cgroup.controllers", layout->unified);
    CLEANUP_FREE char *text = NULL;

    if (!path || layout->unified[0] == '\0' ||
        fs_read_file(AT_FDCWD, path, GROUP_FILE_MAX, &text, NULL, NULL) < 0)
        return NULL;
    text[strcspn(text, "\n")] = '\0';
    return *text != '\0' ? strv_split(text, ' ') : NULL;
}

int cgroup_list_controllers(char ***ret_names, struct mcpd_error *err)
{
    CLEANUP_STRV char **unified = NULL;
    CLEANUP_STRV char **names = NULL;
    struct cgroup_layout layout;
    int rc = cgroup_layout_load(&layout, err);

    if (rc < 0)
        return rc;
    unified = list_unified_controllers(&layout);
    if (!layout.has_v1) {
        *ret_names = TAKE_PTR(unified);
        return 0;
    }
    for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++) {
        const char *name = cgroup_controller_name((enum cgroup_controller)i);
        bool is_there = limits_in_v1(&layout, (enum cgroup_controller)i) ||
                        (unified && strv_contains(unified, name));

        if (is_there && strv_append(&names, name) < 0)
            return error_no_memory(err, "list of controllers");
    }
    *ret_names = TAKE_PTR(names);
    return 0;
}

/* --- killing ------------------------------------------------------------------------------ */

/* The processes of the group, one number per line; NULL when there is none. */
static char **list_processes(int dir_fd)
{
    CLEANUP_FREE char *text = NULL;
    CLEANUP_STRV char **lines = NULL;

    if (fs_read_file(dir_fd, "cgroup.procs", GROUP_FILE_MAX, &text, NULL, NULL) < 0 ||
        text[0] == '\0')
        return NULL;
    lines = strv_split(text, '\n');
    return TAKE_PTR(lines);
}

/* A number that is listed after its pidfd was opened is that process, or the pidfd is of one that
 * has gone and the signal reaches nobody. */
static void kill_listed(int dir_fd, const char *number)
{
    CLEANUP_FD int pidfd = -1;
    CLEANUP_STRV char **again = NULL;
    uint32_t pid;

    if (str_to_u32(number, INT32_MAX, &pid) < 0 || pid == 0)
        return;
    pidfd = proc_pidfd_open((pid_t)pid);
    if (pidfd < 0 && errno != ENOSYS)
        return;
    again = list_processes(dir_fd);
    if (!again || !strv_contains(again, number))
        return;
    if (pidfd >= 0)
        (void)proc_pidfd_send_signal(pidfd, SIGKILL);
    else
        (void)kill((pid_t)pid, SIGKILL);
}

/* Until none is left, as they may fork while we read. */
static int kill_one_by_one(int dir_fd, struct mcpd_error *err)
{
    for (int round = 0; round < KILL_ROUNDS; round++) {
        CLEANUP_STRV char **numbers = list_processes(dir_fd);

        if (!numbers)
            return 0;
        for (char **number = numbers; *number; number++)
            kill_listed(dir_fd, *number);
        if (round > 0)
            sleep_us(1000);
    }
    return error_set(err, MCPD_E_TIMEOUT, "processes of the container cannot be killed");
}

int cgroup_kill_all(const struct cgroup *cgroup, struct mcpd_error *err)
{
    if (cgroup->unified_fd >= 0) {
        if (cgroup_write(cgroup->unified_fd, "cgroup.kill", "1", NULL) == 0) /* Linux 5.14 */
            return 0;
        return kill_one_by_one(cgroup->unified_fd, err);
    }
    return cgroup->v1_count > 0 ? kill_one_by_one(cgroup->v1[0].dir_fd, err) : 0;
}

/* --- removing ------------------------------------------------------------------------------ */

/* Groups that the container made in its own. */
static int remove_child(int dir_fd, const char *name, unsigned char type, void *context,
                        struct mcpd_error *err)
{
    int depth = *(const int *)context + 1;

    if (type != DT_DIR || unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || depth > NESTING_MAX)
        return 0;
    if (fs_visit_dir(dir_fd, name, remove_child, &depth, err) < 0)
        return 0;
    (void)unlinkat(dir_fd, name, AT_REMOVEDIR);
    return 0;
}

static void remove_children(int parent_fd, const char *name)
{
    int depth = 0;
    struct mcpd_error ignored;

    if (fs_visit_dir(parent_fd, name, remove_child, &depth, &ignored) < 0)
        log_debug("cgroup", "%s", ignored.message);
}

/* Waits while there are processes; a group that is gone is success. */
static int remove_group(int dir_fd, const char *name, struct mcpd_error *err)
{
    CLEANUP_FD int parent_fd = openat(dir_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    CLEANUP_FD int top_fd = -1;
    long wait_us = 100;
    long waited_us = 0;

    if (parent_fd < 0)
        return errno == ENOENT ? 0 : error_errno(err, "open the parent of the cgroup");
    while (unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT) {
        if (errno != EBUSY || waited_us > REMOVE_TIMEOUT_MS * 1000L)
            return error_errno(err, "remove the cgroup '%s'", name);
        remove_children(parent_fd, name);
        sleep_us(wait_us);
        waited_us += wait_us;
        wait_us = wait_us < 20000 ? wait_us * 2 : wait_us;
    }
    top_fd = openat(parent_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top_fd >= 0) /* stays while it has other containers */
        (void)unlinkat(top_fd, OUR_FOLDER, AT_REMOVEDIR);
    return 0;
}

int cgroup_remove(struct cgroup *cgroup, struct mcpd_error *err)
{
    const char *slash = strrchr(cgroup->path, '/');
    const char *name = slash ? slash + 1 : "";
    int rc = 0;

    if (cgroup->unified_fd >= 0)
        rc = remove_group(cgroup->unified_fd, name, err);
    for (size_t i = 0; i < cgroup->v1_count; i++) {
        int one = remove_group(cgroup->v1[i].dir_fd, name, rc == 0 ? err : NULL);

        rc = rc < 0 ? rc : one;
    }
    cgroup_close(cgroup);
    return rc;
}

int cgroup_destroy_path(const char *path, struct mcpd_error *err)
{
    struct cgroup cgroup = CGROUP_NONE;
    int rc = cgroup_open(path, &cgroup, err);

    if (rc == 0)
        rc = cgroup_kill_all(&cgroup, err);
    if (rc < 0) {
        cgroup_close(&cgroup);
        return rc;
    }
    return cgroup_remove(&cgroup, err);
}
