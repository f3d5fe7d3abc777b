/* client.c - see client.h. */
#include "registry/client.h"

#include "base/jsonx.h"
#include "base/str.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <string.h>

#define ERROR_MAX_BYTES (64u << 10)
#define ERROR_MAX_DEPTH 16

void client_format_name(const struct reference *reference, char *buffer, size_t size)
{
    char full[REFERENCE_MAX_LENGTH + 1];
    const char *text = full;

    reference_format(reference, full, sizeof(full));
    if (str_has_prefix(text, "docker.io/library/"))
        text += strlen("docker.io/library/");
    else if (str_has_prefix(text, "docker.io/"))
        text += strlen("docker.io/");
    (void)snprintf(buffer, size, "%s", text);
}

void client_set_context(struct client *client, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(client->context, sizeof(client->context), format, args);
    va_end(args);
}

static int find_credentials(struct client *client, bool is_mirror, struct mcpd_error *err)
{
    const struct mcpd_registry_options *user = &client->options->user;
    char repository[REFERENCE_MAX_LENGTH + 1];

    if (user->credentials && !is_mirror)
        return credentials_parse(user->credentials, &client->auth.credentials, err);
    reference_format_repository(&client->reference, repository, sizeof(repository));
    return authfile_find(user->auth_file, repository, &client->auth.credentials, err);
}

int client_open_source(const struct registriesconf_source *source,
                       const struct registry_options *options, struct client *ret_client,
                       struct mcpd_error *err)
{
    CLEANUP_CLIENT struct client client = {
        .options = options,
        .progress = {options->user.progress, options->user.progress_context},
        .reference = source->reference,
    };
    int rc;

    client_format_name(&source->reference, client.shown_name, sizeof(client.shown_name));
    client_set_context(&client, "initializing source docker://%s", client.shown_name);
    retry_policy_init(&options->user, &client.retry);
    rc = endpoint_init(source->reference.domain,
                       options->user.skip_tls_verify || source->is_insecure, options->user.cert_dir,
                       &client.endpoint, err);
    if (rc == 0)
        rc = find_credentials(&client, source->is_mirror, err);
    if (rc == 0)
        rc = http_new(options->user.cancel_fd, &client.http, err);
    if (rc == 0 && *client.reference.path)
        rc = client_want(&client, client.reference.path, "pull", err);
    if (rc < 0)
        return rc;
    *ret_client = client;
    client = (struct client){0};
    return 0;
}

int client_open(const struct reference *reference, const struct registry_options *options,
                struct client *ret_client, struct mcpd_error *err)
{
    CLEANUP_REGISTRIESCONF struct registriesconf conf = {0};
    CLEANUP_REGISTRIESCONF_SOURCES struct registriesconf_sources sources = {0};
    struct registriesconf_source source = {.reference = *reference};
    int rc = registriesconf_load(&conf, err);

    if (rc == 0)
        rc = registriesconf_sources(&conf, reference, &sources, err);
    if (rc < 0)
        return rc;
    if (!sources.list || sources.count == 0)
        return error_set(err, MCPD_E_INTERNAL, "nowhere to look for an image");
    source.is_insecure = sources.list[sources.count - 1].is_insecure;
    return client_open_source(&source, options, ret_client, err);
}

void client_done(struct client *client)
{
    http_free(client->http);
    client->http = NULL;
    auth_done(&client->auth);
    endpoint_done(&client->endpoint);
}

int client_want(struct client *client, const char *repository, const char *actions,
                struct mcpd_error *err)
{
    CLEANUP_FREE char *scope = str_format("repository:%s:%s", repository, actions);

    return scope ? auth_want(&client->auth, scope, err) : error_no_memory(err, "a request");
}

/* ------------------------------------------------------------------ what went wrong */

/* "denied: requested access to the resource is denied" out of a registry's error document; empty
 * when it sent none. */
static void read_error(const struct http_response *response, char *buffer, size_t size)
{
    CLEANUP_JSON json_t *document = NULL;
    const char *code = NULL, *message = NULL;
    json_t *errors = NULL;
    json_t *first;
    size_t i = 0;

    buffer[0] = '\0';
    if (jsonx_parse(buf_text(&response->body), response->body.length, ERROR_MAX_DEPTH, "error",
                    &document, NULL) < 0 ||
        jsonx_get_array(document, "errors", "error", &errors, NULL) < 0)
        return;
    first = errors ? json_array_get(errors, 0) : NULL;
    if (!first || jsonx_get_string(first, "code", "error", &code, NULL) < 0 ||
        jsonx_get_string(first, "message", "error", &message, NULL) < 0 || !code)
        return;
    /* docker prints MANIFEST_UNKNOWN as "manifest unknown". */
    for (; code[i] && i + 1 < size; i++)
        buffer[i] = (char)(code[i] == '_'                     ? ' '
                           : code[i] >= 'A' && code[i] <= 'Z' ? code[i] - 'A' + 'a'
                                                              : code[i]);
    buffer[i] = '\0';
    if (message && !str_equal(message, buffer))
        (void)snprintf(buffer + i, size - i, ": %s", message);
    utf8_make_safe(buffer, '?', "");
}

static const char *missing_text(const char *what, const char *said)
{
    if (str_has_prefix(what, "reading manifest "))
        return "manifest unknown";
    if (str_has_prefix(what, "reading ") || strcmp(what, "registry") == 0)
        return "blob unknown to registry";
    return *said ? said : "not found";
}

int client_judge_status(struct client *client, const struct http_response *response,
                        const char *what, struct mcpd_error *err)
{
    char said[300];
    int status = response->status;
    bool is_manifest = str_has_prefix(what, "reading manifest ");

    read_error(response, said, sizeof(said));
    client->last = retry_of_status(status, response->retry_after_s);
    client->is_refused = status == 401;
    /* A tag has no digest that could be wrong: docker's registry says so when somebody else is just
     * writing the same links. */
    if (status == 400 && str_has_prefix(what, "writing manifest") &&
        str_has_prefix(said, "digest invalid"))
        client->last.is_retryable = true;
    if (status == 401)
        return error_set(err, MCPD_E_DENIED, "%s: %s", what,
                         is_manifest ? "unauthorized"
                         : *said     ? said
                                     : "unauthorized: authentication required");
    if (status == 403)
        return error_set(err, MCPD_E_DENIED, "%s: %s", what, *said ? said : "denied");
    /* The 404 of a load balancer whose registry is down says nothing about the image. */
    if (status == 404 && is_manifest && !*said && !response->api_version)
        return error_set(err, MCPD_E_PROTOCOL, "%s: 404 from something that is no registry", what);
    if (status == 404)
        return error_set(err, MCPD_E_NOT_FOUND, "%s: %s", what, missing_text(what, said));
    if (status == 429)
        return error_set(err, MCPD_E_NETWORK, "%s: toomanyrequests%s%s", what, *said ? ": " : "",
                         said);
    return error_set(err, status >= 500 ? MCPD_E_NETWORK : MCPD_E_PROTOCOL,
                     "%s: received unexpected HTTP status: %d%s%s", what, status, *said ? ": " : "",
                     said);
}

int client_judge_failure(struct client *client, const struct http_transfer *transfer,
                         struct mcpd_error *err)
{
    const struct http_response *response = NULL;

    client->last = retry_of_failure(http_failure_of(transfer));
    client->is_refused = false;
    return http_result(transfer, &response, err);
}

int client_wrap(const struct client *client, int rc, struct mcpd_error *err)
{
    return *client->context ? error_wrap(err, rc, "%s", client->context) : rc;
}

bool client_retry(struct client *client, unsigned int *attempt, const struct mcpd_error *problem,
                  unsigned int *ret_delay_ms)
{
    struct mcpd_error shown = *problem;
    char line[MCPD_ERROR_MESSAGE_SIZE + 100];
    char delay[RETRY_DELAY_SIZE];
    unsigned int delay_ms;

    if (!client->last.is_retryable || *attempt >= client->retry.count)
        return false;
    (*attempt)++;
    delay_ms = retry_delay_ms(&client->retry, &client->last, *attempt);
    retry_format_delay(delay_ms, delay);
    if (client_wrap(client, -problem->code, &shown) < 0 && client->options->warn) {
        (void)snprintf(line, sizeof(line), "Failed, retrying in %s ... (%u/%u). Error: %s", delay,
                       *attempt, client->retry.count, shown.message);
        client->options->warn(client->options->warn_context, line);
    }
    *ret_delay_ms = retry_add_chance(delay_ms);
    return true;
}

/* ------------------------------------------------------------------ documents */

/* May the same be asked by http after this failure of https? */
static bool may_go_on_with_http(const struct client *client, const struct http_transfer *transfer)
{
    const char *colon = strrchr(client->endpoint.host, ':');
    bool has_port = colon && !strchr(colon, ']');
    enum http_failure failure;

    if (!transfer || client->endpoint.is_http || !client->endpoint.may_be_http)
        return false;
    failure = http_failure_of(transfer);
    /* With a port both schemes knock at the same door: a refusal is a refusal. */
    if (failure == HTTP_FAILURE_NOT_TLS || (failure == HTTP_FAILURE_CONNECT && !has_port))
        return true;
    /* A proxy for plain http may know more hosts than we do. */
    return client->endpoint.tls.skip_verify &&
           (failure == HTTP_FAILURE_BROKEN || failure == HTTP_FAILURE_RESOLVE);
}

/* The whole URL, owned by the caller; NULL without memory. */
static char *make_url(const struct client *client, const struct client_request *request)
{
    CLEANUP_FREE char *path = NULL;

    if (request->root_path)
        return endpoint_url(&client->endpoint, request->root_path);
    if (!request->path)
        return strdup(request->url);
    path = str_format("/v2/%s/%s", client->reference.path, request->path);
    return path ? endpoint_url(&client->endpoint, path) : NULL;
}

/* A place for uploads may be anywhere: what identifies us is for the registry itself. */
static bool is_own_url(const struct client *client, const char *url)
{
    CLEANUP_FREE char *own = endpoint_url(&client->endpoint, "/");

    return own && http_is_same_origin(own, url);
}

int client_start(struct client *client, const struct client_request *wish,
                 struct http_transfer **ret_transfer, struct mcpd_error *err)
{
    CLEANUP_FREE char *url = make_url(client, wish);
    bool is_own = url && (!wish->url || is_own_url(client, url));
    const struct http_request request = {
        .method = wish->method,
        .url = url,
        .headers = wish->headers,
        .authorization = is_own ? client->auth.header : NULL,
        .tls = &client->endpoint.tls,
        .maximum_body_bytes = wish->maximum_bytes,
        .source = wish->source,
        .source_context = wish->source_context,
        .source_bytes = wish->source_bytes,
        .is_repeatable = wish->is_repeatable,
        .is_fresh = wish->is_fresh,
        .is_foreign = !is_own,
        .stall_timeout_s = wish->stall_timeout_s,
    };

    if (!url)
        return error_no_memory(err, "a request");
    return http_start(client->http, &request, ret_transfer, err);
}

/* Also leaves the transfer when it fails, to be asked why. */
static int perform(struct client *client, const struct client_request *request,
                   struct http_transfer **ret_transfer, const struct http_response **ret_response,
                   struct mcpd_error *err)
{
    int rc = client_start(client, request, ret_transfer, err);

    while (rc == 0 && !http_is_done(*ret_transfer))
        rc = http_wait(client->http, NULL, 0, -1, err);
    return rc < 0 ? rc : http_result(*ret_transfer, ret_response, err);
}

/* podman asks for /v2/ first, and its users know the message; we go straight for the document. */
static int fail_to_connect(struct client *client, const struct http_transfer *transfer,
                           const char *what, struct mcpd_error *err)
{
    CLEANUP_FREE char *url = endpoint_url(&client->endpoint, "/v2/");
    int rc = client_judge_failure(client, transfer, err);

    if (http_failure_of(transfer) == HTTP_FAILURE_LOCAL)
        return error_wrap(err, rc, "%s", what);
    return error_wrap(err, rc, "pinging container registry %s: Get \"%s\"", client->endpoint.host,
                      url ? url : "");
}

/* https, then perhaps http; *ret_response is of any status. */
static int perform_either(struct client *client, const struct client_request *request,
                          const char *what, struct http_transfer **ret_transfer,
                          const struct http_response **ret_response, struct mcpd_error *err)
{
    CLEANUP_HTTP_TRANSFER struct http_transfer *first = NULL;
    CLEANUP_HTTP_TRANSFER struct http_transfer *second = NULL;
    int rc = perform(client, request, &first, ret_response, err);

    if (rc < 0 && may_go_on_with_http(client, first)) {
        client->endpoint.is_http = true;
        rc = perform(client, request, &second, ret_response, err);
        /* The first failure says more than that nothing listens on port 80 either. */
        if (rc < 0 && second &&
            (http_failure_of(second) == HTTP_FAILURE_CONNECT ||
             http_failure_of(second) == HTTP_FAILURE_RESOLVE))
            client->endpoint.is_http = false;
    }
    if (second && (rc == 0 || client->endpoint.is_http)) {
        http_transfer_free(first);
        first = TAKE_PTR(second);
    }
    if (rc < 0)
        return first ? fail_to_connect(client, first, what, err) : rc;
    *ret_transfer = TAKE_PTR(first);
    return 0;
}

int client_renew(struct client *client, const struct http_response *response,
                 unsigned int generation, bool *ret_is_renewed, struct mcpd_error *err)
{
    int rc;

    client->last = (struct retry_reason){0};
    *ret_is_renewed = generation != client->auth.generation;
    if (*ret_is_renewed)
        return 0;
    rc = auth_answer(&client->auth, client->http, &client->endpoint, response->challenges,
                     ret_is_renewed, err);
    client->is_refused = rc == -MCPD_E_DENIED;
    return rc;
}

/* One attempt, with an answer to a 401 if there is one. */
static int call_once(struct client *client, const struct client_request *request, const char *what,
                     struct http_transfer **ret_transfer, const struct http_response **ret_response,
                     struct mcpd_error *err)
{
    for (int round = 0;; round++) {
        CLEANUP_HTTP_TRANSFER struct http_transfer *transfer = NULL;
        const struct http_response *response = NULL;
        unsigned int generation = client->auth.generation;
        bool is_renewed = false;
        int rc;

        client->last = (struct retry_reason){0};
        rc = perform_either(client, request, what, &transfer, &response, err);
        if (rc == 0 && !response)
            rc = error_set(err, MCPD_E_INTERNAL, "%s: no response", what);
        if (rc < 0)
            return rc;
        if (response->status == 401 && !response->is_foreign && round == 0) {
            rc = client_renew(client, response, generation, &is_renewed, err);
            if (rc < 0)
                return error_wrap(err, rc, "%s", what);
        }
        if (is_renewed)
            continue;
        if (response->status < 200 || response->status > 299)
            return client_judge_status(client, response, what, err);
        *ret_transfer = TAKE_PTR(transfer);
        *ret_response = response;
        return 0;
    }
}

int client_call(struct client *client, const struct client_request *request, const char *what,
                struct http_transfer **ret_transfer, const struct http_response **ret_response,
                struct mcpd_error *err)
{
    unsigned int attempt = 0;

    for (;;) {
        struct mcpd_error problem = {0};
        unsigned int delay_ms = 0;
        int rc;

        if (call_once(client, request, what, ret_transfer, ret_response, &problem) == 0)
            return 0;
        if (!client_retry(client, &attempt, &problem, &delay_ms))
            return error_copy(err, &problem);
        rc = http_pause(client->http, delay_ms, err);
        if (rc < 0)
            return rc;
    }
}

int client_get(struct client *client, enum http_method method, const char *path,
               const char *const *headers, size_t maximum_bytes, const char *what,
               struct http_transfer **ret_transfer, const struct http_response **ret_response,
               struct mcpd_error *err)
{
    CLEANUP_HTTP_TRANSFER struct http_transfer *transfer = NULL;
    const struct client_request request = {
        .method = method,
        .path = path,
        .headers = headers,
        .maximum_bytes = maximum_bytes,
    };
    const struct http_response *response = NULL;
    int rc = client_call(client, &request, what, &transfer, &response, err);

    if (rc == 0 && response && response->status != 200)
        rc = client_judge_status(client, response, what, err);
    if (rc < 0)
        return rc;
    *ret_transfer = TAKE_PTR(transfer);
    *ret_response = response;
    return 0;
}

/* ------------------------------------------------------------------ blobs */

int client_start_blob(struct client *client, const struct digest *digest, uint64_t offset,
                      uint64_t size, http_begin_function begin, http_sink_function sink,
                      void *context, struct http_transfer **ret_transfer, struct mcpd_error *err)
{
    CLEANUP_FREE char *path = str_format("blobs/%s", digest->text);
    const struct client_request wish = {.path = path};
    CLEANUP_FREE char *url = path ? make_url(client, &wish) : NULL;
    const struct http_request request = {
        .method = HTTP_METHOD_GET,
        .url = url,
        .authorization = client->auth.header,
        .tls = &client->endpoint.tls,
        .maximum_body_bytes = ERROR_MAX_BYTES,
        .has_range = offset > 0,
        .range_first = offset,
        .range_last = size - 1,
        .begin = begin,
        .sink = sink,
        .sink_context = context,
    };

    if (!url)
        return error_no_memory(err, "a request");
    return http_start(client->http, &request, ret_transfer, err);
}
