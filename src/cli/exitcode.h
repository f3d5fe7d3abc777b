/* exitcode.h - from an error to podman's exit status. */
#ifndef CLI_EXITCODE_H
#define CLI_EXITCODE_H

enum {
    EXITCODE_OK = 0,
    EXITCODE_NO = 1,             /* `exists`: it does not */
    EXITCODE_ENGINE = 125,       /* our failure, not the container's */
    EXITCODE_NOT_RUNNABLE = 126, /* its command or user cannot be run */
    EXITCODE_NOT_FOUND = 127,    /* its command does not exist */
    EXITCODE_INTERRUPTED = 130,  /* as if ended by SIGINT */
    EXITCODE_NO_READER = 141,    /* as if ended by SIGPIPE */
    EXITCODE_NO_SESSION = 255,   /* exec: the container cannot take it */
};

/* Commands that differ from the usual 125, 126, 127. */
enum exitcode_rules {
    EXITCODE_RULES_USUAL,
    EXITCODE_RULES_REMOVE, /* rm, rmi: 1 no such thing, 2 in use */
    EXITCODE_RULES_EXEC,   /* exec: 255 not running, no such user */
    EXITCODE_RULES_START,  /* start: 125 whatever the reason */
};

/* error_code: enum mcpd_error_code. */
int exitcode_of(enum exitcode_rules rules, int error_code);

#endif
