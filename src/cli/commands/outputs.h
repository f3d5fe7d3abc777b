/* outputs.h - where save and export may write to. */
#ifndef CLI_COMMANDS_OUTPUTS_H
#define CLI_COMMANDS_OUTPUTS_H

#include "base/error.h"

/* path NULL: standard output, which must be no terminal. verb: "save". podman's texts. */
int outputs_check(const char *path, const char *verb, struct mcpd_error *err) MUST_CHECK;

#endif
