/* streams.h - our stdin, stdout and stderr as the streams of a container (run, start -a, exec). */
#ifndef CLI_STREAMS_H
#define CLI_STREAMS_H

#include "cli/cli.h"

#define STREAMS_KEYS_HELP "Keys that leave the container; 'ctrl-p,ctrl-q' if unset, '' for none"

struct streams_wish {
    bool interactive;
    bool tty;
    bool without_signals;      /* --sig-proxy=false */
    const char *const *attach; /* stdin, stdout, stderr; NULL: all that make sense */
    const char *detach_keys;   /* "ctrl-p,ctrl-q"; NULL: these */
};

/* The streams, and what they need to live as long as they are used. */
struct streams {
    struct mcpd_streams streams;
    int null_fd; /* stands in for a stream that is not attached; -1: none */
    char detach_keys[MCPD_DETACH_KEYS_MAX];
};
#define STREAMS_NONE  \
    {                 \
        .null_fd = -1 \
    }

/* Warns when a terminal is asked for and there is none. INVALID: no such stream, no such key. Not
 * to be copied. */
int streams_open(const struct cli *cli, const struct streams_wish *wish,
                 struct streams *ret_streams, struct mcpd_error *err) MUST_CHECK;
void streams_close(struct streams *streams);

/* The exit status of the command that was attached. */
int streams_exit_status(const struct mcpd_attach_result *result);

#endif
