/* spec_env.c - the environment of a container: defaults, image, host name, files, -e; later ones
 * win. */
#include "runtime/spec_parts.h"

#include <fcntl.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/str.h"
#include "base/utf8.h"

#define DEFAULT_PATH       "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define ENV_FILE_MAX_BYTES (1u << 20)

static int set(char ***env, const char *assignment, struct mcpd_error *err)
{
    return strv_env_set(env, assignment) < 0 ? error_no_memory(err, "environment") : 0;
}

/* "PREFIX*": everything of the caller that starts so. What is not UTF-8 (an OLDPWD, say) nobody has
 * named, and no record can hold it: it is left out, where by name it is refused. */
static int add_prefix(char ***env, const char *name, const char *const *environment,
                      struct mcpd_error *err)
{
    size_t length = strlen(name) - 1;
    int rc = 0;

    for (size_t i = 0; environment && environment[i] && rc == 0; i++)
        if (strncmp(environment[i], name, length) == 0 && strchr(environment[i], '=') &&
            utf8_is_valid(environment[i]))
            rc = set(env, environment[i], err);
    return rc;
}

static int add_inherited(char ***env, const char *name, const char *const *environment,
                         struct mcpd_error *err)
{
    size_t length = strlen(name);

    if (name[length - 1] == '*')
        return add_prefix(env, name, environment, err);
    for (size_t i = 0; environment && environment[i]; i++)
        if (strncmp(environment[i], name, length) == 0 && environment[i][length] == '=')
            return set(env, environment[i], err);
    return 0;
}

int spec_env_add(char ***env, const char *text, const char *const *environment,
                 struct mcpd_error *err)
{
    size_t name_length;

    if (*text == '\0' || *text == '=')
        return error_set(err, MCPD_E_INVALID, "invalid environment variable: \"%s\"", text);
    text += strspn(text, " \t");
    name_length = strcspn(text, "=");
    if (text[name_length] == '=')
        return set(env, text, err);
    return name_length == 0 ? 0 : add_inherited(env, text, environment, err);
}

/* In podman's words. */
static int read_env_file(const char *path, char **ret_text, size_t *ret_length,
                         struct mcpd_error *err)
{
    int rc = fs_read_file(AT_FDCWD, path, ENV_FILE_MAX_BYTES, ret_text, ret_length, err);

    if (rc == -MCPD_E_NOT_FOUND)
        return error_set(err, MCPD_E_NOT_FOUND,
                         "parsing env file \"%s\": open %s: no such file or directory", path, path);
    if (rc < 0 && errno == EISDIR)
        return error_set(err, MCPD_E_INVALID, "parsing env file \"%s\": read %s: is a directory",
                         path, path);
    return rc < 0 ? error_wrap(err, rc, "parsing env file \"%s\"", path) : 0;
}

/* Stricter than -e: a line that means something else is noticed. */
static int add_line(char ***env, const char *line, const char *const *environment,
                    struct mcpd_error *err)
{
    const char *name = line + strspn(line, " \t");
    size_t length = strcspn(name, "=");

    if (strcspn(name, " \t\n\r\v\f") < length)
        return error_set(err, MCPD_E_INVALID,
                         "name \"%.*s\" has white spaces, poorly formatted name", (int)length,
                         name);
    return spec_env_add(env, line, environment, err);
}

static int add_file(char ***env, const char *path, const char *const *environment,
                    struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    CLEANUP_STRV char **lines = NULL;
    size_t length;
    int rc = read_env_file(path, &text, &length, err);

    if (rc < 0)
        return rc;
    if (strlen(text) != length)
        return error_set(err, MCPD_E_INVALID, "'%s' is not a text file", path);
    lines = strv_split(text, '\n');
    if (!lines)
        return error_no_memory(err, path);
    for (size_t i = 0; lines[i] && rc == 0; i++) {
        size_t line_length = strlen(lines[i]);

        if (line_length > 0 && lines[i][line_length - 1] == '\r')
            lines[i][line_length - 1] = '\0';
        if (lines[i][0] != '\0' && lines[i][0] != '#')
            rc = add_line(env, lines[i], environment, err);
    }
    return rc < 0 ? error_wrap(err, rc, "parsing file \"%s\"", path) : 0;
}

int spec_env_add_files(char ***env, const char *const *paths, const char *const *environment,
                       struct mcpd_error *err)
{
    int rc = 0;

    for (size_t i = 0; paths && paths[i] && rc == 0; i++)
        rc = add_file(env, paths[i], environment, err);
    return rc;
}

static int add_defaults(char ***env, const struct image *image, struct mcpd_error *err)
{
    /* podman sets TERM without a terminal too, and programs look for the name "container". */
    static const char *const defaults[] = {DEFAULT_PATH, "TERM=xterm", "container=mcpd"};
    int rc = 0;

    for (size_t i = 0; i < ARRAY_SIZE(defaults) && rc == 0; i++)
        rc = set(env, defaults[i], err);
    for (size_t i = 0; image->config.env && image->config.env[i] && rc == 0; i++)
        if (strchr(image->config.env[i], '=') && image->config.env[i][0] != '=')
            rc = set(env, image->config.env[i], err);
    return rc;
}

static int add_hostname(char ***env, const char *hostname, struct mcpd_error *err)
{
    CLEANUP_FREE char *assignment = str_format("HOSTNAME=%s", hostname);

    return assignment ? set(env, assignment, err) : error_no_memory(err, "environment");
}

int spec_env_build(const struct mcpd_create_options *options, const struct image *image,
                   const struct spec_host *host, struct plan *plan, struct mcpd_error *err)
{
    char ***env = &plan->process.env;
    int rc = add_defaults(env, image, err);

    if (rc == 0)
        rc = add_hostname(env, plan->hostname, err);
    if (rc == 0)
        rc = spec_env_add_files(env, options->env_files, host->environment, err);
    for (size_t i = 0; options->spec.env && options->spec.env[i] && rc == 0; i++)
        rc = spec_env_add(env, options->spec.env[i], host->environment, err);
    return rc;
}
