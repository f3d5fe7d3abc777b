/* buf.c - growable bytes with a maximum and a sticky failure. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#define BUF_FIRST_CAPACITY 256

void buf_init(struct buf *buf, size_t maximum)
{
    *buf = (struct buf){.maximum = maximum < SIZE_MAX / 2 ? maximum : SIZE_MAX / 2};
}

void buf_done(struct buf *buf)
{
    int saved_errno = errno;

    free(buf->data);
    buf_init(buf, buf->maximum);
    errno = saved_errno;
}

void buf_clear(struct buf *buf)
{
    buf->length = 0;
    buf->failure = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

/* Makes room for `count` bytes more and the NUL behind them. */
static int buf_reserve(struct buf *buf, size_t count)
{
    size_t needed;
    size_t capacity;
    char *data;

    if (buf->failure < 0)
        return buf->failure;
    if (count > buf->maximum - buf->length)
        return buf->failure = -MCPD_E_LIMIT;
    needed = buf->length + count + 1;
    if (needed <= buf->capacity)
        return 0;
    capacity = buf->capacity * 2;
    if (capacity < BUF_FIRST_CAPACITY)
        capacity = BUF_FIRST_CAPACITY;
    if (capacity < needed)
        capacity = needed;
    data = realloc(buf->data, capacity);
    if (!data)
        return buf->failure = -MCPD_E_NO_MEMORY;
    buf->data = data;
    buf->capacity = capacity;
    return 0;
}

int buf_append(struct buf *buf, const void *bytes, size_t count)
{
    int rc = buf_reserve(buf, count);

    if (rc < 0)
        return rc;
    if (count > 0)
        memcpy(buf->data + buf->length, bytes, count);
    buf->length += count;
    buf->data[buf->length] = '\0';
    return 0;
}

int buf_append_text(struct buf *buf, const char *text)
{
    return buf_append(buf, text, strlen(text));
}

int buf_append_format(struct buf *buf, const char *format, ...)
{
    char small[256];
    CLEANUP_FREE char *large = NULL;
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (length >= 0 && (size_t)length < sizeof(small))
        return buf_append(buf, small, (size_t)length);
    va_start(args, format);
    length = vasprintf(&large, format, args);
    va_end(args);
    if (length < 0) {
        large = NULL;
        return buf->failure = buf->failure < 0 ? buf->failure : -MCPD_E_NO_MEMORY;
    }
    return buf_append(buf, large, (size_t)length);
}

int buf_check(const struct buf *buf, const char *what, struct mcpd_error *err)
{
    if (buf->failure == -MCPD_E_LIMIT)
        return error_set(err, MCPD_E_LIMIT, "%s is larger than %zu bytes", what, buf->maximum);
    if (buf->failure < 0)
        return error_no_memory(err, what);
    return 0;
}

char *buf_take(struct buf *buf)
{
    char *text;

    if (buf->failure < 0)
        return NULL;
    text = buf->data ? TAKE_PTR(buf->data) : strdup("");
    buf_init(buf, buf->maximum);
    return text;
}

const char *buf_text(const struct buf *buf)
{
    return buf->data ? buf->data : "";
}
