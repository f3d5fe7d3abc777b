/* cmd_save.c - save: images into an archive. */
#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/commands/outputs.h"
#include "cli/progress.h"

#include <string.h>

struct save_values {
    const char *format;
    const char *output;
    const char *progress;
    bool compress;
    bool several;
    bool quiet;
};

#define AT(member) offsetof(struct save_values, member)

static const struct opt rows[] = {
    OPT(0, "compress", "", FLAG, AT(compress), "With docker-dir: layers packed (they are)"),
    OPT(0, "format", "FORMAT", STRING, AT(format), "docker-archive if unset",
        .accepts = "docker-archive|oci-archive|docker-dir|oci-dir"),
    OPT('m', "multi-image-archive", "", FLAG, AT(several),
        "Every argument is an image; else the further ones are names"),
    OPT('o', "output", "FILE", STRING, AT(output), "Where to; stdout if unset"),
    PROGRESS_ROW(AT(progress)),
    OPT('q', "quiet", "", FLAG, AT(quiet), "Show no progress"),
    OPT_OTHER(OPT_IGNORED, 0, "uncompressed", ""),
};

static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};

static const char *const formats[] = {
    [MCPD_SAVE_DOCKER_ARCHIVE] = "docker-archive",
    [MCPD_SAVE_OCI_ARCHIVE] = "oci-archive",
    [MCPD_SAVE_DOCKER_DIR] = "docker-dir",
    [MCPD_SAVE_OCI_DIR] = "oci-dir",
};

static int parse_format(const char *name, enum mcpd_save_format *ret_format, struct mcpd_error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        if (strcmp(name ? name : formats[0], formats[i]) == 0) {
            *ret_format = (enum mcpd_save_format)i;
            return 0;
        }
    return error_set(err, MCPD_E_INVALID,
                     "format value must be one of oci-dir oci-archive docker-dir docker-archive");
}

static int check(const struct save_values *values, enum mcpd_save_format format,
                 struct mcpd_error *err)
{
    bool is_folder = format == MCPD_SAVE_DOCKER_DIR || format == MCPD_SAVE_OCI_DIR;
    int rc;

    if (values->compress && format != MCPD_SAVE_DOCKER_DIR)
        return error_set(err, MCPD_E_INVALID,
                         "--compress can only be set when --format is 'docker-dir'");
    rc = outputs_check(values->output, "save", err);
    if (rc == 0 && is_folder && !values->output)
        return error_set(err, MCPD_E_INVALID, "--output is needed for the format %s",
                         formats[format]);
    return rc;
}

static int save(struct cli *cli, const struct save_values *values, char *const *images,
                struct mcpd_error *err)
{
    struct mcpd_registry_options watch = {0};
    struct mcpd_save_options options = {
        .path = values->output,
        /* docker has no further names. */
        .several_images = values->several || strcmp(cli->program, "docker") == 0,
    };
    struct progress progress;
    struct mcpd_engine *engine;
    int rc = progress_init(&progress, values->progress, values->quiet, err);

    progress_connect(&progress, &watch);
    options.progress = watch.progress;
    options.progress_context = watch.progress_context;
    if (rc == 0)
        rc = parse_format(values->format, &options.format, err);
    if (rc == 0)
        rc = check(values, options.format, err);
    if (rc == 0)
        rc = cli_engine(cli, &engine, err);
    if (rc == 0)
        rc = mcpd_save(engine, (const char *const *)images, &options, err);
    progress_done(&progress);
    return rc;
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    struct mcpd_error err = {0};

    return save(cli, raw_values, arguments, &err) < 0 ? cli_fail(cli, &err) : EXITCODE_OK;
}

const struct command cmd_save = {
    .arguments = "[options] IMAGE [NAME...]",
    .summary = "Save images into an archive",
    .details =
        "docker-archive (the default) and oci-archive are one file, docker-dir and oci-dir a "
        "folder. Layers that several images share are written once, and the same images give "
        "the same bytes. What is saved can be loaded by podman, docker and skopeo.",
    .examples =
        "save -o app.tar localhost/app:1\nsave -m -o all.tar localhost/app:1 localhost/db:3\n"
        "save --format oci-archive localhost/app:1 | ssh host mcpd load",
    .groups = groups,
    .values_size = sizeof(struct save_values),
    .run = run,
    .min_arguments = 1,
    .max_arguments = ARGUMENTS_ANY,
    .missing = "need at least 1 argument",
    .completes = COMPLETES_IMAGES,
    .needs_image_code = true,
};
