/*
 * auth.h - the Authorization header for one repository: from a challenge and credentials.
 *
 * Bearer tokens are fetched from the realm that the registry names and kept until they expire;
 * Basic goes to the registry itself. Credentials go to nobody else, and to no plain http realm
 * unless the registry itself is plain http.
 */
#ifndef REGISTRY_AUTH_H
#define REGISTRY_AUTH_H

#include "base/error.h"
#include "registry/authfile.h"
#include "registry/endpoint.h"
#include "registry/http.h"

struct auth {
    struct credentials credentials;
    char *header; /* NULL: nothing was asked of us yet. Owned */
};

void auth_done(struct auth *auth);

/* Answers the challenges of a 401. scope: "repository:PATH:pull", used when the challenge has none.
 * DENIED: "unauthorized" in the text. */
int auth_answer(struct auth *auth, struct http *http, const struct endpoint *endpoint,
                char *const *challenges, const char *scope, struct mcpd_error *err) MUST_CHECK;

#endif
