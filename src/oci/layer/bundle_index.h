/*
 * bundle_index.h - what makes an OCI image layout a bundle: one annotation of its index.json.
 *
 * A bundle is one tar for machines without a network. It is an OCI image layout of version 1.0.0,
 * with its members in an order that a pipe can be read in:
 *
 *   oci-layout
 *   mcpd-signature         only of a signed one (bundle_key.h)
 *   index.json             the images with their names, and the annotation below
 *   blobs/, blobs/sha256/
 *   blobs/sha256/HEX ...   `documents` of them: manifests and configs of all images
 *   blobs/sha256/HEX ...   layers, each once; none that is listed in `needs`
 *
 * The annotation "io.mcpd.bundle" is JSON in a string, as annotations are strings:
 *
 *   {"version": 1, "documents": 4,
 *    "needs": [{"digest": "sha256:..", "diffId": "sha256:..", "size": 3221, "image": "x/app:1"}]}
 *
 * `needs` lists the layers of the images that were left out because whoever gets the bundle has
 * them: as the blob `digest` of `size` bytes or unpacked as `diffId`; `image` had them where the
 * bundle was made. A bundle that needs nothing is an oci-archive for skopeo and podman; in one that
 * does, the blobs of `needs` are the only ones that its documents name and that are not in it.
 *
 * A reader takes manifests and configs at their word, and this list only for what is missing: it is
 * checked against them.
 */
#ifndef OCI_LAYER_BUNDLE_INDEX_H
#define OCI_LAYER_BUNDLE_INDEX_H

#include "base/error.h"
#include "oci/digest.h"

#include <stddef.h>
#include <stdint.h>

#define BUNDLE_ANNOTATION     "io.mcpd.bundle"
#define BUNDLE_INDEX_NAME     "index.json"
#define BUNDLE_MAX_INDEX      (4u << 20) /* bytes of index.json */
#define BUNDLE_MAX_NEEDS      2048
#define BUNDLE_MAX_DOCUMENTS  2048
#define BUNDLE_MAX_IMAGE_NAME 512

struct bundle_need {
    struct digest digest;
    struct digest diff_id;
    uint64_t size;
    char *image; /* owned; "" when nobody said */
};

struct bundle_index {
    size_t document_count;
    struct bundle_need *needs; /* owned */
    size_t need_count;
};
void bundle_index_done(struct bundle_index *index);
#define CLEANUP_BUNDLE_INDEX CLEANUP(bundle_index_done)

/* A further entry of `needs`; LIMIT: there are too many. */
int bundle_index_add_need(struct bundle_index *index, const struct bundle_need *need,
                          struct mcpd_error *err) MUST_CHECK;
/* The value of the annotation, owned by the caller. */
int bundle_index_format(const struct bundle_index *index, char **ret_text,
                        struct mcpd_error *err) MUST_CHECK;
/* From the text of index.json. UNSUPPORTED: an index, but of no bundle, or of a later version. */
int bundle_index_parse(const char *text, size_t length, struct bundle_index *ret_index,
                       struct mcpd_error *err) MUST_CHECK;

#endif
