/*
 * fs_walk.c - visit everything below a folder.
 *
 * One level per folder on the way down: its descriptor and the names of its
 * subfolders that are still to be visited. A folder is read once, to its end, on entry:
 * what is not a folder is handed out at once, subfolders are remembered. Deep down, the
 * descriptors of the upper levels are closed again; coming back up they are opened as
 * "..", and the walk ends if that is another folder than before, because somebody has
 * moved what we were in.
 */
#include "base/fs_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fsutil.h"
#include "base/openat2.h"

#define ENTRIES_SIZE    32768
#define OPEN_LEVELS_MAX 64

struct level {
    const char *name; /* borrowed from the subfolders of the level above */
    int fd;           /* -1: closed, then device and inode are known */
    dev_t device;
    ino_t inode;
    struct buf folders; /* names still to visit, each with its NUL */
    size_t next;        /* offset of the next one */
};

struct fs_walk {
    const struct fs_walk_operations *operations;
    void *context;
    const char *label;
    struct level *levels; /* owned */
    size_t depth;
    size_t capacity;
    char *entries; /* owned, ENTRIES_SIZE */
};

void *fs_walk_context(const struct fs_walk *walk)
{
    return walk->context;
}

const char *fs_walk_folder(const struct fs_walk *walk)
{
    return walk->levels[walk->depth - 1].name;
}

const char *fs_walk_path(const struct fs_walk *walk, const char *name,
                         char buffer[FS_WALK_PATH_SIZE])
{
    size_t length = 0;

    for (size_t i = 0; i <= walk->depth; i++) {
        const char *part = i < walk->depth ? walk->levels[i].name : name;
        int count =
            snprintf(buffer + length, FS_WALK_PATH_SIZE - length, "%s%s", i ? "/" : "", part);

        if (count < 0 || (size_t)count >= FS_WALK_PATH_SIZE - length) {
            (void)snprintf(buffer, FS_WALK_PATH_SIZE, "%.100s/.../%.250s", walk->label, name);
            break;
        }
        length += (size_t)count;
    }
    return buffer;
}

/* --- opening ------------------------------------------------------------------ */

static bool is_other_device(int dir_fd, int fd)
{
    struct stat outer;
    struct stat inner;

    return fstat(dir_fd, &outer) < 0 || fstat(fd, &inner) < 0 || outer.st_dev != inner.st_dev;
}

static int open_below(int dir_fd, const char *name)
{
    static const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    CLEANUP_FD int fd = openat2_raw(dir_fd, name, flags, 0, RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);

    if (fd >= 0 || (errno != ENOSYS && errno != EPERM && errno != EAGAIN))
        return TAKE_FD(fd);
    /* Old kernels: bind mounts of the same file system go unnoticed. */
    fd = openat(dir_fd, name, flags);
    if (fd >= 0 && dir_fd != AT_FDCWD && is_other_device(dir_fd, fd)) {
        errno = EXDEV;
        return -1;
    }
    return TAKE_FD(fd);
}

/* Through /proc, as fchmod does not take O_PATH descriptors and fchmodat follows links. */
static bool open_up(int dir_fd, const char *name)
{
    char path[FS_FD_PATH_SIZE];
    CLEANUP_FD int fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    return fd >= 0 && chmod(fs_fd_path(fd, path), 0700) == 0;
}

int fs_walk_open(int dir_fd, const char *name, bool opens_closed_folders)
{
    int fd = open_below(dir_fd, name);

    if (fd >= 0 || errno != EACCES || !opens_closed_folders)
        return fd;
    if (!open_up(dir_fd, name)) {
        errno = EACCES;
        return -1;
    }
    return open_below(dir_fd, name);
}

/* Reading a folder does not mean that its names can be used. */
static void allow_use(int fd)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && (st.st_mode & 0700) != 0700)
        (void)fchmod(fd, 0700); /* what it does not help with fails later, with its reason */
}

/* --- levels ------------------------------------------------------------------- */

/* Keeps the number of open descriptors bounded: closes the folder OPEN_LEVELS_MAX above. */
static int close_far_level(struct fs_walk *walk, struct mcpd_error *err)
{
    struct level *far;
    struct stat st;

    if (walk->depth <= OPEN_LEVELS_MAX)
        return 0;
    far = &walk->levels[walk->depth - 1 - OPEN_LEVELS_MAX];
    if (far->fd < 0)
        return 0;
    if (fstat(far->fd, &st) < 0)
        return error_errno(err, "stat '%s'", far->name);
    far->device = st.st_dev;
    far->inode = st.st_ino;
    (void)close(TAKE_FD(far->fd));
    return 0;
}

/* Takes `fd` over, also on failure. */
static int push_level(struct fs_walk *walk, int fd, const char *name, struct mcpd_error *err)
{
    if (walk->depth == walk->capacity) {
        size_t capacity = walk->capacity ? 2 * walk->capacity : 32;
        struct level *grown = reallocarray(walk->levels, capacity, sizeof(*grown));

        if (!grown) {
            (void)close(fd);
            return error_no_memory(err, walk->label);
        }
        walk->levels = grown;
        walk->capacity = capacity;
    }
    walk->levels[walk->depth] = (struct level){.name = name, .fd = fd};
    buf_init(&walk->levels[walk->depth].folders, SIZE_MAX);
    walk->depth++;
    return close_far_level(walk, err);
}

static void pop_level(struct fs_walk *walk)
{
    struct level *level = &walk->levels[--walk->depth];

    cleanup_close_fd(&level->fd);
    buf_done(&level->folders);
}

static int open_level_again(struct fs_walk *walk, struct level *upper, const struct level *lower,
                            struct mcpd_error *err)
{
    struct stat st;

    upper->fd = openat(lower->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (upper->fd < 0 || fstat(upper->fd, &st) < 0)
        return error_errno(err, "go back from '%s' below '%s'", lower->name, walk->label);
    if (st.st_dev != upper->device || st.st_ino != upper->inode)
        return error_set(err, MCPD_E_CONFLICT, "a folder below '%s' was moved meanwhile",
                         walk->label);
    return 0;
}

/* --- reading ------------------------------------------------------------------ */

static bool is_folder(int dir_fd, const struct dirent64 *entry)
{
    struct stat st;

    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* leaves: NULL when they are handed out at once. */
static int take_entry(struct fs_walk *walk, struct level *level, const struct dirent64 *entry,
                      struct buf *leaves, struct mcpd_error *err)
{
    const char *name = entry->d_name;
    struct buf *kept = leaves;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    if (is_folder(level->fd, entry))
        kept = &level->folders;
    else if (!leaves)
        return walk->operations->leaf ? walk->operations->leaf(walk, level->fd, name, err) : 0;
    if (buf_append(kept, name, strlen(name) + 1) < 0)
        return error_no_memory(err, walk->label);
    return 0;
}

static int read_names(struct fs_walk *walk, struct level *level, struct buf *leaves,
                      struct mcpd_error *err)
{
    char path[FS_WALK_PATH_SIZE];

    for (;;) {
        ssize_t count = getdents64(level->fd, walk->entries, ENTRIES_SIZE);

        if (count < 0 && errno != ENOENT) /* ENOENT: removed under us */
            return error_errno(err, "read folder '%s'", fs_walk_path(walk, "", path));
        if (count <= 0)
            return 0;
        for (ssize_t offset = 0; offset < count;) {
            const struct dirent64 *entry = (const void *)(walk->entries + offset);
            int rc = take_entry(walk, level, entry, leaves, err);

            if (rc < 0)
                return rc;
            offset += entry->d_reclen;
        }
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names, each with its NUL, in their order; the array is owned by the caller, its elements are not.
 */
static int list_sorted(const struct buf *names, const char *what, const char ***ret_list,
                       size_t *ret_count, struct mcpd_error *err)
{
    size_t count = 0;

    for (size_t at = 0; at < names->length; at += strlen(names->data + at) + 1)
        count++;
    *ret_list = calloc(count + 1, sizeof(**ret_list));
    if (!*ret_list)
        return error_no_memory(err, what);
    for (size_t at = 0, i = 0; i < count; at += strlen(names->data + at) + 1)
        (*ret_list)[i++] = names->data + at;
    qsort(*ret_list, count, sizeof(**ret_list), compare_names);
    *ret_count = count;
    return 0;
}

static int sort_folders(struct level *level, const char *what, struct mcpd_error *err)
{
    CLEANUP_FREE const char **list = NULL;
    struct buf sorted;
    size_t count = 0;
    int rc = list_sorted(&level->folders, what, &list, &count, err);

    if (rc < 0)
        return rc;
    buf_init(&sorted, SIZE_MAX);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = buf_append(&sorted, list[i], strlen(list[i]) + 1);
    buf_done(&level->folders);
    level->folders = sorted;
    return rc < 0 ? error_no_memory(err, what) : 0;
}

static int read_sorted(struct fs_walk *walk, struct level *level, struct mcpd_error *err)
{
    CLEANUP_FREE const char **list = NULL;
    CLEANUP_BUF struct buf leaves;
    size_t count = 0;
    int rc;

    buf_init(&leaves, SIZE_MAX);
    rc = read_names(walk, level, &leaves, err);
    if (rc == 0)
        rc = list_sorted(&leaves, walk->label, &list, &count, err);
    if (rc == 0)
        rc = sort_folders(level, walk->label, err);
    for (size_t i = 0; rc == 0 && i < count && walk->operations->leaf; i++)
        rc = walk->operations->leaf(walk, level->fd, list[i], err);
    return rc;
}

static int read_level(struct fs_walk *walk, struct level *level, struct mcpd_error *err)
{
    return walk->operations->sorts_names ? read_sorted(walk, level, err)
                                         : read_names(walk, level, NULL, err);
}

/* --- the walk ----------------------------------------------------------------- */

/* Takes `fd` over. */
static int enter_folder(struct fs_walk *walk, int fd, const char *name, struct mcpd_error *err)
{
    int rc = push_level(walk, fd, name, err);

    if (rc < 0)
        return rc;
    if (walk->operations->opens_closed_folders)
        allow_use(fd);
    if (walk->operations->enter)
        rc = walk->operations->enter(walk, fd, err);
    return rc < 0 ? rc : read_level(walk, &walk->levels[walk->depth - 1], err);
}

static int descend(struct fs_walk *walk, const char *name, struct mcpd_error *err)
{
    int dir_fd = walk->levels[walk->depth - 1].fd;
    int fd = fs_walk_open(dir_fd, name, walk->operations->opens_closed_folders);
    char path[FS_WALK_PATH_SIZE];

    if (fd >= 0)
        return enter_folder(walk, fd, name, err);
    if (errno == ENOENT)
        return 0;
    if (errno == EXDEV && walk->operations->refuses_mounts)
        return error_set(err, MCPD_E_CONFLICT, "'%s' is a mount point",
                         fs_walk_path(walk, name, path));
    if (errno == EXDEV)
        return 0;
    return error_errno(err, "open folder '%s'", fs_walk_path(walk, name, path));
}

static int ascend(struct fs_walk *walk, struct mcpd_error *err)
{
    struct level *lower = &walk->levels[walk->depth - 1];
    struct level *upper = lower - 1;
    const char *name = lower->name;
    int rc = 0;

    if (walk->depth > 1 && upper->fd < 0)
        rc = open_level_again(walk, upper, lower, err);
    if (rc < 0)
        return rc;
    pop_level(walk);
    if (walk->depth > 0 && walk->operations->leave)
        rc = walk->operations->leave(walk, upper->fd, name, err);
    return rc;
}

static int walk_all(struct fs_walk *walk, struct mcpd_error *err)
{
    int rc = 0;

    while (rc == 0 && walk->depth > 0) {
        struct level *level = &walk->levels[walk->depth - 1];

        if (level->next < level->folders.length) {
            const char *name = level->folders.data + level->next;

            level->next += strlen(name) + 1;
            rc = descend(walk, name, err);
        } else {
            rc = ascend(walk, err);
        }
    }
    return rc;
}

int fs_walk_run(int top_fd, const char *label, const struct fs_walk_operations *operations,
                void *context, struct mcpd_error *err)
{
    struct fs_walk walk = {.operations = operations, .context = context, .label = label};
    CLEANUP_FREE char *entries = malloc(ENTRIES_SIZE);
    int rc;

    if (!entries) {
        (void)close(top_fd);
        return error_no_memory(err, label);
    }
    walk.entries = entries;
    rc = enter_folder(&walk, top_fd, label, err);
    if (rc == 0)
        rc = walk_all(&walk, err);
    while (walk.depth > 0)
        pop_level(&walk);
    free(walk.levels);
    return rc;
}
