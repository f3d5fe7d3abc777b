/* bundle_apply.h - a bundle (bundle_index.h) into the store; what a bundle holds. */
#ifndef OCI_LAYER_BUNDLE_APPLY_H
#define OCI_LAYER_BUNDLE_APPLY_H

#include "base/error.h"
#include "oci/layer/progress.h"
#include "oci/store.h"

#include <jansson.h>

/* verify_key: file with the public key that the bundle must be signed with (DENIED), NULL: nobody
 * asks. input_fd: a file or a pipe, stays the caller's; it is read once, from where it is.
 * *ret_names: as archive_load. All images appear at once, or none does. STATE: layers that were
 * left out of it are not here. */
int bundle_apply(const struct store *store, int input_fd, const char *verify_key,
                 const struct progress_sink *progress, char ***ret_names,
                 struct mcpd_error *err) MUST_CHECK;

/* What its documents say: {"Images": [{"Names", "Id", "Digest", "Layers": [{"Digest", "DiffId",
 * "Size", "Included"}]}], "Needs": [{"Digest", "DiffId", "Size", "Image", "Here"}], "Size",
 * "LeftOut", "Signed"}; sizes in bytes, of layers as they are packed, each once. New reference. Its
 * layers are not looked at. */
int bundle_inspect(const struct store *store, int input_fd, json_t **ret_report,
                   struct mcpd_error *err) MUST_CHECK;

#endif
