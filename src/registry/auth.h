/*
 * auth.h - the Authorization header for one registry: from its challenges and our credentials.
 *
 * Bearer tokens are fetched from the realm that the registry names, one for all that the run needs
 * (the union of its scopes), and kept until the registry no longer takes them; Basic goes to the
 * registry itself. Credentials go to nobody else, and to no plain http realm unless the registry
 * itself is plain http.
 */
#ifndef REGISTRY_AUTH_H
#define REGISTRY_AUTH_H

#include "base/error.h"
#include "registry/authfile.h"
#include "registry/endpoint.h"
#include "registry/http.h"

#include <stdbool.h>

struct auth {
    struct credentials credentials;
    char *header;            /* NULL: nothing was asked of us yet. Owned */
    unsigned int generation; /* of the header: tells whether a refused one has been replaced */
    char **scopes;           /* what tokens are asked for; owned */
};

void auth_done(struct auth *auth);

/* Adds to what tokens are asked for: "repository:PATH:pull,push". Actions of the same resource are
 * joined. The first one is what cannot be done without. LIMIT: more than any registry needs. */
int auth_want(struct auth *auth, const char *scope, struct mcpd_error *err) MUST_CHECK;

/* Answers the challenges of a 401: a new header. *ret_is_answered is false when there is nothing
 * to answer with that has not been refused already. DENIED: the token server says no. */
int auth_answer(struct auth *auth, struct http *http, const struct endpoint *endpoint,
                char *const *challenges, bool *ret_is_answered, struct mcpd_error *err) MUST_CHECK;

#endif
