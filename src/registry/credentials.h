/*
 * credentials.h - who we are to a registry: a user and a password, or an identity token.
 */
#ifndef REGISTRY_CREDENTIALS_H
#define REGISTRY_CREDENTIALS_H

#include "base/error.h"

#include <stdbool.h>

struct credentials {
    char *user; /* NULL: anonymous; owned, as all */
    char *password;
    char *identity_token; /* instead of a password; NULL: none */
};
void credentials_done(struct credentials *credentials); /* wipes them */
#define CLEANUP_CREDENTIALS CLEANUP(credentials_done)

bool credentials_are_set(const struct credentials *credentials);
/* "user:password" of --creds. */
int credentials_parse(const char *text, struct credentials *ret_credentials,
                      struct mcpd_error *err) MUST_CHECK;
/* base64("user:password"), of the header and the auth file alike; the text is a secret, owned by
 * the caller. NULL without memory. */
char *credentials_encode(const struct credentials *credentials) MUST_CHECK;
int credentials_decode(const char *text, struct credentials *ret_credentials,
                       struct mcpd_error *err) MUST_CHECK;

#endif
