/* cmd_pull.c - pull: fetch images from their registries. */
#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "cli/registry_opts.h"

#include "base/interrupt.h"

#include <stdio.h>

struct pull_values {
    struct registry_values registry;
    const char *progress;
    bool quiet;
};

#define AT(member) offsetof(struct pull_values, member)

static const struct opt rows[] = {
    PROGRESS_ROW(AT(progress)),
    OPT('q', "quiet", "", FLAG, AT(quiet), "Print the image's id only"),
    OPT_OTHER(OPT_IGNORED, 0, "disable-content-trust", ""),
    OPT_OTHER(OPT_LATER, 'a', "all-tags", ""),
};

static const struct opt_group groups[] = {
    OPT_GROUP(rows, 0),
    OPT_GROUP(registry_rows, AT(registry)),
    OPT_GROUP(platform_rows, AT(registry)),
    OPT_GROUPS_END,
};

/* Ctrl-C leaves half a download and nothing else, then ends us as it would have. */
static int pull_interruptibly(struct mcpd_engine *engine, const char *image,
                              struct mcpd_registry_options *options, char **ret_id,
                              struct mcpd_error *err)
{
    struct interrupt interrupt;
    int rc = interrupt_begin(&interrupt, err);

    if (rc < 0)
        return rc;
    options->cancel_fd = interrupt.fd;
    rc = mcpd_pull(engine, image, MCPD_PULL_ALWAYS, options, ret_id, err);
    (void)fflush(stdout);
    interrupt_end(&interrupt);
    return rc;
}

static int pull(struct cli *cli, const struct pull_values *values, const char *image)
{
    CLEANUP_FREE char *id = NULL;
    struct mcpd_registry_options options = values->registry.options;
    struct progress progress;
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};
    int rc = progress_init(&progress, values->progress, values->quiet, &err);

    progress_connect(&progress, &options);
    if (rc == 0)
        rc = cli_engine(cli, &engine, &err);
    if (rc == 0)
        rc = pull_interruptibly(engine, image, &options, &id, &err);
    progress_done(&progress);
    if (rc < 0)
        return cli_fail(cli, &err);
    out_line(id);
    return 0;
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    struct pull_values *values = raw_values;
    struct mcpd_error err = {0};
    int status = registry_finish(&values->registry, &err) < 0 ? cli_fail(cli, &err) : 0;

    for (size_t i = 0; arguments[i] && status == 0; i++)
        status = pull(cli, values, arguments[i]);
    registry_done(&values->registry);
    return status;
}

const struct command cmd_pull = {
    .arguments = "[options] IMAGE [IMAGE...]",
    .summary = "Fetch images from a registry",
    .details = "Prints each image's id. A name without a host means docker.io.",
    .examples = "pull docker.io/library/debian:12\npull --tls-verify=false 127.0.0.1:5000/app:1",
    .groups = groups,
    .values_size = sizeof(struct pull_values),
    .run = run,
    .min_arguments = 1,
    .max_arguments = ARGUMENTS_ANY,
    .completes = COMPLETES_IMAGES,
    .needs_image_code = true,
};
