/*
 * fs_walk.h - visit everything below a folder, whatever its depth.
 *
 * Never follows a link, never enters another mount. The way down is kept on the heap and
 * only the lowest folders stay open, so neither the stack nor RLIMIT_NOFILE bounds the depth.
 */
#ifndef BASE_FS_WALK_H
#define BASE_FS_WALK_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct fs_walk;

/* Each returns 0, or a negative code that ends the walk. Each may be NULL. */
struct fs_walk_operations {
    /* A folder has been opened; nothing of it was read yet. */
    int (*enter)(struct fs_walk *walk, int fd, struct mcpd_error *err);
    /* A name in the folder dir_fd that is not a folder. */
    int (*leaf)(struct fs_walk *walk, int dir_fd, const char *name, struct mcpd_error *err);
    /* Everything below the folder `name` of dir_fd has been visited. Not called for the top. */
    int (*leave)(struct fs_walk *walk, int dir_fd, const char *name, struct mcpd_error *err);
    bool opens_closed_folders; /* chmod u+rwx where it is needed to get in */
    bool refuses_mounts;       /* -MCPD_E_CONFLICT instead of silently leaving them out */
    /* In each folder first what is no folder, then the folders, both sorted by their bytes: the
     * same order on every file system. */
    bool sorts_names;
};

/* Walks below top_fd, which it takes over. `label` names the top in messages. */
int fs_walk_run(int top_fd, const char *label, const struct fs_walk_operations *operations,
                void *context, struct mcpd_error *err) MUST_CHECK;
void *fs_walk_context(const struct fs_walk *walk);
/* In enter: the name of the folder, the label for the top. Borrowed. */
const char *fs_walk_folder(const struct fs_walk *walk);

/* The path of `name` in the present folder for messages; the middle is left out when it is long. */
#define FS_WALK_PATH_SIZE 384
const char *fs_walk_path(const struct fs_walk *walk, const char *name,
                         char buffer[FS_WALK_PATH_SIZE]);

/* Opens one folder the way the walk does: fd, or -1 with errno. EXDEV: it is a mount point. */
int fs_walk_open(int dir_fd, const char *name, bool opens_closed_folders);

#endif
