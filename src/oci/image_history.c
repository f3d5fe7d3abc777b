/*
 * image_history.c - podman's `history --format json`: the steps that made an image, the last first.
 *
 * What the steps say of themselves comes from the config and is not checked against anything. The
 * steps that are not marked as empty take the layers from the bottom up; one too many has no size.
 * Images that steps of ours left by the way are not told apart: only the topmost has an id.
 */
#include "oci/store.h"

#include "base/jsonx.h"

static json_t *text_of(const json_t *step, const char *member)
{
    json_t *value = json_object_get(step, member);

    return json_is_string(value) ? json_incref(value) : json_string("");
}

/* A damaged layer counts as nothing, as in `images`. */
static json_int_t size_of_layer(const struct store *store, const struct image *image, size_t layer)
{
    struct mcpd_error problem = {0};
    uint64_t bytes = 0;

    if (store_layer_bytes(store, &image->config.diff_ids[layer], &bytes, &problem) < 0)
        store_warn(store, image->id.text, &problem);
    return bytes <= INT64_MAX ? (json_int_t)bytes : INT64_MAX;
}

static json_t *step_json(const struct image *image, const json_t *step, bool is_last,
                         json_int_t size)
{
    CLEANUP_JSON json_t *object = json_object();
    int failed = !object;

    failed |= json_object_set_new(object, "id",
                                  json_string(is_last ? digest_hex(&image->id) : "<missing>"));
    failed |= json_object_set_new(object, "created", text_of(step, "created"));
    failed |= json_object_set_new(object, "CreatedBy", text_of(step, "created_by"));
    failed |= json_object_set_new(object, "size", json_integer(size));
    if (json_string_length(json_object_get(step, "comment")) > 0)
        failed |= json_object_set_new(object, "comment", text_of(step, "comment"));
    failed |= json_object_set_new(object, "Created", text_of(step, "created"));
    return failed ? NULL : TAKE_PTR(object);
}

json_t *image_history_json(const struct store *store, const struct image *image)
{
    const json_t *history = json_object_get(image->config.document, "history");
    CLEANUP_JSON json_t *array = json_array();
    size_t count = json_array_size(history);
    size_t layer = 0;

    for (size_t i = 0; array && i < count; i++) {
        const json_t *step = json_array_get(history, i);
        bool has_layer = !json_is_true(json_object_get(step, "empty_layer")) &&
                         layer < image->config.diff_id_count;
        json_int_t size = has_layer ? size_of_layer(store, image, layer++) : 0;

        if (json_array_insert_new(array, 0, step_json(image, step, i + 1 == count, size)) < 0)
            return NULL;
    }
    return TAKE_PTR(array);
}
