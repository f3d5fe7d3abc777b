/*
 * layers.h - layers/HEX/{fs/,layer.json,contents}: one unpacked layer per diff_id, used as an
 * overlay lower directory.
 *
 * A layer is made as tmp/NAME/fs, described, synced and then renamed: what is below layers/ is
 * whole. Looking at layers: store_has_layer, store_layer_path, store_layer_sizes in store.h.
 * `contents` lists what is below fs/ (layer/contents_file.h) and is what damage is measured by.
 */
#ifndef OCI_LAYERS_H
#define OCI_LAYERS_H

#include "base/error.h"
#include "oci/digest.h"
#include "oci/store.h"

#include <stdint.h>

/* Writes tmp/NAME/layer.json beside fs/. Not synced: comes before the one syncfs. */
int layers_describe(const struct store *store, const char *tmp_name, const struct digest *diff_id,
                    const struct layer_sizes *sizes, struct mcpd_error *err) MUST_CHECK;
/* CORRUPT: a published layer's description does not say exactly this. */
int layers_check_description(const struct store *store, const struct digest *diff_id,
                             const struct layer_sizes *sizes, struct mcpd_error *err) MUST_CHECK;
/* tmp/NAME (described and synced) -> layers/HEX. When somebody else was faster, ours is dropped and
 * that is success; replaces: ours takes its place, as the other is damaged (no running container
 * may stand on it: it is deleted). The folder is not synced: store_commit does that once for all.
 */
int layers_publish(const struct store *store, const char *tmp_name, const struct digest *diff_id,
                   bool replaces, struct mcpd_error *err) MUST_CHECK;
/* Renamed into tmp/ first, so that no half layer is ever seen. The caller holds the exclusive lock.
 * Absent is success. */
int layers_remove(const struct store *store, const struct digest *diff_id,
                  struct mcpd_error *err) MUST_CHECK;

#endif
