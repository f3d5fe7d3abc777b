/* authfile.c - see authfile.h. No secret ever goes into a message. */
#include "registry/authfile.h"

#include "base/fsutil.h"
#include "base/jsonx.h"
#include "base/log.h"
#include "base/str.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX_BYTES (1u << 20)
#define FILE_MAX_DEPTH 16
#define MAX_SECRET     (64u << 10)
#define DOCKER_KEY     "https://index.docker.io/v1/"

void credentials_done(struct credentials *credentials)
{
    str_free_secret(credentials->user);
    str_free_secret(credentials->password);
    str_free_secret(credentials->identity_token);
    *credentials = (struct credentials){0};
}

char *credentials_encode(const struct credentials *credentials)
{
    CLEANUP_SECRET char *plain =
        str_format("%s:%s", credentials->user, credentials->password ? credentials->password : "");
    char *encoded = plain ? malloc(strlen(plain) / 3 * 4 + 8) : NULL;

    if (encoded)
        (void)EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)plain,
                              (int)strlen(plain));
    return encoded;
}

int credentials_parse(const char *text, struct credentials *ret_credentials, struct mcpd_error *err)
{
    CLEANUP_CREDENTIALS struct credentials credentials = {0};
    const char *colon = strchr(text, ':');

    if (!colon || colon == text)
        return error_set(err, MCPD_E_INVALID, "credentials must be USERNAME:PASSWORD");
    credentials.user = strndup(text, (size_t)(colon - text));
    credentials.password = strdup(colon + 1);
    if (!credentials.user || !credentials.password)
        return error_no_memory(err, "credentials");
    *ret_credentials = credentials;
    credentials = (struct credentials){0};
    return 0;
}

/* ------------------------------------------------------------------ one file */

/* base64("user:password") */
static int decode_auth(const char *text, struct credentials *ret_credentials,
                       struct mcpd_error *err)
{
    CLEANUP_SECRET char *plain = NULL;
    size_t length = strlen(text);
    size_t padding = 0;
    int count;

    if (length == 0 || length % 4 != 0 || length > MAX_SECRET)
        return error_set(err, MCPD_E_INVALID, "an 'auth' is not base64");
    while (padding < 2 && text[length - 1 - padding] == '=')
        padding++;
    plain = calloc(1, length);
    if (!plain)
        return error_no_memory(err, "credentials");
    count = EVP_DecodeBlock((unsigned char *)plain, (const unsigned char *)text, (int)length);
    if (count < (int)padding)
        return error_set(err, MCPD_E_INVALID, "an 'auth' is not base64");
    plain[(size_t)count - padding] = '\0';
    /* docker-credential helpers of old ended it with NULs; what is behind one is cut off. */
    if (credentials_parse(plain, ret_credentials, NULL) < 0)
        return error_set(err, MCPD_E_INVALID, "an 'auth' is not USERNAME:PASSWORD");
    return 0;
}

static int read_entry(const json_t *entry, struct credentials *ret_credentials,
                      struct mcpd_error *err)
{
    CLEANUP_CREDENTIALS struct credentials credentials = {0};
    const char *auth = NULL, *token = NULL;
    int rc = jsonx_get_string(entry, "auth", "auths[]", &auth, err);

    if (rc == 0)
        rc = jsonx_get_string(entry, "identitytoken", "auths[]", &token, err);
    if (rc == 0 && auth && *auth)
        rc = decode_auth(auth, &credentials, err);
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

/* Does `key` stand for this repository? Returns how much of it, 0 when not. */
static size_t match_key(const char *key, const char *repository)
{
    size_t host_length = strcspn(repository, "/");
    size_t length = strlen(key);

    if (strcmp(key, DOCKER_KEY) == 0 || strcmp(key, "index.docker.io") == 0)
        return str_has_prefix(repository, "docker.io/") ? 1 : 0;
    if (str_has_prefix(key, "https://") || str_has_prefix(key, "http://")) {
        key = strstr(key, "://") + 3;
        length = strcspn(key, "/");
        return length == host_length && strncasecmp(key, repository, length) == 0 ? 1 : 0;
    }
    if (length == 0 || strncmp(key, repository, length) != 0)
        return 0;
    return repository[length] == '\0' || repository[length] == '/' ? length : 0;
}

int authfile_lookup(const char *text, size_t length, const char *repository,
                    struct credentials *ret_credentials, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *document = NULL;
    json_t *auths = NULL;
    const json_t *best = NULL;
    size_t best_length = 0;
    const char *key;
    json_t *entry;
    int rc = jsonx_parse(text, length, FILE_MAX_DEPTH, "auth file", &document, err);

    if (rc == 0)
        rc = jsonx_get_object(document, "auths", "auth file", &auths, err);
    if (rc < 0 || !auths)
        return rc;
    json_object_foreach(auths, key, entry) {
        size_t matched = match_key(key, repository);

        if (matched > best_length && json_is_object(entry)) {
            best = entry;
            best_length = matched;
        }
    }
    return best ? read_entry(best, ret_credentials, err) : 0;
}

/* ------------------------------------------------------------------ all files */

/* A folder on the way is closed to us: what lies behind it is another user's. */
static bool is_behind_closed_folder(const char *path)
{
    return faccessat(AT_FDCWD, path, F_OK, AT_EACCESS) < 0 && errno == EACCES;
}

static int look_in(const char *path, bool must_exist, const char *repository,
                   struct credentials *ret_credentials, struct mcpd_error *err)
{
    CLEANUP_SECRET char *text = NULL;
    size_t length = 0;
    int rc = fs_read_file(AT_FDCWD, path, FILE_MAX_BYTES, &text, &length, err);

    if (rc == -MCPD_E_NOT_FOUND && !must_exist)
        return 0;
    if (rc == -MCPD_E_DENIED && !must_exist && is_behind_closed_folder(path)) {
        log_debug("registry", "auth file %s: a folder on its path is closed, passed over", path);
        return 0;
    }
    if (rc == 0 && length > 0)
        rc = authfile_lookup(text, length, repository, ret_credentials, err);
    return rc < 0 ? error_wrap(err, rc, "auth file %s", path) : 0;
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
        if (ret_credentials->user || ret_credentials->identity_token)
            break;
    }
    return rc;
}
