/* cmd_login.c - login and logout: credentials of registries, kept in the auth file. */
#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/out.h"
#include "cli/prompt.h"
#include "cli/registry_opts.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_REGISTRY "docker.io"

struct login_values {
    struct registry_values registry;
    const char *user;
    const char *password;
    bool password_from_stdin;
    bool get_login;
    bool verbose;
    bool all;
};

#define AT(member) offsetof(struct login_values, member)

/* "https://host/" is "host"; owned by the caller. */
static int registry_key(const char *argument, char **ret_key, struct mcpd_error *err)
{
    size_t length;

    argument = argument ? argument : DEFAULT_REGISTRY;
    if (str_has_prefix(argument, "https://") || str_has_prefix(argument, "http://"))
        argument = strstr(argument, "://") + 3;
    length = strlen(argument);
    while (length > 0 && argument[length - 1] == '/')
        length--;
    *ret_key = strndup(argument, length);
    return *ret_key ? 0 : error_no_memory(err, "registry");
}

/* ------------------------------------------------------------------ login */

static int check_options(const struct login_values *values, struct mcpd_error *err)
{
    if (values->password_from_stdin && values->password)
        return error_set(err, MCPD_E_INVALID, "Can't specify both --password-stdin and --password");
    if (values->password_from_stdin && !values->user)
        return error_set(err, MCPD_E_INVALID, "Must provide --username with --password-stdin");
    return 0;
}

static int get_login(struct mcpd_engine *engine, const struct login_values *values, const char *key,
                     struct mcpd_error *err)
{
    CLEANUP_FREE char *user = NULL;
    int rc = mcpd_login_user(engine, key, &values->registry.options, &user, err);

    if (rc == 0)
        out_line(user);
    return rc;
}

/* Those that are kept may still do. *ret_is_settled: they do, or it could not be told. */
static int try_kept(struct mcpd_engine *engine, const struct login_values *values, const char *key,
                    bool *ret_is_settled, struct mcpd_error *err)
{
    CLEANUP_FREE char *user = NULL;
    int rc = mcpd_login_user(engine, key, &values->registry.options, &user, err);

    *ret_is_settled = true;
    if (rc < 0) {
        *ret_is_settled = rc != -MCPD_E_NOT_FOUND;
        return *ret_is_settled ? rc : 0;
    }
    (void)printf("Authenticating with existing credentials for %s\n", key);
    if (mcpd_login(engine, key, &values->registry.options, NULL, err) == 0) {
        (void)printf("Existing credentials are valid. Already logged in to %s\n", key);
        return 0;
    }
    (void)puts("Existing credentials are invalid, please enter valid username and password");
    *ret_is_settled = false;
    return 0;
}

static int ask_user(const struct login_values *values, char **ret_user, struct mcpd_error *err)
{
    int rc;

    if (values->user) {
        *ret_user = strdup(values->user);
        return *ret_user ? 0 : error_no_memory(err, "user");
    }
    rc = prompt_line("Username: ", ret_user, NULL, err);
    if (rc == 0 && !**ret_user)
        return error_set(err, MCPD_E_INVALID, "getting username and password: a user is needed");
    return rc;
}

static int ask_password(const struct login_values *values, char **ret_password,
                        struct mcpd_error *err)
{
    int rc;

    if (values->password) {
        *ret_password = strdup(values->password);
        return *ret_password ? 0 : error_no_memory(err, "password");
    }
    if (values->password_from_stdin)
        return prompt_read_all(ret_password, err);
    rc = prompt_secret("Password: ", ret_password, err);
    return rc < 0 ? error_wrap(err, rc, "getting username and password") : 0;
}

static int login(struct mcpd_engine *engine, struct login_values *values, const char *key,
                 struct mcpd_error *err)
{
    CLEANUP_FREE char *user = NULL;
    CLEANUP_FREE char *path = NULL;
    CLEANUP_SECRET char *password = NULL;
    CLEANUP_SECRET char *credentials = NULL;
    struct mcpd_registry_options options = values->registry.options;
    int rc = ask_user(values, &user, err);

    if (rc == 0 && strchr(user, ':'))
        return error_set(err, MCPD_E_INVALID, "a user's name holds no colon");
    if (rc == 0)
        rc = ask_password(values, &password, err);
    if (rc < 0)
        return rc;
    credentials = str_format("%s:%s", user, password);
    if (!credentials)
        return error_no_memory(err, "credentials");
    options.credentials = credentials;
    rc = mcpd_login(engine, key, &options, &path, err);
    if (rc < 0)
        return rc;
    if (values->verbose)
        (void)printf("Used:  %s\n", path);
    (void)puts("Login Succeeded!");
    return 0;
}

static int run_login(struct cli *cli, void *raw_values, char **arguments)
{
    struct login_values *values = raw_values;
    CLEANUP_FREE char *key = NULL;
    struct mcpd_engine *engine = NULL;
    struct mcpd_error err = {0};
    bool is_settled = false;
    int rc = check_options(values, &err);

    if (rc == 0)
        rc = registry_key(arguments[0], &key, &err);
    if (rc == 0)
        rc = cli_engine(cli, &engine, &err);
    if (rc == 0 && values->get_login) {
        rc = get_login(engine, values, key, &err);
        is_settled = true;
    } else if (rc == 0 && !values->user && !values->password) {
        rc = try_kept(engine, values, key, &is_settled, &err);
    }
    if (rc == 0 && !is_settled)
        rc = login(engine, values, key, &err);
    return rc < 0 ? cli_fail(cli, &err) : EXITCODE_OK;
}

static const struct opt login_rows[] = {
    OPT(0, "get-login", "", FLAG, AT(get_login), "Print the user that is logged in"),
    OPT('p', "password", "PASSWORD", STRING, AT(password),
        "The password (others can see it; better --password-stdin)"),
    OPT(0, "password-stdin", "", FLAG, AT(password_from_stdin),
        "Read the password from standard input"),
    OPT('u', "username", "USER", STRING, AT(user), "The user"),
    OPT('v', "verbose", "", FLAG, AT(verbose), "Tell where the credentials are kept"),
};

static const struct opt_group login_groups[] = {
    OPT_GROUP(login_rows, 0),
    OPT_GROUP(registry_login_rows, AT(registry)),
    OPT_GROUPS_END,
};

const struct command cmd_login = {
    .arguments = "[options] [REGISTRY]",
    .summary = "Log in to a registry",
    .details =
        "What is not given is asked for. The credentials are tried first and then kept in "
        "$REGISTRY_AUTH_FILE or ${XDG_RUNTIME_DIR}/containers/auth.json, where podman and skopeo "
        "find them too. REGISTRY is docker.io when it is not given, and may have a path.",
    .examples = "login registry.example.org\n"
                "login -u robot --password-stdin registry.example.org/team <secret",
    .groups = login_groups,
    .values_size = sizeof(struct login_values),
    .run = run_login,
    .min_arguments = 0,
    .max_arguments = 1,
    .needs_image_code = true,
};

/* ------------------------------------------------------------------ logout */

static int run_logout(struct cli *cli, void *raw_values, char **arguments)
{
    const struct login_values *values = raw_values;
    CLEANUP_FREE char *key = NULL;
    struct mcpd_engine *engine = NULL;
    struct mcpd_error err = {0};
    int rc = registry_key(arguments[0], &key, &err);

    if (values->all && arguments[0])
        return cli_refuse(cli, "--all takes no arguments");
    if (rc == 0)
        rc = cli_engine(cli, &engine, &err);
    if (rc == 0)
        rc = mcpd_logout(engine, values->all ? NULL : key, &values->registry.options, &err);
    if (rc == -MCPD_E_STATE) {
        out_line(err.message);
        return EXITCODE_OK;
    }
    if (rc < 0)
        return cli_fail(cli, &err);
    (void)printf("Removed login credentials for %s\n", values->all ? "all registries" : key);
    return EXITCODE_OK;
}

static const struct opt logout_rows[] = {
    OPT('a', "all", "", FLAG, AT(all), "Forget all that the auth file keeps"),
};

static const struct opt_group logout_groups[] = {
    OPT_GROUP(logout_rows, 0),
    OPT_GROUP(registry_authfile_rows, AT(registry)),
    OPT_GROUPS_END,
};

const struct command cmd_logout = {
    .arguments = "[options] [REGISTRY]",
    .summary = "Forget the credentials of a registry",
    .details = "REGISTRY is docker.io when it is not given.",
    .groups = logout_groups,
    .values_size = sizeof(struct login_values),
    .run = run_logout,
    .min_arguments = 0,
    .max_arguments = 1,
    .needs_image_code = true,
};
