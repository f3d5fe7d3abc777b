/*
 * mcpd_error.h - the error value that every call of libmcpd fills in.
 *
 * A plain value owned by the caller: nothing to free, and usable when memory
 * is gone. Functions return 0 (or a count) on success and a negative
 * `enum mcpd_error_code` on failure; `err` may be NULL. This header is a leaf:
 * it includes nothing of mcpd's.
 */
#ifndef MCPD_ERROR_H
#define MCPD_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* What the caller can do about a failure, not where it happened. */
enum mcpd_error_code {
    MCPD_E_INVALID = 1,          /* the request itself is wrong */
    MCPD_E_NOT_FOUND,            /* no such image, container, file */
    MCPD_E_CONFLICT,             /* the name or object is taken or in use */
    MCPD_E_STATE,                /* not possible in the object's present state */
    MCPD_E_DENIED,               /* credentials or permissions */
    MCPD_E_UNSUPPORTED,          /* this host, kernel or version cannot do it */
    MCPD_E_NETWORK,              /* could not reach or talk to the other side */
    MCPD_E_PROTOCOL,             /* the other side answered nonsense */
    MCPD_E_CORRUPT,              /* data does not match its digest or format */
    MCPD_E_LIMIT,                /* larger than we are ready to take */
    MCPD_E_NO_SPACE,             /* disk full */
    MCPD_E_NO_MEMORY,            /* memory is gone */
    MCPD_E_SYSTEM,               /* a system call failed: see sys_errno */
    MCPD_E_TIMEOUT,              /* it took too long */
    MCPD_E_CANCELLED,            /* by a signal or the caller */
    MCPD_E_COMMAND_NOT_FOUND,    /* the container's command does not exist (exit 127) */
    MCPD_E_COMMAND_NOT_RUNNABLE, /* the command cannot be run (exit 126) */
    MCPD_E_USER_NOT_FOUND,       /* the container has no such user or group (126, exec: 255) */
    MCPD_E_INTERNAL,             /* a bug in mcpd */
};

#define MCPD_ERROR_MESSAGE_SIZE 512

/* Small enough for one atomic write to a pipe (less than PIPE_BUF). */
struct mcpd_error {
    int code;      /* enum mcpd_error_code, 0 when unset */
    int sys_errno; /* errno of the failed call, 0 when none */
    char message[MCPD_ERROR_MESSAGE_SIZE];
};

#ifdef __cplusplus
}
#endif
#endif
