/*
 * mediatype.h - the media types of images: what a descriptor points at and how it is packed.
 * Sources: OCI image-spec media-types.md; distribution's manifest v2, schema 2.
 */
#ifndef OCI_MEDIATYPE_H
#define OCI_MEDIATYPE_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

#define MEDIATYPE_OCI_MANIFEST    "application/vnd.oci.image.manifest.v1+json"
#define MEDIATYPE_OCI_INDEX       "application/vnd.oci.image.index.v1+json"
#define MEDIATYPE_OCI_CONFIG      "application/vnd.oci.image.config.v1+json"
#define MEDIATYPE_OCI_LAYER       "application/vnd.oci.image.layer.v1.tar"
#define MEDIATYPE_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIATYPE_DOCKER_LIST     "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIATYPE_DOCKER_CONFIG   "application/vnd.docker.container.image.v1+json"
#define MEDIATYPE_DOCKER_LAYER    "application/vnd.docker.image.rootfs.diff.tar"

enum mediatype_kind {
    MEDIATYPE_KIND_MANIFEST,
    MEDIATYPE_KIND_INDEX,
    MEDIATYPE_KIND_SCHEMA1, /* known only to be refused by name */
    MEDIATYPE_KIND_CONFIG,
    MEDIATYPE_KIND_LAYER,
};

enum mediatype_compression {
    MEDIATYPE_COMPRESSION_NONE,
    MEDIATYPE_COMPRESSION_GZIP,
    MEDIATYPE_COMPRESSION_ZSTD,
};

struct mediatype {
    const char *name;
    enum mediatype_kind kind;
    enum mediatype_compression compression; /* as declared; layers only */
    bool is_docker;                         /* else OCI */
    bool is_foreign; /* a layer that its maker does not let others distribute: never fetched */
};

/* A whole Content-Type is fine: parameters and case do not matter. NULL when unknown (or NULL).
 * Borrowed for ever. */
const struct mediatype *mediatype_find(const char *name);
/* The layer type for a new manifest. Borrowed for ever. */
const char *mediatype_of_layer(bool is_docker, enum mediatype_compression compression);

#endif
