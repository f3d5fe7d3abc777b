/*
 * completion.c - completion scripts, made from the tables.
 *
 * bash: one function that walks the words up to the cursor, and five tables as case statements
 * (commands of a group, options, options that take a value, what that may be, kind of argument).
 * zsh runs the same through its bash emulation. fish has its own statements. Names of containers
 * and images are asked from the program itself, by the name it was called by, with the --root and
 * --runroot of the line. Where the shell has yet to make something of these ($HOME), or there is
 * no store in it, nothing is asked: it would be of another store, and make it.
 */
#include "cli/completion.h"

#include "cli/choices.h"
#include "cli/cli.h"

#include <string.h>

#define CHOICES_MAX_BYTES 4096

/* ------------------------------------------------------------------ bash */

static const char bash_body[] =
    "_mcpd() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} program= option= prefix= path= word= words= kind= i\n"
    "    local -a globals=()\n"
    "    local arguments=0\n"
    "    program=$(_mcpd_plain \"${COMP_WORDS[0]}\")\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [ -n \"$option\" ]; then\n"
    "            [ \"$word\" != = ] || continue\n"
    "            case $option in\n"
    "            --root | --runroot) _mcpd_global \"$option\" \"$word\" ;;\n"
    "            esac\n"
    "            option=\n"
    "            continue\n"
    "        fi\n"
    "        case $word in\n"
    "        =) option== ;;\n"
    "        --root=* | --runroot=*) _mcpd_global \"${word%%=*}\" \"${word#*=}\" ;;\n"
    "        --*=*) ;;\n"
    "        -*) case \" $(_mcpd_valued \"$path\") \" in *\" $word \"*) option=$word ;; esac ;;\n"
    "        *) case \" $(_mcpd_commands \"$path\") \" in\n"
    "            *\" $word \"*) path=\"${path:+$path }$word\" ;;\n"
    "            *) arguments=$((arguments + 1))\n"
    "                case $(_mcpd_kind \"$path\") in container | image) break ;; esac ;;\n"
    "            esac ;;\n"
    "        esac\n"
    "    done\n"
    "    COMPREPLY=()\n"
    "    kind=$(_mcpd_kind \"$path\"):$arguments\n"
    "    case $kind in\n"
    "    container:[1-9]* | image:[1-9]*) _mcpd_paths -f \"$cur\"; return ;;\n"
    "    esac\n"
    "    case $option$cur in\n"
    "    --*=*) [ -n \"$option\" ] || { option=${cur%%=*} prefix=$option= cur=${cur#*=}; } ;;\n"
    "    esac\n"
    "    [ \"$cur\" != = ] || cur=\n"
    "    if [ -n \"$option\" ]; then\n"
    "        words=$(_mcpd_values \"$path\" \"$option\")\n"
    "        case $words in\n"
    "        @files) _mcpd_paths -f \"$cur\" ;;\n"
    "        @folders) _mcpd_paths -d \"$cur\" ;;\n"
    "        *) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n"
    "        esac\n"
    "        case ${COMPREPLY[0]} in *=) compopt -o nospace 2>/dev/null ;; esac\n"
    "        [ -z \"$prefix\" ] || COMPREPLY=(\"${COMPREPLY[@]/#/$prefix}\")\n"
    "        return\n"
    "    fi\n"
    "    case $cur in\n"
    "    -*) words=$(_mcpd_options \"$path\") ;;\n"
    "    *) words=$(_mcpd_commands \"$path\")\n"
    "        if [ -z \"$words\" ]; then\n"
    "            case $kind in\n"
    "            containers:* | container:0) words=$(_mcpd_containers \"$program\" "
    "\"${globals[@]}\") ;;\n"
    "            images:* | image:0) words=$(_mcpd_images \"$program\" \"${globals[@]}\") ;;\n"
    "            both:*) words=$(_mcpd_containers \"$program\" \"${globals[@]}\"\n"
    "                _mcpd_images \"$program\" \"${globals[@]}\") ;;\n"
    "            files:*) _mcpd_paths -f \"$cur\"; return ;;\n"
    "            words*:0) words=${kind#words} words=${words%:0} ;;\n"
    "            esac\n"
    "        fi ;;\n"
    "    esac\n"
    "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
    "    if type __ltrim_colon_completions >/dev/null 2>&1; then\n"
    "        __ltrim_colon_completions \"$cur\"\n"
    "    fi\n"
    "}\n"
    "_mcpd_global() {\n"
    "    local value\n"
    "    value=$(_mcpd_plain \"$2\")\n"
    "    globals+=(\"$1\" \"$value\")\n"
    "    case $2 in *[\\$\\`]*) program=false ;; esac\n"
    "    [ \"$1\" != --root ] || [ -d \"$value/images\" ] || program=false\n"
    "}\n"
    "_mcpd_plain() {\n"
    "    local text=$1\n"
    "    case $text in \"~\" | \"~/\"*) text=$HOME${text#\"~\"} ;; esac\n"
    "    printf '%s' \"${text//[\\\"\\'\\\\]/}\"\n"
    "}\n"
    "_mcpd_paths() {\n"
    "    local IFS=$'\\n'\n"
    "    COMPREPLY=($(compgen \"$1\" -- \"$2\"))\n"
    "    compopt -o filenames 2>/dev/null\n"
    "}\n"
    "_mcpd_containers() { \"$@\" ps -a --format '{{.Names}}' 2>/dev/null; }\n"
    "_mcpd_images() {\n"
    "    \"$@\" images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null | grep -v '<none>'\n"
    "}\n";

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
    if (table->only_valued && row->alias[0] != '\0')
        (void)buf_append_format(table->text, " --%s", row->alias);
    if (table->only_valued && row->letter != 0)
        (void)buf_append_format(table->text, " -%c", row->letter);
    return 0;
}

/* "a|b=|c[:N]" as words. */
static void append_choice_words(struct buf *text, const char *choices)
{
    for (; *choices != '\0'; choices += strcspn(choices, "|"), choices += *choices == '|')
        (void)buf_append_format(text, " %.*s", (int)strcspn(choices, "|["), choices);
}

/* "--network | --net) echo none host ;;" */
static int append_value_case(const struct opt *row, void *context)
{
    static const char *const paths[] = {
        [CHOICES_NO_PATH] = "", [CHOICES_FILE] = " @files", [CHOICES_FOLDER] = " @folders"};
    const struct table *table = context;
    CLEANUP_BUF struct buf choices;

    buf_init(&choices, CHOICES_MAX_BYTES);
    choices_append(row, &choices);
    if (row->support != OPT_WORKS || (choices.length == 0 && choices_path(row) == CHOICES_NO_PATH))
        return 0;
    (void)buf_append_format(table->text, "        --%s", row->name);
    if (row->alias[0] != '\0')
        (void)buf_append_format(table->text, " | --%s", row->alias);
    if (row->letter != 0)
        (void)buf_append_format(table->text, " | -%c", row->letter);
    (void)buf_append_text(table->text, ") echo");
    append_choice_words(table->text, buf_text(&choices));
    (void)buf_append_format(table->text, "%s ;;\n",
                            choices.length == 0 ? paths[choices_path(row)] : "");
    return 0;
}

static int append_values_case(const char *path, const struct command_entry *entry, void *context)
{
    struct table *table = context;

    if (!entry->command->groups)
        return 0;
    open_case(table->text, path, entry);
    (void)buf_append_text(table->text, "case $2 in\n");
    (void)opts_visit(entry->command->groups, append_value_case, table);
    (void)buf_append_text(table->text, "        esac ;;\n");
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
    case COMPLETES_WORDS:
        return "words";
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
    (void)buf_append_format(table->text, "echo %s", kind_of(entry->command));
    if (entry->command->completes == COMPLETES_WORDS) {
        (void)buf_append_text(table->text, "'");
        append_choice_words(table->text, entry->command->arguments);
        (void)buf_append_text(table->text, "'");
    }
    (void)buf_append_text(table->text, " ;;\n");
    return 0;
}

static void append_function(struct table *table, const char *name, command_visit_function visit)
{
    (void)buf_append_format(table->text, "%s() {\n    case $1 in\n", name);
    (void)command_visit(visit, table);
    (void)buf_append_text(table->text, "    esac\n}\n");
}

/* The options of the program itself. */
static void append_options_function(struct table *table, const char *name)
{
    (void)buf_append_format(table->text, "%s() {\n    case $1 in\n    '') echo", name);
    (void)opts_visit(cli_global_groups, append_option_words, table);
    (void)opts_visit(cli_root_groups, append_option_words, table);
    (void)buf_append_text(table->text, table->only_valued ? " ;;\n" : " --help ;;\n");
    (void)command_visit(append_options_case, table);
    (void)buf_append_text(table->text, "    esac\n}\n");
}

static void append_bash(struct buf *text, const char *program)
{
    struct table table = {.text = text};

    (void)buf_append_text(text, bash_body);
    (void)buf_append_text(text, "_mcpd_commands() {\n    case $1 in\n    '') echo help");
    append_entry_names(text, cli_commands);
    (void)buf_append_text(text, " ;;\n");
    (void)command_visit(append_commands_case, &table);
    (void)buf_append_text(text, "    esac\n}\n");
    append_options_function(&table, "_mcpd_options");
    table.only_valued = true;
    append_options_function(&table, "_mcpd_valued");
    (void)buf_append_text(text, "_mcpd_values() {\n    case $1 in\n");
    (void)command_visit(append_values_case, &table);
    (void)buf_append_text(text, "    esac\n    case $2 in\n");
    (void)opts_visit(cli_global_groups, append_value_case, &table);
    (void)buf_append_text(text, "    esac\n}\n");
    append_function(&table, "_mcpd_kind", append_kind_case);
    (void)buf_append_format(text, "complete -F _mcpd %s\n", program);
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
    const char *program;
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

static void begin_fish(const struct fish_command *fish)
{
    (void)buf_append_format(fish->text, "complete -c %s", fish->program);
    if (fish->condition[0] != '\0')
        (void)buf_append_format(fish->text, " -n '%s'", fish->condition);
}

/* -r: takes a value, -f: that is no file. */
static void append_fish_value(const struct fish_command *fish, const struct opt *row)
{
    CLEANUP_BUF struct buf choices;

    if (opt_is_flag(row))
        return;
    buf_init(&choices, CHOICES_MAX_BYTES);
    choices_append(row, &choices);
    if (choices.length > 0) {
        (void)buf_append_text(fish->text, " -r -f -a '");
        append_choice_words(fish->text, buf_text(&choices));
        (void)buf_append_text(fish->text, "'");
    } else if (choices_path(row) == CHOICES_FOLDER) {
        (void)buf_append_text(fish->text, " -r -f -a '(__fish_complete_directories)'");
    } else {
        (void)buf_append_text(fish->text, choices_path(row) == CHOICES_FILE ? " -r -F" : " -r -f");
    }
}

static int append_fish_option(const struct opt *row, void *context)
{
    const struct fish_command *fish = context;

    if (row->support != OPT_WORKS)
        return 0;
    begin_fish(fish);
    (void)buf_append_format(fish->text, " -l %s", row->name);
    if (row->alias[0] != '\0')
        (void)buf_append_format(fish->text, " -l %s", row->alias);
    if (row->letter != 0)
        (void)buf_append_format(fish->text, " -s %c", row->letter);
    append_fish_value(fish, row);
    (void)buf_append_text(fish->text, " -d ");
    append_fish_quoted(fish->text, row->help);
    (void)buf_append_text(fish->text, "\n");
    return 0;
}

static void append_fish_arguments(const struct fish_command *fish, const char *offers)
{
    begin_fish(fish);
    (void)buf_append_format(fish->text, " %s\n", offers);
}

static void append_fish_kind(const struct fish_command *fish, const struct command *command)
{
    enum command_completes completes = command->completes;

    if (completes == COMPLETES_CONTAINERS || completes == COMPLETES_BOTH)
        append_fish_arguments(fish, "-a '(__mcpd_containers)'");
    if (completes == COMPLETES_IMAGES || completes == COMPLETES_BOTH)
        append_fish_arguments(fish, "-a '(__mcpd_images)'");
    if (completes == COMPLETES_FILES)
        append_fish_arguments(fish, "-F");
    if (completes == COMPLETES_WORDS) {
        begin_fish(fish);
        (void)buf_append_text(fish->text, " -a '");
        append_choice_words(fish->text, command->arguments);
        (void)buf_append_text(fish->text, "'\n");
    }
}

static int append_fish_command(const char *path, const struct command_entry *entry, void *context)
{
    struct fish_command *fish = context;
    const char *space = strchr(path, ' ');

    (void)buf_append_format(fish->text, "complete -c %s -n '", fish->program);
    if (space)
        (void)buf_append_format(fish->text, "__fish_seen_subcommand_from %.*s", (int)(space - path),
                                path);
    else
        (void)buf_append_text(fish->text, "__fish_use_subcommand");
    (void)buf_append_format(fish->text, "' -a %s -d ", entry->name);
    append_fish_quoted(fish->text, entry->command->summary);
    (void)buf_append_text(fish->text, "\n");
    set_condition(fish, path);
    (void)opts_visit(entry->command->groups, append_fish_option, fish);
    append_fish_kind(fish, entry->command);
    return 0;
}

static const char fish_body[] =
    "# The program as called, with the --root and --runroot of the line.\n"
    "function __mcpd_ask\n"
    "    set -l words (commandline -opc)\n"
    "    set -l globals\n"
    "    for i in (seq 2 (count $words))\n"
    "        switch $words[$i]\n"
    "            case --root --runroot\n"
    "                set -a globals $words[$i]=$words[(math $i + 1)]\n"
    "            case '--root=*' '--runroot=*'\n"
    "                set -a globals $words[$i]\n"
    "        end\n"
    "    end\n"
    "    for root in (string replace -f -- --root= '' $globals)\n"
    "        test -d $root/images; or return\n"
    "    end\n"
    "    $words[1] $globals $argv 2>/dev/null\n"
    "end\n"
    "function __mcpd_containers\n"
    "    __mcpd_ask ps -a --format '{{.Names}}'\n"
    "end\n"
    "function __mcpd_images\n"
    "    __mcpd_ask images --format '{{.Repository}}:{{.Tag}}' | string match -v '*<none>*'\n"
    "end\n";

static void append_fish(struct buf *text, const char *program)
{
    struct fish_command fish = {.text = text, .program = program};

    (void)buf_append_format(text, "complete -c %s -f\n%s", program, fish_body);
    (void)opts_visit(cli_global_groups, append_fish_option, &fish);
    (void)command_visit(append_fish_command, &fish);
}

int completion_text(const char *shell, const char *program, struct buf *text,
                    struct mcpd_error *err)
{
    if (strcmp(shell, "bash") == 0) {
        (void)buf_append_format(text, "# bash completion, made by `%s completion bash`\n", program);
        append_bash(text, program);
    } else if (strcmp(shell, "zsh") == 0) {
        (void)buf_append_format(text, "#compdef %s\nautoload -Uz bashcompinit && bashcompinit\n",
                                program);
        append_bash(text, program);
    } else if (strcmp(shell, "fish") == 0) {
        (void)buf_append_format(text, "# fish completion, made by `%s completion fish`\n", program);
        append_fish(text, program);
    } else {
        return error_set(err, MCPD_E_INVALID, "no completion for \"%s\": bash, zsh or fish", shell);
    }
    return buf_check(text, "completion", err);
}
