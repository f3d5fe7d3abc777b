/*
 * fdpass.h - messages between our own processes: SOCK_SEQPACKET packets with up to five
 * descriptors, unix sockets below a directory descriptor, and whole errors over a pipe.
 */
#ifndef BASE_FDPASS_H
#define BASE_FDPASS_H

#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

#define FDPASS_MAX_FDS 5

/* One packet. Never raises SIGPIPE. */
int fdpass_send(int socket_fd, const void *bytes, size_t count, const int *fds, size_t fd_count,
                struct mcpd_error *err) MUST_CHECK;
/* Returns the packet's length, 0 at the end of the connection. Received descriptors are
 * close-on-exec and owned by the caller; more than room for is closed. fds may be NULL. */
ssize_t fdpass_receive(int socket_fd, void *bytes, size_t size, int *ret_fds, size_t fds_size,
                       size_t *ret_fd_count, struct mcpd_error *err) MUST_CHECK;

/* SOCK_SEQPACKET sockets named below a folder; the 108 byte limit is avoided through /proc/self/fd.
 */
/* Listening takes the place of a socket left behind: hold a lock. Connecting where nobody listens
 * is -MCPD_E_NOT_FOUND, where nobody takes the connection for ten seconds -MCPD_E_TIMEOUT. */
int fdpass_listen(int dir_fd, const char *name, int *ret_fd, struct mcpd_error *err) MUST_CHECK;
int fdpass_connect(int dir_fd, const char *name, int *ret_fd, struct mcpd_error *err) MUST_CHECK;

/* An error over a pipe in one atomic write, and back. Receiving gives 0 when the pipe was closed
 * without a word (success: exec closed it), else the transported code. */
void fdpass_send_error(int pipe_fd, const struct mcpd_error *error);
int fdpass_receive_error(int pipe_fd, struct mcpd_error *err) MUST_CHECK;

#endif
