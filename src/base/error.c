/*
 * error.c - fill in a struct mcpd_error.
 *
 * Texts end up on a terminal and quote names from outside, so control characters
 * are replaced here, once for everybody. A text that is too long loses its middle
 * or its end, never its errno part, and never half a UTF-8 character.
 */
#define ERROR_IMPLEMENTATION
#include "base/error.h"

#include <stdarg.h>
#include <string.h>

#include "base/utf8.h"

static enum mcpd_error_code code_of_errno(int sys_errno)
{
    switch (sys_errno) {
    case ENOSPC:
    case EDQUOT:
        return MCPD_E_NO_SPACE;
    case ENOMEM:
        return MCPD_E_NO_MEMORY;
    case ENOENT:
        return MCPD_E_NOT_FOUND;
    case EACCES:
    case EPERM:
        return MCPD_E_DENIED;
    case EEXIST:
        return MCPD_E_CONFLICT;
    default:
        return MCPD_E_SYSTEM;
    }
}

/* Length of `text` without a UTF-8 character that was cut at `length`. */
static size_t whole_characters(const char *text, size_t length)
{
    size_t start = length;
    unsigned char lead;
    size_t want = 1;

    while (start > 0 && length - start < 3 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0)
        return length;
    lead = (unsigned char)text[start - 1];
    if (lead >= 0xf0)
        want = 4;
    else if (lead >= 0xe0)
        want = 3;
    else if (lead >= 0xc0)
        want = 2;
    return length - (start - 1) < want ? start - 1 : length;
}

/* Puts a + b into the message; when both do not fit, the end of `a` gives way. */
static void store_text(struct mcpd_error *err, const char *a, const char *b)
{
    size_t room = sizeof(err->message) - 1;
    size_t b_length = strnlen(b, room);
    size_t a_length = strnlen(a, room);

    if (a_length > room - b_length)
        a_length = whole_characters(a, room - b_length);
    memcpy(err->message, a, a_length);
    memcpy(err->message + a_length, b, b_length);
    err->message[a_length + b_length] = '\0';
    utf8_make_safe(err->message, '?', "\n\t");
}

/* The arguments may point into the message that is about to be replaced. */
static void format_text(char text[MCPD_ERROR_MESSAGE_SIZE], const char *format, va_list args)
    PRINTF_LIKE(2, 0);
static void format_text(char text[MCPD_ERROR_MESSAGE_SIZE], const char *format, va_list args)
{
    int length = vsnprintf(text, MCPD_ERROR_MESSAGE_SIZE, format, args);

    if (length < 0)
        text[0] = '\0';
    else if (length >= MCPD_ERROR_MESSAGE_SIZE)
        text[whole_characters(text, MCPD_ERROR_MESSAGE_SIZE - 1)] = '\0';
}

int error_set(struct mcpd_error *err, enum mcpd_error_code code, const char *format, ...)
{
    int saved_errno = errno;
    char text[MCPD_ERROR_MESSAGE_SIZE];
    va_list args;

    if (!err)
        return -(int)code;
    va_start(args, format);
    format_text(text, format, args);
    va_end(args);
    err->code = (int)code;
    err->sys_errno = 0;
    store_text(err, text, "");
    errno = saved_errno;
    return -(int)code;
}

int error_errno(struct mcpd_error *err, const char *format, ...)
{
    int saved_errno = errno;
    enum mcpd_error_code code = code_of_errno(saved_errno);
    char text[MCPD_ERROR_MESSAGE_SIZE];
    char reason[80];
    const char *description;
    va_list args;

    if (!err)
        return -(int)code;
    va_start(args, format);
    format_text(text, format, args);
    va_end(args);
    /* Not strerror: that one may look for translations in files. */
    description = strerrordesc_np(saved_errno);
    if (description)
        (void)snprintf(reason, sizeof(reason), ": %s", description);
    else
        (void)snprintf(reason, sizeof(reason), ": error %d", saved_errno);
    err->code = (int)code;
    err->sys_errno = saved_errno;
    store_text(err, text, reason);
    errno = saved_errno;
    return -(int)code;
}

int error_wrap(struct mcpd_error *err, int rc, const char *format, ...)
{
    int saved_errno = errno;
    char text[MCPD_ERROR_MESSAGE_SIZE];
    char old[MCPD_ERROR_MESSAGE_SIZE + 2];
    va_list args;

    if (rc >= 0)
        rc = -MCPD_E_INTERNAL;
    if (!err)
        return rc;
    va_start(args, format);
    format_text(text, format, args);
    va_end(args);
    (void)snprintf(old, sizeof(old), ": %s", err->message);
    err->code = -rc;
    store_text(err, text, old);
    errno = saved_errno;
    return rc;
}

int error_recode(struct mcpd_error *err, enum mcpd_error_code code)
{
    if (err)
        err->code = code;
    return -(int)code;
}

int error_no_memory(struct mcpd_error *err, const char *what)
{
    return error_set(err, MCPD_E_NO_MEMORY, "out of memory (%s)", what);
}

int error_copy(struct mcpd_error *err, const struct mcpd_error *from)
{
    int code = from->code;

    if (code < MCPD_E_INVALID || code > MCPD_E_INTERNAL)
        code = MCPD_E_INTERNAL;
    if (err && err != from) {
        memcpy(err->message, from->message, sizeof(err->message));
        err->sys_errno = from->sys_errno;
    }
    if (err) {
        err->code = code;
        err->message[sizeof(err->message) - 1] = '\0';
        utf8_make_safe(err->message, '?', "\n\t");
    }
    return -code;
}

const char *error_code_name(int code)
{
    switch ((enum mcpd_error_code)code) {
    case MCPD_E_INVALID:
        return "invalid";
    case MCPD_E_NOT_FOUND:
        return "not-found";
    case MCPD_E_CONFLICT:
        return "conflict";
    case MCPD_E_STATE:
        return "state";
    case MCPD_E_DENIED:
        return "denied";
    case MCPD_E_UNSUPPORTED:
        return "unsupported";
    case MCPD_E_NETWORK:
        return "network";
    case MCPD_E_PROTOCOL:
        return "protocol";
    case MCPD_E_CORRUPT:
        return "corrupt";
    case MCPD_E_LIMIT:
        return "limit";
    case MCPD_E_NO_SPACE:
        return "no-space";
    case MCPD_E_NO_MEMORY:
        return "no-memory";
    case MCPD_E_SYSTEM:
        return "system";
    case MCPD_E_TIMEOUT:
        return "timeout";
    case MCPD_E_CANCELLED:
        return "cancelled";
    case MCPD_E_COMMAND_NOT_FOUND:
        return "command-not-found";
    case MCPD_E_COMMAND_NOT_RUNNABLE:
        return "command-not-runnable";
    case MCPD_E_USER_NOT_FOUND:
        return "user-not-found";
    case MCPD_E_INTERNAL:
        return "internal";
    }
    return code == 0 ? "ok" : "unknown";
}
