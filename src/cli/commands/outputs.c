/* outputs.c - see outputs.h. */
#include "cli/commands/outputs.h"

#include <string.h>

int outputs_check(const char *path, const char *verb, struct mcpd_error *err)
{
    if (!path && isatty(STDOUT_FILENO))
        return error_set(err, MCPD_E_INVALID, "refusing to %s to terminal. Use -o flag or redirect",
                         verb);
    if (path && strchr(path, ':'))
        return error_set(err, MCPD_E_INVALID, "invalid filename (should not contain ':') \"%s\"",
                         path);
    return 0;
}
