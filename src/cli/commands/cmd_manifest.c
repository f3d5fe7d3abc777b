/* cmd_manifest.c - manifest inspect: is an image in its registry? 0 yes, 1 no, 125 could not tell.
 */
#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/registry_opts.h"

#include "base/str.h"

#include <string.h>

static const struct opt rows[] = {
    OPT(0, "insecure", "", FLAG, offsetof(struct registry_values, options.skip_tls_verify),
        "docker's spelling of --tls-verify=false"),
    OPT_OTHER(OPT_IGNORED, 'v', "verbose", ""),
};

static const struct opt_group groups[] = {
    OPT_GROUP(rows, 0),
    OPT_GROUP(registry_rows, 0),
    OPT_GROUPS_END,
};

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    struct registry_values *values = raw_values;
    const char *image = arguments[0];
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};
    bool exists = false;

    image += str_has_prefix(image, "docker://") ? strlen("docker://") : 0;
    if (registry_finish(values, &err) < 0 || cli_engine(cli, &engine, &err) < 0 ||
        mcpd_image_exists(engine, image, &values->options, &exists, &err) < 0)
        return cli_fail(cli, &err);
    if (exists)
        return EXITCODE_OK;
    (void)cli_refuse(cli, "reading image \"docker://%s\": manifest unknown", image);
    return EXITCODE_NO;
}

static const struct command cmd_manifest_inspect = {
    .arguments = "[options] IMAGE",
    .summary = "Ask the registry whether it has an image",
    .details =
        "The exit status is 0 when it has, 1 when it has not, and 125 when it could not be asked. "
        "IMAGE may begin with docker://.",
    .examples = "manifest inspect registry.example.org/app:1",
    .groups = groups,
    .values_size = sizeof(struct registry_values),
    .run = run,
    .min_arguments = 1,
    .max_arguments = 1,
    .completes = COMPLETES_IMAGES,
    .needs_image_code = true,
};

static const struct command_entry children[] = {
    {.name = "inspect", .command = &cmd_manifest_inspect},
    {0},
};

const struct command cmd_manifest = {
    .arguments = "COMMAND",
    .summary = "Commands for manifests in registries",
    .children = children,
};
