/*
 * hostdevices.c - all devices of the host in a container's /dev.
 *
 * As root the nodes are made, with the host's mode and owner, and are the container's own. In a
 * user namespace none can be made, so the host's are bound; what the user may not open on the host
 * stays closed. Mounts below /dev (pts, shm, mqueue) and links are no devices, and the console is
 * that of a terminal. A device that goes away meanwhile, or that this kernel does not let us have,
 * is left out: "all" is a wish and not a list.
 */
#include "runtime/hostdevices.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fsutil.h"
#include "base/log.h"
#include "base/str.h"
#include "runtime/devices.h"

#define HOST_DEV    "/dev"
#define DEPTH_MAX   6
#define DEVICES_MAX 8192

struct level {
    int root_fd;
    int to_fd;        /* the folder of the container that is filled */
    const char *path; /* of it: "/dev/net" */
    bool in_userns;
    unsigned int depth;
    size_t *count; /* of all levels */
};

static int visit(int dir_fd, const char *name, unsigned char type, void *context,
                 struct mcpd_error *err);

static bool is_left_out(const char *path)
{
    static const char *const paths[] = {"/dev/console", "/dev/pts", "/dev/shm",
                                        "/dev/mqueue",  "/dev/fd",  "/dev/.udev"};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        if (strcmp(path, paths[i]) == 0)
            return true;
    return false;
}

static void add_node(const struct level *level, const char *name, const char *path,
                     const struct stat *st)
{
    struct mcpd_error problem = {0};

    if (fs_exists(level->to_fd, name) || ++*level->count > DEVICES_MAX)
        return;
    if (level->in_userns) {
        if (devices_bind(level->root_fd, level->to_fd, name, path, &problem) < 0) {
            (void)unlinkat(level->to_fd, name, 0);
            log_debug("launch", "%s", problem.message);
        }
        return;
    }
    if (mknodat(level->to_fd, name, st->st_mode, st->st_rdev) < 0 ||
        fchownat(level->to_fd, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
        log_debug("launch", "no %s: %s", path, strerrordesc_np(errno));
}

static void add_folder(const struct level *level, int dir_fd, const char *name, const char *path,
                       dev_t device)
{
    CLEANUP_FD int to_fd = -1;
    struct level below = *level;
    struct mcpd_error problem = {0};
    struct stat st;

    if (fstat(dir_fd, &st) < 0 || st.st_dev != device || level->depth == DEPTH_MAX)
        return; /* something is mounted there */
    if (fs_make_dir(level->to_fd, name, 0755, &to_fd, NULL) < 0)
        return;
    below.to_fd = to_fd;
    below.path = path;
    below.depth++;
    if (fs_visit_dir(dir_fd, name, visit, &below, &problem) < 0)
        log_debug("launch", "%s", problem.message); /* perhaps not ours to read */
}

static int visit(int dir_fd, const char *name, unsigned char type, void *context,
                 struct mcpd_error *err)
{
    const struct level *level = context;
    CLEANUP_FREE char *path = str_format("%s/%s", level->path, name);
    struct stat st;

    (void)type;
    if (!path)
        return error_no_memory(err, "devices");
    if (is_left_out(path) || fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    if (S_ISDIR(st.st_mode))
        add_folder(level, dir_fd, name, path, st.st_dev);
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
        add_node(level, name, path, &st);
    return 0;
}

int hostdevices_add(int root_fd, int dev_fd, bool in_userns, struct mcpd_error *err)
{
    size_t count = 0;
    struct level level = {.root_fd = root_fd,
                          .to_fd = dev_fd,
                          .path = HOST_DEV,
                          .in_userns = in_userns,
                          .count = &count};

    return fs_visit_dir(AT_FDCWD, HOST_DEV, visit, &level, err);
}
