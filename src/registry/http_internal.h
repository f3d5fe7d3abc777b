/* http_internal.h - a transfer from inside. For http.c and http_curl.c only. */
#ifndef REGISTRY_HTTP_INTERNAL_H
#define REGISTRY_HTTP_INTERNAL_H

#include "registry/http.h"

#include <curl/curl.h>

struct http {
    CURLM *multi;
    int cancel_fd; /* <= 0: none */
    long stall_timeout_s;
    bool has_paused; /* a transfer, since this was last set to false: its source has nothing yet */
};

struct http_transfer {
    struct http *http;
    CURL *easy;
    struct curl_slist *headers; /* without Authorization */
    struct curl_slist *sent_headers;
    struct http_request request; /* url, headers and authorization in it are not valid any more */
    char *url;                   /* of the present hop; owned */
    char *authorization;         /* owned; NULL once another host is asked */
    struct http_response response;
    struct mcpd_error error;
    enum http_failure failure;
    unsigned int redirects;
    size_t header_bytes;
    uint64_t sent_bytes; /* of the request's source, in the present hop */
    bool is_foreign;     /* redirected away from the first host */
    bool is_fresh;       /* takes no kept connection */
    bool is_added;       /* to the multi handle */
    bool is_done;
    bool has_begun;
    char text[CURL_ERROR_SIZE];
};

/* Puts every option of the present hop on the easy handle. */
int http_curl_prepare(struct http_transfer *transfer, struct mcpd_error *err) MUST_CHECK;
/* Failure and its text out of what curl says. */
void http_curl_explain(struct http_transfer *transfer, CURLcode code);
/* Status and the headers we look at. */
int http_curl_read_response(struct http_transfer *transfer, struct mcpd_error *err) MUST_CHECK;

#endif
