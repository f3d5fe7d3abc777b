/* test_out.c - columns, cells, YAML, exit statuses, and the check that the output arrived. */
#include "cli/cli_test.h"

#include "cli/exitcode.h"
#include "cli/out.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void check_align(const char *lines, const char *wanted)
{
    CLEANUP_BUF struct buf aligned;

    buf_init(&aligned, TEXT_MAX);
    out_align(lines, &aligned);
    assert_string_equal(buf_text(&aligned), wanted);
}

static void test_columns(void **state)
{
    check_align("", "");
    check_align("one\n", "one\n");
    check_align("A\tB\nx\ty\n", "A           B\nx           y\n");
    check_align("CONTAINER ID\tIMAGE\tNAMES\nbb19fe1fbb87\tlocalhost/tiny:1.2\tweb\n"
                "2a35eff9ec60\t\tnh\n",
                "CONTAINER ID  IMAGE               NAMES\n"
                "bb19fe1fbb87  localhost/tiny:1.2  web\n"
                "2a35eff9ec60                      nh\n");
    /* Characters count, not bytes; the last cell is not filled up. */
    check_align("\xc3\xa4\xc3\xb6\xc3\xbc\tx\n", "\xc3\xa4\xc3\xb6\xc3\xbc         x\n");
    check_align("a\tb", "a           b");
}

static void test_cells(void **state)
{
    CLEANUP_BUF struct buf cell;

    buf_init(&cell, TEXT_MAX);
    out_append_cell(&cell, "a\tb\nc\033[31m\x7f");
    assert_string_equal(buf_text(&cell), "a b c [31m ");
    buf_clear(&cell);
    out_append_cell(&cell, "gr\xc3\xbc\xc3\x9f");
    assert_string_equal(buf_text(&cell), "gr\xc3\xbc\xc3\x9f");
}

static void test_yaml(void **state)
{
    CLEANUP_JSON json_t *json = json_of(
        "{'host': {'cpus': 2, 'arch': 'amd64', 'load': 11.27, 'idMappings': {'gidmap': null},"
        " 'controllers': ['cpu', 'memory'], 'none': [], 'empty': {}, 'text': 'a: b',"
        " 'number': '12', 'release': '1.28.2', 'void': '', 'yes': 'true', 'lines': 'a\\nb'},"
        " 'list': [{'a': 1}, {'a': 2}]}");
    CLEANUP_BUF struct buf yaml;

    buf_init(&yaml, TEXT_MAX);
    out_yaml(json, &yaml);
    assert_string_equal(buf_text(&yaml), "host:\n"
                                         "  arch: amd64\n"
                                         "  controllers:\n"
                                         "  - cpu\n"
                                         "  - memory\n"
                                         "  cpus: 2\n"
                                         "  empty: {}\n"
                                         "  idMappings:\n"
                                         "    gidmap: null\n"
                                         "  lines: \"a\\nb\"\n"
                                         "  load: 11.27\n"
                                         "  none: []\n"
                                         "  number: \"12\"\n"
                                         "  release: 1.28.2\n"
                                         "  text: \"a: b\"\n"
                                         "  void: \"\"\n"
                                         "  yes: \"true\"\n"
                                         "list:\n"
                                         "-\n"
                                         "  a: 1\n"
                                         "-\n"
                                         "  a: 2\n");
}

/* Letters above ASCII stay; what would steer a terminal is escaped, as the library does with ESC.
 */
static void test_escapes(void **state)
{
    CLEANUP_JSON json_t *json = json_pack("{s:s,s:s}", "a", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x8b",
                                          "b", "\xc2\x9b\x1b\x7f\xe2\x80\xae\n");
    CLEANUP_FREE char *text = out_json_text(json, 4);
    CLEANUP_BUF struct buf yaml;

    assert_string_equal(text, "{\n    \"a\": \"gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x8b\",\n"
                              "    \"b\": \"\\u009b\\u001B\\u007f\\u202e\\n\"\n}");
    buf_init(&yaml, TEXT_MAX);
    out_yaml(json, &yaml);
    assert_string_equal(buf_text(&yaml), "a: gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x8b\n"
                                         "b: \"\\u009b\\u001B\\u007f\\u202e\\n\"\n");
}

/* In a child, because stdout is the process's own. */
static int finish_status(int fd, int status)
{
    int result = 0;
    pid_t pid;

    (void)fflush(NULL);
    pid = fork();
    if (pid == 0) {
        (void)signal(SIGPIPE, SIG_IGN);
        (void)dup2(fd, STDOUT_FILENO);
        (void)close(STDERR_FILENO);
        out_line("text");
        _exit(out_finish(status));
    }
    assert_int_equal(waitpid(pid, &result, 0), pid);
    assert_true(WIFEXITED(result));
    return WEXITSTATUS(result);
}

static void test_finish(void **state)
{
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(finish_status(null, 0), 0);
    assert_int_equal(finish_status(null, 7), 7);
    assert_int_equal(finish_status(full, 0), 125);
    assert_int_equal(finish_status(ends[1], 0), 141);
    assert_int_equal(finish_status(ends[1], 3), 3);
    close(ends[1]);
    close(full);
    close(null);
}

static void test_exitcodes(void **state)
{
    assert_int_equal(exitcode_of(EXITCODE_RULES_USUAL, MCPD_E_NOT_FOUND), 125);
    assert_int_equal(exitcode_of(EXITCODE_RULES_USUAL, MCPD_E_STATE), 125);
    assert_int_equal(exitcode_of(EXITCODE_RULES_USUAL, MCPD_E_COMMAND_NOT_FOUND), 127);
    assert_int_equal(exitcode_of(EXITCODE_RULES_USUAL, MCPD_E_COMMAND_NOT_RUNNABLE), 126);
    assert_int_equal(exitcode_of(EXITCODE_RULES_USUAL, MCPD_E_CANCELLED), 130);
    assert_int_equal(exitcode_of(EXITCODE_RULES_REMOVE, MCPD_E_NOT_FOUND), 1);
    assert_int_equal(exitcode_of(EXITCODE_RULES_REMOVE, MCPD_E_STATE), 2);
    assert_int_equal(exitcode_of(EXITCODE_RULES_REMOVE, MCPD_E_CONFLICT), 2);
    assert_int_equal(exitcode_of(EXITCODE_RULES_REMOVE, MCPD_E_SYSTEM), 125);
    assert_int_equal(exitcode_of(EXITCODE_RULES_EXEC, MCPD_E_STATE), 255);
    assert_int_equal(exitcode_of(EXITCODE_RULES_USUAL, MCPD_E_USER_NOT_FOUND), 126);
    assert_int_equal(exitcode_of(EXITCODE_RULES_EXEC, MCPD_E_USER_NOT_FOUND), 255);
    assert_int_equal(exitcode_of(EXITCODE_RULES_EXEC, MCPD_E_NOT_FOUND), 125);
    assert_int_equal(exitcode_of(EXITCODE_RULES_EXEC, MCPD_E_COMMAND_NOT_FOUND), 127);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),   cmocka_unit_test(test_cells),
        cmocka_unit_test(test_yaml),      cmocka_unit_test(test_finish),
        cmocka_unit_test(test_exitcodes), cmocka_unit_test(test_escapes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
