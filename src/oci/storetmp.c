/*
 * storetmp.c - entries of ROOT/tmp.
 *
 * Theory of operation. The lock file is made and locked before the folder and removed after it, so
 * a folder whose lock is free (or whose lock file is gone) has no maker any more. A sweeper takes
 * that lock itself before it deletes: two sweepers, or a sweeper and a maker that is just starting,
 * cannot meet. lock_take gives no lock on a file that lost its name, so a maker whose fresh lock
 * file was swept simply makes another.
 */
#include "oci/storetmp.h"

#include "base/fault.h"
#include "base/fsutil.h"
#include "base/ident.h"
#include "base/lock.h"
#include "base/str.h"
#include "base/userns.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define LOCK_SUFFIX      ".lock"
#define RANDOM_DIGITS    16
#define ATTEMPTS         4
#define ENTRY_NAME_SIZE  256
#define PREFIX_MAX_CHARS 24

static void lock_name(const char *name, char buffer[ENTRY_NAME_SIZE])
{
    (void)snprintf(buffer, ENTRY_NAME_SIZE, "%.*s" LOCK_SUFFIX,
                   (int)(ENTRY_NAME_SIZE - sizeof(LOCK_SUFFIX)), name);
}

/* A new locked name; TIMEOUT when a sweeper holds it at this moment. */
static int take_name(const struct store *store, const char *prefix, struct storetmp *tmp,
                     struct mcpd_error *err)
{
    char id[IDENT_SIZE];
    char lock[ENTRY_NAME_SIZE];
    int rc = ident_generate(id, err);

    if (rc < 0)
        return rc;
    (void)snprintf(tmp->name, sizeof(tmp->name), "%.*s-%.*s", PREFIX_MAX_CHARS, prefix,
                   RANDOM_DIGITS, id);
    lock_name(tmp->name, lock);
    return lock_take(store->tmp_fd, lock, LOCK_KIND_EXCLUSIVE, 0, &tmp->lock_fd, err);
}

int storetmp_create(const struct store *store, const char *prefix, struct storetmp *ret_tmp,
                    struct mcpd_error *err)
{
    struct storetmp tmp = STORETMP_NONE;
    int rc = -MCPD_E_TIMEOUT;

    for (int attempt = 0; attempt < ATTEMPTS && rc == -MCPD_E_TIMEOUT; attempt++)
        rc = take_name(store, prefix, &tmp, err);
    if (rc < 0)
        return error_wrap(err, rc, "tmp");
    FAULT_POINT("tmp-locked");
    tmp.store = store;
    rc = fs_make_dir(store->tmp_fd, tmp.name, 0700, &tmp.dir_fd, err);
    if (rc < 0) {
        storetmp_done(&tmp);
        return error_wrap(err, rc, "tmp");
    }
    *ret_tmp = tmp;
    return 0;
}

/* The caller holds its lock. */
static int remove_entry(const struct store *store, const char *name, struct mcpd_error *err)
{
    char lock[ENTRY_NAME_SIZE];
    int rc = userns_remove_tree(store->tmp_fd, name, err);

    FAULT_POINT("tmp-emptied");
    lock_name(name, lock);
    return rc < 0 ? rc : fs_unlink_if_exists(store->tmp_fd, lock, err);
}

void storetmp_done(struct storetmp *tmp)
{
    static const struct storetmp none = STORETMP_NONE;
    struct mcpd_error problem = {0};
    int saved_errno = errno;

    if (tmp->store && tmp->name[0] && remove_entry(tmp->store, tmp->name, &problem) < 0)
        store_warn(tmp->store, "tmp", &problem);
    if (tmp->dir_fd >= 0)
        (void)close(tmp->dir_fd);
    if (tmp->lock_fd >= 0)
        (void)close(tmp->lock_fd);
    *tmp = none;
    errno = saved_errno;
}

/* ---------------------------------------------------------------- sweeping */

static int sweep_entry(const struct store *store, const char *name, struct mcpd_error *err)
{
    CLEANUP_FD int lock_fd = -1;
    char lock[ENTRY_NAME_SIZE];
    int rc;

    lock_name(name, lock);
    rc = lock_take(store->tmp_fd, lock, LOCK_KIND_EXCLUSIVE, 0, &lock_fd, err);
    if (rc == -MCPD_E_TIMEOUT)
        return 0;
    return rc < 0 ? rc : remove_entry(store, name, err);
}

static int visit_entry(int dir_fd, const char *name, unsigned char type, void *context,
                       struct mcpd_error *err)
{
    const struct store *store = context;
    struct mcpd_error problem = {0};
    char base[ENTRY_NAME_SIZE];

    (void)dir_fd;
    (void)type;
    (void)err;
    if (str_copy(base, sizeof(base), name) < 0)
        return 0;
    if (str_has_suffix(base, LOCK_SUFFIX))
        base[strlen(base) - strlen(LOCK_SUFFIX)] = '\0';
    if (base[0] && sweep_entry(store, base, &problem) < 0)
        store_warn(store, "tmp", &problem);
    return 0;
}

int storetmp_sweep(const struct store *store, struct mcpd_error *err)
{
    union {
        const struct store *in;
        void *out;
    } context = {.in = store};

    return fs_visit_dir(store->tmp_fd, ".", visit_entry, context.out, err);
}
