/* cmd_image.c - the group `image`, and image exists. */
#include "cli/cli.h"
#include "cli/commands/commands.h"

static int run_exists(struct cli *cli, void *values, char **arguments)
{
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};
    bool is_local = false;

    (void)values;
    if (cli_engine(cli, &engine, &err) < 0 ||
        mcpd_image_is_local(engine, arguments[0], &is_local, &err) < 0)
        return cli_fail(cli, &err);
    return is_local ? EXITCODE_OK : EXITCODE_NO;
}

const struct command cmd_image_exists = {
    .arguments = "IMAGE",
    .summary = "Tell whether an image is in the store",
    .details = "Prints nothing; the exit status is 0 when it is and 1 when it is not.",
    .run = run_exists,
    .min_arguments = 1,
    .max_arguments = 1,
    .completes = COMPLETES_IMAGES,
};

static const struct command_entry children[] = {
    {.name = "build", .command = &cmd_build},
    {.name = "exists", .command = &cmd_image_exists},
    {.name = "history", .command = &cmd_history},
    {.name = "inspect", .command = &cmd_image_inspect},
    {.name = "list", .aliases = "ls", .command = &cmd_images},
    {.name = "load", .command = &cmd_load},
    {.name = "prune", .command = &cmd_image_prune},
    {.name = "pull", .command = &cmd_pull},
    {.name = "push", .command = &cmd_push},
    {.name = "rm", .aliases = "remove", .command = &cmd_rmi},
    {.name = "save", .command = &cmd_save},
    {.name = "tag", .command = &cmd_tag},
    {.name = "trim", .command = &cmd_image_trim},
    {.name = "untag", .command = &cmd_untag},
    {0},
};

const struct command cmd_image = {
    .arguments = "COMMAND",
    .summary = "Commands for images",
    .children = children,
};
