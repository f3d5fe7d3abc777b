/* cmd_logs.c - logs: what a container has written. */
#include "cli/commands/commands.h"
#include "cli/out.h"
#include "cli/targets.h"
#include "cli/values.h"
#include "cli/view.h"

#include "base/clock.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

struct logs_values {
    struct target_values targets;
    struct mcpd_logs_options options;
    int tail;
    const char *since;
    const char *until;
    bool timestamps;
    bool names;
};

#define AT(member) offsetof(struct logs_values, member)

static const struct opt rows[] = {
    OPT('f', "follow", "", FLAG, AT(options.follow), "Go on as more is written"),
    TARGET_ROW_LATEST(AT(targets)),
    OPT('n', "names", "", FLAG, AT(names), "Put the container's name before each line"),
    OPT(0, "since", "TIME", STRING, AT(since), "Not what is older: 2026-11-23T16:32:08Z, or 10m"),
    OPT(0, "tail", "NUMBER", INT, AT(tail), "Only the last lines; -1: all", .initial = "-1"),
    OPT('t', "timestamps", "", FLAG, AT(timestamps), "Put the time before each line"),
    OPT(0, "until", "TIME", STRING, AT(until), "Not what is younger"),
    OPT_OTHER(OPT_IGNORED, 0, "color", ""),
};

static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};

/* One container's output on its way to ours. */
struct log_printer {
    const char *prefix; /* name or id, NULL: none */
    bool timestamps;
    bool flushes;                        /* somebody is watching */
    bool is_inside[MCPD_LOG_STDERR + 1]; /* the stream's line has begun */
    enum mcpd_log_stream last;
};

/* RFC 3339 with all nine digits, so that the columns stay. */
static void print_time(FILE *file, int64_t unix_ns)
{
    const int64_t ns_per_second = INT64_C(1000000000);
    char seconds[CLOCK_RFC3339_SIZE];
    int64_t fraction = unix_ns % ns_per_second;

    clock_format_rfc3339(unix_ns - fraction, seconds);
    (void)fprintf(file, "%.19s.%09lldZ ", seconds, (long long)fraction);
}

/* Ends the reading when nobody takes what we print. */
static int print_piece(void *context, enum mcpd_log_stream stream, int64_t unix_ns,
                       const char *bytes, size_t count, bool is_line_end)
{
    struct log_printer *printer = context;
    FILE *file = stream == MCPD_LOG_STDERR ? stderr : stdout;

    if (stream != printer->last)
        (void)fflush(stdout); /* both may end in one file: their order stays */
    printer->last = stream;
    if (!printer->is_inside[stream]) {
        if (printer->prefix)
            (void)fprintf(file, "%s ", printer->prefix);
        if (printer->timestamps)
            print_time(file, unix_ns);
    }
    (void)fwrite(bytes, 1, count, file);
    if (is_line_end)
        (void)fputc('\n', file);
    printer->is_inside[stream] = !is_line_end;
    if (printer->flushes)
        (void)fflush(file);
    return out_has_failed(file);
}

static int parse_limits(struct logs_values *values, struct mcpd_error *err)
{
    int64_t now = clock_unix_ns();

    values->options.tail_lines = values->tail;
    if (values->since && value_parse_time(values->since, now, &values->options.since_unix_ns) < 0)
        return error_set(err, MCPD_E_INVALID,
                         "parsing --since \"%s\": unable to interpret time value", values->since);
    if (values->until && value_parse_time(values->until, now, &values->options.until_unix_ns) < 0)
        return error_set(err, MCPD_E_INVALID,
                         "parsing --until \"%s\": unable to interpret time value", values->until);
    return 0;
}

/* Several containers are told apart by their names or the start of their ids. */
static int print_log(struct cli *cli, const struct logs_values *values, const char *name,
                     bool is_one_of_many, struct mcpd_error *err)
{
    CLEANUP_FREE char *id = NULL;
    struct log_printer printer = {
        .timestamps = values->timestamps,
        .flushes = values->options.follow,
        .prefix = values->names ? name : NULL,
    };
    struct mcpd_engine *engine;
    int rc = cli_engine(cli, &engine, err);

    if (rc == 0 && is_one_of_many && !values->names) {
        rc = mcpd_container_id(engine, name, &id, err);
        if (rc == 0 && strlen(id) > VIEW_SHORT_ID)
            id[VIEW_SHORT_ID] = '\0';
        printer.prefix = id;
    }
    return rc < 0 ? rc : mcpd_logs(engine, name, &values->options, print_piece, &printer, err);
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    struct logs_values *values = raw_values;
    CLEANUP_STRV char **names = NULL;
    struct mcpd_error err = {0};
    size_t count;

    if (!arguments[0] && !values->targets.latest)
        return cli_refuse(cli, "specify at least one container name or ID to log");
    if (parse_limits(values, &err) < 0 ||
        targets_find(cli, &values->targets, arguments, TARGETS_ANY, &names, &err) < 0)
        return cli_fail(cli, &err);
    count = strv_length(names);
    if (count > 1 && values->options.follow)
        return cli_refuse(cli, "--follow with more than one container is not supported yet");
    for (size_t i = 0; i < count; i++)
        if (print_log(cli, values, names[i], count > 1, &err) < 0)
            return cli_fail(cli, &err);
    return 0;
}

const struct command cmd_logs = {
    .arguments = "[options] CONTAINER [CONTAINER...]",
    .summary = "Show what a container has written",
    .details = "What it wrote to stderr comes on stderr.",
    .examples = "logs web\nlogs -f --tail 20 web\nlogs --since 10m -t web",
    .groups = groups,
    .values_size = sizeof(struct logs_values),
    .run = run,
    .max_arguments = ARGUMENTS_ANY,
    .completes = COMPLETES_CONTAINERS,
};
