/* man.c - the man page mcpd.1: the same tables as --help, and the few things that belong to no
 * command. */
#include "cli/man.h"

#include "base/str.h"
#include "cli/cli.h"
#include "cli/help.h"

#include <string.h>

/* roff: a backslash and a leading dot are its own, and a hyphen that can be copied is \-. */
static void append_escaped(struct buf *text, const char *plain, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (plain[i] == '\\')
            (void)buf_append_text(text, "\\e");
        else if (plain[i] == '-')
            (void)buf_append_text(text, "\\-");
        else if (i == 0 && (plain[i] == '.' || plain[i] == '\''))
            (void)buf_append_format(text, "\\&%c", plain[i]);
        else
            (void)buf_append(text, &plain[i], 1);
    }
}

static void append_line(struct buf *text, const char *plain)
{
    append_escaped(text, plain, strlen(plain));
    (void)buf_append_text(text, "\n");
}

static void append_paragraph(const char *paragraph, size_t length, void *context)
{
    struct buf *text = context;

    (void)buf_append_text(text, ".PP\n");
    append_escaped(text, paragraph, length);
    (void)buf_append_text(text, "\n");
}

/* ------------------------------------------------------------------ options */

static void append_option(struct buf *text, const struct opt *row)
{
    CLEANUP_BUF struct buf name;
    CLEANUP_BUF struct buf help;

    buf_init(&name, 4096);
    buf_init(&help, 4096);
    help_option_name(row, &name);
    (void)buf_append_text(text, ".TP\n.B ");
    append_line(text, buf_text(&name));
    help_option_text(row, &help);
    append_escaped(text, buf_text(&help), help.length);
    (void)buf_append_text(text, ".\n");
    if (row->alias[0] != '\0') {
        (void)buf_append_text(text, "Also \\-\\-");
        append_escaped(text, row->alias, strlen(row->alias));
        (void)buf_append_text(text, ".\n");
    }
}

static void append_names(struct buf *text, const struct opt *const *rows, enum opt_support support,
                         const char *title)
{
    const char *separator = title;

    for (; *rows; rows++) {
        if ((*rows)->support != support)
            continue;
        if (separator == title)
            (void)buf_append_text(text, ".PP\n");
        (void)buf_append_format(text, "%s \\-\\-", separator);
        append_escaped(text, (*rows)->name, strlen((*rows)->name));
        separator = ",";
    }
    if (separator != title)
        (void)buf_append_text(text, ".\n");
}

static void append_options(struct buf *text, const struct opt_group *groups)
{
    CLEANUP_FREE const struct opt **rows = opts_sorted(groups);

    for (size_t i = 0; rows && rows[i]; i++)
        if (rows[i]->support == OPT_WORKS)
            append_option(text, rows[i]);
    if (!rows)
        return;
    append_names(text, rows, OPT_IGNORED, "Accepted without effect:");
    append_names(text, rows, OPT_LATER, "Known, but not supported yet:");
    append_names(text, rows, OPT_REFUSED, "Known, and not supported:");
}

/* ------------------------------------------------------------------ commands */

static void append_examples(struct buf *text, const char *examples)
{
    (void)buf_append_text(text, ".PP\n.EX\n");
    while (*examples != '\0') {
        size_t length = strcspn(examples, "\n");

        (void)buf_append_text(text, "mcpd ");
        append_escaped(text, examples, length);
        (void)buf_append_text(text, "\n");
        examples += length + (examples[length] == '\n');
    }
    (void)buf_append_text(text, ".EE\n");
}

static void append_aliases(struct buf *text, const char *path, const struct command_entry *entry)
{
    const char *last = strrchr(path, ' ');
    size_t length = last ? (size_t)(last + 1 - path) : 0;
    const char *words = entry->aliases;

    if (!words)
        return;
    (void)buf_append_text(text, ".PP\nAlso");
    while (*words != '\0') {
        size_t word = strcspn(words, " ");

        (void)buf_append_format(text, " mcpd %.*s%.*s%s", (int)length, path, (int)word, words,
                                words[word] == ' ' ? "," : ".\n");
        words += word + (words[word] == ' ');
    }
}

static int append_command(const char *path, const struct command_entry *entry, void *context)
{
    struct buf *text = context;
    const struct command *command = entry->command;

    if (command->children)
        return 0;
    (void)buf_append_text(text, ".SS mcpd ");
    append_escaped(text, path, strlen(path));
    (void)buf_append_text(text, " ");
    append_line(text, command->arguments);
    append_escaped(text, command->summary, strlen(command->summary));
    (void)buf_append_text(text, ".\n");
    append_aliases(text, path, entry);
    if (command->details)
        help_visit_paragraphs(command->details, append_paragraph, text);
    append_options(text, command->groups);
    if (command->examples)
        append_examples(text, command->examples);
    return 0;
}

/* A command that stands in a group too is explained once. */
static int append_top_command(const char *path, const struct command_entry *entry, void *context)
{
    const struct command_entry *top = command_find(cli_commands, path);
    bool is_copy = false;

    for (const struct command_entry *at = cli_commands; !top && at->name; at++)
        is_copy = is_copy || at->command == entry->command;
    if (!is_copy)
        return append_command(path, entry, context);
    for (const struct command_entry *at = cli_commands; at->name; at++) {
        if (at->command == entry->command) {
            (void)buf_append_text(context, ".SS mcpd ");
            append_line(context, path);
            (void)buf_append_format(context, "The same as mcpd %s.\n", at->name);
            return 0;
        }
    }
    return 0;
}

/* ------------------------------------------------------------------ the page */

static const char head[] =
    ".\\\" Made by `mcpd man` from the option tables.\n"
    ".TH MCPD 1 \"\" \"mcpd " MCPD_VERSION "\" \"User Commands\"\n"
    ".SH NAME\n"
    "mcpd \\- run containers with nothing but the kernel\n"
    ".SH SYNOPSIS\n"
    ".B mcpd\n"
    "[\\fIoptions\\fR] \\fICOMMAND\\fR [\\fIARG\\fR...]\n"
    ".SH DESCRIPTION\n"
    "mcpd pulls images from registries and runs them in namespaces and control groups, as root or "
    "as an\n"
    "ordinary user, without a daemon. Its command line, exit statuses and JSON documents are those "
    "of\n"
    "podman 4.3.1; called by the name of podman or docker it speaks of itself by that name.\n"
    ".SH OPTIONS\n"
    "These may stand before the command or among its options.\n";

static const char tail[] =
    ".SH EXIT STATUS\n"
    ".TP\n.B 0\nSuccess.\n"
    ".TP\n.B 1\nexists, manifest inspect: it does not exist; rm, rmi: there is no such thing.\n"
    ".TP\n.B 2\nrm, rmi: it is in use.\n"
    ".TP\n.B 125\nmcpd itself failed, or was called in a wrong way.\n"
    ".TP\n.B 126\nThe container's command or user cannot be run.\n"
    ".TP\n.B 127\nThe container's command does not exist.\n"
    ".TP\n.B 128+N\nSignal N ended the container's command.\n"
    ".TP\n.B 255\nexec: the container does not run.\n"
    ".PP\n"
    "Otherwise run, exec and start \\-\\-attach end with the status of the container's command.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n.B MCPD_DEBUG\nTopics to trace on stderr, separated by commas, or all.\n"
    ".TP\n.B REGISTRY_AUTH_FILE\nCredentials of registries.\n"
    ".TP\n.B XDG_DATA_HOME, XDG_RUNTIME_DIR\nBelow these an ordinary user's files are kept.\n"
    ".SH FILES\n"
    ".TP\n.I /var/lib/mcpd\nImages and containers of root; $XDG_DATA_HOME/mcpd or "
    "~/.local/share/mcpd of a user.\n"
    ".TP\n.I /run/mcpd\nLocks and sockets; $XDG_RUNTIME_DIR/mcpd of a user, or else "
    "/tmp/mcpd\\-run\\-UID.\n"
    ".TP\n.I /etc/mcpd/mcpd.conf\nConfiguration, TOML; a user's own, "
    "$XDG_CONFIG_HOME/mcpd/mcpd.conf "
    "or ~/.config/mcpd/mcpd.conf, wins key by key. $MCPD_CONF names another file in place of both. "
    "In the table [store]:\n.RS\n"
    ".TP\n.B additional = [\"/DIR\", ...]\nRead\\-only stores, folders that mcpd has made with "
    "\\-\\-root: "
    "their images and layers serve as if they were here, and nothing is ever written to them. They "
    "belong to the user who uses them.\n"
    ".TP\n.B driver = \"auto\"\nWhat the root of a new container is: \"overlay\", \"copy\" (of the "
    "image's layers, made at the first start), or a copy only where overlay cannot be mounted.\n"
    ".TP\n.B max_size = \"10G\"\nWhat images may take; then compressed layers that a registry has "
    "go "
    "first, and then the images that were not used for the longest time.\n"
    ".RE\n"
    ".SH SEE ALSO\n"
    ".BR podman (1),\n"
    ".BR namespaces (7),\n"
    ".BR cgroups (7)\n";

void man_text(struct buf *text)
{
    (void)buf_append_text(text, head);
    append_options(text, cli_global_groups);
    append_options(text, cli_root_groups);
    (void)buf_append_text(text, ".TP\n.B \\-\\-help\n"
                                "Show the help of mcpd or of a command.\n"
                                ".SH COMMANDS\n");
    (void)command_visit(append_top_command, text);
    (void)buf_append_text(text, tail);
}
