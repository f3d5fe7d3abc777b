/* cmd_ps.c - ps: the list of containers. */
#include "cli/commands/commands.h"
#include "cli/commands/mcp_format.h"
#include "cli/filter.h"
#include "cli/out.h"
#include "cli/targets.h"
#include "cli/template.h"
#include "cli/view.h"

#include "base/str.h"

#include <string.h>

#define TABLE \
    "table "  \
    "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.CreatedHuman}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}"

struct ps_values {
    bool all;
    bool latest;
    bool full;
    bool without_heading;
    bool quiet;
    int last;
    const char *format;
    const char *sort;
    const char *const *filters;
};

#define AT(member) offsetof(struct ps_values, member)

static const struct opt rows[] = {
    OPT('a', "all", "", FLAG, AT(all), "Also those that do not run"),
    OPT('f', "filter", "KEY=VALUE", WORDS, AT(filters), "Containers that match",
        .takes = OPT_TAKES_CONTAINER_FILTER),
    OPT(0, "format", "FORMAT", STRING, AT(format), "A template such as {{.Names}}, or",
        .accepts = "json|mcp|table"),
    OPT('n', "last", "NUMBER", INT, AT(last), "The last ones made, running or not"),
    OPT('l', "latest", "", FLAG, AT(latest), "The last one made, running or not"),
    OPT(0, "no-trunc", "", FLAG, AT(full), "Do not cut ids and commands", .alias = "notruncate"),
    OPT(0, "noheading", "", FLAG, AT(without_heading), "No heading above the table"),
    OPT('q', "quiet", "", FLAG, AT(quiet), "Ids only"),
    OPT(0, "sort", "FIELD", STRING, AT(sort), "Order by",
        .accepts = "command|created|id|image|names|runningfor|status", .initial = "created"),
    OPT_OTHER(OPT_IGNORED, 0, "sync", ""),
    OPT_OTHER(OPT_IGNORED, 0, "external", "", .alias = "storage"),
    OPT_OTHER(OPT_LATER, 0, "ns", "", .alias = "namespace"),
    OPT_OTHER(OPT_LATER, 's', "size", ""),
    OPT_OTHER(OPT_LATER, 'w', "watch", "SECONDS"),
    OPT_OTHER(OPT_REFUSED, 'p', "pod", ""),
};

static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};

static const struct template_heading headings[] = {
    {"ID", "CONTAINER ID"},
    {"CreatedHuman", "CREATED"},
    {NULL, NULL},
};

/* What --sort takes and which member of the view it means. */
static const struct {
    const char *name;
    const char *member;
} sort_fields[] = {
    {"command", "Command"}, {"created", "CreatedAt"},    {"id", "Id"},         {"image", "Image"},
    {"names", "Names"},     {"runningfor", "CreatedAt"}, {"status", "Status"},
};

static const char *sort_member(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(sort_fields); i++)
        if (strcmp(sort_fields[i].name, name) == 0)
            return sort_fields[i].member;
    return NULL;
}

/* ------------------------------------------------------------------ selecting */

static bool has_status_filter(const char *const *filters)
{
    for (; filters && *filters; filters++)
        if (str_has_prefix(*filters, "status="))
            return true;
    return false;
}

static json_t *only_running(json_t *containers)
{
    json_t *running = json_array();
    size_t index;
    json_t *container;

    json_array_foreach(containers, index, container) {
        if (strcmp(view_text(container, "State"), "running") == 0)
            (void)json_array_append(running, container);
    }
    return running;
}

static json_t *only_last(json_t *containers, size_t count)
{
    json_t *last = json_array();
    size_t total = json_array_size(containers);

    for (size_t i = total > count ? total - count : 0; i < total; i++)
        (void)json_array_append(last, json_array_get(containers, i));
    return last;
}

/* Filters may name containers that do not run, so they see all of them. */
static int select_containers(struct cli *cli, const struct ps_values *values, json_t **ret_selected,
                             struct mcpd_error *err)
{
    size_t last = values->latest ? 1 : values->last > 0 ? (size_t)values->last : 0;
    bool all = values->all || last > 0 || has_status_filter(values->filters);
    CLEANUP_JSON json_t *passed = NULL;
    int rc = values->filters ? targets_list_filtered(cli, values->filters, &passed, err)
                             : targets_list(cli, all, &passed, err);

    if (rc < 0)
        return rc;
    *ret_selected = last > 0 ? only_last(passed, last)
                    : all    ? json_incref(passed)
                             : only_running(passed);
    return *ret_selected ? 0 : error_no_memory(err, "list of containers");
}

/* ------------------------------------------------------------------ printing */

static json_t *views_of(json_t *containers, const struct ps_values *values)
{
    CLEANUP_JSON json_t *views = json_array();
    size_t index;
    json_t *container;

    json_array_foreach(containers, index, container)
        (void)json_array_append_new(views, view_container(container, values->full));
    return view_sorted(views, sort_member(values->sort), false);
}

static int print(const struct cli *cli, json_t *containers, const struct ps_values *values,
                 struct mcpd_error *err)
{
    CLEANUP_JSON json_t *views = NULL;
    bool is_table = !values->format || strcmp(values->format, "table") == 0;

    if (template_is_json(values->format)) {
        out_json(containers, OUT_INDENT_PS);
        return 0;
    }
    if (!is_table && strcasestr(values->format, ".Created"))
        targets_add_created_times(cli, containers);
    views = views_of(containers, values);
    if (!views)
        return error_no_memory(err, "list of containers");
    if (values->quiet && is_table)
        return template_print("ps", "{{.ID}}", views, NULL, true, err);
    return template_print("ps", is_table ? TABLE : values->format, views, headings,
                          values->without_heading, err);
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    const struct ps_values *values = raw_values;
    CLEANUP_JSON json_t *containers = NULL;
    struct mcpd_error err = {0};

    (void)arguments;
    if (!sort_member(values->sort))
        return cli_refuse(
            cli,
            "invalid argument \"%s\" for \"--sort\" flag: \"%s\" is not a valid value.  Choose "
            "from: \"command, created, id, image, names, runningfor, status\"",
            values->sort, values->sort);
    if (values->last > 0 && values->latest)
        return cli_refuse(cli, "last and latest are mutually exclusive");
    if (str_equal(values->format, "mcp"))
        return mcp_print_list(cli, values->all);
    if (select_containers(cli, values, &containers, &err) < 0 ||
        print(cli, containers, values, &err) < 0)
        return cli_fail(cli, &err);
    return 0;
}

const struct command cmd_ps = {
    .arguments = "[options]",
    .summary = "List containers",
    .details =
        "A template prints its fields for each container: {{.ID}} {{.Image}} {{.ImageID}} "
        "{{.Command}} "
        "{{.Created}} {{.RunningFor}} {{.Status}} {{.State}} {{.Ports}} {{.Names}} {{.Networks}} "
        "{{.Mounts}} {{.Labels}} {{.Pid}} {{.ExitCode}}; with \"table \" in front in columns. "
        "Templates are Go's, with {{if}}, {{range}}, {{printf}} and so on.\n"
        "--format mcp is the list as the control plane reads it: an array of ContainerInfo.",
    .examples = "ps -a\nps -a --format json\nps --filter label=app=web --format '{{.Names}}'",
    .groups = groups,
    .values_size = sizeof(struct ps_values),
    .run = run,
};
