/*
 * command.h - find and execute the command of a container.
 */
#ifndef RUNTIME_COMMAND_H
#define RUNTIME_COMMAND_H

#include <sys/stat.h>

#include "base/error.h"

/* As execvpe with the PATH of `env`, inside the container's root. self: mcpd's own file, which
 * /proc/self/exe names until exec and which is never executed. report_fd: told "about to exec"
 * (handshake.h). Only returns to say why not: COMMAND_NOT_FOUND or COMMAND_NOT_RUNNABLE with
 * podman's texts. */
int command_exec(char *const *args, char *const *env, const struct stat *self, int report_fd,
                 struct mcpd_error *err) MUST_CHECK;

#endif
