/*
 * opts.h - command line options: one table per command, read by everybody.
 *
 * A row says how an option is written, what it holds, where its value goes and what it is for. The
 * parser (opts.c), --help (help.c), the man page (man.c) and the completion (completion.c) all read
 * the same rows, so they cannot disagree. Error texts are those of podman.
 *
 * Values go into a plain struct of the command through offsets. Strings are borrowed from argv;
 * lists are arrays owned by opts_done().
 */
#ifndef CLI_OPTS_H
#define CLI_OPTS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an option holds; in brackets the type of the member. */
enum opt_kind {
    OPT_KIND_FLAG,     /* (bool) set by the flag */
    OPT_KIND_OFF_FLAG, /* (bool) set when the flag, on by default, is turned off: --tls-verify=false
                        */
    OPT_KIND_STRING,   /* (const char *) the last one wins */
    OPT_KIND_LIST,     /* (const char *const *) one element for each use, ended by NULL */
    OPT_KIND_WORDS,    /* (const char *const *) the same, and commas separate elements too */
    OPT_KIND_INT,      /* (int) */
    OPT_KIND_COUNT,    /* (int) not negative */
    OPT_KIND_INT_TEXT, /* (const char *) checked to be a whole number */
    OPT_KIND_REAL_TEXT, /* (const char *) checked to be a decimal number */
};

/* What a value is, for the completion. */
enum opt_takes {
    OPT_TAKES_USUAL, /* what `accepts` lists; else by `value`: FILE, DEVICE and DIR are paths */
    OPT_TAKES_SIGNAL,
    OPT_TAKES_CONTAINER_FILTER, /* KEY=VALUE of filter.c */
    OPT_TAKES_IMAGE_FILTER,
};

/* What we make of it. */
enum opt_support {
    OPT_WORKS,
    OPT_IGNORED, /* accepted for podman's and docker's sake, changes nothing */
    OPT_LATER,   /* known, "not supported yet" */
    OPT_REFUSED, /* known, "not supported" */
};

/* One row. Texts lie in the row itself, the empty text means none: without pointers the tables need
 * no relocation, so they cost a process that reads no options (the monitor) not a single page. */
struct opt {
    char letter;     /* 0: none */
    uint8_t kind;    /* enum opt_kind */
    uint8_t support; /* enum opt_support */
    uint8_t takes;   /* enum opt_takes */
    uint16_t offset;
    char name[24];    /* long, without dashes */
    char alias[12];   /* second long name */
    char value[20];   /* shown for the value: "NAME"; none for flags */
    char initial[12]; /* stored before parsing; shown as the default unless negative */
    char accepts[56]; /* words it may be, "a|b", shown behind the help; OPT_LATER, OPT_REFUSED:
                       * values that change nothing */
    char help[84];    /* a short phrase; may be missing where support is not OPT_WORKS */
};

/* Rows with a common base, so that a table can be shared by several commands. Arrays end with rows
 * == NULL. */
struct opt_group {
    const struct opt *rows;
    size_t count;
    size_t base; /* offset of the struct of these rows in the command's */
};
#define OPT_GROUP(rows_, base_)                                      \
    {                                                                \
        .rows = (rows_), .count = ARRAY_SIZE(rows_), .base = (base_) \
    }
#define OPT_GROUPS_END \
    {                  \
        .rows = NULL   \
    }

/* Rows are written with these; value is "" for flags, offset is offsetof(struct, member). Further
 * members follow by name. */
#define OPT(letter_, name_, value_, kind_, offset_, help_, ...)                        \
    {                                                                                  \
        .letter = (letter_), .name = name_, .value = value_, .kind = OPT_KIND_##kind_, \
        .offset = (offset_), .help = help_, ##__VA_ARGS__                              \
    }
#define OPT_OTHER(support_, letter_, name_, value_, ...)                            \
    {                                                                               \
        .letter = (letter_), .name = name_, .value = value_, .support = (support_), \
        .kind = sizeof(value_) > 1 ? OPT_KIND_STRING : OPT_KIND_FLAG, ##__VA_ARGS__ \
    }

/* Where to look an option up and where to put its value; the first scope that knows it wins. */
struct opt_scope {
    const struct opt_group *groups; /* NULL: none */
    void *values;
};

struct opts_request {
    const struct opt_scope *scopes;
    size_t scope_count;
    char *const *words;     /* behind the command's name, ended by NULL */
    bool stops_at_argument; /* everything from the first argument on is an argument */
};

struct opts_result {
    char **arguments; /* owned array of borrowed strings, ended by NULL */
    size_t argument_count;
    char **pieces; /* owned: elements of comma lists */
    bool wants_help;
};

/* Stores the defaults of a zeroed struct. */
int opts_set_initial(const struct opt_scope *scope, struct mcpd_error *err) MUST_CHECK;
/* INVALID: wrong use, the caller adds the "See ... --help" line; UNSUPPORTED: an option for later.
 * *ret_result is to be released in every case. */
int opts_parse(const struct opts_request *request, struct opts_result *ret_result,
               struct mcpd_error *err) MUST_CHECK;
void opts_result_done(struct opts_result *result);
/* Frees the lists in the struct. */
void opts_done(const struct opt_scope *scope);

bool opt_is_flag(const struct opt *row);
bool opt_is_list(const struct opt *row);

typedef int (*opts_visit_function)(const struct opt *row, void *context);
/* Every row of every group; stops at the first non-zero return and passes it on. */
int opts_visit(const struct opt_group *groups, opts_visit_function visit, void *context);
/* The rows sorted by name, NULL-terminated; owned by the caller, NULL without memory. */
const struct opt **opts_sorted(const struct opt_group *groups);

#endif
