/*
 * save_since.h - what whoever gets a bundle has already: the layers of earlier bundles and images.
 */
#ifndef OCI_LAYER_SAVE_SINCE_H
#define OCI_LAYER_SAVE_SINCE_H

#include "base/error.h"
#include "oci/store.h"

#include <stddef.h>

struct save_since {
    struct save_since_layer *layers; /* owned */
    size_t count;
};
struct save_since_layer {
    struct digest diff_id;
    char *image; /* that has it: its name, else its digest */
};

/* olds: each an image of the store, else a file (one that begins with '/' or '.' is never an
 * image): an archive that load and bundle apply take, or what `image inspect` has printed where the
 * images are. NULL: none. NOT_FOUND: it is neither. */
int save_since_read(const struct store *store, char *const *olds, struct save_since *ret_since,
                    struct mcpd_error *err) MUST_CHECK;
void save_since_done(struct save_since *since);
#define CLEANUP_SAVE_SINCE CLEANUP(save_since_done)

/* The output of `image inspect`, podman's and docker's too: [{"RepoTags", "Id", "RootFS":
 * {"Layers": [diff_id]}}]. CORRUPT: something else. */
int save_since_parse(const char *text, size_t length, struct save_since *since,
                     struct mcpd_error *err) MUST_CHECK;

/* Borrowed; NULL: the layer is new. */
const struct save_since_layer *save_since_find(const struct save_since *since,
                                               const struct digest *diff_id);

#endif
