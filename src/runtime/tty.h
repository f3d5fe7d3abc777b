/* tty.h - the terminal of a client: raw mode that is always undone, and its size. */
#ifndef RUNTIME_TTY_H
#define RUNTIME_TTY_H

#include "base/error.h"

#include <stdbool.h>
#include <termios.h>

struct tty {
    int fd; /* borrowed; -1: untouched */
    struct termios saved;
    struct termios used;
};
#define TTY_NONE \
    {            \
        .fd = -1 \
    }

/* Keys arrive one by one and unchanged. */
int tty_make_raw(int fd, struct tty *ret_tty, struct mcpd_error *err) MUST_CHECK;
/* Output passes unchanged: another terminal has made its line ends already. Keys are not touched.
 */
int tty_pass_output(int fd, struct tty *ret_tty, struct mcpd_error *err) MUST_CHECK;
/* As it was made, after somebody else had it; fine on TTY_NONE. */
void tty_renew(const struct tty *tty);
void tty_restore(struct tty *tty); /* fine on TTY_NONE, and twice */
#define CLEANUP_TTY CLEANUP(tty_restore)

/* False, and zeros, when it is no terminal or does not say. */
bool tty_get_size(int fd, unsigned short *ret_rows, unsigned short *ret_columns);
void tty_set_size(int fd, unsigned short rows, unsigned short columns);

#endif
