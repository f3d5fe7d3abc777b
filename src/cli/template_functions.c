/*
 * template_functions.c - the functions of templates: those of Go that make sense over JSON, and
 * podman's own. printf is in template_printf.c.
 */
#include "cli/template_tree.h"

#include "base/jsonx.h"
#include "base/str.h"
#include "cli/out.h"

#include <ctype.h>
#include <string.h>

static int returned(json_t *value, json_t **ret_value, struct mcpd_error *err)
{
    *ret_value = value;
    return value ? 0 : error_no_memory(err, "template");
}

static int return_text(const struct buf *text, json_t **ret_value, struct mcpd_error *err)
{
    int rc = buf_check(text, "text", err);

    return rc < 0 ? rc : returned(template_value_of_buf(text), ret_value, err);
}

static int wrong_type(const json_t *value, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = template_value_text(value);

    return error_set(err, MCPD_E_INVALID, "wrong type for value: %.64s", text ? text : "");
}

/* ------------------------------------------------------------------ logic */

static int call_and(json_t *const *arguments, size_t count, json_t **ret_value,
                    struct mcpd_error *err)
{
    size_t i = 0;

    while (i + 1 < count && template_value_is_true(arguments[i]))
        i++;
    return returned(json_incref(arguments[i]), ret_value, err);
}

static int call_or(json_t *const *arguments, size_t count, json_t **ret_value,
                   struct mcpd_error *err)
{
    size_t i = 0;

    while (i + 1 < count && !template_value_is_true(arguments[i]))
        i++;
    return returned(json_incref(arguments[i]), ret_value, err);
}

static int call_not(json_t *const *arguments, size_t count, json_t **ret_value,
                    struct mcpd_error *err)
{
    (void)count;
    return returned(json_boolean(!template_value_is_true(arguments[0])), ret_value, err);
}

/* ------------------------------------------------------------------ comparison */

static int incompatible(struct mcpd_error *err)
{
    return error_set(err, MCPD_E_INVALID, "incompatible types for comparison");
}

/* -1, 0, 1; for values of which neither is less, 0 means equal. */
static int compare(const json_t *left, const json_t *right, int *ret_order, struct mcpd_error *err)
{
    if (json_is_integer(left) && json_is_integer(right)) {
        json_int_t a = json_integer_value(left);
        json_int_t b = json_integer_value(right);

        *ret_order = (a > b) - (a < b);
    } else if (json_is_number(left) && json_is_number(right)) {
        double a = json_number_value(left);
        double b = json_number_value(right);

        *ret_order = (a > b) - (a < b);
    } else if (json_is_string(left) && json_is_string(right)) {
        *ret_order = strcmp(json_string_value(left), json_string_value(right));
    } else {
        return incompatible(err);
    }
    return 0;
}

static bool is_basic(const json_t *value)
{
    return !json_is_object(value) && !json_is_array(value);
}

static int is_equal(const json_t *left, const json_t *right, bool *ret_answer,
                    struct mcpd_error *err)
{
    int order = 0;
    int rc;

    if (!is_basic(left) || !is_basic(right))
        return error_set(err, MCPD_E_INVALID, "non-comparable type");
    if (json_is_null(left) || json_is_null(right)) {
        *ret_answer = json_is_null(left) && json_is_null(right);
        return 0;
    }
    if (json_is_boolean(left) && json_is_boolean(right)) {
        *ret_answer = json_boolean_value(left) == json_boolean_value(right);
        return 0;
    }
    rc = compare(left, right, &order, err);
    *ret_answer = order == 0;
    return rc;
}

/* eq A B C: is A one of the others? */
static int call_eq(json_t *const *arguments, size_t count, json_t **ret_value,
                   struct mcpd_error *err)
{
    bool answer = false;

    for (size_t i = 1; i < count && !answer; i++) {
        int rc = is_equal(arguments[0], arguments[i], &answer, err);

        if (rc < 0)
            return rc;
    }
    return returned(json_boolean(answer), ret_value, err);
}

static int call_ne(json_t *const *arguments, size_t count, json_t **ret_value,
                   struct mcpd_error *err)
{
    bool answer = false;
    int rc = is_equal(arguments[0], arguments[1], &answer, err);

    (void)count;
    return rc < 0 ? rc : returned(json_boolean(!answer), ret_value, err);
}

static int call_lt(json_t *const *arguments, size_t count, json_t **ret_value,
                   struct mcpd_error *err)
{
    int order = 0;
    int rc = compare(arguments[0], arguments[1], &order, err);

    (void)count;
    return rc < 0 ? rc : returned(json_boolean(order < 0), ret_value, err);
}

static int call_le(json_t *const *arguments, size_t count, json_t **ret_value,
                   struct mcpd_error *err)
{
    int order = 0;
    int rc = compare(arguments[0], arguments[1], &order, err);

    (void)count;
    return rc < 0 ? rc : returned(json_boolean(order <= 0), ret_value, err);
}

static int call_gt(json_t *const *arguments, size_t count, json_t **ret_value,
                   struct mcpd_error *err)
{
    json_t *const swapped[] = {arguments[1], arguments[0]};

    return call_lt(swapped, count, ret_value, err);
}

static int call_ge(json_t *const *arguments, size_t count, json_t **ret_value,
                   struct mcpd_error *err)
{
    json_t *const swapped[] = {arguments[1], arguments[0]};

    return call_le(swapped, count, ret_value, err);
}

/* ------------------------------------------------------------------ parts of values */

static size_t length_of(const json_t *value)
{
    if (json_is_string(value))
        return json_string_length(value);
    return json_is_object(value) ? json_object_size(value) : json_array_size(value);
}

static int call_len(json_t *const *arguments, size_t count, json_t **ret_value,
                    struct mcpd_error *err)
{
    (void)count;
    if (is_basic(arguments[0]) && !json_is_string(arguments[0]) && !json_is_null(arguments[0]))
        return wrong_type(arguments[0], err);
    return returned(json_integer((json_int_t)length_of(arguments[0])), ret_value, err);
}

/* Go's zero value of a map's values: [] or "" where all are lists or text, "" where there are none
 * (podman's maps are mostly of text). New reference. */
static json_t *value_of_missing(json_t *map)
{
    const char *key;
    json_t *value;
    size_t texts = 0;
    size_t lists = 0;

    json_object_foreach(map, key, value) {
        texts += json_is_string(value);
        lists += json_is_array(value) || json_is_null(value);
    }
    if (texts == json_object_size(map))
        return json_string("");
    return lists == json_object_size(map) ? json_array() : json_null();
}

/* One step of index. New reference. */
static int step(json_t *value, const json_t *key, json_t **ret_element, struct mcpd_error *err)
{
    json_int_t position = json_integer_value(key);
    json_t *member;

    if (json_is_array(value) && json_is_integer(key)) {
        if (position < 0 || (size_t)position >= json_array_size(value))
            return error_set(err, MCPD_E_INVALID, "index out of range: %lld", (long long)position);
        return returned(json_incref(json_array_get(value, (size_t)position)), ret_element, err);
    }
    if (json_is_object(value) && json_is_string(key)) {
        member = json_object_get(value, json_string_value(key));
        return returned(member ? json_incref(member) : value_of_missing(value), ret_element, err);
    }
    if (json_is_null(value))
        return returned(template_value_absent(), ret_element, err);
    return is_basic(value) ? error_set(err, MCPD_E_INVALID, "can't index item of this type")
                           : error_set(err, MCPD_E_INVALID, "cannot index by this type");
}

/* index A "key" 0 ...: one step for each key. */
static int call_index(json_t *const *arguments, size_t count, json_t **ret_value,
                      struct mcpd_error *err)
{
    CLEANUP_JSON json_t *value = json_incref(arguments[0]);

    for (size_t i = 1; i < count; i++) {
        json_t *element = NULL;
        int rc = step(value, arguments[i], &element, err);

        if (rc < 0)
            return rc;
        json_decref(value);
        value = element;
    }
    *ret_value = TAKE_PTR(value);
    return 0;
}

static int check_bound(const json_t *bound, size_t length, size_t *ret_position,
                       struct mcpd_error *err)
{
    json_int_t position = json_integer_value(bound);

    if (!json_is_integer(bound) || position < 0 || (size_t)position > length)
        return error_set(err, MCPD_E_INVALID, "index out of range: %lld", (long long)position);
    *ret_position = (size_t)position;
    return 0;
}

/* Go counts bytes, so a piece of a character may be left; JSON has none. */
static int slice_text(const char *text, size_t length, json_t **ret_value, struct mcpd_error *err)
{
    CLEANUP_FREE char *piece = strndup(text, length);

    return returned(piece ? jsonx_string(piece) : NULL, ret_value, err);
}

/* slice A 1 2, slice A 1, slice A */
static int call_slice(json_t *const *arguments, size_t count, json_t **ret_value,
                      struct mcpd_error *err)
{
    const json_t *value = arguments[0];
    size_t length = length_of(value);
    size_t start = 0;
    size_t end = length;
    json_t *array;
    int rc = count > 1 ? check_bound(arguments[1], length, &start, err) : 0;

    if (rc == 0 && count > 2)
        rc = check_bound(arguments[2], length, &end, err);
    if (rc == 0 && start > end)
        rc = error_set(err, MCPD_E_INVALID, "invalid slice index: %zu > %zu", start, end);
    if (rc < 0)
        return rc;
    if (json_is_string(value))
        return slice_text(json_string_value(value) + start, end - start, ret_value, err);
    if (!json_is_array(value))
        return wrong_type(value, err);
    array = json_array();
    for (size_t i = start; i < end; i++)
        (void)json_array_append(array, json_array_get(value, i));
    return returned(array, ret_value, err);
}

/* ------------------------------------------------------------------ text */

static int call_json(json_t *const *arguments, size_t count, json_t **ret_value,
                     struct mcpd_error *err)
{
    CLEANUP_FREE char *text = out_json_text(arguments[0], 0);

    (void)count;
    return returned(text ? json_string_nocheck(text) : NULL, ret_value, err);
}

/* join LIST ", ", and the other way round for a list that comes through a pipe. */
static int call_join(json_t *const *arguments, size_t count, json_t **ret_value,
                     struct mcpd_error *err)
{
    size_t place = json_is_array(arguments[1]) ? 1 : 0;
    const json_t *list = arguments[place];
    const char *separator = json_string_value(arguments[1 - place]);
    CLEANUP_BUF struct buf text = {0};
    size_t index;
    json_t *element;

    (void)count;
    if (!separator || (!json_is_array(list) && !json_is_null(list)))
        return wrong_type(separator ? list : arguments[1 - place], err);
    buf_init(&text, TEMPLATE_MAX_TEXT);
    json_array_foreach(list, index, element) {
        if (index > 0)
            (void)buf_append_text(&text, separator);
        template_value_append(element, &text);
    }
    return return_text(&text, ret_value, err);
}

static int call_split(json_t *const *arguments, size_t count, json_t **ret_value,
                      struct mcpd_error *err)
{
    CLEANUP_FREE char *text = template_value_text(arguments[0]);
    const char *separator = json_string_value(arguments[1]);
    json_t *list = json_array();
    const char *at = text;
    const char *found;

    (void)count;
    if (!text || !separator || *separator == '\0') {
        json_decref(list);
        return wrong_type(arguments[1], err);
    }
    for (; (found = strstr(at, separator)); at = found + strlen(separator)) {
        if (json_array_size(list) == TEMPLATE_MAX_PIECES - 1) {
            json_decref(list);
            return error_set(err, MCPD_E_INVALID, "more than %d pieces", TEMPLATE_MAX_PIECES);
        }
        (void)json_array_append_new(list, json_stringn_nocheck(at, (size_t)(found - at)));
    }
    (void)json_array_append_new(list, json_string_nocheck(at));
    return returned(list, ret_value, err);
}

enum change {
    CHANGE_UPPER,
    CHANGE_LOWER,
    CHANGE_TITLE,
};

static int change_case(const json_t *value, enum change change, json_t **ret_value,
                       struct mcpd_error *err)
{
    CLEANUP_FREE char *text = template_value_text(value);
    bool starts_word = true;

    if (!text)
        return error_no_memory(err, "template");
    for (char *at = text; *at != '\0'; at++) {
        int c = (unsigned char)*at;

        if (change == CHANGE_LOWER)
            *at = (char)tolower(c);
        else if (change == CHANGE_UPPER || starts_word)
            *at = (char)toupper(c);
        starts_word = isspace(c) != 0;
    }
    return returned(json_string_nocheck(text), ret_value, err);
}

static int call_upper(json_t *const *arguments, size_t count, json_t **ret_value,
                      struct mcpd_error *err)
{
    (void)count;
    return change_case(arguments[0], CHANGE_UPPER, ret_value, err);
}

static int call_lower(json_t *const *arguments, size_t count, json_t **ret_value,
                      struct mcpd_error *err)
{
    (void)count;
    return change_case(arguments[0], CHANGE_LOWER, ret_value, err);
}

static int call_title(json_t *const *arguments, size_t count, json_t **ret_value,
                      struct mcpd_error *err)
{
    (void)count;
    return change_case(arguments[0], CHANGE_TITLE, ret_value, err);
}

/* truncate TEXT 12 */
static int call_truncate(json_t *const *arguments, size_t count, json_t **ret_value,
                         struct mcpd_error *err)
{
    CLEANUP_FREE char *text = template_value_text(arguments[0]);
    json_int_t limit = json_integer_value(arguments[1]);
    size_t length = text ? strlen(text) : 0;

    (void)count;
    if (!json_is_integer(arguments[1]) || limit < 0)
        return wrong_type(arguments[1], err);
    if (length > (size_t)limit)
        length = (size_t)limit;
    while (text && length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--; /* not through a character */
    return returned(text ? json_stringn_nocheck(text, length) : NULL, ret_value, err);
}

/* pad TEXT 2 3: blanks before and behind, unless it is empty. */
static int call_pad(json_t *const *arguments, size_t count, json_t **ret_value,
                    struct mcpd_error *err)
{
    CLEANUP_FREE char *text = template_value_text(arguments[0]);
    CLEANUP_FREE char *padded = NULL;
    json_int_t before = json_integer_value(arguments[1]);
    json_int_t behind = json_integer_value(arguments[2]);

    (void)count;
    if (before < 0 || behind < 0 || before > TEMPLATE_MAX_WIDTH || behind > TEMPLATE_MAX_WIDTH)
        return error_set(err, MCPD_E_INVALID, "number of blanks out of range");
    if (text && *text != '\0')
        padded = str_format("%*s%s%*s", (int)before, "", text, (int)behind, "");
    else if (text)
        padded = strdup("");
    return returned(padded ? json_string_nocheck(padded) : NULL, ret_value, err);
}

/* print puts a blank between two values of which neither is text, println between all. */
static int print_all(json_t *const *arguments, size_t count, bool is_line, json_t **ret_value,
                     struct mcpd_error *err)
{
    CLEANUP_BUF struct buf text;

    buf_init(&text, TEMPLATE_MAX_TEXT);
    for (size_t i = 0; i < count; i++) {
        bool has_text = i > 0 && (json_is_string(arguments[i]) || json_is_string(arguments[i - 1]));

        if (i > 0 && (is_line || !has_text))
            (void)buf_append_text(&text, " ");
        template_value_append(arguments[i], &text);
    }
    if (is_line)
        (void)buf_append_text(&text, "\n");
    return return_text(&text, ret_value, err);
}

static int call_print(json_t *const *arguments, size_t count, json_t **ret_value,
                      struct mcpd_error *err)
{
    return print_all(arguments, count, false, ret_value, err);
}

static int call_println(json_t *const *arguments, size_t count, json_t **ret_value,
                        struct mcpd_error *err)
{
    return print_all(arguments, count, true, ret_value, err);
}

/* ------------------------------------------------------------------ the table */

#define MANY TEMPLATE_MAX_OPERANDS

static const struct template_function functions[] = {
    {"and", 1, MANY, call_and, TEMPLATE_SETTLED_BY_FALSE},
    {"eq", 2, MANY, call_eq, TEMPLATE_PLAIN},
    {"ge", 2, 2, call_ge, TEMPLATE_PLAIN},
    {"gt", 2, 2, call_gt, TEMPLATE_PLAIN},
    {"index", 1, MANY, call_index, TEMPLATE_PLAIN},
    {"join", 2, 2, call_join, TEMPLATE_PLAIN},
    {"json", 1, 1, call_json, TEMPLATE_WANTS_JSON},
    {"le", 2, 2, call_le, TEMPLATE_PLAIN},
    {"len", 1, 1, call_len, TEMPLATE_PLAIN},
    {"lower", 1, 1, call_lower, TEMPLATE_PLAIN},
    {"lt", 2, 2, call_lt, TEMPLATE_PLAIN},
    {"ne", 2, 2, call_ne, TEMPLATE_PLAIN},
    {"not", 1, 1, call_not, TEMPLATE_PLAIN},
    {"or", 1, MANY, call_or, TEMPLATE_SETTLED_BY_TRUE},
    {"pad", 3, 3, call_pad, TEMPLATE_PLAIN},
    {"print", 0, MANY, call_print, TEMPLATE_PLAIN},
    {"printf", 1, MANY, template_printf, TEMPLATE_PLAIN},
    {"println", 0, MANY, call_println, TEMPLATE_PLAIN},
    {"slice", 1, 3, call_slice, TEMPLATE_PLAIN},
    {"split", 2, 2, call_split, TEMPLATE_PLAIN},
    {"title", 1, 1, call_title, TEMPLATE_PLAIN},
    {"truncate", 2, 2, call_truncate, TEMPLATE_PLAIN},
    {"upper", 1, 1, call_upper, TEMPLATE_PLAIN},
};

const struct template_function *template_function_find(const char *name, size_t length)
{
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
        if (strlen(functions[i].name) == length && memcmp(functions[i].name, name, length) == 0)
            return &functions[i];
    return NULL;
}
