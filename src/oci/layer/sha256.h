/*
 * sha256.h - streaming SHA-256 over libcrypto (which uses the processor's instructions for it).
 */
#ifndef OCI_LAYER_SHA256_H
#define OCI_LAYER_SHA256_H

#include "base/error.h"
#include "oci/digest.h"

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    void *context; /* EVP_MD_CTX, owned; NULL when not open */
    int is_failed; /* sticky: finishing reports it */
};

int sha256_init(struct sha256 *sha256, struct mcpd_error *err) MUST_CHECK;
void sha256_update(struct sha256 *sha256, const void *bytes, size_t count);
/* Gives the digest of all updates; the value can then only be thrown away or initialised anew. */
int sha256_finish(struct sha256 *sha256, struct digest *ret_digest,
                  struct mcpd_error *err) MUST_CHECK;
void sha256_done(struct sha256 *sha256); /* fine on a zeroed one */
#define CLEANUP_SHA256 CLEANUP(sha256_done)

int sha256_of_bytes(const void *bytes, size_t count, struct digest *ret_digest,
                    struct mcpd_error *err) MUST_CHECK;
/* Adds bytes from `offset` up to `end` of a file. CORRUPT when the file is shorter. */
int sha256_update_file(struct sha256 *sha256, int fd, uint64_t offset, uint64_t end,
                       struct mcpd_error *err) MUST_CHECK;

#endif
