/*
 * manifest.c - manifests and indexes: read with every value checked, choose, write.
 *
 * One document may be read by us as a manifest and by a scanner or a signature check as an index;
 * therefore members of both kinds, or labels that contradict the content, refuse the document as
 * a whole instead of choosing (CVE-2021-41190).
 */
#include "oci/manifest.h"

#include "base/buf.h"
#include "base/jsonx.h"
#include "base/str.h"

#include <string.h>

#define MANIFEST_DEPTH  32
#define WHAT_SIZE       64
#define PLATFORMS_BYTES 320 /* of the list in an error */

/* ---------------------------------------------------------------- descriptors */

void descriptor_done(struct descriptor *descriptor)
{
    free(descriptor->media_type);
    strv_free(descriptor->urls);
    strv_free(descriptor->annotations);
    *descriptor = (struct descriptor){0};
}

static void descriptors_free(struct descriptor *descriptors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        descriptor_done(&descriptors[i]);
    free(descriptors);
}

static int read_platform_part(const json_t *platform, const char *key, const char *what,
                              char part[PLATFORM_PART_SIZE], struct mcpd_error *err)
{
    const char *text = NULL;
    int rc = jsonx_get_string(platform, key, what, &text, err);

    if (rc < 0)
        return rc;
    if (text && str_copy(part, PLATFORM_PART_SIZE, text) < 0)
        return error_set(err, MCPD_E_LIMIT, "%s.%s is too long", what, key);
    return 0;
}

static int read_platform(const json_t *object, const char *what, struct platform *ret_platform,
                         struct mcpd_error *err)
{
    struct platform platform = {0};
    json_t *member = NULL;
    int rc = jsonx_get_object(object, "platform", what, &member, err);

    if (rc < 0 || !member)
        return rc;
    rc = read_platform_part(member, "os", what, platform.os, err);
    if (rc == 0)
        rc = read_platform_part(member, "architecture", what, platform.architecture, err);
    if (rc == 0)
        rc = read_platform_part(member, "variant", what, platform.variant, err);
    if (rc < 0)
        return rc;
    *ret_platform = platform;
    return 0;
}

static int read_digest_and_size(const json_t *object, const char *what,
                                struct descriptor *descriptor, struct mcpd_error *err)
{
    const char *digest = NULL;
    int64_t size = -1;
    int rc = jsonx_get_string(object, "digest", what, &digest, err);

    if (rc < 0)
        return rc;
    if (!digest)
        return error_set(err, MCPD_E_CORRUPT, "%s.digest is missing", what);
    rc = digest_parse(digest, &descriptor->digest, err);
    if (rc < 0)
        return error_wrap(err, -MCPD_E_CORRUPT, "%s.digest", what);
    rc = jsonx_get_i64(object, "size", what, &size, err);
    if (rc < 0)
        return rc;
    if (size < 0)
        return error_set(err, MCPD_E_CORRUPT, "%s.size is missing or negative", what);
    descriptor->size = (uint64_t)size;
    return 0;
}

/* *descriptor is zeroed by the caller, who also cleans up after a failure. */
static int read_descriptor(const json_t *object, const char *what, struct descriptor *descriptor,
                           struct mcpd_error *err)
{
    int rc;

    if (!json_is_object(object))
        return error_set(err, MCPD_E_CORRUPT, "%s: expected an object", what);
    rc = read_digest_and_size(object, what, descriptor, err);
    if (rc == 0)
        rc = jsonx_dup_string(object, "mediaType", what, &descriptor->media_type, err);
    if (rc == 0)
        rc = jsonx_get_strv(object, "urls", what, &descriptor->urls, err);
    if (rc == 0)
        rc = jsonx_get_string_map(object, "annotations", what, &descriptor->annotations, err);
    if (rc == 0)
        rc = read_platform(object, what, &descriptor->platform, err);
    return rc;
}

/* An array of descriptors; on failure *ret_count tells how many are to be freed. */
static int read_descriptors(const json_t *array, const char *what, size_t maximum,
                            struct descriptor **ret_descriptors, size_t *ret_count,
                            struct mcpd_error *err)
{
    size_t count = json_array_size(array);

    if (count > maximum)
        return error_set(err, MCPD_E_LIMIT, "%s has %zu entries, more than %zu", what, count,
                         maximum);
    if (count == 0)
        return 0;
    *ret_descriptors = calloc(count, sizeof(**ret_descriptors));
    if (!*ret_descriptors)
        return error_no_memory(err, what);
    *ret_count = count;
    for (size_t i = 0; i < count; i++) {
        char entry[WHAT_SIZE];
        int rc;

        (void)snprintf(entry, sizeof(entry), "%s[%zu]", what, i);
        rc = read_descriptor(json_array_get(array, i), entry, &(*ret_descriptors)[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---------------------------------------------------------------- what is it */

static int refuse_schema1(struct mcpd_error *err)
{
    return error_set(err, MCPD_E_UNSUPPORTED,
                     "this image has a manifest of schema 1, which was given up in 2017: "
                     "push it again with a newer tool");
}

/* Does a label (NULL: none) agree with what the content is? */
static int check_label(const char *label, enum manifest_kind kind, struct mcpd_error *err)
{
    const struct mediatype *type = mediatype_find(label);
    enum mediatype_kind expected =
        kind == MANIFEST_KIND_IMAGE ? MEDIATYPE_KIND_MANIFEST : MEDIATYPE_KIND_INDEX;

    if (!type || type->kind == MEDIATYPE_KIND_CONFIG || type->kind == expected)
        return 0;
    return error_set(err, MCPD_E_CORRUPT, "ambiguous manifest: it is called %s but is %s",
                     type->name, kind == MANIFEST_KIND_IMAGE ? "an image manifest" : "an index");
}

static int check_schema_version(const json_t *root, struct mcpd_error *err)
{
    int64_t version = 0;
    int rc = jsonx_get_i64(root, "schemaVersion", "manifest", &version, err);

    if (rc < 0)
        return rc;
    if (version == 1 || json_object_get(root, "fsLayers"))
        return refuse_schema1(err);
    if (version != 2)
        return error_set(err, MCPD_E_CORRUPT, "manifest.schemaVersion is not 2");
    return 0;
}

static int decide_kind(const json_t *root, const char *content_type, enum manifest_kind *ret_kind,
                       struct mcpd_error *err)
{
    bool is_manifest = json_object_get(root, "layers") || json_object_get(root, "config");
    bool is_index = json_object_get(root, "manifests") != NULL;
    enum manifest_kind kind = is_index ? MANIFEST_KIND_INDEX : MANIFEST_KIND_IMAGE;
    const char *own_type = NULL;
    int rc = check_schema_version(root, err);

    if (rc < 0)
        return rc;
    if (is_manifest && is_index)
        return error_set(err, MCPD_E_CORRUPT,
                         "ambiguous manifest: it has both \"layers\" and \"manifests\"");
    if (!is_manifest && !is_index)
        return error_set(err, MCPD_E_CORRUPT, "neither an image manifest nor an index");
    rc = jsonx_get_string(root, "mediaType", "manifest", &own_type, err);
    if (rc == 0)
        rc = check_label(own_type, kind, err);
    if (rc == 0)
        rc = check_label(content_type, kind, err);
    if (rc < 0)
        return rc;
    *ret_kind = kind;
    return 0;
}

/* The document's own media type, else what the sender calls it, else what its first descriptor
 * suggests. */
static int read_media_type(const json_t *root, const char *content_type, enum manifest_kind kind,
                           const char *first_type, char **ret_type, struct mcpd_error *err)
{
    const struct mediatype *type = mediatype_find(content_type);
    const struct mediatype *first = mediatype_find(first_type);
    bool is_image = kind == MANIFEST_KIND_IMAGE;
    const char *name;
    int rc = jsonx_dup_string(root, "mediaType", "manifest", ret_type, err);

    if (rc < 0 || *ret_type)
        return rc;
    if (type && type->kind != MEDIATYPE_KIND_CONFIG)
        name = type->name;
    else if (first && first->is_docker)
        name = is_image ? MEDIATYPE_DOCKER_MANIFEST : MEDIATYPE_DOCKER_LIST;
    else
        name = is_image ? MEDIATYPE_OCI_MANIFEST : MEDIATYPE_OCI_INDEX;
    *ret_type = strdup(name);
    return *ret_type ? 0 : error_no_memory(err, "media type");
}

static int read_annotations(const json_t *root, json_t **ret_annotations, struct mcpd_error *err)
{
    json_t *annotations = NULL;
    const char *key;
    json_t *value;
    int rc = jsonx_get_object(root, "annotations", "manifest", &annotations, err);

    if (rc < 0 || !annotations)
        return rc;
    json_object_foreach(annotations, key, value)
        if (!json_is_string(value))
            return error_set(err, MCPD_E_CORRUPT, "manifest.annotations.%s: expected a string",
                             key);
    *ret_annotations = json_incref(annotations);
    return 0;
}

/* ---------------------------------------------------------------- documents */

static void manifest_done(struct manifest *manifest)
{
    free(manifest->media_type);
    descriptor_done(&manifest->config);
    descriptors_free(manifest->layers, manifest->layer_count);
    json_decref(manifest->annotations);
    *manifest = (struct manifest){0};
}

static void index_done(struct manifest_index *list)
{
    free(list->media_type);
    descriptors_free(list->entries, list->entry_count);
    json_decref(list->annotations);
    *list = (struct manifest_index){0};
}

void manifest_document_done(struct manifest_document *document)
{
    int saved_errno = errno;

    manifest_done(&document->manifest);
    index_done(&document->index);
    errno = saved_errno;
}

static int read_manifest(const json_t *root, const char *content_type, struct manifest *manifest,
                         struct mcpd_error *err)
{
    json_t *layers = NULL;
    json_t *config = NULL;
    int rc = jsonx_get_object(root, "config", "manifest", &config, err);

    if (rc == 0)
        rc = jsonx_get_array(root, "layers", "manifest", &layers, err);
    if (rc < 0)
        return rc;
    if (!config || !layers)
        return error_set(err, MCPD_E_CORRUPT, "manifest.%s is missing",
                         config ? "layers" : "config");
    rc = read_descriptor(config, "manifest.config", &manifest->config, err);
    if (rc == 0)
        rc = read_descriptors(layers, "manifest.layers", MANIFEST_MAX_LAYERS, &manifest->layers,
                              &manifest->layer_count, err);
    if (rc == 0)
        rc = read_media_type(root, content_type, MANIFEST_KIND_IMAGE, manifest->config.media_type,
                             &manifest->media_type, err);
    if (rc == 0)
        rc = read_annotations(root, &manifest->annotations, err);
    return rc;
}

static int read_index(const json_t *root, const char *content_type, struct manifest_index *list,
                      struct mcpd_error *err)
{
    json_t *entries = NULL;
    int rc = jsonx_get_array(root, "manifests", "index", &entries, err);

    if (rc < 0)
        return rc;
    if (!entries)
        return error_set(err, MCPD_E_CORRUPT, "index.manifests is missing");
    rc = read_descriptors(entries, "index.manifests", MANIFEST_MAX_ENTRIES, &list->entries,
                          &list->entry_count, err);
    if (rc == 0)
        rc = read_media_type(root, content_type, MANIFEST_KIND_INDEX,
                             list->entry_count > 0 ? list->entries[0].media_type : NULL,
                             &list->media_type, err);
    if (rc == 0)
        rc = read_annotations(root, &list->annotations, err);
    return rc;
}

static int read_document(const json_t *root, const char *content_type,
                         struct manifest_document *document, struct mcpd_error *err)
{
    int rc;

    if (!json_is_object(root))
        return error_set(err, MCPD_E_CORRUPT, "manifest: expected an object");
    rc = decide_kind(root, content_type, &document->kind, err);
    if (rc < 0)
        return rc;
    switch (document->kind) {
    case MANIFEST_KIND_IMAGE:
        return read_manifest(root, content_type, &document->manifest, err);
    case MANIFEST_KIND_INDEX:
        return read_index(root, content_type, &document->index, err);
    }
    return error_set(err, MCPD_E_INTERNAL, "manifest of no kind");
}

int manifest_parse(const char *text, size_t length, const char *content_type,
                   struct manifest_document *ret_document, struct mcpd_error *err)
{
    struct manifest_document document = {0};
    const struct mediatype *type = mediatype_find(content_type);
    CLEANUP_JSON json_t *root = NULL;
    int rc;

    if (length > MANIFEST_MAX_BYTES)
        return error_set(err, MCPD_E_LIMIT, "manifest is larger than %u bytes", MANIFEST_MAX_BYTES);
    if (type && type->kind == MEDIATYPE_KIND_SCHEMA1)
        return refuse_schema1(err);
    rc = jsonx_parse(text, length, MANIFEST_DEPTH, "manifest", &root, err);
    if (rc == 0)
        rc = read_document(root, content_type, &document, err);
    if (rc < 0) {
        manifest_document_done(&document);
        return rc;
    }
    *ret_document = document;
    return 0;
}

/* ---------------------------------------------------------------- use */

int manifest_check_runnable(const struct manifest *manifest, struct mcpd_error *err)
{
    const struct mediatype *type = mediatype_find(manifest->config.media_type);

    if (!type || type->kind != MEDIATYPE_KIND_CONFIG)
        return error_set(err, MCPD_E_UNSUPPORTED, "not a container image but \"%s\"",
                         manifest->config.media_type ? manifest->config.media_type : "");
    for (size_t i = 0; i < manifest->layer_count; i++) {
        const struct descriptor *layer = &manifest->layers[i];

        type = mediatype_find(layer->media_type);
        if (!type || type->kind != MEDIATYPE_KIND_LAYER)
            return error_set(err, MCPD_E_UNSUPPORTED, "layer %zu is of the unknown type \"%s\"",
                             i + 1, layer->media_type ? layer->media_type : "");
        if (type->is_foreign)
            return error_set(err, MCPD_E_UNSUPPORTED,
                             "layer %zu is foreign (not in the registry, by its maker's wish): "
                             "such layers are not fetched",
                             i + 1);
    }
    return 0;
}

static bool is_manifest_entry(const struct descriptor *entry)
{
    const struct mediatype *type = mediatype_find(entry->media_type);

    if (!entry->media_type)
        return true;
    return type && (type->kind == MEDIATYPE_KIND_MANIFEST || type->kind == MEDIATYPE_KIND_INDEX);
}

static int refuse_platform(const struct manifest_index *list, const struct platform *wanted,
                           struct mcpd_error *err)
{
    char text[PLATFORM_TEXT_SIZE];
    CLEANUP_BUF struct buf there;

    buf_init(&there, PLATFORMS_BYTES);
    for (size_t i = 0; i < list->entry_count; i++) {
        const struct platform *platform = &list->entries[i].platform;

        /* Attestations call themselves unknown/unknown. */
        if (!platform->os[0] || str_equal(platform->os, "unknown"))
            continue;
        platform_format(platform, text, sizeof(text));
        (void)buf_append_format(&there, "%s%s", there.length > 0 ? ", " : "", text);
    }
    platform_format(wanted, text, sizeof(text));
    return error_set(err, MCPD_E_NOT_FOUND, "no image found in manifest list for %s; it has %s%s",
                     text, there.length > 0 ? buf_text(&there) : "none",
                     there.failure < 0 ? ", ..." : "");
}

int manifest_index_choose(const struct manifest_index *index, const struct platform *wanted,
                          const struct descriptor **ret_entry, struct mcpd_error *err)
{
    const struct descriptor *best = NULL;
    struct platform normal = *wanted;
    int best_distance = 0;

    platform_normalise(&normal);
    for (size_t i = 0; i < index->entry_count; i++) {
        struct platform offered = index->entries[i].platform;
        int distance;

        if (!is_manifest_entry(&index->entries[i]))
            continue;
        platform_normalise(&offered);
        distance = platform_distance(&normal, &offered);
        if (distance < 0 || (best && distance >= best_distance))
            continue;
        best = &index->entries[i];
        best_distance = distance;
    }
    if (!best && index->entry_count == 1 && !index->entries[0].platform.os[0] &&
        is_manifest_entry(&index->entries[0]))
        best = &index->entries[0];
    if (!best)
        return refuse_platform(index, wanted, err);
    *ret_entry = best;
    return 0;
}

static json_t *descriptor_json(const struct descriptor *descriptor)
{
    json_t *object = json_pack("{s:s?, s:I, s:s}", "mediaType", descriptor->media_type, "size",
                               (json_int_t)descriptor->size, "digest", descriptor->digest.text);

    if (object && descriptor->annotations)
        (void)json_object_set_new(object, "annotations", jsonx_string_map(descriptor->annotations));
    return object;
}

int manifest_format(const struct manifest *manifest, char **ret_text, size_t *ret_length,
                    struct mcpd_error *err)
{
    json_t *layers = json_array();
    CLEANUP_JSON json_t *root = NULL;
    char *text;
    int failed = 0;

    for (size_t i = 0; i < manifest->layer_count; i++)
        failed |= json_array_append_new(layers, descriptor_json(&manifest->layers[i]));
    root = json_pack("{s:i, s:s, s:o, s:o}", "schemaVersion", 2, "mediaType", manifest->media_type,
                     "config", descriptor_json(&manifest->config), "layers", layers);
    if (root && manifest->annotations)
        failed |= json_object_set(root, "annotations", manifest->annotations);
    text = root && !failed ? json_dumps(root, JSON_COMPACT) : NULL;
    if (!text)
        return error_no_memory(err, "manifest");
    *ret_text = text;
    *ret_length = strlen(text);
    return 0;
}
