/* cmd_rm.c - rm: remove containers. */
#include "cli/commands/commands.h"
#include "cli/commands/stopping.h"
#include "cli/targets.h"

struct rm_values {
    struct target_values targets;
    int timeout_s;
    bool force;
};

#define AT(member) offsetof(struct rm_values, member)

static const struct opt rows[] = {
    TARGET_ROW_ALL(AT(targets), 'a', "Every container"),
    TARGET_ROW_CIDFILE(AT(targets)),
    TARGET_ROW_FILTER(AT(targets), 0),
    OPT('f', "force", "", FLAG, AT(force), "Stop it first; a missing container is no error"),
    TARGET_ROW_IGNORE(AT(targets)),
    TARGET_ROW_LATEST(AT(targets)),
    OPT('t', "time", "SECONDS", INT, AT(timeout_s),
        "With --force, how long to wait before the kill", .initial = "-1", .alias = "timeout"),
    OPT_OTHER(OPT_IGNORED, 'v', "volumes", ""),
    OPT_OTHER(OPT_LATER, 0, "depend", ""),
};

static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};

/* A forced one is stopped in its own way first. It may be gone by then: it was started with --rm.
 */
static int rm_one(struct cli *cli, const char *name, void *context, struct mcpd_error *err)
{
    const struct rm_values *values = context;
    struct mcpd_engine *engine;
    int rc = cli_engine(cli, &engine, err);
    bool was_there = false;

    if (rc < 0)
        return rc;
    if (values->force) {
        rc = stop_container(cli, name, values->timeout_s, err);
        was_there = rc == 0;
    }
    rc = mcpd_remove(engine, name, values->force, err);
    return rc == -MCPD_E_NOT_FOUND && was_there ? 0 : rc;
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    struct rm_values *values = raw_values;

    values->targets.ignore = values->targets.ignore || values->force;
    return targets_each(cli, &values->targets, arguments, TARGETS_ANY,
                        values->force ? TARGETS_AT_ONCE : TARGETS_IN_TURN, rm_one, values);
}

const struct command cmd_rm = {
    .arguments = "[options] CONTAINER [CONTAINER...]",
    .summary = "Remove containers",
    .details = "Prints each name. The exit status is 1 when there is no such container and 2 when "
               "it runs.",
    .examples = "rm web\nrm --force web db\nrm --all",
    .groups = groups,
    .values_size = sizeof(struct rm_values),
    .run = run,
    .max_arguments = ARGUMENTS_ANY,
    .exits = EXITCODE_RULES_REMOVE,
    .completes = COMPLETES_CONTAINERS,
};
