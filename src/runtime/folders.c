/*
 * folders.c - folders that a container takes for granted.
 *
 * An image names a working directory and volumes, and need not have them. As with podman, a missing
 * one is made with mode 755 for the user of the container, its parents for root. What is there
 * stays as it is, with what the image has in it. Volumes of their own come with their issue; until
 * then a VOLUME is a folder of the container.
 */
#include "runtime/folders.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/saferoot.h"
#include "runtime/user.h"

#define FOLDER_MODE 0755

/* EPERM, EINVAL: a user namespace in which this user has no number, and cannot run either. */
static int give(int fd, const char *path, uid_t uid, gid_t gid, struct mcpd_error *err)
{
    if (uid == 0 && gid == 0)
        return 0;
    if (fchown(fd, uid, gid) < 0 && errno != EPERM && errno != EINVAL)
        return error_errno(err, "give the folder '%s' to user %u", path, uid);
    return 0;
}

int folders_open(int root_fd, const char *path, uid_t uid, gid_t gid, struct mcpd_error *err)
{
    CLEANUP_FD int fd = saferoot_open(root_fd, path, O_RDONLY | O_DIRECTORY, 0, err);
    int rc;

    if (fd >= 0)
        return TAKE_FD(fd);
    if (errno != ENOENT)
        return error_errno(err, "open the folder '%s'", path);
    fd = saferoot_make_dirs(root_fd, path, FOLDER_MODE, err);
    if (fd < 0)
        return fd;
    rc = give(fd, path, uid, gid, err);
    return rc < 0 ? rc : TAKE_FD(fd);
}

/* What is there and no folder is somebody else's to complain about. */
static bool is_missing(int root_fd, const char *path)
{
    struct mcpd_error ignored;
    CLEANUP_FD int fd = saferoot_open(root_fd, path, O_PATH, 0, &ignored);

    return fd < 0 && errno == ENOENT;
}

/* A user that is not known is told when it is to be become. */
static int make(const struct plan *plan, int root_fd, const char *path, struct mcpd_error *err)
{
    CLEANUP(user_done) struct user user = USER_NONE;
    CLEANUP_FD int fd = -1;
    struct mcpd_error ignored;

    if (!path || strcmp(path, "/") == 0 || !is_missing(root_fd, path))
        return 0;
    (void)!user_resolve(root_fd, plan->process.user, NULL, &user, &ignored);
    fd = folders_open(root_fd, path, user.uid, user.gid, err);
    return fd < 0 ? fd : 0;
}

int folders_make(const struct plan *plan, int root_fd, struct mcpd_error *err)
{
    int rc = 0;

    for (char **path = plan->image_volumes; rc == 0 && path && *path; path++)
        rc = make(plan, root_fd, *path, err);
    if (rc == 0 && !plan->process.requires_working_dir)
        rc = make(plan, root_fd, plan->process.working_dir, err);
    return rc;
}
