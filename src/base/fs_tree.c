/* fs_tree.c - what is done to whole trees: remove them, add up their sizes. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs_walk.h"
#include "base/fsutil.h"
#include "base/inode_map.h"
#include "base/path.h"

#define REMOVE_ATTEMPTS 4

/* --- removing ------------------------------------------------------------------ */

static int remove_name(struct fs_walk *walk, int dir_fd, const char *name, int flags,
                       struct mcpd_error *err)
{
    char path[FS_WALK_PATH_SIZE];

    if (unlinkat(dir_fd, name, flags) < 0 && errno != ENOENT)
        return error_errno(err, "remove '%s'", fs_walk_path(walk, name, path));
    return 0;
}

static int remove_leaf(struct fs_walk *walk, int dir_fd, const char *name, struct mcpd_error *err)
{
    return remove_name(walk, dir_fd, name, 0, err);
}

static int remove_folder(struct fs_walk *walk, int dir_fd, const char *name, struct mcpd_error *err)
{
    return remove_name(walk, dir_fd, name, AT_REMOVEDIR, err);
}

/* One pass over the tree `name` of dir_fd. `path` is for messages. */
static int remove_once(int dir_fd, const char *name, const char *path, struct mcpd_error *err)
{
    static const struct fs_walk_operations operations = {
        .leaf = remove_leaf,
        .leave = remove_folder,
        .opens_closed_folders = true,
        .refuses_mounts = true,
    };
    int fd;
    int rc;

    if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return error_errno(err, "remove '%s'", path);
    fd = fs_walk_open(dir_fd, name, true);
    if (fd < 0 && errno == EXDEV)
        return error_set(err, MCPD_E_CONFLICT, "'%s' is a mount point", path);
    if (fd < 0)
        return errno == ENOENT ? 0 : error_errno(err, "open folder '%s'", path);
    rc = fs_walk_run(fd, path, &operations, NULL, err);
    if (rc < 0)
        return rc;
    if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return error_errno(err, "remove '%s'", path);
    return 0;
}

int fs_remove_tree(int dir_fd, const char *path, struct mcpd_error *err)
{
    CLEANUP_FREE char *parent = NULL;
    CLEANUP_FREE char *name = NULL;
    CLEANUP_FD int parent_fd = -1;
    size_t start;
    size_t length;
    int rc = 0;

    if (!path_last_name(path, &start, &length))
        return error_set(err, MCPD_E_INVALID, "'%s' cannot be removed", path);
    name = strndup(path + start, length);
    parent = start > 0 ? strndup(path, start) : strdup(".");
    if (!name || !parent)
        return error_no_memory(err, path);
    parent_fd = openat(dir_fd, parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (parent_fd < 0)
        return errno == ENOENT ? 0 : error_errno(err, "open folder '%s'", parent);
    /* Somebody may put something in or turn a folder into a link while we are at it. */
    for (int attempt = 0; attempt < REMOVE_ATTEMPTS; attempt++) {
        rc = remove_once(parent_fd, name, path, err);
        if (rc == 0 || (errno != ENOTEMPTY && errno != ENOTDIR && errno != ELOOP))
            break;
    }
    return rc;
}

/* --- sizes ---------------------------------------------------------------------- */

struct tree_size {
    uint64_t bytes;
    dev_t device;
    struct inode_map seen; /* files with several names that were counted */
};

static int add_file(struct tree_size *size, const struct stat *st, struct mcpd_error *err)
{
    uint64_t ignored;

    if (st->st_dev != size->device)
        return 0;
    if (st->st_nlink > 1 && !S_ISDIR(st->st_mode)) {
        if (inode_map_get(&size->seen, st->st_ino, &ignored))
            return 0;
        if (!inode_map_put(&size->seen, st->st_ino, 0))
            return error_no_memory(err, "hard links");
    }
    size->bytes += fs_disk_bytes(st);
    return 0;
}

static int size_folder(struct fs_walk *walk, int fd, struct mcpd_error *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return error_errno(err, "stat a folder");
    return add_file(fs_walk_context(walk), &st, err);
}

static int size_leaf(struct fs_walk *walk, int dir_fd, const char *name, struct mcpd_error *err)
{
    char path[FS_WALK_PATH_SIZE];
    struct stat st;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : error_errno(err, "stat '%s'", fs_walk_path(walk, name, path));
    return add_file(fs_walk_context(walk), &st, err);
}

int fs_tree_disk_bytes(int dir_fd, const char *path, uint64_t *ret_bytes, struct mcpd_error *err)
{
    static const struct fs_walk_operations operations = {.enter = size_folder, .leaf = size_leaf};
    struct tree_size size = {0};
    CLEANUP_FD int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    int rc;

    if (fd < 0 || fstat(fd, &st) < 0)
        return error_errno(err, "open folder '%s'", path);
    size.device = st.st_dev;
    rc = fs_walk_run(TAKE_FD(fd), path, &operations, &size, err);
    inode_map_done(&size.seen);
    if (rc == 0)
        *ret_bytes = size.bytes;
    return rc;
}
