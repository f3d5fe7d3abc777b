/*
 * commit.h - a new image becomes visible: the one place that knows the order which survives a power
 * cut.
 */
#ifndef OCI_COMMIT_H
#define OCI_COMMIT_H

#include "base/error.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "oci/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A layer unpacked as tmp/NAME/fs (storetmp.h). */
struct commit_layer {
    const char *tmp_name;
    struct digest diff_id; /* verified */
    struct layer_sizes sizes;
    bool replaces; /* the one that is there: it is damaged */
};

/* A manifest or config, verified, as received. */
struct commit_document {
    struct digest digest;
    const char *text;
    size_t length;
};

struct commit {
    const struct commit_layer *layers; /* only those that are new */
    size_t layer_count;
    const struct digest
        *partials; /* finished, verified files in images/partial, held open by the caller */
    size_t partial_count;
    const struct commit_document *documents; /* those that are there already are left alone */
    size_t document_count;
    struct digest manifest_digest;
    struct digest index_digest;   /* that led to it, among the documents; unset: none */
    const struct reference *name; /* NULL: kept without a name */
    /* Further names and images among what is committed: they become visible in the same instant. */
    const struct store_name *further;
    size_t further_count;
};

/*
 * The caller has held store_lock_shared since before it looked for what is already there. On
 * failure nothing is visible under a name; layers and blobs that were already renamed are whole,
 * and used by the next attempt or taken by store_collect.
 */
int store_commit(const struct store *store, const struct commit *commit,
                 struct mcpd_error *err) MUST_CHECK;

#endif
