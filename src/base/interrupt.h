/*
 * interrupt.h - the signals that ask a program to end, as a descriptor to wait for.
 *
 * For programs, not for the library: whoever has something to tidy up holds the signals back,
 * passes the descriptor on to what takes long, tidies up, and lets them through.
 */
#ifndef BASE_INTERRUPT_H
#define BASE_INTERRUPT_H

#include "base/error.h"

#include <signal.h>
#include <stdbool.h>

struct interrupt {
    int fd; /* readable once SIGINT, SIGTERM, SIGHUP or SIGQUIT has come; never read from it */
    sigset_t old_mask;
};

/* Holds the signals back. One at a time in a process. Those that are ignored (nohup) stay ignored.
 */
int interrupt_begin(struct interrupt *ret_interrupt, struct mcpd_error *err) MUST_CHECK;
/* Lets them through again: one that has come ends the process here, as it would have. */
void interrupt_end(struct interrupt *interrupt);

/* As nohup does it. */
bool interrupt_is_ignored(int number);
/* Has one come? fd <= 0: there is nothing to wait for, no. */
bool interrupt_has_come(int fd);

#endif
