/* help.c - --help from one boilerplate: usage, one sentence, options, examples. */
#include "cli/help.h"

#include "base/str.h"
#include "cli/choices.h"
#include "cli/out.h"

#include <string.h>

#define HELP_MAX_BYTES    (256u << 10)
#define HELP_WIDTH        80u
#define HELP_WIDTH_MAX    100u
#define OPTION_COLUMN_MAX 30u /* longer names push their text to the next line */

struct page {
    struct buf *text;
    unsigned int width;
    unsigned int column; /* where the explaining texts start */
};

static void append_blanks(struct buf *text, unsigned int count)
{
    (void)buf_append_format(text, "%*s", (int)count, "");
}

/* Words of a paragraph, the line already filled up to `used`, further lines indented. */
static void append_wrapped(const struct page *page, const char *paragraph, unsigned int indent,
                           unsigned int used)
{
    while (*paragraph != '\0') {
        unsigned int length = (unsigned int)strcspn(paragraph, " \n");

        if (used > indent && used + 1 + length > page->width) {
            (void)buf_append_text(page->text, "\n");
            append_blanks(page->text, indent);
            used = indent;
        } else if (used > indent) {
            (void)buf_append_text(page->text, " ");
            used++;
        }
        (void)buf_append(page->text, paragraph, length);
        used += length;
        paragraph += length;
        paragraph += *paragraph != '\0';
    }
    (void)buf_append_text(page->text, "\n");
}

/* ------------------------------------------------------------------ options */

void help_option_name(const struct opt *row, struct buf *text)
{
    if (row->letter != 0)
        (void)buf_append_format(text, "-%c, ", row->letter);
    (void)buf_append_format(text, "--%s", row->name);
    if (row->value[0] != '\0')
        (void)buf_append_format(text, " %s", row->value);
}

/* "a, b or c"; of the beginning of a word without its '='. */
static void append_choices(struct buf *text, const char *choices)
{
    while (*choices != '\0') {
        size_t length = strcspn(choices, "|");
        const char *rest = choices + length + (choices[length] == '|');
        const char *separator = *rest == '\0' ? "" : strchr(rest, '|') ? ", " : " or ";

        length -= length > 0 && choices[length - 1] == '=';
        (void)buf_append_format(text, "%.*s%s", (int)length, choices, separator);
        choices = rest;
    }
}

void help_option_text(const struct opt *row, struct buf *text)
{
    CLEANUP_BUF struct buf choices;

    buf_init(&choices, HELP_MAX_BYTES);
    choices_append(row, &choices);
    (void)buf_append_text(text, row->help);
    if (choices.length > 0 && row->takes != OPT_TAKES_SIGNAL) {
        (void)buf_append_text(text, ": ");
        append_choices(text, buf_text(&choices));
    }
    if (row->initial[0] != '\0' && row->initial[0] != '-')
        (void)buf_append_format(text, " (default %s)", row->initial);
}

static unsigned int option_width(const struct opt *row)
{
    size_t width = strlen("  -x, --") + strlen(row->name);

    return (unsigned int)(width + (row->value[0] != '\0' ? 1 + strlen(row->value) : 0));
}

static void append_option(const struct page *page, const struct opt *row)
{
    CLEANUP_BUF struct buf help;
    unsigned int used = option_width(row);

    buf_init(&help, HELP_MAX_BYTES);
    help_option_text(row, &help);
    append_blanks(page->text, row->letter != 0 ? 2 : 6);
    help_option_name(row, page->text);
    if (used + 2 > page->column) {
        (void)buf_append_text(page->text, "\n");
        used = 0;
    }
    append_blanks(page->text, page->column - used);
    append_wrapped(page, buf_text(&help), page->column, page->column);
}

static unsigned int option_column(const struct opt *const *rows)
{
    unsigned int column = 14;

    for (; *rows; rows++) {
        unsigned int width = option_width(*rows) + 2;

        if ((*rows)->support == OPT_WORKS && width > column && width <= OPTION_COLUMN_MAX)
            column = width;
    }
    return column;
}

/* Names alone, for the options that do nothing (yet). */
static void append_names(const struct page *page, const struct opt *const *rows,
                         enum opt_support support, const char *title)
{
    CLEANUP_BUF struct buf names;

    buf_init(&names, HELP_MAX_BYTES);
    for (; *rows; rows++)
        if ((*rows)->support == support)
            (void)buf_append_format(&names, "%s--%s", names.length > 0 ? ", " : "", (*rows)->name);
    if (names.length == 0)
        return;
    (void)buf_append_format(page->text, "\n%s:\n  ", title);
    append_wrapped(page, buf_text(&names), 2, 2);
}

static void append_options(struct page *page, const struct opt_group *groups)
{
    static const struct opt help_row = {.name = "help", .help = "Show this help"};
    CLEANUP_FREE const struct opt **rows = opts_sorted(groups);

    if (!rows)
        return;
    page->column = option_column(rows);
    (void)buf_append_text(page->text, "\nOptions:\n");
    for (size_t i = 0; rows[i]; i++)
        if (rows[i]->support == OPT_WORKS)
            append_option(page, rows[i]);
    append_option(page, &help_row);
    append_names(page, rows, OPT_IGNORED, "Accepted without effect");
    append_names(page, rows, OPT_LATER, "Not supported yet");
    append_names(page, rows, OPT_REFUSED, "Not supported");
}

/* ------------------------------------------------------------------ the other parts */

static void append_commands(struct page *page, const struct command_entry *entries)
{
    unsigned int column = 4;

    for (const struct command_entry *entry = entries; entry->name; entry++)
        if (!entry->is_hidden && strlen(entry->name) + 4 > column)
            column = (unsigned int)strlen(entry->name) + 4;
    (void)buf_append_text(page->text, "\nCommands:\n");
    for (const struct command_entry *entry = entries; entry->name; entry++) {
        if (entry->is_hidden)
            continue;
        (void)buf_append_format(page->text, "  %-*s", (int)column - 2, entry->name);
        append_wrapped(page, entry->command->summary, column, column);
    }
}

static void append_examples(struct page *page, const char *path, const char *examples)
{
    size_t program_length = strcspn(path, " ");

    (void)buf_append_text(page->text, "\nExamples:\n");
    while (*examples != '\0') {
        size_t length = strcspn(examples, "\n");

        (void)buf_append_format(page->text, "  %.*s %.*s\n", (int)program_length, path, (int)length,
                                examples);
        examples += length + (examples[length] == '\n');
    }
}

void help_visit_paragraphs(const char *text, help_paragraph_function visit, void *context)
{
    for (text += strspn(text, "\n"); *text != '\0'; text += strspn(text, "\n")) {
        size_t length = strcspn(text, "\n");

        visit(text, length, context);
        text += length;
    }
}

static void append_paragraph(const char *text, size_t length, void *context)
{
    const struct page *page = context;
    CLEANUP_FREE char *paragraph = str_format("%.*s", (int)length, text);

    (void)buf_append_text(page->text, "\n");
    append_wrapped(page, paragraph ? paragraph : "", 0, 0);
}

static void append_program(struct page *page, const char *path)
{
    static const struct opt_group end[] = {OPT_GROUPS_END};
    const struct opt_group globals[] = {cli_global_groups[0], cli_root_groups[0], end[0]};

    (void)buf_append_format(page->text,
                            "Usage: %s [options] COMMAND [ARG...]\n\n"
                            "Run containers with nothing but the kernel.\n",
                            path);
    append_commands(page, cli_commands);
    append_options(page, globals);
    (void)buf_append_format(page->text, "\n`%s COMMAND --help` explains a command.\n", path);
}

void help_text(const char *path, const struct command *command, unsigned int width,
               struct buf *text)
{
    struct page page = {.text = text, .width = width};

    if (!command) {
        append_program(&page, path);
        return;
    }
    (void)buf_append_format(text, "Usage: %s %s\n\n%s.\n", path, command->arguments,
                            command->summary);
    if (command->details)
        help_visit_paragraphs(command->details, append_paragraph, &page);
    if (command->children)
        append_commands(&page, command->children);
    else
        append_options(&page, command->groups);
    if (command->examples)
        append_examples(&page, path, command->examples);
}

int help_print(const char *path, const struct command *command)
{
    unsigned int width = out_terminal_width(STDOUT_FILENO);
    CLEANUP_BUF struct buf text;

    buf_init(&text, HELP_MAX_BYTES);
    if (width < HELP_WIDTH / 2)
        width = HELP_WIDTH;
    help_text(path, command, width > HELP_WIDTH_MAX ? HELP_WIDTH_MAX : width, &text);
    out_text(buf_text(&text));
    return 0;
}
