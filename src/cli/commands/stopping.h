/* stopping.h - stop a container and say so when it had to be killed (stop, rm -f). */
#ifndef CLI_COMMANDS_STOPPING_H
#define CLI_COMMANDS_STOPPING_H

#include "cli/cli.h"

/* timeout_s < 0: the container's own. */
int stop_container(struct cli *cli, const char *name, int timeout_s,
                   struct mcpd_error *err) MUST_CHECK;

#endif
