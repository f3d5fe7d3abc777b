/*
 * attach.h - a client's descriptors and a container's streams, tied together until one side ends.
 * Theory of operation: attach.c.
 */
#ifndef RUNTIME_ATTACH_H
#define RUNTIME_ATTACH_H

#include "base/error.h"
#include "mcpd_types.h"
#include "runtime/monitor.h"

#include <stdbool.h>

struct attach_request {
    const struct mcpd_streams *streams;
    bool has_tty;     /* the container's side is a terminal */
    bool wants_input; /* pass input on (-i) */

    /* One of these three is the other side. */
    int connection_fd; /* to a monitor: stream packets (monitor.h); -1: none */
    int *master_fd;    /* the terminal of an exec'd process; NULL: none */
    int *pipe_fds;     /* our ends of an exec'd process's 0, 1, 2, non-blocking, -1 where there is
                          none; NULL: none */
    /* Those of an exec'd process are closed here (and set to -1) at the end of the input, and when
     * nobody takes the output any more. */

    int end_fd; /* pidfd of an exec'd process: readable at its end; -1: none */
    /* With a connection: our output is what the container is run for, and ends it when it is lost.
     * NULL: the container is not ours to end. */
    const struct stream_abandon *abandon;
};

/* exit_code is set with a connection only. A monitor that hangs up without a last word is STATE;
 * a signal that was not to be passed on is raised again when the terminal is in order, and
 * CANCELLED if the process survives it. Output that cannot be written is a failure; that its reader
 * has left is none. */
int attach_run(const struct attach_request *request, struct mcpd_attach_result *ret_result,
               struct mcpd_error *err) MUST_CHECK;

#endif
