/*
 * usage.h - what the images of the store take on the disk, object by object, and who needs which.
 *
 * An object is a file of images/blobs or an unpacked layer. Sizes are what they take on the disk;
 * what several images share is one object. It is a look without a lock: what comes and goes
 * meanwhile may be in it or not.
 */
#ifndef OCI_USAGE_H
#define OCI_USAGE_H

#include "base/error.h"
#include "oci/digest.h"
#include "oci/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum usage_kind {
    USAGE_DOCUMENT, /* manifest, index, config */
    USAGE_BLOB,     /* a compressed layer, or a blob of no image */
    USAGE_LAYER,    /* an unpacked one */
    USAGE_KINDS,
};

struct usage_object {
    enum usage_kind kind;
    struct digest digest; /* of a LAYER the diff_id */
    uint64_t bytes;
    unsigned int image_count; /* that need it */
    bool is_pinned;           /* a container stands on it, or on an image that needs it */
    bool is_spare;            /* a BLOB whose layer is unpacked here */
    bool is_fetchable;        /* the same, and a registry has it */
};

struct usage_image {
    struct digest id;              /* first: they are looked for by it */
    struct timespec last_used;     /* store_note_use */
    bool is_pinned;                /* a container is made of it */
    bool is_evicted;               /* budget.h: it has just lost its names */
    struct usage_object **objects; /* owned array; each once */
    size_t object_count;
};

struct usage {
    struct usage_object *objects; /* owned; sorted */
    size_t object_count;
    struct usage_image *images; /* owned; sorted by id */
    size_t image_count;
    uint64_t partial_bytes; /* half downloads */
};

/* What containers need: their images and their layers. */
struct usage_pins {
    const struct digest *image_ids;
    size_t image_count;
    const struct digest *layers;
    size_t layer_count;
};

int usage_load(const struct store *store, const struct usage_pins *pins, struct usage *ret_usage,
               struct mcpd_error *err) MUST_CHECK;
void usage_done(struct usage *usage);
#define CLEANUP_USAGE CLEANUP(usage_done)

/* Everything, needed or not, with half downloads. */
uint64_t usage_total_bytes(const struct usage *usage);
/* What is left when all goes that no container needs. */
uint64_t usage_pinned_bytes(const struct usage *usage);
uint64_t usage_kind_bytes(const struct usage *usage, enum usage_kind kind);
/* Of one image; *ret_shared_bytes: what other images need too. */
uint64_t usage_image_bytes(const struct usage_image *image, uint64_t *ret_shared_bytes);
/* Borrowed, NULL: not listed. */
const struct usage_image *usage_find_image(const struct usage *usage, const struct digest *id);

#endif
