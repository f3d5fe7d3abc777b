/*
 * cmd_prune.c - image prune and container prune: what nobody uses goes.
 *
 * Which ones is decided on the lists, and each removal looks again: what somebody has begun to use
 * in between stays, and what somebody else has removed is no failure.
 */
#include "cli/commands/commands.h"
#include "cli/filter.h"
#include "cli/out.h"
#include "cli/targets.h"
#include "cli/view.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct prune_values {
    bool all;
    bool force;
    const char *const *filters;
};

#define AT(member) offsetof(struct prune_values, member)

#define ROW_FILTER(help, takes_) \
    OPT(0, "filter", "KEY=VALUE", WORDS, AT(filters), help, .takes = (takes_))
#define ROW_FORCE OPT('f', "force", "", FLAG, AT(force), "Do not ask")

static const struct opt image_rows[] = {
    OPT('a', "all", "", FLAG, AT(all), "Also images with names that no container uses"),
    ROW_FILTER("Only images that match", OPT_TAKES_IMAGE_FILTER),
    ROW_FORCE,
    OPT_OTHER(OPT_IGNORED, 0, "external", ""),
};

static const struct opt_group image_groups[] = {OPT_GROUP(image_rows, 0), OPT_GROUPS_END};

static const struct opt container_rows[] = {
    ROW_FILTER("Only containers that match", OPT_TAKES_CONTAINER_FILTER),
    ROW_FORCE,
};

static const struct opt_group container_groups[] = {OPT_GROUP(container_rows, 0), OPT_GROUPS_END};

struct prune {
    const char *warning;
    int (*list)(struct cli *cli, json_t **ret_documents, struct mcpd_error *err);
    int (*filter)(json_t *documents, const char *const *filters, json_t **ret_passed,
                  struct mcpd_error *err);
    bool (*is_unused)(const json_t *document, const struct prune_values *values);
    int (*remove)(struct mcpd_engine *engine, const char *id, struct mcpd_error *err);
};

/* ------------------------------------------------------------------ images */

static bool is_image_unused(const json_t *image, const struct prune_values *values)
{
    return json_integer_value(json_object_get(image, "Containers")) == 0 &&
           !json_is_true(json_object_get(image, "ReadOnly")) &&
           (values->all || json_is_true(json_object_get(image, "Dangling")));
}

static int remove_image(struct mcpd_engine *engine, const char *id, struct mcpd_error *err)
{
    char **lines = NULL;
    int rc = mcpd_remove_image(engine, id, MCPD_REMOVAL_ALL_NAMES, &lines, err);

    mcpd_strings_free(lines);
    return rc;
}

/* ------------------------------------------------------------------ containers */

static int list_containers(struct cli *cli, json_t **ret_containers, struct mcpd_error *err)
{
    return targets_list(cli, true, ret_containers, err);
}

static bool is_container_unused(const json_t *container, const struct prune_values *values)
{
    const char *state = view_text(container, "State");

    (void)values;
    return strcmp(state, "created") == 0 || strcmp(state, "exited") == 0;
}

static int remove_container(struct mcpd_engine *engine, const char *id, struct mcpd_error *err)
{
    return mcpd_remove(engine, id, false, err);
}

/* ------------------------------------------------------------------ both */

/* As podman asks. An input that ends before the answer's line does is an error: a script that
 * forgot --force is not to believe that it has removed something. */
static int ask(const char *warning, bool *ret_is_wanted, struct mcpd_error *err)
{
    char answer[16] = "";

    out_text(warning);
    out_text("Are you sure you want to continue? [y/N] ");
    (void)fflush(stdout);
    if (!fgets(answer, sizeof(answer), stdin) || feof(stdin)) {
        out_text("\n");
        return error_set(err, MCPD_E_INVALID, "EOF");
    }
    *ret_is_wanted = strcasecmp(answer, "y\n") == 0 || strcasecmp(answer, "yes\n") == 0;
    return 0;
}

static int remove_unused(struct cli *cli, const struct prune *prune, const json_t *document)
{
    const char *id = view_text(document, "Id");
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};
    int rc = cli_engine(cli, &engine, &err);

    if (rc == 0)
        rc = prune->remove(engine, id, &err);
    if (rc == 0)
        out_line(id);
    if (rc == 0 || rc == -MCPD_E_NOT_FOUND || rc == -MCPD_E_CONFLICT || rc == -MCPD_E_STATE)
        return 0;
    return cli_fail(cli, &err);
}

static int prune_all(struct cli *cli, const struct prune *prune, const struct prune_values *values)
{
    CLEANUP_JSON json_t *documents = NULL;
    CLEANUP_JSON json_t *passed = NULL;
    struct mcpd_error err = {0};
    bool is_wanted = values->force;
    int status = 0;
    size_t index;
    json_t *document;

    if (prune->list(cli, &documents, &err) < 0 ||
        prune->filter(documents, values->filters, &passed, &err) < 0)
        return cli_fail(cli, &err);
    if (!is_wanted && ask(prune->warning, &is_wanted, &err) < 0)
        return cli_fail(cli, &err);
    if (!is_wanted)
        return 0;
    json_array_foreach(passed, index, document) {
        int failed = prune->is_unused(document, values) ? remove_unused(cli, prune, document) : 0;

        status = status != 0 ? status : failed;
    }
    return status;
}

static int run_image(struct cli *cli, void *raw_values, char **arguments)
{
    const struct prune_values *values = raw_values;
    const struct prune prune = {
        .warning = values->all
                       ? "WARNING! This command removes all images without at least one container "
                         "associated with them.\n"
                       : "WARNING! This command removes all dangling images.\n",
        .list = targets_list_images,
        .filter = filter_images,
        .is_unused = is_image_unused,
        .remove = remove_image,
    };

    (void)arguments;
    return prune_all(cli, &prune, values);
}

static int run_container(struct cli *cli, void *raw_values, char **arguments)
{
    const struct prune prune = {
        .warning = "WARNING! This will remove all non running containers.\n",
        .list = list_containers,
        .filter = filter_containers,
        .is_unused = is_container_unused,
        .remove = remove_container,
    };

    (void)arguments;
    return prune_all(cli, &prune, raw_values);
}

const struct command cmd_image_prune = {
    .arguments = "[options]",
    .summary = "Remove images without a name that nobody uses",
    .details = "Prints their ids. An image that a container stands on stays.",
    .examples = "image prune --force\nimage prune --all --filter until=240h",
    .groups = image_groups,
    .values_size = sizeof(struct prune_values),
    .run = run_image,
};

const struct command cmd_container_prune = {
    .arguments = "[options]",
    .summary = "Remove containers that do not run",
    .details = "Prints their ids.",
    .examples = "container prune --force\ncontainer prune --force --filter label=batch",
    .groups = container_groups,
    .values_size = sizeof(struct prune_values),
    .run = run_container,
};
