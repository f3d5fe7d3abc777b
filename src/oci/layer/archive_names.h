/* archive_names.h - the end of a load: all images of an archive become visible under its names. */
#ifndef OCI_LAYER_ARCHIVE_NAMES_H
#define OCI_LAYER_ARCHIVE_NAMES_H

#include "base/error.h"
#include "oci/layer/archive_images.h"
#include "oci/layer/ingest.h"

/* The ingest is done. *ret_names: what became visible, "host/path:tag", or "sha256:.." of the
 * config of an image without a name; owned by the caller. */
int archive_names_commit(struct ingest *ingest, const struct archive_images *images,
                         const struct progress_sink *progress, char ***ret_names,
                         struct mcpd_error *err) MUST_CHECK;

#endif
