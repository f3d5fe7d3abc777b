/* test_jsonx.c - parsing hostile documents, typed reading, building. */
#include "base/base_test.h"

#include "base/buf.h"
#include "base/jsonx.h"
#include "base/str.h"

#include <malloc.h>

static json_t *parsed(const char *text)
{
    json_t *json = NULL;
    struct mcpd_error err;

    if (jsonx_parse(text, strlen(text), 16, "test", &json, &err) < 0)
        fail_msg("%s", err.message);
    return json;
}

static void test_parse_refuses(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "{\"a\":1,\"a\":2}",
        "{} {}",
        "[1] x",
        "{'a':1}",
        "[\"\xff\"]",
        "[\"\xc3\"]",
        "[\"\\ud800\"]",
        "[01]",
        "[\"a\nb\"]",
        "[\"\\u0000\"]",
        "[99999999999999999999]",
        "[\"",
        "[\"\\",
        "[\"\\\"",
        "1",
        "\"text\"",
        "nul",
        "\xef\xbb\xbf{}",
    };
    json_t *json = NULL;
    struct mcpd_error err;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (jsonx_parse(bad[i], strlen(bad[i]), 16, "doc", &json, &err) != -MCPD_E_CORRUPT)
            fail_msg("'%s' was taken", bad[i]);
    assert_code(jsonx_parse("[1]\0 ", 5, 16, "doc", &json, &err), MCPD_E_CORRUPT);
    assert_null(json);
    assert_error_contains(jsonx_parse("{\n\"a\": x}", 9, 16, "manifest", &json, &err), err,
                          MCPD_E_CORRUPT, "manifest: not valid JSON: line 2: ");
    /* What the document says must not control the terminal. */
    assert_code(jsonx_parse("[\x1b[2J]", 7, 16, "doc", &json, &err), MCPD_E_CORRUPT);
    assert_null(strchr(err.message, '\x1b'));
}

static void test_nesting(void **state)
{
    static const size_t levels = 10000;
    CLEANUP_FREE char *text = malloc(2 * levels + 1);
    CLEANUP_JSON json_t *json = NULL;
    CLEANUP_JSON json_t *brackets = NULL;
    struct mcpd_error err;
    int rc;

    memset(text, '[', levels);
    memset(text + levels, ']', levels);
    rc = jsonx_parse(text, 2 * levels, 64, "index", &json, &err);
    assert_error(rc, err, MCPD_E_LIMIT, "index: JSON is nested more than 64 levels deep");
    assert_code(jsonx_parse(text, levels, 64, "index", &json, &err), MCPD_E_LIMIT);
    assert_int_equal(jsonx_parse(text + levels - 64, 128, 64, "index", &json, &err), 0);
    assert_code(jsonx_parse(text + levels - 65, 130, 64, "index", &brackets, &err), MCPD_E_LIMIT);
    /* Brackets in strings do not count, behind escaped quotes neither. */
    brackets =
        parsed("{\"[[[[[[[[[[[[[[[[[[[[\": \"\\\"[[[[[[[[[[[[[[[[[[[\\\\\", \"a\": [[[1]]]}");
    assert_int_equal(json_object_size(brackets), 2);
    /* Closing more than was opened must not make room. */
    assert_code(jsonx_parse("]]]]]][[[[", 10, 3, "index", &brackets, &err), MCPD_E_LIMIT);
}

/* --- memory ---------------------------------------------------------------- */

static size_t allocated_bytes;
static size_t peak_bytes;

static void *count_malloc(size_t size)
{
    void *memory = malloc(size);

    if (memory)
        allocated_bytes += malloc_usable_size(memory) + sizeof(size_t);
    if (allocated_bytes > peak_bytes)
        peak_bytes = allocated_bytes;
    return memory;
}

static void count_free(void *memory)
{
    if (memory)
        allocated_bytes -= malloc_usable_size(memory) + sizeof(size_t);
    free(memory);
}

/* "[unit,unit,...]", or with a key to each; of at most `length` bytes. */
static char *repeat(const char *unit, bool has_keys, size_t length)
{
    CLEANUP_BUF struct buf text;
    size_t index = 0;

    buf_init(&text, SIZE_MAX);
    assert_int_equal(buf_append_text(&text, has_keys ? "{" : "["), 0);
    while (text.length + strlen(unit) + 24 < length) {
        if (index > 0)
            assert_int_equal(buf_append_text(&text, ","), 0);
        if (has_keys)
            assert_int_equal(buf_append_format(&text, "\"%zx\":", index), 0);
        assert_int_equal(buf_append_text(&text, unit), 0);
        index++;
    }
    assert_int_equal(buf_append_text(&text, has_keys ? "}" : "]"), 0);
    return strdup(buf_text(&text));
}

/* Parses it with every allocation of jansson counted; the result of the parser. */
static int measure(const char *text, struct mcpd_error *err)
{
    json_t *json = NULL;
    json_malloc_t old_malloc;
    json_free_t old_free;
    int rc;

    json_get_alloc_funcs(&old_malloc, &old_free);
    json_set_alloc_funcs(count_malloc, count_free);
    peak_bytes = allocated_bytes = 0;
    rc = jsonx_parse(text, strlen(text), 16, "manifest", &json, err);
    if (rc == 0)
        json_decref(json);
    json_set_alloc_funcs(old_malloc, old_free);
    assert_int_equal(allocated_bytes, 0);
    return rc;
}

/* As large as it may be, and never more memory than the header promises. Returns the length. */
static size_t check_largest(const char *unit, bool has_keys)
{
    size_t taken = 0;
    size_t refused = 4u << 20;

    while (refused - taken > 1000) {
        size_t length = taken + (refused - taken) / 2;
        CLEANUP_FREE char *text = repeat(unit, has_keys, length);
        struct mcpd_error err = {0};
        int rc = measure(text, &err);

        if (peak_bytes > strlen(text) + JSONX_VALUES_MAX_BYTES + 2 * JSONX_STRING_MAX_BYTES)
            fail_msg("%zu bytes of %s took %zu", strlen(text), unit, peak_bytes);
        if (rc < 0)
            assert_error_contains(rc, err, MCPD_E_LIMIT, "manifest: JSON has too many values");
        *(rc < 0 ? &refused : &taken) = length;
    }
    return taken;
}

static void test_memory(void **state)
{
    static const char *const units[] = {
        "[]",
        "{}",
        "1",
        "-1.5e9",
        "\"\"",
        "null",
        "[null]",
        "{\"a\":null}",
        "[[[[[[]]]]]]",
        "{\"a\":{\"a\":[{\"a\":1}]}}",
    };
    CLEANUP_FREE char *mixed = repeat("[],{},1,\"ab\",{\"a\":[1]}", false, 4u << 20);
    struct mcpd_error err = {0};

    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        for (int has_keys = 0; has_keys < 2; has_keys++)
            assert_in_range(check_largest(units[i], has_keys), 20000, 1000000);
    /* What brought it up: 4 MiB that took 190 MB. It is not even begun. */
    assert_code(measure(mixed, &err), MCPD_E_LIMIT);
    assert_int_equal(peak_bytes, 0);
}

/* Marks in strings cost nothing; long strings are copied once and buffered once. */
static void test_memory_of_strings(void **state)
{
    CLEANUP_FREE char *commas = malloc(JSONX_STRING_MAX_BYTES + 16);
    CLEANUP_FREE char *digits = malloc(JSONX_STRING_MAX_BYTES + 16);
    struct mcpd_error err = {0};

    memset(commas, ',', JSONX_STRING_MAX_BYTES + 16);
    memcpy(commas, "[\"", 2);
    memcpy(commas + JSONX_STRING_MAX_BYTES, "\"]", 3);
    assert_int_equal(measure(commas, &err), 0);
    assert_in_range(peak_bytes, JSONX_STRING_MAX_BYTES, 3 * JSONX_STRING_MAX_BYTES + 4096);
    memset(commas, ',', JSONX_STRING_MAX_BYTES + 16);
    memcpy(commas, "[\"", 2);
    memcpy(commas + JSONX_STRING_MAX_BYTES + 10, "\"]", 3);
    assert_error(measure(commas, &err), err, MCPD_E_LIMIT,
                 "manifest: JSON has a string longer than 1 MiB");
    memset(digits, '1', JSONX_STRING_MAX_BYTES + 16);
    digits[0] = '[';
    memcpy(digits + JSONX_STRING_MAX_BYTES + 10, "]", 2);
    assert_code(measure(digits, &err), MCPD_E_LIMIT);
    assert_int_equal(peak_bytes, 0);
}

/* The largest index that we take, and a list of our own beyond every limit. */
static void test_memory_is_enough(void **state)
{
    static const char digest[] =
        "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    CLEANUP_FREE char *entry =
        str_format("{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"size\":4711,"
                   "\"digest\":\"%s\",\"platform\":{\"os\":\"linux\",\"architecture\":\"arm\","
                   "\"variant\":\"v7\"},\"annotations\":{\"vnd.docker.reference.digest\":\"%s\","
                   "\"vnd.docker.reference.type\":\"attestation-manifest\"}}",
                   digest, digest);
    CLEANUP_FREE char *index = repeat(entry, false, 1025 * (strlen(entry) + 1));
    CLEANUP_FREE char *own = repeat("{}", false, 4u << 20);
    CLEANUP_JSON json_t *json = NULL;
    struct mcpd_error err = {0};

    if (measure(index, &err) < 0)
        fail_msg("%s", err.message);
    assert_code(measure(own, &err), MCPD_E_LIMIT);
    assert_int_equal(jsonx_parse_own(own, "list", &json, &err), 0);
}

static void test_numbers_and_booleans(void **state)
{
    CLEANUP_JSON json_t *json =
        parsed("{\"n\": 5, \"neg\": -5, \"r\": 1.5, \"t\": true, \"f\": false,"
               " \"null\": null, \"s\": \"5\", \"big\": 9223372036854775807}");
    uint64_t u = 77;
    int64_t i = 77;
    bool b = true;
    struct mcpd_error err;

    assert_int_equal(jsonx_get_u64(json, "absent", "x", &u, &err), 0);
    assert_int_equal(jsonx_get_u64(json, "null", "x", &u, &err), 0);
    assert_int_equal(jsonx_get_u64(NULL, "n", "x", &u, &err), 0);
    assert_int_equal(u, 77);
    assert_int_equal(jsonx_get_u64(json, "n", "x", &u, &err), 0);
    assert_int_equal(u, 5);
    assert_int_equal(jsonx_get_u64(json, "big", "x", &u, &err), 0);
    assert_true(u == INT64_MAX);
    assert_error(jsonx_get_u64(json, "neg", "x", &u, &err), err, MCPD_E_CORRUPT,
                 "x.neg: expected a number that is not negative");
    assert_error(jsonx_get_u64(json, "r", "", &u, &err), err, MCPD_E_CORRUPT,
                 "r: expected a whole number");
    assert_error(jsonx_get_i64(json, "s", NULL, &i, &err), err, MCPD_E_CORRUPT,
                 "s: expected a whole number");
    assert_int_equal(jsonx_get_i64(json, "neg", "x", &i, &err), 0);
    assert_int_equal(i, -5);
    assert_int_equal(jsonx_get_bool(json, "absent", "x", &b, &err), 0);
    assert_true(b);
    assert_int_equal(jsonx_get_bool(json, "f", "x", &b, &err), 0);
    assert_false(b);
    assert_error(jsonx_get_bool(json, "n", "x", &b, &err), err, MCPD_E_CORRUPT,
                 "x.n: expected true or false");
}

static void test_strings_objects_arrays(void **state)
{
    CLEANUP_JSON json_t *json = parsed("{\"s\": \"text\", \"o\": {}, \"a\": [], \"null\": null}");
    CLEANUP_JSON json_t *with_nul = json_pack("{s:s#}", "s", "a\0b", 3);
    CLEANUP_FREE char *copy = NULL;
    const char *text = "default";
    json_t *value = json;
    struct mcpd_error err;

    assert_int_equal(jsonx_get_string(json, "null", "x", &text, &err), 0);
    assert_null(text);
    assert_int_equal(jsonx_get_string(json, "s", "x", &text, &err), 0);
    assert_string_equal(text, "text");
    assert_error(jsonx_get_string(json, "o", "x", &text, &err), err, MCPD_E_CORRUPT,
                 "x.o: expected a string");
    assert_error(jsonx_get_string(with_nul, "s", "x", &text, &err), err, MCPD_E_CORRUPT,
                 "x.s: expected a string without NUL");
    assert_int_equal(jsonx_dup_string(json, "s", "x", &copy, &err), 0);
    assert_string_equal(copy, "text");
    free(TAKE_PTR(copy));
    assert_int_equal(jsonx_dup_string(json, "absent", "x", &copy, &err), 0);
    assert_null(copy);
    assert_int_equal(jsonx_get_object(json, "o", "x", &value, &err), 0);
    assert_true(json_is_object(value));
    assert_int_equal(jsonx_get_object(json, "absent", "x", &value, &err), 0);
    assert_null(value);
    assert_int_equal(jsonx_get_array(json, "a", "x", &value, &err), 0);
    assert_true(json_is_array(value));
    assert_error(jsonx_get_array(json, "o", "x", &value, &err), err, MCPD_E_CORRUPT,
                 "x.o: expected an array");
    assert_error(jsonx_get_object(value, "o", "x", &value, &err), err, MCPD_E_CORRUPT,
                 "x: expected an object");
    assert_int_equal(jsonx_get_object(json_null(), "o", "x", &value, &err), 0);
}

static void test_vectors(void **state)
{
    CLEANUP_JSON json_t *json = parsed("{\"Env\": [\"A=1\", \"B=\"], \"bad\": [\"a\", \"b\", 3],"
                                       " \"empty\": [], \"L\": {\"z\": \"1\", \"a\": \"x=y\"},"
                                       " \"Lbad\": {\"k\": null}}");
    CLEANUP_STRV char **vector = NULL;
    CLEANUP_STRV char **empty = NULL;
    CLEANUP_STRV char **map = NULL;
    char **none = (char *[]){NULL};
    struct mcpd_error err;

    assert_int_equal(jsonx_get_strv(json, "Env", "config", &vector, &err), 0);
    assert_int_equal(strv_length(vector), 2);
    assert_string_equal(vector[1], "B=");
    assert_int_equal(jsonx_get_strv(json, "empty", "config", &empty, &err), 0);
    assert_non_null(empty);
    assert_int_equal(jsonx_get_strv(json, "absent", "config", &none, &err), 0);
    assert_null(none);
    assert_error(jsonx_get_strv(json, "bad", "config", &none, &err), err, MCPD_E_CORRUPT,
                 "config.bad[2]: expected a string");
    assert_int_equal(jsonx_get_string_map(json, "L", "config", &map, &err), 0);
    assert_string_equal(map[0], "z=1"); /* in the order of the document */
    assert_string_equal(map[1], "a=x=y");
    assert_int_equal(jsonx_get_string_map(json, "absent", "config", &none, &err), 0);
    assert_null(none);
    assert_error(jsonx_get_string_map(json, "Lbad", "config", &none, &err), err, MCPD_E_CORRUPT,
                 "config.Lbad['k']: expected a string");
    assert_error(jsonx_get_string_map(json, "Env", "", &none, &err), err, MCPD_E_CORRUPT,
                 "Env: expected an object");
}

static void test_garbage_becomes_valid_utf8(void **state)
{
    static const struct {
        const char *text;
        const char *repaired;
    } cases[] = {
        {"plain", "plain"},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb3", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb3"},
        {"a\xff", "a\xef\xbf\xbd"},
        {"\xc3", "\xef\xbf\xbd"},
        {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* overlong */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\x80x\xf0\x9f\x90", "\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_JSON json_t *json = jsonx_string(cases[i].text);

        assert_non_null(json);
        assert_string_equal(json_string_value(json), cases[i].repaired);
    }
    /* All pairs of bytes: never NULL, and jansson writes and reads what comes out. */
    for (int a = 1; a < 256; a++)
        for (int b = 1; b < 256; b++) {
            char text[] = {(char)a, (char)b, 'x', '\0'};
            CLEANUP_JSON json_t *json = jsonx_string(text);
            CLEANUP_FREE char *dump = NULL;

            assert_non_null(json);
            dump = json_dumps(json, JSON_ENCODE_ANY);
            assert_non_null(dump);
        }
}

static void test_building(void **state)
{
    char *const vector[] = {(char[]){"a"}, (char[]){"\xff"}, NULL};
    char *const map[] = {(char[]){"K=V=W"}, (char[]){"flag"}, (char[]){"bad\xff=x"}, NULL};
    CLEANUP_JSON json_t *array = jsonx_strv(vector);
    CLEANUP_JSON json_t *none = jsonx_strv(NULL);
    CLEANUP_JSON json_t *object = jsonx_string_map(map);
    CLEANUP_JSON json_t *empty = jsonx_string_map(NULL);
    CLEANUP_FREE char *text = json_dumps(object, JSON_COMPACT);

    assert_true(json_is_null(jsonx_string(NULL)));
    assert_int_equal(json_array_size(array), 2);
    assert_int_equal(json_array_size(none), 0);
    assert_int_equal(json_object_size(empty), 0);
    assert_string_equal(text, "{\"K\":\"V=W\",\"flag\":\"\",\"bad\xef\xbf\xbd\":\"x\"}");
}

static void test_load_and_save(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_JSON json_t *json = parsed("{\"a\": [1, \"x\"]}");
    CLEANUP_JSON json_t *back = NULL;
    CLEANUP_FREE char *text = NULL;
    struct mcpd_error err;
    struct stat st;

    assert_int_equal(jsonx_save(dir->fd, "f.json", json, FS_WRITE_EXCLUSIVE, &err), 0);
    assert_code(jsonx_save(dir->fd, "f.json", json, FS_WRITE_EXCLUSIVE, &err), MCPD_E_CONFLICT);
    assert_int_equal(fs_read_file(dir->fd, "f.json", 100, &text, NULL, &err), 0);
    assert_string_equal(text, "{\"a\":[1,\"x\"]}");
    assert_int_equal(fstatat(dir->fd, "f.json", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(jsonx_load(dir->fd, "f.json", 100, &back, &err), 0);
    assert_true(json_equal(json, back));
    assert_code(jsonx_load(dir->fd, "f.json", 5, &back, &err), MCPD_E_LIMIT);
    assert_code(jsonx_load(dir->fd, "none", 5, &back, &err), MCPD_E_NOT_FOUND);
    put_file(dir->fd, "half.json", "{\"a\":");
    assert_error_contains(jsonx_load(dir->fd, "half.json", 100, &back, &err), err, MCPD_E_CORRUPT,
                          "half.json: not valid JSON: line 1: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_memory_of_strings),
        cmocka_unit_test(test_memory_is_enough),
        cmocka_unit_test(test_numbers_and_booleans),
        cmocka_unit_test(test_strings_objects_arrays),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_garbage_becomes_valid_utf8),
        cmocka_unit_test(test_building),
        DIR_TEST(test_load_and_save),
    };

    return cmocka_run_group_tests_name("jsonx", tests, NULL, NULL);
}
