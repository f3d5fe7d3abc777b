/* cmd_load.c - load: images from an archive. */
#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/commands/inputs.h"
#include "cli/progress.h"
#include "cli/registry_opts.h"

struct load_values {
    struct registry_values registry; /* the platform */
    const char *input;
    const char *progress;
    bool quiet;
};

#define AT(member) offsetof(struct load_values, member)

static const struct opt rows[] = {
    OPT('i', "input", "FILE", STRING, AT(input), "The archive or folder; stdin if unset"),
    PROGRESS_ROW(AT(progress)),
    OPT('q', "quiet", "", FLAG, AT(quiet), "Show no progress"),
};

static const struct opt_group groups[] = {
    OPT_GROUP(rows, 0),
    OPT_GROUP(platform_rows, AT(registry)),
    OPT_GROUPS_END,
};

/* What is wrong lies in the archive, most often: which one it was is said too. */
static int load_archive(struct mcpd_engine *engine, const char *input,
                        const struct mcpd_registry_options *options, char ***ret_names,
                        struct mcpd_error *err)
{
    int rc = mcpd_load(engine, input, options, ret_names, err);

    return rc < 0 ? error_wrap(err, rc, "loading %s", inputs_name(input)) : 0;
}

static int load(struct cli *cli, const struct load_values *values)
{
    struct mcpd_registry_options options = values->registry.options;
    char **names = NULL;
    struct progress progress;
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};
    int rc = progress_init(&progress, values->progress, values->quiet, &err);

    progress_connect(&progress, &options);
    if (rc == 0)
        rc = inputs_check(values->input, " or the --input flag", &err);
    if (rc == 0)
        rc = cli_engine(cli, &engine, &err);
    if (rc == 0)
        rc = load_archive(engine, values->input, &options, &names, &err);
    progress_done(&progress);
    if (rc < 0)
        return cli_fail(cli, &err);
    inputs_print_loaded(names);
    mcpd_strings_free(names);
    return 0;
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    struct load_values *values = raw_values;
    struct mcpd_error err = {0};
    int status;

    (void)arguments;
    if (registry_finish(&values->registry, &err) < 0)
        return cli_fail(cli, &err);
    status = load(cli, values);
    registry_done(&values->registry);
    return status;
}

const struct command cmd_load = {
    .arguments = "[options]",
    .summary = "Load images from an archive",
    .details =
        "Reads what podman, docker and skopeo save: docker-archive and oci-archive (also packed "
        "with "
        "gzip, zstd, xz or bzip2), docker-dir and oci-dir. All images of an archive appear at "
        "once, or none does.",
    .examples = "load -i app.tar\nload <app.tar.gz\nload -i layout/ --platform linux/arm64",
    .groups = groups,
    .values_size = sizeof(struct load_values),
    .run = run,
    .completes = COMPLETES_FILES,
    .needs_image_code = true,
};
