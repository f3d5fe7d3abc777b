/*
 * reaper.h - pid 1 of a container run with --init.
 */
#ifndef RUNTIME_REAPER_H
#define RUNTIME_REAPER_H

#include <stdbool.h>
#include <sys/types.h>

/* In the command's process: its own process group, in front of the terminal if there is one, so
 * that a signal from the keyboard comes once. */
void reaper_prepare_command(bool has_tty);

/* Forwards signals to the command, reaps every orphan, and ends with the command's exit code. Keeps
 * no descriptor but 0, 1, 2. */
void reaper_main(pid_t command, bool in_userns) __attribute__((noreturn));

#endif
