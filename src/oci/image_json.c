/*
 * image_json.c - podman's documents about images, member by member as podman 4.3.1 writes them:
 * `images --format json` and `image inspect`.
 * Members are in podman's order; what Go leaves out when empty is left out here.
 */
#include "oci/store.h"

#include "base/clock.h"
#include "base/jsonx.h"
#include "base/str.h"

#include <string.h>

#define GO_ZERO_TIME   "0001-01-01T00:00:00Z"
#define GO_ZERO_TIME_S (-62135596800)

/* As the maker wrote it. The number in struct imageconfig does not tell the epoch (reproducible
 * builds) from "absent". */
static const char *created_text(const struct image *image)
{
    const char *text = json_string_value(json_object_get(image->config.document, "created"));

    return text && text[0] ? text : GO_ZERO_TIME;
}

static int add_created(json_t *object, const struct image *image)
{
    bool is_zero = str_has_prefix(created_text(image), "0001-01-01T");
    int64_t created_s = is_zero ? GO_ZERO_TIME_S : image->config.created_unix_ns / 1000000000;
    char text[CLOCK_RFC3339_SIZE] = "1970-01-01T00:00:00Z";

    if (is_zero || created_s != 0)
        clock_format_rfc3339(is_zero ? 0 : created_s * 1000000000, text);
    return json_object_set_new(object, "Created", json_integer(created_s)) |
           json_object_set_new(object, "CreatedAt", json_string(text));
}

/* The unpacked layers, as podman counts them. A damaged layer counts as nothing. */
static uint64_t unpacked_bytes(const struct store *store, const struct image *image)
{
    uint64_t total = 0;

    for (size_t i = 0; i < image->config.diff_id_count; i++) {
        struct mcpd_error problem = {0};
        uint64_t bytes = 0;

        if (store_layer_bytes(store, &image->config.diff_ids[i], &bytes, &problem) < 0)
            store_warn(store, image->id.text, &problem);
        if (__builtin_add_overflow(total, bytes, &total))
            return INT64_MAX;
    }
    return total <= INT64_MAX ? total : INT64_MAX;
}

/* Borrowed member of the configuration's "config" object, NULL when absent. */
static json_t *config_member(const struct image *image, const char *key)
{
    return json_object_get(json_object_get(image->config.document, "config"), key);
}

/* A borrowed value as a new reference; null when there is none. */
static json_t *or_null(json_t *value)
{
    return value ? json_incref(value) : json_null();
}

static json_t *or_empty_string(json_t *value)
{
    return json_is_string(value) ? json_incref(value) : json_string("");
}

/* ---------------------------------------------------------------- images --format json */

/* podman remembers every name an image has ever had, oldest first; the store knows those it has. */
static json_t *names_history_json(const struct image *image)
{
    CLEANUP_JSON json_t *array = json_array();

    for (size_t i = strv_length(image->names); array && i > 0; i--)
        if (json_array_append_new(array, jsonx_string(image->names[i - 1])) < 0)
            return NULL;
    return TAKE_PTR(array);
}

/* The registry's digest of what was asked for: of the index, where there was one. */
static json_t *digest_json(const struct image *image)
{
    return json_string(digest_is_set(&image->index_digest) ? image->index_digest.text
                                                           : image->manifest_digest.text);
}

static int add_names(json_t *object, const struct image *image)
{
    int failed = 0;

    if (image->names && image->names[0])
        failed |= json_object_set_new(object, "Names", jsonx_strv(image->names));
    else
        failed |= json_object_set_new(object, "Dangling", json_true());
    failed |= json_object_set_new(object, "Digest", digest_json(image));
    failed |= json_object_set_new(object, "History", names_history_json(image));
    return failed;
}

json_t *image_list_json(const struct store *store, const struct image *image,
                        unsigned int container_count)
{
    json_int_t bytes = (json_int_t)unpacked_bytes(store, image);
    CLEANUP_JSON json_t *object = json_object();
    int failed = 0;

    if (!object)
        return NULL;
    failed |= json_object_set_new(object, "Id", json_string(digest_hex(&image->id)));
    failed |= json_object_set_new(object, "ParentId", json_string(""));
    failed |= json_object_set_new(object, "RepoTags", json_null());
    failed |= json_object_set_new(object, "RepoDigests", jsonx_strv(image->digest_names));
    failed |= json_object_set_new(object, "Size", json_integer(bytes));
    failed |= json_object_set_new(object, "SharedSize", json_integer(0));
    failed |= json_object_set_new(object, "VirtualSize", json_integer(bytes));
    failed |= json_object_set_new(object, "Labels", or_null(config_member(image, "Labels")));
    failed |= json_object_set_new(object, "Containers", json_integer(container_count));
    if (image->additional)
        failed |= json_object_set_new(object, "ReadOnly", json_true());
    failed |= add_names(object, image);
    failed |= add_created(object, image);
    return failed ? NULL : TAKE_PTR(object);
}

/* ---------------------------------------------------------------- image inspect */

static bool is_empty(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return json_object_size(value) == 0;
    case JSON_ARRAY:
        return json_array_size(value) == 0;
    case JSON_STRING:
        return json_string_length(value) == 0;
    case JSON_FALSE:
    case JSON_NULL:
        return true;
    case JSON_INTEGER:
    case JSON_REAL:
    case JSON_TRUE:
        return false;
    }
    return false;
}

/* The named members of `source` that are not empty, in the given order (Go's omitempty). */
static json_t *selected_members(const json_t *source, const char *const *keys, size_t key_count)
{
    CLEANUP_JSON json_t *object = json_object();

    for (size_t i = 0; object && i < key_count; i++) {
        json_t *value = json_object_get(source, keys[i]);

        if (value && !is_empty(value) && json_object_set(object, keys[i], value) < 0)
            return NULL;
    }
    return TAKE_PTR(object);
}

static json_t *config_json(const struct image *image)
{
    static const char *const keys[] = {"User",    "ExposedPorts", "Env",    "Entrypoint", "Cmd",
                                       "Volumes", "WorkingDir",   "Labels", "StopSignal"};

    return selected_members(json_object_get(image->config.document, "config"), keys,
                            ARRAY_SIZE(keys));
}

static json_t *history_json(const struct image *image)
{
    static const char *const keys[] = {"created", "created_by", "author", "comment", "empty_layer"};
    json_t *history = json_object_get(image->config.document, "history");
    CLEANUP_JSON json_t *array = json_array();

    for (size_t i = 0; array && i < json_array_size(history); i++) {
        json_t *entry = selected_members(json_array_get(history, i), keys, ARRAY_SIZE(keys));

        if (json_array_append_new(array, entry) < 0)
            return NULL;
    }
    return TAKE_PTR(array);
}

/* docker's manifests have one comment for the image, OCI's take that of the first step. */
static json_t *comment_json(const struct image *image)
{
    const struct mediatype *type = mediatype_find(image->media_type);
    const json_t *document = image->config.document;

    if (type && type->is_docker)
        return or_empty_string(json_object_get(document, "comment"));
    return or_empty_string(
        json_object_get(json_array_get(json_object_get(document, "history"), 0), "comment"));
}

static json_t *version_json(const struct image *image)
{
    return or_empty_string(json_object_get(image->config.document, "docker_version"));
}

static json_t *layers_json(const struct image *image)
{
    CLEANUP_JSON json_t *array = json_array();

    for (size_t i = 0; array && i < image->config.diff_id_count; i++)
        if (json_array_append_new(array, json_string(image->config.diff_ids[i].text)) < 0)
            return NULL;
    return TAKE_PTR(array);
}

/* The topmost layer is podman's UpperDir, the others are LowerDir, top first. */
static json_t *driver_data_json(const struct store *store, const struct image *image)
{
    CLEANUP_JSON json_t *data = json_object();
    CLEANUP_STRV char **lowers = NULL;
    CLEANUP_FREE char *lower = NULL;
    size_t count = image->config.diff_id_count;

    for (size_t i = count; data && i > 0; i--) {
        const struct store *home = store_of_layer(store, &image->config.diff_ids[i - 1]);
        char path[STORE_LAYER_PATH_SIZE];
        char *full;

        store_layer_path(&image->config.diff_ids[i - 1], path);
        full = str_format("%s/%s", home->path, path);
        if (strv_append_take(&lowers, full) < 0)
            return NULL;
    }
    if (!data || count == 0)
        return TAKE_PTR(data);
    lower = strv_join(lowers + 1, ":");
    if (!lower || (lower[0] && json_object_set_new(data, "LowerDir", jsonx_string(lower)) < 0) ||
        json_object_set_new(data, "UpperDir", jsonx_string(lowers[0])) < 0)
        return NULL;
    return TAKE_PTR(data);
}

static json_t *driver_json(const struct store *store, const struct image *image)
{
    return json_pack("{s:s, s:o}", "Name", "overlay", "Data", driver_data_json(store, image));
}

static json_t *rootfs_json(const struct image *image)
{
    return json_pack("{s:s, s:o}", "Type", "layers", "Layers", layers_json(image));
}

static json_t *text_json(const char *text)
{
    return jsonx_string(text ? text : "");
}

static int add_description(json_t *object, const struct store *store, const struct image *image)
{
    const struct imageconfig *config = &image->config;
    json_int_t bytes = (json_int_t)unpacked_bytes(store, image);
    int failed = 0;

    failed |= json_object_set_new(object, "Parent", json_string(""));
    failed |= json_object_set_new(object, "Comment", comment_json(image));
    failed |= json_object_set_new(object, "Created", jsonx_string(created_text(image)));
    failed |= json_object_set_new(object, "Config", config_json(image));
    failed |= json_object_set_new(object, "Version", version_json(image));
    failed |= json_object_set_new(object, "Author", text_json(config->author));
    failed |= json_object_set_new(object, "Architecture", text_json(config->architecture));
    failed |= json_object_set_new(object, "Os", text_json(config->os));
    failed |= json_object_set_new(object, "Size", json_integer(bytes));
    failed |= json_object_set_new(object, "VirtualSize", json_integer(bytes));
    failed |= json_object_set_new(object, "GraphDriver", driver_json(store, image));
    failed |= json_object_set_new(object, "RootFS", rootfs_json(image));
    return failed;
}

static int add_rest(json_t *object, const struct image *image, const struct image *named)
{
    json_t *healthcheck = config_member(image, "Healthcheck");
    int failed;

    failed = json_object_set_new(object, "Labels", or_null(config_member(image, "Labels")));
    failed |=
        json_object_set_new(object, "Annotations",
                            image->annotations ? json_incref(image->annotations) : json_object());
    failed |= json_object_set_new(object, "ManifestType", jsonx_string(image->media_type));
    failed |= json_object_set_new(object, "User", text_json(image->config.user));
    failed |= json_object_set_new(object, "History", history_json(image));
    failed |= json_object_set_new(object, "NamesHistory", names_history_json(named));
    if (healthcheck && !is_empty(healthcheck))
        failed |= json_object_set(object, "Healthcheck", healthcheck);
    return failed;
}

/* The names that are tags. */
static json_t *repo_tags_json(const struct image *image)
{
    CLEANUP_JSON json_t *array = json_array();

    for (size_t i = 0; array && image->names && image->names[i]; i++)
        if (!strchr(image->names[i], '@') &&
            json_array_append_new(array, jsonx_string(image->names[i])) < 0)
            return NULL;
    return TAKE_PTR(array);
}

json_t *image_inspect_json(const struct store *store, const struct image *image)
{
    CLEANUP(image_done) struct image all = {.id = image->id, .additional = image->additional};
    CLEANUP_JSON json_t *object = NULL;
    const struct image *named = image;

    /* Found by one of its names: the others are wanted too. */
    if (!image->has_all_names && store_load_image_names(store, &all, NULL) == 0)
        named = &all;
    object = json_pack("{s:s, s:o, s:o, s:o}", "Id", digest_hex(&image->id), "Digest",
                       digest_json(image), "RepoTags", repo_tags_json(named), "RepoDigests",
                       jsonx_strv(named->digest_names));
    if (!object || add_description(object, store, image) || add_rest(object, image, named))
        return NULL;
    return TAKE_PTR(object);
}
