/* save_bundle.c - what the index of a bundle says of it: how many documents follow, and which
 * layers do not. */
#include "oci/layer/archive_save_parts.h"

#include "oci/layer/bundle_index.h"

#include <string.h>

static int count_documents(const struct save_images *images, const struct save_manifest *manifests,
                           size_t *ret_count, struct mcpd_error *err)
{
    CLEANUP_SAVE_SEEN struct save_seen seen = {0};
    bool is_new = false;
    int rc = 0;

    for (size_t i = 0; i < images->count && rc == 0; i++) {
        rc = save_seen_add(&seen, &manifests[i].digest, &is_new, err);
        if (rc == 0)
            rc = save_seen_add(&seen, &images->items[i].image.id, &is_new, err);
    }
    *ret_count = seen.count;
    if (rc == 0 && seen.count > BUNDLE_MAX_DOCUMENTS)
        return error_set(err, MCPD_E_LIMIT, "too many images for one bundle");
    return rc;
}

static int add_needs(const struct save_image *item, struct save_seen *seen,
                     struct bundle_index *index, struct mcpd_error *err)
{
    for (size_t i = 0; i < item->image.config.diff_id_count; i++) {
        const struct save_since_layer *has_it = item->left_out[i];
        bool is_new = false;
        int rc = has_it ? save_seen_add(seen, &item->sources[i].digest, &is_new, err) : 0;

        if (rc == 0 && is_new)
            rc = bundle_index_add_need(index,
                                       &(struct bundle_need){
                                           .digest = item->sources[i].digest,
                                           .diff_id = item->sources[i].diff_id,
                                           .size = item->sources[i].size,
                                           .image = has_it->image,
                                       },
                                       err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int save_bundle_annotate(struct archive_save *save, const struct save_manifest *manifests,
                         struct mcpd_error *err)
{
    CLEANUP_BUNDLE_INDEX struct bundle_index index = {0};
    CLEANUP_SAVE_SEEN struct save_seen seen = {0};
    int rc = count_documents(&save->images, manifests, &index.document_count, err);

    for (size_t i = 0; i < save->images.count && rc == 0; i++)
        rc = add_needs(&save->images.items[i], &seen, &index, err);
    return rc < 0 ? rc : bundle_index_format(&index, &save->annotation, err);
}

int save_bundle_sign(struct archive_save *save, const char *index, struct mcpd_error *err)
{
    struct bundle_signature signature;
    const void *bytes = signature.bytes;
    int rc;

    if (strlen(index) > BUNDLE_MAX_INDEX)
        return error_set(err, MCPD_E_LIMIT, "too many images for one bundle");
    if (!save->key)
        return 0;
    rc = bundle_key_sign(save->key, index, strlen(index), &signature, err);
    return rc < 0 ? rc
                  : save_output_text(save->output, BUNDLE_SIGNATURE_NAME, 0644, bytes,
                                     signature.length, err);
}
