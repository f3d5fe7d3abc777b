/* cmd_export.c - export: a container's tree as a tar. */
#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/commands/outputs.h"

struct export_values {
    const char *output;
};

static const struct opt rows[] = {
    OPT('o', "output", "FILE", STRING, offsetof(struct export_values, output),
        "Where to; stdout if unset"),
};

static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    const struct export_values *values = raw_values;
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};

    if (outputs_check(values->output, "export", &err) < 0 || cli_engine(cli, &engine, &err) < 0 ||
        mcpd_export(engine, arguments[0], values->output, &err) < 0)
        return cli_fail(cli, &err);
    return EXITCODE_OK;
}

const struct command cmd_export = {
    .arguments = "[options] CONTAINER",
    .summary = "Write a container's tree as a tar",
    .details =
        "Running or not. Volumes and other mounts are left out, as are the image's history and "
        "configuration: save keeps those.",
    .examples = "export -o web.tar web\nexport web | tar -t",
    .groups = groups,
    .values_size = sizeof(struct export_values),
    .run = run,
    .min_arguments = 1,
    .max_arguments = 1,
    .completes = COMPLETES_CONTAINERS,
    .needs_image_code = true,
};
