/*
 * fault.c - see fault.h. The linker puts the names of all points into one section, whose beginning
 * and end it names.
 */
#include "base/fault.h"

#include "base/str.h"

#include <signal.h>
#include <string.h>

#ifdef MCPD_FAULT_POINTS

extern const char *const __start_fault_points[], *const __stop_fault_points[];

static void say(const char *name)
{
    CLEANUP_FREE char *line = str_format("fault: %s %d\n", name, (int)getpid());

    if (line)
        (void)!write(STDERR_FILENO, line, strlen(line));
}

/* "" or ":3" or ":stop" behind the name: is it now, and what? */
static int due_signal(const char *when)
{
    static uint32_t seen;
    uint32_t wanted = 1;
    bool stops = str_equal(when, ":stop");

    if (!stops && *when == ':' && str_to_u32(when + 1, UINT32_MAX, &wanted) < 0)
        return 0;
    return ++seen != wanted ? 0 : stops ? SIGSTOP : SIGKILL;
}

void fault_point(const char *name)
{
    const char *wanted = getenv("MCPD_FAULT");
    size_t length = strlen(name);
    int number;

    if (wanted && strcmp(wanted, "?") == 0)
        say(name);
    if (!wanted || strncmp(wanted, name, length) != 0 ||
        (wanted[length] != '\0' && wanted[length] != ':'))
        return;
    number = due_signal(wanted + length);
    if (number == 0)
        return;
    say(name);
    (void)raise(number);
}

void fault_visit(void (*visit)(void *context, const char *name), void *context)
{
    for (const char *const *name = __start_fault_points; name < __stop_fault_points; name++)
        visit(context, *name);
}

#else

void fault_visit(void (*visit)(void *context, const char *name), void *context)
{
    (void)visit;
    (void)context;
}

#endif
