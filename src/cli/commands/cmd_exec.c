/* cmd_exec.c - exec: a further process in a running container. */
#include "cli/commands/commands.h"
#include "cli/out.h"
#include "cli/streams.h"
#include "cli/targets.h"

#include "base/ident.h"
#include "base/str.h"

#include <string.h>

struct exec_values {
    struct mcpd_exec_options options;
    struct target_values targets;
    const char *detach_keys;
};

#define AT(member) offsetof(struct exec_values, member)

static const struct opt rows[] = {
    OPT('d', "detach", "", FLAG, AT(options.detach), "Run in the background"),
    OPT('e', "env", "KEY=VALUE", LIST, AT(options.env), "Set an environment variable"),
    OPT(0, "env-file", "FILE", WORDS, AT(options.env_files),
        "Read environment variables from a file"),
    OPT('i', "interactive", "", FLAG, AT(options.interactive), "Keep stdin open"),
    TARGET_ROW_LATEST(AT(targets)),
    OPT(0, "privileged", "", FLAG, AT(options.privileged), "Give the process all capabilities"),
    OPT('t', "tty", "", FLAG, AT(options.tty), "Give the process a terminal"),
    OPT('u', "user", "USER[:GROUP]", STRING, AT(options.user), "Run as this user"),
    OPT('w', "workdir", "DIR", STRING, AT(options.working_dir), "Directory to start in"),
    OPT(0, "detach-keys", "KEYS", STRING, AT(detach_keys), STREAMS_KEYS_HELP),
    OPT_OTHER(OPT_LATER, 0, "preserve-fds", "N", .accepts = "0"),
};

static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};

/* podman prints the session's id. There is nothing here to look it up in, but a caller waits for
 * it. */
static int exec_detached(struct cli *cli, const struct exec_values *values, const char *name,
                         struct mcpd_error *err)
{
    char id[IDENT_SIZE];
    int rc = ident_generate(id, err);

    if (rc == 0)
        rc = mcpd_exec(cli->engine, name, &values->options, NULL, NULL, err);
    if (rc == 0)
        out_line(id);
    return rc;
}

static int exec_in(struct cli *cli, const struct exec_values *values, const char *name,
                   struct mcpd_error *err)
{
    const struct streams_wish wish = {
        .interactive = values->options.interactive,
        .tty = values->options.tty,
        .detach_keys = values->detach_keys,
    };
    CLEANUP(streams_close) struct streams streams = STREAMS_NONE;
    struct mcpd_attach_result result = {0};
    int rc;

    if (values->options.detach)
        return exec_detached(cli, values, name, err);
    rc = streams_open(cli, &wish, &streams, err);
    if (rc == 0)
        rc = mcpd_exec(cli->engine, name, &values->options, &streams.streams, &result, err);
    return rc < 0 ? rc : streams_exit_status(&result);
}

/* CONTAINER COMMAND..., or with --latest only COMMAND... */
static int find_container(struct cli *cli, const struct exec_values *values, char ***arguments,
                          char ***ret_names, struct mcpd_error *err)
{
    char *const first[] = {values->targets.latest ? NULL : (*arguments)[0], NULL};

    if (!values->targets.latest && !first[0])
        return error_set(err, MCPD_E_INVALID,
                         "exec requires the name or ID of a container or the --latest flag");
    *arguments += !values->targets.latest;
    return targets_find(cli, &values->targets, first, TARGETS_ANY, ret_names, err);
}

/* The exit status of the command, or a failure. */
static int find_and_exec(struct cli *cli, struct exec_values *values, char **arguments,
                         struct mcpd_error *err)
{
    CLEANUP_STRV char **names = NULL;
    CLEANUP_FREE char *id = NULL;
    struct mcpd_engine *engine = NULL;
    int rc = mcpd_protect_program(cli->argv, err);

    if (rc == 0)
        rc = find_container(cli, values, &arguments, &names, err);

    if (rc == 0)
        rc = cli_engine(cli, &engine, err);
    if (rc < 0 || !names)
        return rc;
    if (arguments[0]) {
        values->options.cmd = (const char *const *)arguments;
        return exec_in(cli, values, names[0], err);
    }
    rc = mcpd_container_id(engine, names[0], &id, err);
    if (rc < 0)
        return rc;
    (void)cli_refuse(cli, "must provide a non-empty command to start an exec session: "
                          "invalid argument");
    return EXITCODE_NO_SESSION;
}

static int run(struct cli *cli, void *values, char **arguments)
{
    struct mcpd_error err = {0};
    int status = find_and_exec(cli, values, arguments, &err);

    return status < 0 ? cli_fail(cli, &err) : status;
}

const struct command cmd_exec = {
    .arguments = "[options] CONTAINER COMMAND [ARG...]",
    .summary = "Run a command in a running container",
    .details = "Options end at the container's name. The exit status is the command's, or 125 when "
               "mcpd failed, 126 "
               "when the command cannot be run, 127 when it does not exist, 255 when the container "
               "does not run.",
    .examples = "exec -it web sh\nexec --user root web cat /etc/hosts",
    .groups = groups,
    .values_size = sizeof(struct exec_values),
    .run = run,
    .max_arguments = ARGUMENTS_ANY,
    .exits = EXITCODE_RULES_EXEC,
    .completes = COMPLETES_CONTAINERS,
    .stops_at_argument = true,
};
