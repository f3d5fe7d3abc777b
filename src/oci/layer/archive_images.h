/*
 * archive_images.h - the images that an archive describes, read and checked, before a byte of a
 * layer is looked at: docker-archive, oci-archive, and the folders with the same in them.
 */
#ifndef OCI_LAYER_ARCHIVE_IMAGES_H
#define OCI_LAYER_ARCHIVE_IMAGES_H

#include "base/error.h"
#include "oci/imageconfig.h"
#include "oci/layer/archive_file.h"
#include "oci/manifest.h"
#include "oci/platform.h"

#include <stdbool.h>
#include <stddef.h>

#define ARCHIVE_MAX_IMAGES         1024
#define ARCHIVE_MAX_DOCUMENT_BYTES (32u << 20) /* manifests and configs of all of them together */

struct archive_image {
    struct manifest_document document; /* of kind IMAGE; owned, as all below */
    char *manifest_text;
    size_t manifest_length;
    struct digest manifest_digest;
    char *index_text; /* the outermost index that led to it; NULL: none */
    size_t index_length;
    struct digest index_digest;
    char *config_text;
    size_t config_length;
    struct imageconfig config;             /* without its document */
    const struct archive_member **members; /* of each layer; NULL: not in the archive */
    char **names;                          /* as written in the archive */
    bool is_docker;                        /* names without a host are docker.io's */
};

struct archive_images {
    struct archive_image *items; /* owned; each manifest once */
    size_t count;
    size_t capacity;
    size_t document_bytes;
};

/* Whatever the archive is. Where it is both (docker 25 and later) its OCI half is used. `platform`
 * decides where an image has several. CORRUPT: neither. */
int archive_images_read(const struct archive_file *file, const struct platform *platform,
                        struct archive_images *ret_images, struct mcpd_error *err) MUST_CHECK;
void archive_images_done(struct archive_images *images);
#define CLEANUP_ARCHIVE_IMAGES CLEANUP(archive_images_done)

#endif
