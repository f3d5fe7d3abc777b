/* http_curl.c - the options of a request, and what curl's answers mean. See http_internal.h. */
#include "registry/http_internal.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "mcpd_error.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USER_AGENT          "mcpd"
#define CONNECT_TIMEOUT_MS  15000
#define STALL_BYTES_A_S     64L
#define SLOW_LOOKUP_US      4000000 /* libc asks a server again after 5 s: nobody has answered */
#define DOCUMENT_TIMEOUT_S  120
#define SINK_BUFFER_BYTES   (256 * 1024)
#define SOURCE_BUFFER_BYTES (256 * 1024)
#define STALE_MAX_BYTES     SOURCE_BUFFER_BYTES /* more than these: cut off in the middle */

/* ------------------------------------------------------------------ options */

bool http_is_loopback_url(const char *url)
{
    CURLU *parts = curl_url();
    char *host = NULL;
    struct in_addr address;
    bool is_loopback = false;

    if (parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK)
        is_loopback =
            strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
            (inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
    curl_free(host);
    curl_url_cleanup(parts);
    return is_loopback;
}

/* A folder of CAs by hash: OpenSSL then reads the one it needs, instead of the whole bundle for
 * every connection (some 20 ms and 3 MB). */
static bool is_hashed_folder(const char *path)
{
    CLEANUP_DIR DIR *dir = path ? opendir(path) : NULL;
    struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        if (str_has_suffix(entry->d_name, ".0"))
            return true;
    return false;
}

/* A machine without Debian's ca-certificates knows no authority at all; NULL: it does. */
static const char *missing_bundle(CURL *easy)
{
    char *bundle = NULL;
    char *folder = NULL;

    (void)curl_easy_getinfo(easy, CURLINFO_CAINFO, &bundle);
    (void)curl_easy_getinfo(easy, CURLINFO_CAPATH, &folder);
    return bundle && access(bundle, F_OK) < 0 && !is_hashed_folder(folder) ? bundle : NULL;
}

static CURLcode set_trust(struct http_transfer *transfer)
{
    const struct http_tls *tls = transfer->request.tls;
    const char *file = getenv("SSL_CERT_FILE");
    char *folder = NULL;
    CURL *easy = transfer->easy;
    CURLcode code = CURLE_OK;

    (void)curl_easy_getinfo(easy, CURLINFO_CAPATH, &folder);
    if (file && *file)
        code = curl_easy_setopt(easy, CURLOPT_CAINFO, file);
    else if (is_hashed_folder(folder) || missing_bundle(easy))
        code = curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    if (!tls || code != CURLE_OK)
        return code;
    if (tls->extra_ca_pem) {
        struct curl_blob blob = {
            .data = tls->extra_ca_pem,
            .len = strlen(tls->extra_ca_pem),
            .flags = CURL_BLOB_NOCOPY,
        };

        code = curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
    }
    if (tls->skip_verify && code == CURLE_OK) {
        (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (code == CURLE_OK && tls->client_cert_path)
        code = curl_easy_setopt(easy, CURLOPT_SSLCERT,
                                transfer->is_foreign ? NULL : tls->client_cert_path);
    if (code == CURLE_OK && tls->client_key_path)
        code = curl_easy_setopt(easy, CURLOPT_SSLKEY,
                                transfer->is_foreign ? NULL : tls->client_key_path);
    return code;
}

/* Without a length curl sends the body in chunks (Transfer-Encoding). */
static CURLcode set_upload(struct http_transfer *transfer, const char *method)
{
    uint64_t length = transfer->request.source_bytes;
    CURL *easy = transfer->easy;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);

    (void)curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)SOURCE_BUFFER_BYTES);
    if (code == CURLE_OK)
        code =
            curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                             length == HTTP_LENGTH_UNKNOWN ? (curl_off_t)-1 : (curl_off_t)length);
    return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method) : code;
}

static CURLcode set_method(struct http_transfer *transfer)
{
    const char *form = transfer->request.body;
    CURL *easy = transfer->easy;

    switch (transfer->request.method) {
    case HTTP_METHOD_GET:
        return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    case HTTP_METHOD_HEAD:
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    case HTTP_METHOD_POST:
        return curl_easy_setopt(easy, CURLOPT_POSTFIELDS, form ? form : "");
    case HTTP_METHOD_PUT:
        return set_upload(transfer, "PUT");
    case HTTP_METHOD_PATCH:
        return set_upload(transfer, "PATCH");
    }
    return CURLE_UNSUPPORTED_PROTOCOL;
}

static CURLcode set_range(struct http_transfer *transfer)
{
    const struct http_request *request = &transfer->request;
    char range[64];

    if (!request->has_range)
        return CURLE_OK;
    (void)snprintf(range, sizeof(range), "%llu-%llu", (unsigned long long)request->range_first,
                   (unsigned long long)request->range_last);
    return curl_easy_setopt(transfer->easy, CURLOPT_RANGE, range);
}

static CURLcode append_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (!longer)
        return CURLE_OUT_OF_MEMORY;
    *list = longer;
    return CURLE_OK;
}

static CURLcode set_headers(struct http_transfer *transfer)
{
    CURLcode code = CURLE_OK;

    curl_slist_free_all(transfer->sent_headers);
    transfer->sent_headers = NULL;
    for (struct curl_slist *header = transfer->headers; header && code == CURLE_OK;
         header = header->next)
        code = append_header(&transfer->sent_headers, header->data);
    /* Not asked for first ("100 Continue"): many servers would let us wait for a second. */
    if (transfer->request.source && code == CURLE_OK)
        code = append_header(&transfer->sent_headers, "Expect:");
    /* An empty body is no form. */
    if (transfer->request.method == HTTP_METHOD_POST && !transfer->request.body && code == CURLE_OK)
        code = append_header(&transfer->sent_headers, "Content-Type:");
    if (transfer->authorization && code == CURLE_OK) {
        CLEANUP_FREE char *line = str_format("Authorization: %s", transfer->authorization);

        code = line ? append_header(&transfer->sent_headers, line) : CURLE_OUT_OF_MEMORY;
        if (line)
            explicit_bzero(line, strlen(line));
    }
    return code != CURLE_OK
               ? code
               : curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->sent_headers);
}

static long stall_timeout_s(const struct http_transfer *transfer)
{
    unsigned int wish_s = transfer->request.stall_timeout_s;

    return wish_s > 0 ? (long)wish_s : transfer->http->stall_timeout_s;
}

static void set_limits(struct http_transfer *transfer)
{
    const struct http_request *request = &transfer->request;
    CURL *easy = transfer->easy;

    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_A_S);
    (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, stall_timeout_s(transfer));
    if (request->sink)
        (void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)SINK_BUFFER_BYTES);
    else if (!request->source && !request->stall_timeout_s)
        (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)DOCUMENT_TIMEOUT_S);
}

/* Loopback is never asked for by a proxy in Go, and so not in podman. curl itself looks at
 * http_proxy in small letters only: a web server's CGI could be made to set the other one. */
static void set_proxy(struct http_transfer *transfer)
{
    const char *proxy = getenv("HTTP_PROXY");

    if (http_is_loopback_url(transfer->url))
        (void)curl_easy_setopt(transfer->easy, CURLOPT_PROXY, "");
    else if (strncasecmp(transfer->url, "http:", 5) == 0 && proxy && !getenv("http_proxy") &&
             !getenv("REQUEST_METHOD"))
        (void)curl_easy_setopt(transfer->easy, CURLOPT_PROXY, proxy);
    else
        (void)curl_easy_setopt(transfer->easy, CURLOPT_PROXY, NULL);
}

int http_curl_prepare(struct http_transfer *transfer, struct mcpd_error *err)
{
    CURL *easy = transfer->easy;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, transfer->url);

    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->text);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, transfer->is_fresh ? 1L : 0L);
    set_proxy(transfer);
    set_limits(transfer);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (code == CURLE_OK)
        code = set_method(transfer);
    if (code == CURLE_OK)
        code = set_range(transfer);
    if (code == CURLE_OK)
        code = set_headers(transfer);
    if (code == CURLE_OK)
        code = set_trust(transfer);
    if (code != CURLE_OK)
        return error_set(err, MCPD_E_INTERNAL, "libcurl: %s", curl_easy_strerror(code));
    return 0;
}

/* ------------------------------------------------------------------ failures */

/* "connection refused": strerror in Go's spelling. */
static void lower_first(char *text)
{
    text[0] = (char)tolower((unsigned char)text[0]);
}

/* "127.0.0.1:5000", as far as the connection got. */
static void describe_peer(struct http_transfer *transfer, char *buffer, size_t size)
{
    CURLU *parts = curl_url();
    char *address = NULL, *host = NULL, *port = NULL;

    (void)curl_easy_getinfo(transfer->easy, CURLINFO_PRIMARY_IP, &address);
    if (parts && curl_url_set(parts, CURLUPART_URL, transfer->url, 0) == CURLUE_OK) {
        (void)curl_url_get(parts, CURLUPART_HOST, &host, 0);
        (void)curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    }
    if (address && *address)
        (void)snprintf(buffer, size, strchr(address, ':') ? "[%s]:%s" : "%s:%s", address,
                       port ? port : "?");
    else
        (void)snprintf(buffer, size, "%s:%s", host ? host : "?", port ? port : "?");
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
}

static void fail(struct http_transfer *transfer, enum http_failure failure,
                 enum mcpd_error_code code, const char *before, const char *text)
{
    transfer->failure = failure;
    (void)!error_set(&transfer->error, code, "%s%s", before, text);
}

static void explain_resolve(struct http_transfer *transfer)
{
    char peer[300];
    char text[400];
    curl_off_t taken_us = 0;
    bool is_slow;

    (void)curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &taken_us);
    is_slow = taken_us > SLOW_LOOKUP_US;
    describe_peer(transfer, peer, sizeof(peer));
    peer[strcspn(peer, ":")] = '\0';
    (void)snprintf(text, sizeof(text), "dial tcp: lookup %s: %s", peer,
                   is_slow ? "i/o timeout" : "no such host");
    fail(transfer, is_slow ? HTTP_FAILURE_TIMEOUT : HTTP_FAILURE_RESOLVE,
         is_slow ? MCPD_E_TIMEOUT : MCPD_E_NETWORK, "", text);
}

static void explain_connect(struct http_transfer *transfer)
{
    char peer[300];
    char text[500];
    char reason[100];
    long number = 0;

    (void)curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number);
    (void)snprintf(reason, sizeof(reason), "%s",
                   strerrordesc_np(number ? (int)number : ECONNREFUSED));
    lower_first(reason);
    describe_peer(transfer, peer, sizeof(peer));
    (void)snprintf(text, sizeof(text), "dial tcp %s: connect: %s", peer, reason);
    fail(transfer, HTTP_FAILURE_CONNECT, MCPD_E_NETWORK, "", text);
}

static void explain_timeout(struct http_transfer *transfer)
{
    char peer[300];
    char text[400];
    curl_off_t looked_up_us = 0, connected_us = 0, ready_us = 0;

    (void)curl_easy_getinfo(transfer->easy, CURLINFO_NAMELOOKUP_TIME_T, &looked_up_us);
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_CONNECT_TIME_T, &connected_us);
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
    describe_peer(transfer, peer, sizeof(peer));
    /* A connection that was there already took no time. */
    if (connected_us == 0 && ready_us == 0)
        (void)snprintf(text, sizeof(text), "dial tcp%s %s: i/o timeout",
                       looked_up_us == 0 ? ": lookup" : "", peer);
    else if (strstr(transfer->text, "too slow"))
        (void)snprintf(text, sizeof(text), "read tcp %s: no data for %ld s: i/o timeout", peer,
                       stall_timeout_s(transfer));
    else
        (void)snprintf(text, sizeof(text), "read tcp %s: no end within %d s: i/o timeout", peer,
                       DOCUMENT_TIMEOUT_S);
    fail(transfer, HTTP_FAILURE_TIMEOUT, MCPD_E_TIMEOUT, "", text);
}

static void explain_handshake(struct http_transfer *transfer)
{
    const char *text = transfer->text;

    if (strstr(text, "wrong version number") || strstr(text, "http request") ||
        strstr(text, "packet length too long"))
        fail(transfer, HTTP_FAILURE_NOT_TLS, MCPD_E_PROTOCOL,
             "tls: ", "first record does not look like a TLS handshake");
    else if (strstr(text, "SYSCALL") || strstr(text, "reset by peer"))
        fail(transfer, HTTP_FAILURE_BROKEN, MCPD_E_NETWORK, "tls: ", text);
    else
        fail(transfer, HTTP_FAILURE_TRUST, MCPD_E_DENIED, "tls: ", text);
}

/* A kept connection that ended without a byte of an answer: it had been closed. How much could be
 * sent says little, as the system takes megabytes before it hears of the end; where it matters what
 * has arrived, only a little is taken for nothing. */
static bool is_stale(struct http_transfer *transfer, CURLcode code)
{
    curl_off_t sent = 0;
    long connects = 1;

    if (code == CURLE_SEND_FAIL_REWIND)
        return true;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connects);
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    return connects == 0 && transfer->header_bytes == 0 &&
           (transfer->request.is_repeatable || sent <= STALE_MAX_BYTES) &&
           (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING);
}

static void explain_trust(struct http_transfer *transfer, const char *text)
{
    CURL *fresh = curl_easy_init(); /* what the machine has, not what this transfer was told */
    const char *missing = fresh && !getenv("SSL_CERT_FILE") ? missing_bundle(fresh) : NULL;
    CLEANUP_FREE char *longer =
        missing ? str_format("%s (no authority is known here: %s is missing)", text, missing)
                : NULL;

    fail(transfer, HTTP_FAILURE_TRUST, MCPD_E_DENIED,
         "tls: failed to verify certificate: x509: ", longer ? longer : text);
    curl_easy_cleanup(fresh);
}

void http_curl_explain(struct http_transfer *transfer, CURLcode code)
{
    const char *text = *transfer->text ? transfer->text : curl_easy_strerror(code);

    if (is_stale(transfer, code)) {
        fail(transfer, HTTP_FAILURE_STALE, MCPD_E_NETWORK, "", "the kept connection was closed");
        return;
    }
    switch ((int)code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        explain_resolve(transfer);
        return;
    case CURLE_COULDNT_CONNECT:
        explain_connect(transfer);
        return;
    case CURLE_OPERATION_TIMEDOUT:
        explain_timeout(transfer);
        return;
    case CURLE_SSL_CONNECT_ERROR:
        explain_handshake(transfer);
        return;
    case CURLE_PEER_FAILED_VERIFICATION:
        explain_trust(transfer, text);
        return;
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
        fail(transfer, HTTP_FAILURE_LOCAL, MCPD_E_INVALID, "tls: ", text);
        return;
    case CURLE_OUT_OF_MEMORY:
        fail(transfer, HTTP_FAILURE_LOCAL, MCPD_E_NO_MEMORY, "", text);
        return;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
        fail(transfer, HTTP_FAILURE_LOCAL, MCPD_E_PROTOCOL, "", text);
        return;
    case CURLE_GOT_NOTHING:
        fail(transfer, HTTP_FAILURE_BROKEN, MCPD_E_NETWORK, "", "EOF");
        return;
    case CURLE_PARTIAL_FILE:
        fail(transfer, HTTP_FAILURE_BROKEN, MCPD_E_NETWORK, "", "unexpected EOF");
        return;
    default:
        fail(transfer, HTTP_FAILURE_BROKEN, MCPD_E_NETWORK, "", text);
    }
}

/* ------------------------------------------------------------------ responses */

static int copy_header(CURL *easy, const char *name, char **ret_value, struct mcpd_error *err)
{
    struct curl_header *header = NULL;

    if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return 0;
    free(*ret_value);
    *ret_value = strdup(header->value);
    return *ret_value ? 0 : error_no_memory(err, "a header");
}

static int copy_challenges(CURL *easy, char ***ret_list, struct mcpd_error *err)
{
    struct curl_header *header = NULL;

    for (size_t i = 0;
         curl_easy_header(easy, "WWW-Authenticate", i, CURLH_HEADER, -1, &header) == CURLHE_OK; i++)
        if (strv_append(ret_list, header->value) < 0)
            return error_no_memory(err, "a header");
    return 0;
}

/* "bytes 100-199/200" */
static void read_content_range(CURL *easy, struct http_response *response)
{
    struct curl_header *header = NULL;
    char first[24];
    size_t length;

    response->has_content_range = false;
    if (curl_easy_header(easy, "Content-Range", 0, CURLH_HEADER, -1, &header) != CURLHE_OK ||
        strncasecmp(header->value, "bytes ", 6) != 0)
        return;
    length = strcspn(header->value + 6, "-");
    if (length >= sizeof(first))
        return;
    memcpy(first, header->value + 6, length);
    first[length] = '\0';
    response->has_content_range = str_to_u64(first, INT64_MAX, &response->range_first) == 0;
}

int http_copy_header(const struct http_transfer *transfer, const char *name, char **ret_value,
                     struct mcpd_error *err)
{
    return copy_header(transfer->easy, name, ret_value, err);
}

int http_curl_read_response(struct http_transfer *transfer, struct mcpd_error *err)
{
    struct http_response *response = &transfer->response;
    CURL *easy = transfer->easy;
    curl_off_t retry_after_s = 0;
    long status = 0;
    int rc;

    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    response->status = (int)status;
    response->retry_after_s = retry_after_s > 0 ? (uint64_t)retry_after_s : 0;
    free(response->url);
    response->url = strdup(transfer->url);
    if (!response->url)
        return error_no_memory(err, "a response");
    strv_free(response->challenges);
    response->challenges = NULL;
    read_content_range(easy, response);
    rc = copy_header(easy, "Content-Type", &response->content_type, err);
    if (rc == 0)
        rc = copy_header(easy, "Docker-Content-Digest", &response->digest, err);
    if (rc == 0)
        rc = copy_header(easy, "Docker-Distribution-Api-Version", &response->api_version, err);
    if (rc == 0)
        rc = copy_challenges(easy, &response->challenges, err);
    return rc;
}
