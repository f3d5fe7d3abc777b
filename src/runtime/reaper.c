/*
 * reaper.c - pid 1 of a container run with --init.
 *
 * All signals are blocked and taken one by one with sigwaitinfo, so there is no handler and no
 * race: SIGCHLD reaps until nothing is left to reap, everything else goes to the command. When pid
 * 1 ends, the kernel kills what remains in the namespace. Runs under the container's own user,
 * capabilities and filter.
 */
#include "runtime/reaper.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/proc.h"
#include "runtime/process.h"

void reaper_prepare_command(bool has_tty)
{
    sigset_t stop;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* without a pid namespace nothing else ends it */
    (void)setpgid(0, 0);
    if (!has_tty)
        return;
    /* From the background this stops the caller, unless the signal is blocked. */
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGTTOU);
    (void)sigprocmask(SIG_BLOCK, &stop, NULL);
    (void)tcsetpgrp(STDIN_FILENO, getpid());
    (void)sigprocmask(SIG_UNBLOCK, &stop, NULL);
}

/* Ends with the command. */
static void reap(pid_t command)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == command)
            _exit(proc_exit_code(status));
}

void reaper_main(pid_t command, bool in_userns)
{
    sigset_t all;

    /* Our memory is a copy of the monitor's, so the container need not look into it. But an
     * ordinary user could not join a container then whose first process runs as somebody else. */
    (void)prctl(PR_SET_DUMPABLE, in_userns);

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, NULL);
    (void)prctl(PR_SET_NAME, "mcpd-init");
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* nothing new for a pid 1 */
    process_close_from(STDERR_FILENO + 1);
    reap(command); /* it may have ended before signals were blocked */
    for (;;) {
        int number = sigwaitinfo(&all, NULL);

        if (number == SIGCHLD)
            reap(command);
        else if (number > 0)
            (void)kill(command, number);
    }
}
