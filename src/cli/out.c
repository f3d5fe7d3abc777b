/* out.c - results on stdout: aligned columns, JSON, and the check that it all arrived. */
#include "cli/out.h"

#include "base/str.h"
#include "base/utf8.h"
#include "cli/exitcode.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define COLUMN_MIN_WIDTH 12
#define COLUMN_PADDING   2
#define COLUMNS_MAX      64

/* Why something did not arrive; 0: all did so far. */
static int write_errno;

bool out_has_failed(FILE *file)
{
    if (!ferror(file))
        return false;
    if (write_errno == 0)
        write_errno = errno != 0 ? errno : EIO;
    return true;
}

void out_text(const char *text)
{
    (void)fputs(text, stdout);
    (void)out_has_failed(stdout);
}

void out_line(const char *text)
{
    (void)puts(text);
    (void)out_has_failed(stdout);
}

/* The library escapes what is below a blank. Anything above ASCII is part of a string. */
static void escape_unsafe(const char *text, struct buf *escaped)
{
    while (*text != '\0') {
        size_t length = utf8_safe_length(text);
        uint32_t value = 0xfffd;
        size_t unsafe;

        length += strspn(text + length, "\n"); /* between the lines, never in a string */
        (void)buf_append(escaped, text, length);
        text += length;
        unsafe = *text == '\n' ? 0 : utf8_unsafe_length(text);
        if (unsafe > 0) {
            (void)utf8_character(text, &value);
            (void)buf_append_format(escaped, "\\u%04x", value);
            text += unsafe;
        }
    }
}

char *out_json_text(const json_t *json, size_t indent)
{
    /* 15 digits print 11.27 as 11.27. */
    size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) |
                   (indent > 0 ? JSON_INDENT(indent) : JSON_COMPACT);
    CLEANUP_FREE char *text = json_dumps(json, flags);
    CLEANUP_BUF struct buf escaped;

    buf_init(&escaped, 2 * OUT_MAX_BYTES);
    if (text)
        escape_unsafe(text, &escaped);
    return text ? buf_take(&escaped) : NULL;
}

void out_json(const json_t *json, size_t indent)
{
    CLEANUP_FREE char *text = out_json_text(json, indent);

    if (text)
        out_line(text);
    else if (write_errno == 0)
        write_errno = ENOMEM; /* nothing at all is no answer */
}

/* ------------------------------------------------------------------ columns */

/* Characters, not bytes: continuation bytes of UTF-8 take no room. */
static size_t text_width(const char *text, size_t length)
{
    size_t width = 0;

    for (size_t i = 0; i < length; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

static void measure(const char *lines, size_t widths[COLUMNS_MAX])
{
    for (size_t i = 0; i < COLUMNS_MAX; i++)
        widths[i] = COLUMN_MIN_WIDTH;
    while (*lines != '\0') {
        size_t column = 0;

        while (*lines != '\0' && *lines != '\n') {
            size_t length = strcspn(lines, "\t\n");

            if (lines[length] == '\t' && column < COLUMNS_MAX) {
                size_t width = text_width(lines, length) + COLUMN_PADDING;

                if (width > widths[column])
                    widths[column] = width;
            }
            column++;
            lines += length + (lines[length] == '\t');
        }
        lines += *lines == '\n';
    }
}

static void append_blanks(struct buf *buf, size_t count)
{
    (void)buf_append_format(buf, "%*s", (int)count, "");
}

/* The last cell of a line is not filled up. */
void out_align(const char *lines, struct buf *aligned)
{
    size_t widths[COLUMNS_MAX];
    size_t column = 0;

    measure(lines, widths);
    while (*lines != '\0') {
        size_t length = strcspn(lines, "\t\n");

        (void)buf_append(aligned, lines, length);
        if (lines[length] == '\t') {
            size_t width = column < COLUMNS_MAX ? widths[column] : COLUMN_MIN_WIDTH;
            size_t used = text_width(lines, length);

            append_blanks(aligned, used < width ? width - used : COLUMN_PADDING);
            column++;
        } else if (lines[length] == '\n') {
            (void)buf_append_text(aligned, "\n");
            column = 0;
        }
        lines += length + (lines[length] != '\0');
    }
}

void out_columns(const char *lines)
{
    CLEANUP_BUF struct buf aligned;

    buf_init(&aligned, OUT_MAX_BYTES);
    out_align(lines, &aligned);
    out_text(buf_text(&aligned));
}

void out_append_cell(struct buf *line, const char *text)
{
    while (*text != '\0') {
        size_t length = utf8_safe_length(text);

        (void)buf_append(line, text, length);
        text += length;
        if (*text != '\0') {
            (void)buf_append_text(line, " ");
            text += utf8_unsafe_length(text);
        }
    }
}

/* ------------------------------------------------------------------ YAML */

static void append_yaml(json_t *value, size_t depth, struct buf *yaml);

/* Numbers and dates; "1.28.2" is neither. */
static bool looks_like_number(const char *text)
{
    return text[strspn(text, "0123456789.+-eE_:")] == '\0' &&
           strchr(text, '.') == strrchr(text, '.');
}

/* Plain where YAML reads it back as the same text. */
static bool is_plain_yaml(const char *text)
{
    static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off", "~"};

    if (*text == '\0' || strchr("-?:,[]{}#&*!|>'\"%@` ", *text) ||
        text[utf8_safe_length(text)] != '\0' || strstr(text, ": ") || strstr(text, " #") ||
        text[strlen(text) - 1] == ' ' || text[strlen(text) - 1] == ':' || looks_like_number(text))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcasecmp(text, words[i]) == 0)
            return false;
    return true;
}

static void append_yaml_scalar(const json_t *value, struct buf *yaml)
{
    CLEANUP_FREE char *text = NULL;

    if (json_is_string(value) && is_plain_yaml(json_string_value(value))) {
        (void)buf_append_text(yaml, json_string_value(value));
    } else {
        /* JSON's quoting is YAML's double quoting. */
        text = out_json_text(value, 0);
        (void)buf_append_text(yaml, text ? text : "null");
    }
    (void)buf_append_text(yaml, "\n");
}

static bool has_children(const json_t *value)
{
    return json_object_size(value) > 0 || json_array_size(value) > 0;
}

static int compare_keys(const void *left, const void *right)
{
    const char *const *a = left;
    const char *const *b = right;

    return strcmp(*a, *b);
}

static void append_yaml_object(json_t *object, size_t depth, struct buf *yaml)
{
    size_t count = json_object_size(object);
    CLEANUP_FREE const char **keys = calloc(count + 1, sizeof(*keys));
    const char *key;
    json_t *value;
    size_t i = 0;

    if (!keys)
        return;
    json_object_foreach(object, key, value)
        keys[i++] = key;
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (i = 0; i < count; i++) {
        value = json_object_get(object, keys[i]);
        append_blanks(yaml, depth * 2);
        (void)buf_append_format(yaml, "%s:%s", keys[i], has_children(value) ? "\n" : " ");
        append_yaml(value, json_is_object(value) ? depth + 1 : depth, yaml);
    }
}

static void append_yaml_array(const json_t *array, size_t depth, struct buf *yaml)
{
    size_t index;
    json_t *value;

    json_array_foreach(array, index, value) {
        append_blanks(yaml, depth * 2);
        (void)buf_append_text(yaml, has_children(value) ? "-\n" : "- ");
        append_yaml(value, depth + 1, yaml);
    }
}

static void append_yaml(json_t *value, size_t depth, struct buf *yaml)
{
    if (json_object_size(value) > 0)
        append_yaml_object(value, depth, yaml);
    else if (json_array_size(value) > 0)
        append_yaml_array(value, depth, yaml);
    else
        append_yaml_scalar(value, yaml);
}

void out_yaml(json_t *json, struct buf *yaml)
{
    append_yaml(json, 0, yaml);
}

/* ------------------------------------------------------------------ the terminal and the end */

unsigned int out_terminal_width(int fd)
{
    struct winsize size = {0};

    return isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

unsigned int out_terminal_height(int fd)
{
    struct winsize size = {0};

    return isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

int out_finish(int status)
{
    if (fflush(stdout) != 0)
        (void)out_has_failed(stdout);
    if (write_errno == 0)
        return status;
    if (write_errno == EPIPE)
        return status != 0 ? status : EXITCODE_NO_READER;
    (void)fprintf(stderr, "Error: write standard output: %s\n", strerror(write_errno));
    return EXITCODE_ENGINE;
}
