/*
 * archive_load.h - images from an archive into the store: docker-archive, oci-archive, and the
 * folders docker-dir and oci-dir.
 */
#ifndef OCI_LAYER_ARCHIVE_LOAD_H
#define OCI_LAYER_ARCHIVE_LOAD_H

#include "base/error.h"
#include "oci/layer/progress.h"
#include "oci/platform.h"
#include "oci/store.h"

/* input_fd: a file, a pipe or a folder, stays the caller's. *ret_names: what became visible,
 * "host/path:tag", or "sha256:.." of the config when it has no name; owned by the caller. All
 * images of an archive become visible at once, or none does. */
int archive_load(const struct store *store, int input_fd, const struct platform *platform,
                 const struct progress_sink *progress, char ***ret_names,
                 struct mcpd_error *err) MUST_CHECK;

#endif
