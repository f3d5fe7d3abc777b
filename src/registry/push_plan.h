/*
 * push_plan.h - what a push has to bring: documents as they are in the store, and every blob that
 * they name, once.
 */
#ifndef REGISTRY_PUSH_PLAN_H
#define REGISTRY_PUSH_PLAN_H

#include "base/error.h"
#include "oci/imageconfig.h"
#include "oci/manifest.h"
#include "oci/store.h"

#include <stdbool.h>
#include <stddef.h>

/* A manifest, or the index. */
struct push_document {
    struct digest digest;
    char *text; /* NULL: there is none; owned */
    size_t length;
    const char *type; /* of our table: what a document calls itself goes into no header */
    struct manifest_document document;
    struct imageconfig config; /* of a manifest */
};

struct push_blob {
    const struct descriptor *descriptor; /* borrowed from its manifest */
    const struct digest *diff_id;        /* of a layer, borrowed; NULL: a config */
};

struct push_plan {
    struct push_document index;
    struct push_document *manifests; /* owned, with all in them */
    size_t manifest_count;
    struct push_blob *blobs; /* owned; layers first, the bottom one in front */
    size_t blob_count;
};
void push_plan_done(struct push_plan *plan); /* fine on a zeroed one */
#define CLEANUP_PUSH_PLAN CLEANUP(push_plan_done)

/* index_digest: of the index that the image came by; all of it is to be pushed when all of it is
 * here, else the one manifest. May be unset. */
int push_plan_load(const struct store *store, const struct digest *manifest_digest,
                   const struct digest *index_digest, struct push_plan *ret_plan,
                   struct mcpd_error *err) MUST_CHECK;
/* What the pushed image is known by: the index, or the manifest. */
const struct push_document *push_plan_top(const struct push_plan *plan);

#endif
