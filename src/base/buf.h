/*
 * buf.h - growable bytes with a maximum and a sticky failure.
 *
 * Invariants: data is always NUL-terminated behind length (or NULL when empty
 * and never written); after a failed append every further append fails, so ten
 * appends need one check of buf_check() (or of the last return value).
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data; /* owned */
    size_t length;
    size_t capacity;
    size_t maximum; /* bytes, set by buf_init */
    int failure;    /* 0 or a negative code: LIMIT, NO_MEMORY */
};

void buf_init(struct buf *buf, size_t maximum);
void buf_done(struct buf *buf);
void buf_clear(struct buf *buf); /* keeps the memory, forgets the failure */
int buf_append(struct buf *buf, const void *bytes, size_t count);
int buf_append_text(struct buf *buf, const char *text);
int buf_append_format(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
/* 0, or the sticky failure with its text: "<what> is larger than N bytes". */
int buf_check(const struct buf *buf, const char *what, struct mcpd_error *err) MUST_CHECK;
/* The text, owned by the caller; the buffer is empty afterwards. NULL after a failure. */
char *buf_take(struct buf *buf) MUST_CHECK;
const char *buf_text(const struct buf *buf); /* never NULL */
#define CLEANUP_BUF CLEANUP(buf_done)

#endif
