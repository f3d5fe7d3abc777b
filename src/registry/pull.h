/*
 * pull.h - one image from a registry into the store.
 */
#ifndef REGISTRY_PULL_H
#define REGISTRY_PULL_H

#include "base/error.h"
#include "oci/reference.h"
#include "oci/store.h"
#include "registry/client.h"

/* What is here already is not fetched again. *ret_id: digest of the config. Errors begin with
 * "initializing source docker://..." when there is no image to be had, as podman's do. */
int pull_image(const struct store *store, const struct reference *reference,
               const struct registry_options *options, struct digest *ret_id,
               struct mcpd_error *err) MUST_CHECK;

#endif
