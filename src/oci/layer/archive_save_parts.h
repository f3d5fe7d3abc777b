/* archive_save_parts.h - what archive_save.c shares with the writers of the single formats. */
#ifndef OCI_LAYER_ARCHIVE_SAVE_PARTS_H
#define OCI_LAYER_ARCHIVE_SAVE_PARTS_H

#include "oci/layer/archive_save.h"
#include "oci/layer/bundle_key.h"
#include "oci/layer/save_images.h"
#include "oci/layer/save_output.h"
#include "oci/layer/save_since.h"

struct archive_save {
    struct layer_catalogue catalogue;
    struct save_images images;
    struct save_since since;
    char *annotation;       /* of a bundle's index; NULL: it is none */
    struct bundle_key *key; /* NULL: nothing is signed */
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

/* Of a bundle, when the manifests are made: save->annotation. */
int save_bundle_annotate(struct archive_save *save, const struct save_manifest *manifests,
                         struct mcpd_error *err) MUST_CHECK;
/* Before index.json: checks its size, and writes its signature where one is wanted. */
int save_bundle_sign(struct archive_save *save, const char *index,
                     struct mcpd_error *err) MUST_CHECK;

#endif
