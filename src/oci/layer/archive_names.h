/* archive_names.h - the names in an archive, and the end of a load: all its images become visible
 * under them. */
#ifndef OCI_LAYER_ARCHIVE_NAMES_H
#define OCI_LAYER_ARCHIVE_NAMES_H

#include "base/error.h"
#include "oci/layer/archive_images.h"
#include "oci/layer/ingest.h"

/* An OCI name may be a bare tag or "name:tag"; it is taken as one of this machine. CORRUPT names
 * it. */
int archive_names_parse(const char *text, bool is_docker, struct reference *ret_name,
                        struct mcpd_error *err) MUST_CHECK;
/* Are all of them names? */
int archive_names_check(const struct archive_images *images, struct mcpd_error *err) MUST_CHECK;

/* The ingest is done. *ret_names: what became visible, "host/path:tag", or "sha256:.." of the
 * config of an image without a name; owned by the caller. */
int archive_names_commit(struct ingest *ingest, const struct archive_images *images,
                         const struct progress_sink *progress, char ***ret_names,
                         struct mcpd_error *err) MUST_CHECK;

#endif
