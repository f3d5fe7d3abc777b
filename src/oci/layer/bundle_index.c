/* bundle_index.c - see bundle_index.h. */
#include "oci/layer/bundle_index.h"

#include "base/jsonx.h"
#include "oci/manifest.h"

#include <string.h>

#define VERSION 1
#define DEPTH   4
#define WHAT    BUNDLE_ANNOTATION

void bundle_index_done(struct bundle_index *index)
{
    for (size_t i = 0; i < index->need_count; i++)
        free(index->needs[i].image);
    free(index->needs);
    *index = (struct bundle_index){0};
}

int bundle_index_add_need(struct bundle_index *index, const struct bundle_need *need,
                          struct mcpd_error *err)
{
    struct bundle_need *needs;

    if (index->need_count == BUNDLE_MAX_NEEDS)
        return error_set(err, MCPD_E_LIMIT, "a bundle can leave out %d layers at most",
                         BUNDLE_MAX_NEEDS);
    needs = reallocarray(index->needs, index->need_count + 1, sizeof(*needs));
    if (!needs)
        return error_no_memory(err, "a bundle's index");
    index->needs = needs;
    needs[index->need_count] = *need;
    needs[index->need_count].image = strdup(need->image ? need->image : "");
    if (!needs[index->need_count].image)
        return error_no_memory(err, "a bundle's index");
    index->need_count++;
    return 0;
}

int bundle_index_format(const struct bundle_index *index, char **ret_text, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *needs = json_array();
    CLEANUP_JSON json_t *root = NULL;

    for (size_t i = 0; i < index->need_count; i++) {
        const struct bundle_need *need = &index->needs[i];

        if (json_array_append_new(needs, json_pack("{s:s, s:s, s:I, s:o}", "digest",
                                                   need->digest.text, "diffId", need->diff_id.text,
                                                   "size", (json_int_t)need->size, "image",
                                                   jsonx_string(need->image))) < 0)
            return error_no_memory(err, "a bundle's index");
    }
    root = json_pack("{s:i, s:I, s:O}", "version", VERSION, "documents",
                     (json_int_t)index->document_count, "needs", needs);
    *ret_text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    if (!*ret_text)
        return error_no_memory(err, "a bundle's index");
    if (strlen(*ret_text) <= JSONX_STRING_MAX_BYTES)
        return 0;
    free(*ret_text);
    *ret_text = NULL;
    return error_set(err, MCPD_E_LIMIT, "the bundle leaves out too many layers to name them");
}

/* ------------------------------------------------------------------ reading it */

static int get_digest(const json_t *entry, const char *key, struct digest *ret_digest,
                      struct mcpd_error *err)
{
    const char *text = NULL;
    int rc = jsonx_get_string(entry, key, WHAT, &text, err);

    if (rc == 0 && !text)
        return error_set(err, MCPD_E_CORRUPT, WHAT ": a needed layer has no %s", key);
    return rc < 0 ? rc : digest_parse(text, ret_digest, err);
}

static int parse_need(const json_t *entry, struct bundle_index *index, struct mcpd_error *err)
{
    struct bundle_need need = {0};
    const char *image = NULL;
    union {
        const char *in;
        char *out;
    } name;
    int rc = get_digest(entry, "digest", &need.digest, err);

    if (rc == 0)
        rc = get_digest(entry, "diffId", &need.diff_id, err);
    if (rc == 0)
        rc = jsonx_get_u64(entry, "size", WHAT, &need.size, err);
    if (rc == 0)
        rc = jsonx_get_string(entry, "image", WHAT, &image, err);
    if (rc < 0)
        return rc;
    if (image && strlen(image) > BUNDLE_MAX_IMAGE_NAME)
        return error_set(err, MCPD_E_LIMIT, WHAT ": a name is too long");
    name.in = image;
    need.image = name.out; /* is copied */
    return bundle_index_add_need(index, &need, err);
}

static int parse_needs(const json_t *root, struct bundle_index *index, struct mcpd_error *err)
{
    json_t *needs = NULL;
    json_t *entry;
    size_t i;
    int rc = jsonx_get_array(root, "needs", WHAT, &needs, err);

    if (rc < 0)
        return rc;
    json_array_foreach(needs, i, entry) {
        if (!json_is_object(entry))
            return error_set(err, MCPD_E_CORRUPT, WHAT ": a needed layer is no object");
        rc = parse_need(entry, index, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int parse_annotation(const char *text, struct bundle_index *index, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *root = NULL;
    uint64_t version = 0, documents = 0;
    int rc = jsonx_parse(text, strlen(text), DEPTH, WHAT, &root, err);

    if (rc == 0)
        rc = jsonx_get_u64(root, "version", WHAT, &version, err);
    if (rc == 0 && version != VERSION)
        return error_set(err, MCPD_E_UNSUPPORTED,
                         "a bundle of version %llu, and this program knows version %d only",
                         (unsigned long long)version, VERSION);
    if (rc == 0)
        rc = jsonx_get_u64(root, "documents", WHAT, &documents, err);
    if (rc == 0 && (documents == 0 || documents > BUNDLE_MAX_DOCUMENTS))
        return error_set(err, MCPD_E_LIMIT, WHAT ": from 1 to %d documents, not %llu",
                         BUNDLE_MAX_DOCUMENTS, (unsigned long long)documents);
    index->document_count = (size_t)documents;
    return rc < 0 ? rc : parse_needs(root, index, err);
}

int bundle_index_parse(const char *text, size_t length, struct bundle_index *ret_index,
                       struct mcpd_error *err)
{
    CLEANUP(manifest_document_done) struct manifest_document document = {0};
    CLEANUP_BUNDLE_INDEX struct bundle_index index = {0};
    const json_t *annotation;
    int rc = manifest_parse(text, length, NULL, &document, err);

    if (rc < 0)
        return error_wrap(err, rc, BUNDLE_INDEX_NAME);
    annotation = document.kind == MANIFEST_KIND_INDEX
                     ? json_object_get(document.index.annotations, BUNDLE_ANNOTATION)
                     : NULL;
    if (!annotation)
        return error_set(err, MCPD_E_UNSUPPORTED,
                         "no bundle (`load` takes archives of other programs)");
    rc = parse_annotation(json_string_value(annotation), &index, err);
    if (rc < 0)
        return rc;
    *ret_index = index;
    index = (struct bundle_index){0};
    return 0;
}
