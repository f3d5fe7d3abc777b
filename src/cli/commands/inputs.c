/* inputs.c - see inputs.h. */
#include "cli/commands/inputs.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int inputs_check(const char *path, const char *option, struct mcpd_error *err)
{
    struct stat status;

    if (!path) {
        if (isatty(STDIN_FILENO))
            return error_set(err, MCPD_E_INVALID,
                             "cannot read from terminal, use command-line redirection%s", option);
        return 0;
    }
    if (stat(path, &status) == 0)
        return 0;
    if (errno == ENOENT)
        return error_set(err, MCPD_E_NOT_FOUND, "stat %s: no such file or directory", path);
    return error_errno(err, "stat %s", path);
}

const char *inputs_name(const char *path)
{
    return path ? path : "standard input";
}

void inputs_print_loaded(char *const *names)
{
    for (; names && *names; names++)
        (void)printf("Loaded image: %s\n", *names);
}
