/* log.c - debug lines on stderr by topic. Each line is one write(2), so lines of several processes
 * do not mix. */
#include "base/log.h"

#include <stdarg.h>
#include <string.h>

#include "base/utf8.h"

#define LOG_LINE_SIZE 2048

/* Process-wide by nature: the wish of whoever started us. */
static char enabled_topics[256];

void log_enable(const char *topics)
{
    if (!topics)
        topics = getenv("MCPD_DEBUG");
    (void)snprintf(enabled_topics, sizeof(enabled_topics), "%s", topics ? topics : "");
}

bool log_is_enabled(const char *topic)
{
    size_t length = strlen(topic);
    const char *word = enabled_topics;

    while (*word != '\0') {
        size_t word_length = strcspn(word, ",");

        if ((word_length == length && memcmp(word, topic, length) == 0) ||
            (word_length == 3 && memcmp(word, "all", 3) == 0))
            return true;
        word += word_length;
        word += *word == ',';
    }
    return false;
}

void log_debug(const char *topic, const char *format, ...)
{
    int saved_errno = errno;
    char line[LOG_LINE_SIZE];
    size_t room = sizeof(line) - 1; /* the line end always fits */
    int head;
    int body;
    size_t length;
    va_list args;

    if (!log_is_enabled(topic))
        return;
    head = snprintf(line, room, "mcpd[%d] %.32s: ", (int)getpid(), topic);
    length = head < 0 ? 0 : (size_t)head;
    va_start(args, format);
    body = vsnprintf(line + length, room - length, format, args);
    va_end(args);
    if (body > 0)
        length += (size_t)body < room - length ? (size_t)body : room - length - 1;
    line[length] = '\0';
    utf8_make_safe(line, ' ', "");
    length = strlen(line);
    line[length++] = '\n';
    (void)!write(STDERR_FILENO, line, length); /* perhaps nobody listens */
    errno = saved_errno;
}
