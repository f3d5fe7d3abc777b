/*
 * rootfs_probe.c - can the containers of a store stand on overlay? By trying: an overlay of empty
 * folders in a folder of the store, in a mount namespace that ends with the child that asks.
 */
#include "runtime/rootfs.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/child.h"
#include "base/fsutil.h"
#include "base/userns.h"

struct probe {
    int dir_fd;
    bool in_userns;
};

static int try_overlay(void *context, struct mcpd_error *err)
{
    const struct probe *probe = context;
    static const char *const names[] = {"lower", "upper", "work", "root"};
    CLEANUP_FREE char *path = NULL;
    int rc = fs_path_of_fd(probe->dir_fd, &path, err);

    if (rc < 0)
        return rc;
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        chdir(path) < 0)
        return error_errno(err, "make a mount namespace");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (mkdir(names[i], 0700) < 0)
            return error_errno(err, "make a folder");
    if (mount("overlay", "root", "overlay", 0,
              probe->in_userns ? "lowerdir=lower,upperdir=upper,workdir=work,userxattr"
                               : "lowerdir=lower,upperdir=upper,workdir=work") < 0)
        return error_errno(err, "mount an overlay");
    return 0;
}

static int probe_in_userns(void *context, struct mcpd_error *err)
{
    return userns_run(try_overlay, context, err);
}

int rootfs_probe_overlay(int dir_fd, struct mcpd_error *err)
{
    struct probe probe = {.dir_fd = dir_fd, .in_userns = userns_is_needed()};
    CLEANUP_CHILD struct child child = CHILD_NONE;
    int rc = child_start("mcpd: probe", probe_in_userns, &probe, &child, err);

    return rc < 0 ? rc : child_finish(&child, err);
}
