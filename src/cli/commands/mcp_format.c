/* mcp_format.c - --format mcp: ContainerInfo as JSON. */
#include "cli/commands/mcp_format.h"

#include "base/clock.h"
#include "base/jsonx.h"
#include "cli/out.h"

#include <string.h>

/* Strings are never null there. */
static json_t *text(const char *string)
{
    return jsonx_string(string ? string : "");
}

json_t *mcp_container_info(const struct mcpd_container_info *info)
{
    char started[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(info->started_unix_ns, started);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "name",
                     text(info->name), "image", text(info->image), "state", text(info->state),
                     "network", text(info->network), "user", text(info->user), "restart",
                     text(info->restart), "ports", jsonx_strv(info->ports), "volumes",
                     jsonx_strv(info->volumes), "cmd", jsonx_strv(info->cmd), "version",
                     text(info->version), "started", started);
}

static bool is_listed(const struct mcpd_container_info *info, bool all)
{
    return all || strcmp(info->state, "running") == 0;
}

int mcp_print_list(struct cli *cli, bool all)
{
    CLEANUP_JSON json_t *list = json_array();
    struct mcpd_container_info **infos = NULL;
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};

    if (cli_engine(cli, &engine, &err) < 0 || mcpd_list(engine, &infos, &err) < 0)
        return cli_fail(cli, &err);
    for (size_t i = 0; infos && infos[i]; i++)
        if (is_listed(infos[i], all))
            (void)json_array_append_new(list, mcp_container_info(infos[i]));
    mcpd_container_infos_free(infos);
    out_json(list, 0);
    return 0;
}

int mcp_print_containers(struct cli *cli, char *const *names)
{
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};
    int status = 0;

    if (cli_engine(cli, &engine, &err) < 0)
        return cli_fail(cli, &err);
    for (; *names; names++) {
        struct mcpd_container_info *info = NULL;
        CLEANUP_JSON json_t *json = NULL;

        if (mcpd_inspect(engine, *names, &info, &err) < 0) {
            status = cli_fail(cli, &err);
            continue;
        }
        json = mcp_container_info(info);
        out_json(json, 0);
        mcpd_container_info_free(info);
    }
    return status;
}
