/*
 * handshake.h - what a starting process tells the one that starts it, over a close-on-exec pipe.
 *
 * One byte "about to exec" and the end of the pipe: it runs. A struct mcpd_error, also behind that
 * byte: why not. The end without a word: it was killed. Also the trace of a start
 * (MCPD_DEBUG=launch).
 */
#ifndef RUNTIME_HANDSHAKE_H
#define RUNTIME_HANDSHAKE_H

#include "base/error.h"

void handshake_send_ready(int pipe_fd);
void handshake_send_error(int pipe_fd, const struct mcpd_error *error);
/* Waits for the end of the pipe. */
int handshake_receive(int pipe_fd, struct mcpd_error *err) MUST_CHECK;

/* Time zero of the trace; steps are cheap when it is off. Not for use once descriptor 2 belongs to
 * the container. */
void handshake_trace_start(void);
void handshake_trace(const char *step);

#endif
