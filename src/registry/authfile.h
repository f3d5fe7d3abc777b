/*
 * authfile.h - credentials from the files that podman, docker and skopeo share.
 *
 * Looked for in this order; the first file that knows the registry counts: the given path or
 * $REGISTRY_AUTH_FILE (alone), ${XDG_RUNTIME_DIR}/containers/auth.json,
 * /run/containers/UID/auth.json, ~/.config/containers/auth.json, ~/.docker/config.json.
 * A given file must be there and readable. One that is only looked for counts as absent when it
 * does not exist or lies behind a folder that is closed to us (root's podman makes
 * /run/containers 0700); one that is reached and cannot be read is an error.
 * Keys are "host", "host/path" (the longest that fits wins) or docker's old "https://host/v1/". In
 * a file, credHelpers of the host come first, then auths, then credsStore.
 * Source: containers-auth.json(5).
 */
#ifndef REGISTRY_AUTHFILE_H
#define REGISTRY_AUTHFILE_H

#include "base/error.h"
#include "registry/credentials.h"

#include <stdbool.h>
#include <stddef.h>

#define AUTHFILE_MAX_BYTES (1u << 20)
#define AUTHFILE_MAX_DEPTH 16

/* repository: "host/path", or a host alone for what is kept for all of it. Nothing found is success
 * with no user. */
int authfile_find(const char *path, const char *repository, struct credentials *ret_credentials,
                  struct mcpd_error *err) MUST_CHECK;
/* What credential helpers call the registry: its host, for docker.io "https://index.docker.io/v1/".
 * Owned by the caller; NULL without memory. */
char *authfile_server_of(const char *repository) MUST_CHECK;

/* What one file's text says: credentials, or who knows them. Pure; fuzzed. */
struct authfile_answer {
    struct credentials credentials;
    char *helper;           /* credhelper.h; NULL: none. Owned */
    bool is_general_helper; /* of credsStore: it need not know this registry */
};
void authfile_answer_done(struct authfile_answer *answer);
int authfile_lookup(const char *text, size_t length, const char *repository,
                    struct authfile_answer *ret_answer, struct mcpd_error *err) MUST_CHECK;

/* Whom a file has keep the credentials of this registry, whatever its entries say; NULL: the file
 * itself. Owned by the caller. */
int authfile_find_helper(const char *text, size_t length, const char *repository, char **ret_helper,
                         struct mcpd_error *err) MUST_CHECK;
/* Where login writes: the given path, $REGISTRY_AUTH_FILE, or the first of the places above. Owned
 * by the caller. */
int authfile_path_to_write(const char *path, char **ret_path, struct mcpd_error *err) MUST_CHECK;

#endif
