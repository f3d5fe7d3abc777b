/* mcp_format.h - --format mcp: ContainerInfo as JSON, for one json.Unmarshal on the other side. */
#ifndef CLI_COMMANDS_MCP_FORMAT_H
#define CLI_COMMANDS_MCP_FORMAT_H

#include "cli/cli.h"

#include <jansson.h>

/* New reference; started is RFC 3339, "0001-01-01T00:00:00Z" when never. */
json_t *mcp_container_info(const struct mcpd_container_info *info);

/* An array on one line; returns the exit status. */
int mcp_print_list(struct cli *cli, bool all);
/* One object on a line of its own for each name. */
int mcp_print_containers(struct cli *cli, char *const *names);

#endif
