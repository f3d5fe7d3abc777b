/*
 * str.h - strings: formatting into new memory, strict numbers, vectors.
 * A string vector (strv) is a heap array of heap strings ended by NULL; NULL is
 * a valid empty vector for reading.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* New string, owned by the caller; NULL without memory. */
char *str_format(const char *format, ...) PRINTF_LIKE(1, 2) MUST_CHECK;
char *str_vformat(const char *format, va_list args) PRINTF_LIKE(1, 0) MUST_CHECK;

bool str_has_prefix(const char *text, const char *prefix);
bool str_has_suffix(const char *text, const char *suffix);
bool str_equal(const char *a, const char *b); /* NULL equals only NULL */

/* Decimal, whole string, no sign, no blanks; -MCPD_E_INVALID otherwise, no text set. */
int str_to_u64(const char *text, uint64_t maximum, uint64_t *ret_value) MUST_CHECK;
int str_to_u32(const char *text, uint32_t maximum, uint32_t *ret_value) MUST_CHECK;

/* "true", "1", "T" and so on, as Go's ParseBool has it; -MCPD_E_INVALID otherwise, no text set. */
int str_to_bool(const char *text, bool *ret_value) MUST_CHECK;

/* "512", "64k", "1.5g", "10MiB" (b k m g t, case ignored, powers of 1024): docker's sizes. */
int str_to_bytes(const char *text, uint64_t *ret_bytes) MUST_CHECK;
/* The same in powers of 1000, as docker counts for logs. */
int str_to_decimal_bytes(const char *text, uint64_t *ret_bytes) MUST_CHECK;

/* "1988765" -> "1.99 MB" (powers of 1000, three significant digits as podman prints). */
void str_format_bytes(uint64_t bytes, char *buffer, size_t size);
/* "1.989MB": docker's other way, four digits and no blank. */
void str_format_bytes_tight(uint64_t bytes, char *buffer, size_t size);

/* Copies into a fixed buffer; -MCPD_E_LIMIT when it does not fit (buffer then empty). */
int str_copy(char *buffer, size_t size, const char *text) MUST_CHECK;

/* Only [0-9a-f]. */
bool str_is_hex(const char *text, size_t length);
void str_hex(const uint8_t *bytes, size_t count, char *ret_text); /* 2 * count + 1 bytes */

size_t strv_length(char *const *vector);
void strv_free(char **vector);
char **strv_copy(char *const *vector) MUST_CHECK; /* NULL without memory; empty gives {NULL} */
/* Appends a copy (or takes `text` over, also on failure). -MCPD_E_NO_MEMORY, no text set. */
int strv_append(char ***vector, const char *text) MUST_CHECK;
int strv_append_take(char ***vector, char *text) MUST_CHECK;
/* "a,b,,c" at ',' -> {"a","b","","c"}; "" -> {""}. */
char **strv_split(const char *text, char separator) MUST_CHECK;
char *strv_join(char *const *vector, const char *separator) MUST_CHECK;
bool strv_contains(char *const *vector, const char *text);
/* "K=V" vectors: value of a key (borrowed) or NULL; set replaces or appends. */
const char *strv_env_get(char *const *vector, const char *key);
int strv_env_set(char ***vector, const char *assignment) MUST_CHECK;

static inline void cleanup_strv(char ***vector)
{
    int saved_errno = errno;

    strv_free(*vector);
    errno = saved_errno;
}
#define CLEANUP_STRV CLEANUP(cleanup_strv)

/* Passwords and tokens: overwritten, then freed. NULL is fine. */
void str_free_secret(char *secret);

static inline void cleanup_secret(char **secret)
{
    int saved_errno = errno;

    str_free_secret(*secret);
    errno = saved_errno;
}
#define CLEANUP_SECRET CLEANUP(cleanup_secret)

#endif
