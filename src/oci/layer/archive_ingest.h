/*
 * archive_ingest.h - the images of an archive on their way into the store: whoever reads the
 * archive brings the bytes of layers, everything else is done here.
 */
#ifndef OCI_LAYER_ARCHIVE_INGEST_H
#define OCI_LAYER_ARCHIVE_INGEST_H

#include "base/error.h"
#include "oci/layer/archive_images.h"
#include "oci/layer/ingest.h"

#include <stdbool.h>

/* Where the bytes of layers come from. */
struct archive_ingest_source {
    /* Has the archive exactly these bytes? */
    bool (*has)(void *context, const struct descriptor *descriptor);
    /* Steps the ingest, and brings what it wants, until it is done. */
    int (*bring)(void *context, struct ingest *ingest, struct mcpd_error *err);
    void *context;
};

/* lock_fd: store_lock_shared. *ret_names: as archive_load. All images become visible at once, or
 * none does; NO_SPACE: the budget of the store does not hold them. */
int archive_ingest(const struct store *store, int lock_fd, const struct worker_pool *pool,
                   const struct archive_images *images, const struct archive_ingest_source *source,
                   const struct progress_sink *progress, char ***ret_names,
                   struct mcpd_error *err) MUST_CHECK;

/* For `bring`: nothing can be brought now; until the next step is of use. */
int archive_ingest_wait(struct ingest *ingest, struct mcpd_error *err) MUST_CHECK;

#endif
