/*
 * jsonx.c - typed access to jansson values with the path in the message.
 *
 * Theory of operation. A text from outside is weighed before jansson sees it, by one pass over its
 * bytes that knows strings and punctuation only (what is no JSON will be refused by the parser).
 * Nesting, because the parser and the destructor recurse, and jansson's own limit is a constant of
 * the library. Memory, because "[]," are three bytes of text and 152 of memory: 4 MiB of it would
 * take 190 MB, and 4 MiB of "{}," 330 MB. Each mark is charged what it may cost at most, measured
 * with jansson 2.14 and glibc's malloc (array 128, object 224, number 32, string 80 and its text,
 * a slot in an array 24, a member's entry 104), tables counted at the moment when they double.
 */
#include "base/jsonx.h"

#include <string.h>

#include "base/fsutil.h"
#include "base/str.h"
#include "base/utf8.h"

#define FILE_DEPTH_MAX 64

#define ARRAY_BYTES    128
#define OBJECT_BYTES   224
#define STRING_BYTES   80
#define SLOT_BYTES     56 /* with a number in it; of two with a string between them, a member */

/* --- documents ------------------------------------------------------------- */

/* Skips a string that starts behind text[i]; the index of its closing quote or `length`. */
static size_t skip_string(const char *text, size_t length, size_t i)
{
    for (; i < length && text[i] != '"'; i++)
        if (text[i] == '\\')
            i++;
    return i;
}

/* What a text will take. */
struct weight {
    unsigned int depth;
    unsigned int deepest;
    size_t value_bytes;
    size_t word_length;    /* of the number or nonsense that is being passed */
    size_t longest_length; /* of strings and words */
};

static void note_length(struct weight *weight, size_t length)
{
    if (length > weight->longest_length)
        weight->longest_length = length;
}

static void weigh_mark(struct weight *weight, char mark)
{
    switch (mark) {
    case '[':
        weight->value_bytes += ARRAY_BYTES + SLOT_BYTES;
        weight->depth++;
        break;
    case '{':
        weight->value_bytes += OBJECT_BYTES;
        weight->depth++;
        break;
    case ']':
    case '}':
        weight->depth -= weight->depth > 0;
        break;
    case ',':
    case ':':
        weight->value_bytes += SLOT_BYTES;
        break;
    default:
        weight->word_length++;
        note_length(weight, weight->word_length);
        return;
    }
    weight->word_length = 0;
    if (weight->depth > weight->deepest)
        weight->deepest = weight->depth;
}

static void weigh(const char *text, size_t length, struct weight *weight)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"') {
            size_t end = skip_string(text, length, i + 1);

            weight->value_bytes += STRING_BYTES;
            note_length(weight, end - i);
            i = end;
        } else if (text[i] == ' ' || text[i] == '\n') {
            weight->word_length = 0;
        } else {
            weigh_mark(weight, text[i]);
        }
    }
}

static int check_weight(const char *text, size_t length, unsigned int maximum_depth,
                        const char *what, struct mcpd_error *err)
{
    struct weight weight = {0};

    weigh(text, length, &weight);
    if (weight.deepest > maximum_depth)
        return error_set(err, MCPD_E_LIMIT, "%s: JSON is nested more than %u levels deep", what,
                         maximum_depth);
    if (weight.value_bytes > JSONX_VALUES_MAX_BYTES)
        return error_set(err, MCPD_E_LIMIT,
                         "%s: JSON has too many values: more than %u MiB of memory", what,
                         JSONX_VALUES_MAX_BYTES >> 20);
    if (weight.longest_length > JSONX_STRING_MAX_BYTES)
        return error_set(err, MCPD_E_LIMIT, "%s: JSON has a string longer than %u MiB", what,
                         JSONX_STRING_MAX_BYTES >> 20);
    return 0;
}

static int parse(const char *text, size_t length, const char *what, json_t **ret_json,
                 struct mcpd_error *err)
{
    json_error_t problem;
    json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem);

    if (!json && json_error_code(&problem) == json_error_out_of_memory)
        return error_no_memory(err, what);
    if (!json)
        return error_set(err, MCPD_E_CORRUPT, "%s: not valid JSON: line %d: %s", what, problem.line,
                         problem.text);
    *ret_json = json;
    return 0;
}

int jsonx_parse(const char *text, size_t length, unsigned int maximum_depth, const char *what,
                json_t **ret_json, struct mcpd_error *err)
{
    int rc = check_weight(text, length, maximum_depth, what, err);

    return rc < 0 ? rc : parse(text, length, what, ret_json, err);
}

int jsonx_parse_own(const char *text, const char *what, json_t **ret_json, struct mcpd_error *err)
{
    return parse(text, strlen(text), what, ret_json, err);
}

int jsonx_load(int dir_fd, const char *path, size_t maximum, json_t **ret_json,
               struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t length;
    int rc = fs_read_regular(dir_fd, path, maximum, &text, &length, err);

    if (rc < 0)
        return rc;
    return jsonx_parse(text, length, FILE_DEPTH_MAX, path, ret_json, err);
}

int jsonx_save(int dir_fd, const char *path, const json_t *json, unsigned int write_flags,
               struct mcpd_error *err)
{
    CLEANUP_FREE char *text = json_dumps(json, JSON_COMPACT);

    if (!text)
        return error_no_memory(err, path);
    return fs_write_file(dir_fd, path, text, strlen(text), 0600, write_flags, err);
}

/* --- reading --------------------------------------------------------------- */

static int wrong_type(const char *what, const char *key, const char *expected,
                      struct mcpd_error *err)
{
    const char *dot = what && *what ? "." : "";

    return error_set(err, MCPD_E_CORRUPT, "%s%s%s: expected %s", what ? what : "", dot, key,
                     expected);
}

/* The member, or NULL when it, or the whole object, is absent or null. */
static int get_member(const json_t *object, const char *key, const char *what, json_t **ret_value,
                      struct mcpd_error *err)
{
    json_t *value;

    *ret_value = NULL;
    if (!object || json_is_null(object))
        return 0;
    if (!json_is_object(object))
        return error_set(err, MCPD_E_CORRUPT, "%s: expected an object",
                         what && *what ? what : "document");
    value = json_object_get(object, key);
    if (value && !json_is_null(value))
        *ret_value = value;
    return 0;
}

static int get_typed(const json_t *object, const char *key, const char *what, json_type type,
                     const char *type_name, json_t **ret_value, struct mcpd_error *err)
{
    json_t *value;
    int rc = get_member(object, key, what, &value, err);

    if (rc < 0)
        return rc;
    if (value && json_typeof(value) != type)
        return wrong_type(what, key, type_name, err);
    *ret_value = value;
    return 0;
}

int jsonx_get_object(const json_t *object, const char *key, const char *what, json_t **ret_value,
                     struct mcpd_error *err)
{
    return get_typed(object, key, what, JSON_OBJECT, "an object", ret_value, err);
}

int jsonx_get_array(const json_t *object, const char *key, const char *what, json_t **ret_value,
                    struct mcpd_error *err)
{
    return get_typed(object, key, what, JSON_ARRAY, "an array", ret_value, err);
}

/* A C string out of a JSON string, or NULL when it is none. */
static const char *plain_string(const json_t *value)
{
    const char *text = json_string_value(value);

    return text && strlen(text) == json_string_length(value) ? text : NULL;
}

int jsonx_get_string(const json_t *object, const char *key, const char *what,
                     const char **ret_value, struct mcpd_error *err)
{
    json_t *value;
    int rc = get_typed(object, key, what, JSON_STRING, "a string", &value, err);

    if (rc < 0)
        return rc;
    if (value && !plain_string(value))
        return wrong_type(what, key, "a string without NUL", err);
    *ret_value = value ? plain_string(value) : NULL;
    return 0;
}

int jsonx_dup_string(const json_t *object, const char *key, const char *what, char **ret_value,
                     struct mcpd_error *err)
{
    const char *text = NULL;
    char *copy = NULL;
    int rc = jsonx_get_string(object, key, what, &text, err);

    if (rc < 0)
        return rc;
    if (text) {
        copy = strdup(text);
        if (!copy)
            return error_no_memory(err, key);
    }
    *ret_value = copy;
    return 0;
}

int jsonx_get_i64(const json_t *object, const char *key, const char *what, int64_t *ret_value,
                  struct mcpd_error *err)
{
    json_t *value;
    int rc = get_typed(object, key, what, JSON_INTEGER, "a whole number", &value, err);

    if (rc == 0 && value)
        *ret_value = json_integer_value(value);
    return rc;
}

int jsonx_get_u64(const json_t *object, const char *key, const char *what, uint64_t *ret_value,
                  struct mcpd_error *err)
{
    json_t *value;
    int rc = get_typed(object, key, what, JSON_INTEGER, "a whole number", &value, err);

    if (rc < 0)
        return rc;
    if (value && json_integer_value(value) < 0)
        return wrong_type(what, key, "a number that is not negative", err);
    if (value)
        *ret_value = (uint64_t)json_integer_value(value);
    return 0;
}

int jsonx_get_bool(const json_t *object, const char *key, const char *what, bool *ret_value,
                   struct mcpd_error *err)
{
    json_t *value;
    int rc = get_member(object, key, what, &value, err);

    if (rc < 0)
        return rc;
    if (value && !json_is_boolean(value))
        return wrong_type(what, key, "true or false", err);
    if (value)
        *ret_value = json_is_true(value);
    return 0;
}

int jsonx_get_strv(const json_t *object, const char *key, const char *what, char ***ret_vector,
                   struct mcpd_error *err)
{
    CLEANUP_STRV char **vector = NULL;
    json_t *array;
    int rc = jsonx_get_array(object, key, what, &array, err);

    if (rc < 0)
        return rc;
    if (!array) {
        *ret_vector = NULL;
        return 0;
    }
    vector = calloc(json_array_size(array) + 1, sizeof(*vector));
    if (!vector)
        return error_no_memory(err, key);
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *text = plain_string(json_array_get(array, i));

        if (!text)
            return error_set(err, MCPD_E_CORRUPT, "%s%s%s[%zu]: expected a string",
                             what ? what : "", what && *what ? "." : "", key, i);
        vector[i] = strdup(text);
        if (!vector[i])
            return error_no_memory(err, key);
    }
    *ret_vector = TAKE_PTR(vector);
    return 0;
}

int jsonx_get_string_map(const json_t *object, const char *key, const char *what,
                         char ***ret_assignments, struct mcpd_error *err)
{
    CLEANUP_STRV char **vector = NULL;
    const char *name;
    json_t *map;
    json_t *value;
    size_t count = 0;
    int rc = jsonx_get_object(object, key, what, &map, err);

    if (rc < 0)
        return rc;
    if (!map) {
        *ret_assignments = NULL;
        return 0;
    }
    vector = calloc(json_object_size(map) + 1, sizeof(*vector));
    if (!vector)
        return error_no_memory(err, key);
    json_object_foreach(map, name, value) {
        const char *text = plain_string(value);

        if (!text)
            return error_set(err, MCPD_E_CORRUPT, "%s%s%s['%s']: expected a string",
                             what ? what : "", what && *what ? "." : "", key, name);
        vector[count] = str_format("%s=%s", name, text);
        if (!vector[count++])
            return error_no_memory(err, key);
    }
    *ret_assignments = TAKE_PTR(vector);
    return 0;
}

/* --- building -------------------------------------------------------------- */

/* A JSON string of text[0..length) in which each invalid byte has become U+FFFD. */
static json_t *repaired_string(const char *text, size_t length)
{
    CLEANUP_FREE char *repaired = malloc(3 * length + 1);
    size_t end = 0;

    if (!repaired)
        return NULL;
    for (size_t i = 0; i < length;) {
        size_t count = utf8_character(text + i, NULL);

        if (count > length - i)
            count = 0;
        memcpy(repaired + end, count > 0 ? text + i : "\xef\xbf\xbd", count > 0 ? count : 3);
        end += count > 0 ? count : 3;
        i += count > 0 ? count : 1;
    }
    return json_stringn(repaired, end);
}

static json_t *string_of(const char *text, size_t length)
{
    json_t *json = json_stringn(text, length); /* NULL also without memory */

    return json ? json : repaired_string(text, length);
}

json_t *jsonx_string(const char *text)
{
    return text ? string_of(text, strlen(text)) : json_null();
}

json_t *jsonx_strv(char *const *vector)
{
    CLEANUP_JSON json_t *array = json_array();

    for (size_t i = 0; array && vector && vector[i]; i++)
        if (json_array_append_new(array, jsonx_string(vector[i])) < 0)
            return NULL;
    return TAKE_PTR(array);
}

json_t *jsonx_string_map(char *const *assignments)
{
    CLEANUP_JSON json_t *map = json_object();

    for (size_t i = 0; map && assignments && assignments[i]; i++) {
        const char *equals = strchrnul(assignments[i], '=');
        CLEANUP_JSON json_t *key =
            string_of(assignments[i], (size_t)(equals - assignments[i])); /* valid UTF-8 */
        json_t *value = jsonx_string(*equals ? equals + 1 : "");

        if (!key || json_object_set_new(map, json_string_value(key), value) < 0)
            return NULL;
    }
    return TAKE_PTR(map);
}
