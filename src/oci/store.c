/*
 * store.c - one --root: opened, made when missing, locked.
 *
 * Opening is on the path of every command, so it is one open per folder and nothing else. Only
 * when a folder is missing does the slow way make them, synced, with the blobs' folder last: where
 * that one exists, the store is complete. Until then a folder that has something in it is somebody
 * else's (think of --root /var: its tmp would be swept) and is refused.
 */
#include "oci/store.h"

#include "base/fsutil.h"
#include "base/lock.h"
#include "base/str.h"
#include "oci/additional.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE_MODE   0700
#define BLOBS_FOLDER "images/blobs/sha256"
#define LOCK_NAME    "lock"

static const struct {
    const char *path;
    size_t fd_offset;
} folders[] = {
    {"tmp", offsetof(struct store, tmp_fd)},
    {"layers", offsetof(struct store, layers_fd)},
    {"images/tags", offsetof(struct store, tags_fd)},
    {"images/partial", offsetof(struct store, partial_fd)},
    {BLOBS_FOLDER, offsetof(struct store, blobs_fd)}, /* last: see above */
};

static int *folder_fd(struct store *store, size_t i)
{
    return (int *)(void *)((char *)store + folders[i].fd_offset);
}

void store_done(struct store *store)
{
    int saved_errno = errno;

    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        cleanup_close_fd(folder_fd(store, i));
        *folder_fd(store, i) = -1;
    }
    cleanup_close_fd(&store->root_fd);
    store->root_fd = -1;
    free(TAKE_PTR(store->path));
    additional_done(store);
    errno = saved_errno;
}

/* ---------------------------------------------------------------- opening */

static int absolute_path(const char *path, char **ret_path, struct mcpd_error *err)
{
    CLEANUP_FREE char *directory = NULL;
    int rc;

    if (path[0] == '/') {
        *ret_path = strdup(path);
        return *ret_path ? 0 : error_no_memory(err, "path of the store");
    }
    rc = fs_path_of_fd(AT_FDCWD, &directory, err);
    if (rc < 0)
        return rc;
    *ret_path = str_format("%s/%s", directory, path);
    return *ret_path ? 0 : error_no_memory(err, "path of the store");
}

static int open_root(struct store *store, struct mcpd_error *err)
{
    store->root_fd = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->root_fd < 0 && errno == ENOENT) {
        int rc = fs_make_dirs(AT_FDCWD, store->path, STORE_MODE, &store->root_fd, err);

        if (rc < 0)
            return rc;
    }
    if (store->root_fd < 0)
        return error_errno(err, "open '%s'", store->path);
    return fs_check_own_folder(store->path, store->root_fd, err);
}

/* Stops at the first missing folder with ENOENT. */
static int open_folders(struct store *store, struct mcpd_error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        int fd = openat(store->root_fd, folders[i].path,
                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
            return error_errno(err, "open folder '%s/%s'", store->path, folders[i].path);
        cleanup_close_fd(folder_fd(store, i));
        *folder_fd(store, i) = fd;
    }
    return 0;
}

static int refuse_entry(int dir_fd, const char *name, unsigned char type, void *context,
                        struct mcpd_error *err)
{
    (void)dir_fd;
    (void)type;
    (void)context;
    return error_set(err, MCPD_E_INVALID, "'%s' is in it", name);
}

static int make_folders(struct store *store, struct mcpd_error *err)
{
    bool was_complete = fs_exists(store->root_fd, BLOBS_FOLDER);

    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        CLEANUP_FD int fd = -1;
        int rc = fs_make_dirs(store->root_fd, folders[i].path, STORE_MODE, &fd, err);

        if (rc < 0)
            return error_wrap(err, rc, "'%s'", store->path);
        if (!was_complete)
            rc = fs_visit_dir(fd, ".", refuse_entry, NULL, err);
        /* Somebody else may have finished the store in the meantime, and be using it. */
        if (rc < 0 && !fs_exists(store->root_fd, BLOBS_FOLDER))
            return error_wrap(err, rc, "'%s/%s' exists but does not belong to a store", store->path,
                              folders[i].path);
    }
    if (syncfs(store->root_fd) < 0)
        return error_errno(err, "sync '%s'", store->path);
    return 0;
}

static int open_store(struct store *store, const char *path, struct mcpd_error *err)
{
    int rc = absolute_path(path, &store->path, err);

    if (rc == 0)
        rc = open_root(store, err);
    if (rc == 0)
        rc = open_folders(store, err);
    if (rc != -MCPD_E_NOT_FOUND || store->root_fd < 0)
        return rc;
    rc = make_folders(store, err);
    return rc < 0 ? rc : open_folders(store, err);
}

int store_open(const char *path, struct store *ret_store, struct mcpd_error *err)
{
    struct store store = STORE_NONE;
    int rc = open_store(&store, path, err);

    if (rc < 0) {
        store_done(&store);
        return rc;
    }
    *ret_store = store;
    return 0;
}

/* ---------------------------------------------------------------- locks, warnings */

int store_lock_shared(const struct store *store, int *ret_fd, struct mcpd_error *err)
{
    return lock_take(store->root_fd, LOCK_NAME, LOCK_KIND_SHARED, -1, ret_fd, err);
}

int store_lock_exclusive(const struct store *store, int timeout_ms, int *ret_fd,
                         struct mcpd_error *err)
{
    return lock_take(store->root_fd, LOCK_NAME, LOCK_KIND_EXCLUSIVE, timeout_ms, ret_fd, err);
}

int store_make_room(const struct store *store, int lock_fd,
                    const struct store_room_request *request, struct mcpd_error *err)
{
    return store->make_room ? store->make_room(store->room_context, lock_fd, request, err) : 0;
}

void store_warn(const struct store *store, const char *what, const struct mcpd_error *why)
{
    CLEANUP_FREE char *text = NULL;

    if (!store->warn)
        return;
    text = why ? str_format("%s: %s", what, why->message) : NULL;
    store->warn(store->warn_context, text ? text : what);
}
