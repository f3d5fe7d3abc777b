/*
 * http.c - see http.h: transfers, their bodies, redirects.
 *
 * Theory of operation: a transfer is one curl easy handle. curl calls the body and header functions
 * below while http_wait runs; when curl reports it as finished, it is either put on the way again
 * (a redirect) or marked as done. Nothing else is called back, so the owner of a transfer may free
 * it, or start others, whenever http_wait is not running.
 */
#include "registry/http.h"

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/str.h"
#include "registry/http_internal.h"

#include <stdlib.h>
#include <string.h>

#define MAX_HEADER_BYTES (256u << 10)
#define MAX_WAIT_FDS     64
#define MAX_WAIT_MS      1000
#define STALL_TIMEOUT_S  30

void http_tls_done(struct http_tls *tls)
{
    free(tls->extra_ca_pem);
    free(tls->client_cert_path);
    free(tls->client_key_path);
    *tls = (struct http_tls){0};
}

/* ------------------------------------------------------------------ the multi handle */

static long stall_timeout_s(void)
{
    const char *text = getenv("MCPD_STALL_TIMEOUT_S");
    uint32_t value = 0;

    return text && str_to_u32(text, 3600, &value) == 0 && value > 0 ? (long)value : STALL_TIMEOUT_S;
}

int http_new(int cancel_fd, struct http **ret_http, struct mcpd_error *err)
{
    CLEANUP_HTTP struct http *http = calloc(1, sizeof(*http));

    if (!http)
        return error_no_memory(err, "network");
    http->cancel_fd = cancel_fd;
    http->stall_timeout_s = stall_timeout_s();
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return error_set(err, MCPD_E_INTERNAL, "libcurl does not start");
    http->multi = curl_multi_init();
    if (!http->multi)
        return error_no_memory(err, "network");
    (void)curl_multi_setopt(http->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                            (long)HTTP_MAX_CONNECTIONS);
    (void)curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_MAX_CONNECTIONS);
    *ret_http = TAKE_PTR(http);
    return 0;
}

void http_free(struct http *http)
{
    if (!http)
        return;
    if (http->multi)
        (void)curl_multi_cleanup(http->multi);
    free(http);
}

/* ------------------------------------------------------------------ called by curl */

static void fail_locally(struct http_transfer *transfer)
{
    transfer->failure = HTTP_FAILURE_LOCAL;
}

static int sink_body(struct http_transfer *transfer, const void *bytes, size_t count)
{
    const struct http_request *request = &transfer->request;
    struct mcpd_error *err = &transfer->error;
    int rc = 0;

    if (!transfer->has_begun) {
        rc = http_curl_read_response(transfer, err);
        if (rc == 0)
            rc = request->begin(request->sink_context, &transfer->response, err);
        transfer->has_begun = true;
    }
    return rc < 0 ? rc : request->sink(request->sink_context, bytes, count, err);
}

static int collect_body(struct http_transfer *transfer, const void *bytes, size_t count)
{
    (void)buf_append(&transfer->response.body, bytes, count);
    return buf_check(&transfer->response.body, "the answer", &transfer->error);
}

/* Headers, and the text that nobody reads below a redirect. */
static size_t count_overhead(struct http_transfer *transfer, size_t count)
{
    transfer->header_bytes += count;
    if (transfer->header_bytes <= MAX_HEADER_BYTES)
        return count;
    fail_locally(transfer);
    (void)!error_set(&transfer->error, MCPD_E_LIMIT, "more than 256 KiB of headers or redirect");
    return count + 1; /* anything else than count ends the transfer */
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct http_transfer *transfer = context;
    long status = 0;
    int rc;

    (void)size; /* always 1 */
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 300 && status < 400)
        return count_overhead(transfer, count);
    if (transfer->request.sink && status >= 200 && status < 300)
        rc = sink_body(transfer, bytes, count);
    else
        rc = collect_body(transfer, bytes, count);
    if (rc == 0)
        return count;
    fail_locally(transfer);
    return count + 1; /* anything else than count ends the transfer */
}

/* Back to the start, when a kept connection has ended without an answer. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
    struct http_transfer *transfer = context;

    if (!transfer->request.is_repeatable || origin != SEEK_SET || offset < 0)
        return CURL_SEEKFUNC_FAIL;
    transfer->sent_bytes = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static size_t on_read(char *buffer, size_t size, size_t count, void *context)
{
    struct http_transfer *transfer = context;
    const struct http_request *request = &transfer->request;
    uint64_t left = request->source_bytes - transfer->sent_bytes;
    size_t got = 0;

    (void)size; /* always 1 */
    if (!request->source || left == 0)
        return 0;
    if (request->source(request->source_context, transfer->sent_bytes, buffer,
                        left < count ? (size_t)left : count, &got, &transfer->error) < 0) {
        fail_locally(transfer);
        return CURL_READFUNC_ABORT;
    }
    if (got == HTTP_SOURCE_LATER) {
        transfer->http->has_paused = true;
        return CURL_READFUNC_PAUSE;
    }
    transfer->sent_bytes += got;
    return got;
}

void http_resume(struct http_transfer *transfer)
{
    if (transfer->is_added)
        (void)curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct http_transfer *transfer = context;

    (void)bytes;
    (void)size;
    return count_overhead(transfer, count);
}

/* ------------------------------------------------------------------ one transfer */

static int copy_request(struct http_transfer *transfer, const struct http_request *request,
                        struct mcpd_error *err)
{
    transfer->request = *request;
    transfer->is_foreign = request->is_foreign;
    transfer->is_fresh = request->is_fresh;
    transfer->url = strdup(request->url);
    if (request->authorization)
        transfer->authorization = strdup(request->authorization);
    if (!transfer->url || (request->authorization && !transfer->authorization))
        return error_no_memory(err, "a request");
    for (size_t i = 0; request->headers && request->headers[i]; i++) {
        struct curl_slist *list = curl_slist_append(transfer->headers, request->headers[i]);

        if (!list)
            return error_no_memory(err, "a request");
        transfer->headers = list;
    }
    return 0;
}

static int add(struct http_transfer *transfer, struct mcpd_error *err)
{
    int rc = http_curl_prepare(transfer, err);

    if (rc < 0)
        return rc;
    if (curl_multi_add_handle(transfer->http->multi, transfer->easy) != CURLM_OK)
        return error_no_memory(err, "a request");
    transfer->is_added = true;
    return 0;
}

static void take_away(struct http_transfer *transfer)
{
    if (transfer->is_added)
        (void)curl_multi_remove_handle(transfer->http->multi, transfer->easy);
    transfer->is_added = false;
}

int http_start(struct http *http, const struct http_request *request,
               struct http_transfer **ret_transfer, struct mcpd_error *err)
{
    CLEANUP_HTTP_TRANSFER struct http_transfer *transfer = calloc(1, sizeof(*transfer));
    int rc;

    if (!transfer)
        return error_no_memory(err, "a request");
    transfer->http = http;
    buf_init(&transfer->response.body, request->maximum_body_bytes);
    transfer->easy = curl_easy_init();
    if (!transfer->easy)
        return error_no_memory(err, "a request");
    (void)curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_WRITEDATA, transfer);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_HEADERDATA, transfer);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_READFUNCTION, on_read);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_READDATA, transfer);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_SEEKFUNCTION, on_seek);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_SEEKDATA, transfer);
    rc = copy_request(transfer, request, err);
    if (rc == 0)
        rc = add(transfer, err);
    if (rc < 0)
        return rc;
    *ret_transfer = TAKE_PTR(transfer);
    return 0;
}

static void response_done(struct http_response *response)
{
    free(response->url);
    free(response->content_type);
    free(response->digest);
    free(response->api_version);
    strv_free(response->challenges);
    buf_done(&response->body);
}

void http_transfer_free(struct http_transfer *transfer)
{
    if (!transfer)
        return;
    take_away(transfer);
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->sent_headers);
    curl_slist_free_all(transfer->headers);
    free(transfer->url);
    if (transfer->authorization)
        explicit_bzero(transfer->authorization, strlen(transfer->authorization));
    free(transfer->authorization);
    response_done(&transfer->response);
    free(transfer);
}

/* ------------------------------------------------------------------ redirects */

bool http_is_same_origin(const char *a, const char *b)
{
    static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
    CURLU *left = curl_url(), *right = curl_url();
    bool is_same = left && right && curl_url_set(left, CURLUPART_URL, a, 0) == CURLUE_OK &&
                   curl_url_set(right, CURLUPART_URL, b, 0) == CURLUE_OK;

    for (size_t i = 0; is_same && i < ARRAY_SIZE(parts); i++) {
        char *x = NULL, *y = NULL;

        is_same = curl_url_get(left, parts[i], &x, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                  curl_url_get(right, parts[i], &y, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                  strcasecmp(x, y) == 0;
        curl_free(x);
        curl_free(y);
    }
    curl_url_cleanup(left);
    curl_url_cleanup(right);
    return is_same;
}

static bool is_redirect(const struct http_transfer *transfer, const char **ret_target)
{
    enum http_method method = transfer->request.method;
    bool is_reading = method == HTTP_METHOD_GET || method == HTTP_METHOD_HEAD;
    long status = 0;
    char *target = NULL;

    if (transfer->request.body)
        return false;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_URL, &target);
    *ret_target = target;
    if (!target)
        return false;
    return status == 307 || status == 308 ||
           (is_reading && (status == 301 || status == 302 || status == 303));
}

static int follow(struct http_transfer *transfer, const char *target, struct mcpd_error *err)
{
    CLEANUP_FREE char *url = strdup(target);

    if (!url)
        return error_no_memory(err, "a redirect");
    if (++transfer->redirects > HTTP_MAX_REDIRECTS)
        return error_set(err, MCPD_E_PROTOCOL, "stopped after %d redirects", HTTP_MAX_REDIRECTS);
    if (strncasecmp(transfer->url, "https:", 6) == 0 && strncasecmp(url, "https:", 6) != 0)
        return error_set(err, MCPD_E_PROTOCOL, "refused a redirect from https to something else");
    if (!http_is_same_origin(transfer->url, url)) {
        transfer->is_foreign = true;
        cleanup_free_pointer(&transfer->authorization);
        transfer->authorization = NULL;
    }
    free(transfer->url);
    transfer->url = TAKE_PTR(url);
    transfer->header_bytes = 0;
    transfer->sent_bytes = 0;
    buf_clear(&transfer->response.body);
    return add(transfer, err);
}

/* A server may close a kept connection at any time, also while the next request is on its way. It
 * has most likely seen nothing of it: sent again it does no harm, as what cannot be repeated has a
 * source (a POST begins an upload, or asks for a token). A new connection, so that this comes to an
 * end. */
static bool may_repeat(const struct http_transfer *transfer)
{
    return transfer->failure == HTTP_FAILURE_STALE && !transfer->is_fresh &&
           (!transfer->request.source || transfer->request.is_repeatable);
}

static int repeat(struct http_transfer *transfer, struct mcpd_error *err)
{
    int rc;

    transfer->is_fresh = true;
    transfer->sent_bytes = 0;
    rc = add(transfer, err);
    transfer->failure = rc < 0 ? HTTP_FAILURE_LOCAL : HTTP_FAILURE_NONE;
    return rc;
}

/* Without the query, which may hold a signature, and without a user, should a redirect name one. */
static void trace(const struct http_transfer *transfer, CURLcode code)
{
    static const char *const methods[] = {
        [HTTP_METHOD_GET] = "GET", [HTTP_METHOD_HEAD] = "HEAD",   [HTTP_METHOD_POST] = "POST",
        [HTTP_METHOD_PUT] = "PUT", [HTTP_METHOD_PATCH] = "PATCH",
    };
    const char *url = strchr(transfer->url, '@') ? "?" : transfer->url;
    long status = 0;

    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    log_debug("http", "%s %.*s%s: %ld%s%s", methods[transfer->request.method],
              (int)strcspn(url, "?"), url, transfer->authorization ? " (with credentials)" : "",
              status, code == CURLE_OK ? "" : " ",
              code == CURLE_OK ? "" : curl_easy_strerror(code));
}

/* curl is through with it. */
static void finish(struct http_transfer *transfer, CURLcode code)
{
    const char *target = NULL;
    int rc;

    trace(transfer, code);
    take_away(transfer);
    if (code != CURLE_OK) {
        if (transfer->failure == HTTP_FAILURE_NONE)
            http_curl_explain(transfer, code);
        transfer->is_done = !may_repeat(transfer) || repeat(transfer, &transfer->error) < 0;
        return;
    }
    if (is_redirect(transfer, &target)) {
        rc = follow(transfer, target, &transfer->error);
        if (rc == 0)
            return;
    } else {
        rc = http_curl_read_response(transfer, &transfer->error);
        transfer->response.is_foreign = transfer->is_foreign;
    }
    if (rc < 0)
        fail_locally(transfer);
    transfer->is_done = true;
}

/* ------------------------------------------------------------------ waiting */

/* Lets curl work; *ret_count: how many transfers have come to the end of a hop. */
static CURLMcode move_on(struct http *http, unsigned int *ret_count)
{
    CURLMsg *message;
    int number = 0;
    CURLMcode code = curl_multi_perform(http->multi, &number);

    *ret_count = 0;
    while ((message = curl_multi_info_read(http->multi, &number))) {
        struct http_transfer *transfer = NULL;
        CURLcode result = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        finish(transfer, result);
        (*ret_count)++;
    }
    return code;
}

int http_wait(struct http *http, const struct pollfd *fds, size_t fd_count, int timeout_ms,
              struct mcpd_error *err)
{
    struct curl_waitfd wait_fds[MAX_WAIT_FDS + 1];
    unsigned int finished = 0;
    CURLMcode code;

    if (fd_count > MAX_WAIT_FDS)
        return error_set(err, MCPD_E_INTERNAL, "too many descriptors to wait for");
    if (interrupt_has_come(http->cancel_fd))
        return error_set(err, MCPD_E_CANCELLED, "interrupted");
    for (size_t i = 0; i < fd_count; i++)
        wait_fds[i] = (struct curl_waitfd){
            .fd = fds[i].fd,
            .events = (short)((fds[i].events & POLLIN ? CURL_WAIT_POLLIN : 0) |
                              (fds[i].events & POLLOUT ? CURL_WAIT_POLLOUT : 0)),
        };
    if (http->cancel_fd > 0)
        wait_fds[fd_count++] =
            (struct curl_waitfd){.fd = http->cancel_fd, .events = CURL_WAIT_POLLIN};
    if (timeout_ms < 0 || timeout_ms > MAX_WAIT_MS)
        timeout_ms = MAX_WAIT_MS;
    http->has_paused = false;
    code = move_on(http, &finished);
    /* What a source that has just run dry is to be waited for by, fds cannot tell yet. */
    if (code == CURLM_OK && finished == 0 && !http->has_paused) {
        code = curl_multi_poll(http->multi, wait_fds, (unsigned int)fd_count, timeout_ms, NULL);
        if (code == CURLM_OK)
            code = move_on(http, &finished);
    }
    if (code != CURLM_OK)
        return error_set(err, MCPD_E_INTERNAL, "libcurl: %s", curl_multi_strerror(code));
    return 0;
}

int http_pause(struct http *http, unsigned int ms, struct mcpd_error *err)
{
    int64_t end_ms = clock_monotonic_ms() + ms;
    int64_t left_ms = ms;
    int rc = 0;

    for (; left_ms > 0 && rc == 0; left_ms = end_ms - clock_monotonic_ms())
        rc = http_wait(http, NULL, 0, (int)left_ms, err);
    return rc;
}

bool http_is_done(const struct http_transfer *transfer)
{
    return transfer->is_done;
}

enum http_failure http_failure_of(const struct http_transfer *transfer)
{
    return transfer->failure;
}

int http_result(const struct http_transfer *transfer, const struct http_response **ret_response,
                struct mcpd_error *err)
{
    if (transfer->failure != HTTP_FAILURE_NONE)
        return error_copy(err, &transfer->error);
    *ret_response = &transfer->response;
    return 0;
}

int http_perform(struct http *http, const struct http_request *request,
                 struct http_transfer **ret_transfer, const struct http_response **ret_response,
                 struct mcpd_error *err)
{
    CLEANUP_HTTP_TRANSFER struct http_transfer *transfer = NULL;
    int rc = http_start(http, request, &transfer, err);

    while (rc == 0 && !transfer->is_done)
        rc = http_wait(http, NULL, 0, -1, err);
    if (rc < 0)
        return rc;
    *ret_transfer = TAKE_PTR(transfer);
    return http_result(*ret_transfer, ret_response, err);
}
