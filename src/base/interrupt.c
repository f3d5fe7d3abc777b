/* interrupt.c - see interrupt.h: blocked signals and a signalfd that nobody reads, so that they
 * stay pending. */
#include "base/interrupt.h"

#include <poll.h>
#include <sys/signalfd.h>

bool interrupt_is_ignored(int number)
{
    struct sigaction action;

    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int interrupt_begin(struct interrupt *ret_interrupt, struct mcpd_error *err)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct interrupt interrupt = {.fd = -1};
    sigset_t held;

    (void)sigemptyset(&held);
    /* The kernel would keep a blocked one pending although it is ignored. */
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        if (!interrupt_is_ignored(numbers[i]))
            (void)sigaddset(&held, numbers[i]);
    if (sigprocmask(SIG_BLOCK, &held, &interrupt.old_mask) < 0)
        return error_errno(err, "sigprocmask");
    interrupt.fd = signalfd(-1, &held, SFD_CLOEXEC);
    if (interrupt.fd < 0) {
        int rc = error_errno(err, "signalfd");

        (void)sigprocmask(SIG_SETMASK, &interrupt.old_mask, NULL);
        return rc;
    }
    *ret_interrupt = interrupt;
    return 0;
}

void interrupt_end(struct interrupt *interrupt)
{
    (void)close(interrupt->fd);
    interrupt->fd = -1;
    (void)sigprocmask(SIG_SETMASK, &interrupt->old_mask, NULL);
}

bool interrupt_has_come(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    return fd > 0 && poll(&poll_fd, 1, 0) > 0;
}
