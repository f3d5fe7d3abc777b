/* challenge.c - see challenge.h. */
#include "registry/challenge.h"

#include <string.h>
#include <strings.h>

/* Token characters of RFC 9110, without listing what headers cannot contain anyway. */
static size_t token_length(const char *text)
{
    size_t length = 0;

    while (text[length] > 0x20 && text[length] < 0x7f &&
           !strchr("(),/:;<=>?@[\\]{}\"", text[length]))
        length++;
    return length;
}

/* token68 ("Negotiate abc=="), which we only step over. */
static size_t token68_length(const char *text)
{
    return strcspn(text, " ,\t");
}

static const char *skip(const char *text, const char *characters)
{
    return text + strspn(text, characters);
}

/* A token or a quoted string. False when it does not end, or does not fit. */
static bool take_value(const char **cursor, char *buffer, size_t size, bool *ret_fits)
{
    const char *next = *cursor;
    size_t length = 0;
    bool is_quoted = *next == '"';

    *ret_fits = true;
    if (is_quoted)
        next++;
    for (;;) {
        char byte = *next;

        if (byte == '\0' && is_quoted) {
            buffer[0] = '\0';
            return false;
        }
        if (is_quoted ? byte == '"' : byte == '\0' || strchr(" \t,", byte))
            break;
        if (is_quoted && byte == '\\' && next[1])
            byte = *++next;
        if (length + 1 < size)
            buffer[length++] = byte;
        else
            *ret_fits = false;
        next++;
    }
    buffer[length] = '\0';
    *cursor = next + (is_quoted ? 1 : 0);
    return true;
}

static char *parameter_buffer(struct challenge *challenge, const char *name, size_t length,
                              char *ignored)
{
    if (length == 5 && strncasecmp(name, "realm", 5) == 0)
        return challenge->realm;
    if (length == 7 && strncasecmp(name, "service", 7) == 0)
        return challenge->service;
    if (length == 5 && strncasecmp(name, "scope", 5) == 0)
        return challenge->scope;
    return ignored;
}

/* One "name=value" at the cursor; false when something else stands there. */
static bool take_parameter(const char **cursor, struct challenge *challenge)
{
    char ignored[CHALLENGE_VALUE_SIZE];
    const char *name = *cursor;
    size_t length = token_length(name);
    const char *next = skip(name + length, " \t");
    bool fits = true;
    char *buffer;

    if (length == 0 || *next != '=')
        return false;
    next = skip(next + 1, " \t");
    buffer = parameter_buffer(challenge, name, length, ignored);
    if (!take_value(&next, buffer, CHALLENGE_VALUE_SIZE, &fits))
        return false;
    if (!fits && buffer != ignored)
        challenge->scheme = CHALLENGE_SCHEME_OTHER;
    *cursor = next;
    return true;
}

bool challenge_next(const char **cursor, struct challenge *ret_challenge)
{
    const char *next = skip(*cursor, " \t,");
    size_t length = token_length(next);

    if (length == 0)
        return false;
    ret_challenge->scheme = CHALLENGE_SCHEME_OTHER;
    ret_challenge->realm[0] = ret_challenge->service[0] = ret_challenge->scope[0] = '\0';
    if (length == 6 && strncasecmp(next, "Bearer", 6) == 0)
        ret_challenge->scheme = CHALLENGE_SCHEME_BEARER;
    else if (length == 5 && strncasecmp(next, "Basic", 5) == 0)
        ret_challenge->scheme = CHALLENGE_SCHEME_BASIC;
    next = skip(next + length, " \t");
    if (*next && *next != ',' && !take_parameter(&next, ret_challenge))
        next += token68_length(next);
    /* More parameters, until a comma is followed by a new scheme. */
    for (;;) {
        const char *after = skip(next, " \t,");

        if (after == next || !take_parameter(&after, ret_challenge))
            break;
        next = after;
    }
    *cursor = next;
    return true;
}

void challenge_choose(char *const *headers, struct challenge *ret_challenge)
{
    struct challenge challenge;

    ret_challenge->scheme = CHALLENGE_SCHEME_OTHER;
    for (size_t i = 0; headers && headers[i]; i++) {
        const char *cursor = headers[i];

        while (challenge_next(&cursor, &challenge))
            if (challenge.scheme > ret_challenge->scheme)
                *ret_challenge = challenge;
    }
}
