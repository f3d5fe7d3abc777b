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
    if (template_parse("ps", format, &template, &err) < 0 ||
        template_render(&template, document, false, &text, &err) < 0)
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
    rc = template_parse("ps", format, &template, &err);
    if (rc == 0)
        rc = template_render(&template, document, false, &text, &err);
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
    check("{{.Ports}}", "map[80/tcp:[map[HostPort:8080]] 81/tcp:<nil>]");
    check("{{.State.Health}} {{.State.Health.Status}}", "<nil> <no value>");
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
    check("<{{index .Labels \"none\"}}> {{index .Ports \"none\"}}", "<> []");
    check("{{join .Cmd \", \"}}", "sleep, 600");
    check("{{.Cmd | join \"+\"}}", "sleep+600");
    check("{{len .Cmd}} {{len .Labels}} {{len .Name}} {{len .Empty}}", "2 3 3 0");
    check("{{upper .Name}} {{.State.Status | upper | lower}}", "WEB running");
    check("{{.Label \"a\"}}<{{.Label \"none\"}}>", "1<>");
    check("{{json .Labels}}", "{\"b\":\"2\",\"a\":\"1\",\"x.y/z\":\"odd\"}");
}

static void test_blocks(void **state)
{
    check("{{if .State.Running}}up{{else}}down{{end}}", "up");
    check("{{if .State.Dead}}dead{{end}}", "");
    check("{{if .Empty}}a{{else if .State.Dead}}b{{else if eq .Name \"web\"}}c{{else}}d{{end}}",
          "c");
    check("{{if .Empty}}a{{else if .State.Dead}}b{{else}}d{{end}}", "d");
    check("{{with .State}}{{.Status}} {{$.Name}}{{end}}", "running web");
    check("{{with .Labels}}{{.a}} {{.none}}{{end}}", "1 <no value>");
    check("{{with .State.Health}}x{{else}}none of {{.Name}}{{end}}", "none of web");
    check("{{range .Mounts}}{{.Source}} {{.RW}};{{end}}", "/a true;");
    check("{{range .Empty}}x{{else}}none{{end}} {{range .State.Health}}x{{else}}null{{end}}",
          "none null");
    check("{{range .Cmd}}[{{.}}]{{end}}", "[sleep][600]");
    check("{{range $i, $w := .Cmd}}{{$i}}={{$w}} {{end}}", "0=sleep 1=600 ");
    check("{{range $k, $v := .Labels}}{{$k}}:{{$v}},{{end}}", "a:1,b:2,x.y/z:odd,");
    check("{{range $p, $c := .Ports}}{{$p}} {{if $c}}{{(index $c 0).HostPort}}{{else}}-{{end}} "
          "{{end}}",
          "80/tcp 8080 81/tcp - ");
    check("{{range .Mounts}}{{range $.Cmd}}{{.}}{{end}}{{end}}", "sleep600");
    check("{{range .Cmd}}\n{{- .}},\n{{- end}}", "sleep,600,");
}

static void test_variables(void **state)
{
    check("{{$x := .Name}}{{$x}} {{$}}",
          "web "
          "map[Cmd:[sleep 600] Created:2026-11-23T16:32:08.785489631Z "
          "Empty:[] Id:abc Labels:map[a:1 b:2 x.y/z:odd] "
          "Mounts:[map[RW:true Source:/a]] Name:web "
          "Ports:map[80/tcp:[map[HostPort:8080]] 81/tcp:<nil>] "
          "State:map[Dead:false Health:<nil> Pid:7 Running:true "
          "Share:11.27 StartedAt:0001-01-01T00:00:00Z "
          "Status:running] Text:a\tb]");
    check("{{$x := 1}}{{if true}}{{$x = 2}}{{$x := 3}}{{$x}}{{end}}{{$x}}", "32");
    check("{{with $s := .State}}{{$s.Status}}{{end}}", "running");
    check("{{if $n := .Name}}{{$n}}{{end}}", "web");
    check("{{$x := .Cmd}}{{range $x}}{{$x := .}}{{$x}},{{end}}{{len $x}}", "sleep,600,2");
}

/* The results are those of podman 4.3.1. */
static void test_comparison(void **state)
{
    check("{{and .Name .State.Running}} {{or \"\" .Name}} {{not .State.Running}}",
          "true web false");
    check("{{and 1 0 2}} {{or 0 \"\" \"x\"}} {{and 1 2}}", "0 x 2");
    check(
        "{{eq 1 1}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt \"b\" \"a\"}} {{ge 1 2}} {{eq 3 1 2 3}}",
        "true true true true true false true");
    check("{{eq .State.Running true}} {{eq .Name \"web\"}} {{lt 1 1.5}}", "true true true");
    check("{{if and (eq .Name \"web\") (not .State.Dead)}}yes{{end}}", "yes");
    /* What has nothing to say is not evaluated. */
    check("{{and .State.Dead (index .Cmd 7)}} {{or .Name (index .Cmd 7)}}", "false web");
    check("{{index .Cmd 0 | and .State.Dead}}", "false");
}

static void test_printing(void **state)
{
    check("{{printf \"%s|%-8s|%8s|%q\" .Name .Name .Name .Name}}", "web|web     |     web|\"web\"");
    check("{{printf \"%d %5d %05d %x %v\" 0 10 10 10 10}}", "0    10 00010 a 10");
    check("{{printf \"%+d %x %X %o %b %d\" 5 255 255 8 5 -3}}", "+5 ff FF 10 101 -3");
    check("{{printf \"%t %v\" .State.Running .Cmd}}", "true [sleep 600]");
    check("{{printf \"%.2f\" 3.14159}} {{printf \"%6.1f|\" 3.14159}} {{printf \"%v\" 1.5}}",
          "3.14    3.1| 1.5");
    check("{{printf \"%.2s|%x\" .Name .Name}}", "we|776562");
    check("{{printf \"%d\" .Name}} {{printf \"%s\" 7}}", "%!d(string=web) %!s(int=7)");
    check("{{printf \"%s %s\" .Name}} {{printf \"%s\" .Name .Name}}",
          "web %!s(MISSING) web%!(EXTRA string=web)");
    check("{{printf \"%%\"}} {{printf \"%z\" 1}} {{printf \"%\"}}", "% %!z(int=1) %!(NOVERB)");
    check("{{println .Name 1 2}}x", "web 1 2\nx");
    check("{{print .Name 1 2 \"a\" \"b\"}}", "web1 2ab");
    check("{{.Name | printf \"%s-%s\" \"x\"}}", "x-web");
    check(
        "{{title \"abc def\"}} {{truncate .Name 1}} {{split \"a,b,c\" \",\"}} <{{pad .Name 1 2}}>",
        "Abc Def w [a b c] < web  >");
    check("{{slice .Name 1}} {{slice .Cmd 0 1}} {{slice .Name 1 2}}", "eb [sleep] e");
    check("{{(index .Mounts 0).Source}} {{len (index .Mounts 0).Source}}", "/a 2");
    check("{{printf \"%\303\251|%\303\251\" 1}}", "%!\303\251(int=1)|%!\303\251(MISSING)");
    check("{{json (slice \"\303\251x\" 1)}}", "\"\357\277\275x\"");
    check("{{json .Text}} {{json \"\\u009b\\u202e\"}}", "\"a\\tb\" \"\\u009b\\u202e\"");
}

static void test_syntax(void **state)
{
    check("a{{/* comment }} */}}b", "ab");
    check("{{- /* a */ -}}   x", "x");
    check("{{\"a\\tb\\u00e9\\x41\\101\\\"\"}} {{`raw\\t`}}", "a\tb\303\251AA\" raw\\t");
    check("{{true}} {{12}} {{-3}} {{1.5}} {{false}}", "true 12 -3 1.5 false");
    check("{{\"}}\"}}", "}}");
    check("{{ ( .Name ) }}{{((.Name))}}", "webweb");
    check("x\n{{- if true -}}\n y \n{{- end}}", "xy");
}

static void test_refusals(void **state)
{
    refuse("{{.Foo}}", "template: ps:1: executing \"ps\" at <.Foo>: can't evaluate field Foo");
    refuse("a\n\n{{.State.Foo}}",
           "template: ps:3: executing \"ps\" at <.State.Foo>: can't evaluate field Foo");
    refuse("{{.Name.Foo}}",
           "template: ps:1: executing \"ps\" at <.Name.Foo>: can't evaluate field Foo");
    refuse("{{range .Mounts}}{{$.Foo}}{{end}}",
           "template: ps:1: executing \"ps\" at <$.Foo>: can't evaluate field Foo");
    refuse(
        "{{index .Cmd 7}}",
        "template: ps:1: executing \"ps\" at <index>: error calling index: index out of range: 7");
    refuse("{{index .Cmd \"x\"}}", "template: ps:1: executing \"ps\" at <index>: error calling "
                                   "index: cannot index by this type");
    refuse("{{eq .Name 1}}", "template: ps:1: executing \"ps\" at <eq>: error calling eq: "
                             "incompatible types for comparison");
    refuse("{{range .Name}}x{{end}}",
           "template: ps:1: executing \"ps\" at <range>: range can't iterate over web");
    refuse("{{.Name", "template: ps:1: unclosed action");
    refuse("{{/* x", "template: ps:1: unclosed comment");
    refuse("{{}}", "template: ps:1: missing value for command");
    refuse("{{ }}", "template: ps:1: missing value for command");
    refuse("{{.Name | }}", "template: ps:1: missing value for command");
    refuse("{{frob .Name}}", "template: ps:1: function \"frob\" not defined");
    refuse("{{\"x}}", "template: ps:1: unterminated quoted string");
    refuse("{{`x}}", "template: ps:1: unterminated raw quoted string");
    refuse("{{\"\\z\"}}", "template: ps:1: invalid escape in a string");
    refuse("{{\"\\ud800\"}}", "template: ps:1: a string that is not UTF-8");
    refuse("{{join .Cmd}}", "template: ps:1: wrong number of args for join: got 1");
    refuse("{{json}}", "template: ps:1: wrong number of args for json: got 0");
    refuse("{{.Name .Id}}", "template: ps:1: can't give argument to non-function");
    refuse("{{3 | 4}}", "template: ps:1: can't give argument to non-function");
    refuse("{{12ab}}", "template: ps:1: bad number syntax: \"12ab\"");
    refuse("{{(.Name}}", "template: ps:1: unclosed left paren");
    refuse("{{.Name)}}", "template: ps:1: unexpected \")\" in command");
    refuse("{{.Name\303\251}}", "template: ps:1: unexpected \"\303\251\" in command");
    refuse("{{.Name..Foo}}", "template: ps:1: unexpected <.> in operand");
    refuse("{{$y}}", "template: ps:1: undefined variable \"$y\"");
    refuse("{{$y = 1}}", "template: ps:1: undefined variable \"$y\"");
    refuse("{{if true}}{{$y := 1}}{{end}}{{$y}}", "template: ps:1: undefined variable \"$y\"");
    refuse("{{printf print}}",
           "template: ps:1: a function as an argument has to be in parentheses: print");
    refuse("{{if}}x{{end}}", "template: ps:1: missing value for if");
    refuse("{{if .Name}}x", "template: ps:1: unexpected EOF");
    refuse("{{if .Name}}x{{else}}y", "template: ps:1: unexpected EOF");
    refuse("{{end}}", "template: ps:1: unexpected {{end}}");
    refuse("{{else}}", "template: ps:1: unexpected {{else}}");
    refuse("{{if .Name}}a{{else}}b{{else}}c{{end}}",
           "template: ps:1: expected end; found {{else}}");
    refuse("{{with .Name}}a{{else if .Name}}b{{end}}",
           "template: ps:1: unexpected text in {{else}}");
    refuse("{{if .Name}}{{end .Name}}", "template: ps:1: unexpected text in {{end}}");
    refuse("{{range $a, $b, $c := .Cmd}}{{end}}", "template: ps:1: undefined variable \"$a\"");
    refuse("{{if $a, $b := .Cmd}}{{end}}", "template: ps:1: too many declarations in if");
    refuse("{{define \"x\"}}{{end}}",
           "template: ps:1: {{define}} is not supported; use --format json");
    refuse("{{break}}", "template: ps:1: {{break}} is not supported; use --format json");
    refuse("{{.Name if}}", "template: ps:1: unexpected <if> in command");
    refuse("\377", "template: ps: not UTF-8");
}

/* `count` times the text before, then `middle`, then as often the text behind. */
static char *nested(const char *before, const char *middle, const char *behind, size_t count)
{
    CLEANUP_BUF struct buf text;

    buf_init(&text, TEXT_MAX);
    for (size_t i = 0; i < count; i++)
        (void)buf_append_text(&text, before);
    (void)buf_append_text(&text, middle);
    for (size_t i = 0; i < count; i++)
        (void)buf_append_text(&text, behind);
    return buf_take(&text);
}

static void check_nested(const char *before, const char *middle, const char *behind, size_t count,
                         const char *wanted)
{
    char *text = nested(before, middle, behind, count);

    check(text, wanted);
    free(text);
}

static void refuse_nested(const char *before, const char *middle, const char *behind, size_t count,
                          const char *message)
{
    char *text = nested(before, middle, behind, count);

    refuse(text, message);
    free(text);
}

static void test_limits(void **state)
{
    static const char too_deep[] =
        "template: ps:1: more than 32 blocks or parentheses in one another";

    check_nested("{{if true}}", "x", "{{end}}", 32, "x");
    refuse_nested("{{if true}}", "x", "{{end}}", 33, too_deep);
    refuse_nested("{{if true}}", "x", "{{end}}", 2000, too_deep);
    check_nested("(", "{{(((.Name)))}}", ")", 3, "(((web)))");
    refuse_nested(
        "",
        "{{((((((((((((((((((((((((((((((((((((((((.Name))))))))))))))))))))))))))))))))))))))))}}",
        "", 1, too_deep);
    refuse_nested("{{if false}}{{else if true}}", "x", "{{end}}", 100, too_deep);
    refuse_nested("0123456789", "", "", 7000, "template: ps: longer than 65536 bytes");
    refuse("{{print 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6}}", "template: ps:1: more than 16 operands");
    refuse_nested("",
                  "{{.Name|print|print|print|print|print|print|print|print|print|print|print|print"
                  "|print|print|print|print|print|print|print|print|print|print|print|print|print"
                  "|print|print|print|print|print|print|print}}",
                  "", 1, "template: ps:1: more than 32 commands in a pipe");
    refuse(
        "{{$x := split \",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\" \",\"}}{{range $x}}{{range $x}}"
        "{{range $x}}{{range $x}}{{if false}}{{end}}{{end}}{{end}}{{end}}{{end}}",
        "template: ps:1: executing \"ps\" takes more than 2000000 steps");
    refuse("{{$x := \"0123456789\"}}{{range split \",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\" \",\"}}"
           "{{$x = print $x $x}}{{end}}",
           "template: ps:1: executing \"ps\" at <print>: error calling print: text is larger than "
           "16777216 bytes");
    refuse(
        "{{$x := \"0123456789,\"}}{{range split \",,,,,,,,,,,,,,,,,,,\" \",\"}}"
        "{{$x = print $x $x}}{{end}}{{range split \",,,,,,,,,,,\" \",\"}}{{$y := print $x}}{{end}}",
        "template: ps:1: executing \"ps\" at <print>: makes more than 67108864 bytes");
    refuse("{{$x := \",\"}}{{range split \",,,,,,,,,,,,,,,,\" \",\"}}{{$x = print $x $x}}{{end}}"
           "{{len (split $x \",\")}}",
           "template: ps:1: executing \"ps\" at <split>: error calling split: more than 65536 "
           "pieces");
}

static void check_table(const char *format, bool is_table, const char *headings)
{
    static const struct template_heading names[] = {{"ID", "CONTAINER ID"}, {NULL, NULL}};
    CLEANUP(template_done) struct template template = {0};
    CLEANUP_BUF struct buf text;
    struct mcpd_error err = {0};

    buf_init(&text, TEXT_MAX);
    assert_int_equal(template_parse("ps", format, &template, &err), 0);
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
    check_table(
        "table {{.ID}}\t{{range .Mounts}}{{.Source}}{{end}}\t{{if .Up}}{{upper .Status}}{{end}}",
        true, "CONTAINER ID\tSOURCE\tSTATUS");
}

static void test_table_cells_are_clean(void **state)
{
    check("table {{.Text}} {{.Name}}", "a b\tweb");
    check("{{.Text}}", "a\tb");
}

/* On a terminal nothing steers it, but a line is a line. */
static void test_terminal(void **state)
{
    CLEANUP(template_done) struct template template = {0};
    CLEANUP_JSON json_t *document = json_of("{'Words': ['a\\u001b[1m', 'b\\u009b']}");
    CLEANUP_BUF struct buf text;
    struct mcpd_error err = {0};

    buf_init(&text, TEXT_MAX);
    assert_int_equal(template_parse("ps", "{{range .Words}}{{println .}}{{end}}", &template, &err),
                     0);
    assert_int_equal(template_render(&template, document, true, &text, &err), 0);
    assert_string_equal(buf_text(&text), "a [1m\nb \n");
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
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_comparison),
        cmocka_unit_test(test_printing),
        cmocka_unit_test(test_syntax),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_table_cells_are_clean),
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_json_spellings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
