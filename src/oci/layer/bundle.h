/*
 * bundle.h - a bundle (bundle_index.h) whose beginning has been read: everything is known of it but
 * the bytes of its layers.
 */
#ifndef OCI_LAYER_BUNDLE_H
#define OCI_LAYER_BUNDLE_H

#include "base/error.h"
#include "oci/layer/archive_images.h"
#include "oci/layer/bundle_index.h"
#include "oci/layer/bundle_key.h"
#include "oci/layer/bundle_stream.h"
#include "oci/store.h"

#include <stdbool.h>

struct bundle {
    struct bundle_stream *stream; /* before the first layer; owned, as all here */
    struct archive_file head;     /* the documents */
    struct bundle_signature signature;
    struct bundle_index index;
    struct archive_images images;
};
#define BUNDLE_NONE         \
    {                       \
        .head = {.fd = -1 } \
    }

/* fd: a file or a pipe, stays the caller's. tmp_fd: folder for an unnamed file. key: whose
 * signature it must have (DENIED; nothing behind index.json has been read then), NULL: anybody's or
 * none. CORRUPT, LIMIT, UNSUPPORTED: it is no good bundle. */
int bundle_open(int fd, int tmp_fd, const struct bundle_key *key, struct bundle *ret_bundle,
                struct mcpd_error *err) MUST_CHECK;
void bundle_done(struct bundle *bundle); /* fine on BUNDLE_NONE */
#define CLEANUP_BUNDLE CLEANUP(bundle_done)

/* The entry of `needs` with this digest; NULL: the layer is in the bundle. Borrowed. */
const struct bundle_need *bundle_find_need(const struct bundle *bundle,
                                           const struct digest *digest);
/* Has the store what was left out? */
bool bundle_has_need(const struct store *store, const struct bundle_need *need);

/* "blobs/sha256/HEX" -> "sha256:HEX"; false: it is no blob's name. */
bool bundle_parse_blob_name(const char *name, struct digest *ret_digest);

#endif
