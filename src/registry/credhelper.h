/*
 * credhelper.h - credentials that another program keeps: docker-credential-NAME, asked on stdin,
 * answering in JSON on stdout. Never through a shell; what it complains about is shown, what it
 * answers is not.
 * Source: the protocol of docker-credential-helpers.
 */
#ifndef REGISTRY_CREDHELPER_H
#define REGISTRY_CREDHELPER_H

#include "base/error.h"
#include "registry/credentials.h"

#include <stddef.h>

/* server: the registry's host, or docker's "https://index.docker.io/v1/". Knowing nothing of it is
 * success with nobody. NOT_FOUND: there is no such program. TIMEOUT after 30 seconds
 * (MCPD_CREDENTIAL_TIMEOUT_S). */
int credhelper_get(const char *name, const char *server, struct credentials *ret_credentials,
                   struct mcpd_error *err) MUST_CHECK;
int credhelper_store(const char *name, const char *server, const struct credentials *credentials,
                     struct mcpd_error *err) MUST_CHECK;
/* NOT_FOUND also when it knows nothing of the server. */
int credhelper_erase(const char *name, const char *server, struct mcpd_error *err) MUST_CHECK;

/* The answer to get. Pure; fuzzed. */
int credhelper_parse(const char *text, size_t length, struct credentials *ret_credentials,
                     struct mcpd_error *err) MUST_CHECK;

#endif
