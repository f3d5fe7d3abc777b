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
#include "oci/additional.h"
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

static bool is_own(const struct store *store, const struct digest *diff_id)
{
    char path[STORE_LAYER_PATH_SIZE];

    description_path(diff_id, path);
    return digest_is_set(diff_id) && fs_exists(store->layers_fd, path);
}

const struct store *store_of_layer(const struct store *store, const struct digest *diff_id)
{
    if (!store->additional || is_own(store, diff_id))
        return store;
    for (size_t i = 0; i < additional_count(store); i++)
        if (is_own(additional_get(store, i), diff_id))
            return additional_get(store, i);
    return store;
}

bool store_has_layer(const struct store *store, const struct digest *diff_id)
{
    return is_own(store_of_layer(store, diff_id), diff_id);
}

static int load_description(const struct store *store, const struct digest *diff_id,
                            json_t **ret_json, struct mcpd_error *err)
{
    char path[STORE_LAYER_PATH_SIZE];

    description_path(diff_id, path);
    return jsonx_load(store_of_layer(store, diff_id)->layers_fd, path, DESCRIPTION_MAX_BYTES,
                      ret_json, err);
}

int store_layer_sizes(const struct store *store, const struct digest *diff_id,
                      struct layer_sizes *ret_sizes, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *json = NULL;
    struct layer_sizes sizes = {0};
    int rc = load_description(store, diff_id, &json, err);

    if (rc == 0)
        rc = jsonx_get_u64(json, "bytes", DESCRIPTION, &sizes.bytes, err);
    if (rc == 0)
        rc = jsonx_get_u64(json, "disk_bytes", DESCRIPTION, &sizes.disk_bytes, err);
    if (rc == 0)
        rc = jsonx_get_u64(json, "tar_bytes", DESCRIPTION, &sizes.tar_bytes, err);
    if (rc < 0)
        return error_wrap(err, rc, "layers");
    *ret_sizes = sizes;
    return 0;
}

int store_layer_bytes(const struct store *store, const struct digest *diff_id, uint64_t *ret_bytes,
                      struct mcpd_error *err)
{
    struct layer_sizes sizes = {0};
    int rc = store_layer_sizes(store, diff_id, &sizes, err);

    if (rc == 0)
        *ret_bytes = sizes.bytes;
    return rc;
}

int store_layer_disk_bytes(const struct store *store, const struct digest *diff_id,
                           uint64_t *ret_bytes, struct mcpd_error *err)
{
    struct layer_sizes sizes = {0};
    int rc = store_layer_sizes(store, diff_id, &sizes, err);

    if (rc == 0)
        *ret_bytes = sizes.disk_bytes ? sizes.disk_bytes : sizes.bytes;
    return rc;
}

static json_int_t as_integer(uint64_t value)
{
    return (json_int_t)(value <= INT64_MAX ? value : INT64_MAX);
}

static json_t *description(const struct digest *diff_id, const struct layer_sizes *sizes)
{
    CLEANUP_JSON json_t *json =
        json_pack("{s:s, s:I, s:I}", "diff_id", diff_id->text, "bytes", as_integer(sizes->bytes),
                  "disk_bytes", as_integer(sizes->disk_bytes));

    if (json && sizes->tar_bytes > 0 &&
        json_object_set_new(json, "tar_bytes", json_integer(as_integer(sizes->tar_bytes))) < 0)
        return NULL;
    return TAKE_PTR(json);
}

int layers_check_description(const struct store *store, const struct digest *diff_id,
                             const struct layer_sizes *sizes, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *expected = description(diff_id, sizes);
    CLEANUP_JSON json_t *json = NULL;
    int rc = load_description(store, diff_id, &json, err);

    if (!expected)
        return error_no_memory(err, DESCRIPTION);
    if (rc < 0)
        return rc;
    return json_equal(json, expected)
               ? 0
               : error_set(err, MCPD_E_CORRUPT, "its description (" DESCRIPTION ") is damaged");
}

int layers_describe(const struct store *store, const char *tmp_name, const struct digest *diff_id,
                    const struct layer_sizes *sizes, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *json = description(diff_id, sizes);
    CLEANUP_FD int dir_fd = -1;
    int rc;

    if (!json)
        return error_no_memory(err, DESCRIPTION);
    rc = fs_open_dir(store->tmp_fd, tmp_name, &dir_fd, err);
    return rc < 0 ? rc : jsonx_save(dir_fd, DESCRIPTION, json, 0, err);
}

int layers_publish(const struct store *store, const char *tmp_name, const struct digest *diff_id,
                   bool replaces, struct mcpd_error *err)
{
    const char *name = digest_hex(diff_id);

    if (renameat(store->tmp_fd, tmp_name, store->layers_fd, name) == 0) {
        FAULT_POINT("layer-published");
        return 0;
    }
    if (errno != EEXIST && errno != ENOTEMPTY)
        return error_errno(err, "rename to layers/%s", name);
    /* What has no description is damage too. It changes places with ours. */
    if ((replaces || !is_own(store, diff_id)) &&
        renameat2(store->tmp_fd, tmp_name, store->layers_fd, name, RENAME_EXCHANGE) < 0)
        return error_errno(err, "replace the damaged layers/%s", name);
    FAULT_POINT("layer-replaced");
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
