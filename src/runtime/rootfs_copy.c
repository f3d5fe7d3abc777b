/*
 * rootfs_copy.c - a container's root without overlay: a copy of its layers.
 *
 * Theory of operation. Where overlay cannot be mounted (a kernel without it, an upper folder on NFS
 * or on another overlay, ordinary users before Linux 5.11), the layers are copied once, at the
 * first start, and the copy is the container's from then on: it has what the container wrote, goes
 * on with every start, also on a kernel that has overlay by then, and goes with the container.
 *
 * The copy is made as "copy-RANDOM", synced unless it is thrown away anyway, and renamed to "copy":
 * what has that name is whole. Who makes one for a start holds the container's lock and first
 * removes what a killed one left. A container that ran on an overlay before brings its upper folder
 * along, as the topmost layer.
 *
 * The mount of it has none of the flags of the file system's own mount that overlay would not have
 * either (nosuid, noexec), where we may take them away.
 */
#include "runtime/rootfs_parts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "base/log.h"
#include "base/str.h"
#include "runtime/copyroot.h"
#include "runtime/mountapi.h"

#define COPY        "copy"
#define COPY_PREFIX "copy-"
#define NAME_SIZE   64

bool rootfs_has_copy(int container_dir_fd)
{
    return fs_exists(container_dir_fd, COPY);
}

/* --- making it ---------------------------------------------------------------------------- */

struct layers {
    int *fds; /* owned, topmost first */
    size_t count;
};

static void layers_done(struct layers *layers)
{
    for (size_t i = 0; i < layers->count; i++)
        cleanup_close_fd(&layers->fds[i]);
    free(layers->fds);
}

static int add_layer(int dir_fd, const char *path, struct layers *layers, struct mcpd_error *err)
{
    int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return error_errno(err, "open '%s'", path);
    layers->fds[layers->count++] = fd;
    return 0;
}

static int open_layers(const struct rootfs_request *request, struct layers *layers,
                       struct mcpd_error *err)
{
    const struct plan *plan = request->plan;
    int rc = 0;

    layers->fds = calloc(plan->layer_count + 1, sizeof(*layers->fds));
    if (!layers->fds)
        return error_no_memory(err, "layers");
    if (fs_exists(request->container_dir_fd, "upper"))
        rc = add_layer(request->container_dir_fd, "upper", layers, err);
    for (size_t i = plan->layer_count; rc == 0 && i > 0; i--) {
        char path[STORE_LAYER_PATH_SIZE];
        int store_fd = rootfs_place_of_layer(request, i - 1, path);

        if (!rootfs_is_repeated_above(plan, i - 1))
            rc = add_layer(store_fd, path, layers, err);
    }
    return rc;
}

static int fill(const struct rootfs_request *request, int to_fd, struct mcpd_error *err)
{
    CLEANUP(layers_done) struct layers layers = {0};
    struct copyroot_request copy = {.to_fd = to_fd, .in_userns = request->in_userns};
    int rc = open_layers(request, &layers, err);

    if (rc < 0)
        return rc;
    if (fchmod(to_fd, 0755) < 0)
        return error_errno(err, "copy the container's layers");
    copy.layer_fds = layers.fds;
    copy.layer_count = layers.count;
    rc = copyroot_make(&copy, err);
    if (rc == 0 && !request->plan->volatile_upper && syncfs(to_fd) < 0)
        rc = error_errno(err, "sync");
    return rc;
}

static int visit_left_over(int dir_fd, const char *name, unsigned char type, void *context,
                           struct mcpd_error *err)
{
    (void)type;
    (void)context;
    return str_has_prefix(name, COPY_PREFIX) ? fs_remove_tree(dir_fd, name, err) : 0;
}

static void remove_overlay_folders(int dir_fd)
{
    static const char *const names[] = {"upper", "work", "empty"};
    struct mcpd_error ignored;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        (void)!fs_remove_tree(dir_fd, names[i], &ignored);
}

/* What it takes is a file system that keeps owners, modes and links. */
static int explain(const struct rootfs_request *request, int rc, struct mcpd_error *err)
{
    int sys_errno = err->sys_errno;

    if (request->in_userns || (sys_errno != EPERM && sys_errno != EOPNOTSUPP))
        return error_wrap(err, rc, "copy the container's layers");
    return error_wrap(err, rc,
                      "the file system of the store cannot hold a container's files (--root names "
                      "a folder on another one)");
}

int rootfs_make_copy(const struct rootfs_request *request, struct mcpd_error *err)
{
    int dir_fd = request->container_dir_fd;
    CLEANUP_FD int to_fd = -1;
    struct mcpd_error ignored;
    char name[NAME_SIZE];
    int rc = fs_make_temp_dir(dir_fd, COPY_PREFIX, name, sizeof(name), &to_fd, err);

    if (rc < 0)
        return rc;
    rc = fill(request, to_fd, err);
    if (rc < 0)
        rc = explain(request, rc, err);
    /* Somebody else may have made it meanwhile: then theirs counts. */
    if (rc == 0 && renameat(dir_fd, name, dir_fd, COPY) < 0 && !rootfs_has_copy(dir_fd))
        rc = error_errno(err, "rename the copy of the container's layers");
    if (rc < 0 || fs_exists(dir_fd, name))
        (void)!fs_remove_tree(dir_fd, name, &ignored);
    if (rc == 0)
        remove_overlay_folders(dir_fd);
    return rc;
}

/* --- using it --------------------------------------------------------------------------------- */

int rootfs_open_copy(int container_dir_fd, int *ret_fd, struct mcpd_error *err)
{
    return fs_open_dir(container_dir_fd, COPY, ret_fd, err);
}

static int mount_by_tree(int dir_fd, int *ret_root_fd, struct mcpd_error *err)
{
    CLEANUP_FD int mount_fd = mountapi_open_tree(dir_fd, COPY, false);

    if (mount_fd < 0)
        return error_errno(err, "open the container's root");
    (void)mountapi_clear_attributes(mount_fd, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
    if (mountapi_set_attributes(mount_fd, false, MOUNT_ATTR_NODEV, MS_PRIVATE) < 0 ||
        mountapi_move(mount_fd, dir_fd) < 0)
        return error_errno(err, "mount the container's root");
    *ret_root_fd = TAKE_FD(mount_fd);
    return 0;
}

/* Before Linux 5.12. It is bound on itself, and so its path leads to the mount. */
static int mount_by_path(int dir_fd, int *ret_root_fd, struct mcpd_error *err)
{
    CLEANUP_FREE char *folder = NULL;
    CLEANUP_FREE char *path = NULL;
    CLEANUP_FD int root_fd = -1;
    int rc = fs_path_of_fd(dir_fd, &folder, err);

    if (rc < 0)
        return rc;
    path = str_format("%s/" COPY, folder);
    if (!path)
        return error_no_memory(err, "path");
    if (mount(path, path, NULL, MS_BIND, NULL) < 0)
        return error_errno(err, "mount the container's root");
    root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0)
        return error_errno(err, "open the container's root");
    rc = mountapi_restrict(root_fd, "/", MOUNT_ATTR_NODEV, err);
    if (rc == 0)
        *ret_root_fd = TAKE_FD(root_fd);
    return rc;
}

int rootfs_mount_copy(const struct rootfs_request *request, int *ret_root_fd,
                      struct mcpd_error *err)
{
    int dir_fd = request->container_dir_fd;
    struct mcpd_error problem = {0};
    int rc = 0;

    if (!rootfs_has_copy(dir_fd)) {
        log_debug("launch", "the layers are copied");
        rc = fs_visit_dir(dir_fd, ".", visit_left_over, NULL, err);
        if (rc == 0)
            rc = rootfs_make_copy(request, err);
    }
    if (rc < 0)
        return rc;
    return mount_by_tree(dir_fd, ret_root_fd, &problem) == 0
               ? 0
               : mount_by_path(dir_fd, ret_root_fd, err);
}
