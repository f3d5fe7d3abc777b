/* auth.c - see auth.h. */
#include "registry/auth.h"

#include "base/jsonx.h"
#include "base/str.h"
#include "registry/challenge.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <string.h>

#define TOKEN_MAX_BYTES (1u << 20)
#define TOKEN_MAX_DEPTH 16
#define CLIENT_ID       "mcpd"

static void set_header(struct auth *auth, char *header)
{
    if (auth->header)
        explicit_bzero(auth->header, strlen(auth->header));
    free(auth->header);
    auth->header = header;
}

void auth_done(struct auth *auth)
{
    set_header(auth, NULL);
    credentials_done(&auth->credentials);
}

/* ------------------------------------------------------------------ Basic */

/* "Basic base64(user:password)", owned by the caller; NULL without memory. */
static char *format_basic(const struct credentials *credentials)
{
    CLEANUP_FREE char *plain =
        str_format("%s:%s", credentials->user, credentials->password ? credentials->password : "");
    CLEANUP_FREE char *encoded = plain ? malloc(strlen(plain) / 3 * 4 + 8) : NULL;
    char *header = NULL;

    if (encoded) {
        (void)EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)plain,
                              (int)strlen(plain));
        header = str_format("Basic %s", encoded);
        explicit_bzero(encoded, strlen(encoded));
    }
    if (plain)
        explicit_bzero(plain, strlen(plain));
    return header;
}

static int answer_basic(struct auth *auth, struct mcpd_error *err)
{
    char *header;

    if (!auth->credentials.user)
        return error_set(err, MCPD_E_DENIED, "unauthorized");
    header = format_basic(&auth->credentials);
    if (!header)
        return error_no_memory(err, "credentials");
    set_header(auth, header);
    return 0;
}

/* ------------------------------------------------------------------ Bearer */

/* Where credentials may go: https, or plain http when the registry has no more than that either. */
static bool is_allowed_realm(const char *realm, const struct endpoint *endpoint)
{
    if (strncasecmp(realm, "https://", 8) == 0)
        return true;
    return strncasecmp(realm, "http://", 7) == 0 &&
           (endpoint->is_http || (endpoint->may_be_http && http_is_loopback_url(realm)));
}

/* The registry's CAs serve the realm too; our certificate is for the registry only. Borrowed. */
static struct http_tls realm_tls(const char *realm, const struct endpoint *endpoint)
{
    CLEANUP_FREE char *own = endpoint_url(endpoint, "/");
    struct http_tls tls = endpoint->tls;

    if (!own || !str_has_prefix(realm, own))
        tls.client_cert_path = tls.client_key_path = NULL;
    return tls;
}

static bool append_query(CURLU *url, const char *name, const char *value)
{
    CLEANUP_FREE char *pair = str_format("%s=%s", name, value);

    return pair && curl_url_set(url, CURLUPART_QUERY, pair, CURLU_APPENDQUERY | CURLU_URLENCODE) ==
                       CURLUE_OK;
}

/* realm?service=..&scope=..&account=.., owned by the caller. */
static int token_url(const struct auth *auth, const struct challenge *challenge, const char *scope,
                     char **ret_url, struct mcpd_error *err)
{
    CURLU *url = curl_url();
    char *text = NULL;
    bool is_good = url && curl_url_set(url, CURLUPART_URL, challenge->realm, 0) == CURLUE_OK;

    if (is_good && *challenge->service)
        is_good = append_query(url, "service", challenge->service);
    if (is_good)
        is_good = append_query(url, "scope", *challenge->scope ? challenge->scope : scope);
    if (is_good && auth->credentials.user)
        is_good = append_query(url, "account", auth->credentials.user);
    if (is_good)
        is_good = curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK;
    if (is_good)
        *ret_url = strdup(text);
    curl_free(text);
    curl_url_cleanup(url);
    return is_good && *ret_url
               ? 0
               : error_set(err, MCPD_E_PROTOCOL, "the registry names a token realm that is no URL");
}

/* The form that trades an identity token, owned by the caller. */
static char *token_form(const struct auth *auth, const struct challenge *challenge,
                        const char *scope)
{
    const char *wanted = *challenge->scope ? challenge->scope : scope;
    char *token = curl_easy_escape(NULL, auth->credentials.identity_token, 0);
    char *service = curl_easy_escape(NULL, challenge->service, 0);
    char *escaped = curl_easy_escape(NULL, wanted, 0);
    char *form = NULL;

    if (token && service && escaped)
        form = str_format("grant_type=refresh_token&client_id=" CLIENT_ID
                          "&refresh_token=%s&service=%s&scope=%s",
                          token, service, escaped);
    curl_free(token);
    curl_free(service);
    curl_free(escaped);
    return form;
}

/* A header must not be cut or continued by what a server sends. */
static bool is_header_safe(const char *text)
{
    for (; *text; text++)
        if (*text < 0x21 || *text > 0x7e)
            return false;
    return true;
}

static int take_token(struct auth *auth, const struct http_response *response,
                      struct mcpd_error *err)
{
    CLEANUP_JSON json_t *document = NULL;
    const char *token = NULL;
    char *header;
    int rc = jsonx_parse(buf_text(&response->body), response->body.length, TOKEN_MAX_DEPTH,
                         "the token server's answer", &document, err);

    if (rc == 0)
        rc = jsonx_get_string(document, "token", "token", &token, err);
    if (rc == 0 && (!token || !*token))
        rc = jsonx_get_string(document, "access_token", "token", &token, err);
    if (rc < 0)
        return rc;
    if (!token || !*token || !is_header_safe(token))
        return error_set(err, MCPD_E_PROTOCOL, "the token server sent no token");
    header = str_format("Bearer %s", token);
    if (!header)
        return error_no_memory(err, "a token");
    set_header(auth, header);
    return 0;
}

static int judge_token_status(const struct http_response *response, struct mcpd_error *err)
{
    if (response->status == 200)
        return 0;
    if (response->status == 401 || response->status == 403)
        return error_set(err, MCPD_E_DENIED,
                         "unable to retrieve auth token: invalid username/password: unauthorized");
    return error_set(err, response->status >= 500 ? MCPD_E_NETWORK : MCPD_E_PROTOCOL,
                     "unable to retrieve auth token: HTTP status %d", response->status);
}

static int request_token(struct auth *auth, struct http *http, const struct endpoint *endpoint,
                         const struct challenge *challenge, const char *scope,
                         struct mcpd_error *err)
{
    CLEANUP_HTTP_TRANSFER struct http_transfer *transfer = NULL;
    CLEANUP_FREE char *url = NULL, *basic = NULL, *form = NULL;
    const struct http_response *response = NULL;
    const struct http_tls tls = realm_tls(challenge->realm, endpoint);
    struct http_request request = {
        .method = HTTP_METHOD_GET,
        .tls = &tls,
        .maximum_body_bytes = TOKEN_MAX_BYTES,
    };
    int rc = token_url(auth, challenge, scope, &url, err);

    if (rc < 0)
        return rc;
    request.url = url;
    if (auth->credentials.identity_token) {
        form = token_form(auth, challenge, scope);
        if (!form)
            return error_no_memory(err, "a token");
        request.method = HTTP_METHOD_POST;
        request.url = challenge->realm;
        request.body = form;
    } else if (auth->credentials.user) {
        basic = format_basic(&auth->credentials);
        if (!basic)
            return error_no_memory(err, "credentials");
        request.authorization = basic;
    }
    rc = http_perform(http, &request, &transfer, &response, err);
    if (rc < 0)
        return error_wrap(err, rc, "unable to retrieve auth token: Get \"%s\"", challenge->realm);
    rc = judge_token_status(response, err);
    return rc < 0 ? rc : take_token(auth, response, err);
}

int auth_answer(struct auth *auth, struct http *http, const struct endpoint *endpoint,
                char *const *challenges, const char *scope, struct mcpd_error *err)
{
    struct challenge challenge;

    challenge_choose(challenges, &challenge);
    switch (challenge.scheme) {
    case CHALLENGE_SCHEME_BASIC:
        return answer_basic(auth, err);
    case CHALLENGE_SCHEME_BEARER:
        if (!is_allowed_realm(challenge.realm, endpoint))
            return error_set(err, MCPD_E_PROTOCOL,
                             "the registry names a token realm that is not https");
        return request_token(auth, http, endpoint, &challenge, scope, err);
    case CHALLENGE_SCHEME_OTHER:
        break;
    }
    return error_set(err, MCPD_E_DENIED, "unauthorized");
}
