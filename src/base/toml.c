/*
 * toml.c - see toml.h.
 *
 * Theory of operation: one pass over the text, `at` moves to `end`. `table` is where the next key
 * goes: the document, or what the last header named. A header may name a table that was made on the
 * way to another one, but none that stood in a header itself; those are remembered in `named`.
 * Everything is bounded by the length of the text, nesting by `depth`.
 */
#include "base/toml.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"

#include <string.h>

#define KEY_MAX_BYTES 1024

struct toml {
    const char *at;
    const char *end;
    unsigned int line;
    unsigned int depth;
    const char *what;
    json_t *document;
    json_t *table; /* borrowed from the document */
    const json_t **named;
    size_t named_count;
    size_t named_capacity;
};

static int refuse(const struct toml *toml, const char *why, struct mcpd_error *err)
{
    return error_set(err, MCPD_E_INVALID, "%s: line %u: %s", toml->what, toml->line, why);
}

/* ------------------------------------------------------------------ characters */

static bool is_at(const struct toml *toml, char c)
{
    return toml->at < toml->end && *toml->at == c;
}

static bool take(struct toml *toml, char c)
{
    if (!is_at(toml, c))
        return false;
    toml->at++;
    return true;
}

static void skip_blanks(struct toml *toml)
{
    while (is_at(toml, ' ') || is_at(toml, '\t'))
        toml->at++;
}

/* "\n" or "\r\n" */
static bool take_line_end(struct toml *toml)
{
    if (toml->end - toml->at >= 2 && toml->at[0] == '\r' && toml->at[1] == '\n')
        toml->at++;
    if (!take(toml, '\n'))
        return false;
    toml->line++;
    return true;
}

static void skip_comment(struct toml *toml)
{
    skip_blanks(toml);
    if (is_at(toml, '#'))
        while (toml->at < toml->end && *toml->at != '\n')
            toml->at++;
}

static void skip_empty_lines(struct toml *toml)
{
    do
        skip_comment(toml);
    while (take_line_end(toml));
}

static bool is_bare(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/* ------------------------------------------------------------------ strings */

static int append_rune(struct toml *toml, uint32_t rune, struct buf *text, struct mcpd_error *err)
{
    char bytes[4];
    size_t count = 0;

    if (rune == 0 || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff))
        return refuse(toml, "an escape names no character", err);
    if (rune < 0x80) {
        bytes[count++] = (char)rune;
    } else if (rune < 0x800) {
        bytes[count++] = (char)(0xc0 | rune >> 6);
    } else if (rune < 0x10000) {
        bytes[count++] = (char)(0xe0 | rune >> 12);
        bytes[count++] = (char)(0x80 | (rune >> 6 & 0x3f));
    } else {
        bytes[count++] = (char)(0xf0 | rune >> 18);
        bytes[count++] = (char)(0x80 | (rune >> 12 & 0x3f));
        bytes[count++] = (char)(0x80 | (rune >> 6 & 0x3f));
    }
    if (rune >= 0x80)
        bytes[count++] = (char)(0x80 | (rune & 0x3f));
    (void)buf_append(text, bytes, count);
    return 0;
}

static int hex_value(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

    return found ? (int)(found - digits) : -1;
}

static int take_rune(struct toml *toml, int digits, struct buf *text, struct mcpd_error *err)
{
    uint32_t rune = 0;

    for (int i = 0; i < digits; i++) {
        int value = toml->at < toml->end ? hex_value(*toml->at) : -1;

        if (value < 0)
            return refuse(toml, "an escape needs hex digits", err);
        rune = rune << 4 | (uint32_t)value;
        toml->at++;
    }
    return append_rune(toml, rune, text, err);
}

/* Behind a backslash. */
static int take_escape(struct toml *toml, struct buf *text, struct mcpd_error *err)
{
    static const char names[] = "btnfr\"\\";
    static const char meanings[] = "\b\t\n\f\r\"\\";
    const char *found;
    char c = '\0';

    if (toml->at < toml->end)
        c = *toml->at++;
    if (c == 'u' || c == 'U')
        return take_rune(toml, c == 'u' ? 4 : 8, text, err);
    found = c != '\0' ? strchr(names, c) : NULL;
    if (!found)
        return refuse(toml, "unknown escape in a string", err);
    (void)buf_append(text, &meanings[found - names], 1);
    return 0;
}

/* "..." or '...', from its first quote on. */
static int take_string(struct toml *toml, struct buf *text, struct mcpd_error *err)
{
    char quote = *toml->at++;

    if (toml->end - toml->at >= 2 && toml->at[0] == quote && toml->at[1] == quote)
        return refuse(toml, "strings over several lines are not supported", err);
    while (toml->at < toml->end) {
        char c = *toml->at++;
        int rc = 0;

        if (c == quote)
            return text->failure ? refuse(toml, "a string is too long", err) : 0;
        if (((unsigned char)c < 0x20 && c != '\t') || c == 0x7f)
            return refuse(toml, c == '\n' ? "a string does not end" : "a control character", err);
        if (c == '\\' && quote == '"')
            rc = take_escape(toml, text, err);
        else
            (void)buf_append(text, &c, 1);
        if (rc < 0)
            return rc;
    }
    return refuse(toml, "a string does not end", err);
}

static json_t *to_json(struct toml *toml, struct buf *text, struct mcpd_error *err)
{
    json_t *string = json_stringn(buf_text(text), text->length);

    if (!string)
        (void)!refuse(toml, "a string is not UTF-8", err);
    return string;
}

/* ------------------------------------------------------------------ keys and tables */

static int take_key(struct toml *toml, struct buf *key, struct mcpd_error *err)
{
    const char *start;

    buf_clear(key);
    skip_blanks(toml);
    if (is_at(toml, '"') || is_at(toml, '\'')) {
        int rc = take_string(toml, key, err);

        if (rc < 0)
            return rc;
        if (memchr(buf_text(key), 0, key->length))
            return refuse(toml, "a key with a NUL", err);
    } else {
        for (start = toml->at; toml->at < toml->end && is_bare(*toml->at);)
            toml->at++;
        if (toml->at == start)
            return refuse(toml, "expected a key", err);
        (void)buf_append(key, start, (size_t)(toml->at - start));
    }
    skip_blanks(toml);
    return key->failure ? refuse(toml, "a key is too long", err) : 0;
}

/* A member that is or becomes a table; of an array of tables the last one. Borrowed. */
static int enter_table(struct toml *toml, json_t *table, const char *key, json_t **ret_table,
                       struct mcpd_error *err)
{
    json_t *member = json_object_get(table, key);

    if (!member) {
        member = json_object();
        if (json_object_set_new(table, key, member) < 0)
            return refuse(toml, "a key is not UTF-8", err);
    }
    if (json_is_array(member))
        member = json_array_get(member, json_array_size(member) - 1);
    if (!json_is_object(member))
        return refuse(toml, "a key is used as a table and as something else", err);
    *ret_table = member;
    return 0;
}

/* "a.b.c" up to the last name, which is left in `key`. */
static int take_path(struct toml *toml, json_t **table, struct buf *key, struct mcpd_error *err)
{
    int rc = take_key(toml, key, err);

    for (unsigned int i = 0; rc == 0 && take(toml, '.'); i++) {
        if (i == TOML_MAX_DEPTH)
            return refuse(toml, "tables lie too deep in each other", err);
        rc = enter_table(toml, *table, buf_text(key), table, err);
        if (rc == 0)
            rc = take_key(toml, key, err);
    }
    return rc;
}

static int remember_named(struct toml *toml, struct mcpd_error *err)
{
    for (size_t i = 0; i < toml->named_count; i++)
        if (toml->named[i] == toml->table)
            return refuse(toml, "a table stands in a header twice", err);
    if (toml->named_count == toml->named_capacity) {
        size_t capacity = toml->named_capacity ? 2 * toml->named_capacity : 16;
        const json_t **named = reallocarray((void *)toml->named, capacity, sizeof(const json_t *));

        if (!named)
            return error_no_memory(err, toml->what);
        toml->named = named;
        toml->named_capacity = capacity;
    }
    toml->named[toml->named_count++] = toml->table;
    return 0;
}

static int add_to_array(struct toml *toml, json_t *table, const char *key, struct mcpd_error *err)
{
    json_t *array = json_object_get(table, key);

    if (!array) {
        array = json_array();
        if (json_object_set_new(table, key, array) < 0)
            return refuse(toml, "a key is not UTF-8", err);
    }
    if (!json_is_array(array) ||
        (json_array_size(array) > 0 && !json_is_object(json_array_get(array, 0))))
        return refuse(toml, "a key is used as an array of tables and as something else", err);
    toml->table = json_object();
    return json_array_append_new(array, toml->table) < 0 ? error_no_memory(err, toml->what) : 0;
}

/* "[a.b]" or "[[a.b]]", behind the first bracket. */
static int take_header(struct toml *toml, struct buf *key, struct mcpd_error *err)
{
    bool is_array = take(toml, '[');
    json_t *table = toml->document;
    int rc = take_path(toml, &table, key, err);

    if (rc < 0)
        return rc;
    if (!take(toml, ']') || (is_array && !take(toml, ']')))
        return refuse(toml, "a table's name does not end with ']'", err);
    if (is_array)
        return add_to_array(toml, table, buf_text(key), err);
    if (json_is_array(json_object_get(table, buf_text(key))))
        return refuse(toml, "a key is used as a table and as an array", err);
    rc = enter_table(toml, table, buf_text(key), &toml->table, err);
    return rc < 0 ? rc : remember_named(toml, err);
}

/* ------------------------------------------------------------------ values */

static int take_value(struct toml *toml, json_t **ret_value, struct mcpd_error *err);

static int take_string_value(struct toml *toml, json_t **ret_value, struct mcpd_error *err)
{
    CLEANUP_BUF struct buf text;
    int rc;

    buf_init(&text, TOML_MAX_BYTES);
    rc = take_string(toml, &text, err);
    if (rc < 0)
        return rc;
    *ret_value = to_json(toml, &text, err);
    return *ret_value ? 0 : -MCPD_E_INVALID;
}

static int take_array(struct toml *toml, json_t **ret_value, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *array = json_array();

    toml->at++;
    for (;;) {
        json_t *value = NULL;
        int rc;

        skip_empty_lines(toml);
        if (take(toml, ']'))
            break;
        rc = take_value(toml, &value, err);
        if (rc < 0)
            return rc;
        if (json_array_append_new(array, value) < 0)
            return error_no_memory(err, toml->what);
        skip_empty_lines(toml);
        if (!take(toml, ',') && !is_at(toml, ']'))
            return refuse(toml, "expected ',' or ']' in an array", err);
    }
    *ret_value = TAKE_PTR(array);
    return 0;
}

static int take_pair(struct toml *toml, json_t *table, struct buf *key, struct mcpd_error *err)
{
    json_t *value = NULL;
    int rc = take_path(toml, &table, key, err);

    if (rc < 0)
        return rc;
    if (!take(toml, '='))
        return refuse(toml, "expected '=' behind a key", err);
    if (json_object_get(table, buf_text(key)))
        return refuse(toml, "a key is there twice", err);
    skip_blanks(toml);
    rc = take_value(toml, &value, err);
    if (rc < 0)
        return rc;
    return json_object_set_new(table, buf_text(key), value) < 0
               ? refuse(toml, "a key is not UTF-8", err)
               : 0;
}

static int take_inline_table(struct toml *toml, json_t **ret_value, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *table = json_object();
    CLEANUP_BUF struct buf key;

    buf_init(&key, KEY_MAX_BYTES);
    toml->at++;
    skip_blanks(toml);
    while (!take(toml, '}')) {
        int rc;

        if (json_object_size(table) > 0 && !take(toml, ','))
            return refuse(toml, "expected ',' or '}' in a table", err);
        rc = take_pair(toml, table, &key, err);
        if (rc < 0)
            return rc;
        skip_blanks(toml);
    }
    *ret_value = TAKE_PTR(table);
    return 0;
}

/* true, false, or a whole number. */
static int take_word(struct toml *toml, json_t **ret_value, struct mcpd_error *err)
{
    const char *start = toml->at;
    bool is_negative = is_at(toml, '-');
    char word[32] = "";
    size_t length = 0;
    uint64_t number = 0;

    if (is_negative || is_at(toml, '+'))
        toml->at++;
    for (; toml->at < toml->end && (is_bare(*toml->at) || is_at(toml, '.') || is_at(toml, ':'));
         toml->at++)
        if (*toml->at != '_' && length + 1 < sizeof(word))
            word[length++] = *toml->at;
    if (toml->at == start)
        return refuse(toml, "expected a value", err);
    if (start[0] != '+' && !is_negative && (str_equal(word, "true") || str_equal(word, "false")))
        *ret_value = json_boolean(word[0] == 't');
    else if (str_to_u64(word, INT64_MAX, &number) == 0 && (word[0] != '0' || length == 1))
        *ret_value = json_integer(is_negative ? -(json_int_t)number : (json_int_t)number);
    else
        return refuse(toml, "not a string, a number, true, false, an array or a table", err);
    return 0;
}

static int take_value(struct toml *toml, json_t **ret_value, struct mcpd_error *err)
{
    int rc;

    if (++toml->depth > TOML_MAX_DEPTH)
        return refuse(toml, "values lie too deep in each other", err);
    if (is_at(toml, '"') || is_at(toml, '\''))
        rc = take_string_value(toml, ret_value, err);
    else if (is_at(toml, '['))
        rc = take_array(toml, ret_value, err);
    else if (is_at(toml, '{'))
        rc = take_inline_table(toml, ret_value, err);
    else
        rc = take_word(toml, ret_value, err);
    toml->depth--;
    return rc;
}

/* ------------------------------------------------------------------ the document */

static int take_document(struct toml *toml, struct mcpd_error *err)
{
    CLEANUP_BUF struct buf key;

    buf_init(&key, KEY_MAX_BYTES);
    if (toml->end - toml->at >= 3 && memcmp(toml->at, "\xef\xbb\xbf", 3) == 0)
        toml->at += 3; /* byte order mark */
    for (;;) {
        int rc;

        skip_empty_lines(toml);
        if (toml->at == toml->end)
            return 0;
        rc = take(toml, '[') ? take_header(toml, &key, err)
                             : take_pair(toml, toml->table, &key, err);
        if (rc < 0)
            return rc;
        skip_comment(toml);
        if (toml->at < toml->end && !take_line_end(toml))
            return refuse(toml, "something follows on the line", err);
    }
}

int toml_parse(const char *text, size_t length, const char *what, json_t **ret_document,
               struct mcpd_error *err)
{
    CLEANUP_JSON json_t *document = json_object();
    struct toml toml = {
        .at = text,
        .end = text + length,
        .line = 1,
        .what = what,
        .document = document,
        .table = document,
    };
    int rc;

    if (length > TOML_MAX_BYTES)
        return error_set(err, MCPD_E_LIMIT, "%s: larger than 1 MiB", what);
    if (!document)
        return error_no_memory(err, what);
    rc = take_document(&toml, err);
    free((void *)toml.named);
    if (rc == 0)
        *ret_document = TAKE_PTR(document);
    return rc;
}

/* ---------------------------------------------------------------- what nobody asked for */

void toml_mention_unknown(json_t *table, const char *const *known, const char *topic,
                          const char *path, const char *where)
{
    const char *key;
    json_t *value;

    if (!log_is_enabled(topic))
        return;
    json_object_foreach(table, key, value) {
        bool is_known = false;

        for (size_t i = 0; known[i] && !is_known; i++)
            is_known = strcmp(known[i], key) == 0;
        if (!is_known)
            log_debug(topic, "%s: %s%s is not known here, passed over", path, where, key);
    }
}
