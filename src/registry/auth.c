/* auth.c - see auth.h. */
#include "registry/auth.h"

#include "base/jsonx.h"
#include "base/str.h"
#include "registry/challenge.h"

#include <curl/curl.h>
#include <string.h>

#define TOKEN_MAX_BYTES (1u << 20)
#define TOKEN_MAX_DEPTH 16
#define CLIENT_ID       "mcpd"
#define MAX_SCOPES      16
#define MAX_SCOPE_BYTES 1024

static void set_header(struct auth *auth, char *header)
{
    str_free_secret(auth->header);
    auth->header = header;
    auth->generation++;
}

void auth_done(struct auth *auth)
{
    set_header(auth, NULL);
    credentials_done(&auth->credentials);
    strv_free(auth->scopes);
    auth->scopes = NULL;
}

/* ------------------------------------------------------------------ scopes */

/* "repository:PATH": what a scope is about, without its actions. PATH may hold a port's colon. */
static size_t resource_length(const char *scope)
{
    const char *colon = strrchr(scope, ':');

    return colon ? (size_t)(colon - scope) : strlen(scope);
}

static char **find_scope(struct auth *auth, const char *scope)
{
    size_t length = resource_length(scope);

    for (char **known = auth->scopes; known && *known; known++)
        if (resource_length(*known) == length && strncmp(*known, scope, length) == 0)
            return known;
    return NULL;
}

/* "pull,push" and "push,delete" are "pull,push,delete". */
static int join_actions(char **known, const char *scope, struct mcpd_error *err)
{
    size_t length = resource_length(scope);
    CLEANUP_STRV char **actions = NULL;
    CLEANUP_STRV char **more = NULL;
    CLEANUP_FREE char *joined = NULL;
    char *text;

    if (!scope[length])
        return 0;
    actions = strv_split(*known + length + 1, ',');
    more = strv_split(scope + length + 1, ',');
    for (size_t i = 0; actions && more && more[i]; i++)
        if (!strv_contains(actions, more[i]) && strv_append(&actions, more[i]) < 0)
            return error_no_memory(err, "a scope");
    joined = actions && more ? strv_join(actions, ",") : NULL;
    text = joined ? str_format("%.*s:%s", (int)length, scope, joined) : NULL;
    if (!text)
        return error_no_memory(err, "a scope");
    free(*known);
    *known = text;
    return 0;
}

int auth_want(struct auth *auth, const char *scope, struct mcpd_error *err)
{
    char **known = find_scope(auth, scope);

    if (known && strcmp(*known, scope) == 0)
        return 0;
    if (strlen(scope) > MAX_SCOPE_BYTES || strv_length(auth->scopes) >= MAX_SCOPES ||
        (known && strlen(*known) > MAX_SCOPE_BYTES))
        return error_set(err, MCPD_E_LIMIT, "the registry asks for too many scopes");
    if (known)
        return join_actions(known, scope, err);
    return strv_append(&auth->scopes, scope) < 0 ? error_no_memory(err, "a scope") : 0;
}

/* What the registry itself names, several separated by blanks. */
static int want_challenged(struct auth *auth, const struct challenge *challenge,
                           struct mcpd_error *err)
{
    CLEANUP_STRV char **scopes = strv_split(challenge->scope, ' ');
    int rc = 0;

    if (!scopes)
        return error_no_memory(err, "a scope");
    for (size_t i = 0; scopes[i] && rc == 0; i++)
        if (*scopes[i])
            rc = auth_want(auth, scopes[i], err);
    return rc;
}

/* ------------------------------------------------------------------ Basic */

/* "Basic base64(user:password)", owned by the caller; NULL without memory. */
static char *format_basic(const struct credentials *credentials)
{
    CLEANUP_SECRET char *encoded = credentials_encode(credentials);

    return encoded ? str_format("Basic %s", encoded) : NULL;
}

static int answer_basic(struct auth *auth, bool *ret_is_answered, struct mcpd_error *err)
{
    char *header;

    if (!auth->credentials.user)
        return 0;
    header = format_basic(&auth->credentials);
    if (!header)
        return error_no_memory(err, "credentials");
    *ret_is_answered = !str_equal(header, auth->header);
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

/* realm?service=..&scope=..&scope=..&account=.., owned by the caller. */
static int token_url(const struct auth *auth, const struct challenge *challenge, size_t scope_count,
                     char **ret_url, struct mcpd_error *err)
{
    CURLU *url = curl_url();
    char *text = NULL;
    bool is_good = url && curl_url_set(url, CURLUPART_URL, challenge->realm, 0) == CURLUE_OK;

    if (is_good && *challenge->service)
        is_good = append_query(url, "service", challenge->service);
    for (size_t i = 0; i < scope_count && is_good; i++)
        is_good = append_query(url, "scope", auth->scopes[i]);
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
                        size_t scope_count)
{
    CLEANUP_FREE char *wanted =
        scope_count == 1 ? strdup(auth->scopes[0]) : strv_join(auth->scopes, " ");
    char *token = curl_easy_escape(NULL, auth->credentials.identity_token, 0);
    char *service = curl_easy_escape(NULL, challenge->service, 0);
    char *escaped = wanted && *wanted ? curl_easy_escape(NULL, wanted, 0) : NULL;
    char *form = NULL;

    if (token && service && wanted && (escaped || !*wanted))
        form = str_format("grant_type=refresh_token&client_id=" CLIENT_ID
                          "&refresh_token=%s&service=%s%s%s",
                          token, service, escaped ? "&scope=" : "", escaped ? escaped : "");
    if (token)
        explicit_bzero(token, strlen(token));
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

/* For the first scope_count of our scopes. */
static int request_token(struct auth *auth, struct http *http, const struct endpoint *endpoint,
                         const struct challenge *challenge, size_t scope_count,
                         struct mcpd_error *err)
{
    CLEANUP_HTTP_TRANSFER struct http_transfer *transfer = NULL;
    CLEANUP_SECRET char *basic = NULL;
    CLEANUP_SECRET char *form = NULL;
    CLEANUP_FREE char *url = NULL;
    const struct http_response *response = NULL;
    const struct http_tls tls = realm_tls(challenge->realm, endpoint);
    struct http_request request = {
        .method = HTTP_METHOD_GET,
        .tls = &tls,
        .maximum_body_bytes = TOKEN_MAX_BYTES,
    };
    int rc = token_url(auth, challenge, scope_count, &url, err);

    if (rc < 0)
        return rc;
    request.url = url;
    if (auth->credentials.identity_token) {
        form = token_form(auth, challenge, scope_count);
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
    if (rc == -MCPD_E_DENIED) /* a certificate that is not to be trusted is no answer */
        rc = error_recode(err, MCPD_E_PROTOCOL);
    if (rc < 0)
        return error_wrap(err, rc, "unable to retrieve auth token: Get \"%s\"", challenge->realm);
    rc = judge_token_status(response, err);
    return rc < 0 ? rc : take_token(auth, response, err);
}

/* Some token servers give nothing when one of several scopes is out of reach: what cannot be done
 * without is then asked for alone. */
static int answer_bearer(struct auth *auth, struct http *http, const struct endpoint *endpoint,
                         const struct challenge *challenge, struct mcpd_error *err)
{
    size_t count;
    int rc;

    if (!is_allowed_realm(challenge->realm, endpoint))
        return error_set(err, MCPD_E_PROTOCOL,
                         "the registry names a token realm that is not https");
    rc = want_challenged(auth, challenge, err);
    if (rc < 0)
        return rc;
    count = strv_length(auth->scopes);
    rc = request_token(auth, http, endpoint, challenge, count, err);
    if (rc == -MCPD_E_DENIED && count > 1)
        rc = request_token(auth, http, endpoint, challenge, 1, err);
    return rc;
}

int auth_answer(struct auth *auth, struct http *http, const struct endpoint *endpoint,
                char *const *challenges, bool *ret_is_answered, struct mcpd_error *err)
{
    struct challenge challenge;
    int rc = 0;

    *ret_is_answered = false;
    challenge_choose(challenges, &challenge);
    switch (challenge.scheme) {
    case CHALLENGE_SCHEME_BASIC:
        return answer_basic(auth, ret_is_answered, err);
    case CHALLENGE_SCHEME_BEARER:
        rc = answer_bearer(auth, http, endpoint, &challenge, err);
        *ret_is_answered = rc == 0;
        return rc;
    case CHALLENGE_SCHEME_OTHER:
        break;
    }
    return 0;
}
