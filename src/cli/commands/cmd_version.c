/* cmd_version.c - version: ours, and the podman that we speak like. */
#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/out.h"
#include "cli/template.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#define PODMAN_VERSION "4.3.1" /* whose command line and documents ours are */

struct version_values {
    const char *format;
};

static const struct opt rows[] = {
    OPT('f', "format", "FORMAT", STRING, offsetof(struct version_values, format),
        "A template such as {{.Version}}, or", .accepts = "json"),
};

static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};

/* "linux/amd64", in the words of images. */
static const char *platform(void)
{
    static const struct {
        const char *machine;
        const char *platform;
    } known[] = {
        {"x86_64", "linux/amd64"}, {"aarch64", "linux/arm64"}, {"armv7l", "linux/arm"},
        {"armv6l", "linux/arm"},   {"i686", "linux/386"},      {"riscv64", "linux/riscv64"},
    };
    struct utsname names;

    if (uname(&names) == 0)
        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
            if (strcmp(known[i].machine, names.machine) == 0)
                return known[i].platform;
    return "linux/unknown";
}

static json_t *document(void)
{
    return json_pack("{s:{s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s}}", "Client", "APIVersion",
                     PODMAN_VERSION, "Version", MCPD_VERSION, "GoVersion", "", "GitCommit", "",
                     "BuiltTime", "Thu Jan  1 00:00:00 1970", "Built", 0, "OsArch", platform(),
                     "Os", "linux");
}

/* Owned; NULL without memory. */
static char *without_server(const char *format)
{
    static const char server[] = ".Server.";
    CLEANUP_BUF struct buf text;
    const char *found;

    buf_init(&text, OUT_MAX_BYTES);
    for (; (found = strstr(format, server)) != NULL; format = found + strlen(server)) {
        (void)buf_append(&text, format, (size_t)(found - format));
        (void)buf_append_text(&text, ".");
    }
    (void)buf_append_text(&text, format);
    return text.failure == 0 ? strdup(buf_text(&text)) : NULL;
}

/* As podman does: what does not fit {Client, Server} is about the client alone, and there is no
 * server whose fields could be asked for. */
static int print_template(json_t *version, const char *format, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *both = json_pack("[O]", version);
    CLEANUP_JSON json_t *client = json_pack("[O]", json_object_get(version, "Client"));
    CLEANUP_FREE char *of_client = without_server(format);

    if (!strstr(format, ".Server.") &&
        template_print("version", format, both, NULL, false, NULL) == 0)
        return 0;
    if (!of_client)
        return error_no_memory(err, "version");
    return template_print("version", of_client, client, NULL, false, err);
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    const struct version_values *values = raw_values;
    CLEANUP_JSON json_t *version = NULL;
    struct mcpd_error err = {0};

    (void)arguments;
    if (!values->format) {
        (void)printf("Client:       mcpd\n"
                     "Version:      %s\n"
                     "API Version:  %s\n"
                     "OS/Arch:      %s\n",
                     MCPD_VERSION, PODMAN_VERSION, platform());
        return 0;
    }
    version = document();
    if (template_is_json(values->format)) {
        out_json(version, 0);
        return 0;
    }
    return print_template(version, values->format, &err) < 0 ? cli_fail(cli, &err) : 0;
}

const struct command cmd_version = {
    .arguments = "[options]",
    .summary = "Show the version",
    .details = "The API version is that of the podman whose command line and JSON mcpd follows.",
    .groups = groups,
    .values_size = sizeof(struct version_values),
    .run = run,
};
