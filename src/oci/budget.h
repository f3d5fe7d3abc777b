/*
 * budget.h - the images of the store within a size: first the compressed layers go that a registry
 * has, then whole images, always those first that were not used for the longest time.
 *
 * What a container stands on stays, and so does what is pinned otherwise (usage.h). Half downloads
 * are not counted: they have a limit of their own (partials.h).
 */
#ifndef OCI_BUDGET_H
#define OCI_BUDGET_H

#include "base/error.h"
#include "oci/store.h"
#include "oci/usage.h"

#include <stdbool.h>
#include <stdint.h>

struct budget {
    uint64_t max_bytes;
    uint64_t needed_bytes; /* beyond what is there */
    /* An image has lost its names. */
    void (*evicted)(void *context, const struct usage_image *image);
    void *context;
};

/* With everything gone that may go. */
bool budget_can_fit(const struct budget *budget, const struct usage *usage);
/* Needs something to go? */
bool budget_is_exceeded(const struct budget *budget, const struct usage *usage);
/* Makes room under the store's exclusive lock; `usage` was loaded under it and is out of date
 * afterwards. Blobs are deleted at once; what evicted images leave, by the collection that the
 * caller makes next (*ret_collects). */
int budget_make_room(const struct store *store, const struct budget *budget, struct usage *usage,
                     bool *ret_collects, struct mcpd_error *err) MUST_CHECK;

/* Compressed layers of an image that are deleted because their unpacked form is here: those that a
 * registry has; by_force: all. The store's exclusive lock is held. */
struct trimming {
    char **digests; /* of what went; owned */
    uint64_t freed_bytes;
    size_t kept_count; /* that no registry is known to have */
    uint64_t kept_bytes;
};
int trim_image(const struct store *store, const struct usage_image *image, bool by_force,
               struct trimming *trimming, struct mcpd_error *err) MUST_CHECK;
void trimming_done(struct trimming *trimming);
#define CLEANUP_TRIMMING CLEANUP(trimming_done)

#endif
