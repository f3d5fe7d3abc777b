/*
 * monitor_parts.h - what a monitor holds. Internal to monitor.c, monitor_socket.c and streams.c.
 *
 * The whole lives in one anonymous mapping: pages that are never used are never there, and a
 * container that says nothing costs nothing.
 */
#ifndef RUNTIME_MONITOR_PARTS_H
#define RUNTIME_MONITOR_PARTS_H

#include "runtime/container.h"
#include "runtime/init.h"
#include "runtime/logfile.h"
#include "runtime/monitor.h"

#include <poll.h>

#define MONITOR_MAX_CLIENTS 64 /* further ones wait in the queue of the socket */
#define MONITOR_OUTPUTS     2
#define MONITOR_NAME_SIZE   132

enum client_kind {
    CLIENT_NEW,     /* has not said yet what it wants */
    CLIENT_WAITING, /* STOP or WAIT: answered at the end */
    CLIENT_ATTACHED,
};

struct client {
    int fd;
    enum client_kind kind;
    bool is_starter; /* the foreground command that started the container */
    bool wants_stdin;
    bool is_stop; /* waits for its STOP */
    bool is_gone; /* closed, to be forgotten */
    /* Packets that did not fit the socket, each behind its length (uint32_t); owned. */
    char *backlog;
    size_t backlog_bytes;
    int64_t stalled_since_ms; /* 0: not */
};

struct monitor {
    /* The container. */
    struct container_root root;
    char id[IDENT_SIZE];
    char name[MONITOR_NAME_SIZE];
    bool is_tty;
    bool has_log;
    bool auto_remove;
    bool has_ended;         /* its first process is reaped */
    bool was_killed;        /* because a stop had not worked in time */
    bool is_piped_to_death; /* killed in place of a SIGPIPE */
    bool input_ends;        /* close input_fd once what waits is through */
    int dir_fd;             /* ROOT/containers/ID */
    int run_dir_fd;         /* RUNROOT/containers/ID */
    int lock_fd;
    struct container_run run; /* as noted in the lock */
    struct container_state state;
    struct launch launch;

    /* Its streams (streams.c). */
    int output_fds[MONITOR_OUTPUTS]; /* stdout and stderr; a terminal is the first; -1: ended */
    int input_fd;                    /* stdin or the terminal again; -1: closed or none */

    /* Who talks to us (monitor_socket.c). */
    int listen_fd;
    size_t client_count;
    char *input; /* accepted from a client, not yet taken by the container */
    size_t input_bytes;
    int64_t kill_at_ms; /* a stop that has not worked until then becomes a kill; 0: none */
    struct pollfd polls[MONITOR_MAX_CLIENTS + MONITOR_OUTPUTS + 3];
    struct client clients[MONITOR_MAX_CLIENTS];

    /* Only touched while the container talks. */
    struct logfile_place log_place;
    struct logfile log;
    char packet[1 + STREAM_MAX_PAYLOAD]; /* what is read: type byte and payload */
};

/* --- streams.c ------------------------------------------------------------------- */

/* The container's ends of its streams, to be closed after the launch. */
struct stream_ends {
    int stdin_fd, stdout_fd, stderr_fd;
    int console_fd;        /* where the terminal arrives */
    int console_socket_fd; /* what the child gets to send it */
};
#define STREAM_ENDS_NONE                                                    \
    {                                                                       \
        .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .console_fd = -1, \
        .console_socket_fd = -1                                             \
    }
int streams_make(struct monitor *monitor, bool open_stdin, struct stream_ends *ret_ends,
                 struct mcpd_error *err) MUST_CHECK;
/* After the launch: receives the terminal. */
int streams_connect(struct monitor *monitor, const struct stream_ends *ends,
                    struct mcpd_error *err) MUST_CHECK;
void stream_ends_done(struct stream_ends *ends);
/* One read of output i: logged and sent to everybody who is attached. False: nothing there now. */
bool streams_read_output(struct monitor *monitor, size_t i);
void streams_write_input(struct monitor *monitor, const char *bytes, size_t count);
void streams_end_input(struct monitor *monitor);
void streams_flush_input(struct monitor *monitor);
void streams_resize(struct monitor *monitor, unsigned short rows, unsigned short columns);
void streams_done(struct monitor *monitor);

/* --- monitor_socket.c -------------------------------------------------------------- */

void monitor_socket_accept(struct monitor *monitor);
struct client *monitor_socket_add(struct monitor *monitor, int fd, enum client_kind kind);
/* A client has said something, or hung up. */
void monitor_socket_receive(struct monitor *monitor, struct client *client);
/* It will say nothing more. */
void monitor_socket_hang_up(struct monitor *monitor, struct client *client);
/* To everybody who is attached. */
void monitor_socket_broadcast(struct monitor *monitor, enum stream_packet type, const char *bytes,
                              size_t count);
void monitor_socket_flush(struct client *client);
/* Does anybody still have to take what was read? Then nothing more is read. */
bool monitor_socket_is_stalled(const struct monitor *monitor);
/* Drops those who hold everybody up; returns how long until the next is due, -1: nobody. */
int64_t monitor_socket_drop_stalled(struct monitor *monitor, int64_t now_ms);
void monitor_socket_sweep(struct monitor *monitor);
/* The end: answers everybody who waits. */
void monitor_socket_tell_end(struct monitor *monitor);

#endif
