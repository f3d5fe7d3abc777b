/*
 * template_printf.c - printf of templates: the verbs of Go that fit JSON values.
 *
 *   %v %s any value, %q quoted, %d %x %X %o %b of whole numbers, %x of text, %f %e %g of numbers,
 *   %t of switches, %%; flags - + 0 #, width and precision
 *
 * A verb that does not fit its value, a missing value and one too many are printed as Go prints
 * them: %!d(string=x), %!s(MISSING), %!(EXTRA int=1).
 */
#include "cli/template_tree.h"

#include "base/utf8.h"
#include "cli/out.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

struct verb {
    bool is_left, has_sign, has_zeros;
    int width;
    int precision; /* -1: none */
    char letter;   /* the first byte of */
    char name[5];  /* the whole character, which may be none that is known */
};

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
        return "int";
    case JSON_REAL:
        return "float64";
    case JSON_TRUE:
    case JSON_FALSE:
        return "bool";
    case JSON_OBJECT:
        return "map";
    case JSON_ARRAY:
        return "slice";
    case JSON_NULL:
        break;
    }
    return "<nil>";
}

/* A number that is too large counts as the largest. */
static int take_number(const char **format)
{
    int number = 0;

    for (; isdigit((unsigned char)**format); ++*format)
        if (number <= TEMPLATE_MAX_WIDTH)
            number = number * 10 + (**format - '0');
    return number < TEMPLATE_MAX_WIDTH ? number : TEMPLATE_MAX_WIDTH;
}

/* Behind the '%'. */
static struct verb take_verb(const char **format)
{
    struct verb verb = {.precision = -1};
    size_t length;

    for (; **format != '\0' && strchr("-+0# ", **format); ++*format) {
        verb.is_left = verb.is_left || **format == '-';
        verb.has_sign = verb.has_sign || **format == '+';
        verb.has_zeros = verb.has_zeros || **format == '0';
    }
    verb.width = take_number(format);
    if (**format == '.') {
        ++*format;
        verb.precision = take_number(format);
    }
    verb.letter = **format;
    length = verb.letter != '\0' ? utf8_character(*format, NULL) : 0;
    memcpy(verb.name, *format, length);
    *format += length;
    return verb;
}

/* Characters, not bytes. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void append_padded(const struct verb *verb, const char *content, struct buf *text)
{
    size_t width = width_of(content);
    int blanks = width < (size_t)verb->width ? verb->width - (int)width : 0;

    if (!verb->is_left)
        (void)buf_append_format(text, "%*s", blanks, "");
    (void)buf_append_text(text, content);
    if (verb->is_left)
        (void)buf_append_format(text, "%*s", blanks, "");
}

/* Zeros go between the sign and the digits. */
static void append_number(const struct verb *verb, const char *digits, bool is_negative,
                          struct buf *text)
{
    const char *sign = is_negative ? "-" : verb->has_sign ? "+" : "";
    size_t length = strlen(sign) + strlen(digits);
    int zeros = verb->has_zeros && !verb->is_left && length < (size_t)verb->width
                    ? verb->width - (int)length
                    : 0;
    CLEANUP_BUF struct buf number;

    buf_init(&number, TEMPLATE_MAX_TEXT);
    (void)buf_append_text(&number, sign);
    for (int i = 0; i < zeros; i++)
        (void)buf_append_text(&number, "0");
    (void)buf_append_text(&number, digits);
    append_padded(verb, buf_text(&number), text);
}

static void append_binary(uint64_t value, struct buf *digits)
{
    char bits[65];
    size_t at = sizeof(bits) - 1;

    bits[at] = '\0';
    do {
        bits[--at] = (char)('0' + (value & 1));
        value >>= 1;
    } while (value > 0);
    (void)buf_append_text(digits, bits + at);
}

static bool append_integer(const struct verb *verb, const json_t *value, struct buf *text)
{
    json_int_t number = json_integer_value(value);
    uint64_t magnitude = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    CLEANUP_BUF struct buf digits = {0};

    if (!json_is_integer(value))
        return false;
    buf_init(&digits, 128);
    if (verb->letter == 'b')
        append_binary(magnitude, &digits);
    else
        (void)buf_append_format(&digits,
                                verb->letter == 'x'   ? "%llx"
                                : verb->letter == 'X' ? "%llX"
                                : verb->letter == 'o' ? "%llo"
                                                      : "%llu",
                                (unsigned long long)magnitude);
    append_number(verb, buf_text(&digits), number < 0, text);
    return true;
}

static bool append_real(const struct verb *verb, const json_t *value, struct buf *text)
{
    double number = json_number_value(value);
    double magnitude = number < 0 ? -number : number;
    int precision = verb->precision >= 0 ? verb->precision : 6;
    CLEANUP_BUF struct buf digits = {0};

    if (!json_is_real(value)) /* Go keeps whole numbers apart */
        return false;
    buf_init(&digits, 2 * TEMPLATE_MAX_WIDTH);
    if (verb->letter == 'f')
        (void)buf_append_format(&digits, "%.*f", precision, magnitude);
    else if (verb->letter == 'e')
        (void)buf_append_format(&digits, "%.*e", precision, magnitude);
    else
        (void)buf_append_format(&digits, "%.*g", verb->precision >= 0 ? precision : 15, magnitude);
    append_number(verb, buf_text(&digits), number < 0, text);
    return true;
}

/* %s and %v of anything, cut to the precision if it is text. */
static bool append_any(const struct verb *verb, const json_t *value, struct buf *text)
{
    CLEANUP_FREE char *content = template_value_text(value);
    size_t characters = 0;

    if (!content)
        return false;
    for (char *at = content; json_is_string(value) && verb->precision >= 0 && *at != '\0'; at++) {
        characters += ((unsigned char)*at & 0xc0) != 0x80;
        if (characters > (size_t)verb->precision) {
            *at = '\0';
            break;
        }
    }
    append_padded(verb, content, text);
    return true;
}

static bool append_quoted(const struct verb *verb, const json_t *value, struct buf *text)
{
    CLEANUP_FREE char *content = json_is_string(value) ? out_json_text(value, 0) : NULL;

    if (content)
        append_padded(verb, content, text);
    return content != NULL;
}

static bool append_hex_text(const struct verb *verb, const json_t *value, struct buf *text)
{
    CLEANUP_BUF struct buf digits = {0};

    if (!json_is_string(value))
        return false;
    buf_init(&digits, TEMPLATE_MAX_TEXT);
    for (const char *at = json_string_value(value); *at != '\0'; at++)
        (void)buf_append_format(&digits, verb->letter == 'x' ? "%02x" : "%02X",
                                (unsigned int)(unsigned char)*at);
    append_padded(verb, buf_text(&digits), text);
    return true;
}

static bool append_verb(const struct verb *verb, const json_t *value, struct buf *text)
{
    switch (verb->letter) {
    case 'v':
        return json_is_integer(value) ? append_integer(verb, value, text)
                                      : append_any(verb, value, text);
    case 's':
        return !json_is_number(value) && !json_is_boolean(value) && append_any(verb, value, text);
    case 'q':
        return append_quoted(verb, value, text);
    case 't':
        return json_is_boolean(value) && append_any(verb, value, text);
    case 'd':
    case 'o':
    case 'b':
        return append_integer(verb, value, text);
    case 'x':
    case 'X':
        return append_integer(verb, value, text) || append_hex_text(verb, value, text);
    case 'f':
    case 'e':
    case 'g':
        return append_real(verb, value, text);
    default:
        return false;
    }
}

static void append_misfit(const struct verb *verb, const json_t *value, struct buf *text)
{
    (void)buf_append_format(text, "%%!%s(%s=", verb->name, type_name(value));
    template_value_append(value, text);
    (void)buf_append_text(text, ")");
}

static void append_extra(json_t *const *arguments, size_t from, size_t count, struct buf *text)
{
    if (from >= count)
        return;
    (void)buf_append_text(text, "%!(EXTRA ");
    for (size_t i = from; i < count; i++) {
        (void)buf_append_format(text, "%s%s=", i > from ? ", " : "", type_name(arguments[i]));
        template_value_append(arguments[i], text);
    }
    (void)buf_append_text(text, ")");
}

int template_printf(json_t *const *arguments, size_t count, json_t **ret_value,
                    struct mcpd_error *err)
{
    const char *format = json_string_value(arguments[0]);
    CLEANUP_BUF struct buf text = {0};
    size_t used = 1;
    int rc;

    if (!format)
        return error_set(err, MCPD_E_INVALID, "the format is no string");
    buf_init(&text, TEMPLATE_MAX_TEXT);
    while (*format != '\0') {
        size_t length = strcspn(format, "%");
        struct verb verb;

        (void)buf_append(&text, format, length);
        format += length;
        if (*format == '\0')
            break;
        format++;
        verb = take_verb(&format);
        if (verb.letter == '%')
            (void)buf_append_text(&text, "%");
        else if (verb.letter == '\0')
            (void)buf_append_text(&text, "%!(NOVERB)");
        else if (used == count)
            (void)buf_append_format(&text, "%%!%s(MISSING)", verb.name);
        else if (!append_verb(&verb, arguments[used++], &text))
            append_misfit(&verb, arguments[used - 1], &text);
    }
    append_extra(arguments, used, count, &text);
    rc = buf_check(&text, "text", err);
    if (rc < 0)
        return rc;
    *ret_value = template_value_of_buf(&text);
    return *ret_value ? 0 : error_no_memory(err, "template");
}
