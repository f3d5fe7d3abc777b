/*
 * bundle_key.h - who a bundle is from: signing it and verifying that.
 *
 * What is signed is the text "mcpd bundle 1\nsha256:HEX\n", HEX being of the bytes of index.json,
 * with Ed25519, or with ECDSA on P-256 and SHA-256. That covers all of a bundle that anybody goes
 * by: index.json holds the names, what was left out, and the digests of the manifests; they hold
 * those of configs and layers, and each byte is compared with its digest before it counts. The
 * signature is a member of its own in front of index.json, as it comes from libcrypto.
 *
 * It does not say that a bundle is the latest: an old one stays signed.
 */
#ifndef OCI_LAYER_BUNDLE_KEY_H
#define OCI_LAYER_BUNDLE_KEY_H

#include "base/error.h"

#include <stddef.h>

#define BUNDLE_SIGNATURE_NAME "mcpd-signature"
#define BUNDLE_SIGNATURE_MAX  128 /* bytes; 64 of Ed25519, about 72 of P-256 */

struct bundle_key; /* heap; bundle_key_free */
struct bundle_signature {
    unsigned char bytes[BUNDLE_SIGNATURE_MAX];
    size_t length; /* 0: none */
};

/* PEM files; a private key without a password. UNSUPPORTED: a key of another kind. */
int bundle_key_read_private(const char *path, struct bundle_key **ret_key,
                            struct mcpd_error *err) MUST_CHECK;
int bundle_key_read_public(const char *path, struct bundle_key **ret_key,
                           struct mcpd_error *err) MUST_CHECK;
void bundle_key_free(struct bundle_key *key); /* NULL is fine */

int bundle_key_sign(const struct bundle_key *key, const char *index, size_t length,
                    struct bundle_signature *ret_signature, struct mcpd_error *err) MUST_CHECK;
/* DENIED: there is no signature, or it is not this key's for this index. */
int bundle_key_verify(const struct bundle_key *key, const char *index, size_t length,
                      const struct bundle_signature *signature, struct mcpd_error *err) MUST_CHECK;

static inline void cleanup_bundle_key(struct bundle_key **key)
{
    bundle_key_free(*key);
}
#define CLEANUP_BUNDLE_KEY CLEANUP(cleanup_bundle_key)

#endif
