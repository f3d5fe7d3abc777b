/* bundle_inspect.c - what the documents of a bundle say, as JSON. */
#include "oci/layer/bundle_apply.h"

#include "base/jsonx.h"
#include "oci/layer/bundle.h"
#include "oci/layer/save_images.h"

struct report {
    const struct store *store;
    struct bundle bundle;
    struct save_seen seen; /* layers that count already */
    uint64_t included_bytes;
    uint64_t left_out_bytes;
};

static void report_done(struct report *report)
{
    save_seen_done(&report->seen);
    bundle_done(&report->bundle);
}

static int count_layer(struct report *report, const struct descriptor *layer, bool is_included,
                       struct mcpd_error *err)
{
    uint64_t *total = is_included ? &report->included_bytes : &report->left_out_bytes;
    bool is_new = false;
    int rc = save_seen_add(&report->seen, &layer->digest, &is_new, err);

    if (rc == 0 && is_new)
        *total = layer->size > INT64_MAX - *total ? INT64_MAX : *total + layer->size;
    return rc;
}

/* *ret_layers: a new reference. */
static int list_layers(struct report *report, const struct archive_image *image,
                       json_t **ret_layers, struct mcpd_error *err)
{
    const struct manifest *manifest = &image->document.manifest;
    CLEANUP_JSON json_t *layers = json_array();

    if (manifest->layer_count != image->config.diff_id_count)
        return error_set(err, MCPD_E_CORRUPT,
                         "the manifest has %zu layers, but the config speaks of %zu",
                         manifest->layer_count, image->config.diff_id_count);
    for (size_t i = 0; i < manifest->layer_count; i++) {
        const struct descriptor *layer = &manifest->layers[i];
        bool is_included = !bundle_find_need(&report->bundle, &layer->digest);
        int rc = count_layer(report, layer, is_included, err);

        if (rc < 0)
            return rc;
        if (json_array_append_new(layers,
                                  json_pack("{s:s, s:s, s:I, s:b}", "Digest", layer->digest.text,
                                            "DiffId", image->config.diff_ids[i].text, "Size",
                                            (json_int_t)layer->size, "Included", is_included)) < 0)
            return error_no_memory(err, "a report");
    }
    *ret_layers = json_incref(layers);
    return 0;
}

static int list_images(struct report *report, json_t *images, struct mcpd_error *err)
{
    for (size_t i = 0; i < report->bundle.images.count; i++) {
        const struct archive_image *image = &report->bundle.images.items[i];
        json_t *layers = NULL;
        int rc = list_layers(report, image, &layers, err);

        if (rc < 0)
            return rc;
        if (json_array_append_new(
                images, json_pack("{s:o, s:s, s:s, s:o}", "Names", jsonx_strv(image->names), "Id",
                                  image->document.manifest.config.digest.text, "Digest",
                                  image->manifest_digest.text, "Layers", layers)) < 0)
            return error_no_memory(err, "a report");
    }
    return 0;
}

static int list_needs(const struct report *report, json_t *needs, struct mcpd_error *err)
{
    for (size_t i = 0; i < report->bundle.index.need_count; i++) {
        const struct bundle_need *need = &report->bundle.index.needs[i];

        if (json_array_append_new(needs, json_pack("{s:s, s:s, s:I, s:o, s:b}", "Digest",
                                                   need->digest.text, "DiffId", need->diff_id.text,
                                                   "Size", (json_int_t)need->size, "Image",
                                                   jsonx_string(need->image), "Here",
                                                   bundle_has_need(report->store, need))) < 0)
            return error_no_memory(err, "a report");
    }
    return 0;
}

int bundle_inspect(const struct store *store, int input_fd, json_t **ret_report,
                   struct mcpd_error *err)
{
    CLEANUP(report_done) struct report report = {.store = store, .bundle = BUNDLE_NONE};
    CLEANUP_JSON json_t *images = json_array();
    CLEANUP_JSON json_t *needs = json_array();
    int rc = bundle_open(input_fd, store->tmp_fd, NULL, &report.bundle, err);

    if (rc == 0)
        rc = list_images(&report, images, err);
    if (rc == 0)
        rc = list_needs(&report, needs, err);
    if (rc < 0)
        return rc;
    *ret_report =
        json_pack("{s:O, s:O, s:I, s:I, s:b}", "Images", images, "Needs", needs, "Size",
                  (json_int_t)report.included_bytes, "LeftOut", (json_int_t)report.left_out_bytes,
                  "Signed", report.bundle.signature.length > 0);
    return *ret_report ? 0 : error_no_memory(err, "a report");
}
