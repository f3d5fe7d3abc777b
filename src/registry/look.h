/*
 * look.h - what a registry has, without taking it: is an image there, and what does its manifest
 * say?
 *
 * Absent is an answer (NOT_FOUND, or false) only when a registry gave it: a name that does not
 * resolve, a connection refused, a 401, a 5xx or the 404 of something that is no registry are
 * failures of another code, and so are wrong files on our side.
 */
#ifndef REGISTRY_LOOK_H
#define REGISTRY_LOOK_H

#include "base/error.h"
#include "oci/reference.h"
#include "registry/client.h"

#include <stdbool.h>

int look_exists(const struct reference *reference, const struct registry_options *options,
                bool *ret_exists, struct mcpd_error *err) MUST_CHECK;
/* The manifest or index as it is, NUL-terminated, owned by the caller. NOT_FOUND: absent. */
int look_manifest(const struct reference *reference, const struct registry_options *options,
                  char **ret_text, struct mcpd_error *err) MUST_CHECK;

#endif
