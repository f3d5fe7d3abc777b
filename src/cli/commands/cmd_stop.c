/* cmd_stop.c - stop: the stop signal, then the kill after a while. */
#include "cli/commands/commands.h"
#include "cli/commands/stopping.h"
#include "cli/targets.h"

#include "base/jsonx.h"
#include "base/str.h"

#include <signal.h>
#include <string.h>

#define DEFAULT_TIMEOUT_S 10

struct stop_values {
    struct target_values targets;
    int timeout_s;
};

#define AT(member) offsetof(struct stop_values, member)

static const struct opt rows[] = {
    TARGET_ROW_ALL(AT(targets), 'a', "Every running container"),
    TARGET_ROW_CIDFILE(AT(targets)),
    TARGET_ROW_FILTER(AT(targets), 'f'),
    TARGET_ROW_IGNORE(AT(targets)),
    TARGET_ROW_LATEST(AT(targets)),
    OPT('t', "time", "SECONDS", INT, AT(timeout_s),
        "How long to wait before the kill; the container's own time if unset", .initial = "-1",
        .alias = "timeout"),
};

static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};

/* The container's inspect document, NULL when it has gone. New reference. */
static json_t *load_document(struct mcpd_engine *engine, const char *name)
{
    CLEANUP_FREE char *text = NULL;
    CLEANUP_JSON json_t *document = NULL;

    if (mcpd_inspect_json(engine, name, &text, NULL) < 0 ||
        jsonx_parse_own(text, "container", &document, NULL) < 0)
        return NULL;
    return TAKE_PTR(document);
}

/* podman 4 shows the signal as a number, later ones by name. */
static void warn_killed(struct cli *cli, const char *name, int timeout_s)
{
    CLEANUP_JSON json_t *document = load_document(cli->engine, name);
    const json_t *config = json_object_get(document, "Config");
    const char *shown = json_string_value(json_object_get(document, "Name"));
    const json_t *signal = json_object_get(config, "StopSignal");
    const json_t *timeout = json_object_get(config, "StopTimeout");
    const char *abbreviation = sigabbrev_np((int)json_integer_value(signal));
    CLEANUP_FREE char *text = json_is_string(signal)
                                  ? str_format("%s", json_string_value(signal))
                                  : str_format("SIG%s", abbreviation ? abbreviation : "TERM");

    if (timeout_s < 0)
        timeout_s = timeout ? (int)json_integer_value(timeout) : DEFAULT_TIMEOUT_S;
    cli_warn(cli, "StopSignal %s failed to stop container %s in %d seconds, resorting to SIGKILL",
             text ? text : "", shown ? shown : name, timeout_s);
}

int stop_container(struct cli *cli, const char *name, int timeout_s, struct mcpd_error *err)
{
    struct mcpd_engine *engine;
    bool was_killed = false;
    int rc = cli_engine(cli, &engine, err);

    if (rc == 0)
        rc = mcpd_stop(engine, name, timeout_s, &was_killed, err);
    if (rc == 0 && was_killed && timeout_s != 0)
        warn_killed(cli, name, timeout_s);
    return rc;
}

static int stop_one(struct cli *cli, const char *name, void *context, struct mcpd_error *err)
{
    const struct stop_values *values = context;

    return stop_container(cli, name, values->timeout_s, err);
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    struct stop_values *values = raw_values;

    return targets_each(cli, &values->targets, arguments, TARGETS_RUNNING, TARGETS_AT_ONCE,
                        stop_one, values);
}

const struct command cmd_stop = {
    .arguments = "[options] CONTAINER [CONTAINER...]",
    .summary = "Stop containers",
    .details = "Sends the container's stop signal, and SIGKILL when that did not help in time. "
               "Prints each name. "
               "A container that does not run is no error.",
    .examples = "stop web\nstop --time 2 web db",
    .groups = groups,
    .values_size = sizeof(struct stop_values),
    .run = run,
    .max_arguments = ARGUMENTS_ANY,
    .completes = COMPLETES_CONTAINERS,
};
