/*
 * console.h - the terminal of a container's process: a pair of its own devpts.
 */
#ifndef RUNTIME_CONSOLE_H
#define RUNTIME_CONSOLE_H

#include <sys/types.h>

#include "base/error.h"

struct console {
    int master_fd;
    int slave_fd;
};
#define CONSOLE_NONE                    \
    {                                   \
        .master_fd = -1, .slave_fd = -1 \
    }
void console_done(struct console *console);

/* A new pair from /dev/pts of this root; rows 0: size not known. */
int console_open(int root_fd, unsigned short rows, unsigned short columns,
                 struct console *ret_console, struct mcpd_error *err) MUST_CHECK;
/* Shows the slave as /dev/console of this root. */
int console_bind(int root_fd, const struct console *console, struct mcpd_error *err) MUST_CHECK;
/* Sends the master, with the byte 'm', and closes it here. */
int console_hand_over(struct console *console, int socket_fd, struct mcpd_error *err) MUST_CHECK;
/* Gives the slave to the user and makes it 0, 1 and 2. */
int console_place(struct console *console, uid_t uid, struct mcpd_error *err) MUST_CHECK;
/* Makes descriptor 0 the controlling terminal of this session leader. */
int console_take_over(struct mcpd_error *err) MUST_CHECK;

#endif
