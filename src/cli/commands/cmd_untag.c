/* cmd_untag.c - untag: names are taken from an image. */
#include "cli/cli.h"
#include "cli/commands/commands.h"

static int run(struct cli *cli, void *values, char **arguments)
{
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};

    (void)values;
    if (cli_engine(cli, &engine, &err) < 0 ||
        mcpd_untag(engine, arguments[0], (const char *const *)&arguments[1], &err) < 0)
        return cli_fail(cli, &err);
    return 0;
}

const struct command cmd_untag = {
    .arguments = "IMAGE [NAME...]",
    .summary = "Take names from an image",
    .details = "Without a NAME all of them. The image stays, also without a name; then its id "
               "leads to it.",
    .examples = "untag localhost/base:1\nuntag debian:12 localhost/base:1",
    .run = run,
    .min_arguments = 1,
    .max_arguments = ARGUMENTS_ANY,
    .completes = COMPLETES_IMAGES,
};
