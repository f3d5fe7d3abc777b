/* cmd_verify.c - verify: is what lies in the store still what was put there? */
#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "cli/registry_opts.h"
#include "cli/view.h"

#include "base/jsonx.h"
#include "base/str.h"

#include <string.h>

#define LINE_MAX_BYTES  4096
#define NAMES_MAX_BYTES (1u << 20)

struct verify_values {
    struct registry_values registry;
    const char *format;
    const char *progress;
    bool repair;
    bool quiet;
};

#define AT(member) offsetof(struct verify_values, member)

static const struct opt rows[] = {
    OPT(0, "format", "FORMAT", STRING, AT(format), "Print the report as", .accepts = "json"),
    PROGRESS_ROW(AT(progress)),
    OPT('q', "quiet", "", FLAG, AT(quiet), "Print nothing but errors"),
    OPT(0, "repair", "", FLAG, AT(repair), "Make again what is damaged, and nothing else"),
};

static const struct opt_group groups[] = {
    OPT_GROUP(rows, 0),
    OPT_GROUP(registry_rows, AT(registry)),
    OPT_GROUPS_END,
};

/* "  layer sha256:..: usr/bin/env: contents differ" */
static void print_problem(const json_t *problem)
{
    const char *members[] = {"Digest", "Path", "Problem"};
    CLEANUP_BUF struct buf line;

    buf_init(&line, LINE_MAX_BYTES);
    (void)buf_append_format(&line, "  %s", view_text(problem, "Kind"));
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const char *text = view_text(problem, members[i]);

        if (*text)
            (void)buf_append_format(&line, i == 0 ? " %s" : ": %s", text);
    }
    out_line(buf_text(&line));
}

static void print_problems(const json_t *owner, const char *member)
{
    size_t index;
    json_t *problem;

    json_array_foreach(json_object_get(owner, member), index, problem) {
        print_problem(problem);
    }
}

/* "docker.io/library/x:1, docker.io/library/x:2: good" */
static void print_image(const json_t *image)
{
    CLEANUP_BUF struct buf line;
    size_t index;
    json_t *name;

    buf_init(&line, NAMES_MAX_BYTES);
    json_array_foreach(json_object_get(image, "Names"), index, name) {
        (void)buf_append_format(&line, "%s%s", index > 0 ? ", " : "", json_string_value(name));
    }
    if (line.length == 0)
        (void)buf_append_text(&line, view_text(image, "Digest"));
    (void)buf_append_format(&line, ": %s", view_text(image, "Status"));
    out_line(line.failure == 0 ? buf_text(&line) : view_text(image, "Digest"));
    print_problems(image, "Problems");
}

static bool print_report(const json_t *report, const struct verify_values *values)
{
    json_t *others = json_object_get(report, "Others");
    bool is_good = json_array_size(others) == 0;
    size_t index;
    json_t *image;

    if (values->format)
        out_json(report, OUT_INDENT_IMAGES);
    json_array_foreach(json_object_get(report, "Images"), index, image) {
        is_good &= strcmp(view_text(image, "Status"), "damaged") != 0;
        if (!values->format && !values->quiet)
            print_image(image);
    }
    if (!values->format && !values->quiet && json_array_size(others) > 0) {
        out_line("of no image:");
        print_problems(report, "Others");
    }
    return is_good;
}

static int verify(struct cli *cli, struct verify_values *values, char **arguments,
                  json_t **ret_report, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    struct mcpd_registry_options options;
    struct progress progress;
    struct mcpd_engine *engine;
    int rc = progress_init(&progress, values->progress, values->quiet, err);

    if (rc == 0)
        rc = registry_finish(&values->registry, err);
    options = values->registry.options;
    progress_connect(&progress, &options);
    if (rc == 0)
        rc = cli_engine(cli, &engine, err);
    if (rc == 0)
        rc = mcpd_verify(engine, (const char *const *)arguments, values->repair, &options, &text,
                         err);
    progress_done(&progress);
    return rc < 0 ? rc : jsonx_parse_own(text, "report", ret_report, err);
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    struct verify_values *values = raw_values;
    CLEANUP_JSON json_t *report = NULL;
    struct mcpd_error err = {0};
    int rc;

    if (values->format && strcmp(values->format, "json") != 0)
        return cli_refuse(cli, "unknown format \"%s\"; json is known", values->format);
    rc = verify(cli, values, arguments, &report, &err);
    registry_done(&values->registry);
    if (rc < 0)
        return cli_fail(cli, &err);
    return print_report(report, values) ? EXITCODE_OK : EXITCODE_NO;
}

const struct command cmd_verify = {
    .arguments = "[options] [IMAGE...]",
    .summary = "Tell whether images are still as they were pulled",
    .details =
        "Hashes manifests, configurations and compressed layers again and compares every file of "
        "the unpacked layers, its mode, owner, time and attributes with what was unpacked. Reads "
        "from the disk and not from memory. Without IMAGE: everything in the store.\n\n"
        "With --repair a damaged layer is unpacked again from its compressed form where that is "
        "good, and fetched from the registry where it is not. Containers that run on a damaged "
        "layer are to be stopped first.\n\n"
        "The exit status is 0 when everything is good (or was repaired), 1 when there is damage, "
        "and 125 when that could not be found out.",
    .examples = "verify\nverify --repair docker.io/library/debian:12\nverify --format json",
    .groups = groups,
    .values_size = sizeof(struct verify_values),
    .run = run,
    .max_arguments = ARGUMENTS_ANY,
    .completes = COMPLETES_IMAGES,
    .needs_image_code = true,
};
