/* cmd_build.c - build: an image from a Dockerfile. */
#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/out.h"

#include "base/str.h"

struct build_values {
    const char *const *tags;
    const char *file;
};

#define AT(member) offsetof(struct build_values, member)

static const struct opt rows[] = {
    OPT('f', "file", "FILE", STRING, AT(file), "The Dockerfile; CONTEXT/Dockerfile if unset"),
    OPT('t', "tag", "NAME", LIST, AT(tags), "Name for the image"),
    OPT_OTHER(OPT_IGNORED, 0, "disable-content-trust", ""),
    OPT_OTHER(OPT_IGNORED, 0, "force-rm", ""),
    OPT_OTHER(OPT_IGNORED, 0, "format", "FORMAT"),
    OPT_OTHER(OPT_IGNORED, 0, "layers", ""),
    OPT_OTHER(OPT_IGNORED, 0, "rm", ""),
    OPT_OTHER(OPT_LATER, 0, "build-arg", "KEY=VALUE"),
    OPT_OTHER(OPT_LATER, 0, "iidfile", "FILE"),
    OPT_OTHER(OPT_LATER, 0, "label", "KEY=VALUE"),
    OPT_OTHER(OPT_LATER, 0, "network", "NETWORK"),
    OPT_OTHER(OPT_LATER, 0, "no-cache", ""),
    OPT_OTHER(OPT_LATER, 0, "platform", "PLATFORM"),
    OPT_OTHER(OPT_LATER, 0, "pull", ""),
    OPT_OTHER(OPT_LATER, 'q', "quiet", ""),
    OPT_OTHER(OPT_LATER, 0, "secret", "SECRET"),
    OPT_OTHER(OPT_LATER, 0, "squash", ""),
    OPT_OTHER(OPT_LATER, 0, "target", "STAGE"),
};

static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    const struct build_values *values = raw_values;
    const struct mcpd_build_options options = {
        .image = values->tags ? values->tags[0] : NULL,
        .dockerfile = values->file,
        .context_dir = arguments[0] ? arguments[0] : ".",
    };
    CLEANUP_FREE char *id = NULL;
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};

    if (cli_engine(cli, &engine, &err) < 0 || mcpd_build(engine, &options, &id, &err) < 0)
        return cli_fail(cli, &err);
    for (size_t i = 1; values->tags && values->tags[i]; i++) {
        const char *const names[] = {values->tags[i], NULL};

        if (mcpd_tag(engine, id, names, &err) < 0)
            return cli_fail(cli, &err);
    }
    out_line(id);
    return 0;
}

const struct command cmd_build = {
    .arguments = "[options] [CONTEXT]",
    .summary = "Build an image from a Dockerfile",
    .examples = "build -t localhost/app:1 .",
    .groups = groups,
    .values_size = sizeof(struct build_values),
    .run = run,
    .max_arguments = 1,
    .completes = COMPLETES_FILES,
    .needs_image_code = true,
};
