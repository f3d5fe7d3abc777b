/*
 * blobs.h - images/blobs/sha256/HEX: manifests, configs and compressed layers, as received.
 *
 * Nothing here computes a digest (the small program has no hash library): who writes a blob has
 * verified it. A blob is complete and synced before it gets its name.
 */
#ifndef OCI_BLOBS_H
#define OCI_BLOBS_H

#include "base/error.h"
#include "oci/digest.h"
#include "oci/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Relative to the store's root: "images/blobs/sha256/HEX". */
#define BLOB_PATH_SIZE 96
void blob_path(const struct digest *digest, char buffer[BLOB_PATH_SIZE]);
/* Here, or in an additional store; the same goes for opening and reading. */
bool blob_exists(const struct store *store, const struct digest *digest);
bool blob_is_own(const struct store *store, const struct digest *digest); /* here */
/* For reading; the caller closes. NOT_FOUND: not here. */
int blob_open(const struct store *store, const struct digest *digest, int *ret_fd,
              uint64_t *ret_bytes, struct mcpd_error *err) MUST_CHECK;
/* The whole of a small one, NUL-terminated, owned by the caller. LIMIT: larger than maximum. */
int blob_read(const struct store *store, const struct digest *digest, size_t maximum,
              char **ret_text, size_t *ret_length, struct mcpd_error *err) MUST_CHECK;

/*
 * images/partial/HEX, opened for reading and writing with its flock held (as long as the descriptor
 * and its copies live); made when missing; *ret_length tells how much is there. Waits up to
 * timeout_ms for another writer (< 0: for ever, 0: not at all, -MCPD_E_TIMEOUT). *ret_fd is -1 when
 * the finished blob is in the store by then.
 */
int blob_partial_open(const struct store *store, const struct digest *digest, int timeout_ms,
                      int *ret_fd, uint64_t *ret_length, struct mcpd_error *err) MUST_CHECK;
/* A partial that turned out wrong. The caller holds it open. */
int blob_partial_remove(const struct store *store, const struct digest *digest,
                        struct mcpd_error *err) MUST_CHECK;

/* Renames a finished and synced file, dir_fd/name on the same file system, into place; one that is
 * there already is replaced by its equal. The folder is not synced: store_commit does that once for
 * all. */
int blob_publish(const struct store *store, int dir_fd, const char *name,
                 const struct digest *digest, struct mcpd_error *err) MUST_CHECK;

#endif
