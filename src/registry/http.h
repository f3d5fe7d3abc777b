/*
 * http.h - requests over libcurl's multi interface: several at a time, one thread, bounded.
 *
 * Knows limits, time-outs and redirects, nothing of registries. Redirects are followed by hand: at
 * most five, never from https to http, and what identifies us (Authorization, client certificate)
 * stays behind when scheme, host or port change. A request that changes something moves on only
 * with 307 and 308, which keep its method and its bytes; a form, which may hold a secret, never
 * moves. HTTP/1.1 only: every registry speaks it, and parallel blobs get connections of their own.
 */
#ifndef REGISTRY_HTTP_H
#define REGISTRY_HTTP_H

#include "base/buf.h"
#include "base/error.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_MAX_REDIRECTS   5
#define HTTP_MAX_CONNECTIONS 8

/* How to trust the other side. */
struct http_tls {
    bool skip_verify;
    char *extra_ca_pem;     /* CAs beside the system's, PEM text; NULL: none. Owned, as the rest */
    char *client_cert_path; /* NULL: none */
    char *client_key_path;
};
void http_tls_done(struct http_tls *tls);

enum http_method {
    HTTP_METHOD_GET,
    HTTP_METHOD_HEAD,
    HTTP_METHOD_POST, /* with `body` as a form, or empty */
    HTTP_METHOD_PUT,  /* with what `source` gives, or empty; so is PATCH */
    HTTP_METHOD_PATCH,
};

/* Status and headers are known, the first byte is about to come. */
struct http_response;
typedef int (*http_begin_function)(void *context, const struct http_response *response,
                                   struct mcpd_error *err);
typedef int (*http_sink_function)(void *context, const void *bytes, size_t count,
                                  struct mcpd_error *err);
/* Fills in what there is of the request's bytes from `offset` on, at most `size` and at least one.
 * They may be asked for again. Where the length is unknown, *ret_count is 0 at the end, and
 * HTTP_SOURCE_LATER pauses the transfer until http_resume. */
typedef int (*http_source_function)(void *context, uint64_t offset, void *buffer, size_t size,
                                    size_t *ret_count, struct mcpd_error *err);
#define HTTP_SOURCE_LATER   SIZE_MAX
#define HTTP_LENGTH_UNKNOWN UINT64_MAX

/* Everything is borrowed until the transfer is freed, except url, headers and authorization, which
 * are copied. */
struct http_request {
    enum http_method method;
    const char *url;
    const char *const *headers;  /* "Name: value", NULL-terminated; NULL: none */
    const char *authorization;   /* value of the header; NULL: none */
    const struct http_tls *tls;  /* NULL: the defaults */
    const char *body;            /* POST */
    http_source_function source; /* PUT, PATCH: what is sent; NULL: nothing */
    void *source_context;
    uint64_t source_bytes; /* or HTTP_LENGTH_UNKNOWN */
    bool is_repeatable;    /* what has a source: twice is as good as once, see HTTP_FAILURE_STALE */
    bool is_fresh;         /* takes no kept connection */
    bool is_foreign;       /* not the host that identified itself to us: no client certificate */
    unsigned int stall_timeout_s; /* without a byte in either direction; 0: the usual */
    size_t maximum_body_bytes;    /* of what is collected in response.body: all that has no sink */
    bool has_range;               /* Range: bytes=first-last, always closed */
    uint64_t range_first;
    uint64_t range_last;
    http_begin_function
        begin; /* for 2xx only; both or none. A failure of theirs ends the transfer */
    http_sink_function sink;
    void *sink_context;
};

struct http_response {
    int status;
    char *url;          /* that answered in the end; owned, as all below */
    char *content_type; /* NULL when absent */
    char *digest;       /* Docker-Content-Digest */
    char *api_version;  /* Docker-Distribution-Api-Version: a registry speaks */
    char **challenges;  /* WWW-Authenticate, one string per header line */
    struct buf body;
    uint64_t retry_after_s; /* 0: not said */
    bool has_content_range;
    uint64_t range_first; /* of Content-Range */
    bool is_foreign;      /* a redirect led to another host: it gets no credentials of ours */
};

/* Why there is no response; what may be tried again or otherwise depends on it. */
enum http_failure {
    HTTP_FAILURE_NONE,
    HTTP_FAILURE_RESOLVE, /* no such host */
    HTTP_FAILURE_CONNECT, /* refused, unreachable */
    HTTP_FAILURE_NOT_TLS, /* the other side does not speak TLS */
    HTTP_FAILURE_TRUST,   /* its certificate is not to be trusted */
    HTTP_FAILURE_TIMEOUT, /* no connection in time, or stalled */
    HTTP_FAILURE_BROKEN,  /* cut off in the middle */
    HTTP_FAILURE_STALE,   /* a kept connection was closed before there was an answer. Only of what
                           * is not repeatable: the rest is sent again, once, on a new one */
    HTTP_FAILURE_LOCAL,   /* the sink, memory, a limit, a forbidden redirect: not the network */
};

struct http;          /* connections that are kept, and what is under way */
struct http_transfer; /* one request; http_transfer_free */

/* cancel_fd (> 0): once it is readable, whatever waits here ends with CANCELLED. A transfer that
 * brings less than 64 bytes a second for 30 seconds has failed; MCPD_STALL_TIMEOUT_S changes the
 * time. */
int http_new(int cancel_fd, struct http **ret_http, struct mcpd_error *err) MUST_CHECK;
void http_free(struct http *http); /* transfers must be freed before */

int http_start(struct http *http, const struct http_request *request,
               struct http_transfer **ret_transfer, struct mcpd_error *err) MUST_CHECK;
/* Moves every transfer on, then waits until one can go on, one of fds is ready (revents are not
 * filled in) or the time is up (< 0: for ever); does not wait when a source has just run dry. */
int http_wait(struct http *http, const struct pollfd *fds, size_t fd_count, int timeout_ms,
              struct mcpd_error *err) MUST_CHECK;
/* Only waits; what is under way moves on. */
int http_pause(struct http *http, unsigned int ms, struct mcpd_error *err) MUST_CHECK;
bool http_is_done(const struct http_transfer *transfer);
/* Of one that is done: the response, borrowed until the transfer is freed, whatever its status; or
 * the failure in Go's words ("dial tcp 127.0.0.1:9: connect: connection refused"). */
int http_result(const struct http_transfer *transfer, const struct http_response **ret_response,
                struct mcpd_error *err) MUST_CHECK;
enum http_failure http_failure_of(const struct http_transfer *transfer);
/* Another header of the response, owned by the caller; the first of its name, NULL when absent. */
int http_copy_header(const struct http_transfer *transfer, const char *name, char **ret_value,
                     struct mcpd_error *err) MUST_CHECK;
/* Its source has something again. Fine when it was not paused. */
void http_resume(struct http_transfer *transfer);
void http_transfer_free(struct http_transfer *transfer); /* stops it when it is under way */

/* One request to its end; other transfers move on meanwhile. The transfer is the caller's also when
 * this fails with a failure of the transfer (to be asked); NULL when it could not be started. */
int http_perform(struct http *http, const struct http_request *request,
                 struct http_transfer **ret_transfer, const struct http_response **ret_response,
                 struct mcpd_error *err) MUST_CHECK;

/* "https://host:port" of both is the same. */
bool http_is_same_origin(const char *a, const char *b);
/* Is its host "localhost", in 127.0.0.0/8 or [::1]? */
bool http_is_loopback_url(const char *url);

static inline void cleanup_http(struct http **http)
{
    http_free(*http);
}
#define CLEANUP_HTTP CLEANUP(cleanup_http)

static inline void cleanup_http_transfer(struct http_transfer **transfer)
{
    http_transfer_free(*transfer);
}
#define CLEANUP_HTTP_TRANSFER CLEANUP(cleanup_http_transfer)

#endif
