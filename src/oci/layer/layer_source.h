/*
 * layer_source.h - the bytes of a layer that the store has, for whoever writes them somewhere:
 * looked for where they can be had, and verified while they are read.
 *
 * A layer may be there as the blob of its image, as a blob of another image with the same contents
 * (packed in another way), or only unpacked. The last one is packed anew, which gives the same
 * bytes only if pack.h made them in the first place.
 */
#ifndef OCI_LAYER_LAYER_SOURCE_H
#define OCI_LAYER_LAYER_SOURCE_H

#include "base/error.h"
#include "oci/layer/progress.h"
#include "oci/manifest.h"
#include "oci/mediatype.h"
#include "oci/store.h"

#include <stddef.h>
#include <stdint.h>

/* What the images of the store hold; looked through when it is needed first. Zeroed: not yet. */
struct layer_catalogue {
    const struct store *store; /* borrowed */
    struct layer_copy *copies; /* owned */
    size_t count;
    int is_loaded;
};
void layer_catalogue_done(struct layer_catalogue *catalogue);
#define CLEANUP_LAYER_CATALOGUE CLEANUP(layer_catalogue_done)

enum layer_way {
    LAYER_WAY_BLOB,    /* as it lies there */
    LAYER_WAY_INFLATE, /* the blob, decompressed */
    LAYER_WAY_PACK,    /* the unpacked layer, packed again */
};

struct layer_source {
    enum layer_way way;
    struct digest blob; /* BLOB, INFLATE: what is read */
    struct digest diff_id;
    struct digest digest;                   /* of what comes out */
    uint64_t size;                          /* of what comes out */
    enum mediatype_compression compression; /* of what comes out, by its content */
};

/* The layer as a plain tar. With INFLATE and PACK its length may have to be found by making all of
 * it once; PACK that gives something else is no source. NOT_FOUND names the layer. */
int layer_source_plain(struct layer_catalogue *catalogue, const struct descriptor *descriptor,
                       const struct digest *diff_id, struct layer_source *ret_source,
                       struct mcpd_error *err) MUST_CHECK;
/* Exactly the blob of the descriptor if it can be had, else the layer as a plain tar. */
int layer_source_stored(struct layer_catalogue *catalogue, const struct descriptor *descriptor,
                        const struct digest *diff_id, struct layer_source *ret_source,
                        struct mcpd_error *err) MUST_CHECK;

/* Everything, in order. CORRUPT when digest or size turn out wrong: then the bytes were too. */
typedef int (*layer_write_function)(void *context, const void *bytes, size_t count,
                                    struct mcpd_error *err);
int layer_source_copy(const struct layer_catalogue *catalogue, const struct layer_source *source,
                      layer_write_function write, void *context,
                      const struct progress_sink *progress, struct mcpd_error *err) MUST_CHECK;

#endif
