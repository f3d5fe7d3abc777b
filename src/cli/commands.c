/* commands.c - the table of commands, the options of the program itself, and finding one's way in
 * them. */
#include "cli/commands/commands.h"
#include "cli/cli.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

const struct command_entry cli_commands[] = {
    {.name = "build", .command = &cmd_build},
    {.name = "bundle", .command = &cmd_bundle},
    {.name = "completion", .command = &cmd_completion},
    {.name = "container", .command = &cmd_container},
    {.name = "create", .command = &cmd_create},
    {.name = "exec", .command = &cmd_exec},
    {.name = "export", .command = &cmd_export},
    {.name = "history", .command = &cmd_history},
    {.name = "image", .command = &cmd_image},
    {.name = "images", .command = &cmd_images},
    {.name = "info", .command = &cmd_info},
    {.name = "inspect", .command = &cmd_inspect},
    {.name = "kill", .command = &cmd_kill},
    {.name = "load", .command = &cmd_load},
    {.name = "login", .command = &cmd_login},
    {.name = "logout", .command = &cmd_logout},
    {.name = "logs", .command = &cmd_logs},
    {.name = "man", .command = &cmd_man, .is_hidden = true},
    {.name = "manifest", .command = &cmd_manifest},
    {.name = "ps", .aliases = "list", .command = &cmd_ps},
    {.name = "pull", .command = &cmd_pull},
    {.name = "push", .command = &cmd_push},
    {.name = "rm", .command = &cmd_rm},
    {.name = "rmi", .command = &cmd_rmi},
    {.name = "run", .command = &cmd_run},
    {.name = "save", .command = &cmd_save},
    {.name = "start", .command = &cmd_start},
    {.name = "stop", .command = &cmd_stop},
    {.name = "system", .command = &cmd_system},
    {.name = "tag", .command = &cmd_tag},
    {.name = "untag", .command = &cmd_untag},
    {.name = "verify", .command = &cmd_verify},
    {.name = "version", .command = &cmd_version},
    {.name = "wait", .command = &cmd_wait},
    {0},
};

#define AT(member) offsetof(struct cli_globals, member)

static const struct opt global_rows[] = {
    OPT(0, "log-level", "LEVEL", STRING, AT(log_level), "How much to tell on stderr, warn if unset",
        .accepts = "trace|debug|info|warn|error|fatal|panic"),
    OPT(0, "root", "DIR", STRING, AT(root), "Where images and containers are kept"),
    OPT(0, "runroot", "DIR", STRING, AT(runroot), "Where locks and sockets are kept"),
    OPT(0, "additional-store", "DIR", LIST, AT(additional_stores),
        "A read-only store whose images serve too; may be repeated"),
    OPT_OTHER(OPT_IGNORED, 0, "cgroup-manager", "NAME"),
    OPT_OTHER(OPT_IGNORED, 0, "conmon", "FILE"),
    OPT_OTHER(OPT_IGNORED, 0, "events-backend", "NAME"),
    OPT_OTHER(OPT_IGNORED, 0, "hooks-dir", "DIR"),
    OPT_OTHER(OPT_IGNORED, 0, "network-cmd-path", "FILE"),
    OPT_OTHER(OPT_IGNORED, 0, "network-config-dir", "DIR"),
    OPT_OTHER(OPT_IGNORED, 0, "runtime", "NAME"),
    OPT_OTHER(OPT_IGNORED, 0, "runtime-flag", "FLAG"),
    OPT_OTHER(OPT_IGNORED, 0, "storage-driver", "NAME"),
    OPT_OTHER(OPT_IGNORED, 0, "storage-opt", "OPTION"),
    OPT_OTHER(OPT_IGNORED, 0, "syslog", ""),
    OPT_OTHER(OPT_IGNORED, 0, "tmpdir", "DIR"),
    OPT_OTHER(OPT_IGNORED, 0, "volumepath", "DIR"),
    OPT_OTHER(OPT_REFUSED, 0, "connection", "NAME"),
    OPT_OTHER(OPT_REFUSED, 0, "host", "ADDRESS"),
    OPT_OTHER(OPT_REFUSED, 0, "remote", ""),
    OPT_OTHER(OPT_REFUSED, 0, "url", "URL"),
};

static const struct opt root_rows[] = {
    OPT('v', "version", "", FLAG, AT(version), "Print the version"),
};

const struct opt_group cli_global_groups[] = {OPT_GROUP(global_rows, 0), OPT_GROUPS_END};
const struct opt_group cli_root_groups[] = {OPT_GROUP(root_rows, 0), OPT_GROUPS_END};

static bool is_word_of(const char *words, const char *word)
{
    size_t length = strlen(word);

    while (words && *words != '\0') {
        size_t word_length = strcspn(words, " ");

        if (word_length == length && memcmp(words, word, length) == 0)
            return true;
        words += word_length;
        words += *words == ' ';
    }
    return false;
}

const struct command_entry *command_find(const struct command_entry *entries, const char *name)
{
    for (; entries->name; entries++)
        if (strcmp(entries->name, name) == 0 || is_word_of(entries->aliases, name))
            return entries;
    return NULL;
}

const char *command_refusal(const char *name)
{
    static const struct {
        const char *name;
        const char *reason;
    } refused[] = {
        {"buildx", "build has no back ends to choose from"},
        {"farm", "mcpd builds on this machine"},
        {"generate", "mcpd has no pods and needs no units for its containers"},
        {"kube", "mcpd has no pods"},
        {"machine", "mcpd runs on Linux itself"},
        {"play", "mcpd has no pods"},
        {"pod", "mcpd has no pods"},
        {"stack", "mcpd has no swarm"},
        {"swarm", "mcpd has no swarm"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
        if (strcmp(refused[i].name, name) == 0)
            return refused[i].reason;
    return NULL;
}

static int visit_entries(const char *prefix, const struct command_entry *entries,
                         command_visit_function visit, void *context)
{
    for (; entries->name; entries++) {
        char path[CLI_PATH_SIZE];
        int rc = 0;

        if (entries->is_hidden)
            continue;
        (void)snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix != '\0' ? " " : "",
                       entries->name);
        rc = visit(path, entries, context);
        if (rc == 0 && entries->command->children)
            rc = visit_entries(path, entries->command->children, visit, context);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int command_visit(command_visit_function visit, void *context)
{
    return visit_entries("", cli_commands, visit, context);
}
