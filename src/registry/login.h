/*
 * login.h - credentials that are kept: tried at the registry, written down, asked for, forgotten.
 *
 * key: "host[:port]" or "host[:port]/path", as auth files have it.
 */
#ifndef REGISTRY_LOGIN_H
#define REGISTRY_LOGIN_H

#include "base/error.h"
#include "registry/client.h"

/* Does the registry take options->user.credentials? Then they are kept in the auth file; *ret_path
 * (owned by the caller) is its name. Without credentials those that are kept are tried, and nothing
 * is written. DENIED: 'logging into "HOST": invalid username/password'. NOT_FOUND: there are none
 * to be tried. */
int login_keep(const char *key, const struct registry_options *options, char **ret_path,
               struct mcpd_error *err) MUST_CHECK;
/* The user's name, owned by the caller. NOT_FOUND: "not logged into KEY". */
int login_user(const char *key, const struct registry_options *options, char **ret_user,
               struct mcpd_error *err) MUST_CHECK;
/* key NULL: all that the file keeps. NOT_FOUND: "not logged into KEY"; STATE: another file than
 * ours keeps them. */
int login_forget(const char *key, const struct registry_options *options,
                 struct mcpd_error *err) MUST_CHECK;

#endif
