/* streams.h - our stdin, stdout and stderr as the streams of a container (run, start -a, exec). */
#ifndef CLI_STREAMS_H
#define CLI_STREAMS_H

#include "cli/cli.h"

struct streams_wish {
    bool interactive;
    bool tty;
    bool without_signals;      /* --sig-proxy=false */
    const char *const *attach; /* stdin, stdout, stderr; NULL: all that make sense */
};

/* Warns when a terminal is asked for and there is none. INVALID: no such stream. *ret_null_fd (to
 * be closed, or -1) stands in for a stream that is not attached. */
int streams_open(const struct cli *cli, const struct streams_wish *wish,
                 struct mcpd_streams *ret_streams, int *ret_null_fd,
                 struct mcpd_error *err) MUST_CHECK;

/* The exit status of the command that was attached. */
int streams_exit_status(const struct mcpd_attach_result *result);

#endif
