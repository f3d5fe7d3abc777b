/*
 * client.h - one repository of one registry: requests with the right URL and Authorization.
 *
 * Finds out by itself whether https or http is spoken, answers a 401 once, repeats what is worth it
 * and turns what goes wrong into podman's words. Repeating a blob's transfer is the caller's.
 */
#ifndef REGISTRY_CLIENT_H
#define REGISTRY_CLIENT_H

#include "base/error.h"
#include "mcpd_types.h"
#include "oci/digest.h"
#include "oci/layer/progress.h"
#include "oci/reference.h"
#include "oci/registriesconf.h"
#include "registry/auth.h"
#include "registry/endpoint.h"
#include "registry/http.h"
#include "registry/retry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct registry_options {
    struct mcpd_registry_options user;
    void (*warn)(void *context, const char *message); /* NULL: silence */
    void *warn_context;
};

struct client {
    struct http *http; /* owned */
    struct endpoint endpoint;
    struct auth auth;
    struct retry_policy retry;
    struct retry_reason last; /* of the last failure */
    bool is_refused; /* which was a no to who we are (401), of the registry or its token server */
    const struct registry_options *options; /* borrowed */
    struct progress_sink progress;
    struct reference reference;
    char shown_name[REFERENCE_MAX_LENGTH + 1]; /* for messages */
    char context[REFERENCE_MAX_LENGTH + 64];   /* before each message; empty: nothing */
};

/* Reads credentials and certificates, and whether the registry may be insecure or is blocked
 * (registriesconf.h); no network yet. A reference without a path stands for the registry itself.
 * The context is podman's for a pull: "initializing source docker://NAME". */
int client_open(const struct reference *reference, const struct registry_options *options,
                struct client *ret_client, struct mcpd_error *err) MUST_CHECK;
/* The same for one of the sources of an image. A mirror gets no credentials that were given for
 * the registry itself. */
int client_open_source(const struct registriesconf_source *source,
                       const struct registry_options *options, struct client *ret_client,
                       struct mcpd_error *err) MUST_CHECK;
void client_done(struct client *client); /* fine on a zeroed one */
#define CLEANUP_CLIENT CLEANUP(client_done)
/* "alpine:latest": docker.io is left out, as podman prints it. */
void client_format_name(const struct reference *reference, char *buffer, size_t size);
void client_set_context(struct client *client, const char *format, ...) PRINTF_LIKE(2, 3);

/* Adds actions on a repository of this registry ("pull,push" of "library/alpine") to what tokens
 * are asked for. client_open has added "pull" of its own repository. */
int client_want(struct client *client, const char *repository, const char *actions,
                struct mcpd_error *err) MUST_CHECK;

/* One request. All is borrowed; see struct http_request. */
struct client_request {
    enum http_method method;
    const char *path;      /* below /v2/NAME/ ("manifests/latest"); NULL: one of the next two */
    const char *root_path; /* below the registry's root ("/v2/") */
    const char *url;       /* whole; on another host than the registry's it goes without any
                            * credentials */
    const char *const *headers; /* NULL: none */
    size_t maximum_bytes;       /* of the answer */
    http_source_function source;
    void *source_context;
    uint64_t source_bytes;
    bool is_repeatable;
    bool is_fresh;
    unsigned int stall_timeout_s;
};

/* To its end, any status of 2xx; other ones are errors, "<what>: ..." with what as in "reading
 * manifest latest in h/x". Repeated as long as that is worth it. The transfer is the caller's and
 * holds the response. */
int client_call(struct client *client, const struct client_request *request, const char *what,
                struct http_transfer **ret_transfer, const struct http_response **ret_response,
                struct mcpd_error *err) MUST_CHECK;
/* Only starts it; whether https or http is spoken has been found out by a client_call before. */
int client_start(struct client *client, const struct client_request *wish,
                 struct http_transfer **ret_transfer, struct mcpd_error *err) MUST_CHECK;

/* client_call for reading; the response has status 200. */
int client_get(struct client *client, enum http_method method, const char *path,
               const char *const *headers, size_t maximum_bytes, const char *what,
               struct http_transfer **ret_transfer, const struct http_response **ret_response,
               struct mcpd_error *err) MUST_CHECK;

/* A blob from offset to its end (size), to sink; begin has looked at the response. */
int client_start_blob(struct client *client, const struct digest *digest, uint64_t offset,
                      uint64_t size, http_begin_function begin, http_sink_function sink,
                      void *context, struct http_transfer **ret_transfer,
                      struct mcpd_error *err) MUST_CHECK;

/* An error out of a status that is not 2xx; sets `last`. */
int client_judge_status(struct client *client, const struct http_response *response,
                        const char *what, struct mcpd_error *err) MUST_CHECK;
/* The transfer itself has failed: its error; sets `last`. */
int client_judge_failure(struct client *client, const struct http_transfer *transfer,
                         struct mcpd_error *err) MUST_CHECK;
/* A 401 to a request that was started with this generation of client->auth.header: a new token,
 * unless it has come meanwhile. *ret_is_renewed: it is worth asking again. */
int client_renew(struct client *client, const struct http_response *response,
                 unsigned int generation, bool *ret_is_renewed, struct mcpd_error *err) MUST_CHECK;

/* Is another attempt to be made after the last failure? Warns "Failed, retrying in 1s ... (1/3).
 * Error: <problem>" and tells how long to wait. */
bool client_retry(struct client *client, unsigned int *attempt, const struct mcpd_error *problem,
                  unsigned int *ret_delay_ms);
/* Puts the context before the message. */
int client_wrap(const struct client *client, int rc, struct mcpd_error *err) MUST_CHECK;

#endif
