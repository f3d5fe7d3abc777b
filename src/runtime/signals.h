/* signals.h - names and numbers of signals, without asking the C library (whose real-time range is
 * its own). */
#ifndef RUNTIME_SIGNALS_H
#define RUNTIME_SIGNALS_H

#include "base/error.h"

#include <stdbool.h>

#define SIGNALS_MAX 64

/* "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3". INVALID: `invalid signal: <text>`. */
int signals_parse(const char *text, int *ret_signal, struct mcpd_error *err) MUST_CHECK;
/* "SIGTERM"; "" for a number without a name. Static. */
const char *signals_name(int signal_number);
/* Is it for the container when a client in the foreground gets it? Not what tells the client of its
 * own children, descriptors, faults and place in front of its terminal. */
bool signals_is_passed_on(int signal_number);

#endif
