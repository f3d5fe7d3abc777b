/* cmd_container.c - the group `container`, and container exists. */
#include "cli/cli.h"
#include "cli/commands/commands.h"

static const struct opt exists_rows[] = {
    OPT_OTHER(OPT_IGNORED, 0, "external", ""),
};

static const struct opt_group exists_groups[] = {OPT_GROUP(exists_rows, 0), OPT_GROUPS_END};

static int run_exists(struct cli *cli, void *values, char **arguments)
{
    CLEANUP_FREE char *id = NULL;
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};
    int rc = cli_engine(cli, &engine, &err);

    (void)values;
    if (rc == 0)
        rc = mcpd_container_id(engine, arguments[0], &id, &err);
    if (rc == -MCPD_E_NOT_FOUND)
        return EXITCODE_NO;
    return rc < 0 ? cli_fail(cli, &err) : EXITCODE_OK;
}

const struct command cmd_container_exists = {
    .arguments = "CONTAINER",
    .summary = "Tell whether there is such a container",
    .details = "Prints nothing; the exit status is 0 when there is and 1 when there is not.",
    .groups = exists_groups,
    .run = run_exists,
    .min_arguments = 1,
    .max_arguments = 1,
    .completes = COMPLETES_CONTAINERS,
};

static const struct command_entry children[] = {
    {.name = "create", .command = &cmd_create},
    {.name = "exec", .command = &cmd_exec},
    {.name = "exists", .command = &cmd_container_exists},
    {.name = "inspect", .command = &cmd_container_inspect},
    {.name = "kill", .command = &cmd_kill},
    {.name = "list", .aliases = "ls ps", .command = &cmd_ps},
    {.name = "logs", .command = &cmd_logs},
    {.name = "prune", .command = &cmd_container_prune},
    {.name = "rm", .command = &cmd_rm},
    {.name = "run", .command = &cmd_run},
    {.name = "start", .command = &cmd_start},
    {.name = "stop", .command = &cmd_stop},
    {.name = "wait", .command = &cmd_wait},
    {0},
};

const struct command cmd_container = {
    .arguments = "COMMAND",
    .summary = "Commands for containers",
    .children = children,
};
