/*
 * save_manifest.c - the manifest that goes with saved layers. docker's and OCI's differ in their
 * media types only, so one becomes the other without touching config or layers.
 */
#include "oci/layer/save_images.h"

#include "oci/layer/sha256.h"

#include <string.h>

/* What a manifest of the wanted kind says about a layer. Media types are borrowed. */
static struct descriptor layer_descriptor(const struct layer_source *source, bool is_docker)
{
    union {
        const char *in;
        char *out;
    } type = {.in = mediatype_of_layer(is_docker, source->compression)};

    return (struct descriptor){
        .digest = source->digest,
        .size = source->size,
        .media_type = type.out,
    };
}

/* Does the manifest, as it came, tell the truth about what the sources give? */
static bool still_fits(const struct save_image *image, bool is_docker)
{
    const struct manifest *manifest = &image->document.manifest;
    const struct mediatype *own = mediatype_find(manifest->media_type);

    if (!own || own->is_docker != is_docker)
        return false;
    for (size_t i = 0; i < manifest->layer_count; i++) {
        const struct mediatype *type = mediatype_find(manifest->layers[i].media_type);
        const struct layer_source *source = &image->sources[i];

        if (!digest_equal(&manifest->layers[i].digest, &source->digest) || !type ||
            type->compression != source->compression || type->is_docker != is_docker)
            return false;
    }
    return true;
}

static int rewrite(const struct save_image *image, bool is_docker, struct save_manifest *made,
                   struct mcpd_error *err)
{
    const struct manifest *old = &image->document.manifest;
    CLEANUP_FREE struct descriptor *layers = calloc(old->layer_count + 1, sizeof(*layers));
    union {
        const char *in;
        char *out;
    } type = {.in = is_docker ? MEDIATYPE_DOCKER_MANIFEST : MEDIATYPE_OCI_MANIFEST},
      config = {.in = is_docker ? MEDIATYPE_DOCKER_CONFIG : MEDIATYPE_OCI_CONFIG};
    struct manifest manifest = {
        .media_type = type.out,
        .config = {.digest = old->config.digest,
                   .size = old->config.size,
                   .media_type = config.out},
        .layers = layers,
        .layer_count = old->layer_count,
        .annotations = is_docker ? NULL : old->annotations,
    };

    if (!layers)
        return error_no_memory(err, "a manifest");
    for (size_t i = 0; i < old->layer_count; i++) {
        layers[i] = layer_descriptor(&image->sources[i], is_docker);
        layers[i].annotations = is_docker ? NULL : old->layers[i].annotations;
    }
    made->media_type = type.in;
    return manifest_format(&manifest, &made->text, &made->length, err);
}

int save_manifest_make(const struct save_image *image, enum save_manifest_kind kind,
                       struct save_manifest *ret_manifest, struct mcpd_error *err)
{
    const struct mediatype *own = mediatype_find(image->document.manifest.media_type);
    bool is_docker =
        kind == SAVE_MANIFEST_DOCKER || (kind == SAVE_MANIFEST_OWN && own && own->is_docker);
    struct save_manifest made = {.media_type = image->document.manifest.media_type};
    int rc = 0;

    if (still_fits(image, is_docker)) {
        made.length = image->manifest_length;
        made.text = strndup(image->manifest_text, image->manifest_length);
        if (!made.text)
            rc = error_no_memory(err, "a manifest");
    } else {
        rc = rewrite(image, is_docker, &made, err);
    }
    if (rc == 0)
        rc = sha256_of_bytes(made.text, made.length, &made.digest, err);
    if (rc < 0) {
        free(made.text);
        return rc;
    }
    *ret_manifest = made;
    return 0;
}
