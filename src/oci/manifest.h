/*
 * manifest.h - manifests and indexes of images, docker's and OCI's.
 *
 * Bytes decide what a document is: `layers` makes a manifest, `manifests` an index; a document with
 * both, or whose mediaType or Content-Type says something else, is refused (CVE-2021-41190), and so
 * is schema 1. Unknown members are ignored; the bytes as received are what is stored and pushed.
 * Sources: OCI image-spec manifest.md, image-index.md, descriptor.md; distribution's schema 2.
 */
#ifndef OCI_MANIFEST_H
#define OCI_MANIFEST_H

#include "base/error.h"
#include "oci/digest.h"
#include "oci/mediatype.h"
#include "oci/platform.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define MANIFEST_MAX_BYTES   (4u << 20)
#define MANIFEST_MAX_LAYERS  512
#define MANIFEST_MAX_ENTRIES 1024 /* of an index */

struct descriptor {
    struct digest digest;
    uint64_t size;            /* bytes; anything up to INT64_MAX, the reader sets its own limit */
    char *media_type;         /* NULL when absent; owned, as all below */
    struct platform platform; /* as written; os empty when absent */
    char **urls;              /* foreign layers: never fetched; NULL: none */
    char **annotations;       /* "K=V", e.g. org.opencontainers.image.ref.name; NULL: none */
};
void descriptor_done(struct descriptor *descriptor);

struct manifest {
    char *media_type; /* the document's own, else the one its content stands for */
    struct descriptor config;
    struct descriptor *layers; /* bottom first */
    size_t layer_count;
    json_t *annotations; /* object, NULL when absent */
};

struct manifest_index {
    char *media_type;
    struct descriptor *entries;
    size_t entry_count;
    json_t *annotations;
};

enum manifest_kind {
    MANIFEST_KIND_IMAGE,
    MANIFEST_KIND_INDEX,
};

/* What a registry or an archive holds under one digest. */
struct manifest_document {
    enum manifest_kind kind;
    struct manifest manifest;    /* IMAGE */
    struct manifest_index index; /* INDEX */
};

/* content_type: the HTTP header or the descriptor's mediaType, NULL when there is none; generic
 * ones ("application/json") are ignored. */
int manifest_parse(const char *text, size_t length, const char *content_type,
                   struct manifest_document *ret_document, struct mcpd_error *err) MUST_CHECK;
void manifest_document_done(struct manifest_document *document); /* fine on a zeroed one */

/* Can we pull and run it: an image config (no other artifact), layer types that we unpack, none
 * foreign. */
int manifest_check_runnable(const struct manifest *manifest, struct mcpd_error *err) MUST_CHECK;

/* The entry that serves `wanted` best (manifest, or a nested index). Borrowed from the index. An
 * entry without a platform is taken when it is the only one. NOT_FOUND names the platforms that
 * exist. */
int manifest_index_choose(const struct manifest_index *index, const struct platform *wanted,
                          const struct descriptor **ret_entry, struct mcpd_error *err) MUST_CHECK;

/* A new manifest as compact text (for load of a docker-archive, and for build): media_type, config,
 * layers, annotations. Owned by the caller. */
int manifest_format(const struct manifest *manifest, char **ret_text, size_t *ret_length,
                    struct mcpd_error *err) MUST_CHECK;

#endif
