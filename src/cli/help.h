/* help.h - --help, made from the tables. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "base/buf.h"
#include "cli/command.h"

/* path: "mcpd image ls"; command NULL: the program itself. */
void help_text(const char *path, const struct command *command, unsigned int width,
               struct buf *text);
/* On stdout; returns the exit status. */
int help_print(const char *path, const struct command *command);

/* "-e, --env KEY=VALUE", without leading blanks: for help and man page alike. */
void help_option_name(const struct opt *row, struct buf *text);

/* What it is for, the words it may be, its default; without a full stop. */
void help_option_text(const struct opt *row, struct buf *text);
/* The paragraphs of a text, which newlines separate: each without its newline. */
typedef void (*help_paragraph_function)(const char *paragraph, size_t length, void *context);
void help_visit_paragraphs(const char *text, help_paragraph_function visit, void *context);

#endif
