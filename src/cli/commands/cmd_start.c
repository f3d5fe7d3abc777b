/* cmd_start.c - start: containers that were created or have ended. */
#include "cli/commands/commands.h"
#include "cli/streams.h"
#include "cli/targets.h"

#include "base/str.h"

struct start_values {
    struct target_values targets;
    bool attach;
    bool interactive;
    bool without_signals;
    const char *detach_keys;
};

#define AT(member) offsetof(struct start_values, member)

static const struct opt rows[] = {
    TARGET_ROW_ALL(AT(targets), 0, "Every container"),
    OPT('a', "attach", "", FLAG, AT(attach), "Stay and show the output; one container only"),
    TARGET_ROW_FILTER(AT(targets), 'f'),
    OPT('i', "interactive", "", FLAG, AT(interactive), "Keep stdin open; implies --attach"),
    TARGET_ROW_LATEST(AT(targets)),
    OPT(0, "sig-proxy", "", OFF_FLAG, AT(without_signals), "Pass signals on to the container",
        .initial = "true"),
    OPT(0, "detach-keys", "KEYS", STRING, AT(detach_keys), STREAMS_KEYS_HELP),
};

static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};

static int start_one(struct cli *cli, const char *name, void *context, struct mcpd_error *err)
{
    struct mcpd_engine *engine;
    int rc = cli_engine(cli, &engine, err);

    (void)context;
    return rc < 0 ? rc : mcpd_start(engine, name, NULL, NULL, err);
}

static int start_attached(struct cli *cli, const struct start_values *values, char *const *names)
{
    const struct streams_wish wish = {
        .interactive = values->interactive,
        .without_signals = values->without_signals,
        .detach_keys = values->detach_keys,
    };
    CLEANUP(streams_close) struct streams streams = STREAMS_NONE;
    struct mcpd_attach_result result = {0};
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};

    if (!names || !names[0] || names[1])
        return cli_refuse(cli, "you cannot start and attach multiple containers at once");
    if (cli_engine(cli, &engine, &err) < 0 || streams_open(cli, &wish, &streams, &err) < 0 ||
        mcpd_start(engine, names[0], &streams.streams, &result, &err) < 0)
        return cli_fail(cli, &err);
    return streams_exit_status(&result);
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    struct start_values *values = raw_values;
    CLEANUP_STRV char **names = NULL;
    struct mcpd_error err = {0};

    if (!arguments[0] && !values->targets.all && !values->targets.latest &&
        !values->targets.filters)
        return cli_refuse(cli, "start requires at least one argument");
    if (!values->attach && !values->interactive)
        return targets_each(cli, &values->targets, arguments, TARGETS_ANY, TARGETS_IN_TURN,
                            start_one, NULL);
    if (targets_find(cli, &values->targets, arguments, TARGETS_ANY, &names, &err) < 0)
        return cli_fail(cli, &err);
    return start_attached(cli, values, names);
}

const struct command cmd_start = {
    .arguments = "[options] CONTAINER [CONTAINER...]",
    .summary = "Start containers that were created or have ended",
    .details = "With --attach the exit status is the container's.",
    .examples = "start web\nstart --attach job",
    .groups = groups,
    .values_size = sizeof(struct start_values),
    .run = run,
    .exits = EXITCODE_RULES_START,
    .max_arguments = ARGUMENTS_ANY,
    .completes = COMPLETES_CONTAINERS,
};
