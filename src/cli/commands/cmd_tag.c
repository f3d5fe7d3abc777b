/* cmd_tag.c - tag: further names for an image. */
#include "cli/cli.h"
#include "cli/commands/commands.h"

static int run(struct cli *cli, void *values, char **arguments)
{
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};

    (void)values;
    if (cli_engine(cli, &engine, &err) < 0 ||
        mcpd_tag(engine, arguments[0], (const char *const *)&arguments[1], &err) < 0)
        return cli_fail(cli, &err);
    return 0;
}

const struct command cmd_tag = {
    .arguments = "IMAGE NAME [NAME...]",
    .summary = "Give an image further names",
    .examples = "tag docker.io/library/debian:12 localhost/base:1",
    .run = run,
    .min_arguments = 2,
    .max_arguments = ARGUMENTS_ANY,
    .completes = COMPLETES_IMAGES,
};
