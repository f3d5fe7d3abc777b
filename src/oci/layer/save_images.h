/* save_images.h - the images that are to be saved: found, read, with the names they go by. */
#ifndef OCI_LAYER_SAVE_IMAGES_H
#define OCI_LAYER_SAVE_IMAGES_H

#include "base/error.h"
#include "oci/layer/layer_source.h"
#include "oci/layer/save_since.h"
#include "oci/store.h"

#include <stdbool.h>
#include <stddef.h>

struct save_image {
    struct image image;
    struct manifest_document document; /* of kind IMAGE; owned, as all below */
    char *manifest_text;
    size_t manifest_length;
    char *config_text;
    size_t config_length;
    char **names;                 /* "host/path:tag" */
    struct layer_source *sources; /* of each layer; NULL until they are looked for */
    /* The same: whoever gets it has the layer, which is not written (borrowed), or NULL. */
    const struct save_since_layer **left_out;
};

struct save_images {
    struct save_image *items; /* owned; each image once */
    size_t count;
};

/* names: as given. several: each is an image; else the further ones are names for the first.
 * The caller holds store_lock_shared. */
int save_images_find(const struct store *store, char *const *names, bool several,
                     struct save_images *ret_images, struct mcpd_error *err) MUST_CHECK;
void save_images_done(struct save_images *images);
#define CLEANUP_SAVE_IMAGES CLEANUP(save_images_done)

/* Says where each layer comes from: as a plain tar, or as it is stored. */
enum save_form {
    SAVE_FORM_PLAIN,
    SAVE_FORM_STORED,
    SAVE_FORM_STORED_GZIP, /* stored, but what docker's manifests have no word for (zstd) is plain
                            */
};
/* since: what is left out, as the image's manifest describes it. */
int save_images_find_layers(struct layer_catalogue *catalogue, struct save_images *images,
                            enum save_form form, const struct save_since *since,
                            struct mcpd_error *err) MUST_CHECK;

/* The image's manifest for what the sources give: its own bytes where they still fit, else one of
 * the wanted kind. All outputs but the digest are owned by the caller. */
enum save_manifest_kind {
    SAVE_MANIFEST_OWN, /* docker's or OCI's, as it came */
    SAVE_MANIFEST_OCI,
    SAVE_MANIFEST_DOCKER,
};
struct save_manifest {
    char *text;
    size_t length;
    struct digest digest;
    const char *media_type; /* borrowed for ever, or from the image */
};
int save_manifest_make(const struct save_image *image, enum save_manifest_kind kind,
                       struct save_manifest *ret_manifest, struct mcpd_error *err) MUST_CHECK;

/* Digests that were seen already. */
struct save_seen {
    struct digest *digests; /* owned */
    size_t count;
};
/* *ret_is_new: it was not there, and is now. */
int save_seen_add(struct save_seen *seen, const struct digest *digest, bool *ret_is_new,
                  struct mcpd_error *err) MUST_CHECK;
void save_seen_done(struct save_seen *seen);
#define CLEANUP_SAVE_SEEN CLEANUP(save_seen_done)

#endif
