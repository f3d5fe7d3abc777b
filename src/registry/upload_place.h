/*
 * upload_place.h - where a registry wants the bytes of an upload (Location), and how many of them
 * it has (Range). Both come from outside. Pure; fuzzed.
 * Source: OCI distribution-spec, section Pushing blobs.
 */
#ifndef REGISTRY_UPLOAD_PLACE_H
#define REGISTRY_UPLOAD_PLACE_H

#include "base/error.h"
#include "oci/digest.h"

#include <stdbool.h>
#include <stdint.h>

#define UPLOAD_PLACE_MAX_BYTES (16u << 10)

/* A Location that came with the answer of `base`: the whole URL, owned by the caller. It may be
 * relative, and on any host. PROTOCOL: there is none (NULL), it is no http or https URL, holds a
 * user, or leads from https to http. */
int upload_place_parse(const char *base, const char *location, char **ret_url,
                       struct mcpd_error *err) MUST_CHECK;
/* The same with the digest that ends the upload; owned by the caller, NULL without memory. */
char *upload_place_with_digest(const char *url, const struct digest *digest) MUST_CHECK;

/* "0-1023", also with "bytes=" or "bytes " in front: 1024 bytes have arrived. "0-0" is 0, as the
 * registry of docker means it. False when it is something else. */
bool upload_range_parse(const char *text, uint64_t *ret_bytes);

#endif
