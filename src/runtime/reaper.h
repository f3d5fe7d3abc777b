/*
 * reaper.h - pid 1 of a container run with --init.
 */
#ifndef RUNTIME_REAPER_H
#define RUNTIME_REAPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* In the command's process: its own process group, in front of the terminal if there is one, so
 * that a signal from the keyboard comes once. */
void reaper_prepare_command(bool has_tty);

/* Where the memory lies that is a copy of the monitor's, and nothing that the container should
 * read: its description with everything that the user said on the command line. Zero: not known. */
struct reaper_memory {
    uintptr_t heap_start;
};
/* With the host's /proc. */
void reaper_find_memory(struct reaper_memory *ret_memory);

/* Forwards signals to the command, reaps every orphan, and ends with the command's exit code. Keeps
 * no descriptor but 0, 1, 2, and nothing that tells of the host. `args`: of the command, to be
 * shown.
 */
void reaper_main(pid_t command, bool in_userns, char *const *args,
                 const struct reaper_memory *memory) __attribute__((noreturn));

#endif
