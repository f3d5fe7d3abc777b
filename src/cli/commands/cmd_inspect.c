/* cmd_inspect.c - inspect, container inspect, image inspect: everything about an object. */
#include "cli/commands/commands.h"
#include "cli/commands/mcp_format.h"
#include "cli/out.h"
#include "cli/targets.h"
#include "cli/template.h"

#include "base/jsonx.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

enum inspect_type {
    INSPECT_ALL,
    INSPECT_CONTAINER,
    INSPECT_IMAGE,
};

struct inspect_values {
    struct target_values targets;
    const char *format;
    const char *type;
};

#define AT(member) offsetof(struct inspect_values, member)

static const struct opt format_rows[] = {
    OPT('f', "format", "FORMAT", STRING, AT(format), "A template such as {{.Id}}, or",
        .accepts = "json|mcp"),
};
static const struct opt image_rows[] = {
    OPT('f', "format", "FORMAT", STRING, AT(format), "A template such as {{.Id}}, or",
        .accepts = "json"),
};
static const struct opt latest_rows[] = {
    TARGET_ROW_LATEST(AT(targets)),
    OPT_OTHER(OPT_LATER, 's', "size", ""),
};
static const struct opt type_rows[] = {
    OPT('t', "type", "TYPE", STRING, AT(type), "What to look for", .accepts = "all|container|image",
        .initial = "all"),
};

static const struct opt_group all_groups[] = {
    OPT_GROUP(format_rows, 0),
    OPT_GROUP(latest_rows, 0),
    OPT_GROUP(type_rows, 0),
    OPT_GROUPS_END,
};
static const struct opt_group container_groups[] = {
    OPT_GROUP(format_rows, 0),
    OPT_GROUP(latest_rows, 0),
    OPT_GROUPS_END,
};
static const struct opt_group image_groups[] = {OPT_GROUP(image_rows, 0), OPT_GROUPS_END};

/* ------------------------------------------------------------------ one object */

static int refuse_missing(enum inspect_type type, const char *name, struct mcpd_error *err)
{
    switch (type) {
    case INSPECT_CONTAINER:
        return error_set(err, MCPD_E_NOT_FOUND, "no such container %s", name);
    case INSPECT_IMAGE:
        return error_set(err, MCPD_E_NOT_FOUND, "%s: image not known", name);
    case INSPECT_ALL:
        break;
    }
    return error_set(err, MCPD_E_NOT_FOUND, "no such object: \"%s\"", name);
}

/* A container before an image, as in podman. */
static int load_object(struct mcpd_engine *engine, enum inspect_type type, const char *name,
                       json_t **ret_object, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    int rc = -MCPD_E_NOT_FOUND;

    if (type != INSPECT_IMAGE)
        rc = mcpd_inspect_json(engine, name, &text, err);
    if (rc == -MCPD_E_NOT_FOUND && type != INSPECT_CONTAINER)
        rc = mcpd_image_inspect_json(engine, name, &text, err);
    if (rc == -MCPD_E_NOT_FOUND)
        return refuse_missing(type, name, err);
    return rc < 0 ? rc : jsonx_parse_own(text, name, ret_object, err);
}

/* ------------------------------------------------------------------ all of them */

/* The first failure is kept for the end, as podman words it; the others are told at once. */
static int load_objects(struct cli *cli, enum inspect_type type, char *const *names,
                        json_t *objects, struct mcpd_error *first)
{
    struct mcpd_engine *engine;
    int rc = cli_engine(cli, &engine, first);

    for (; *names && (rc == 0 || first->code != 0); names++) {
        struct mcpd_error err = {0};
        json_t *object = NULL;
        int failed = load_object(engine, type, *names, &object, &err);

        if (failed == 0) {
            (void)json_array_append_new(objects, object);
        } else if (rc == 0) {
            rc = failed;
            *first = err;
        } else {
            (void)fprintf(stderr, "error inspecting object: %s\n", err.message);
        }
    }
    return rc;
}

static int print(json_t *objects, const char *format, struct mcpd_error *err)
{
    if (!format || template_is_json(format)) {
        out_json(objects, OUT_INDENT_INSPECT);
        return 0;
    }
    return template_print("inspect", format, objects, NULL, false, err);
}

static int inspect(struct cli *cli, const struct inspect_values *values, enum inspect_type type,
                   char *const *names)
{
    CLEANUP_JSON json_t *objects = json_array();
    struct mcpd_error failed = {0};
    struct mcpd_error err = {0};
    int status = 0;
    int rc;

    if (str_equal(values->format, "mcp") && type != INSPECT_IMAGE)
        return mcp_print_containers(cli, names);
    rc = load_objects(cli, type, names, objects, &failed);
    if (print(objects, values->format, &err) < 0)
        status = cli_fail(cli, &err);
    if (rc < 0) {
        (void)!error_wrap(&failed, rc, "inspecting object");
        status = cli_fail(cli, &failed);
    }
    return status;
}

/* ------------------------------------------------------------------ the commands */

static int run_containers(struct cli *cli, void *raw_values, char **arguments,
                          enum inspect_type type)
{
    struct inspect_values *values = raw_values;
    CLEANUP_STRV char **names = NULL;
    struct mcpd_error err = {0};

    if (!arguments[0] && !values->targets.latest)
        return cli_refuse(cli, "no names or ids specified");
    if (targets_find(cli, &values->targets, arguments, TARGETS_ANY, &names, &err) < 0)
        return cli_fail(cli, &err);
    return inspect(cli, values, values->targets.latest ? INSPECT_CONTAINER : type, names);
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    const struct inspect_values *values = raw_values;
    static const char *const types[] = {"all", "container", "image"};
    static const char *const later[] = {"pod", "network", "volume"};

    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (strcmp(values->type, types[i]) == 0)
            return run_containers(cli, raw_values, arguments, (enum inspect_type)i);
    for (size_t i = 0; i < ARRAY_SIZE(later); i++)
        if (strcmp(values->type, later[i]) == 0)
            return cli_refuse(cli, "--type %s is not supported%s", later[i], i > 0 ? " yet" : "");
    return cli_refuse(cli, "invalid type \"%s\": must be \"image\", \"container\", or \"all\"",
                      values->type);
}

static int run_container(struct cli *cli, void *raw_values, char **arguments)
{
    return run_containers(cli, raw_values, arguments, INSPECT_CONTAINER);
}

static int run_image(struct cli *cli, void *raw_values, char **arguments)
{
    return inspect(cli, raw_values, INSPECT_IMAGE, arguments);
}

const struct command cmd_inspect = {
    .arguments = "[options] CONTAINER|IMAGE [CONTAINER|IMAGE...]",
    .summary = "Show everything about containers or images",
    .details =
        "Prints a JSON array. A name that is no container is looked for among the images.\n"
        "A template is Go's, over that JSON: {{range .Mounts}}{{.Source}} {{end}}. It has "
        "if, else, with, range, variables, and, or, not, eq, ne, lt, le, gt, ge, index, len, "
        "slice, print, printf, println, json, join, split, upper, lower, title, truncate "
        "and pad.\n"
        "--format mcp prints a container as the control plane reads it: one ContainerInfo.",
    .examples = "inspect web\n"
                "inspect --format '{{.State.Status}} {{.State.ExitCode}}' web\n"
                "inspect --format mcp web",
    .groups = all_groups,
    .values_size = sizeof(struct inspect_values),
    .run = run,
    .max_arguments = ARGUMENTS_ANY,
    .completes = COMPLETES_BOTH,
};

const struct command cmd_container_inspect = {
    .arguments = "[options] CONTAINER [CONTAINER...]",
    .summary = "Show everything about containers",
    .groups = container_groups,
    .values_size = sizeof(struct inspect_values),
    .run = run_container,
    .max_arguments = ARGUMENTS_ANY,
    .completes = COMPLETES_CONTAINERS,
};

const struct command cmd_image_inspect = {
    .arguments = "[options] IMAGE [IMAGE...]",
    .summary = "Show everything about images",
    .groups = image_groups,
    .values_size = sizeof(struct inspect_values),
    .run = run_image,
    .min_arguments = 1,
    .max_arguments = ARGUMENTS_ANY,
    .missing = "no names or ids specified",
    .completes = COMPLETES_IMAGES,
};
