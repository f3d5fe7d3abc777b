/*
 * utf8.h - text from outside: is it UTF-8, and may it reach a terminal.
 *
 * What may not: control characters (C0, DELETE, and C1, whose CSI is as good as ESC [), the
 * characters that turn the direction of text or break a line, and single bytes that a terminal in
 * 8-bit mode takes for C1.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of the valid character at `text` (NUL is one), 0 when there is none. ret_value may be
 * NULL. */
size_t utf8_character(const char *text, uint32_t *ret_value);
bool utf8_is_valid(const char *text);

/* Bytes of the character (or byte) at `text` when it may not reach a terminal, else 0. */
size_t utf8_unsafe_length(const char *text);
/* How many bytes come before the first of them, or the end. */
size_t utf8_safe_length(const char *text);
/* Puts `substitute` in its place wherever there is one, but for the ASCII characters of `kept`. */
void utf8_make_safe(char *text, char substitute, const char *kept);

#endif
