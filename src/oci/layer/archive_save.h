/*
 * archive_save.h - images of the store as an archive or folder that podman, docker, skopeo and
 * `load` read: docker-archive, oci-archive, docker-dir, oci-dir; or as a bundle (bundle_index.h).
 * Layers that images share are in it once; the same images give the same bytes.
 */
#ifndef OCI_LAYER_ARCHIVE_SAVE_H
#define OCI_LAYER_ARCHIVE_SAVE_H

#include "base/error.h"
#include "mcpd_types.h"
#include "oci/layer/progress.h"
#include "oci/store.h"

struct archive_save_request {
    enum mcpd_save_format format;
    char *const *images; /* as given */
    bool several;        /* each is an image; else the further ones are names for the first */
    const char *path;    /* NULL: output_fd, only for archives */
    int output_fd;
    char *const *since;  /* MCPD_SAVE_BUNDLE: see save_since.h; NULL: nothing is left out */
    const char *sign_by; /* the same: file with the private key; NULL: it is not signed */
};

int archive_save(const struct store *store, const struct archive_save_request *request,
                 const struct progress_sink *progress, struct mcpd_error *err) MUST_CHECK;

#endif
