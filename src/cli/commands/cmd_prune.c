/*
 * cmd_prune.c - image prune, container prune and system prune: what nobody uses goes.
 *
 * Which ones is decided on the lists, and each removal looks again: what somebody has begun to use
 * in between stays, and what somebody else has removed is no failure.
 */
#include "cli/commands/commands.h"
#include "cli/filter.h"
#include "cli/out.h"
#include "cli/prompt.h"
#include "cli/targets.h"
#include "cli/view.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct prune_values {
    bool all;
    bool force;
    bool volumes;
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

static const struct opt system_rows[] = {
    OPT('a', "all", "", FLAG, AT(all), "Also images with names, and half downloads"),
    ROW_FILTER("Only what matches", OPT_TAKES_USUAL),
    ROW_FORCE,
    OPT(0, "volumes", "", FLAG, AT(volumes), "Also volumes that no container uses"),
};

static const struct opt_group system_groups[] = {OPT_GROUP(system_rows, 0), OPT_GROUPS_END};

/* One run of one of the commands. */
struct run {
    struct cli *cli;
    struct mcpd_engine *engine;
    const struct prune_values *values;
    uint64_t container_bytes; /* that removed containers had written */
};

struct prune {
    int (*list)(struct cli *cli, json_t **ret_documents, struct mcpd_error *err);
    int (*filter)(json_t *documents, const char *const *filters, json_t **ret_passed,
                  struct mcpd_error *err);
    bool (*is_unused)(const json_t *document, const struct prune_values *values);
    int (*measure)(struct mcpd_engine *engine, const char *id, uint64_t *ret_bytes,
                   struct mcpd_error *err); /* NULL: nobody wants to know */
    /* *removed: the ids of what is gone; returns an exit status. */
    int (*remove)(struct run *run, const struct prune *prune, char *const *ids, char ***removed);
};

/* ------------------------------------------------------------------ images */

static bool is_image_unused(const json_t *image, const struct prune_values *values)
{
    return json_integer_value(json_object_get(image, "Containers")) == 0 &&
           !json_is_true(json_object_get(image, "ReadOnly")) &&
           (values->all || json_is_true(json_object_get(image, "Dangling")));
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

/* ------------------------------------------------------------------ both */

/* As podman asks. An input that ends before the answer's line does is an error: a script that
 * forgot --force is not to believe that it has removed something. */
static int ask(const char *warning, bool *ret_is_wanted, struct mcpd_error *err)
{
    CLEANUP_FREE char *answer = NULL;
    bool is_cut = false;
    int rc;

    out_text(warning);
    rc = prompt_line("Are you sure you want to continue? [y/N] ", &answer, &is_cut, err);
    if (rc < 0)
        return rc;
    if (is_cut) {
        out_text("\n");
        return error_set(err, MCPD_E_INVALID, "EOF");
    }
    *ret_is_wanted = strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
    return 0;
}

static void remove_container(struct run *run, const struct prune *prune, const char *id,
                             char ***removed, int *status)
{
    uint64_t bytes = 0;
    struct mcpd_error err = {0};
    int rc = prune->measure ? prune->measure(run->engine, id, &bytes, &err) : 0;

    if (rc == 0)
        rc = mcpd_remove(run->engine, id, false, &err);
    if (rc == 0)
        rc = strv_append(removed, id) < 0 ? error_no_memory(&err, "ids") : 0;
    if (rc == 0)
        run->container_bytes += bytes;
    else if (rc != -MCPD_E_NOT_FOUND && rc != -MCPD_E_CONFLICT && rc != -MCPD_E_STATE)
        *status = cli_fail(run->cli, &err);
}

static int remove_containers(struct run *run, const struct prune *prune, char *const *ids,
                             char ***removed)
{
    int status = 0;

    for (; *ids; ids++)
        remove_container(run, prune, *ids, removed, &status);
    return status;
}

static int remove_images(struct run *run, const struct prune *prune, char *const *ids,
                         char ***removed)
{
    struct mcpd_error err = {0};

    (void)prune;
    if (mcpd_remove_images(run->engine, (const char *const *)ids, removed, &err) < 0)
        return cli_fail(run->cli, &err);
    return 0;
}

static int prune_all(struct run *run, const struct prune *prune, json_t *passed,
                     const char *heading)
{
    CLEANUP_STRV char **ids = calloc(json_array_size(passed) + 1, sizeof(char *));
    CLEANUP_STRV char **removed = NULL;
    struct mcpd_error err = {0};
    size_t index, count = 0;
    json_t *document;
    int status;

    json_array_foreach(passed, index, document) {
        if (!ids || !prune->is_unused(document, run->values))
            continue;
        ids[count] = strdup(view_text(document, "Id"));
        if (!ids[count++])
            strv_free(TAKE_PTR(ids));
    }
    if (!ids) {
        (void)!error_no_memory(&err, "ids");
        return cli_fail(run->cli, &err);
    }
    status = prune->remove(run, prune, ids, &removed);
    if (heading && removed && *removed)
        out_line(heading);
    for (char *const *id = removed; id && *id; id++)
        out_line(*id);
    return status;
}

static int list_passed(struct run *run, const struct prune *prune, json_t **ret_passed,
                       struct mcpd_error *err)
{
    CLEANUP_JSON json_t *documents = NULL;
    int rc = prune->list(run->cli, &documents, err);

    return rc < 0 ? rc : prune->filter(documents, run->values->filters, ret_passed, err);
}

/* What the removed images leave is deleted once, and not after each of them. */
static int begin(struct run *run, struct mcpd_error *err)
{
    int rc = cli_engine(run->cli, &run->engine, err);

    if (rc == 0)
        mcpd_collect_later(run->engine);
    return rc;
}

static int finish(struct run *run, int status, bool with_halves, uint64_t *ret_freed_bytes)
{
    struct mcpd_error err = {0};

    if (mcpd_collect(run->engine, with_halves, ret_freed_bytes, &err) == 0)
        return status;
    return status != 0 ? status : cli_fail(run->cli, &err);
}

static int run_one(struct cli *cli, const struct prune *prune, const struct prune_values *values,
                   const char *warning)
{
    struct run run = {.cli = cli, .values = values};
    CLEANUP_JSON json_t *passed = NULL;
    struct mcpd_error err = {0};
    bool is_wanted = values->force;

    if (begin(&run, &err) < 0 || list_passed(&run, prune, &passed, &err) < 0 ||
        (!is_wanted && ask(warning, &is_wanted, &err) < 0))
        return cli_fail(cli, &err);
    return is_wanted ? finish(&run, prune_all(&run, prune, passed, NULL), false, NULL) : 0;
}

static const struct prune prune_images = {
    .list = targets_list_images,
    .filter = filter_images,
    .is_unused = is_image_unused,
    .remove = remove_images,
};

static const struct prune prune_containers = {
    .list = list_containers,
    .filter = filter_containers,
    .is_unused = is_container_unused,
    .remove = remove_containers,
};

static int run_image(struct cli *cli, void *raw_values, char **arguments)
{
    const struct prune_values *values = raw_values;

    (void)arguments;
    return run_one(cli, &prune_images, values,
                   values->all
                       ? "WARNING! This command removes all images without at least one container "
                         "associated with them.\n"
                       : "WARNING! This command removes all dangling images.\n");
}

static int run_container(struct cli *cli, void *raw_values, char **arguments)
{
    (void)arguments;
    return run_one(cli, &prune_containers, raw_values,
                   "WARNING! This will remove all non running containers.\n");
}

/* ------------------------------------------------------------------ system prune */

/* Those that containers and images both have. */
static int check_system_filters(const char *const *filters, struct mcpd_error *err)
{
    static const char *const keys[] = {"label", "label!", "until"};

    for (; filters && *filters; filters++) {
        size_t length = strcspn(*filters, "=");
        bool is_known = false;

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
            is_known |= strlen(keys[i]) == length && memcmp(keys[i], *filters, length) == 0;
        if (!is_known)
            return error_set(err, MCPD_E_INVALID, "%.*s is an invalid filter", (int)length,
                             *filters);
    }
    return 0;
}

static int ask_system(const struct prune_values *values, bool *ret_is_wanted,
                      struct mcpd_error *err)
{
    CLEANUP_FREE char *warning =
        str_format("WARNING! This command removes:\n"
                   "\t- all stopped containers\n"
                   "\t- all networks not used by at least one container\n"
                   "%s\t- all %s\n\t- all %sbuild cache\n\n",
                   values->volumes ? "\t- all volumes not used by at least one container\n" : "",
                   values->all ? "images without at least one container associated with them"
                               : "dangling images",
                   values->all ? "" : "dangling ");

    return warning ? ask(warning, ret_is_wanted, err) : error_no_memory(err, "a question");
}

static int run_system(struct cli *cli, void *raw_values, char **arguments)
{
    const struct prune_values *values = raw_values;
    struct run run = {.cli = cli, .values = values};
    struct prune containers = prune_containers;
    CLEANUP_JSON json_t *passed = NULL;
    CLEANUP_JSON json_t *passed_images = NULL;
    struct mcpd_error err = {0};
    bool is_wanted = values->force;
    uint64_t freed_bytes = 0;
    char text[32];
    int status, image_status;

    (void)arguments;
    containers.measure = mcpd_container_bytes;
    if (check_system_filters(values->filters, &err) < 0 || begin(&run, &err) < 0 ||
        list_passed(&run, &containers, &passed, &err) < 0 ||
        (!is_wanted && ask_system(values, &is_wanted, &err) < 0))
        return cli_fail(cli, &err);
    if (!is_wanted)
        return 0;
    status = prune_all(&run, &containers, passed, "Deleted Containers");
    if (list_passed(&run, &prune_images, &passed_images, &err) < 0)
        return cli_fail(cli, &err);
    image_status = prune_all(&run, &prune_images, passed_images, "Deleted Images");
    status = finish(&run, status != 0 ? status : image_status, values->all, &freed_bytes);
    str_format_bytes_tight(freed_bytes + run.container_bytes, text, sizeof(text));
    (void)printf("Total reclaimed space: %s\n", text);
    return status;
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

const struct command cmd_system_prune = {
    .arguments = "[options]",
    .summary = "Remove what nobody uses: containers, then images",
    .details = "Prints ids, and how much of the disk became free. The filters are label, label! "
               "and until. --all also takes images with names that no container uses, and half "
               "downloads.",
    .examples = "system prune --force\nsystem prune --all --force --filter until=240h",
    .groups = system_groups,
    .values_size = sizeof(struct prune_values),
    .run = run_system,
};
