/*
 * digest.h - content addresses, "sha256:<64 hex>". Other algorithms are refused by name.
 * Source: OCI image-spec descriptor.md, section Digests.
 */
#ifndef OCI_DIGEST_H
#define OCI_DIGEST_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_TEXT_SIZE 72 /* "sha256:" + 64 + NUL */

struct digest {
    char text[DIGEST_TEXT_SIZE]; /* empty string when unset; always safe as a file name after the
                                    prefix */
};

int digest_parse(const char *text, struct digest *ret_digest, struct mcpd_error *err) MUST_CHECK;
/* Only the 64 digits, as files are named. */
bool digest_parse_hex(const char *hex, struct digest *ret_digest);
void digest_from_sha256(const uint8_t sum[32], struct digest *ret_digest);
const char *digest_hex(const struct digest *digest); /* borrowed: the part behind "sha256:" */
bool digest_equal(const struct digest *a, const struct digest *b);
bool digest_is_set(const struct digest *digest);
bool digest_is_in(const struct digest *list, size_t count, const struct digest *digest);
int digest_compare(const void *a, const void *b); /* for qsort and bsearch */

#endif
