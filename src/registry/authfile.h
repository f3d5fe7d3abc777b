/*
 * authfile.h - credentials from the files that podman, docker and skopeo share.
 *
 * Looked for in this order; the first file that knows the registry counts: the given path or
 * $REGISTRY_AUTH_FILE (alone), ${XDG_RUNTIME_DIR}/containers/auth.json,
 * /run/containers/UID/auth.json, ~/.config/containers/auth.json, ~/.docker/config.json.
 * A given file must be there and readable. One that is only looked for counts as absent when it
 * does not exist or lies behind a folder that is closed to us (root's podman makes
 * /run/containers 0700); one that is reached and cannot be read is an error.
 * Keys are "host", "host/path" (the longest that fits wins) or docker's old "https://host/v1/".
 * Source: containers-auth.json(5).
 */
#ifndef REGISTRY_AUTHFILE_H
#define REGISTRY_AUTHFILE_H

#include "base/error.h"

#include <stddef.h>

struct credentials {
    char *user; /* NULL: anonymous; owned, as all */
    char *password;
    char *identity_token; /* instead of a password; NULL: none */
};
void credentials_done(struct credentials *credentials); /* wipes them */
#define CLEANUP_CREDENTIALS CLEANUP(credentials_done)

/* base64("user:password"), of the header and the file alike; owned by the caller, a secret. NULL
 * without memory. */
char *credentials_encode(const struct credentials *credentials) MUST_CHECK;
/* "user:password" of --creds. */
int credentials_parse(const char *text, struct credentials *ret_credentials,
                      struct mcpd_error *err) MUST_CHECK;

/* repository: "host/path". Nothing found is success with no user. */
int authfile_find(const char *path, const char *repository, struct credentials *ret_credentials,
                  struct mcpd_error *err) MUST_CHECK;
/* The same for one file's text. Pure; fuzzed. */
int authfile_lookup(const char *text, size_t length, const char *repository,
                    struct credentials *ret_credentials, struct mcpd_error *err) MUST_CHECK;

#endif
