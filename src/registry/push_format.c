/* push_format.c - see push_format.h. */
#include "registry/push_format.h"

#include "base/str.h"
#include "oci/blobs.h"
#include "oci/layer/sha256.h"

#include <string.h>

void push_look_done(struct push_look *look)
{
    for (size_t i = 0; i < look->item_count; i++)
        copies_done(&look->items[i].copies);
    free(look->items);
    *look = (struct push_look){0};
}

/* ------------------------------------------------------------------ what is to be done */

static bool is_docker(const struct push_plan *plan)
{
    const struct mediatype *type = mediatype_find(plan->manifests[0].document.manifest.media_type);

    return type && type->is_docker;
}

static enum mediatype_compression compression_of(const struct descriptor *layer)
{
    const struct mediatype *type = mediatype_find(layer->media_type);

    return type ? type->compression : MEDIATYPE_COMPRESSION_NONE;
}

/* Does a registry have it like this? */
static bool is_from_registry(const struct push_item *item, const struct descriptor *layer)
{
    const struct copy *copy = copies_find(&item->copies, &layer->digest);

    return copy && copy->repositories && copy->repositories[0];
}

/* Its own bytes, or another form of the same tar when they are not here. */
static void choose_source(const struct store *store, const struct descriptor *layer,
                          struct push_item *item)
{
    const struct copy *other = NULL;

    if (!blob_exists(store, &layer->digest))
        other = copies_find_stored(&item->copies, store);
    item->is_replaced = other != NULL;
    item->source = other ? &other->digest : &layer->digest;
    item->source_size = other ? other->size : layer->size;
}

static void decide_packing(const struct push_blob *blob, const struct push_options *options,
                           struct push_item *item)
{
    enum mediatype_compression now = compression_of(blob->descriptor);
    bool is_plain = now == MEDIATYPE_COMPRESSION_NONE;
    bool is_zstd;

    if (options->has_compression)
        item->compression = options->compression;
    else if (is_plain && (item->is_replaced || !is_from_registry(item, blob->descriptor)))
        item->compression =
            (struct compressor_options){MEDIATYPE_COMPRESSION_GZIP, options->compression.level};
    else if (item->is_replaced)
        item->compression = (struct compressor_options){now, options->compression.level};
    else
        return;
    item->is_replaced = item->is_replaced && item->compression.compression == now;
    item->is_packed = item->is_replaced || item->compression.compression != now;
    is_zstd = item->compression.compression == MEDIATYPE_COMPRESSION_ZSTD;
    (void)snprintf(item->packing, sizeof(item->packing),
                   item->compression.level > 0 ? "%s:%d" : "%s", is_zstd ? "zstd" : "gzip",
                   item->compression.level);
}

static bool has_zstd(const struct push_plan *plan, const struct push_look *look)
{
    for (size_t i = 0; i < plan->blob_count; i++) {
        const struct push_item *item = &look->items[i];
        enum mediatype_compression compression = item->is_packed
                                                     ? item->compression.compression
                                                     : compression_of(plan->blobs[i].descriptor);

        if (plan->blobs[i].diff_id && compression == MEDIATYPE_COMPRESSION_ZSTD)
            return true;
    }
    return false;
}

/* zstd has no place in docker's format; without a wish the image becomes an OCI one. */
static int decide_format(const struct push_plan *plan, const struct push_options *options,
                         struct push_look *look, struct mcpd_error *err)
{
    bool was_docker = is_docker(plan);
    bool is_zstd = has_zstd(plan, look);

    look->is_docker = options->format == PUSH_FORMAT_DOCKER ||
                      (options->format == PUSH_FORMAT_SAME && was_docker);
    look->is_changed = look->needs_packing || look->is_docker != was_docker;
    if (!look->is_changed || !look->is_docker || !is_zstd)
        return 0;
    if (options->format == PUSH_FORMAT_DOCKER)
        return error_set(err, MCPD_E_INVALID,
                         "layers compressed with zstd need --format oci: docker's format has no "
                         "name for them");
    look->is_docker = false;
    return 0;
}

int push_look_decide(const struct store *store, const struct push_plan *plan,
                     const struct push_options *options, struct push_look *ret_look,
                     struct mcpd_error *err)
{
    CLEANUP(push_look_done) struct push_look look = {0};
    int rc;

    look.items = calloc(plan->blob_count + 1, sizeof(*look.items));
    if (!look.items)
        return error_no_memory(err, "a push");
    for (size_t i = 0; i < plan->blob_count; i++) {
        struct push_item *item = &look.items[look.item_count++];

        if (!plan->blobs[i].diff_id)
            continue;
        copies_load(store, plan->blobs[i].diff_id, &item->copies);
        choose_source(store, plan->blobs[i].descriptor, item);
        decide_packing(&plan->blobs[i], options, item);
        look.needs_packing = look.needs_packing || item->is_packed;
    }
    rc = decide_format(plan, options, &look, err);
    if (rc < 0)
        return rc;
    *ret_look = look;
    look = (struct push_look){0};
    return 0;
}

/* ------------------------------------------------------------------ the new manifest */

/* manifest_format only reads. */
static char *borrow(const char *text)
{
    return (char *)(uintptr_t)text; /* NOLINT(performance-no-int-to-ptr) */
}

static void look_at_layer(const struct push_look *look, const struct upload *uploads,
                          const struct push_plan *plan, struct descriptor *layer)
{
    enum mediatype_compression compression = compression_of(layer);

    for (size_t i = 0; i < plan->blob_count; i++) {
        if (!digest_equal(&plan->blobs[i].descriptor->digest, &layer->digest))
            continue;
        if (look->items[i].is_packed) {
            compression = look->items[i].compression.compression;
            layer->digest = uploads[i].digest;
            layer->size = uploads[i].size;
        }
        break;
    }
    layer->media_type = borrow(mediatype_of_layer(look->is_docker, compression));
}

static int format(const struct push_look *look, const struct upload *uploads,
                  const struct push_plan *plan, char **ret_text, size_t *ret_length,
                  struct mcpd_error *err)
{
    struct manifest manifest = plan->manifests[0].document.manifest;
    CLEANUP_FREE struct descriptor *layers = calloc(manifest.layer_count + 1, sizeof(*layers));

    if (!layers)
        return error_no_memory(err, "manifest");
    for (size_t i = 0; i < manifest.layer_count; i++) {
        layers[i] = manifest.layers[i];
        look_at_layer(look, uploads, plan, &layers[i]);
    }
    manifest.layers = layers;
    manifest.media_type =
        borrow(look->is_docker ? MEDIATYPE_DOCKER_MANIFEST : MEDIATYPE_OCI_MANIFEST);
    manifest.config.media_type =
        borrow(look->is_docker ? MEDIATYPE_DOCKER_CONFIG : MEDIATYPE_OCI_CONFIG);
    /* Docker's format knows none. */
    manifest.annotations = look->is_docker ? NULL : manifest.annotations;
    return manifest_format(&manifest, ret_text, ret_length, err);
}

/* What was to be replaced may have been there. */
static bool is_as_it_was(const struct push_look *look, const struct upload *uploads,
                         const struct push_plan *plan)
{
    for (size_t i = 0; i < plan->blob_count; i++)
        if (!digest_equal(&uploads[i].digest, &plan->blobs[i].descriptor->digest))
            return false;
    return look->is_docker == is_docker(plan);
}

int push_look_apply(const struct push_look *look, const struct upload *uploads,
                    struct push_plan *plan, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    struct push_document *document = &plan->manifests[0];
    size_t length = 0;
    int rc;

    if (is_as_it_was(look, uploads, plan))
        return 0;
    rc = format(look, uploads, plan, &text, &length, err);
    if (rc == 0)
        rc = sha256_of_bytes(text, length, &document->digest, err);
    if (rc < 0)
        return rc;
    free(document->text);
    document->text = TAKE_PTR(text);
    document->length = length;
    document->type = look->is_docker ? MEDIATYPE_DOCKER_MANIFEST : MEDIATYPE_OCI_MANIFEST;
    return 0;
}
