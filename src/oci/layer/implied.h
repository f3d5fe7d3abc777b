/*
 * implied.h - folders that a layer needs but does not describe.
 *
 * Sloppy tools write "tmp/x" into a layer without an entry for "tmp". The folder that is then made
 * would hide what the layers below say about it (/tmp would lose its sticky bit). As containerd
 * does, it takes owner, mode and time from the topmost layer below that has it. A layer is shared
 * by all images that contain it; the first one decides.
 */
#ifndef OCI_LAYER_IMPLIED_H
#define OCI_LAYER_IMPLIED_H

#include "base/error.h"
#include "oci/store.h"

#include <stddef.h>

struct implied_layer {
    int root_fd;                      /* of the store that has it */
    char path[STORE_LAYER_PATH_SIZE]; /* of its folder, relative to that */
    const char *paths;                /* its implied folders, each with its NUL */
    size_t bytes;                     /* 0: none, or not a new layer */
};

/* layers: of one image, bottom first. */
int implied_adopt(const struct implied_layer *layers, size_t count,
                  struct mcpd_error *err) MUST_CHECK;

#endif
