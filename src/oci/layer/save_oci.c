/*
 * save_oci.c - an OCI image layout, in a tar (oci-archive, bundle) or as a folder (oci-dir).
 *
 * In a tar the small documents come first, so that who reads a stream knows what to expect. In a
 * folder index.json comes last: until then nothing leads to what was added, and images that are in
 * it already stay.
 */
#include "oci/layer/archive_save_parts.h"

#include "base/fsutil.h"
#include "base/jsonx.h"
#include "base/str.h"
#include "oci/layer/bundle_index.h"

#include <string.h>

#define MEMBER_MODE     0644
#define LAYOUT_TEXT     "{\"imageLayoutVersion\":\"1.0.0\"}"
#define INDEX_NAME      "index.json"
#define INDEX_MAX_BYTES (4u << 20)
#define REF_NAME        "org.opencontainers.image.ref.name"

static int put_blob(struct archive_save *save, const struct digest *digest, const char *text,
                    size_t length, struct mcpd_error *err)
{
    CLEANUP_FREE char *name = str_format("blobs/sha256/%s", digest_hex(digest));
    bool is_new = false;
    int rc = name ? save_seen_add(&save->seen, digest, &is_new, err)
                  : error_no_memory(err, "an archive");

    if (rc < 0 || !is_new)
        return rc;
    return save_output_text(save->output, name, MEMBER_MODE, text, length, err);
}

static int put_layers(struct archive_save *save, const struct save_image *item,
                      struct mcpd_error *err)
{
    for (size_t i = 0; i < item->image.config.diff_id_count; i++) {
        const struct layer_source *source = &item->sources[i];
        CLEANUP_FREE char *name = str_format("blobs/sha256/%s", digest_hex(&source->digest));
        int rc = name ? 0 : error_no_memory(err, "an archive");

        if (rc == 0 && !item->left_out[i])
            rc = archive_save_layer(save, source, name, MEMBER_MODE, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ------------------------------------------------------------------ index.json */

static json_t *index_entry(const struct save_manifest *manifest, const char *name)
{
    json_t *entry = json_pack("{s:s, s:s, s:I}", "mediaType", manifest->media_type, "digest",
                              manifest->digest.text, "size", (json_int_t)manifest->length);

    if (entry && name &&
        json_object_set_new(entry, "annotations", json_pack("{s:s}", REF_NAME, name)) < 0) {
        json_decref(entry);
        return NULL;
    }
    return entry;
}

/* One entry for each name, or one without. */
static int add_entries(json_t *entries, const struct save_image *item,
                       const struct save_manifest *manifest, struct mcpd_error *err)
{
    size_t count = strv_length(item->names);

    for (size_t i = 0; i < (count > 0 ? count : 1); i++)
        if (json_array_append_new(entries,
                                  index_entry(manifest, count > 0 ? item->names[i] : NULL)) < 0)
            return error_no_memory(err, INDEX_NAME);
    return 0;
}

static const char *name_of(const json_t *entry)
{
    return json_string_value(json_object_get(json_object_get(entry, "annotations"), REF_NAME));
}

/* Is the entry replaced by one of ours: by its name, or without one, the same manifest? */
static bool is_replaced(const json_t *entry, const json_t *ours)
{
    size_t i;
    json_t *other;

    json_array_foreach(ours, i, other) {
        const char *left = name_of(entry), *right = name_of(other);

        if (str_equal(left, right) && (left || json_equal(json_object_get(entry, "digest"),
                                                          json_object_get(other, "digest"))))
            return true;
    }
    return false;
}

/* The images that the folder had before stay in front of ours. */
static int add_old_entries(int dir_fd, json_t *entries, const json_t *ours, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *index = NULL;
    json_t *old = NULL;
    json_t *entry;
    size_t i;
    int rc;

    if (!fs_exists(dir_fd, INDEX_NAME))
        return 0;
    rc = jsonx_load(dir_fd, INDEX_NAME, INDEX_MAX_BYTES, &index, err);
    if (rc == 0)
        rc = jsonx_get_array(index, "manifests", INDEX_NAME, &old, err);
    if (rc < 0)
        return rc;
    json_array_foreach(old, i, entry)
        if (!is_replaced(entry, ours) && json_array_append(entries, entry) < 0)
            return error_no_memory(err, INDEX_NAME);
    return 0;
}

/* bundle: its annotation; NULL: it is none. Owned by the caller. */
static int make_index(json_t *entries, const char *bundle, char **ret_text, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *index = json_pack("{s:i, s:s, s:O}", "schemaVersion", 2, "mediaType",
                                           MEDIATYPE_OCI_INDEX, "manifests", entries);

    if (index && bundle &&
        json_object_set_new(index, "annotations", json_pack("{s:s}", BUNDLE_ANNOTATION, bundle)) <
            0)
        return error_no_memory(err, INDEX_NAME);
    *ret_text = index ? json_dumps(index, JSON_COMPACT) : NULL;
    return *ret_text ? 0 : error_no_memory(err, INDEX_NAME);
}

static int put_index(struct archive_save *save, json_t *ours, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *entries = json_array();
    CLEANUP_FREE char *text = NULL;
    int rc = 0;

    if (save_output_is_folder(save->output))
        rc = add_old_entries(save_output_dir_fd(save->output), entries, ours, err);
    if (rc == 0 && json_array_extend(entries, ours) < 0)
        rc = error_no_memory(err, INDEX_NAME);
    if (rc == 0)
        rc = make_index(entries, save->annotation, &text, err);
    if (rc == 0 && save->annotation)
        rc = save_bundle_sign(save, text, err);
    return rc < 0
               ? rc
               : save_output_text(save->output, INDEX_NAME, MEMBER_MODE, text, strlen(text), err);
}

/* ------------------------------------------------------------------ all of it */

static int put_documents(struct archive_save *save, const struct save_manifest *manifests,
                         struct mcpd_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < save->images.count && rc == 0; i++) {
        const struct save_image *item = &save->images.items[i];

        rc = put_blob(save, &manifests[i].digest, manifests[i].text, manifests[i].length, err);
        if (rc == 0)
            rc = put_blob(save, &item->image.id, item->config_text, item->config_length, err);
    }
    return rc;
}

static int put_all_layers(struct archive_save *save, struct mcpd_error *err)
{
    for (size_t i = 0; i < save->images.count; i++) {
        const struct save_image *item = &save->images.items[i];
        int rc = put_layers(save, item, err);

        if (rc < 0)
            return rc;
        progress_report(save->progress, "config", item->image.id.text, 0, item->config_length);
    }
    return 0;
}

static int put_head(struct archive_save *save, struct mcpd_error *err)
{
    int rc = save_output_text(save->output, "oci-layout", MEMBER_MODE, LAYOUT_TEXT,
                              strlen(LAYOUT_TEXT), err);

    if (rc == 0 && save_output_is_folder(save->output))
        return save_output_make_folder(save->output, "blobs/sha256", err);
    return rc;
}

static int put_tar_folders(struct archive_save *save, struct mcpd_error *err)
{
    int rc = save_output_make_folder(save->output, "blobs/", err);

    return rc < 0 ? rc : save_output_make_folder(save->output, "blobs/sha256/", err);
}

static int put_all(struct archive_save *save, const struct save_manifest *manifests,
                   json_t *entries, struct mcpd_error *err)
{
    bool is_folder = save_output_is_folder(save->output);
    int rc = put_head(save, err);

    if (rc == 0 && !is_folder)
        rc = put_index(save, entries, err);
    if (rc == 0 && !is_folder)
        rc = put_tar_folders(save, err);
    if (rc == 0)
        rc = put_documents(save, manifests, err);
    if (rc == 0)
        rc = put_all_layers(save, err);
    if (rc == 0 && is_folder)
        rc = put_index(save, entries, err);
    return rc;
}

static int save_layout(struct archive_save *save, bool is_bundle, struct mcpd_error *err)
{
    CLEANUP_FREE struct save_manifest *manifests =
        calloc(save->images.count + 1, sizeof(*manifests));
    CLEANUP_JSON json_t *entries = json_array();
    int rc = manifests && entries ? 0 : error_no_memory(err, "an archive");

    for (size_t i = 0; i < save->images.count && rc == 0; i++) {
        rc = save_manifest_make(&save->images.items[i], SAVE_MANIFEST_OCI, &manifests[i], err);
        if (rc == 0)
            rc = add_entries(entries, &save->images.items[i], &manifests[i], err);
    }
    if (rc == 0 && is_bundle)
        rc = save_bundle_annotate(save, manifests, err);
    if (rc == 0)
        rc = put_all(save, manifests, entries, err);
    for (size_t i = 0; manifests && i < save->images.count; i++)
        free(manifests[i].text);
    return rc;
}

int archive_save_oci(struct archive_save *save, struct mcpd_error *err)
{
    return save_layout(save, false, err);
}

int archive_save_bundle(struct archive_save *save, struct mcpd_error *err)
{
    return save_layout(save, true, err);
}
