/*
 * layers.c - unpacked layers: describe, publish, remove.
 *
 * layer.json is written last before the sync and looked for first: a folder without one is no
 * layer, whatever is in it, and is replaced by the next one that is whole.
 */
#include "oci/layers.h"

#include "base/fault.h"
#include "base/fsutil.h"
#include "base/jsonx.h"
#include "oci/storetmp.h"

#include <fcntl.h>

#define DESCRIPTION           "layer.json"
#define DESCRIPTION_MAX_BYTES 4096

static void description_path(const struct digest *diff_id, char buffer[STORE_LAYER_PATH_SIZE])
{
    (void)snprintf(buffer, STORE_LAYER_PATH_SIZE, "%s/" DESCRIPTION, digest_hex(diff_id));
}

void store_layer_path(const struct digest *diff_id, char buffer[STORE_LAYER_PATH_SIZE])
{
    (void)snprintf(buffer, STORE_LAYER_PATH_SIZE, "layers/%s/fs", digest_hex(diff_id));
}

bool store_has_layer(const struct store *store, const struct digest *diff_id)
{
    char path[STORE_LAYER_PATH_SIZE];

    description_path(diff_id, path);
    return digest_is_set(diff_id) && fs_exists(store->layers_fd, path);
}

int store_layer_bytes(const struct store *store, const struct digest *diff_id, uint64_t *ret_bytes,
                      struct mcpd_error *err)
{
    CLEANUP_JSON json_t *json = NULL;
    char path[STORE_LAYER_PATH_SIZE];
    uint64_t bytes = 0;
    int rc;

    description_path(diff_id, path);
    rc = jsonx_load(store->layers_fd, path, DESCRIPTION_MAX_BYTES, &json, err);
    if (rc == 0)
        rc = jsonx_get_u64(json, "bytes", DESCRIPTION, &bytes, err);
    if (rc < 0)
        return error_wrap(err, rc, "layers");
    *ret_bytes = bytes;
    return 0;
}

int layers_describe(const struct store *store, const char *tmp_name, const struct digest *diff_id,
                    uint64_t bytes, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *json = json_pack("{s:s, s:I}", "diff_id", diff_id->text, "bytes",
                                          (json_int_t)(bytes <= INT64_MAX ? bytes : INT64_MAX));
    CLEANUP_FD int dir_fd = -1;
    int rc;

    if (!json)
        return error_no_memory(err, DESCRIPTION);
    rc = fs_open_dir(store->tmp_fd, tmp_name, &dir_fd, err);
    return rc < 0 ? rc : jsonx_save(dir_fd, DESCRIPTION, json, 0, err);
}

int layers_publish(const struct store *store, const char *tmp_name, const struct digest *diff_id,
                   struct mcpd_error *err)
{
    const char *name = digest_hex(diff_id);

    if (renameat(store->tmp_fd, tmp_name, store->layers_fd, name) == 0) {
        FAULT_POINT("layer-published");
        return 0;
    }
    if (errno != EEXIST && errno != ENOTEMPTY)
        return error_errno(err, "rename to layers/%s", name);
    /* What is there has no description: it is damage, and changes places with ours. */
    if (!store_has_layer(store, diff_id) &&
        renameat2(store->tmp_fd, tmp_name, store->layers_fd, name, RENAME_EXCHANGE) < 0)
        return error_errno(err, "replace the damaged layers/%s", name);
    /* What is under the temporary name now goes with it, in storetmp_done. */
    return 0;
}

int layers_remove(const struct store *store, const struct digest *diff_id, struct mcpd_error *err)
{
    CLEANUP_STORETMP struct storetmp tmp = STORETMP_NONE;
    int rc = storetmp_create(store, "removed", &tmp, err);

    if (rc < 0)
        return rc;
    if (renameat(store->layers_fd, digest_hex(diff_id), tmp.dir_fd, "layer") < 0 && errno != ENOENT)
        return error_errno(err, "remove layers/%s", digest_hex(diff_id));
    FAULT_POINT("layer-taken-away");
    return 0;
}
