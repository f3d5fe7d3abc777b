/*
 * repair.h - what is damaged of an image is made again, and nothing else.
 */
#ifndef REGISTRY_REPAIR_H
#define REGISTRY_REPAIR_H

#include "base/error.h"
#include "oci/digest.h"
#include "oci/layer/ingest.h"
#include "oci/reference.h"
#include "oci/store.h"
#include "registry/client.h"

struct repair {
    struct digest manifest_digest;
    const struct reference *source; /* a repository that has it; NULL: only what can be made here */
    struct ingest_damage damage;
    /* Called when everything is here and before anything damaged is replaced; may refuse. */
    int (*before_replace)(void *context, struct mcpd_error *err);
    void *context;
};

/*
 * Without a source layers are made from their compressed blobs, which are here and good. With one,
 * the manifest and config come from the registry again, too. The names of the image stay as they
 * are. Damaged blobs are removed first: they are of no use to anybody, and a layer without one is
 * whole. The caller holds the store's shared lock.
 */
int repair_image(const struct store *store, const struct repair *repair,
                 const struct registry_options *options, struct mcpd_error *err) MUST_CHECK;

#endif
