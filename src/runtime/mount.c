/*
 * mount.c - carries out the list of mounts of a plan inside the new root.
 *
 * Theory of operation. The new root is mounted but not yet entered: the process still sees the
 * host, whose paths are followed as the host has them, and reaches the container's through
 * saferoot, where every link of the image stays inside. Each step is "open the place, making it
 * when missing; make or copy the mount; attach it to that descriptor", so nothing that the image
 * prepared can redirect it; and as no process of the container runs yet, nothing changes under us.
 *
 * The sources of bind mounts are copied before anything else, because "shared" means shared with
 * the host, and init.c cuts all propagation right after.
 *
 * In a user namespace some file systems cannot be mounted together with a namespace of the host
 * (proc, sysfs, mqueue): then the host's own mount is shown, which is what podman does. All mounts
 * that came from the host are locked there: flags can be added to them, never taken away.
 */
#include "runtime/mount.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fsutil.h"
#include "base/path.h"
#include "base/saferoot.h"
#include "base/str.h"
#include "runtime/copytree.h"
#include "runtime/devices.h"
#include "runtime/hostdevices.h"
#include "runtime/hostfiles.h"
#include "runtime/mask.h"
#include "runtime/user.h"

#define LINKS_MAX        40
#define LINK_TARGET_SIZE 4096
#define KERNEL_FS_FLAGS  (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define DEVPTS_OPTIONS   "newinstance,ptmxmode=0666,mode=0620"
#define TTY_GROUP        ",gid=5"

/* What the list of mounts leaves for the masks and for the process; -1: the plan has no such mount.
 * Taken as soon as it is there, before anything can be mounted over it. */
struct landmarks {
    int proc_fd, sys_fd; /* roots */
    int null_fd;         /* of the container's own /dev, for reading and writing */
};

static void landmarks_done(struct landmarks *landmarks)
{
    cleanup_close_fd(&landmarks->proc_fd);
    cleanup_close_fd(&landmarks->sys_fd);
    cleanup_close_fd(&landmarks->null_fd);
}

/* --- sources --------------------------------------------------------------------------------- */

/* What was one when the container was made may have given way to a folder of secrets. */
static bool is_device(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));
}

static int open_source(const struct plan_mount *mount, struct mountapi_source *source,
                       struct mcpd_error *err)
{
    int rc = mountapi_open_source(AT_FDCWD, mount->source, mount->recursive, source, err);

    if (rc == -MCPD_E_NOT_FOUND)
        return error_set(err, MCPD_E_NOT_FOUND, "statfs %s: no such file or directory",
                         mount->source);
    if (rc == 0 && mount->is_device && !is_device(source->fd))
        return error_set(err, MCPD_E_INVALID, "%s is not a valid device: not a device node",
                         mount->source);
    return rc;
}

int mount_open_sources(const struct plan *plan, struct mount_sources *sources,
                       struct mcpd_error *err)
{
    int rc = 0;

    sources->sources = calloc(plan->mount_count + 1, sizeof(*sources->sources));
    if (!sources->sources)
        return error_no_memory(err, "sources of mounts");
    for (; sources->count < plan->mount_count; sources->count++)
        sources->sources[sources->count] = (struct mountapi_source)MOUNTAPI_SOURCE_NONE;
    for (size_t i = 0; rc == 0 && i < plan->mount_count; i++)
        if (plan->mounts[i].kind == PLAN_MOUNT_BIND)
            rc = open_source(&plan->mounts[i], &sources->sources[i], err);
    return rc;
}

void mount_sources_done(struct mount_sources *sources)
{
    for (size_t i = 0; i < sources->count; i++)
        mountapi_source_done(&sources->sources[i]);
    free(sources->sources);
    *sources = (struct mount_sources){0};
}

/* --- places ------------------------------------------------------------------------------------
 */

/* The path that a link in the folder of `path` leads to; NULL when `name` is no link. */
static char *follow_link(int parent_fd, const char *name, const char *path)
{
    char target[LINK_TARGET_SIZE];
    ssize_t length = readlinkat(parent_fd, name, target, sizeof(target) - 1);
    const char *slash = strrchr(path, '/');

    if (length <= 0)
        return NULL;
    target[length] = '\0';
    if (target[0] == '/')
        return strdup(target);
    return str_format("%.*s/%s", (int)(slash ? slash - path : 0), path, target);
}

/* An empty file, also where links lead to one that is not there yet. */
static int make_file(int root_fd, const char *path, struct mcpd_error *err)
{
    CLEANUP_FREE char *current = strdup(path);

    for (int links = 0; current && links < LINKS_MAX; links++) {
        char name[256];
        CLEANUP_FD int parent_fd = saferoot_open_parent(root_fd, current, 0755, name, err);
        char *next;
        int fd;

        if (parent_fd < 0)
            return parent_fd;
        fd = openat(parent_fd, name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd >= 0)
            return fd;
        if (errno != EEXIST)
            return error_errno(err, "make the file '%s'", path);
        next = follow_link(parent_fd, name, current);
        if (!next)
            return error_set(err, MCPD_E_CONFLICT, "'%s' cannot be mounted over", path);
        free(current);
        current = next;
    }
    return current ? error_set(err, MCPD_E_INVALID, "too many links: '%s'", path)
                   : error_no_memory(err, path);
}

/* Opens the place of a mount, made as a folder or a file when missing. */
static int open_place(int root_fd, const char *path, bool is_dir, struct mcpd_error *err)
{
    int fd = saferoot_open(root_fd, path, O_PATH, 0, err);

    if (fd >= 0 || errno != ENOENT)
        return fd;
    return is_dir ? saferoot_make_dirs(root_fd, path, 0755, err) : make_file(root_fd, path, err);
}

/* A link of the image in the place of /proc, /sys or /dev would put that file system where what
 * must not be seen or changed in it is not looked for. */
static int require_plain_place(int root_fd, const char *path, struct mcpd_error *err)
{
    struct mcpd_error ignored;
    CLEANUP_FD int fd = saferoot_open(root_fd, path, O_PATH | O_NOFOLLOW, 0, &ignored);
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_errno(err, "open '%s' of the image", path);
    if (!S_ISDIR(st.st_mode))
        return error_set(err, MCPD_E_INVALID, "'%s' of the image is not a plain folder", path);
    return 0;
}

/* --- one mount -----------------------------------------------------------------------------------
 */

static unsigned int attributes_of(const struct plan_mount *mount)
{
    return (mount->read_only ? (unsigned int)MOUNT_ATTR_RDONLY : 0) |
           (mount->no_suid ? (unsigned int)MOUNT_ATTR_NOSUID : 0) |
           (mount->no_dev ? (unsigned int)MOUNT_ATTR_NODEV : 0) |
           (mount->no_exec ? (unsigned int)MOUNT_ATTR_NOEXEC : 0);
}

static int bind_source(const struct mount_request *request, const struct mountapi_source *source,
                       const char *destination, unsigned int attributes, unsigned int propagation,
                       struct mcpd_error *err)
{
    CLEANUP_FD int fd = -1;
    struct mountapi_target target = {.root_fd = request->root_fd, .path = destination};
    struct stat st;
    struct stat place;

    if (fstat(source->fd, &st) < 0)
        return error_errno(err, "stat the source of '%s'", destination);
    fd = open_place(request->root_fd, destination, S_ISDIR(st.st_mode), err);
    if (fd < 0)
        return fd;
    target.fd = fd;
    if (fstat(fd, &place) < 0)
        return error_errno(err, "stat '%s'", destination);
    if (S_ISDIR(st.st_mode) != S_ISDIR(place.st_mode))
        return error_set(err, MCPD_E_INVALID,
                         "mount on '%s': not a directory: only one of source and destination is a "
                         "folder",
                         destination);
    return mountapi_bind(source, &target, attributes, propagation ? propagation : MS_PRIVATE, err);
}

/* What is at (dir_fd, path) of the host. */
static int bind_path(const struct mount_request *request, int dir_fd, const char *path,
                     bool recursive, const char *destination, unsigned int attributes,
                     struct mcpd_error *err)
{
    CLEANUP(mountapi_source_done) struct mountapi_source source = MOUNTAPI_SOURCE_NONE;
    int rc = mountapi_open_source(dir_fd, path, recursive, &source, err);

    return rc < 0 ? rc : bind_source(request, &source, destination, attributes, 0, err);
}

static int mount_new(const struct mount_request *request, const char *type, const char *options,
                     const char *destination, unsigned int attributes, struct mcpd_error *err)
{
    CLEANUP_FD int fd = open_place(request->root_fd, destination, true, err);
    struct mountapi_target target = {.root_fd = request->root_fd, .path = destination, .fd = fd};

    return fd < 0 ? fd : mountapi_new(&target, type, options, attributes, err);
}

/* A kernel file system that belongs to a namespace: a new one, or the host's where the namespace is
 * the host's and we are not its owner. */
struct kernel_mount {
    const char *type;
    const char *host_path;
    bool is_host_namespace;
    long magic; /* of a landmark: statfs(2) */
};

static int mount_kernel(const struct mount_request *request, const struct plan_mount *mount,
                        const struct kernel_mount *kernel, struct mcpd_error *err)
{
    if (request->in_userns && kernel->is_host_namespace)
        return bind_path(request, AT_FDCWD, kernel->host_path, true, mount->destination,
                         attributes_of(mount), err);
    return mount_new(request, kernel->type, NULL, mount->destination, attributes_of(mount), err);
}

/* The same, and a descriptor of its root. */
static int mount_landmark(const struct mount_request *request, const struct plan_mount *mount,
                          const struct kernel_mount *kernel, int *ret_root_fd,
                          struct mcpd_error *err)
{
    CLEANUP_FD int fd = -1;
    struct statfs fs;
    int rc = require_plain_place(request->root_fd, mount->destination, err);

    if (rc == 0)
        rc = mount_kernel(request, mount, kernel, err);
    if (rc < 0)
        return rc;
    fd = saferoot_open(request->root_fd, mount->destination, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0,
                       err);
    if (fd < 0)
        return fd;
    if (fstatfs(fd, &fs) < 0)
        return error_errno(err, "statfs '%s'", mount->destination);
    if (fs.f_type != kernel->magic)
        return error_set(err, MCPD_E_INTERNAL, "'%s' is not the %s that was mounted there",
                         mount->destination, kernel->type);
    *ret_root_fd = TAKE_FD(fd);
    return 0;
}

static int mount_devpts(const struct mount_request *request, const struct plan_mount *mount,
                        struct mcpd_error *err)
{
    const char *options = mount->data ? mount->data : DEVPTS_OPTIONS TTY_GROUP;
    struct mcpd_error first = {0};
    int rc =
        mount_new(request, "devpts", options, mount->destination, attributes_of(mount), &first);

    if (rc < 0 && request->in_userns) /* group 5 may have no number in the namespace */
        return mount_new(request, "devpts", DEVPTS_OPTIONS, mount->destination,
                         attributes_of(mount), err);
    return rc < 0 ? error_copy(err, &first) : 0;
}

static int mount_dev(const struct mount_request *request, const struct plan_mount *mount,
                     int *ret_null_fd, struct mcpd_error *err)
{
    unsigned int attributes = attributes_of(mount);
    unsigned int until_filled = attributes & ~(unsigned int)MOUNT_ATTR_RDONLY;
    CLEANUP_FD int dev_fd = -1;
    int rc = require_plain_place(request->root_fd, mount->destination, err);

    if (rc == 0)
        rc = mount_new(request, "tmpfs", mount->data ? mount->data : "mode=755,size=65536k",
                       mount->destination, until_filled, err);

    if (rc < 0)
        return rc;
    dev_fd = saferoot_open(request->root_fd, mount->destination, O_RDONLY | O_DIRECTORY, 0, err);
    if (dev_fd < 0)
        return dev_fd;
    rc = devices_fill(request->root_fd, dev_fd, request->in_userns, err);
    if (rc == 0 && request->plan->privileged)
        rc = hostdevices_add(request->root_fd, dev_fd, request->in_userns, err);
    if (rc == 0 && attributes != until_filled)
        rc = mountapi_restrict(request->root_fd, mount->destination, attributes, err);
    if (rc < 0)
        return rc;
    *ret_null_fd = devices_open_null(dev_fd, "null", err);
    return *ret_null_fd < 0 ? *ret_null_fd : 0;
}

/* Like other runtimes: a folder of the image gives mode and owner, unless others are asked for. */
static int mount_tmpfs(const struct mount_request *request, const struct plan_mount *mount,
                       struct mcpd_error *err)
{
    struct mcpd_error ignored;
    unsigned int attributes = attributes_of(mount);
    unsigned int until_filled =
        mount->copy_up ? attributes & ~(unsigned int)MOUNT_ATTR_RDONLY : attributes;
    CLEANUP_FD int image_fd =
        saferoot_open(request->root_fd, mount->destination, O_RDONLY | O_DIRECTORY, 0, &ignored);
    CLEANUP_FD int mount_fd = -1;
    CLEANUP_FREE char *options = NULL;
    struct stat st;
    int rc;

    if (image_fd < 0 || fstat(image_fd, &st) < 0)
        return mount_new(request, "tmpfs", mount->data, mount->destination, attributes, err);
    options = str_format("mode=%04o,uid=%u,gid=%u,%s", st.st_mode & 07777, st.st_uid, st.st_gid,
                         mount->data ? mount->data : "");
    if (!options)
        return error_no_memory(err, "options of a tmpfs");
    rc = mount_new(request, "tmpfs", options, mount->destination, until_filled, err);
    if (rc < 0 || !mount->copy_up)
        return rc;
    mount_fd = saferoot_open(request->root_fd, mount->destination, O_RDONLY | O_DIRECTORY, 0, err);
    if (mount_fd < 0)
        return mount_fd;
    rc = copytree_fill(image_fd, mount_fd, err);
    if (rc == 0 && attributes != until_filled)
        rc = mountapi_restrict(request->root_fd, mount->destination, attributes, err);
    return rc;
}

/* --- cgroups
 * --------------------------------------------------------------------------------------- */

/* The place is below sysfs, where nobody can make one. */
static bool has_cgroup_place(const struct mount_request *request, const char *path)
{
    struct mcpd_error ignored;
    CLEANUP_FD int fd = saferoot_open(request->root_fd, path, O_PATH | O_DIRECTORY, 0, &ignored);

    return fd >= 0;
}

static bool host_is_v2(void)
{
    struct statfs fs;

    return statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* The descriptor is from the parent's mount namespace, where nothing can be copied from. */
static int bind_group(const struct mount_request *request, int group_fd, const char *destination,
                      unsigned int attributes, struct mcpd_error *err)
{
    CLEANUP_FREE char *path = NULL;
    int rc = fs_path_of_fd(group_fd, &path, err);

    return rc < 0 ? rc
                  : bind_path(request, AT_FDCWD,
                              path_below(path, request->outside_root ? request->outside_root : "/"),
                              false, destination, attributes, err);
}

/* One folder for each hierarchy that the container is in. */
static int mount_v1(const struct mount_request *request, const struct plan_mount *mount,
                    struct mcpd_error *err)
{
    const struct cgroup *cgroup = request->cgroup;
    unsigned int attributes = attributes_of(mount) | KERNEL_FS_FLAGS;
    char path[256];
    int rc =
        mount_new(request, "tmpfs", "mode=755,size=64k", mount->destination, KERNEL_FS_FLAGS, err);

    for (size_t i = 0; rc == 0 && i < cgroup->v1_count; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", mount->destination, cgroup->v1[i].controller);
        rc = bind_group(request, cgroup->v1[i].dir_fd, path, attributes, err);
    }
    if (rc == 0 && cgroup->unified_fd >= 0) {
        (void)snprintf(path, sizeof(path), "%s/unified", mount->destination);
        rc = bind_group(request, cgroup->unified_fd, path, attributes, err);
    }
    if (rc == 0 && mount->read_only)
        rc = mountapi_restrict(request->root_fd, mount->destination, MOUNT_ATTR_RDONLY, err);
    return rc;
}

/* A group of its own looks the same as a new mount in the cgroup namespace, and costs less. */
static int mount_v2(const struct mount_request *request, const struct plan_mount *mount,
                    struct mcpd_error *err)
{
    unsigned int attributes = attributes_of(mount) | KERNEL_FS_FLAGS;
    struct mcpd_error ignored;

    if (request->cgroup->unified_fd >= 0 && request->plan->cgroup == PLAN_NAMESPACE_PRIVATE)
        return bind_group(request, request->cgroup->unified_fd, mount->destination, attributes,
                          err);
    if (mount_new(request, "cgroup2", NULL, mount->destination, attributes, &ignored) == 0)
        return 0;
    return bind_path(request, AT_FDCWD, "/sys/fs/cgroup", true, mount->destination, attributes,
                     err);
}

static int mount_cgroup(const struct mount_request *request, const struct plan_mount *mount,
                        struct mcpd_error *err)
{
    if (!has_cgroup_place(request, mount->destination))
        return 0;
    return host_is_v2() ? mount_v2(request, mount, err) : mount_v1(request, mount, err);
}

/* --- the list
 * ----------------------------------------------------------------------------------------- */

static int mount_one(const struct mount_request *request, size_t index, struct landmarks *landmarks,
                     struct mcpd_error *err)
{
    const struct plan *plan = request->plan;
    const struct plan_mount *mount = &plan->mounts[index];
    const struct kernel_mount proc = {"proc", "/proc", plan->pid == PLAN_NAMESPACE_HOST,
                                      PROC_SUPER_MAGIC};
    const struct kernel_mount sysfs = {"sysfs", "/sys", plan->network == PLAN_NETWORK_HOST,
                                       SYSFS_MAGIC};
    const struct kernel_mount mqueue = {"mqueue", "/dev/mqueue", plan->ipc == PLAN_NAMESPACE_HOST,
                                        0};

    switch (mount->kind) {
    case PLAN_MOUNT_BIND:
        return bind_source(request, &request->sources->sources[index], mount->destination,
                           attributes_of(mount), mount->propagation, err);
    case PLAN_MOUNT_TMPFS:
        return mount_tmpfs(request, mount, err);
    case PLAN_MOUNT_PROC:
        return mount_landmark(request, mount, &proc, &landmarks->proc_fd, err);
    case PLAN_MOUNT_SYSFS:
        return mount_landmark(request, mount, &sysfs, &landmarks->sys_fd, err);
    case PLAN_MOUNT_DEVPTS:
        return mount_devpts(request, mount, err);
    case PLAN_MOUNT_MQUEUE:
        return mount_kernel(request, mount, &mqueue, err);
    case PLAN_MOUNT_CGROUP:
        return mount_cgroup(request, mount, err);
    case PLAN_MOUNT_DEV:
        return mount_dev(request, mount, &landmarks->null_fd, err);
    }
    return error_set(err, MCPD_E_INTERNAL, "a mount of unknown kind on '%s'", mount->destination);
}

static bool is_mounted_by_plan(const struct plan *plan, const char *path)
{
    for (size_t i = 0; i < plan->mount_count; i++)
        if (str_equal(plan->mounts[i].destination, path))
            return true;
    return false;
}

/* hosts, hostname, resolv.conf: those that were written, unless the user put something there. */
static int bind_host_files(const struct mount_request *request, struct mcpd_error *err)
{
    int rc = 0;

    for (const char *const *name = hostfiles_names; rc == 0 && *name; name++) {
        char path[32];

        (void)snprintf(path, sizeof(path), "/etc/%s", *name);
        if (is_mounted_by_plan(request->plan, path))
            continue;
        rc =
            bind_path(request, request->container_dir_fd, *name, false, path, KERNEL_FS_FLAGS, err);
        if (rc == -MCPD_E_NOT_FOUND && faccessat(request->container_dir_fd, *name, F_OK, 0) < 0)
            rc = 0;
    }
    return rc;
}

/* Who runs as a number that the image does not know gets a name all the same: ssh, git and the like
 * refuse to work for nobody. In a file of its own, as the image's is not ours to change. */
static int bind_passwd(const struct mount_request *request, struct mcpd_error *err)
{
    const struct plan_process *process = &request->plan->process;
    CLEANUP_FREE char *text = NULL;
    int rc = 0;

    if (!process->passwd_off && !is_mounted_by_plan(request->plan, "/etc/passwd"))
        rc = user_passwd_with(request->root_fd, process->user, &text, err);
    if (rc < 0 || !text)
        return rc;
    rc = hostfiles_write_one(request->container_dir_fd, "passwd", text, err);
    return rc < 0 ? rc
                  : bind_path(request, request->container_dir_fd, "passwd", false, "/etc/passwd",
                              KERNEL_FS_FLAGS, err);
}

/* --- all together
 * ------------------------------------------------------------------------------------ */

static int mask(const struct mount_request *request, const struct landmarks *landmarks,
                struct mcpd_error *err)
{
    const struct mask_request masks = {.plan = request->plan,
                                       .root_fd = request->root_fd,
                                       .proc_fd = landmarks->proc_fd,
                                       .sys_fd = landmarks->sys_fd,
                                       .null_fd = landmarks->null_fd};

    return mask_apply(&masks, err);
}

int mount_all(const struct mount_request *request, int *ret_null_fd, struct mcpd_error *err)
{
    const struct plan *plan = request->plan;
    CLEANUP(landmarks_done)
    struct landmarks landmarks = {.proc_fd = -1, .sys_fd = -1, .null_fd = -1};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < plan->mount_count; i++)
        rc = mount_one(request, i, &landmarks, err);
    if (rc == 0)
        rc = bind_host_files(request, err);
    if (rc == 0)
        rc = bind_passwd(request, err);
    if (rc == 0)
        rc = mask(request, &landmarks, err);
    if (rc == 0 && plan->read_only_root)
        rc = mountapi_restrict(request->root_fd, "/", MOUNT_ATTR_RDONLY, err);
    if (rc == 0 && landmarks.null_fd < 0)
        rc = devices_open_host_null(&landmarks.null_fd, err);
    if (rc == 0)
        *ret_null_fd = TAKE_FD(landmarks.null_fd);
    return rc;
}
