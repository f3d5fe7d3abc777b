/* cmd_wait.c - wait: until containers have ended. */
#include "cli/commands/commands.h"
#include "cli/out.h"
#include "cli/targets.h"

#include "base/str.h"

#include <string.h>

struct wait_values {
    struct target_values targets;
    const char *const *conditions;
};

#define AT(member) offsetof(struct wait_values, member)

static const struct opt rows[] = {
    OPT(0, "condition", "STATE", WORDS, AT(conditions), "What to wait for",
        .accepts = "stopped|exited"),
    TARGET_ROW_LATEST(AT(targets)),
    OPT_OTHER(OPT_IGNORED, 'i', "interval", "TIME"),
};

static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};

static int check_conditions(const char *const *conditions, struct mcpd_error *err)
{
    static const char *const later[] = {"created",     "running",  "paused",  "configured",
                                        "healthy",     "removing", "unknown", "stopping",
                                        "initialized", "unhealthy"};

    for (; conditions && *conditions; conditions++) {
        if (strcmp(*conditions, "stopped") == 0 || strcmp(*conditions, "exited") == 0)
            continue;
        for (size_t i = 0; i < ARRAY_SIZE(later); i++)
            if (strcmp(*conditions, later[i]) == 0)
                return error_set(err, MCPD_E_UNSUPPORTED, "--condition %s is not supported yet",
                                 *conditions);
        return error_set(err, MCPD_E_INVALID, "unknown container state: %s: invalid argument",
                         *conditions);
    }
    return 0;
}

/* Prints the exit code instead of the name. */
static int wait_one(struct cli *cli, const char *name)
{
    CLEANUP_FREE char *line = NULL;
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};
    int exit_code = 0;

    if (cli_engine(cli, &engine, &err) < 0 || mcpd_wait(engine, name, -1, &exit_code, &err) < 0)
        return cli_fail(cli, &err);
    line = str_format("%d", exit_code);
    out_line(line ? line : "");
    return 0;
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    struct wait_values *values = raw_values;
    CLEANUP_STRV char **names = NULL;
    struct mcpd_error err = {0};
    int status = 0;

    if (!arguments[0] && !values->targets.latest)
        return cli_refuse(cli, "\"%s\" requires a name, id, or the \"--latest\" flag", cli->path);
    if (check_conditions(values->conditions, &err) < 0 ||
        targets_find(cli, &values->targets, arguments, TARGETS_ANY, &names, &err) < 0)
        return cli_fail(cli, &err);
    for (size_t i = 0; names && names[i]; i++) {
        int failed = wait_one(cli, names[i]);

        status = status != 0 ? status : failed;
    }
    return status;
}

const struct command cmd_wait = {
    .arguments = "[options] CONTAINER [CONTAINER...]",
    .summary = "Wait until containers have ended and print their exit codes",
    .examples = "wait job",
    .groups = groups,
    .values_size = sizeof(struct wait_values),
    .run = run,
    .max_arguments = ARGUMENTS_ANY,
    .completes = COMPLETES_CONTAINERS,
};
