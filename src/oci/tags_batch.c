/*
 * tags_batch.c - see tags_batch.h.
 *
 * Theory of operation. Writing: the batch is one synced file that is renamed into place (the
 * instant); then every name gets its own file, all of these are synced at once, and the batch is
 * removed. Killed before the rename: nothing has happened. Killed behind it: the batch stays,
 * readers see its names through it, and the next holder of the lock goes on from where its writer
 * was; every step may be done twice. A reader that looks for the batch before it looks at a file
 * sees the old name or the new one, never a gap.
 */
#include "oci/tags_batch.h"

#include "base/fault.h"
#include "base/fsutil.h"
#include "base/jsonx.h"

#include <string.h>

#define BATCH_NAME      ".batch"
#define BATCH_MAX_BYTES (4u << 20)

int tags_batch_load(const struct store *store, json_t **ret_names, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *json = NULL;
    struct mcpd_error problem = {0};
    json_t *names = NULL;
    int rc = jsonx_load(store->tags_fd, BATCH_NAME, BATCH_MAX_BYTES, &json, &problem);

    *ret_names = NULL;
    if (rc == -MCPD_E_NOT_FOUND)
        return 0;
    if (rc == 0)
        rc = jsonx_get_object(json, "names", BATCH_NAME, &names, &problem);
    if (rc == -MCPD_E_CORRUPT || rc == -MCPD_E_LIMIT) {
        store_warn(store, "images/tags", &problem);
        return 0;
    }
    if (rc < 0)
        return error_copy(err, &problem);
    *ret_names = json_incref(names);
    return 0;
}

/* ---------------------------------------------------------------- the files behind it */

static int apply(const struct store *store, const char *file_name, const json_t *value,
                 struct mcpd_error *err)
{
    /* A name of a batch comes from tags_file_name: never a way out of the folder. */
    if (!*file_name || *file_name == '.' || strchr(file_name, '/'))
        return 0;
    if (json_is_null(value))
        return fs_unlink_if_exists(store->tags_fd, file_name, err);
    return jsonx_save(store->tags_fd, file_name, value, 0, err);
}

int tags_batch_finish(const struct store *store, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *names = NULL;
    const char *file_name;
    json_t *value;
    int rc;

    if (!fs_exists(store->tags_fd, BATCH_NAME))
        return 0;
    rc = tags_batch_load(store, &names, err);
    json_object_foreach(names, file_name, value) {
        if (rc == 0)
            rc = apply(store, file_name, value, err);
        FAULT_POINT("batch-name-given");
    }
    if (rc == 0 && syncfs(store->tags_fd) < 0)
        rc = error_errno(err, "sync the store");
    FAULT_POINT("batch-synced");
    if (rc == 0)
        rc = fs_unlink_if_exists(store->tags_fd, BATCH_NAME, err);
    FAULT_POINT("batch-removed");
    return rc < 0 ? rc : fs_sync_dir(store->tags_fd, err);
}

/* ---------------------------------------------------------------- the instant */

int tags_batch_write(const struct store *store, json_t *names, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *json = json_pack("{s:O}", "names", names);
    int rc;

    if (!json)
        return error_no_memory(err, "names of images");
    rc = jsonx_save(store->tags_fd, BATCH_NAME, json, FS_WRITE_SYNC, err);
    FAULT_POINT("batch-decided");
    return rc < 0 ? rc : tags_batch_finish(store, err);
}
