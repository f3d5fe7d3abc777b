/* cmd_image_trim.c - image trim: compressed layers that can be fetched again go. */
#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/out.h"

#include "base/jsonx.h"
#include "base/str.h"

#include <stdio.h>

struct trim_values {
    bool all;
    bool force;
};

#define AT(member) offsetof(struct trim_values, member)

static const struct opt rows[] = {
    OPT('a', "all", "", FLAG, AT(all), "Of every image"),
    OPT('f', "force", "", FLAG, AT(force), "Also those that no registry is known to have"),
};

static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};

static void warn_about(const struct cli *cli, const json_t *trimmed, bool by_force)
{
    json_int_t kept_count = json_integer_value(json_object_get(trimmed, "Kept"));
    json_int_t kept_bytes = json_integer_value(json_object_get(trimmed, "KeptBytes"));
    char size[32];

    str_format_bytes_tight((uint64_t)kept_bytes, size, sizeof(size));
    if (by_force)
        cli_warn(cli, "what came from no registry can now be pushed only to where its layers are "
                      "already, and be saved or repaired only if mcpd packed it");
    else if (kept_count > 0)
        cli_warn(cli,
                 "%lld compressed layers (%s) came from no registry, or are not unpacked, and "
                 "stay; see --force",
                 (long long)kept_count, size);
}

static void print(const json_t *trimmed)
{
    const json_t *digests = json_object_get(trimmed, "Deleted");
    char size[32];
    size_t index;
    json_t *digest;

    json_array_foreach(digests, index, digest) {
        out_line(json_string_value(digest));
    }
    str_format_bytes_tight((uint64_t)json_integer_value(json_object_get(trimmed, "Freed")), size,
                           sizeof(size));
    (void)printf("Total reclaimed space: %s\n", size);
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    const struct trim_values *values = raw_values;
    CLEANUP_FREE char *text = NULL;
    CLEANUP_JSON json_t *trimmed = NULL;
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};
    int rc;

    if (!values->all && !arguments[0])
        return cli_refuse(cli, "image name or ID must be specified");
    if (values->all && arguments[0])
        return cli_refuse(cli,
                          "when using the --all switch, you may not pass any images names or IDs");
    rc = cli_engine(cli, &engine, &err);
    if (rc == 0)
        rc = mcpd_trim_json(engine, (const char *const *)arguments, values->force, &text, &err);
    if (rc == 0)
        rc = jsonx_parse_own(text, "what was deleted", &trimmed, &err);
    if (rc < 0)
        return cli_fail(cli, &err);
    print(trimmed);
    warn_about(cli, trimmed, values->force);
    return 0;
}

const struct command cmd_image_trim = {
    .arguments = "[options] [IMAGE...]",
    .summary = "Delete compressed layers that can be fetched again",
    .details =
        "An image is run from its unpacked layers; the compressed ones are kept for pushing it "
        "unchanged and for repairing it without a registry. Those that a registry is known to have "
        "go; prints their digests, and how much of the disk became free. Everything goes on "
        "working: a pull does not fetch them again, a push to that registry does not need them, "
        "and a push to another one, a save and a repair fetch what they need.\n\n"
        "With --force those of loaded images go too. Then there may be no way to have them again: "
        "a push works only to where they are already, and save and repair only for layers that "
        "mcpd itself packed.",
    .examples = "image trim docker.io/library/debian:12\nimage trim --all",
    .groups = groups,
    .values_size = sizeof(struct trim_values),
    .run = run,
    .max_arguments = ARGUMENTS_ANY,
    .completes = COMPLETES_IMAGES,
};
