/* signals.c - names and numbers of signals. */
#include "runtime/signals.h"

#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

/* As the kernel counts; the C library keeps the first two or three for itself. docker and podman
 * write RTMIN for 34, whatever the library. */
#define RTMIN_NUMBER 34
#define RTMAX_NUMBER 64
#define LONGEST_NAME 10

/* Fixed-size rows: no pointers, so no page of it is touched at program start. */
static const char names[][LONGEST_NAME] = {
    [SIGHUP] = "SIGHUP",       [SIGINT] = "SIGINT",   [SIGQUIT] = "SIGQUIT",
    [SIGILL] = "SIGILL",       [SIGTRAP] = "SIGTRAP", [SIGABRT] = "SIGABRT",
    [SIGBUS] = "SIGBUS",       [SIGFPE] = "SIGFPE",   [SIGKILL] = "SIGKILL",
    [SIGUSR1] = "SIGUSR1",     [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",
    [SIGPIPE] = "SIGPIPE",     [SIGALRM] = "SIGALRM", [SIGTERM] = "SIGTERM",
    [SIGCHLD] = "SIGCHLD",     [SIGCONT] = "SIGCONT", [SIGSTOP] = "SIGSTOP",
    [SIGTSTP] = "SIGTSTP",     [SIGTTIN] = "SIGTTIN", [SIGTTOU] = "SIGTTOU",
    [SIGURG] = "SIGURG",       [SIGXCPU] = "SIGXCPU", [SIGXFSZ] = "SIGXFSZ",
    [SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF", [SIGWINCH] = "SIGWINCH",
    [SIGIO] = "SIGIO",         [SIGPWR] = "SIGPWR",   [SIGSYS] = "SIGSYS",
};

const char *signals_name(int signal_number)
{
    if (signal_number < 0 || (size_t)signal_number >= ARRAY_SIZE(names))
        return "";
    return names[signal_number];
}

bool signals_is_passed_on(int signal_number)
{
    switch (signal_number) {
    case SIGKILL:
    case SIGSTOP:
    case SIGCHLD:
    case SIGPIPE:
    case SIGURG:
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGABRT:
    case SIGSYS:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
        return false;
    default:
        return signal_number >= 1 && signal_number <= SIGNALS_MAX;
    }
}

/* "RTMIN", "RTMIN+3", "RTMAX-2"; 0 when it is none of these. */
static int parse_real_time(const char *name)
{
    bool is_from_top = strncasecmp(name, "RTMAX", 5) == 0;
    uint32_t offset = 0;

    if (!is_from_top && strncasecmp(name, "RTMIN", 5) != 0)
        return 0;
    name += 5;
    if (*name != '\0' && (*name != (is_from_top ? '-' : '+') ||
                          str_to_u32(name + 1, RTMAX_NUMBER - RTMIN_NUMBER, &offset) < 0))
        return 0;
    return is_from_top ? RTMAX_NUMBER - (int)offset : RTMIN_NUMBER + (int)offset;
}

static int parse_name(const char *name)
{
    if (strncasecmp(name, "SIG", 3) == 0)
        name += 3;
    for (int number = 1; (size_t)number < ARRAY_SIZE(names); number++)
        if (names[number][0] != '\0' && strcasecmp(names[number] + 3, name) == 0)
            return number;
    return parse_real_time(name);
}

int signals_parse(const char *text, int *ret_signal, struct mcpd_error *err)
{
    uint32_t number = 0;

    if (*text != '\0' && text[strspn(text, "0123456789")] == '\0' &&
        str_to_u32(text, SIGNALS_MAX, &number) < 0)
        return error_set(err, MCPD_E_INVALID, "valid signals are 1 through %d", SIGNALS_MAX);
    if (number == 0)
        number = (uint32_t)parse_name(text);
    if (number == 0)
        return error_set(err, MCPD_E_INVALID, "invalid signal: %s", text);
    *ret_signal = (int)number;
    return 0;
}
