/*
 * title.c - what others see of this process in /proc.
 *
 * The kernel puts the strings of the arguments, those of the environment and the name of the
 * executed file one after another at the end of the stack, and shows what stands there now. Where
 * the arguments ended a NUL must stay, or it takes all for one word up to the next.
 */
#include "base/title.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>

/* The name of the executed file; NULL when the kernel does not tell. */
static char *file_name(void)
{
    char *name = NULL;
    unsigned long address = getauxval(AT_EXECFN);

    memcpy(&name, &address, sizeof(name));
    return name;
}

static char *arguments_end; /* the NUL of the last one */

void title_remember(int argc, char *const *argv)
{
    if (argc > 0)
        arguments_end = argv[argc - 1] + strlen(argv[argc - 1]);
}

void title_set(const char *const *words)
{
    char *at = program_invocation_name;
    char *last = file_name();
    char *end = arguments_end ? arguments_end : at + strlen(at);

    memset(at, 0, (size_t)((last && last > end ? last + strlen(last) : end) - at));
    for (; *words && at < end; words++)
        at = (char *)mempcpy(at, *words, strnlen(*words, (size_t)(end - at))) + 1;
}
