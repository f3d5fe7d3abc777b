/* test_toml.c - configuration files: what is read, and what is refused with its line. */
#include "base_test.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "base/toml.h"

/* The document as compact JSON is `expected`. */
static void reads(const char *text, const char *expected)
{
    struct mcpd_error err = {0};
    CLEANUP_JSON json_t *document = NULL;
    CLEANUP_FREE char *json = NULL;

    if (toml_parse(text, strlen(text), "f", &document, &err) < 0)
        fail_msg("%s: %s", text, err.message);
    json = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(json, expected);
}

static void refuses(const char *text, const char *expected)
{
    struct mcpd_error err = {0};
    json_t *document = NULL;

    if (toml_parse(text, strlen(text), "f", &document, &err) == 0)
        fail_msg("taken: %s", text);
    assert_null(document);
    assert_string_equal(err.message, expected);
}

static void test_values(void **state)
{
    reads("", "{}");
    reads("# nothing\n\n  \t# here\r\n", "{}");
    reads("a = \"x\"", "{\"a\":\"x\"}");
    reads("\xef\xbb\xbf"
          "a=true\nb =false # c\nc= 12\nd = -1_000\ne=+3\nf=0\n",
          "{\"a\":true,\"b\":false,\"c\":12,\"d\":-1000,\"e\":3,\"f\":0}");
    reads("a = 'C:\\no\\escape \"x\"'\n", "{\"a\":\"C:\\\\no\\\\escape \\\"x\\\"\"}");
    reads("a = \"t\\t\\\"q\\\\ \\u00e9 \\U0001F600\"",
          "{\"a\":\"t\\t\\\"q\\\\ \xc3\xa9 \xf0\x9f\x98\x80\"}");
    reads("a = []\nb = [ ]\nc = [\"x\", 'y',]\n", "{\"a\":[],\"b\":[],\"c\":[\"x\",\"y\"]}");
    reads("a = [ # first\n  \"x\" # one\n  ,\n\n  \"y\"\n]\nb = 1",
          "{\"a\":[\"x\",\"y\"],\"b\":1}");
    reads("a = [[1], [2, 3]]", "{\"a\":[[1],[2,3]]}");
    reads("a = {}\nb = { x = 1, \"y z\" = 'q' , c.d = true }",
          "{\"a\":{},\"b\":{\"c\":{\"d\":true},\"x\":1,\"y z\":\"q\"}}");
}

static void test_keys(void **state)
{
    reads("a-B_1 = 1\n\"a.b\" = 2\n'' = 3\n1234 = 4", "{\"\":3,\"1234\":4,\"a-B_1\":1,\"a.b\":2}");
    reads("a.b.c = 1\na . b . d = 2", "{\"a\":{\"b\":{\"c\":1,\"d\":2}}}");
    refuses("= 1", "f: line 1: expected a key");
    refuses("a 1", "f: line 1: expected '=' behind a key");
    refuses("a = 1\na = 2", "f: line 2: a key is there twice");
    refuses("a = 1\na.b = 2", "f: line 2: a key is used as a table and as something else");
    refuses("\"a\\u0000\" = 1", "f: line 1: an escape names no character");
}

static void test_tables(void **state)
{
    reads("[a]\nx=1\n[b.c]\ny=2\n[b]\nz=3\n", "{\"a\":{\"x\":1},\"b\":{\"c\":{\"y\":2},\"z\":3}}");
    reads("[[r]]\nx=1\n[[r.m]]\ny=1\n[[r.m]]\ny=2\n[[r]]\nx=2\n[r.t]\nq=1",
          "{\"r\":[{\"m\":[{\"y\":1},{\"y\":2}],\"x\":1},{\"t\":{\"q\":1},\"x\":2}]}");
    reads("[ a . 'b c' ]\n", "{\"a\":{\"b c\":{}}}");
    refuses("[a]\n[a]", "f: line 2: a table stands in a header twice");
    refuses("[[a]]\n[a]", "f: line 2: a key is used as a table and as an array");
    refuses("[a]\n[[a]]", "f: line 2: a key is used as an array of tables and as something else");
    refuses("a=[1]\n[[a]]", "f: line 2: a key is used as an array of tables and as something else");
    refuses("a=1\n[a.b]", "f: line 2: a key is used as a table and as something else");
    refuses("[a", "f: line 1: a table's name does not end with ']'");
    refuses("[[a]", "f: line 1: a table's name does not end with ']'");
    refuses("[]", "f: line 1: expected a key");
    refuses("[a] x", "f: line 1: something follows on the line");
}

static void test_refused(void **state)
{
    refuses("a = \"x\" \"y\"", "f: line 1: something follows on the line");
    refuses("\n\na = ", "f: line 3: expected a value");
    refuses("a = \"x\ny\"", "f: line 1: a string does not end");
    refuses("a = \"x", "f: line 1: a string does not end");
    refuses("a = \"\"\"x\"\"\"", "f: line 1: strings over several lines are not supported");
    refuses("a = \"\\q\"", "f: line 1: unknown escape in a string");
    refuses("a = \"\\u12\"", "f: line 1: an escape needs hex digits");
    refuses("a = \"\\ud800\"", "f: line 1: an escape names no character");
    refuses("a = \"\x01\"", "f: line 1: a control character");
    refuses("a = \"\xff\"", "f: line 1: a string is not UTF-8");
    refuses("a = [1 2]", "f: line 1: expected ',' or ']' in an array");
    refuses("a = [\n1,\n", "f: line 3: expected a value");
    refuses("a = { x = 1 y = 2 }", "f: line 1: expected ',' or '}' in a table");
    refuses("a = { x = 1,\n y = 2 }", "f: line 1: expected a key");
    refuses("a = 1.5", "f: line 1: not a string, a number, true, false, an array or a table");
    refuses("a = 0x10", "f: line 1: not a string, a number, true, false, an array or a table");
    refuses("a = 007", "f: line 1: not a string, a number, true, false, an array or a table");
    refuses("a = 1979-05-27",
            "f: line 1: not a string, a number, true, false, an array or a table");
    refuses("a = +true", "f: line 1: not a string, a number, true, false, an array or a table");
    refuses("a = yes", "f: line 1: not a string, a number, true, false, an array or a table");
    refuses("a = 99999999999999999999",
            "f: line 1: not a string, a number, true, false, an array or a table");
}

static void test_bounds(void **state)
{
    struct mcpd_error err;
    CLEANUP_FREE char *deep = calloc(1, 100);
    CLEANUP_FREE char *large = malloc(TOML_MAX_BYTES + 2);
    json_t *document = NULL;

    memcpy(deep, "a=", 2);
    memset(deep + 2, '[', TOML_MAX_DEPTH + 1);
    refuses(deep, "f: line 1: values lie too deep in each other");
    memset(large, '\n', TOML_MAX_BYTES + 1);
    assert_int_equal(toml_parse(large, TOML_MAX_BYTES + 1, "f", &document, &err), -MCPD_E_LIMIT);
    memset(large, 'a', TOML_MAX_BYTES);
    large[TOML_MAX_BYTES] = '\0';
    refuses(large, "f: line 1: a key is too long");
    /* A NUL is a character like any other that has no place here. */
    assert_int_equal(toml_parse("a = true\0", 9, "f", &document, &err), -MCPD_E_INVALID);
    assert_int_equal(toml_parse("\0", 1, "f", &document, &err), -MCPD_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_keys),
        cmocka_unit_test(test_tables), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
