/* test_template.c - --format: fields, functions, tables, and clear refusals. */
#include "cli/cli_test.h"

#include "cli/template.h"

static const char document_text[] =
    "{'Id': 'abc', 'Name': 'web', 'Created': '2026-11-23T16:32:08.785489631Z',"
    " 'State': {'Status': 'running', 'Pid': 7, 'Running': true, 'Dead': false,"
    "  'StartedAt': '0001-01-01T00:00:00Z', 'Health': null, 'Share': 11.27},"
    " 'Cmd': ['sleep', '600'], 'Empty': [], 'Text': 'a\\tb',"
    " 'Labels': {'b': '2', 'a': '1', 'x.y/z': 'odd'},"
    " 'Ports': {'80/tcp': [{'HostPort': '8080'}], '81/tcp': null},"
    " 'Mounts': [{'Source': '/a', 'RW': true}]}";

static void check(const char *format, const char *wanted)
{
    CLEANUP(template_done) struct template template = {0};
    CLEANUP_JSON json_t *document = json_of(document_text);
    CLEANUP_BUF struct buf text;
    struct mcpd_error err = {0};

    buf_init(&text, TEXT_MAX);
    if (template_parse(format, &template, &err) < 0 ||
        template_render(&template, document, &text, &err) < 0)
        fail_msg("%s: %s", format, err.message);
    assert_string_equal(buf_text(&text), wanted);
}

static void refuse(const char *format, const char *message)
{
    CLEANUP(template_done) struct template template = {0};
    CLEANUP_JSON json_t *document = json_of(document_text);
    CLEANUP_BUF struct buf text;
    struct mcpd_error err = {0};
    int rc;

    buf_init(&text, TEXT_MAX);
    rc = template_parse(format, &template, &err);
    if (rc == 0)
        rc = template_render(&template, document, &text, &err);
    assert_error(rc, err, MCPD_E_INVALID, message);
}

static void test_fields(void **state)
{
    check("", "");
    check("plain", "plain");
    check("{{.Name}}", "web");
    check("{{ .Name }}:{{.State.Status}}", "web:running");
    check("{{.State.Pid}} {{.State.Running}} {{.State.Dead}} {{.State.Share}}",
          "7 true false 11.27");
    check("{{.ID}} {{.id}} {{.state.status}}", "abc abc running");
    check("{{.Cmd}} {{.Empty}}", "[sleep 600] []");
    check("{{.Labels}}", "map[a:1 b:2 x.y/z:odd]");
    check("{{.Ports}}", "map[80/tcp:[map[HostPort:8080]] 81/tcp:<no value>]");
    check("{{.State.Health}} {{.State.Health.Status}}", "<no value> <no value>");
    check("{{.Labels.a}} {{.Labels.none}}", "1 <no value>");
}

static void test_times_as_go_prints_them(void **state)
{
    check("{{.Created}}", "2026-11-23 16:32:08.785489631 +0000 UTC");
    check("{{.State.StartedAt}}", "0001-01-01 00:00:00 +0000 UTC");
    check("{{json .Created}}", "\"2026-11-23T16:32:08.785489631Z\"");
}

static void test_literals(void **state)
{
    check("{{.Name}}\\t{{.Id}}\\n", "web\tabc\n");
    check("a\\xb \\", "a\\xb \\");
    check("a {{- .Name -}} b", "aweb"
                               "b");
    check("}} {", "}} {");
    check("{{\"lit\"}} {{`eral`}}", "lit eral");
}

static void test_functions(void **state)
{
    check("{{json .Cmd}}", "[\"sleep\",\"600\"]");
    check("{{json .State.Pid}} {{json .State.Health}} {{json .Name}}", "7 null \"web\"");
    check("{{.Cmd | json}}", "[\"sleep\",\"600\"]");
    check("{{index .Cmd 1}} {{index .Labels \"x.y/z\"}}", "600 odd");
    check("{{index .Ports \"80/tcp\" 0 \"HostPort\"}}", "8080");
    check("{{index .Labels \"none\"}}", "<no value>");
    check("{{join .Cmd \", \"}}", "sleep, 600");
    check("{{.Cmd | join \"+\"}}", "sleep+600");
    check("{{len .Cmd}} {{len .Labels}} {{len .Name}} {{len .Empty}}", "2 3 3 0");
    check("{{upper .Name}} {{.State.Status | upper | lower}}", "WEB running");
    check("{{.Label \"a\"}}<{{.Label \"none\"}}>", "1<>");
    check("{{json .Labels}}", "{\"b\":\"2\",\"a\":\"1\",\"x.y/z\":\"odd\"}");
}

static void test_refusals(void **state)
{
    refuse("{{range .Mounts}}x{{end}}", "template: {{range}} is not supported; use --format json");
    refuse("{{if .Name}}x{{end}}", "template: {{if}} is not supported; use --format json");
    refuse("{{end}}", "template: {{end}} is not supported; use --format json");
    refuse("{{.Foo}}", "template: can't evaluate field Foo in .Foo");
    refuse("{{.State.Foo}}", "template: can't evaluate field Foo in .State.Foo");
    refuse("{{.Name.Foo}}", "template: can't evaluate field Foo in .Name.Foo");
    refuse("{{.Name", "template: unclosed action");
    refuse("{{}}", "template: missing value for command");
    refuse("{{ }}", "template: missing value for command");
    refuse("{{frob .Name}}", "template: function \"frob\" not defined");
    refuse("{{$x := 1}}", "template: unexpected \"$\"");
    refuse("{{.Name | }}", "template: missing value for command");
    refuse("{{\"x}}", "template: unterminated quoted string");
    refuse("{{index .Cmd 7}}", "template: index out of range: 7");
    refuse("{{index .Cmd \"x\"}}", "template: index out of range: x");
    refuse("{{join .Cmd}}", "template: wrong number of operands");
    refuse("{{.Name .Id}}", "template: wrong number of operands");
    refuse("{{json}}", "template: wrong number of operands");
    refuse("{{(.Name)}}", "template: unexpected \"(\"");
    refuse("{{index .A .B .C .D .E}}", "template: too many operands");
    refuse("{{12ab}}", "template: unexpected \"12ab\"");
}

static void check_table(const char *format, bool is_table, const char *headings)
{
    static const struct template_heading names[] = {{"ID", "CONTAINER ID"}, {NULL, NULL}};
    CLEANUP(template_done) struct template template = {0};
    CLEANUP_BUF struct buf text;
    struct mcpd_error err = {0};

    buf_init(&text, TEXT_MAX);
    assert_int_equal(template_parse(format, &template, &err), 0);
    assert_int_equal(template.is_table, is_table);
    template_render_headings(&template, names, &text);
    assert_string_equal(buf_text(&text), headings);
}

static void test_tables(void **state)
{
    check_table("table {{.ID}}\t{{.RunningFor}}", true, "CONTAINER ID\tRUNNING FOR");
    check_table("table {{.ID}} {{.State.Status}}", true, "CONTAINER ID\tSTATUS");
    check_table("table {{.ID}}\\t{{json .CPUPerc}}", true, "CONTAINER ID\tCPUPERC");
    check_table("tableau {{.ID}}", false, "tableau CONTAINER ID");
    check_table("{{.ID}} {{.Names}}", false, "CONTAINER ID NAMES");
}

static void test_table_cells_are_clean(void **state)
{
    check("table {{.Text}} {{.Name}}", "a b\tweb");
    check("{{.Text}}", "a\tb");
}

static void test_json_spellings(void **state)
{
    assert_true(template_is_json("json"));
    assert_true(template_is_json("{{json .}}"));
    assert_true(template_is_json("{{ json . }}"));
    assert_false(template_is_json("{{json .Id}}"));
    assert_false(template_is_json("table"));
    assert_false(template_is_json(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_times_as_go_prints_them),
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_table_cells_are_clean),
        cmocka_unit_test(test_json_spellings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
