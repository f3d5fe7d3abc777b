/*
 * sources.h - an image from the first of its sources (mirrors in order, then the registry itself)
 * that has it.
 */
#ifndef REGISTRY_SOURCES_H
#define REGISTRY_SOURCES_H

#include "base/error.h"
#include "oci/registriesconf.h"
#include "registry/client.h"
#include "registry/resolve.h"

#include <stddef.h>

/* Asks one after another; when none has it and the registry itself is worth asking again, all of
 * them once more. *ret_client and *ret_index: who answered. Errors begin with podman's
 * "initializing source docker://REFERENCE" and name the mirrors that failed too. */
int sources_resolve(const struct registriesconf_sources *sources, const struct store *store,
                    const struct reference *reference, const struct registry_options *options,
                    struct client *ret_client, size_t *ret_index, struct resolved *ret_resolved,
                    struct mcpd_error *err) MUST_CHECK;

/* After a failure in the middle with this code: may another source do better? */
bool sources_may_help(int rc);

#endif
