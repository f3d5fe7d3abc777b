/* cmd_rmi.c - rmi: remove images. */
#include "cli/commands/commands.h"
#include "cli/out.h"
#include "cli/targets.h"
#include "cli/view.h"

#include "base/str.h"

struct rmi_values {
    bool all;
    bool force;
    bool ignore;
};

#define AT(member) offsetof(struct rmi_values, member)

static const struct opt rows[] = {
    OPT('a', "all", "", FLAG, AT(all), "Every image"),
    OPT('f', "force", "", FLAG, AT(force), "Also with several names or stopped containers"),
    OPT('i', "ignore", "", FLAG, AT(ignore), "A missing image is no error"),
    OPT_OTHER(OPT_IGNORED, 0, "no-prune", ""),
};

static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};

static int rmi(struct cli *cli, struct mcpd_engine *engine, const struct rmi_values *values,
               const char *image)
{
    struct mcpd_error err = {0};
    char **lines = NULL;
    enum mcpd_removal removal = values->force ? MCPD_REMOVAL_FORCED
                                : values->all ? MCPD_REMOVAL_ALL_NAMES
                                              : MCPD_REMOVAL_PLAIN;
    int rc = mcpd_remove_image(engine, image, removal, &lines, &err);

    if (rc == -MCPD_E_NOT_FOUND && (values->ignore || values->force || values->all))
        return 0;
    if (rc < 0)
        return cli_fail(cli, &err);
    for (size_t i = 0; lines && lines[i]; i++)
        out_line(lines[i]);
    mcpd_strings_free(lines);
    return 0;
}

/* What several leave behind is deleted once, and not after each of them. */
static int rmi_all(struct cli *cli, const struct rmi_values *values, char *const *images)
{
    bool are_several = images && images[0] && images[1];
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};
    int status = 0;

    if (cli_engine(cli, &engine, &err) < 0)
        return cli_fail(cli, &err);
    if (are_several)
        mcpd_collect_later(engine);
    for (; images && *images; images++) {
        int failed = rmi(cli, engine, values, *images);

        status = status != 0 ? status : failed;
    }
    if (are_several && mcpd_collect(engine, false, NULL, &err) < 0)
        status = status != 0 ? status : cli_fail(cli, &err);
    return status;
}

static int find_all(struct cli *cli, char ***ret_ids, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *images = NULL;
    CLEANUP_STRV char **ids = NULL;
    size_t index;
    json_t *image;
    int rc = targets_list_images(cli, &images, err);

    if (rc < 0)
        return rc;
    json_array_foreach(images, index, image) {
        if (json_is_true(json_object_get(image, "ReadOnly")))
            continue; /* of an additional store */
        if (strv_append(&ids, view_text(image, "Id")) < 0)
            return error_no_memory(err, "list of images");
    }
    *ret_ids = TAKE_PTR(ids);
    return 0;
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    const struct rmi_values *values = raw_values;
    CLEANUP_STRV char **ids = NULL;
    struct mcpd_error err = {0};
    char *const *images = arguments;

    if (!values->all && !arguments[0])
        return cli_refuse(cli, "image name or ID must be specified");
    if (values->all && arguments[0])
        return cli_refuse(cli,
                          "when using the --all switch, you may not pass any images names or IDs");
    if (values->all && find_all(cli, &ids, &err) < 0)
        return cli_fail(cli, &err);
    images = values->all ? ids : arguments;
    return rmi_all(cli, values, images);
}

const struct command cmd_rmi = {
    .arguments = "[options] IMAGE [IMAGE...]",
    .summary = "Remove images from the store",
    .details = "Prints what was untagged and deleted. The exit status is 1 when there is no such "
               "image and 2 when a "
               "container uses it.",
    .examples = "rmi docker.io/library/debian:12\nrmi --all --force",
    .groups = groups,
    .values_size = sizeof(struct rmi_values),
    .run = run,
    .max_arguments = ARGUMENTS_ANY,
    .exits = EXITCODE_RULES_REMOVE,
    .completes = COMPLETES_IMAGES,
};
