/* image_wire.c - see image_wire.h. */
#include "image_wire.h"

#include "base/jsonx.h"
#include "base/str.h"

#include <limits.h>
#include <string.h>

#define DEPTH 8

static const char *const call_names[] = {
    [IMAGE_CALL_PULL] = "pull",
    [IMAGE_CALL_LOAD] = "load",
    [IMAGE_CALL_PUSH] = "push",
    [IMAGE_CALL_EXISTS] = "exists",
    [IMAGE_CALL_VERIFY] = "verify",
    [IMAGE_CALL_MANIFEST] = "manifest",
    [IMAGE_CALL_LOGIN] = "login",
    [IMAGE_CALL_LOGIN_USER] = "login-user",
    [IMAGE_CALL_LOGOUT] = "logout",
    [IMAGE_CALL_BUILD] = "build",
    [IMAGE_CALL_SAVE] = "save",
    [IMAGE_CALL_EXPORT] = "export",
    [IMAGE_CALL_BUNDLE_APPLY] = "bundle-apply",
    [IMAGE_CALL_BUNDLE_INSPECT] = "bundle-inspect",
};

/* ------------------------------------------------------------------ requests */

/* The strings of a request, by name: one table for writing and for reading. */
struct member {
    const char *name;
    size_t offset;
};
#define MEMBER(name, field)                         \
    {                                               \
        name, offsetof(struct image_request, field) \
    }
static const struct member members[] = {
    MEMBER("root", root),
    MEMBER("runroot", runroot),
    MEMBER("program", program),
    MEMBER("image", image),
    MEMBER("destination", destination),
    MEMBER("container", container),
    MEMBER("path", path),
    MEMBER("signBy", sign_by),
    MEMBER("verifyKey", verify_key),
    MEMBER("certDir", registry.cert_dir),
    MEMBER("authFile", registry.auth_file),
    MEMBER("credentials", registry.credentials),
    MEMBER("platform", registry.platform),
    MEMBER("format", push.format),
    MEMBER("compression", push.compression),
    MEMBER("buildImage", build.image),
    MEMBER("dockerfile", build.dockerfile),
    MEMBER("contextDir", build.context_dir),
};

/* The lists, in the same way. */
static const struct member lists[] = {
    MEMBER("stores", stores),
    MEMBER("images", images),
    MEMBER("since", since),
};

static char **const *list_of(const struct image_request *request, size_t index)
{
    return (char **const *)(const void *)((const char *)request + lists[index].offset);
}

/* Not jsonx_strv, which makes something else of what is no text. */
static bool set_list(json_t *document, const char *name, char *const *list)
{
    json_t *array = json_array();
    bool is_good = json_object_set_new(document, name, array) == 0;

    for (; is_good && list && *list; list++)
        is_good = json_array_append_new(array, json_string(*list)) == 0;
    return is_good;
}

void image_request_done(struct image_request *request)
{
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        char ***list = (char ***)(void *)((char *)request + lists[i].offset);

        strv_free(*list);
        *list = NULL;
    }
}

int image_request_format(const struct image_request *request, char **ret_text,
                         struct mcpd_error *err)
{
    CLEANUP_JSON json_t *document =
        json_pack("{s:s, s:i, s:b, s:i, s:I, s:b, s:I, s:b, s:i}", "call",
                  call_names[request->call], "policy", (int)request->policy, "skipTlsVerify",
                  request->registry.skip_tls_verify, "retryCount", request->registry.retry_count,
                  "retryDelayMs", (json_int_t)request->registry.retry_delay_ms, "repair",
                  request->repair, "saveFormat", (json_int_t)request->save_format, "severalImages",
                  request->several_images, "compressionLevel", request->push.compression_level);
    bool is_good = document != NULL;

    for (size_t i = 0; i < ARRAY_SIZE(lists) && is_good; i++)
        is_good = set_list(document, lists[i].name, *list_of(request, i));

    for (size_t i = 0; i < ARRAY_SIZE(members) && is_good; i++) {
        const char *const *value =
            (const char *const *)(const void *)((const char *)request + members[i].offset);

        /* A path need not be UTF-8, but then this does not carry it. */
        if (*value && !json_is_string(json_object_get(document, members[i].name)))
            is_good = json_object_set_new(document, members[i].name, json_string(*value)) == 0;
    }
    if (!is_good)
        return error_set(err, MCPD_E_INVALID, "an argument is not UTF-8 text");
    *ret_text = json_dumps(document, JSON_COMPACT);
    return *ret_text ? 0 : error_no_memory(err, "a request");
}

static int parse_call(const char *name, enum image_call *ret_call, struct mcpd_error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(call_names); i++)
        if (str_equal(name, call_names[i])) {
            *ret_call = (enum image_call)i;
            return 0;
        }
    return error_set(err, MCPD_E_INVALID, "request: unknown call");
}

static int parse_lists(const json_t *document, struct image_request *request,
                       struct mcpd_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < ARRAY_SIZE(lists) && rc == 0; i++) {
        char ***list = (char ***)(void *)((char *)request + lists[i].offset);

        rc = jsonx_get_strv(document, lists[i].name, "request", list, err);
    }
    if (rc < 0)
        image_request_done(request);
    return rc;
}

int image_request_parse(const char *text, size_t length, struct image_request *ret_request,
                        json_t **ret_document, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *document = NULL;
    struct image_request request = {0};
    const char *call = NULL;
    uint64_t policy = 0;
    int64_t retry_count = 0, level = 0;
    int rc = jsonx_parse(text, length, DEPTH, "request", &document, err);

    if (rc == 0)
        rc = jsonx_get_string(document, "call", "request", &call, err);
    if (rc == 0)
        rc = parse_call(call, &request.call, err);
    if (rc == 0)
        rc = jsonx_get_u64(document, "policy", "request", &policy, err);
    if (rc == 0)
        rc = jsonx_get_i64(document, "compressionLevel", "request", &level, err);
    if (rc == 0)
        rc = jsonx_get_bool(document, "skipTlsVerify", "request", &request.registry.skip_tls_verify,
                            err);
    if (rc == 0)
        rc = jsonx_get_i64(document, "retryCount", "request", &retry_count, err);
    if (rc == 0)
        rc = jsonx_get_i64(document, "retryDelayMs", "request", &request.registry.retry_delay_ms,
                           err);
    for (size_t i = 0; i < ARRAY_SIZE(members) && rc == 0; i++) {
        const char **value = (const char **)(void *)((char *)&request + members[i].offset);

        rc = jsonx_get_string(document, members[i].name, "request", value, err);
    }
    if (rc == 0)
        rc = jsonx_get_bool(document, "repair", "request", &request.repair, err);
    if (rc == 0)
        rc = jsonx_get_u64(document, "saveFormat", "request", &request.save_format, err);
    if (rc == 0)
        rc = jsonx_get_bool(document, "severalImages", "request", &request.several_images, err);
    if (rc < 0)
        return rc;
    if (policy > MCPD_PULL_NEWER || retry_count < -1 || retry_count > INT_MAX || !request.root ||
        !request.runroot)
        return error_set(err, MCPD_E_INVALID, "request: incomplete");
    request.policy = (enum mcpd_pull_policy)policy;
    request.registry.retry_count = (int)retry_count;
    request.push.compression_level = level > INT_MAX || level < INT_MIN ? -1 : (int)level;
    rc = parse_lists(document, &request, err);
    if (rc < 0)
        return rc;
    *ret_request = request;
    *ret_document = TAKE_PTR(document);
    return 0;
}

/* ------------------------------------------------------------------ lines */

json_t *image_wire_progress(const struct mcpd_progress *progress)
{
    return json_pack("{s:{s:s, s:s, s:I, s:I}}", "progress", "op", progress->operation, "id",
                     progress->id, "current", (json_int_t)progress->current_bytes, "total",
                     (json_int_t)progress->total_bytes);
}

json_t *image_wire_error(const struct mcpd_error *error)
{
    return json_pack("{s:{s:i, s:i, s:o}}", "error", "code", error->code, "errno", error->sys_errno,
                     "message", jsonx_string(error->message));
}

static int take_progress(const json_t *json, const struct image_listener *listener,
                         struct mcpd_error *err)
{
    struct mcpd_progress progress = {.operation = "", .id = ""};
    int rc = jsonx_get_string(json, "op", "progress", &progress.operation, err);

    if (rc == 0)
        rc = jsonx_get_string(json, "id", "progress", &progress.id, err);
    if (rc == 0)
        rc = jsonx_get_u64(json, "current", "progress", &progress.current_bytes, err);
    if (rc == 0)
        rc = jsonx_get_u64(json, "total", "progress", &progress.total_bytes, err);
    if (rc == 0 && listener->progress)
        listener->progress(listener->progress_context, &progress);
    return rc;
}

/* Returns the transported failure. */
static int take_error(const json_t *json, struct mcpd_error *err)
{
    struct mcpd_error error = {0};
    int64_t code = 0, number = 0;
    const char *message = "";
    int rc = jsonx_get_i64(json, "code", "error", &code, err);

    if (rc == 0)
        rc = jsonx_get_i64(json, "errno", "error", &number, err);
    if (rc == 0)
        rc = jsonx_get_string(json, "message", "error", &message, err);
    if (rc < 0)
        return rc;
    error.code = code > 0 && code <= MCPD_E_INTERNAL ? (int)code : MCPD_E_INTERNAL;
    error.sys_errno = number > 0 && number < 4096 ? (int)number : 0;
    (void)snprintf(error.message, sizeof(error.message), "%s", message);
    return error_copy(err, &error);
}

int image_wire_take_line(const char *line, size_t length, const struct image_listener *listener,
                         json_t **ret_result, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *document = NULL;
    json_t *value = NULL;
    const char *warning = NULL;
    int rc = jsonx_parse(line, length, DEPTH, "the image helper", &document, err);

    if (rc == 0)
        rc = jsonx_get_object(document, "progress", "helper", &value, err);
    if (rc == 0 && value)
        return take_progress(value, listener, err);
    if (rc == 0)
        rc = jsonx_get_string(document, "warning", "helper", &warning, err);
    if (rc == 0 && warning && listener->warn)
        listener->warn(listener->warn_context, warning);
    if (rc == 0)
        rc = jsonx_get_object(document, "error", "helper", &value, err);
    if (rc == 0 && value)
        return take_error(value, err);
    if (rc == 0)
        rc = jsonx_get_object(document, "result", "helper", &value, err);
    if (rc == 0 && value) {
        json_decref(*ret_result);
        *ret_result = json_incref(value);
    }
    return rc;
}
