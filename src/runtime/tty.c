/* tty.c - the terminal of a client. */
#include "runtime/tty.h"

#include <sys/ioctl.h>

static int change(int fd, const struct termios *wanted, struct tty *tty, struct mcpd_error *err)
{
    if (tcsetattr(fd, TCSADRAIN, wanted) < 0)
        return error_errno(err, "set up the terminal");
    tty->fd = fd;
    tty->used = *wanted;
    return 0;
}

int tty_make_raw(int fd, struct tty *ret_tty, struct mcpd_error *err)
{
    struct termios raw;

    if (tcgetattr(fd, &ret_tty->saved) < 0)
        return error_errno(err, "read the settings of the terminal");
    raw = ret_tty->saved;
    cfmakeraw(&raw);
    return change(fd, &raw, ret_tty, err);
}

int tty_pass_output(int fd, struct tty *ret_tty, struct mcpd_error *err)
{
    struct termios plain;

    if (tcgetattr(fd, &ret_tty->saved) < 0)
        return error_errno(err, "read the settings of the terminal");
    plain = ret_tty->saved;
    plain.c_oflag &= ~(tcflag_t)OPOST;
    return change(fd, &plain, ret_tty, err);
}

void tty_renew(const struct tty *tty)
{
    if (tty->fd >= 0)
        (void)tcsetattr(tty->fd, TCSADRAIN, &tty->used);
}

void tty_restore(struct tty *tty)
{
    int saved_errno = errno;

    if (tty->fd >= 0)
        (void)tcsetattr(tty->fd, TCSADRAIN, &tty->saved);
    tty->fd = -1;
    errno = saved_errno;
}

bool tty_get_size(int fd, unsigned short *ret_rows, unsigned short *ret_columns)
{
    struct winsize size = {0};
    bool is_known = fd >= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;

    *ret_rows = is_known ? size.ws_row : 0;
    *ret_columns = is_known ? size.ws_col : 0;
    return is_known;
}

void tty_set_size(int fd, unsigned short rows, unsigned short columns)
{
    const struct winsize size = {.ws_row = rows, .ws_col = columns};

    (void)!ioctl(fd, TIOCSWINSZ, &size);
}
