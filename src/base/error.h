/*
 * error.h - fill in a struct mcpd_error.
 *
 * The text is built where the fact is known; callers add context on the way up
 * with error_wrap and only the CLI prints. All functions return the negative
 * code, so that `return error_set(...)` is the whole failure path, and all
 * accept err == NULL.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/cleanup.h"
#include "mcpd_error.h"

int error_set(struct mcpd_error *err, enum mcpd_error_code code, const char *format, ...)
    PRINTF_LIKE(3, 4) MUST_CHECK;

/*
 * From errno: takes and keeps it, appends ": <strerror>". The code follows from
 * errno where a better one than MCPD_E_SYSTEM exists (ENOSPC and EDQUOT: NO_SPACE,
 * ENOMEM: NO_MEMORY, ENOENT: NOT_FOUND, EACCES and EPERM: DENIED, EEXIST: CONFLICT).
 */
int error_errno(struct mcpd_error *err, const char *format, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

/* Puts "<context>: " before the message and returns rc (which must be negative). */
int error_wrap(struct mcpd_error *err, int rc, const char *format, ...)
    PRINTF_LIKE(3, 4) MUST_CHECK;

/* The same failure under another code, where the first would say something else to the caller. */
int error_recode(struct mcpd_error *err, enum mcpd_error_code code) MUST_CHECK;

/* Out of memory while building `what`. */
int error_no_memory(struct mcpd_error *err, const char *what) MUST_CHECK;

/* Copies a whole error, for example one that arrived over a pipe; returns -from->code
 * (-MCPD_E_INTERNAL when `from` holds no valid code). */
int error_copy(struct mcpd_error *err, const struct mcpd_error *from) MUST_CHECK;

/* clang's analyzer reads one file at a time and would follow paths on which these succeed. This is
 * what it has to know of them. */
#if defined(__clang_analyzer__) && !defined(ERROR_IMPLEMENTATION)
void error_analysed(const void *err, ...);
#define error_set(err, code, ...) (error_analysed(err, __VA_ARGS__), -(int)(code))
#define error_errno(err, ...)     (error_analysed(err, __VA_ARGS__), -(int)MCPD_E_SYSTEM)
#define error_wrap(err, rc, ...)  (error_analysed(err, __VA_ARGS__), (rc) < 0 ? (rc) : -1)
#define error_no_memory(err, ...) (error_analysed(err, __VA_ARGS__), -(int)MCPD_E_NO_MEMORY)
#define error_copy(err, ...)      (error_analysed(err, __VA_ARGS__), -(int)MCPD_E_INTERNAL)
#endif

/* Stable machine-readable name: "not-found", "no-space", ... */
const char *error_code_name(int code);

#endif
