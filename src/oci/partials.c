/*
 * partials.c - see partials.h. Whoever writes a partial holds its lock (blobs.h); one whose lock is
 * free is nobody's at the moment.
 */
#include "oci/partials.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/fsutil.h"
#include "base/lock.h"
#include "base/str.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define NAME_SIZE 72

struct partial {
    char name[NAME_SIZE];
    uint64_t bytes;
    int64_t mtime_s;
};

struct partials {
    struct partial *list; /* owned */
    size_t count;
};

static void partials_done(struct partials *partials)
{
    free(partials->list);
}

static int visit(int dir_fd, const char *name, unsigned char type, void *context,
                 struct mcpd_error *err)
{
    struct partials *partials = context;
    struct partial partial;
    struct partial *list;
    struct stat st;

    (void)type;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
        str_copy(partial.name, sizeof(partial.name), name) < 0)
        return 0;
    partial.bytes = (uint64_t)st.st_size;
    partial.mtime_s = st.st_mtim.tv_sec;
    list = reallocarray(partials->list, partials->count + 1, sizeof(*list));
    if (!list)
        return error_no_memory(err, "half downloads");
    partials->list = list;
    list[partials->count++] = partial;
    return 0;
}

/* Newest first. */
static int compare(const void *a, const void *b)
{
    const struct partial *left = a, *right = b;

    if (left->mtime_s != right->mtime_s)
        return left->mtime_s < right->mtime_s ? 1 : -1;
    return strcmp(left->name, right->name);
}

static int load(const struct store *store, struct partials *partials, struct mcpd_error *err)
{
    int rc = fs_visit_dir(store->partial_fd, ".", visit, partials, err);

    if (rc == 0 && partials->count > 1)
        qsort(partials->list, partials->count, sizeof(*partials->list), compare);
    return rc;
}

static int remove_free(const struct store *store, const struct partial *partial,
                       uint64_t *freed_bytes, struct mcpd_error *err)
{
    CLEANUP_FD int lock_fd = -1;
    int rc = lock_take(store->partial_fd, partial->name, LOCK_KIND_EXCLUSIVE, 0, &lock_fd, err);

    if (rc == -MCPD_E_TIMEOUT)
        return 0;
    if (rc == 0)
        rc = fs_unlink_if_exists(store->partial_fd, partial->name, err);
    FAULT_POINT("partial-collected");
    if (rc == 0)
        *freed_bytes += partial->bytes;
    return rc;
}

/* 0 where the file system does not tell: then there is no limit. */
static uint64_t size_limit(const struct store *store)
{
    struct statvfs fs;

    if (fstatvfs(store->partial_fd, &fs) < 0)
        return 0;
    return (uint64_t)fs.f_blocks * fs.f_frsize / PARTIALS_MAX_SHARE;
}

int partials_sweep(const struct store *store, uint64_t *freed_bytes, struct mcpd_error *err)
{
    CLEANUP(partials_done) struct partials partials = {0};
    const int64_t oldest_s = clock_unix_ns() / 1000000000 - PARTIALS_KEPT_S;
    uint64_t limit = 0, total = 0;
    int rc = load(store, &partials, err);

    if (rc == 0 && partials.count > 0)
        limit = size_limit(store);
    for (size_t i = 0; rc == 0 && i < partials.count; i++) {
        const struct partial *partial = &partials.list[i];

        total += partial->bytes;
        if (partial->bytes == 0 || partial->mtime_s < oldest_s || (limit > 0 && total > limit))
            rc = remove_free(store, partial, freed_bytes, err);
    }
    return rc;
}

int partials_remove_all(const struct store *store, uint64_t *freed_bytes, struct mcpd_error *err)
{
    CLEANUP(partials_done) struct partials partials = {0};
    int rc = load(store, &partials, err);

    for (size_t i = 0; rc == 0 && i < partials.count; i++)
        rc = remove_free(store, &partials.list[i], freed_bytes, err);
    return rc;
}

int partials_bytes(const struct store *store, uint64_t *ret_bytes, struct mcpd_error *err)
{
    CLEANUP(partials_done) struct partials partials = {0};
    uint64_t total = 0;
    int rc = load(store, &partials, err);

    for (size_t i = 0; i < partials.count; i++)
        total += partials.list[i].bytes;
    if (rc == 0)
        *ret_bytes = total;
    return rc;
}
