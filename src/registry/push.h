/*
 * push.h - one image from the store into a registry.
 */
#ifndef REGISTRY_PUSH_H
#define REGISTRY_PUSH_H

#include "base/error.h"
#include "oci/reference.h"
#include "oci/store.h"
#include "registry/client.h"

/* image: what it is called here. destination: NULL is the name that it was found by. *ret_digest:
 * of what the registry has now. */
int push_image(const struct store *store, const char *image, const struct reference *destination,
               const struct registry_options *options, struct digest *ret_digest,
               struct mcpd_error *err) MUST_CHECK;

#endif
