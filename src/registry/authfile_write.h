/*
 * authfile_write.h - adds to and removes from one auth file: where login and logout keep what they
 * know, in the form that podman, docker and skopeo share.
 *
 * The file is written anew beside the old one and renamed, mode 0600; everything in it that is not
 * ours stays. A symbolic link in its place is refused, not followed. Where the file names a
 * credential helper for the registry, the secret goes there and not into the file.
 */
#ifndef REGISTRY_AUTHFILE_WRITE_H
#define REGISTRY_AUTHFILE_WRITE_H

#include "base/error.h"
#include "registry/credentials.h"

#include <stdbool.h>
#include <stddef.h>

/* key: "host" or "host/path". */
int authfile_store(const char *path, const char *key, const struct credentials *credentials,
                   struct mcpd_error *err) MUST_CHECK;
/* key NULL: all of them. NOT_FOUND: the file knows nothing of it. */
int authfile_erase(const char *path, const char *key, struct mcpd_error *err) MUST_CHECK;

/* The text of a file (empty: none yet) with an entry set, or removed when auth is NULL (key NULL:
 * all); auth: credentials_encode's, "" for an entry whose secret is elsewhere. The new text is a
 * secret, owned by the caller. Pure; fuzzed. */
int authfile_edit(const char *text, size_t length, const char *key, const char *auth,
                  char **ret_text, bool *ret_was_there, struct mcpd_error *err) MUST_CHECK;

#endif
