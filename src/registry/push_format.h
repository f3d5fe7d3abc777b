/*
 * push_format.h - how an image is to look at the other end: which layers are packed anew, and the
 * manifest that then names them.
 */
#ifndef REGISTRY_PUSH_FORMAT_H
#define REGISTRY_PUSH_FORMAT_H

#include "base/error.h"
#include "oci/copies.h"
#include "registry/push.h"
#include "registry/push_plan.h"
#include "registry/upload.h"

#include <stdbool.h>

/* One blob of the plan, same index. */
struct push_item {
    struct copies copies; /* of a layer; owned */
    bool is_packed;
    bool is_replaced;            /* only because its own blob is not here: it may be there */
    const struct digest *source; /* of what is packed: its own blob, or another form. Borrowed */
    uint64_t source_size;
    struct compressor_options compression;
    char packing[16]; /* its name in the copies: "gzip", "zstd:19" */
};

struct push_look {
    bool is_changed; /* else everything is sent as it is here */
    bool is_docker;  /* the manifest's format then */
    bool needs_packing;
    struct push_item *items; /* owned */
    size_t item_count;
};
void push_look_done(struct push_look *look); /* fine on a zeroed one */

/* INVALID: zstd in docker's format. */
int push_look_decide(const struct store *store, const struct push_plan *plan,
                     const struct push_options *options, struct push_look *ret_look,
                     struct mcpd_error *err) MUST_CHECK;
/* After the uploads (of the plan's blobs, same index): puts the one manifest of the plan into its
 * new form, unless all was there as it was. */
int push_look_apply(const struct push_look *look, const struct upload *uploads,
                    struct push_plan *plan, struct mcpd_error *err) MUST_CHECK;

#endif
