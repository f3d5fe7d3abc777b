/* cmd_history.c - history: the steps that made an image. */
#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/out.h"
#include "cli/template.h"
#include "cli/view.h"

#include "base/jsonx.h"

#include <string.h>

#define TABLE "table {{.ID}}\t{{.Created}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"

struct history_values {
    bool full;
    bool human;
    bool quiet;
    const char *format;
};

#define AT(member) offsetof(struct history_values, member)

static const struct opt rows[] = {
    OPT(0, "format", "FORMAT", STRING, AT(format), "A template such as {{.CreatedBy}}, or",
        .accepts = "json|table"),
    OPT('H', "human", "", FLAG, AT(human), "Ages instead of times", .initial = "true"),
    OPT(0, "no-trunc", "", FLAG, AT(full), "Cut nothing", .alias = "notruncate"),
    OPT('q', "quiet", "", FLAG, AT(quiet), "Ids only"),
};

static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};

static const struct template_heading headings[] = {
    {"CreatedBy", "CREATED BY"},
    {"CreatedSince", "CREATED"},
    {"CreatedAt", "CREATED AT"},
    {NULL, NULL},
};

static int load(struct cli *cli, const char *image, json_t **ret_steps, struct mcpd_error *err)
{
    struct mcpd_engine *engine;
    CLEANUP_FREE char *text = NULL;
    int rc = cli_engine(cli, &engine, err);

    if (rc == 0)
        rc = mcpd_history_json(engine, image, &text, err);
    return rc < 0 ? rc : jsonx_parse_own(text, "history", ret_steps, err);
}

static int print(json_t *steps, const struct history_values *values, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *views = json_array();
    const char *format = values->quiet                                            ? "{{.ID}}"
                         : values->format && strcmp(values->format, "table") != 0 ? values->format
                                                                                  : TABLE;
    size_t index;
    json_t *step;

    if (template_is_json(values->format)) {
        out_json(steps, 0);
        return 0;
    }
    json_array_foreach(steps, index, step) {
        if (json_array_append_new(views, view_step(step, values->full, values->human)) < 0)
            return error_no_memory(err, "history");
    }
    return template_print("history", format, views, headings, false, err);
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    CLEANUP_JSON json_t *steps = NULL;
    struct mcpd_error err = {0};

    if (load(cli, arguments[0], &steps, &err) < 0 || print(steps, raw_values, &err) < 0)
        return cli_fail(cli, &err);
    return 0;
}

const struct command cmd_history = {
    .arguments = "[options] IMAGE",
    .summary = "Show the steps that made an image",
    .details = "The last step first, with the size of its layer. A template's fields: {{.ID}} "
               "{{.Created}} {{.CreatedSince}} {{.CreatedAt}} {{.CreatedBy}} {{.Size}} "
               "{{.Comment}}.",
    .examples = "history debian:12\nhistory --no-trunc --format '{{.CreatedBy}}' debian:12",
    .groups = groups,
    .values_size = sizeof(struct history_values),
    .run = run,
    .min_arguments = 1,
    .max_arguments = 1,
    .completes = COMPLETES_IMAGES,
};
