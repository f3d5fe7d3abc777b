/* cmd_bundle.c - bundle create, apply, inspect: images for machines without a network. */
#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/commands/inputs.h"
#include "cli/commands/outputs.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "cli/view.h"

#include "base/jsonx.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 8192
#define SIZE_TEXT_SIZE 32

struct bundle_values {
    const char *format;
    const char *output;
    const char *progress;
    const char *const *since;
    const char *sign_by;
    const char *verify_key;
    bool quiet;
};

#define AT(member) offsetof(struct bundle_values, member)

/* What a call of the library takes of these. */
static int begin(struct cli *cli, const struct bundle_values *values, struct progress *progress,
                 struct mcpd_registry_options *ret_watch, struct mcpd_engine **ret_engine,
                 struct mcpd_error *err)
{
    int rc = progress_init(progress, values->progress, values->quiet, err);

    progress_connect(progress, ret_watch);
    return rc < 0 ? rc : cli_engine(cli, ret_engine, err);
}

/* ------------------------------------------------------------------ create */

static const struct opt create_rows[] = {
    OPT('o', "output", "FILE", STRING, AT(output), "Where to; stdout if unset"),
    PROGRESS_ROW(AT(progress)),
    OPT('q', "quiet", "", FLAG, AT(quiet), "Show no progress"),
    OPT(0, "sign-by", "FILE", STRING, AT(sign_by), "Sign with this private key (PEM)"),
    OPT(0, "since", "OLD", LIST, AT(since),
        "Leave out layers of this earlier bundle or image; several times"),
};
static const struct opt_group create_groups[] = {OPT_GROUP(create_rows, 0), OPT_GROUPS_END};

static int create(struct cli *cli, const struct bundle_values *values, char *const *images,
                  struct mcpd_error *err)
{
    struct mcpd_registry_options watch = {0};
    struct mcpd_save_options options = {
        .format = MCPD_SAVE_BUNDLE,
        .path = values->output,
        .several_images = true,
        .since = values->since,
        .sign_by = values->sign_by,
    };
    struct progress progress;
    struct mcpd_engine *engine;
    int rc = outputs_check(values->output, "save", err);

    if (rc < 0)
        return rc;
    rc = begin(cli, values, &progress, &watch, &engine, err);
    options.progress = watch.progress;
    options.progress_context = watch.progress_context;
    if (rc == 0)
        rc = mcpd_save(engine, (const char *const *)images, &options, err);
    progress_done(&progress);
    return rc;
}

static int run_create(struct cli *cli, void *values, char **arguments)
{
    struct mcpd_error err = {0};

    return create(cli, values, arguments, &err) < 0 ? cli_fail(cli, &err) : EXITCODE_OK;
}

static const struct command cmd_bundle_create = {
    .arguments = "[options] IMAGE...",
    .summary = "Write images into a bundle",
    .details =
        "A bundle is one file for machines without a network: an OCI image layout in a tar, which "
        "skopeo and podman read too (as oci-archive), with every layer in it once.\n\n"
        "With --since OLD the layers of OLD are left out, and whoever applies the bundle must have "
        "them. OLD is an image here, or else a file: an earlier bundle, itself with layers left "
        "out or not, any archive that load takes, or what `image inspect` has printed there. What "
        "begins with / or . is always a file.\n\n"
        "With --sign-by the bundle is signed: its index.json, which names everything else by "
        "digest. The key is an Ed25519 or ECDSA P-256 one without a password, as "
        "`openssl genpkey -algorithm ed25519` makes it.",
    .examples = "bundle create -o /media/stick/shop.bundle localhost/web:1 localhost/db:1\n"
                "bundle create --since shop.bundle -o update.bundle localhost/web:2 localhost/db:1",
    .groups = create_groups,
    .values_size = sizeof(struct bundle_values),
    .run = run_create,
    .min_arguments = 1,
    .max_arguments = ARGUMENTS_ANY,
    .missing = "need at least 1 argument",
    .completes = COMPLETES_IMAGES,
    .needs_image_code = true,
};

/* ------------------------------------------------------------------ apply */

static const struct opt apply_rows[] = {
    PROGRESS_ROW(AT(progress)),
    OPT('q', "quiet", "", FLAG, AT(quiet), "Show no progress"),
    OPT(0, "verify-key", "FILE", STRING, AT(verify_key),
        "Refuse what is not signed with this public key (PEM)"),
};
static const struct opt_group apply_groups[] = {OPT_GROUP(apply_rows, 0), OPT_GROUPS_END};

static int apply(struct cli *cli, const struct bundle_values *values, const char *input,
                 char ***ret_names, struct mcpd_error *err)
{
    struct mcpd_registry_options watch = {0};
    struct mcpd_bundle_options options = {.verify_key = values->verify_key};
    struct progress progress;
    struct mcpd_engine *engine;
    int rc = inputs_check(input, "", err);

    if (rc < 0)
        return rc;
    rc = begin(cli, values, &progress, &watch, &engine, err);
    options.progress = watch.progress;
    options.progress_context = watch.progress_context;
    if (rc == 0)
        rc = mcpd_bundle_apply(engine, input, &options, ret_names, err);
    progress_done(&progress);
    return rc < 0 ? error_wrap(err, rc, "applying %s", inputs_name(input)) : 0;
}

static int run_apply(struct cli *cli, void *values, char **arguments)
{
    struct mcpd_error err = {0};
    char **names = NULL;

    if (apply(cli, values, arguments[0], &names, &err) < 0)
        return cli_fail(cli, &err);
    inputs_print_loaded(names);
    mcpd_strings_free(names);
    return EXITCODE_OK;
}

static const struct command cmd_bundle_apply = {
    .arguments = "[options] [FILE]",
    .summary = "Take over all images of a bundle, or none",
    .details =
        "Reads FILE, or stdin, once from beginning to end and unpacks layers as they come. Layers "
        "that are here already are skipped. All images of the bundle appear at once, when every "
        "byte that was needed has been verified; a bundle that is cut off or damaged changes "
        "nothing, and neither does one that needs layers which are not here.\n\n"
        "With --verify-key a bundle is refused, before anything of it is used, unless create has "
        "signed it with the private half of that key. An older bundle stays signed: that it is the "
        "latest must be known otherwise.",
    .examples = "bundle apply /media/stick/update.bundle\nbundle apply <update.bundle",
    .groups = apply_groups,
    .values_size = sizeof(struct bundle_values),
    .run = run_apply,
    .max_arguments = 1,
    .completes = COMPLETES_FILES,
    .needs_image_code = true,
};

/* ------------------------------------------------------------------ inspect */

static const struct opt inspect_rows[] = {
    OPT(0, "format", "FORMAT", STRING, AT(format), "Print it as", .accepts = "json"),
};
static const struct opt_group inspect_groups[] = {OPT_GROUP(inspect_rows, 0), OPT_GROUPS_END};

static void format_size(const json_t *object, const char *member, char text[SIZE_TEXT_SIZE])
{
    json_int_t bytes = json_integer_value(json_object_get(object, member));

    str_format_bytes(bytes > 0 ? (uint64_t)bytes : 0, text, SIZE_TEXT_SIZE);
}

static size_t count_true(const json_t *array, const char *member)
{
    size_t i, count = 0;
    json_t *item;

    json_array_foreach(array, i, item) {
        count += json_is_true(json_object_get(item, member));
    }
    return count;
}

/* One row for each name, or one without. */
static void append_image(struct buf *lines, const json_t *image)
{
    const json_t *names = json_object_get(image, "Names");
    const json_t *layers = json_object_get(image, "Layers");
    size_t count = json_array_size(names);

    for (size_t i = 0; i < (count > 0 ? count : 1); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        const char *id = view_text(image, "Id");

        out_append_cell(lines, name ? name : "<none>");
        (void)buf_append_format(lines, "\t%.*s\t%zu of %zu\n", VIEW_SHORT_ID,
                                str_has_prefix(id, "sha256:") ? id + strlen("sha256:") : id,
                                count_true(layers, "Included"), json_array_size(layers));
    }
}

static void print_needs(const json_t *report)
{
    const json_t *needs = json_object_get(report, "Needs");
    char size[SIZE_TEXT_SIZE];
    CLEANUP_BUF struct buf line;
    size_t i;
    json_t *need;

    if (json_array_size(needs) == 0)
        return;
    buf_init(&line, OUT_MAX_BYTES);
    format_size(report, "LeftOut", size);
    (void)buf_append_format(&line,
                            "\nNeeds %zu layers (%s) that were left out; %zu of them here:\n",
                            json_array_size(needs), size, count_true(needs, "Here"));
    json_array_foreach(needs, i, need) {
        (void)buf_append_format(&line, "  %s of ", view_text(need, "Digest"));
        out_append_cell(&line, view_text(need, "Image"));
        (void)buf_append_text(&line, json_is_true(json_object_get(need, "Here")) ? ": here\n"
                                                                                 : ": missing\n");
    }
    out_text(buf_text(&line));
}

static void print_report(const json_t *report)
{
    CLEANUP_BUF struct buf lines;
    char size[SIZE_TEXT_SIZE];
    size_t i;
    json_t *image;

    buf_init(&lines, OUT_MAX_BYTES);
    (void)buf_append_text(&lines, "IMAGE\tIMAGE ID\tLAYERS\n");
    json_array_foreach(json_object_get(report, "Images"), i, image) {
        append_image(&lines, image);
    }
    out_columns(buf_text(&lines));
    format_size(report, "Size", size);
    (void)printf("\nLayers in it: %s\n", size);
    if (json_is_true(json_object_get(report, "Signed")))
        out_line("Signed (by whom is not known: apply --verify-key tells)");
    print_needs(report);
}

static int inspect(struct cli *cli, const char *input, json_t **ret_report, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    struct mcpd_engine *engine;
    int rc = inputs_check(input, "", err);

    if (rc == 0)
        rc = cli_engine(cli, &engine, err);
    if (rc < 0)
        return rc;
    rc = mcpd_bundle_inspect(engine, input, &text, err);
    return rc < 0 ? error_wrap(err, rc, "reading %s", inputs_name(input))
                  : jsonx_parse_own(text, "report", ret_report, err);
}

static int run_inspect(struct cli *cli, void *raw_values, char **arguments)
{
    const struct bundle_values *values = raw_values;
    CLEANUP_JSON json_t *report = NULL;
    struct mcpd_error err = {0};

    if (values->format && strcmp(values->format, "json") != 0)
        return cli_refuse(cli, "unknown format \"%s\"; json is known", values->format);
    if (inspect(cli, arguments[0], &report, &err) < 0)
        return cli_fail(cli, &err);
    if (values->format)
        out_json(report, OUT_INDENT_IMAGES);
    else
        print_report(report);
    return EXITCODE_OK;
}

static const struct command cmd_bundle_inspect = {
    .arguments = "[options] [FILE]",
    .summary = "Tell what a bundle holds and what it needs",
    .details = "Reads the beginning of FILE, or of stdin: the images, how many of their layers are "
               "in the bundle, and which ones were left out and whether they are here. The layers "
               "themselves are not looked at.",
    .examples = "bundle inspect update.bundle\nbundle inspect --format json update.bundle",
    .groups = inspect_groups,
    .values_size = sizeof(struct bundle_values),
    .run = run_inspect,
    .max_arguments = 1,
    .completes = COMPLETES_FILES,
    .needs_image_code = true,
};

/* ------------------------------------------------------------------ the group */

static const struct command_entry children[] = {
    {.name = "apply", .command = &cmd_bundle_apply},
    {.name = "create", .command = &cmd_bundle_create},
    {.name = "inspect", .command = &cmd_bundle_inspect},
    {0},
};

const struct command cmd_bundle = {
    .arguments = "COMMAND",
    .summary = "Commands for bundles: images for machines without a network",
    .children = children,
};
