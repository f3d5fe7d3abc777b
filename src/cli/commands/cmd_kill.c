/* cmd_kill.c - kill: send a signal. */
#include "cli/commands/commands.h"
#include "cli/targets.h"

struct kill_values {
    struct target_values targets;
    const char *signal;
};

#define AT(member) offsetof(struct kill_values, member)

static const struct opt rows[] = {
    TARGET_ROW_ALL(AT(targets), 'a', "Every running container"),
    TARGET_ROW_CIDFILE(AT(targets)),
    TARGET_ROW_LATEST(AT(targets)),
    OPT('s', "signal", "SIGNAL", STRING, AT(signal), "What to send: TERM, SIGHUP, 9",
        .takes = OPT_TAKES_SIGNAL, .initial = "KILL"),
};

static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};

static int kill_one(struct cli *cli, const char *name, void *context, struct mcpd_error *err)
{
    const struct kill_values *values = context;
    struct mcpd_engine *engine;
    int rc = cli_engine(cli, &engine, err);

    return rc < 0 ? rc : mcpd_kill(engine, name, values->signal, err);
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    struct kill_values *values = raw_values;

    return targets_each(cli, &values->targets, arguments, TARGETS_RUNNING, TARGETS_AT_ONCE,
                        kill_one, values);
}

const struct command cmd_kill = {
    .arguments = "[options] CONTAINER [CONTAINER...]",
    .summary = "Send a signal to running containers",
    .examples = "kill web\nkill --signal HUP web",
    .groups = groups,
    .values_size = sizeof(struct kill_values),
    .run = run,
    .max_arguments = ARGUMENTS_ANY,
    .completes = COMPLETES_CONTAINERS,
};
