/*
 * completion.c - completion scripts, made from the tables.
 *
 * bash: one function that walks the words up to the cursor, and four tables as case statements
 * (commands of a group, options, options that take a value, kind of argument). zsh runs the same
 * through its bash emulation. fish has its own statements. Names of containers and images are asked
 * from the program itself.
 */
#include "cli/completion.h"

#include "cli/cli.h"

#include <string.h>

/* ------------------------------------------------------------------ bash */

static const char bash_body[] =
    "_mcpd() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[0]}\n"
    "    local path= word= skip= words= arguments=0 i\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [ -n \"$skip\" ]; then [ \"$word\" = = ] || skip=; continue; fi\n"
    "        case $word in\n"
    "        =) skip=1 ;;\n"
    "        --*=*) ;;\n"
    "        -*) case \" $(_mcpd_valued \"$path\") \" in *\" $word \"*) skip=1 ;; esac ;;\n"
    "        *) case \" $(_mcpd_commands \"$path\") \" in\n"
    "            *\" $word \"*) path=\"${path:+$path }$word\" ;;\n"
    "            *) arguments=$((arguments + 1)) ;;\n"
    "            esac ;;\n"
    "        esac\n"
    "    done\n"
    "    COMPREPLY=()\n"
    "    if [ -n \"$skip\" ]; then\n"
    "        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
    "        return\n"
    "    fi\n"
    "    case $cur in\n"
    "    -*) words=$(_mcpd_options \"$path\") ;;\n"
    "    *) words=$(_mcpd_commands \"$path\")\n"
    "        if [ -z \"$words\" ]; then\n"
    "            case $(_mcpd_kind \"$path\"):$arguments in\n"
    "            containers:*) words=$(_mcpd_containers \"$program\") ;;\n"
    "            images:*) words=$(_mcpd_images \"$program\") ;;\n"
    "            both:*) words=\"$(_mcpd_containers \"$program\") $(_mcpd_images \"$program\")\" "
    ";;\n"
    "            container:0) words=$(_mcpd_containers \"$program\") ;;\n"
    "            image:0) words=$(_mcpd_images \"$program\") ;;\n"
    "            files:* | container:* | image:*) COMPREPLY=($(compgen -f -- \"$cur\")); return "
    ";;\n"
    "            esac\n"
    "        fi ;;\n"
    "    esac\n"
    "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
    "    if type __ltrim_colon_completions >/dev/null 2>&1; then\n"
    "        __ltrim_colon_completions \"$cur\"\n"
    "    fi\n"
    "}\n"
    "_mcpd_containers() { \"$1\" ps -a --format '{{.Names}}' 2>/dev/null; }\n"
    "_mcpd_images() { \"$1\" images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null | grep -v "
    "'<none>'; }\n";

struct table {
    struct buf *text;
    bool only_valued;
};

static void append_entry_names(struct buf *text, const struct command_entry *entries)
{
    for (const struct command_entry *entry = entries; entry->name; entry++) {
        if (entry->is_hidden)
            continue;
        (void)buf_append_format(text, " %s", entry->name);
        if (entry->aliases)
            (void)buf_append_format(text, " %s", entry->aliases);
    }
}

/* The pattern of a case: "image list|image ls)". */
static void open_case(struct buf *text, const char *path, const struct command_entry *entry)
{
    const char *last = strrchr(path, ' ');
    size_t length = last ? (size_t)(last + 1 - path) : 0;
    const char *words = entry->aliases;

    (void)buf_append_format(text, "    '%s'", path);
    while (words && *words != '\0') {
        size_t word = strcspn(words, " ");

        (void)buf_append_format(text, "|'%.*s%.*s'", (int)length, path, (int)word, words);
        words += word + (words[word] == ' ');
    }
    (void)buf_append_text(text, ") ");
}

static int append_commands_case(const char *path, const struct command_entry *entry, void *context)
{
    struct table *table = context;

    if (!entry->command->children)
        return 0;
    open_case(table->text, path, entry);
    (void)buf_append_text(table->text, "echo");
    append_entry_names(table->text, entry->command->children);
    (void)buf_append_text(table->text, " ;;\n");
    return 0;
}

static int append_option_words(const struct opt *row, void *context)
{
    const struct table *table = context;
    bool is_offered = table->only_valued ? !opt_is_flag(row) : row->support == OPT_WORKS;

    if (!is_offered)
        return 0;
    (void)buf_append_format(table->text, " --%s", row->name);
    if (table->only_valued && row->letter != 0)
        (void)buf_append_format(table->text, " -%c", row->letter);
    return 0;
}

static int append_options_case(const char *path, const struct command_entry *entry, void *context)
{
    struct table *table = context;

    open_case(table->text, path, entry);
    (void)buf_append_text(table->text, "echo");
    (void)opts_visit(entry->command->groups, append_option_words, table);
    (void)opts_visit(cli_global_groups, append_option_words, table);
    (void)buf_append_text(table->text, table->only_valued ? " ;;\n" : " --help ;;\n");
    return 0;
}

/* Where options end at the first argument, only that one is a name. */
static const char *kind_of(const struct command *command)
{
    switch (command->completes) {
    case COMPLETES_CONTAINERS:
        return command->stops_at_argument ? "container" : "containers";
    case COMPLETES_IMAGES:
        return command->stops_at_argument ? "image" : "images";
    case COMPLETES_BOTH:
        return "both";
    case COMPLETES_FILES:
        return "files";
    case COMPLETES_NOTHING:
        break;
    }
    return "nothing";
}

static int append_kind_case(const char *path, const struct command_entry *entry, void *context)
{
    struct table *table = context;

    if (entry->command->completes == COMPLETES_NOTHING)
        return 0;
    open_case(table->text, path, entry);
    (void)buf_append_format(table->text, "echo %s ;;\n", kind_of(entry->command));
    return 0;
}

static void append_function(struct table *table, const char *name, const char *at_root,
                            command_visit_function visit)
{
    (void)buf_append_format(table->text, "%s() {\n    case $1 in\n%s", name, at_root);
    (void)command_visit(visit, table);
    (void)buf_append_text(table->text, "    esac\n}\n");
}

static void append_bash(struct buf *text)
{
    struct table table = {.text = text};

    (void)buf_append_text(text, bash_body);
    (void)buf_append_text(text, "_mcpd_commands() {\n    case $1 in\n    '') echo help");
    append_entry_names(text, cli_commands);
    (void)buf_append_text(text, " ;;\n");
    (void)command_visit(append_commands_case, &table);
    (void)buf_append_text(text, "    esac\n}\n");
    append_function(&table, "_mcpd_options",
                    "    '') echo --root --runroot --log-level --version --help ;;\n",
                    append_options_case);
    table.only_valued = true;
    append_function(&table, "_mcpd_valued", "    '') echo --root --runroot --log-level ;;\n",
                    append_options_case);
    append_function(&table, "_mcpd_kind", "", append_kind_case);
    (void)buf_append_text(text, "complete -F _mcpd mcpd\n");
}

/* ------------------------------------------------------------------ fish */

static void append_fish_quoted(struct buf *text, const char *plain)
{
    (void)buf_append_text(text, "'");
    for (; *plain != '\0'; plain++)
        (void)buf_append_format(text, *plain == '\'' || *plain == '\\' ? "\\%c" : "%c", *plain);
    (void)buf_append_text(text, "'");
}

struct fish_command {
    struct buf *text;
    char condition[2 * CLI_PATH_SIZE + 64];
};

/* The words of the path must all have been seen. */
static void set_condition(struct fish_command *fish, const char *path)
{
    size_t length = strcspn(path, " ");
    const char *rest = path[length] == ' ' ? path + length + 1 : NULL;

    if (rest)
        (void)snprintf(fish->condition, sizeof(fish->condition),
                       "__fish_seen_subcommand_from %.*s; and __fish_seen_subcommand_from %s",
                       (int)length, path, rest);
    else
        (void)snprintf(fish->condition, sizeof(fish->condition), "__fish_seen_subcommand_from %s",
                       path);
}

static int append_fish_option(const struct opt *row, void *context)
{
    const struct fish_command *fish = context;

    if (row->support != OPT_WORKS)
        return 0;
    (void)buf_append_format(fish->text, "complete -c mcpd -n '%s' -l %s", fish->condition,
                            row->name);
    if (row->letter != 0)
        (void)buf_append_format(fish->text, " -s %c", row->letter);
    (void)buf_append_format(fish->text, "%s -d ", opt_is_flag(row) ? "" : " -r");
    append_fish_quoted(fish->text, row->help);
    (void)buf_append_text(fish->text, "\n");
    return 0;
}

static void append_fish_kind(const struct fish_command *fish, enum command_completes completes)
{
    if (completes == COMPLETES_CONTAINERS || completes == COMPLETES_BOTH)
        (void)buf_append_format(fish->text, "complete -c mcpd -n '%s' -a '(__mcpd_containers)'\n",
                                fish->condition);
    if (completes == COMPLETES_IMAGES || completes == COMPLETES_BOTH)
        (void)buf_append_format(fish->text, "complete -c mcpd -n '%s' -a '(__mcpd_images)'\n",
                                fish->condition);
    if (completes == COMPLETES_FILES)
        (void)buf_append_format(fish->text, "complete -c mcpd -n '%s' -F\n", fish->condition);
}

static int append_fish_command(const char *path, const struct command_entry *entry, void *context)
{
    struct fish_command fish = {.text = context};
    const char *space = strchr(path, ' ');

    if (space)
        (void)buf_append_format(fish.text,
                                "complete -c mcpd -n '__fish_seen_subcommand_from %.*s' -a %s -d ",
                                (int)(space - path), path, entry->name);
    else
        (void)buf_append_format(fish.text, "complete -c mcpd -n __fish_use_subcommand -a %s -d ",
                                entry->name);
    append_fish_quoted(fish.text, entry->command->summary);
    (void)buf_append_text(fish.text, "\n");
    set_condition(&fish, path);
    (void)opts_visit(entry->command->groups, append_fish_option, &fish);
    append_fish_kind(&fish, entry->command->completes);
    return 0;
}

static void append_fish(struct buf *text)
{
    (void)buf_append_text(text, "complete -c mcpd -f\n"
                                "function __mcpd_containers\n"
                                "    mcpd ps -a --format '{{.Names}}' 2>/dev/null\n"
                                "end\n"
                                "function __mcpd_images\n"
                                "    mcpd images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null | "
                                "string match -v '*<none>*'\n"
                                "end\n");
    (void)command_visit(append_fish_command, text);
}

int completion_text(const char *shell, struct buf *text, struct mcpd_error *err)
{
    if (strcmp(shell, "bash") == 0) {
        (void)buf_append_text(text, "# bash completion of mcpd, made by `mcpd completion bash`\n");
        append_bash(text);
    } else if (strcmp(shell, "zsh") == 0) {
        (void)buf_append_text(text, "#compdef mcpd\nautoload -Uz bashcompinit && bashcompinit\n");
        append_bash(text);
    } else if (strcmp(shell, "fish") == 0) {
        (void)buf_append_text(text, "# fish completion of mcpd, made by `mcpd completion fish`\n");
        append_fish(text);
    } else {
        return error_set(err, MCPD_E_INVALID, "no completion for \"%s\": bash, zsh or fish", shell);
    }
    return buf_check(text, "completion", err);
}
