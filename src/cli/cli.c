/*
 * cli.c - from a command line to a running command.
 *
 * Options of the program itself may stand before the command and, as in podman, among its options.
 * The engine is opened by the first command that asks for it, so --help, --version and wrong use
 * touch nothing on disk. Commands that need the registry or layer code are handed to mcpd-image,
 * the same program with more libraries, by exec with the same words.
 */
#include "cli/cli.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "base/utf8.h"
#include "cli/help.h"
#include "cli/out.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_SIZE 1024

void cli_init(struct cli *cli, int argc, char **argv)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "";

    *cli = (struct cli){.program = "mcpd", .argc = argc, .argv = argv};
    if (strcmp(name, "podman") == 0 || strcmp(name, "docker") == 0)
        cli->program = name;
    (void)snprintf(cli->path, sizeof(cli->path), "%s", cli->program);
}

void cli_done(struct cli *cli)
{
    struct opt_scope globals = {.groups = cli_global_groups, .values = &cli->globals};

    opts_done(&globals);
    mcpd_close(cli->engine);
    cli->engine = NULL;
}

/* ------------------------------------------------------------------ messages */

static void print_error(const char *message)
{
    char line[LINE_SIZE];

    (void)snprintf(line, sizeof(line), "%s", message);
    utf8_make_safe(line, ' ', ""); /* what a registry or an image says */
    (void)fflush(stdout);
    (void)fprintf(stderr, "Error: %s\n", line);
}

int cli_fail(const struct cli *cli, const struct mcpd_error *err)
{
    print_error(err->message[0] != '\0' ? err->message : error_code_name(err->code));
    return exitcode_of(cli->command ? cli->command->exits : EXITCODE_RULES_USUAL, err->code);
}

int cli_refuse(const struct cli *cli, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list args;

    (void)cli;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    print_error(line);
    return EXITCODE_ENGINE;
}

/* In one piece, as others may be writing there too. */
static void print_warning(const char *message)
{
    char when[CLOCK_RFC3339_SIZE];
    char line[LINE_SIZE];
    char quoted[2 * LINE_SIZE];
    size_t length = 0;
    const int64_t ns_per_second = INT64_C(1000000000);

    (void)snprintf(line, sizeof(line), "%s", message);
    utf8_make_safe(line, ' ', "");
    if (isatty(STDERR_FILENO)) {
        (void)fprintf(stderr, "Warning: %s\n", line);
        return;
    }
    for (const char *at = line; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            quoted[length++] = '\\';
        quoted[length++] = *at;
    }
    quoted[length] = '\0';
    clock_format_rfc3339(clock_unix_ns() / ns_per_second * ns_per_second, when);
    (void)fprintf(stderr, "time=\"%s\" level=warning msg=\"%s\"\n", when, quoted);
}

void cli_warn(const struct cli *cli, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list args;

    if (cli->is_quiet)
        return;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    print_warning(line);
}

static void warn_from_engine(void *context, const char *message)
{
    cli_warn(context, "%s", message);
}

/* ------------------------------------------------------------------ the engine */

int cli_engine(struct cli *cli, struct mcpd_engine **ret_engine, struct mcpd_error *err)
{
    struct mcpd_engine_options options = {
        .root = cli->globals.root,
        .runroot = cli->globals.runroot,
        .additional_stores = cli->globals.additional_stores,
        .warn = warn_from_engine,
        .warn_context = cli,
    };

    if (!cli->engine) {
        int rc = mcpd_open(&options, &cli->engine, err);

        if (rc < 0)
            return rc;
    }
    *ret_engine = cli->engine;
    return 0;
}

/* The heavy half: the same words again, in the program that has the code for them. */
static int become_image_program(struct cli *cli)
{
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};
    CLEANUP_FREE char *path = NULL;

    if (cli_engine(cli, &engine, &err) < 0 || mcpd_image_program(engine, &path, &err) < 0)
        return cli_fail(cli, &err);
    cli_done(cli);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)execv(path, cli->argv);
    (void)!error_errno(&err, "run '%s'", path);
    return cli_fail(cli, &err);
}

/* ------------------------------------------------------------------ running a command */

/* "See ..." follows wrong use, not a wish that we cannot fulfil. */
static int refuse_usage(const struct cli *cli, const struct mcpd_error *err)
{
    print_error(err->message);
    if (err->code == MCPD_E_INVALID)
        (void)fprintf(stderr, "See '%s --help'\n", cli->path);
    return EXITCODE_ENGINE;
}

static int check_argument_count(const struct cli *cli, int count)
{
    const struct command *command = cli->command;
    int min = command->min_arguments;
    int max = command->max_arguments;

    if (count >= min && (max == ARGUMENTS_ANY || count <= max))
        return 0;
    if (count < min && command->missing)
        return cli_refuse(cli, "%s", command->missing);
    if (max == 0)
        return cli_refuse(cli, "`%s` takes no arguments", cli->path);
    if (max == ARGUMENTS_ANY)
        return cli_refuse(cli, "requires at least %d arg(s), only received %d", min, count);
    if (min == max)
        return cli_refuse(cli, "accepts %d arg(s), received %d", min, count);
    if (min == 0)
        return cli_refuse(cli, "accepts at most %d arg(s), received %d", max, count);
    return cli_refuse(cli, "accepts between %d and %d arg(s), received %d", min, max, count);
}

static int apply_globals(struct cli *cli)
{
    static const char *const levels[] = {"trace",   "debug", "info",  "warn",
                                         "warning", "error", "fatal", "panic"};
    const char *level = cli->globals.log_level;
    size_t found = 0;

    while (level && found < ARRAY_SIZE(levels) && strcasecmp(level, levels[found]) != 0)
        found++;
    if (found == ARRAY_SIZE(levels))
        return cli_refuse(cli,
                          "Log Level \"%s\" is not supported, choose from: trace, debug, info, "
                          "warn, warning, error, fatal, panic",
                          level);
    log_enable(level && found < 2 ? "all" : NULL);
    cli->is_quiet = level && found > 4;
    return 0;
}

static int run_parsed(struct cli *cli, void *values, const struct opts_result *result)
{
    int status = 0;

    if (result->wants_help)
        return help_print(cli->path, cli->command);
    status = apply_globals(cli);
    if (status == 0)
        status = check_argument_count(cli, (int)result->argument_count);
    if (status != 0)
        return status;
    if (cli->command->needs_image_code && !mcpd_has_image_code())
        return become_image_program(cli);
    return cli->command->run(cli, values, result->arguments);
}

static int run_command(struct cli *cli, char **words)
{
    CLEANUP_FREE void *values = calloc(1, cli->command->values_size + 1);
    struct opt_scope scopes[] = {
        {.groups = cli->command->groups, .values = values},
        {.groups = cli_global_groups, .values = &cli->globals},
    };
    struct opts_request request = {
        .scopes = scopes,
        .scope_count = ARRAY_SIZE(scopes),
        .words = words,
        .stops_at_argument = cli->command->stops_at_argument,
    };
    struct opts_result result = {0};
    struct mcpd_error err = {0};
    int status;

    if (!values)
        return cli_refuse(cli, "out of memory");
    if (opts_set_initial(&scopes[0], &err) < 0)
        status = cli_fail(cli, &err);
    else if (opts_parse(&request, &result, &err) < 0)
        status = refuse_usage(cli, &err);
    else
        status = run_parsed(cli, values, &result);
    opts_result_done(&result);
    opts_done(&scopes[0]);
    return status;
}

/* ------------------------------------------------------------------ finding the command */

static int refuse_command(const struct cli *cli, const char *name)
{
    const char *reason = command_refusal(name);

    if (reason && strcmp(cli->path, cli->program) == 0)
        return cli_refuse(cli, "`%s %s` is not supported: %s", cli->path, name, reason);
    (void)cli_refuse(cli, "unrecognized command `%s %s`", cli->path, name);
    (void)fprintf(stderr, "Try '%s --help' for more information\n", cli->path);
    return EXITCODE_ENGINE;
}

/* A group without a command: its help, and a word about what is missing. */
static int refuse_missing_command(const struct cli *cli)
{
    (void)help_print(cli->path, cli->command);
    return cli_refuse(cli, "missing command '%s COMMAND'", cli->path);
}

static void extend_path(struct cli *cli, const char *name)
{
    size_t length = strlen(cli->path);

    (void)snprintf(cli->path + length, sizeof(cli->path) - length, " %s", name);
}

static int dispatch(struct cli *cli, const struct command_entry *entries, char **words);

/* Options in front of a command's name: those of the program, or --help of a group. */
static int parse_leading(struct cli *cli, bool is_root, char **words, struct opts_result *result,
                         struct mcpd_error *err)
{
    struct opt_scope scopes[] = {
        {.groups = cli_global_groups, .values = &cli->globals},
        {.groups = is_root ? cli_root_groups : NULL, .values = &cli->globals},
    };
    struct opts_request request = {
        .scopes = scopes,
        .scope_count = ARRAY_SIZE(scopes),
        .words = words,
        .stops_at_argument = true,
    };

    return opts_parse(&request, result, err);
}

static int print_version(const struct cli *cli)
{
    (void)printf("%s version %s\n", cli->program, MCPD_VERSION);
    return 0;
}

static int enter(struct cli *cli, const struct command_entry *entry, char **words)
{
    cli->command = entry->command;
    extend_path(cli, entry->name);
    if (cli->command->children)
        return dispatch(cli, cli->command->children, words);
    return run_command(cli, words);
}

/* `help run` is `run --help`. */
static int dispatch_help(struct cli *cli, const struct command_entry *entries, char *const *names)
{
    for (; *names; names++) {
        const struct command_entry *entry = entries ? command_find(entries, *names) : NULL;

        if (!entry)
            return refuse_command(cli, *names);
        cli->command = entry->command;
        extend_path(cli, entry->name);
        entries = entry->command->children;
    }
    return help_print(cli->path, cli->command);
}

static int dispatch(struct cli *cli, const struct command_entry *entries, char **words)
{
    bool is_root = entries == cli_commands;
    const struct command_entry *entry;
    struct opts_result result = {0};
    struct mcpd_error err = {0};
    int status;

    if (parse_leading(cli, is_root, words, &result, &err) < 0)
        status = refuse_usage(cli, &err);
    else if (cli->globals.version)
        status = print_version(cli);
    else if (result.wants_help)
        status = help_print(cli->path, cli->command);
    else if (result.argument_count == 0)
        status = refuse_missing_command(cli);
    else if (is_root && strcmp(result.arguments[0], "help") == 0)
        status = dispatch_help(cli, entries, result.arguments + 1);
    else if (!(entry = command_find(entries, result.arguments[0])))
        status = refuse_command(cli, result.arguments[0]);
    else
        status = enter(cli, entry, result.arguments + 1);
    opts_result_done(&result);
    return status;
}

int cli_run(struct cli *cli)
{
    int status = dispatch(cli, cli_commands, cli->argv + (cli->argc > 0));

    return out_finish(status);
}
