/*
 * command.h - what a command is: a name in a table, options in a table, and one function.
 *
 * A new command is a file in commands/ that defines one `const struct command`, and a row in
 * commands.c. The dispatcher, --help, the man page and the completion take everything else from
 * here.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "cli/exitcode.h"
#include "cli/opts.h"

#include <stdbool.h>
#include <stddef.h>

struct cli;
struct command;

/* What the shell may offer for the arguments. */
enum command_completes {
    COMPLETES_NOTHING,
    COMPLETES_CONTAINERS,
    COMPLETES_IMAGES,
    COMPLETES_BOTH, /* containers and images */
    COMPLETES_FILES,
    COMPLETES_WORDS, /* those of `arguments`: "bash|zsh|fish" */
};

/* A command under a name; the same command may stand in several places. Arrays end with name ==
 * NULL. */
struct command_entry {
    const char *name;
    const char *aliases; /* separated by blanks, NULL: none */
    const struct command *command;
    bool is_hidden; /* not in --help, the man page and the completion */
};

#define ARGUMENTS_ANY (-1)

struct command {
    const char *arguments;          /* "[options] IMAGE [COMMAND [ARG...]]" */
    const char *summary;            /* one sentence without its full stop */
    const char *details;            /* further paragraphs for --help and the man page, NULL: none */
    const char *examples;           /* command lines without "mcpd ", one per line, NULL: none */
    const struct opt_group *groups; /* NULL: no options */
    size_t values_size;             /* of the struct the options go to */
    /* values: zeroed, defaults stored; arguments: NULL-terminated. Returns the exit status, having
     * printed any error. */
    int (*run)(struct cli *cli, void *values, char **arguments);
    const struct command_entry *children; /* a group such as `image` instead of run */
    int min_arguments;
    int max_arguments;   /* ARGUMENTS_ANY */
    const char *missing; /* error text for too few arguments, NULL: the usual one */
    enum exitcode_rules exits;
    enum command_completes completes;
    bool stops_at_argument; /* options end at the first argument: run, exec */
    bool needs_image_code;  /* carried out by mcpd-image */
};

extern const struct command_entry cli_commands[];  /* commands.c */
extern const struct opt_group cli_global_groups[]; /* valid everywhere; into struct cli_globals */
extern const struct opt_group
    cli_root_groups[]; /* only before the command; into struct cli_globals */

/* The entry of a name or an alias, NULL when there is none. */
const struct command_entry *command_find(const struct command_entry *entries, const char *name);
/* A reason when a command of podman or docker is left out on purpose, else NULL. */
const char *command_refusal(const char *name);

/* Calls visit with "image ls" and so on for every visible command, groups before their children;
 * stops at the first non-zero return and passes it on. */
typedef int (*command_visit_function)(const char *path, const struct command_entry *entry,
                                      void *context);
int command_visit(command_visit_function visit, void *context);

#endif
