/* test_opts.c - the option parser: grammar, values, podman's error texts; and the tables of all
 * commands. */
#include "cli/cli_test.h"

#include "cli/cli.h"
#include "cli/opts.h"

#include <ctype.h>
#include <stdlib.h>

struct values {
    bool flag;
    bool other;
    bool no_verify;
    const char *name;
    const char *const *env;
    const char *const *caps;
    int number;
    int seconds;
    const char *pids;
    const char *cpus;
    const char *memory;
    const char *root;
};

#define AT(member) offsetof(struct values, member)

static const struct opt rows[] = {
    OPT('f', "flag", "", FLAG, AT(flag), "A flag"),
    OPT('o', "other", "", FLAG, AT(other), "Another"),
    OPT(0, "verify", "", OFF_FLAG, AT(no_verify), "On by default", .initial = "true"),
    OPT('n', "name", "NAME", STRING, AT(name), "A name", .alias = "title"),
    OPT('e', "env", "K=V", LIST, AT(env), "A list"),
    OPT('c', "cap", "CAP", WORDS, AT(caps), "Words"),
    OPT('i', "number", "N", INT, AT(number), "A number", .initial = "-1"),
    OPT('t', "time", "S", COUNT, AT(seconds), "A count", .initial = "10"),
    OPT(0, "pids", "N", INT_TEXT, AT(pids), "Checked text"),
    OPT(0, "cpus", "N", REAL_TEXT, AT(cpus), "Checked text"),
    OPT('m', "memory", "SIZE", STRING, AT(memory), "Text"),
    OPT_OTHER(OPT_IGNORED, 'q', "quaint", ""),
    OPT_OTHER(OPT_IGNORED, 0, "quirk", "VALUE"),
    OPT_OTHER(OPT_LATER, 'P', "later", ""),
    OPT_OTHER(OPT_LATER, 0, "mode", "MODE", .accepts = "host|private"),
    OPT_OTHER(OPT_REFUSED, 0, "pod", "POD"),
};
static const struct opt global_rows[] = {
    OPT(0, "root", "DIR", STRING, AT(root), "A global option"),
    OPT('n', "nonsense", "", FLAG, AT(other), "Its letter is the command's"),
};
static const struct opt_group groups[] = {OPT_GROUP(rows, 0), OPT_GROUPS_END};
static const struct opt_group globals[] = {OPT_GROUP(global_rows, 0), OPT_GROUPS_END};

/* A command line in one string; words are separated by blanks, "_" is the empty word. */
struct line {
    char text[256];
    char *words[32];
    struct values values;
    struct opt_scope scopes[2];
    struct opts_result result;
    struct mcpd_error err;
};

static int parse(struct line *line, const char *text, bool stops)
{
    struct opts_request request = {
        .scopes = line->scopes, .scope_count = 2, .words = line->words, .stops_at_argument = stops};
    size_t count = 0;

    *line = (struct line){0};
    line->scopes[0] = (struct opt_scope){.groups = groups, .values = &line->values};
    line->scopes[1] = (struct opt_scope){.groups = globals, .values = &line->values};
    (void)snprintf(line->text, sizeof(line->text), "%s", text);
    for (char *at = line->text; *at != '\0'; count++) {
        line->words[count] = strcmp(at, "_") == 0 || strncmp(at, "_ ", 2) == 0 ? at + 1 : at;
        at += strcspn(at, " ");
        if (*at != '\0')
            *at++ = '\0';
    }
    assert_int_equal(opts_set_initial(&line->scopes[0], &line->err), 0);
    return opts_parse(&request, &line->result, &line->err);
}

static void done(struct line *line)
{
    opts_result_done(&line->result);
    opts_done(&line->scopes[0]);
}

static void test_defaults(void **state)
{
    struct line line;

    assert_int_equal(parse(&line, "", false), 0);
    assert_false(line.values.flag);
    assert_false(line.values.no_verify);
    assert_null(line.values.name);
    assert_null(line.values.env);
    assert_int_equal(line.values.number, -1);
    assert_int_equal(line.values.seconds, 10);
    assert_int_equal(line.result.argument_count, 0);
    assert_null(line.result.arguments[0]);
    done(&line);
}

static void test_long_options(void **state)
{
    struct line line;

    assert_int_equal(
        parse(&line,
              "--flag --name a --env K=V --env=L= --verify=false --time=3 --number -7 "
              "--cap A,B --cap=C --pids -1 --cpus 1.5 --memory 64m --root /r --title=b",
              false),
        0);
    assert_true(line.values.flag);
    assert_true(line.values.no_verify);
    assert_string_equal(line.values.name, "b");
    assert_string_equal(line.values.env[0], "K=V");
    assert_string_equal(line.values.env[1], "L=");
    assert_null(line.values.env[2]);
    assert_string_equal(line.values.caps[0], "A");
    assert_string_equal(line.values.caps[1], "B");
    assert_string_equal(line.values.caps[2], "C");
    assert_null(line.values.caps[3]);
    assert_int_equal(line.values.seconds, 3);
    assert_int_equal(line.values.number, -7);
    assert_string_equal(line.values.pids, "-1");
    assert_string_equal(line.values.cpus, "1.5");
    assert_string_equal(line.values.memory, "64m");
    assert_string_equal(line.values.root, "/r");
    done(&line);
}

static void test_letters(void **state)
{
    struct line line;

    assert_int_equal(parse(&line, "-fo -eK=V -e=L=1 -e M -ofnx -t3 -i -3 -c A,B", false), 0);
    assert_true(line.values.flag);
    assert_true(line.values.other);
    assert_string_equal(line.values.env[0], "K=V");
    assert_string_equal(line.values.env[1], "L=1");
    assert_string_equal(line.values.env[2], "M");
    assert_string_equal(line.values.name, "x");
    assert_int_equal(line.values.seconds, 3);
    assert_int_equal(line.values.number, -3);
    done(&line);
    assert_int_equal(parse(&line, "-f -f=false --other=T", false), 0);
    assert_false(line.values.flag);
    assert_true(line.values.other);
    done(&line);
}

static void test_arguments(void **state)
{
    struct line line;

    assert_int_equal(parse(&line, "a -f b - -- -o c", false), 0);
    assert_true(line.values.flag);
    assert_false(line.values.other);
    assert_int_equal(line.result.argument_count, 5);
    assert_string_equal(line.result.arguments[0], "a");
    assert_string_equal(line.result.arguments[2], "-");
    assert_string_equal(line.result.arguments[3], "-o");
    assert_null(line.result.arguments[5]);
    done(&line);
    assert_int_equal(parse(&line, "-f image sh -c --other -- x", true), 0);
    assert_true(line.values.flag);
    assert_false(line.values.other);
    assert_int_equal(line.result.argument_count, 6);
    assert_string_equal(line.result.arguments[3], "--other");
    assert_string_equal(line.result.arguments[4], "--");
    done(&line);
    assert_int_equal(parse(&line, "-- image --flag", true), 0);
    assert_string_equal(line.result.arguments[1], "--flag");
    assert_false(line.values.flag);
    done(&line);
}

static void test_help(void **state)
{
    static const char *const asking[] = {"--help", "-h", "a --help", "-fh", "--help=true"};
    struct line line;

    for (size_t i = 0; i < ARRAY_SIZE(asking); i++) {
        assert_int_equal(parse(&line, asking[i], false), 0);
        assert_true(line.result.wants_help);
        done(&line);
    }
    assert_int_equal(parse(&line, "--help=false", false), 0);
    assert_false(line.result.wants_help);
    done(&line);
    assert_int_equal(parse(&line, "image --help", true), 0);
    assert_false(line.result.wants_help);
    done(&line);
}

static void test_errors(void **state)
{
    static const struct {
        const char *line;
        const char *message;
    } cases[] = {
        {"--nosuchflag", "unknown flag: --nosuchflag"},
        {"--nosuchflag=3", "unknown flag: --nosuchflag"},
        {"-X", "unknown shorthand flag: 'X' in -X"},
        {"-fX1", "unknown shorthand flag: 'X' in -X1"},
        {"--name", "flag needs an argument: --name"},
        {"-e", "flag needs an argument: 'e' in -e"},
        {"-fe", "flag needs an argument: 'e' in -e"},
        {"--=x", "bad flag syntax: --=x"},
        {"---", "bad flag syntax: ---"},
        {"--flag=maybe", "invalid argument \"maybe\" for \"-f, --flag\" flag: strconv.ParseBool: "
                         "parsing \"maybe\": invalid syntax"},
        {"--verify=2", "invalid argument \"2\" for \"--verify\" flag: strconv.ParseBool: parsing "
                       "\"2\": invalid syntax"},
        {"-t abc", "invalid argument \"abc\" for \"-t, --time\" flag: strconv.ParseUint: parsing "
                   "\"abc\": invalid syntax"},
        {"-t -1", "invalid argument \"-1\" for \"-t, --time\" flag: strconv.ParseUint: parsing "
                  "\"-1\": invalid syntax"},
        {"-t _", "invalid argument \"\" for \"-t, --time\" flag: strconv.ParseUint: parsing \"\": "
                 "invalid syntax"},
        {"--number=1x", "invalid argument \"1x\" for \"-i, --number\" flag: strconv.ParseInt: "
                        "parsing \"1x\": invalid syntax"},
        {"--number 99999999999999999999",
         "invalid argument \"99999999999999999999\" for \"-i, --number\" flag: strconv.ParseInt: "
         "parsing \"99999999999999999999\": value out of range"},
        {"--pids abc", "invalid argument \"abc\" for \"--pids\" flag: strconv.ParseInt: parsing "
                       "\"abc\": invalid syntax"},
        {"--cpus 1.x", "invalid argument \"1.x\" for \"--cpus\" flag: strconv.ParseFloat: parsing "
                       "\"1.x\": invalid syntax"},
    };
    struct line line;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_error(parse(&line, cases[i].line, false), line.err, MCPD_E_INVALID,
                     cases[i].message);
        done(&line);
    }
}

static void test_support(void **state)
{
    static const char *const fine[] = {
        "-q", "--quaint=maybe", "--quirk x", "--later=false", "--mode host", "--mode=private"};
    static const struct {
        const char *line;
        const char *message;
    } refused[] = {
        {"--later", "--later is not supported yet"}, {"-P", "--later is not supported yet"},
        {"-fP", "--later is not supported yet"},     {"--mode hos", "--mode is not supported yet"},
        {"--pod x", "--pod is not supported"},
    };
    struct line line;

    for (size_t i = 0; i < ARRAY_SIZE(fine); i++) {
        assert_int_equal(parse(&line, fine[i], false), 0);
        assert_int_equal(line.result.argument_count, 0);
        done(&line);
    }
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        assert_error(parse(&line, refused[i].line, false), line.err, MCPD_E_UNSUPPORTED,
                     refused[i].message);
        done(&line);
    }
}

/* ------------------------------------------------------------------ the tables of all commands */

struct names {
    const char *path;
    const struct opt *seen[256];
    size_t count;
};

static bool is_same(const char *a, const char *b)
{
    return a[0] != '\0' && strcmp(a, b) == 0;
}

static int check_unique(const struct opt *row, void *context)
{
    struct names *names = context;

    for (size_t i = 0; i < names->count; i++) {
        const struct opt *other = names->seen[i];

        if (is_same(row->name, other->name) || is_same(row->name, other->alias) ||
            is_same(row->alias, other->name) || is_same(row->alias, other->alias))
            fail_msg("%s: two options --%s", names->path, row->name);
        if (row->letter != 0 && row->letter == other->letter)
            fail_msg("%s: -%c is --%s and --%s", names->path, row->letter, row->name, other->name);
    }
    assert_true(names->count < ARRAY_SIZE(names->seen));
    names->seen[names->count++] = row;
    return 0;
}

/* The texts end inside of their arrays. */
static bool is_ended(const struct opt *row)
{
    return memchr(row->name, 0, sizeof(row->name)) && memchr(row->alias, 0, sizeof(row->alias)) &&
           memchr(row->value, 0, sizeof(row->value)) &&
           memchr(row->initial, 0, sizeof(row->initial)) &&
           memchr(row->accepts, 0, sizeof(row->accepts)) && memchr(row->help, 0, sizeof(row->help));
}

static int check_row(const struct opt *row, void *context)
{
    const struct names *names = context;
    size_t length = strlen(row->name);

    assert_true(is_ended(row));
    if (length < 2 || row->name[strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
        fail_msg("%s: --%s is no name", names->path, row->name);
    if (opt_is_flag(row) != (row->value[0] == '\0'))
        fail_msg("%s: --%s: only flags have no value", names->path, row->name);
    if (is_same(row->name, "help"))
        fail_msg("%s: --help is everybody's", names->path);
    if (row->support != OPT_WORKS)
        return 0;
    if (row->help[0] == '\0' || row->help[strlen(row->help) - 1] == '.')
        fail_msg("%s: --%s: a help text, without its full stop", names->path, row->name);
    if (row->accepts[0] != '\0' && opt_is_flag(row))
        fail_msg("%s: --%s: a flag has no words to choose from", names->path, row->name);
    return 0;
}

static void check_offsets(const char *path, const struct opt_group *group, size_t size)
{
    for (; group && group->rows; group++)
        for (size_t i = 0; i < group->count; i++)
            if (group->rows[i].support == OPT_WORKS && group->base + group->rows[i].offset >= size)
                fail_msg("%s: --%s lies outside of its struct", path, group->rows[i].name);
}

static int check_command(const char *path, const struct command_entry *entry, void *context)
{
    const struct command *command = entry->command;
    struct names names = {.path = path};
    void *values = calloc(1, command->values_size + 1);
    struct opt_scope scope = {.groups = command->groups, .values = values};
    struct mcpd_error err = {0};

    (void)context;
    if (!command->summary || !isupper((unsigned char)command->summary[0]) ||
        command->summary[strlen(command->summary) - 1] == '.')
        fail_msg("%s: a summary is a sentence without its full stop", path);
    if (!command->run == !command->children)
        fail_msg("%s: either run or children", path);
    (void)opts_visit(command->groups, check_row, &names);
    (void)opts_visit(command->groups, check_unique, &names);
    (void)opts_visit(cli_global_groups, check_unique, &names);
    check_offsets(path, command->groups, command->values_size);
    if (opts_set_initial(&scope, &err) < 0)
        fail_msg("%s: %s", path, err.message);
    opts_done(&scope);
    free(values);
    return 0;
}

static void test_tables(void **state)
{
    struct names names = {.path = "mcpd"};

    (void)opts_visit(cli_global_groups, check_row, &names);
    (void)opts_visit(cli_root_groups, check_row, &names);
    (void)opts_visit(cli_global_groups, check_unique, &names);
    (void)opts_visit(cli_root_groups, check_unique, &names);
    check_offsets("mcpd", cli_global_groups, sizeof(struct cli_globals));
    assert_int_equal(command_visit(check_command, NULL), 0);
}

static void test_command_names(void **state)
{
    for (const struct command_entry *entry = cli_commands; entry->name; entry++) {
        assert_ptr_equal(command_find(cli_commands, entry->name), entry);
        assert_null(command_refusal(entry->name));
    }
    assert_ptr_equal(command_find(cli_commands, "list")->command,
                     command_find(cli_commands, "ps")->command);
    assert_ptr_equal(
        command_find(command_find(cli_commands, "container")->command->children, "ls")->command,
        command_find(cli_commands, "ps")->command);
    assert_null(command_find(cli_commands, "frob"));
    assert_null(command_find(cli_commands, ""));
    assert_non_null(command_refusal("pod"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),      cmocka_unit_test(test_long_options),
        cmocka_unit_test(test_letters),       cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_help),          cmocka_unit_test(test_errors),
        cmocka_unit_test(test_support),       cmocka_unit_test(test_tables),
        cmocka_unit_test(test_command_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
