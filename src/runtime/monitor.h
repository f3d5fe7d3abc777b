/*
 * monitor.h - the one small process per running container, and how clients talk to it.
 *
 * Messages are SOCK_SEQPACKET packets on RUNROOT/containers/ID/socket: struct monitor_request from
 * the client, struct monitor_reply back, and for attached clients stream packets of one type byte
 * and payload. Theory of operation: monitor.c.
 */
#ifndef RUNTIME_MONITOR_H
#define RUNTIME_MONITOR_H

#include "base/error.h"
#include "runtime/container.h"

#include <stdbool.h>
#include <stdint.h>

enum monitor_operation {
    MONITOR_SIGNAL = 1, /* argument: signal number, sent through the pidfd */
    MONITOR_STOP,       /* argument: signal, timeout_ms; reply when it has ended */
    MONITOR_WAIT,       /* reply when it has ended */
    MONITOR_ATTACH,     /* flags: want stdin; from then on stream packets */
    MONITOR_PIDFD,      /* reply with the pidfd of init as a descriptor */
};

struct monitor_request {
    uint32_t operation;
    int32_t argument;
    int32_t timeout_ms;
    uint32_t flags;
};
#define MONITOR_FLAG_STDIN 1u

struct monitor_reply {
    int32_t code;        /* 0 or a negative MCPD_E_ */
    int32_t exit_code;   /* STOP, WAIT */
    uint32_t was_killed; /* STOP: the timeout passed */
    int32_t pid;         /* PIDFD */
};

/* First byte of a stream packet. */
enum stream_packet {
    STREAM_STDIN = 'i',
    STREAM_STDIN_END = 'e',
    STREAM_RESIZE = 'w',  /* two uint16_t: rows, columns */
    STREAM_SIGNAL = 'k',  /* uint8_t: signal number */
    STREAM_ABANDON = 'p', /* struct stream_abandon: nobody takes the output any more */
    STREAM_STDOUT = '1',
    STREAM_STDERR = '2',
    STREAM_STARTED = 's', /* start socket only: the container runs */
    STREAM_FAILED = 'f',  /* start socket only: struct mcpd_error follows */
    STREAM_EXITED = 'x',  /* int32_t exit code follows; last packet */
};
#define STREAM_MAX_PAYLOAD 32768

/* How the container is to be ended when its foreground command has lost its reader. */
struct stream_abandon {
    int32_t stop_signal;
    int32_t timeout_ms;
};

struct monitor_start_options {
    const char *program; /* the mcpd binary */
    bool attach;         /* output is streamed to *ret_attach_fd from the first byte (no race) */
    bool is_orphan;      /* not to be a child of this process, which may live longer */
    unsigned short rows, columns; /* of the terminal, 0: not known */
};

/* Starts the monitor of a created or exited container and waits for STARTED or FAILED.
 * *ret_attach_fd is -1 unless attach. CONFLICT: somebody else was faster, and it runs. */
int monitor_start(const struct container_root *root, const struct container *container,
                  const struct monitor_start_options *options, int *ret_attach_fd,
                  struct mcpd_error *err) MUST_CHECK;

/* Client side of one request. NOT running: STATE. fd returned for PIDFD and ATTACH (the
 * connection), else -1; ret_fd may be NULL for the others. A monitor that dies before it answers
 * is STATE too: what is true then, container_load tells. TIMEOUT: it does not move. For what is
 * answered at once: not STOP, not WAIT. */
int monitor_request(const struct container_root *root, const char *id,
                    const struct monitor_request *request, struct monitor_reply *ret_reply,
                    int *ret_fd, struct mcpd_error *err) MUST_CHECK;
/* The two halves of it, for waiting with a deadline and beside other descriptors. */
int monitor_send_request(const struct container_root *root, const char *id,
                         const struct monitor_request *request, int *ret_fd,
                         struct mcpd_error *err) MUST_CHECK;
/* timeout_ms < 0: for ever; -MCPD_E_TIMEOUT. ret_passed_fd may be NULL. */
int monitor_receive_reply(int fd, int timeout_ms, struct monitor_reply *ret_reply,
                          int *ret_passed_fd, struct mcpd_error *err) MUST_CHECK;

/* `mcpd internal monitor`: returns the exit status. */
int monitor_main(int argc, char **argv);

#endif
