/* authfile.c - see authfile.h. No secret ever goes into a message. */
#include "registry/authfile.h"

#include "base/fsutil.h"
#include "base/jsonx.h"
#include "base/log.h"
#include "base/str.h"
#include "registry/credhelper.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define DOCKER_HOST "docker.io"
#define DOCKER_KEY  "https://index.docker.io/v1/"

/* ------------------------------------------------------------------ one file */

static int read_entry(const json_t *entry, struct credentials *ret_credentials,
                      struct mcpd_error *err)
{
    CLEANUP_CREDENTIALS struct credentials credentials = {0};
    const char *auth = NULL, *token = NULL;
    int rc = jsonx_get_string(entry, "auth", "auths[]", &auth, err);

    if (rc == 0)
        rc = jsonx_get_string(entry, "identitytoken", "auths[]", &token, err);
    if (rc == 0 && auth && *auth)
        rc = credentials_decode(auth, &credentials, err);
    if (rc < 0)
        return rc;
    if (token && *token) {
        credentials.identity_token = strdup(token);
        if (!credentials.identity_token)
            return error_no_memory(err, "credentials");
    }
    *ret_credentials = credentials;
    credentials = (struct credentials){0};
    return 0;
}

static bool is_docker(const char *repository)
{
    return str_has_prefix(repository, DOCKER_HOST) &&
           strchr("/", repository[strlen(DOCKER_HOST)]) != NULL;
}

static bool is_key_of_docker(const char *key)
{
    return strcmp(key, DOCKER_KEY) == 0 || strcmp(key, "index.docker.io") == 0;
}

/* Does `key` stand for this repository? Returns how much of it, 0 when not. */
static size_t match_key(const char *key, const char *repository)
{
    size_t host_length = strcspn(repository, "/");
    size_t length = strlen(key);

    if (is_key_of_docker(key))
        return is_docker(repository) ? 1 : 0;
    if (str_has_prefix(key, "https://") || str_has_prefix(key, "http://")) {
        key = strstr(key, "://") + 3;
        length = strcspn(key, "/");
        return length == host_length && strncasecmp(key, repository, length) == 0 ? 1 : 0;
    }
    if (length == 0 || strncmp(key, repository, length) != 0)
        return 0;
    return repository[length] == '\0' || repository[length] == '/' ? length : 0;
}

void authfile_answer_done(struct authfile_answer *answer)
{
    credentials_done(&answer->credentials);
    free(answer->helper);
    *answer = (struct authfile_answer){0};
}

/* credHelpers: {"host": "name"} */
static const char *find_helper(json_t *helpers, const char *repository)
{
    size_t host_length = strcspn(repository, "/");
    const char *key;
    json_t *value;

    json_object_foreach(helpers, key, value)
        if ((strlen(key) == host_length && strncmp(key, repository, host_length) == 0) ||
            (is_docker(repository) && is_key_of_docker(key)))
            return json_string_length(value) > 0 ? json_string_value(value) : NULL;
    return NULL;
}

static const json_t *find_entry(json_t *auths, const char *repository)
{
    const json_t *best = NULL;
    size_t best_length = 0;
    const char *key;
    json_t *entry;

    json_object_foreach(auths, key, entry) {
        size_t matched = match_key(key, repository);

        if (matched > best_length && json_is_object(entry)) {
            best = entry;
            best_length = matched;
        }
    }
    return best;
}

static int read_document(const json_t *document, const char *repository,
                         struct authfile_answer *answer, struct mcpd_error *err)
{
    const char *helper = NULL;
    const json_t *entry = NULL;
    json_t *auths = NULL, *helpers = NULL;
    int rc = jsonx_get_object(document, "credHelpers", "auth file", &helpers, err);

    if (rc == 0)
        rc = jsonx_get_object(document, "auths", "auth file", &auths, err);
    if (rc < 0)
        return rc;
    helper = find_helper(helpers, repository);
    entry = helper ? NULL : find_entry(auths, repository);
    if (entry)
        rc = read_entry(entry, &answer->credentials, err);
    if (rc == 0 && !helper && !credentials_are_set(&answer->credentials)) {
        rc = jsonx_get_string(document, "credsStore", "auth file", &helper, err);
        answer->is_general_helper = true;
    }
    if (rc < 0 || !helper || !*helper)
        return rc;
    answer->helper = strdup(helper);
    return answer->helper ? 0 : error_no_memory(err, "credentials");
}

int authfile_lookup(const char *text, size_t length, const char *repository,
                    struct authfile_answer *ret_answer, struct mcpd_error *err)
{
    struct authfile_answer answer = {0};
    CLEANUP_JSON json_t *document = NULL;
    int rc = jsonx_parse(text, length, AUTHFILE_MAX_DEPTH, "auth file", &document, err);

    if (rc == 0)
        rc = read_document(document, repository, &answer, err);
    if (rc < 0) {
        authfile_answer_done(&answer);
        return rc;
    }
    *ret_answer = answer;
    return 0;
}

int authfile_find_helper(const char *text, size_t length, const char *repository, char **ret_helper,
                         struct mcpd_error *err)
{
    CLEANUP_JSON json_t *document = NULL;
    const char *helper = NULL;
    json_t *helpers = NULL;
    int rc = jsonx_parse(text, length, AUTHFILE_MAX_DEPTH, "auth file", &document, err);

    if (rc == 0)
        rc = jsonx_get_object(document, "credHelpers", "auth file", &helpers, err);
    if (rc == 0)
        rc = jsonx_get_string(document, "credsStore", "auth file", &helper, err);
    if (rc == 0 && find_helper(helpers, repository))
        helper = find_helper(helpers, repository);
    if (rc < 0 || !helper || !*helper)
        return rc;
    *ret_helper = strdup(helper);
    return *ret_helper ? 0 : error_no_memory(err, "credentials");
}

/* ------------------------------------------------------------------ all files */

/* A folder on the way is closed to us: what lies behind it is another user's. */
static bool is_behind_closed_folder(const char *path)
{
    return faccessat(AT_FDCWD, path, F_OK, AT_EACCESS) < 0 && errno == EACCES;
}

char *authfile_server_of(const char *repository)
{
    if (is_docker(repository))
        return strdup(DOCKER_KEY);
    return strndup(repository, strcspn(repository, "/"));
}

/* A helper that is named for everything, in a file that was only looked for, may be missing: what
 * is left of another program's installation should not keep us from public images. */
static int ask_helper(struct authfile_answer *answer, bool must_exist, const char *repository,
                      struct mcpd_error *err)
{
    CLEANUP_FREE char *server = authfile_server_of(repository);
    struct mcpd_error problem = {0};
    int rc;

    if (!server)
        return error_no_memory(err, "credentials");
    rc = credhelper_get(answer->helper, server, &answer->credentials, &problem);
    if (rc == -MCPD_E_NOT_FOUND && answer->is_general_helper && !must_exist) {
        log_debug("registry", "%s", problem.message);
        return 0;
    }
    return rc < 0 ? error_copy(err, &problem) : 0;
}

static int look_in(const char *path, bool must_exist, const char *repository,
                   struct credentials *ret_credentials, struct mcpd_error *err)
{
    CLEANUP(authfile_answer_done) struct authfile_answer answer = {0};
    CLEANUP_SECRET char *text = NULL;
    size_t length = 0;
    int rc = fs_read_file(AT_FDCWD, path, AUTHFILE_MAX_BYTES, &text, &length, err);

    if (rc == -MCPD_E_NOT_FOUND && !must_exist)
        return 0;
    if (rc == -MCPD_E_DENIED && !must_exist && is_behind_closed_folder(path)) {
        log_debug("registry", "auth file %s: a folder on its path is closed, passed over", path);
        return 0;
    }
    if (rc == 0 && length > 0)
        rc = authfile_lookup(text, length, repository, &answer, err);
    if (rc == 0 && answer.helper)
        rc = ask_helper(&answer, must_exist, repository, err);
    if (rc < 0)
        return error_wrap(err, rc, "auth file %s", path);
    *ret_credentials = answer.credentials;
    answer.credentials = (struct credentials){0};
    return 0;
}

int authfile_path_to_write(const char *path, char **ret_path, struct mcpd_error *err)
{
    const char *variable = getenv("REGISTRY_AUTH_FILE");
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    if (!path && variable && *variable)
        path = variable;
    if (path)
        *ret_path = strdup(path);
    else if (runtime && *runtime)
        *ret_path = str_format("%s/containers/auth.json", runtime);
    else
        *ret_path = str_format("/run/containers/%u/auth.json", geteuid());
    return *ret_path ? 0 : error_no_memory(err, "auth files");
}

static int candidates(char ***ret_paths, struct mcpd_error *err)
{
    CLEANUP_STRV char **paths = NULL;
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    const char *home = getenv("HOME");
    int rc = 0;

    if (runtime && *runtime)
        rc = strv_append_take(&paths, str_format("%s/containers/auth.json", runtime));
    if (rc == 0)
        rc = strv_append_take(&paths, str_format("/run/containers/%u/auth.json", geteuid()));
    if (rc == 0 && home && *home)
        rc = strv_append_take(&paths, str_format("%s/.config/containers/auth.json", home));
    if (rc == 0 && home && *home)
        rc = strv_append_take(&paths, str_format("%s/.docker/config.json", home));
    if (rc < 0)
        return error_no_memory(err, "auth files");
    *ret_paths = TAKE_PTR(paths);
    return 0;
}

int authfile_find(const char *path, const char *repository, struct credentials *ret_credentials,
                  struct mcpd_error *err)
{
    CLEANUP_STRV char **paths = NULL;
    const char *variable = getenv("REGISTRY_AUTH_FILE");
    int rc;

    if (!path && variable && *variable)
        path = variable;
    if (path)
        return look_in(path, true, repository, ret_credentials, err);
    rc = candidates(&paths, err);
    for (size_t i = 0; rc == 0 && paths[i]; i++) {
        rc = look_in(paths[i], false, repository, ret_credentials, err);
        if (credentials_are_set(ret_credentials))
            break;
    }
    return rc;
}
