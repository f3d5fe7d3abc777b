/*
 * endpoint.h - where a registry is: from the host of a reference to a URL and whom to trust there.
 *
 * https always comes first. Plain http is tried after it for loopback hosts and when checking was
 * switched off, and for nobody else. A registry will later have several endpoints (its mirrors,
 * then itself); everything above takes one at a time.
 */
#ifndef REGISTRY_ENDPOINT_H
#define REGISTRY_ENDPOINT_H

#include "base/error.h"
#include "registry/http.h"

#include <stdbool.h>

#define ENDPOINT_HOST_SIZE 256

struct endpoint {
    char host[ENDPOINT_HOST_SIZE]; /* to connect to: "127.0.0.1:5000", "registry-1.docker.io" */
    bool may_be_http;
    bool is_http; /* https has failed and http has answered */
    struct http_tls tls;
};

/* domain: of the reference. cert_dir: NULL searches certs.d of the user, /etc/containers and
 * /etc/docker. */
int endpoint_init(const char *domain, bool skip_tls_verify, const char *cert_dir,
                  struct endpoint *ret_endpoint, struct mcpd_error *err) MUST_CHECK;
void endpoint_done(struct endpoint *endpoint);
#define CLEANUP_ENDPOINT CLEANUP(endpoint_done)

/* "https://HOST<path>", owned by the caller; NULL without memory. path begins with '/'. */
char *endpoint_url(const struct endpoint *endpoint, const char *path) MUST_CHECK;

/* "localhost", "127.0.0.1:5000", "[::1]:5000" */
bool endpoint_is_loopback(const char *host);

#endif
