/* login.c - see login.h. */
#include "registry/login.h"

#include "base/str.h"
#include "registry/authfile.h"
#include "registry/authfile_write.h"

#include <string.h>

#define ANSWER_MAX_BYTES (64u << 10)

/* Of the key's host; its path is empty: no repository is asked for. */
static int parse_key(const char *key, struct reference *ret_reference, struct mcpd_error *err)
{
    CLEANUP_FREE char *name = str_format("%s/x", key);
    struct reference reference;
    size_t host_length = strcspn(key, "/");
    int rc;

    if (!name)
        return error_no_memory(err, "a login");
    rc = reference_parse(name, &reference, err);
    if (rc < 0)
        return error_wrap(err, rc, "registry \"%.200s\"", key);
    if (strlen(reference.domain) != host_length || strncmp(reference.domain, key, host_length) != 0)
        return error_set(err, MCPD_E_INVALID,
                         "registry \"%.200s\": a host has a dot or a port, or is localhost", key);
    *ret_reference = reference;
    ret_reference->path[0] = ret_reference->tag[0] = '\0';
    return 0;
}

/* A registry answers 200 at its root to whom it knows. */
static int ask(struct client *client, struct mcpd_error *err)
{
    CLEANUP_HTTP_TRANSFER struct http_transfer *transfer = NULL;
    const struct client_request request = {
        .method = HTTP_METHOD_GET,
        .root_path = "/v2/",
        .maximum_bytes = ANSWER_MAX_BYTES,
    };
    const struct http_response *response = NULL;

    return client_call(client, &request, "registry", &transfer, &response, err);
}

static int try(const char *key, const struct registry_options *options, const char *credentials,
               struct mcpd_error *err)
{
    CLEANUP_CLIENT struct client client = {0};
    struct registry_options own = *options;
    struct reference reference;
    int rc = parse_key(key, &reference, err);

    if (rc < 0)
        return rc;
    own.user.credentials = credentials;
    rc = client_open(&reference, &own, &client, err);
    if (rc < 0)
        return rc;
    client.retry.count = 0; /* somebody waits, and can try again */
    client_set_context(&client, "authenticating creds for \"%s\"", reference.domain);
    rc = ask(&client, err);
    if (rc == -MCPD_E_DENIED && client.is_refused)
        return error_set(err, MCPD_E_DENIED, "logging into \"%s\": invalid username/password",
                         reference.domain);
    return rc < 0 ? client_wrap(&client, rc, err) : 0;
}

static int find(const char *key, const struct registry_options *options,
                struct credentials *ret_credentials, struct mcpd_error *err)
{
    int rc = authfile_find(options->user.auth_file, key, ret_credentials, err);

    /* A file that is about to be made knows nobody. */
    if (rc == -MCPD_E_NOT_FOUND || (rc == 0 && !credentials_are_set(ret_credentials)))
        return error_set(err, MCPD_E_NOT_FOUND, "not logged into %s", key);
    return rc;
}

static int try_kept(const char *key, const struct registry_options *options, struct mcpd_error *err)
{
    CLEANUP_CREDENTIALS struct credentials kept = {0};
    CLEANUP_SECRET char *text = NULL;
    int rc = find(key, options, &kept, err);

    if (rc < 0)
        return rc;
    if (kept.user)
        text = str_format("%s:%s", kept.user, kept.password ? kept.password : "");
    if (kept.user && !text)
        return error_no_memory(err, "a login");
    return try(key, options, text, err);
}

int login_keep(const char *key, const struct registry_options *options, char **ret_path,
               struct mcpd_error *err)
{
    CLEANUP_CREDENTIALS struct credentials credentials = {0};
    CLEANUP_FREE char *path = NULL;
    int rc = authfile_path_to_write(options->user.auth_file, &path, err);

    if (rc == 0 && !options->user.credentials)
        rc = try_kept(key, options, err);
    else if (rc == 0)
        rc = credentials_parse(options->user.credentials, &credentials, err);
    if (rc == 0 && credentials.user)
        rc = try(key, options, options->user.credentials, err);
    if (rc == 0 && credentials.user)
        rc = authfile_store(path, key, &credentials, err);
    if (rc == 0)
        *ret_path = TAKE_PTR(path);
    return rc;
}

int login_user(const char *key, const struct registry_options *options, char **ret_user,
               struct mcpd_error *err)
{
    CLEANUP_CREDENTIALS struct credentials kept = {0};
    int rc = find(key, options, &kept, err);

    if (rc == 0 && !kept.user)
        return error_set(err, MCPD_E_NOT_FOUND, "not logged into %s", key);
    if (rc == 0)
        *ret_user = TAKE_PTR(kept.user);
    return rc;
}

int login_forget(const char *key, const struct registry_options *options, struct mcpd_error *err)
{
    CLEANUP_CREDENTIALS struct credentials kept = {0};
    CLEANUP_FREE char *path = NULL;
    int rc = authfile_path_to_write(options->user.auth_file, &path, err);

    if (rc == 0)
        rc = authfile_erase(path, key, err);
    if (rc == -MCPD_E_NOT_FOUND && key && find(key, options, &kept, NULL) == 0)
        return error_set(err, MCPD_E_STATE,
                         "Not logged into %s with current tool. Existing credentials were "
                         "established via docker login. Please use docker logout instead.",
                         key);
    return rc;
}
