/* push_plan.c - see push_plan.h. */
#include "registry/push_plan.h"

#include "base/str.h"
#include "oci/blobs.h"

#include <string.h>

static void document_done(struct push_document *document)
{
    free(document->text);
    manifest_document_done(&document->document);
    imageconfig_done(&document->config);
    *document = (struct push_document){0};
}

void push_plan_done(struct push_plan *plan)
{
    for (size_t i = 0; i < plan->manifest_count; i++)
        document_done(&plan->manifests[i]);
    free(plan->manifests);
    free(plan->blobs);
    document_done(&plan->index);
    *plan = (struct push_plan){0};
}

const struct push_document *push_plan_top(const struct push_plan *plan)
{
    return plan->index.text ? &plan->index : &plan->manifests[0];
}

/* ------------------------------------------------------------------ documents */

static const char *type_of(const struct manifest_document *document)
{
    bool is_index = document->kind == MANIFEST_KIND_INDEX;
    const struct mediatype *type =
        mediatype_find(is_index ? document->index.media_type : document->manifest.media_type);

    if (type)
        return type->name;
    return is_index ? MEDIATYPE_OCI_INDEX : MEDIATYPE_OCI_MANIFEST;
}

/* *document is zeroed by the caller, who also cleans up after a failure. */
static int load_document(const struct store *store, const struct digest *digest,
                         struct push_document *document, struct mcpd_error *err)
{
    int rc = blob_read(store, digest, MANIFEST_MAX_BYTES, &document->text, &document->length, err);

    document->digest = *digest;
    if (rc == 0)
        rc = manifest_parse(document->text, document->length, NULL, &document->document, err);
    if (rc == 0)
        document->type = type_of(&document->document);
    return rc;
}

static int load_manifest(const struct store *store, const struct digest *digest,
                         struct push_document *document, struct mcpd_error *err)
{
    CLEANUP_FREE char *config = NULL;
    const struct manifest *manifest = &document->document.manifest;
    size_t length = 0;
    int rc = load_document(store, digest, document, err);

    if (rc == 0 && document->document.kind != MANIFEST_KIND_IMAGE)
        return error_set(err, MCPD_E_CORRUPT, "%s is an index, not an image manifest",
                         digest->text);
    if (rc == 0)
        rc = manifest_check_runnable(manifest, err);
    if (rc == 0)
        rc = blob_read(store, &manifest->config.digest, IMAGECONFIG_MAX_BYTES, &config, &length,
                       err);
    if (rc == 0)
        rc = imageconfig_parse(config, length, &document->config, err);
    if (rc == 0 && document->config.diff_id_count != manifest->layer_count)
        return error_set(err, MCPD_E_CORRUPT, "the manifest has %zu layers, the config %zu",
                         manifest->layer_count, document->config.diff_id_count);
    return rc;
}

static int load_manifests(const struct store *store, const struct descriptor *entries, size_t count,
                          struct push_plan *plan, struct mcpd_error *err)
{
    plan->manifests = calloc(count + 1, sizeof(*plan->manifests));
    if (!plan->manifests)
        return error_no_memory(err, "a push");
    for (size_t i = 0; i < count; i++) {
        int rc =
            load_manifest(store, &entries[i].digest, &plan->manifests[plan->manifest_count++], err);

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Fails when a part of it is not here: then it cannot be pushed whole. */
static int load_index(const struct store *store, const struct digest *index_digest,
                      struct push_plan *plan, struct mcpd_error *err)
{
    const struct manifest_index *list = &plan->index.document.index;
    int rc = load_document(store, index_digest, &plan->index, err);

    if (rc == 0 && plan->index.document.kind != MANIFEST_KIND_INDEX)
        return error_set(err, MCPD_E_CORRUPT, "%s is no index", index_digest->text);
    return rc < 0 ? rc : load_manifests(store, list->entries, list->entry_count, plan, err);
}

/* ------------------------------------------------------------------ blobs */

static void add_blob(struct push_plan *plan, const struct descriptor *descriptor,
                     const struct digest *diff_id)
{
    for (size_t i = 0; i < plan->blob_count; i++)
        if (digest_equal(&plan->blobs[i].descriptor->digest, &descriptor->digest))
            return;
    plan->blobs[plan->blob_count++] = (struct push_blob){
        .descriptor = descriptor,
        .diff_id = diff_id,
    };
}

static int collect_blobs(struct push_plan *plan, struct mcpd_error *err)
{
    size_t count = 0;

    for (size_t i = 0; i < plan->manifest_count; i++)
        count += plan->manifests[i].document.manifest.layer_count + 1;
    plan->blobs = calloc(count + 1, sizeof(*plan->blobs));
    if (!plan->blobs)
        return error_no_memory(err, "a push");
    for (size_t i = 0; i < plan->manifest_count; i++) {
        const struct push_document *document = &plan->manifests[i];
        const struct manifest *manifest = &document->document.manifest;

        for (size_t j = 0; j < manifest->layer_count; j++)
            add_blob(plan, &manifest->layers[j], &document->config.diff_ids[j]);
    }
    for (size_t i = 0; i < plan->manifest_count; i++)
        add_blob(plan, &plan->manifests[i].document.manifest.config, NULL);
    return 0;
}

int push_plan_load(const struct store *store, const struct digest *manifest_digest,
                   const struct digest *index_digest, struct push_plan *ret_plan,
                   struct mcpd_error *err)
{
    CLEANUP_PUSH_PLAN struct push_plan plan = {0};
    const struct descriptor single = {.digest = *manifest_digest};
    int rc = -MCPD_E_NOT_FOUND;

    if (digest_is_set(index_digest))
        rc = load_index(store, index_digest, &plan, NULL);
    if (rc < 0) {
        push_plan_done(&plan);
        rc = load_manifests(store, &single, 1, &plan, err);
    }
    if (rc == 0)
        rc = collect_blobs(&plan, err);
    if (rc < 0)
        return rc;
    *ret_plan = plan;
    plan = (struct push_plan){0};
    return 0;
}
