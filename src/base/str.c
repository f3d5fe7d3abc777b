/* str.c - strings: formatting, strict numbers, sizes. The vectors are in strv.c. */
#include "base/str.h"

#include <string.h>

char *str_vformat(const char *format, va_list args)
{
    char *text = NULL;

    return vasprintf(&text, format, args) < 0 ? NULL : text;
}

char *str_format(const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = str_vformat(format, args);
    va_end(args);
    return text;
}

bool str_has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_has_suffix(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t suffix_length = strlen(suffix);

    return length >= suffix_length &&
           memcmp(text + length - suffix_length, suffix, suffix_length) == 0;
}

bool str_equal(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    return strcmp(a, b) == 0;
}

void str_free_secret(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads digits from *cursor on, at least one. */
static int read_digits(const char **cursor, uint64_t maximum, uint64_t *ret_value)
{
    uint64_t value = 0;
    const char *c = *cursor;

    if (!is_digit(*c))
        return -MCPD_E_INVALID;
    for (; is_digit(*c); c++) {
        uint64_t digit = (uint64_t)(*c - '0');

        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value) || value > maximum)
            return -MCPD_E_INVALID;
    }
    *cursor = c;
    *ret_value = value;
    return 0;
}

int str_to_u64(const char *text, uint64_t maximum, uint64_t *ret_value)
{
    uint64_t value;

    if (!text || read_digits(&text, maximum, &value) < 0 || *text != '\0')
        return -MCPD_E_INVALID;
    *ret_value = value;
    return 0;
}

int str_to_u32(const char *text, uint32_t maximum, uint32_t *ret_value)
{
    uint64_t value;

    if (str_to_u64(text, maximum, &value) < 0)
        return -MCPD_E_INVALID;
    *ret_value = (uint32_t)value;
    return 0;
}

int str_to_bool(const char *text, bool *ret_value)
{
    static const char words[2][6][6] = {
        {"false", "0", "f", "F", "FALSE", "False"},
        {"true", "1", "t", "T", "TRUE", "True"},
    };

    for (size_t value = 0; value < ARRAY_SIZE(words); value++)
        for (size_t i = 0; i < ARRAY_SIZE(words[value]); i++)
            if (strcmp(text, words[value][i]) == 0) {
                *ret_value = value == 1;
                return 0;
            }
    return -MCPD_E_INVALID;
}

/* ".75" in millionths; further digits are dropped, as they are less than a byte up to gigabytes
 * and less than anybody means above. */
static int read_fraction(const char **cursor, uint64_t *ret_millionths)
{
    uint64_t value = 0;
    uint64_t weight = 100000;
    const char *c = *cursor;

    *ret_millionths = 0;
    if (*c != '.')
        return 0;
    if (!is_digit(*++c))
        return -MCPD_E_INVALID;
    for (; is_digit(*c); c++, weight /= 10)
        value += (uint64_t)(*c - '0') * weight;
    *cursor = c;
    *ret_millionths = value;
    return 0;
}

/* "", "b", "k", "kb", "kib" and so on: the power of `base`, 0 for anything else. */
static uint64_t size_unit(const char *unit, uint64_t base)
{
    static const char letters[] = "kmgt";
    const char *letter;
    uint64_t bytes = 1;

    letter = *unit != '\0' ? strchr(letters, *unit | 0x20) : NULL;
    if (letter) {
        for (const char *each = letters; each <= letter; each++)
            bytes *= base;
        unit++;
        if ((*unit | 0x20) == 'i' && (unit[1] | 0x20) == 'b')
            unit++;
    }
    if ((*unit | 0x20) == 'b')
        unit++;
    return *unit == '\0' ? bytes : 0;
}

static int to_bytes(const char *text, uint64_t base, uint64_t *ret_bytes)
{
    uint64_t whole;
    uint64_t millionths;
    unsigned __int128 bytes;
    uint64_t unit;

    if (!text || read_digits(&text, UINT64_MAX, &whole) < 0 ||
        read_fraction(&text, &millionths) < 0)
        return -MCPD_E_INVALID;
    if (*text == ' ')
        text++;
    unit = size_unit(text, base);
    if (unit == 0)
        return -MCPD_E_INVALID;
    bytes = (unsigned __int128)whole * unit + (unsigned __int128)millionths * unit / 1000000;
    if (bytes > UINT64_MAX)
        return -MCPD_E_INVALID;
    *ret_bytes = (uint64_t)bytes;
    return 0;
}

int str_to_bytes(const char *text, uint64_t *ret_bytes)
{
    return to_bytes(text, 1024, ret_bytes);
}

int str_to_decimal_bytes(const char *text, uint64_t *ret_bytes)
{
    return to_bytes(text, 1000, ret_bytes);
}

/* *value becomes less than 1000; its unit. */
static const char *scale(double *value, double limit)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    size_t unit = 0;

    while (*value >= limit && unit + 1 < ARRAY_SIZE(units)) {
        *value /= 1000;
        unit++;
    }
    return units[unit];
}

void str_format_bytes(uint64_t bytes, char *buffer, size_t size)
{
    double value = (double)bytes;
    const char *unit = scale(&value, 999.5); /* which would be printed as 1e+03 */

    (void)snprintf(buffer, size, "%.3g %s", value, unit);
}

void str_format_bytes_tight(uint64_t bytes, char *buffer, size_t size)
{
    double value = (double)bytes;
    const char *unit = scale(&value, 1000);

    (void)snprintf(buffer, size, "%.4g%s", value, unit);
}

int str_copy(char *buffer, size_t size, const char *text)
{
    size_t length = strlen(text);

    if (length >= size) {
        if (size > 0)
            buffer[0] = '\0';
        return -MCPD_E_LIMIT;
    }
    memcpy(buffer, text, length + 1);
    return 0;
}

bool str_is_hex(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!is_digit(text[i]) && !(text[i] >= 'a' && text[i] <= 'f'))
            return false;
    return length > 0;
}

void str_hex(const uint8_t *bytes, size_t count, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < count; i++) {
        ret_text[2 * i] = digits[bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[bytes[i] & 0xf];
    }
    ret_text[2 * count] = '\0';
}
