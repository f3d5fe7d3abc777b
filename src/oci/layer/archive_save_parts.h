/* archive_save_parts.h - what archive_save.c shares with the writers of the single formats. */
#ifndef OCI_LAYER_ARCHIVE_SAVE_PARTS_H
#define OCI_LAYER_ARCHIVE_SAVE_PARTS_H

#include "oci/layer/archive_save.h"
#include "oci/layer/save_images.h"
#include "oci/layer/save_output.h"
#include "oci/layer/save_since.h"

struct archive_save {
    struct layer_catalogue catalogue;
    struct save_images images;
    struct save_since since;
    struct save_output *output;
    struct save_seen seen; /* blobs that were written */
    const struct progress_sink *progress;
};

/* A layer under a name, unless it was written already. */
int archive_save_layer(struct archive_save *save, const struct layer_source *source,
                       const char *name, mode_t mode, struct mcpd_error *err) MUST_CHECK;

int archive_save_docker(struct archive_save *save, struct mcpd_error *err) MUST_CHECK;
int archive_save_docker_dir(struct archive_save *save, struct mcpd_error *err) MUST_CHECK;
int archive_save_oci(struct archive_save *save, struct mcpd_error *err) MUST_CHECK;
int archive_save_bundle(struct archive_save *save, struct mcpd_error *err) MUST_CHECK;

/* For the index of a bundle: the value of its annotation, when the manifests are made. Owned by the
 * caller. */
int save_bundle_annotation(const struct save_images *images, const struct save_manifest *manifests,
                           char **ret_text, struct mcpd_error *err) MUST_CHECK;

#endif
