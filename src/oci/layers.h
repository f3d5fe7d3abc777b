/*
 * layers.h - layers/HEX/{fs/,layer.json}: one unpacked layer per diff_id, used as an overlay lower
 * directory.
 *
 * A layer is made as tmp/NAME/fs, described, synced and then renamed: what is below layers/ is
 * whole. Looking at layers: store_has_layer, store_layer_path, store_layer_bytes in store.h.
 */
#ifndef OCI_LAYERS_H
#define OCI_LAYERS_H

#include "base/error.h"
#include "oci/digest.h"
#include "oci/store.h"

#include <stdint.h>

/* Writes tmp/NAME/layer.json beside fs/. Not synced: comes before the one syncfs. */
int layers_describe(const struct store *store, const char *tmp_name, const struct digest *diff_id,
                    uint64_t bytes, struct mcpd_error *err) MUST_CHECK;
/* tmp/NAME (described and synced) -> layers/HEX. When somebody else was faster, ours is dropped and
 * that is success. The folder is not synced: store_commit does that once for all. */
int layers_publish(const struct store *store, const char *tmp_name, const struct digest *diff_id,
                   struct mcpd_error *err) MUST_CHECK;
/* Renamed into tmp/ first, so that no half layer is ever seen. The caller holds the exclusive lock.
 * Absent is success. */
int layers_remove(const struct store *store, const struct digest *diff_id,
                  struct mcpd_error *err) MUST_CHECK;

#endif
