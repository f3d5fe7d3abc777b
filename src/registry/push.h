/*
 * push.h - one image from the store into a registry.
 */
#ifndef REGISTRY_PUSH_H
#define REGISTRY_PUSH_H

#include "base/error.h"
#include "oci/layer/compressor.h"
#include "oci/reference.h"
#include "oci/store.h"
#include "registry/client.h"

#include <stdbool.h>

enum push_format {
    PUSH_FORMAT_SAME,
    PUSH_FORMAT_OCI,
    PUSH_FORMAT_DOCKER, /* schema 2 */
};

/* All zero: to the byte what is here. Only layers that are not compressed, and that no registry is
 * known to have like that (they were built or loaded here), are compressed with gzip. */
struct push_options {
    enum push_format format;
    bool has_compression; /* layers that are compressed otherwise are compressed anew */
    struct compressor_options compression; /* its level counts in any case */
};

/* image: what it is called here. destination: NULL is the name that it was found by. *ret_digest:
 * of what the registry has now. */
int push_image(const struct store *store, const char *image, const struct reference *destination,
               const struct push_options *options, const struct registry_options *registry,
               struct digest *ret_digest, struct mcpd_error *err) MUST_CHECK;

#endif
