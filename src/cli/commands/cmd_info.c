/* cmd_info.c - info: the host, the store, and how mcpd will use them. */
#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/out.h"
#include "cli/template.h"

#include "base/jsonx.h"

#include <string.h>

#define INDENT 2

struct info_values {
    const char *format;
};

static const struct opt rows[] = {
    OPT('f', "format", "FORMAT", STRING, offsetof(struct info_values, format),
        "A template such as {{.Host.Arch}}, or", .accepts = "json"),
    OPT_OTHER(OPT_IGNORED, 'D', "debug", ""),
};

static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};

static int load(struct cli *cli, json_t **ret_info, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    struct mcpd_engine *engine;
    int rc = cli_engine(cli, &engine, err);

    if (rc == 0)
        rc = mcpd_info_json(engine, &text, err);
    return rc < 0 ? rc : jsonx_parse_own(text, "info", ret_info, err);
}

static int print(json_t *info, const char *format, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *list = json_pack("[O]", info);
    CLEANUP_BUF struct buf yaml;

    buf_init(&yaml, OUT_MAX_BYTES);
    if (format && !template_is_json(format))
        return template_print("info", format, list, NULL, false, err);
    if (format) {
        out_json(info, INDENT);
        return 0;
    }
    out_yaml(info, &yaml);
    out_text(buf_text(&yaml));
    return 0;
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    const struct info_values *values = raw_values;
    CLEANUP_JSON json_t *info = NULL;
    struct mcpd_error err = {0};

    (void)arguments;
    if (load(cli, &info, &err) < 0 || print(info, values->format, &err) < 0)
        return cli_fail(cli, &err);
    return 0;
}

const struct command cmd_info = {
    .arguments = "[options]",
    .summary = "Show the host, the store, and how they are used",
    .details = "Prints YAML, or JSON with --format json.",
    .groups = groups,
    .values_size = sizeof(struct info_values),
    .run = run,
};
