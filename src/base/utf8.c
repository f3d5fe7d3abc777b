/* utf8.c - text from outside: is it UTF-8, and may it reach a terminal. */
#include "base/utf8.h"

#include <string.h>

size_t utf8_character(const char *text, uint32_t *ret_value)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)text[0];
    uint32_t value = first;
    size_t length = 1;

    if (first >= 0x80) {
        if (first < 0xc2 || first > 0xf4)
            return 0;
        length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        value = first & (0x7fU >> length);
    }
    for (size_t i = 1; i < length; i++) {
        unsigned char next = (unsigned char)text[i];

        if ((next & 0xc0) != 0x80) /* also stops at the end of the text */
            return 0;
        value = value << 6 | (next & 0x3f);
    }
    if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    if (ret_value)
        *ret_value = value;
    return length;
}

bool utf8_is_valid(const char *text)
{
    while (*text != '\0') {
        size_t length = utf8_character(text, NULL);

        if (length == 0)
            return false;
        text += length;
    }
    return true;
}

static bool is_unsafe(uint32_t value)
{
    return value < 0x20 || (value >= 0x7f && value <= 0x9f) || value == 0x061c || value == 0x200e ||
           value == 0x200f || (value >= 0x2028 && value <= 0x202e) ||
           (value >= 0x2066 && value <= 0x2069);
}

size_t utf8_unsafe_length(const char *text)
{
    uint32_t value;
    size_t length;

    if (*text == '\0')
        return 0;
    length = utf8_character(text, &value);
    if (length == 0)
        return (unsigned char)*text <= 0x9f ? 1 : 0;
    return is_unsafe(value) ? length : 0;
}

size_t utf8_safe_length(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0' && utf8_unsafe_length(text + length) == 0) {
        size_t character = utf8_character(text + length, NULL);

        length += character > 0 ? character : 1;
    }
    return length;
}

void utf8_make_safe(char *text, char substitute, const char *kept)
{
    char *out = text;

    while (*text != '\0') {
        size_t safe = utf8_safe_length(text);

        (void)memmove(out, text, safe);
        out += safe;
        text += safe;
        if (*text != '\0') {
            size_t unsafe = utf8_unsafe_length(text);

            *out++ = (char)(strchr(kept, *text) ? *text : substitute);
            text += unsafe;
        }
    }
    *out = '\0';
}
