/* save_images.c - see save_images.h: finding them, and where their layers come from. */
#include "oci/layer/save_images.h"

#include "base/str.h"
#include "oci/blobs.h"
#include "oci/reference.h"

#include <string.h>

/* ------------------------------------------------------------------ the list */

static void image_free(struct save_image *item)
{
    image_done(&item->image);
    manifest_document_done(&item->document);
    free(item->manifest_text);
    free(item->config_text);
    strv_free(item->names);
    free(item->sources);
    free(item->left_out);
    *item = (struct save_image){0};
}

void save_images_done(struct save_images *images)
{
    for (size_t i = 0; i < images->count; i++)
        image_free(&images->items[i]);
    free(images->items);
    *images = (struct save_images){0};
}

static int read_documents(const struct store *store, struct save_image *item,
                          struct mcpd_error *err)
{
    int rc = blob_read(store, &item->image.manifest_digest, MANIFEST_MAX_BYTES,
                       &item->manifest_text, &item->manifest_length, err);

    if (rc == 0)
        rc = manifest_parse(item->manifest_text, item->manifest_length, item->image.media_type,
                            &item->document, err);
    if (rc == 0)
        rc = blob_read(store, &item->image.id, IMAGECONFIG_MAX_BYTES, &item->config_text,
                       &item->config_length, err);
    return rc;
}

/* The name that it was found by: none when that was its id or a digest. */
static int take_found_name(struct save_image *item, struct mcpd_error *err)
{
    char *const *names = item->image.names;

    if (item->image.has_all_names || !names || !names[0])
        return 0;
    return strv_append(&item->names, names[0]) < 0 ? error_no_memory(err, "names") : 0;
}

static int add_image(const struct store *store, const char *name, struct save_images *images,
                     struct mcpd_error *err)
{
    struct save_image *item = &images->items[images->count];
    int rc = store_find_image(store, name, &item->image, err);

    if (rc < 0)
        return rc;
    images->count++;
    rc = take_found_name(item, err);
    for (struct save_image *other = images->items; rc == 0 && other < item; other++) {
        if (!digest_equal(&other->image.id, &item->image.id))
            continue;
        if (item->names && !strv_contains(other->names, item->names[0]) &&
            strv_append(&other->names, item->names[0]) < 0)
            rc = error_no_memory(err, "names");
        image_free(item);
        images->count--;
        return rc;
    }
    return rc < 0 ? rc : read_documents(store, item, err);
}

/* podman takes it for a name without a word, docker would save that image too. */
static void warn_of_other_image(const struct store *store, const struct save_image *item,
                                const char *name)
{
    CLEANUP(image_done) struct image other = {0};
    CLEANUP_FREE char *text = NULL;

    if (store_find_image(store, name, &other, NULL) < 0 || digest_equal(&other.id, &item->image.id))
        return;
    text = str_format("%s is another image here; in the archive it is only a name "
                      "(--multi-image-archive saves both)",
                      name);
    if (text)
        store_warn(store, text, NULL);
}

/* podman puts further names in front of the image's own. */
static int add_names(const struct store *store, struct save_image *item, char *const *texts,
                     struct mcpd_error *err)
{
    CLEANUP_STRV char **names = NULL;

    for (; *texts; texts++) {
        char text[REFERENCE_MAX_LENGTH + 1];
        struct reference reference;
        int rc = reference_parse_local(*texts, &reference, err);

        if (rc < 0)
            return rc;
        warn_of_other_image(store, item, *texts);
        reference_format(&reference, text, sizeof(text));
        if (!strv_contains(names, text) && strv_append(&names, text) < 0)
            return error_no_memory(err, "names");
    }
    for (size_t i = 0; item->names && item->names[i]; i++)
        if (!strv_contains(names, item->names[i]) && strv_append(&names, item->names[i]) < 0)
            return error_no_memory(err, "names");
    strv_free(item->names);
    item->names = TAKE_PTR(names);
    return 0;
}

int save_images_find(const struct store *store, char *const *names, bool several,
                     struct save_images *ret_images, struct mcpd_error *err)
{
    CLEANUP_SAVE_IMAGES struct save_images images = {0};
    size_t count = several ? strv_length(names) : 1;
    int rc = 0;

    images.items = calloc(strv_length(names) + 1, sizeof(*images.items));
    if (!images.items)
        return error_no_memory(err, "images");
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = add_image(store, names[i], &images, err);
    if (rc == 0 && !several)
        rc = add_names(store, &images.items[0], names + 1, err);
    if (rc < 0)
        return rc;
    *ret_images = images;
    images = (struct save_images){0};
    return 0;
}

/* ------------------------------------------------------------------ layers */

static int find_layer(struct layer_catalogue *catalogue, const struct descriptor *descriptor,
                      const struct digest *diff_id, enum save_form form,
                      struct layer_source *ret_source, struct mcpd_error *err)
{
    int rc;

    if (form == SAVE_FORM_PLAIN)
        return layer_source_plain(catalogue, descriptor, diff_id, ret_source, err);
    rc = layer_source_stored(catalogue, descriptor, diff_id, ret_source, err);
    if (rc == 0 && form == SAVE_FORM_STORED_GZIP &&
        ret_source->compression == MEDIATYPE_COMPRESSION_ZSTD)
        rc = layer_source_plain(catalogue, descriptor, diff_id, ret_source, err);
    return rc;
}

/* Nobody reads it: it is what its manifest says. */
static struct layer_source left_out_source(const struct descriptor *descriptor,
                                           const struct digest *diff_id)
{
    const struct mediatype *type = mediatype_find(descriptor->media_type);

    return (struct layer_source){
        .way = LAYER_WAY_BLOB,
        .blob = descriptor->digest,
        .diff_id = *diff_id,
        .digest = descriptor->digest,
        .size = descriptor->size,
        .compression = type ? type->compression : MEDIATYPE_COMPRESSION_NONE,
    };
}

static int find_layers(struct layer_catalogue *catalogue, struct save_image *item,
                       enum save_form form, const struct save_since *since, struct mcpd_error *err)
{
    const struct manifest *manifest = &item->document.manifest;

    item->sources = calloc(manifest->layer_count + 1, sizeof(*item->sources));
    item->left_out = calloc(manifest->layer_count + 1, sizeof(const struct save_since_layer *));
    if (!item->sources || !item->left_out)
        return error_no_memory(err, "layers");
    for (size_t i = 0; i < manifest->layer_count; i++) {
        const struct digest *diff_id = &item->image.config.diff_ids[i];
        int rc = 0;

        item->left_out[i] = save_since_find(since, diff_id);
        if (item->left_out[i])
            item->sources[i] = left_out_source(&manifest->layers[i], diff_id);
        else
            rc = find_layer(catalogue, &manifest->layers[i], diff_id, form, &item->sources[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int save_images_find_layers(struct layer_catalogue *catalogue, struct save_images *images,
                            enum save_form form, const struct save_since *since,
                            struct mcpd_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < images->count && rc == 0; i++)
        rc = find_layers(catalogue, &images->items[i], form, since, err);
    return rc;
}

/* ------------------------------------------------------------------ seen */

int save_seen_add(struct save_seen *seen, const struct digest *digest, bool *ret_is_new,
                  struct mcpd_error *err)
{
    struct digest *digests;

    *ret_is_new = false;
    for (size_t i = 0; i < seen->count; i++)
        if (digest_equal(&seen->digests[i], digest))
            return 0;
    digests = reallocarray(seen->digests, seen->count + 1, sizeof(*digests));
    if (!digests)
        return error_no_memory(err, "layers");
    seen->digests = digests;
    digests[seen->count++] = *digest;
    *ret_is_new = true;
    return 0;
}

void save_seen_done(struct save_seen *seen)
{
    free(seen->digests);
    *seen = (struct save_seen){0};
}
