/*
 * container.c - the record of a container: made and found.
 *
 * Theory of operation.
 * A record is one folder, ROOT/containers/ID. It is made complete under ROOT/tmp and renamed, so
 * it is there whole or not at all; then its name is made, a link that nobody can make twice. A
 * name that points to no record is left over from a crash between the two steps (of making or of
 * removing) and free; only replacing such a leftover needs a lock. Unless the container is thrown
 * away at its end, spec.json is synced before the rename and both folders after it.
 *
 * What is true of it: container_load.c. What runs: container_run.c. Removing: container_remove.c.
 */
#include "runtime/container_parts.h"

#include <fcntl.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/lock.h"
#include "base/str.h"
#include "oci/storetmp.h"

#define NAMES_LOCK    "names.lock" /* in ROOT */
#define NAME_ATTEMPTS 32

/* --- names and ids ------------------------------------------------------------------------- */

int container_not_found(const char *name_or_id, struct mcpd_error *err)
{
    return error_set(err, MCPD_E_NOT_FOUND,
                     "no container with name or ID \"%s\" found: no such container", name_or_id);
}

bool container_is_id(const char *text)
{
    return strlen(text) == IDENT_SIZE - 1 && str_is_hex(text, IDENT_SIZE - 1);
}

bool container_read_name(const struct container_root *root, const char *name,
                         char ret_id[IDENT_SIZE])
{
    char id[IDENT_SIZE + 1];
    ssize_t length = readlinkat(root->names_fd, name, id, sizeof(id) - 1);

    if (length != IDENT_SIZE - 1)
        return false;
    id[length] = '\0';
    if (!container_is_id(id) || !fs_exists(root->containers_fd, id))
        return false;
    memcpy(ret_id, id, IDENT_SIZE);
    return true;
}

static int name_is_taken(const char *name, const char *id, struct mcpd_error *err)
{
    return error_set(
        err, MCPD_E_CONFLICT,
        "creating container storage: the container name \"%s\" is already in use by %s. "
        "You have to remove that container to be able to reuse that name: that name is "
        "already in use",
        name, id);
}

int container_check_name(const struct container_root *root, const char *name,
                         struct mcpd_error *err)
{
    char id[IDENT_SIZE];

    return ident_is_valid_name(name) && container_read_name(root, name, id)
               ? name_is_taken(name, id, err)
               : 0;
}

int container_lock_names(const struct container_root *root, int *ret_fd, struct mcpd_error *err)
{
    return lock_take(root->root_fd, NAMES_LOCK, LOCK_KIND_EXCLUSIVE, -1, ret_fd, err);
}

/* The name exists but points to nothing. Two who find that at once must not both win. */
static int replace_dead_name(const struct container_root *root, const char *name, const char *id,
                             struct mcpd_error *err)
{
    CLEANUP_FD int lock_fd = -1;
    char other[IDENT_SIZE];
    int rc = container_lock_names(root, &lock_fd, err);

    if (rc < 0)
        return rc;
    if (container_read_name(root, name, other))
        return name_is_taken(name, other, err);
    rc = fs_unlink_if_exists(root->names_fd, name, err);
    if (rc < 0)
        return rc;
    if (symlinkat(id, root->names_fd, name) == 0)
        return 0;
    return errno == EEXIST ? name_is_taken(name, "another one", err)
                           : error_errno(err, "make name '%s'", name);
}

static int make_name(const struct container_root *root, const char *name, const char *id,
                     struct mcpd_error *err)
{
    char other[IDENT_SIZE];

    if (symlinkat(id, root->names_fd, name) == 0)
        return 0;
    if (errno != EEXIST)
        return error_errno(err, "make name '%s'", name);
    if (container_read_name(root, name, other))
        return name_is_taken(name, other, err);
    return replace_dead_name(root, name, id, err);
}

/* --- making ------------------------------------------------------------------------------------
 */

/* What cannot be read back must not be written: it would be a container that nobody can start. */
static int check_spec(const json_t *json, const char *text, struct mcpd_error *err)
{
    struct plan plan;
    struct mcpd_error why = {0};

    if (strlen(text) > CONTAINER_SPEC_MAX_BYTES)
        return error_set(err, MCPD_E_INVALID,
                         "the description of the container is larger than %zu bytes",
                         CONTAINER_SPEC_MAX_BYTES);
    if (plan_from_json(json, &plan, &why) < 0)
        return error_set(err, MCPD_E_INVALID, "the container cannot be described: %s", why.message);
    plan_done(&plan);
    return 0;
}

/* The folder is nobody's yet, so the file needs no name of its own first. */
static int write_spec(int dir_fd, const struct plan *plan, bool sync, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *json = plan_to_json(plan);
    CLEANUP_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    CLEANUP_FD int fd = -1;
    int rc;

    if (!text)
        return error_no_memory(err, "spec.json");
    rc = check_spec(json, text, err);
    if (rc < 0)
        return rc;
    fd = openat(dir_fd, "spec.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(err, "create 'spec.json'");
    rc = fs_write_all(fd, text, strlen(text), "spec.json", err);
    if (rc == 0 && sync && fsync(fd) < 0)
        return error_errno(err, "sync 'spec.json'");
    return rc;
}

/* upper/ and work/ are made with the first start (rootfs.c). */
static int fill_record(int dir_fd, const struct plan *plan, bool sync, struct mcpd_error *err)
{
    int rc = write_spec(dir_fd, plan, sync, err);

    return rc == 0 && sync ? fs_sync_dir(dir_fd, err) : rc;
}

/* Gives the finished record its place, then its name. */
static int publish(const struct container_root *root, const struct storetmp *tmp,
                   const struct plan *plan, bool sync, struct mcpd_error *err)
{
    int rc;

    if (renameat(root->tmp_fd, tmp->name, root->containers_fd, plan->id) < 0)
        return error_errno(err, "rename a container into place");
    rc = make_name(root, plan->name, plan->id, err);
    if (rc < 0) {
        (void)renameat(root->containers_fd, plan->id, root->tmp_fd, tmp->name);
        return rc;
    }
    rc = sync ? fs_sync_dir(root->containers_fd, err) : 0;
    if (rc == 0 && sync)
        rc = fs_sync_dir(root->names_fd, err);
    return rc;
}

static int create_named(const struct container_root *root, const struct plan *plan,
                        struct mcpd_error *err)
{
    /* storetmp knows stores; all it wants of one is the folder. */
    const struct store store = {.tmp_fd = root->tmp_fd};
    CLEANUP_STORETMP struct storetmp tmp = STORETMP_NONE;
    bool sync = !plan->auto_remove;
    int rc = storetmp_create(&store, "container", &tmp, err);

    if (rc == 0)
        rc = fill_record(tmp.dir_fd, plan, sync, err);
    return rc < 0 ? rc : publish(root, &tmp, plan, sync, err);
}

static int create_unnamed(const struct container_root *root, struct plan *plan,
                          struct mcpd_error *err)
{
    int rc = -MCPD_E_CONFLICT;

    for (unsigned int attempt = 0; attempt < NAME_ATTEMPTS && rc == -MCPD_E_CONFLICT; attempt++) {
        char name[64];
        char other[IDENT_SIZE];

        ident_random_name(plan->id, attempt, name, sizeof(name));
        if (container_read_name(root, name, other))
            continue;
        free(plan->name);
        plan->name = strdup(name);
        if (!plan->name)
            return error_no_memory(err, "name");
        rc = create_named(root, plan, err);
    }
    return plan->name ? rc : error_set(err, MCPD_E_CONFLICT, "found no free name");
}

int container_create(const struct container_root *root, struct plan *plan, struct mcpd_error *err)
{
    int rc;

    if (!plan->name)
        return create_unnamed(root, plan, err);
    rc = container_check_name(root, plan->name, err);
    return rc < 0 ? rc : create_named(root, plan, err);
}

/* --- finding ------------------------------------------------------------------------------------
 */

struct prefix_search {
    const char *prefix;
    size_t found;
    char id[IDENT_SIZE];
};

static int match_prefix(int dir_fd, const char *name, unsigned char type, void *context,
                        struct mcpd_error *err)
{
    struct prefix_search *search = context;

    (void)dir_fd;
    (void)type;
    (void)err;
    if (container_is_id(name) && str_has_prefix(name, search->prefix)) {
        search->found++;
        memcpy(search->id, name, IDENT_SIZE);
    }
    return 0;
}

static int find_prefix(const struct container_root *root, const char *text, char ret_id[IDENT_SIZE],
                       struct mcpd_error *err)
{
    struct prefix_search search = {.prefix = text};
    int rc = fs_visit_dir(root->containers_fd, ".", match_prefix, &search, err);

    if (rc < 0)
        return rc;
    if (search.found > 1)
        return error_set(err, MCPD_E_INVALID, "more than one result for container name or ID %s",
                         text);
    if (search.found == 0)
        return -MCPD_E_NOT_FOUND;
    memcpy(ret_id, search.id, IDENT_SIZE);
    return 0;
}

int container_find(const struct container_root *root, const char *name_or_id,
                   char ret_id[IDENT_SIZE], struct mcpd_error *err)
{
    int rc = -MCPD_E_NOT_FOUND;

    if (ident_is_valid_name(name_or_id) && container_read_name(root, name_or_id, ret_id))
        return 0;
    if (container_is_id(name_or_id) && fs_exists(root->containers_fd, name_or_id)) {
        memcpy(ret_id, name_or_id, IDENT_SIZE);
        return 0;
    }
    if (str_is_hex(name_or_id, strlen(name_or_id)))
        rc = find_prefix(root, name_or_id, ret_id, err);
    if (rc == -MCPD_E_NOT_FOUND)
        return container_not_found(name_or_id, err);
    return rc;
}
