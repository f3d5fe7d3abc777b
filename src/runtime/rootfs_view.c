/*
 * rootfs_view.c - see rootfs.h: a container's tree to be looked at, whether it runs or not.
 *
 * Theory of operation. In a mount namespace of its own an overlay is mounted of the layers, with
 * upper/ as the topmost of them: without an upper directory of its own it cannot be written to, and
 * it takes nothing from the container that may be running on the same folders. What the container
 * changes meanwhile may be seen or not; the kernel promises no more, and no less.
 *
 * A container that stands on a copy of its layers (rootfs_copy.c) is that copy, and where overlay
 * cannot be had it becomes one.
 *
 * The way is that of old kernels, a page of short names: it works everywhere, and takes the empty
 * folder that an overlay of a single lower directory needs besides. Nothing is left behind: the
 * namespace goes with the process.
 */
#include "runtime/rootfs_parts.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/fsutil.h"
#include "base/str.h"

#define OPTIONS_MAX 4096
#define EMPTY       "empty"

static int enter_namespace(struct mcpd_error *err)
{
    if (unshare(CLONE_NEWNS) < 0)
        return error_errno(err, "make a mount namespace");
    /* Nothing that is mounted here reaches the host. */
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return error_errno(err, "make the mounts private");
    return 0;
}

/* "lowerdir=u:2:1:0:empty" */
static int format_options(const struct rootfs_request *request, char options[OPTIONS_MAX],
                          struct mcpd_error *err)
{
    bool has_upper = fs_exists(request->container_dir_fd, "upper");
    size_t length = (size_t)snprintf(options, OPTIONS_MAX, "lowerdir=%s", has_upper ? "u:" : "");

    for (size_t i = request->plan->layer_count; i > 0 && length < OPTIONS_MAX; i--)
        if (!rootfs_is_repeated_above(request->plan, i - 1))
            length += (size_t)snprintf(options + length, OPTIONS_MAX - length, "%zu:", i - 1);
    if (length < OPTIONS_MAX)
        length += (size_t)snprintf(options + length, OPTIONS_MAX - length, EMPTY "%s%s",
                                   has_upper || request->plan->layer_count > 0 ? "" : ":r",
                                   request->in_userns ? ",userxattr" : "");
    if (length >= OPTIONS_MAX)
        return error_set(err, MCPD_E_LIMIT, "the image has too many layers (%zu) for this kernel",
                         request->plan->layer_count);
    return 0;
}

/* A descriptor from before belongs to the old namespace, where nothing can be mounted any more. */
static int open_again(int fd, int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FREE char *path = NULL;
    int rc = fs_path_of_fd(fd, &path, err);

    if (rc < 0)
        return rc;
    *ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_fd < 0 ? error_errno(err, "open '%s'", path) : 0;
}

/* They stay open as long as this process, which ends with its work. */
static int open_stores_again(struct layerstores *stores, struct mcpd_error *err)
{
    int rc = open_again(stores->root_fd, &stores->root_fd, err);

    for (size_t i = 0; rc == 0 && i < stores->count; i++)
        if (stores->fds[i] >= 0)
            rc = open_again(stores->fds[i], &stores->fds[i], err);
    return rc;
}

static int view_by_overlay(const struct rootfs_request *request, int *ret_root_fd,
                           struct mcpd_error *err)
{
    struct layerstores stores = *request->stores;
    CLEANUP_FD int container_dir_fd = -1;
    struct rootfs_request here = *request;
    char options[OPTIONS_MAX];
    int rc = enter_namespace(err);

    if (rc == 0)
        rc = open_stores_again(&stores, err);
    if (rc == 0)
        rc = open_again(request->container_dir_fd, &container_dir_fd, err);
    here.stores = &stores;
    here.container_dir_fd = container_dir_fd;
    if (rc == 0)
        rc = rootfs_enter_scratch(&here, err);
    if (rc == 0)
        rc = rootfs_make_links(&here, err);
    if (rc == 0)
        rc = format_options(&here, options, err);
    if (rc < 0)
        return rc;
    if (mkdir(EMPTY, 0755) < 0 || mkdir("view", 0755) < 0)
        return error_errno(err, "make an empty layer");
    if (mount("overlay", "view", "overlay", MS_NODEV | MS_RDONLY, options) < 0)
        return rootfs_refuse_overlay(-1, request, err);
    *ret_root_fd = open("view", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_root_fd < 0 ? error_errno(err, "open the container's root") : 0;
}

int rootfs_view(const struct rootfs_request *request, int *ret_root_fd, struct mcpd_error *err)
{
    int dir_fd = request->container_dir_fd;
    int rc = -MCPD_E_UNSUPPORTED;

    if (rootfs_has_copy(dir_fd))
        return rootfs_open_copy(dir_fd, ret_root_fd, err);
    if (!str_equal(request->plan->root_driver, ROOT_DRIVER_COPY))
        rc = view_by_overlay(request, ret_root_fd, err);
    if (rc != -MCPD_E_UNSUPPORTED || str_equal(request->plan->root_driver, ROOT_DRIVER_OVERLAY))
        return rc;
    rc = rootfs_make_copy(request, err);
    return rc < 0 ? rc : rootfs_open_copy(dir_fd, ret_root_fd, err);
}
