/*
 * cli.h - what every command gets: who we are, the engine, and how to say that something went
 * wrong.
 *
 * Printing rules: results on stdout, everything else on stderr, each failure once as "Error:
 * <message>". Commands return their exit status and never call exit().
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/command.h"
#include "mcpd.h"

#include <stdbool.h>

struct cli_globals {
    const char *root;
    const char *runroot;
    const char *log_level;
    const char *const *additional_stores;
    bool version;
};

#define CLI_PATH_SIZE 64

struct cli {
    const char *program;      /* as called: mcpd, podman, docker */
    char path[CLI_PATH_SIZE]; /* "mcpd image ls", for messages */
    int argc;
    char **argv; /* as main got them */
    struct cli_globals globals;
    const struct command *command;
    struct mcpd_engine *engine; /* opened by cli_engine */
    bool is_quiet;              /* --log-level error and above: no warnings */
};

/* Takes the name from argv[0]; anything but podman and docker is mcpd. */
void cli_init(struct cli *cli, int argc, char **argv);
void cli_done(struct cli *cli);

/* Finds the command, reads the options, runs it; returns the exit status. */
int cli_run(struct cli *cli);

/* Opens the store at the first call. Borrowed. */
int cli_engine(struct cli *cli, struct mcpd_engine **ret_engine, struct mcpd_error *err) MUST_CHECK;

/* "Error: <message>"; control characters of a message become blanks. Returns the exit status for
 * it. */
int cli_fail(const struct cli *cli, const struct mcpd_error *err);
/* The same for a wrong request found by the command line itself: exit status 125. */
int cli_refuse(const struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
/* As podman logs: a word on a terminal, time="..." level=warning msg="..." elsewhere. */
void cli_warn(const struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
