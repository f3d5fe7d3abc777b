/* cmd_push.c - push: send an image to a registry. */
#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/progress.h"
#include "cli/registry_opts.h"

struct push_values {
    struct registry_values registry;
    const char *progress;
    bool quiet;
};

#define AT(member) offsetof(struct push_values, member)

static const struct opt rows[] = {
    PROGRESS_ROW(AT(progress)),
    OPT('q', "quiet", "", FLAG, AT(quiet), "Say nothing"),
    OPT_OTHER(OPT_IGNORED, 0, "disable-content-trust", ""),
    OPT_OTHER(OPT_IGNORED, 0, "remove-signatures", ""),
    OPT_OTHER(OPT_LATER, 0, "compress", ""),
    OPT_OTHER(OPT_LATER, 0, "compression-format", "FORMAT"),
    OPT_OTHER(OPT_LATER, 0, "digestfile", "FILE"),
    OPT_OTHER(OPT_LATER, 'f', "format", "FORMAT"),
    OPT_OTHER(OPT_REFUSED, 0, "sign-by", "KEY"),
};

static const struct opt_group groups[] = {
    OPT_GROUP(rows, 0),
    OPT_GROUP(registry_rows, AT(registry)),
    OPT_GROUPS_END,
};

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    struct push_values *values = raw_values;
    struct mcpd_registry_options options;
    struct progress progress;
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};
    int rc = progress_init(&progress, values->progress, values->quiet, &err);

    if (rc == 0)
        rc = registry_finish(&values->registry, &err);
    options = values->registry.options;
    progress_connect(&progress, &options);
    if (rc == 0)
        rc = cli_engine(cli, &engine, &err);
    if (rc == 0)
        rc = mcpd_push(engine, arguments[0], arguments[1], &options, &err);
    progress_done(&progress);
    return rc < 0 ? cli_fail(cli, &err) : 0;
}

const struct command cmd_push = {
    .arguments = "[options] IMAGE [DESTINATION]",
    .summary = "Send an image to a registry",
    .examples = "push registry.example.org/app:1\npush localhost/app:1 registry.example.org/app:1",
    .groups = groups,
    .values_size = sizeof(struct push_values),
    .run = run,
    .min_arguments = 1,
    .max_arguments = 2,
    .completes = COMPLETES_IMAGES,
    .needs_image_code = true,
};
