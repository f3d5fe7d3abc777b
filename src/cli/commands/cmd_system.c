/* cmd_system.c - the group `system`. */
#include "cli/commands/commands.h"

static const struct command_entry children[] = {
    {.name = "df", .command = &cmd_system_df},
    {.name = "info", .command = &cmd_info},
    {.name = "prune", .command = &cmd_system_prune},
    {0},
};

const struct command cmd_system = {
    .arguments = "COMMAND",
    .summary = "Commands for the store as a whole",
    .children = children,
};
