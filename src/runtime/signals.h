/* signals.h - names and numbers of signals, without asking the C library (whose real-time range is
 * its own). */
#ifndef RUNTIME_SIGNALS_H
#define RUNTIME_SIGNALS_H

#include "base/error.h"

/* "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3". INVALID: `invalid signal: <text>`. */
int signals_parse(const char *text, int *ret_signal, struct mcpd_error *err) MUST_CHECK;
/* "SIGTERM"; "" for a number without a name. Static. */
const char *signals_name(int signal_number);

#endif
