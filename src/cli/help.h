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

#endif
