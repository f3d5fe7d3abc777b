/* test_help.c - every option and command is in --help, in the man page and in the completions. */
#include "cli/cli_test.h"

#include "base/str.h"
#include "cli/choices.h"
#include "cli/cli.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "cli/man.h"

#include <stdlib.h>

#define WIDTH 80

struct page {
    const char *path;
    const char *text;
};

/* "--name" as a whole word. */
static bool has_word(const char *text, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        if (!strchr("-abcdefghijklmnopqrstuvwxyz0123456789", at[length]) || at[length] == '\0')
            return true;
    return false;
}

static int check_named(const struct opt *row, void *context)
{
    const struct page *page = context;
    char word[64];

    (void)snprintf(word, sizeof(word), "--%s", row->name);
    if (!has_word(page->text, word))
        fail_msg("%s: %s is missing in\n%s", page->path, word, page->text);
    if (row->support == OPT_WORKS && row->letter != 0) {
        (void)snprintf(word, sizeof(word), "-%c, --%s", row->letter, row->name);
        assert_contains(page->text, word);
    }
    return 0;
}

/* Usage and examples are copied, so they are not broken. */
static void check_width(const char *path, const char *text)
{
    const char *end = strstr(text, "\nExamples:\n");

    text += strcspn(text, "\n");
    for (; *text != '\0' && (!end || text < end);) {
        size_t length = strcspn(++text, "\n");

        if (length > WIDTH)
            fail_msg("%s: too wide: %.*s", path, (int)length, text);
        if (length > 0 && text[length - 1] == ' ')
            fail_msg("%s: a blank at the end of \"%.*s\"", path, (int)length, text);
        text += length;
    }
}

static int check_help(const char *path, const struct command_entry *entry, void *context)
{
    CLEANUP_FREE char *full = str_format("mcpd %s", path);
    CLEANUP_BUF struct buf text;
    struct page page = {.path = path};

    (void)context;
    buf_init(&text, TEXT_MAX);
    help_text(full, entry->command, WIDTH, &text);
    page.text = buf_text(&text);
    assert_contains(page.text, full);
    assert_contains(page.text, entry->command->summary);
    assert_null(strstr(page.text, "\n\n\n"));
    check_width(path, page.text);
    if (entry->command->children)
        return 0;
    assert_contains(page.text, "--help");
    return opts_visit(entry->command->groups, check_named, &page);
}

static void test_help_is_complete(void **state)
{
    CLEANUP_BUF struct buf text;
    struct page page = {.path = "mcpd"};

    assert_int_equal(command_visit(check_help, NULL), 0);
    buf_init(&text, TEXT_MAX);
    help_text("mcpd", NULL, WIDTH, &text);
    page.text = buf_text(&text);
    check_width("mcpd", page.text);
    assert_int_equal(opts_visit(cli_global_groups, check_named, &page), 0);
    assert_int_equal(opts_visit(cli_root_groups, check_named, &page), 0);
    for (const struct command_entry *entry = cli_commands; entry->name; entry++)
        if (!entry->is_hidden)
            assert_contains(page.text, entry->command->summary);
    assert_null(strstr(page.text, "Print the man page"));
}

static void test_help_layout(void **state)
{
    static const struct opt rows[] = {
        OPT('d', "detach", "", FLAG, 0, "Run in the background"),
        OPT(0, "a-very-long-option-name", "VALUE", STRING, 0, "Long"),
        OPT('e', "env", "K=V", LIST, 0, "A text that is so long that it does not fit",
            .initial = "x"),
        OPT_OTHER(OPT_IGNORED, 0, "quaint", ""),
        OPT_OTHER(OPT_LATER, 0, "later", "X"),
        OPT_OTHER(OPT_REFUSED, 0, "never", "X"),
    };
    static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};
    static const struct command command = {.arguments = "[options] IMAGE",
                                           .summary = "Do it",
                                           .details = "First.\nSecond.",
                                           .examples = "do it\ndo it again",
                                           .groups = groups};
    CLEANUP_BUF struct buf text;

    buf_init(&text, TEXT_MAX);
    help_text("podman do", &command, 46, &text);
    assert_string_equal(buf_text(&text), "Usage: podman do [options] IMAGE\n"
                                         "\n"
                                         "Do it.\n"
                                         "\n"
                                         "First.\n"
                                         "\n"
                                         "Second.\n"
                                         "\n"
                                         "Options:\n"
                                         "      --a-very-long-option-name VALUE\n"
                                         "                 Long\n"
                                         "  -d, --detach   Run in the background\n"
                                         "  -e, --env K=V  A text that is so long that\n"
                                         "                 it does not fit (default x)\n"
                                         "      --help     Show this help\n"
                                         "\n"
                                         "Accepted without effect:\n"
                                         "  --quaint\n"
                                         "\n"
                                         "Not supported yet:\n"
                                         "  --later\n"
                                         "\n"
                                         "Not supported:\n"
                                         "  --never\n"
                                         "\n"
                                         "Examples:\n"
                                         "  podman do it\n"
                                         "  podman do it again\n");
}

/* ------------------------------------------------------------------ the man page */

/* The page as it is read: without roff's escapes. */
static char *plain_man(void)
{
    CLEANUP_BUF struct buf text;
    char *plain;
    char *out;

    buf_init(&text, TEXT_MAX);
    man_text(&text);
    assert_int_equal(text.failure, 0);
    plain = out = calloc(1, text.length + 1);
    for (const char *at = buf_text(&text); *at != '\0'; at++) {
        if (at[0] == '\\' && at[1] == '-')
            continue;
        *out++ = *at;
    }
    return plain;
}

static int check_man_command(const char *path, const struct command_entry *entry, void *context)
{
    CLEANUP_FREE char *title = str_format("\n.SS mcpd %s", path);
    CLEANUP_FREE char *part = NULL;
    const char *start = strstr(context, title);
    struct page page = {.path = path};

    if (entry->command->children)
        return 0;
    if (!start)
        fail_msg("%s is not in the man page", path);
    part = str_format("%.*s", (int)(strstr(start + 1, "\n.S") - start), start);
    page.text = part;
    if (strstr(part, "The same as mcpd "))
        return 0;
    assert_contains(part, entry->command->summary);
    return opts_visit(entry->command->groups, check_named, &page);
}

static void test_man_is_complete(void **state)
{
    CLEANUP_FREE char *text = plain_man();
    struct page page = {.path = "mcpd", .text = text};

    assert_int_equal(command_visit(check_man_command, text), 0);
    assert_int_equal(opts_visit(cli_global_groups, check_named, &page), 0);
    assert_contains(text, ".TH MCPD 1");
    assert_contains(text, ".SH EXIT STATUS");
    assert_contains(text, "mcpd " MCPD_VERSION);
    assert_null(strstr(text, "\n."
                             "\n"));
}

/* ------------------------------------------------------------------ completions */

static int check_completed(const struct opt *row, void *context)
{
    const struct page *page = context;
    char word[64];

    (void)snprintf(word, sizeof(word), " --%s", row->name);
    if (row->support == OPT_WORKS && !has_word(page->text, word))
        fail_msg("%s: %s is not completed", page->path, row->name);
    return 0;
}

/* What a function of the script says about a command, up to `end`; owned by the caller. */
static char *case_of(const char *script, const char *function, const char *path, const char *end)
{
    CLEANUP_FREE char *label = str_format("\n    '%s'", path);
    const char *start = strstr(script, function);

    assert_non_null(start);
    start = strstr(start, label);
    assert_non_null(start);
    assert_non_null(strstr(start + 1, end));
    return str_format("%.*s", (int)(strstr(start + 1, end) - start), start);
}

static int check_bash_command(const char *path, const struct command_entry *entry, void *context)
{
    CLEANUP_FREE char *line = case_of(context, "_mcpd_options() {", path, "\n");
    struct page page = {.path = path, .text = line};

    return opts_visit(entry->command->groups, check_completed, &page);
}

/* Each word that a value may be stands in the help, and is offered behind the option. */
static int check_choices(const struct opt *row, void *context)
{
    const struct page *page = context;
    CLEANUP_BUF struct buf help;
    CLEANUP_BUF struct buf choices;
    CLEANUP_STRV char **words = NULL;

    buf_init(&help, TEXT_MAX);
    buf_init(&choices, TEXT_MAX);
    choices_append(row, &choices);
    if (choices.length == 0)
        return 0;
    help_option_text(row, &help);
    words = strv_split(buf_text(&choices), '|');
    assert_non_null(words);
    for (char **word = words; *word; word++) {
        size_t length = strcspn(*word, "[");
        CLEANUP_FREE char *offered = str_format(" %.*s", (int)length, *word);

        assert_contains(page->text, offered);
        (*word)[strcspn(*word, "=")] = '\0';
        if (row->takes != OPT_TAKES_SIGNAL)
            assert_contains(buf_text(&help), *word);
    }
    return 0;
}

static int check_bash_values(const char *path, const struct command_entry *entry, void *context)
{
    CLEANUP_FREE char *text = NULL;
    struct page page = {.path = path};

    if (!entry->command->groups)
        return 0;
    text = case_of(context, "_mcpd_values() {", path, "\n        esac");
    page.text = text;
    return opts_visit(entry->command->groups, check_choices, &page);
}

static void test_choices(void **state)
{
    static const struct opt restart = {.name = "restart",
                                       .value = "POLICY",
                                       .help = "When it ends",
                                       .accepts = "no|on-failure[:N]|always",
                                       .initial = "no"};
    static const struct opt later = {
        .name = "userns", .value = "MODE", .support = OPT_LATER, .accepts = "host"};
    CLEANUP_BUF struct buf text;
    CLEANUP_BUF struct buf script;
    struct mcpd_error err = {0};

    buf_init(&text, TEXT_MAX);
    help_option_text(&restart, &text);
    assert_string_equal(buf_text(&text), "When it ends: no, on-failure[:N] or always (default no)");
    buf_clear(&text);
    choices_append(&later, &text);
    assert_int_equal(text.length, 0);
    buf_init(&script, TEXT_MAX);
    assert_int_equal(completion_text("bash", "docker", &script, &err), 0);
    assert_contains(buf_text(&script), "complete -F _mcpd docker\n");
    assert_int_equal(command_visit(check_bash_values, script.data), 0);
}

static void test_completion(void **state)
{
    static const char *const shells[] = {"bash", "zsh", "fish"};
    struct mcpd_error err = {0};

    for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
        CLEANUP_BUF struct buf text;

        buf_init(&text, TEXT_MAX);
        assert_int_equal(completion_text(shells[i], "mcpd", &text, &err), 0);
        assert_contains(buf_text(&text), "ps -a --format '{{.Names}}'");
        for (const struct command_entry *entry = cli_commands; entry->name; entry++)
            if (!entry->is_hidden)
                assert_contains(buf_text(&text), entry->name);
        if (i < 2)
            assert_int_equal(command_visit(check_bash_command, text.data), 0);
    }
}

static void test_completion_of_another_shell(void **state)
{
    CLEANUP_BUF struct buf text;
    struct mcpd_error err = {0};

    buf_init(&text, TEXT_MAX);
    assert_error(completion_text("tcsh", "mcpd", &text, &err), err, MCPD_E_INVALID,
                 "no completion for \"tcsh\": bash, zsh or fish");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help_is_complete), cmocka_unit_test(test_help_layout),
        cmocka_unit_test(test_man_is_complete),  cmocka_unit_test(test_choices),
        cmocka_unit_test(test_completion),       cmocka_unit_test(test_completion_of_another_shell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
