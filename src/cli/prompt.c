/*
 * prompt.c - see prompt.h.
 *
 * A secret is read byte by byte with the terminal's echo, line editing and signals off: Ctrl-C
 * arrives as a byte, and the signals that would end us are held back until the terminal is as it
 * was. Backspace and Ctrl-U work.
 */
#include "cli/prompt.h"

#include "base/buf.h"
#include "base/fsutil.h"
#include "base/interrupt.h"
#include "base/str.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>

#define MAX_BYTES (64u << 10)

enum {
    KEY_CANCEL = 0x03,
    KEY_END = 0x04,
    KEY_BACKSPACE = 0x08,
    KEY_KILL = 0x15,
    KEY_DELETE = 0x7f,
};

static void ask(const char *question)
{
    (void)fputs(question, stdout);
    (void)fflush(stdout);
}

/* One byte of stdin; false at its end, or when a signal has come. */
static bool read_byte(int interrupt_fd, char *ret_byte)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                           {.fd = interrupt_fd, .events = POLLIN}};

    for (;;) {
        ssize_t count;

        if (poll(fds, interrupt_fd >= 0 ? 2 : 1, -1) < 0 && errno != EINTR)
            return false;
        if (interrupt_fd >= 0 && fds[1].revents)
            return false;
        count = read(STDIN_FILENO, ret_byte, 1);
        if (count != -1 || (errno != EINTR && errno != EAGAIN))
            return count == 1;
    }
}

static int take_text(struct buf *text, char **ret_text, struct mcpd_error *err)
{
    int rc = buf_check(text, "the answer", err);

    if (rc < 0)
        return rc;
    *ret_text = buf_take(text);
    return *ret_text ? 0 : error_no_memory(err, "an answer");
}

int prompt_line(const char *question, char **ret_line, bool *ret_is_cut, struct mcpd_error *err)
{
    CLEANUP_BUF struct buf line;
    bool is_cut;
    char byte;

    buf_init(&line, MAX_BYTES);
    ask(question);
    while (!(is_cut = !read_byte(-1, &byte)) && byte != '\n')
        (void)buf_append(&line, &byte, 1);
    if (ret_is_cut)
        *ret_is_cut = is_cut;
    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.data[--line.length] = '\0';
    return take_text(&line, ret_line, err);
}

/* ------------------------------------------------------------------ without echo */

/* One key; false ends the line. */
static bool take_key(struct buf *line, char key, bool *is_cancelled)
{
    switch (key) {
    case KEY_CANCEL:
        *is_cancelled = true;
        return false;
    case KEY_END:
    case '\n':
    case '\r':
        return false;
    case KEY_BACKSPACE:
    case KEY_DELETE:
        if (line->length > 0)
            line->data[--line->length] = '\0';
        return true;
    case KEY_KILL:
        explicit_bzero(line->data, line->length);
        line->length = 0;
        return true;
    default:
        (void)buf_append(line, &key, 1);
        return true;
    }
}

static int read_secret(int interrupt_fd, char **ret_secret, struct mcpd_error *err)
{
    CLEANUP_BUF struct buf line;
    bool is_cancelled = false;
    char key = '\n';
    int rc;

    buf_init(&line, MAX_BYTES);
    do
        is_cancelled = !read_byte(interrupt_fd, &key);
    while (!is_cancelled && take_key(&line, key, &is_cancelled));
    rc = is_cancelled ? error_set(err, MCPD_E_CANCELLED, "cancelled")
                      : take_text(&line, ret_secret, err);
    if (line.data)
        explicit_bzero(line.data, line.length);
    return rc;
}

int prompt_secret(const char *question, char **ret_secret, struct mcpd_error *err)
{
    struct interrupt interrupt;
    struct termios saved, quiet;
    int rc;

    if (tcgetattr(STDIN_FILENO, &saved) < 0) {
        ask(question);
        return error_set(err, MCPD_E_INVALID, "reading password: inappropriate ioctl for device");
    }
    rc = interrupt_begin(&interrupt, err);
    if (rc < 0)
        return rc;
    quiet = saved;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG | IEXTEN);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) < 0)
        rc = error_errno(err, "reading password");
    /* Not before: what is typed as soon as it is asked for would be seen. */
    if (rc == 0)
        ask(question);
    if (rc == 0)
        rc = read_secret(interrupt.fd, ret_secret, err);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
    (void)puts("");
    (void)fflush(stdout);
    interrupt_end(&interrupt);
    return rc;
}

int prompt_read_all(char **ret_secret, struct mcpd_error *err)
{
    size_t length = 0;
    char *text = NULL;
    char *end;
    int rc = fs_read_fd(STDIN_FILENO, "standard input", MAX_BYTES, &text, &length, err);

    if (rc < 0)
        return rc;
    end = text;
    for (size_t i = 0; i < length; i++)
        if (text[i] != '\n' && !(text[i] == '\r' && text[i + 1] == '\n'))
            *end++ = text[i];
    *end = '\0';
    *ret_secret = text;
    return 0;
}
