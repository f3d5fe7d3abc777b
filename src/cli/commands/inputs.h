/* inputs.h - where load and bundle read from, and what they say in the end. */
#ifndef CLI_COMMANDS_INPUTS_H
#define CLI_COMMANDS_INPUTS_H

#include "base/error.h"

/* path NULL: standard input, which must be no terminal. option: how else a file is named, " or the
 * --input flag" or "". podman's texts. */
int inputs_check(const char *path, const char *option, struct mcpd_error *err) MUST_CHECK;
/* For messages. */
const char *inputs_name(const char *path);
void inputs_print_loaded(char *const *names);

#endif
