/*
 * copies.h - layers/HEX/copies.json: which compressed forms of a layer are known, and in which
 * repositories do they lie?
 *
 * A pull, a load and a push leave it behind for the next push, which then can ask for what is there
 * already and have it mounted from another repository of the same registry instead of sending it.
 * It also finds the form that the store has of a layer: an image whose layer was here before keeps
 * what that came in, and not its own blob. It is a hint: whoever reads it asks the registry or
 * looks into the store before believing it, and a record that is missing, damaged or could not be
 * written is as good as an empty one. It goes with its layer.
 */
#ifndef OCI_COPIES_H
#define OCI_COPIES_H

#include "base/error.h"
#include "oci/digest.h"
#include "oci/imageconfig.h"
#include "oci/manifest.h"
#include "oci/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The latest are kept. */
#define COPIES_MAX              8
#define COPIES_MAX_REPOSITORIES 8

struct copy {
    struct digest digest; /* of the compressed blob */
    uint64_t size;
    char *packing;       /* how it was packed here ("gzip", "zstd:19"); NULL: it came as it is */
    char **repositories; /* "host/path" */
};
struct copies {
    struct copy *list; /* owned, with all in it */
    size_t count;
};
void copies_done(struct copies *copies);
#define CLEANUP_COPIES CLEANUP(copies_done)

void copies_load(const struct store *store, const struct digest *diff_id,
                 struct copies *ret_copies);
/* Adds what is not known yet; copy: with one repository, or none. */
int copies_add(const struct store *store, const struct digest *diff_id, const struct copy *copy,
               struct mcpd_error *err) MUST_CHECK;

/* Every layer of an image that this repository ("host/path"; NULL: none) has. What cannot be
 * written is not remembered. */
void copies_remember(const struct store *store, const struct manifest *manifest,
                     const struct imageconfig *config, const char *repository);

/* Borrowed; NULL when there is none. */
const struct copy *copies_find(const struct copies *copies, const struct digest *digest);
const struct copy *copies_find_packed(const struct copies *copies, const char *packing);
/* One whose blob the store has. */
const struct copy *copies_find_stored(const struct copies *copies, const struct store *store);
/* The path of the latest repository on this host, other than `except`. Borrowed, NULL: none. */
const char *copy_path_on(const struct copy *copy, const char *host, const char *except);

/* A repository that has all these compressed layers (diff_ids[i] in the form blobs[i]). False: none
 * is known to. */
bool copies_find_source(const struct store *store, const struct digest *diff_ids,
                        const struct digest *blobs, size_t count, struct reference *ret_source);

#endif
