/* cmd_manifest.c - manifest inspect: what a registry has under a name. 0 it is there, 1 it is not,
 * 125 could not tell. */
#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/out.h"
#include "cli/registry_opts.h"

#include "base/jsonx.h"
#include "base/str.h"

#include <string.h>

#define MAX_DEPTH 64

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

/* podman expects a list here, and says so about everything else. */
static void print(const struct cli *cli, const json_t *document)
{
    const char *type = json_string_value(json_object_get(document, "mediaType"));

    if (!json_object_get(document, "manifests"))
        cli_warn(cli, "The manifest type %s is not a manifest list but a single image.",
                 type ? type : "application/vnd.oci.image.manifest.v1+json");
    out_json(document, OUT_INDENT_IMAGES);
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    struct registry_values *values = raw_values;
    CLEANUP_FREE char *text = NULL;
    CLEANUP_JSON json_t *document = NULL;
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};
    int status;

    if (registry_finish(values, &err) < 0 || cli_engine(cli, &engine, &err) < 0)
        return cli_fail(cli, &err);
    if (mcpd_manifest_inspect(engine, arguments[0], &values->options, &text, &err) < 0) {
        status = cli_fail(cli, &err);
        return err.code == MCPD_E_NOT_FOUND ? EXITCODE_NO : status;
    }
    if (jsonx_parse(text, strlen(text), MAX_DEPTH, "manifest", &document, &err) < 0)
        return cli_fail(cli, &err);
    print(cli, document);
    return EXITCODE_OK;
}

static const struct command cmd_manifest_inspect = {
    .arguments = "[options] IMAGE",
    .summary = "Print an image's manifest as its registry has it",
    .details =
        "The exit status is 0 when the registry has the image, 1 when it has not, and 125 when it "
        "could not be asked. IMAGE may begin with docker://.",
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
