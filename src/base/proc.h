/*
 * proc.h - child processes: started with a pidfd, waited for with a deadline.
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct proc {
    pid_t pid; /* 0 when there is none */
    int pidfd; /* -1 on kernels without */
};
#define PROC_NONE             \
    {                         \
        .pid = 0, .pidfd = -1 \
    }

struct proc_options {
    const char *program; /* absolute path, or a name looked up in PATH; unused with program_fd */
    int program_fd;      /* >= 0: execveat on it; set -1 otherwise */
    char *const *argv;
    char *const *envp; /* NULL: ours */
    int stdin_fd;      /* -1: /dev/null */
    int stdout_fd;     /* -1: /dev/null; PROC_INHERIT keeps ours */
    int stderr_fd;
    int keep_fds[4];       /* further descriptors, arriving as 3, 4, ...; ended by -1 */
    bool new_session;      /* setsid */
    const char *directory; /* NULL: ours */
};
#define PROC_INHERIT (-2)
/* Start from this: a zeroed structure would pass descriptor 0 five times. */
#define PROC_OPTIONS_NONE                                                   \
    {                                                                       \
        .program_fd = -1, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, \
        .keep_fds = {-1, -1, -1, -1},                                       \
    }

/* vfork-fast (posix_spawn or CLONE_VFORK). A failed exec is reported here with its errno. All
 * signals are unblocked and at their defaults in the child. */
int proc_start(const struct proc_options *options, struct proc *ret_proc,
               struct mcpd_error *err) MUST_CHECK;

/* timeout_ms < 0: for ever. ret_status as from waitpid. -MCPD_E_TIMEOUT leaves the child running.
 */
int proc_wait(struct proc *proc, int timeout_ms, int *ret_status,
              struct mcpd_error *err) MUST_CHECK;
int proc_signal(const struct proc *proc, int signal_number, struct mcpd_error *err) MUST_CHECK;
/* Kills and reaps a forgotten child; fine on PROC_NONE and after proc_wait. */
void proc_done(struct proc *proc);
#define CLEANUP_PROC CLEANUP(proc_done)

/* Runs to the end with stdout and stderr captured together (maximum bytes, rest dropped); for
 * helpers such as newuidmap. A non-zero exit is -MCPD_E_SYSTEM with the helper's last line in the
 * text. */
int proc_run(char *const *argv, int timeout_ms, char **ret_output,
             struct mcpd_error *err) MUST_CHECK;

/* The same with `input` on its stdin, its stdout and stderr apart (64 KiB each, the rest dropped),
 * and whatever its exit: for helpers that are asked something. The texts may be secrets. */
struct proc_words {
    int exit_code; /* proc_exit_code */
    char *output;
    char *complaint;
};
void proc_words_done(struct proc_words *words); /* wipes them; fine on a zeroed one */
int proc_talk(char *const *argv, const char *input, int timeout_ms, struct proc_words *ret_words,
              struct mcpd_error *err) MUST_CHECK;

/* 0 for an exit with 0; else -MCPD_E_SYSTEM with the program's name and its output's last line. */
int proc_check_exit(const char *name, int wait_status, const char *output,
                    struct mcpd_error *err) MUST_CHECK;

/* 0..255, or 128 + signal. */
int proc_exit_code(int wait_status);

/* Identity of a process that survives pid reuse: start time in clock ticks since boot
 * (/proc/PID/stat field 22). -MCPD_E_NOT_FOUND when gone. */
int proc_start_time(pid_t pid, unsigned long long *ret_ticks, struct mcpd_error *err) MUST_CHECK;

/* Would the signal reach the process: has it a handler, or does it hold it back to fetch it itself?
 * False when it is gone. */
bool proc_handles_signal(pid_t pid, int signal_number);

/* Every signal of this process at its default. System calls only. */
void proc_default_signals(void);

int proc_pidfd_open(pid_t pid);                           /* raw: fd or -1 with errno */
int proc_pidfd_send_signal(int pidfd, int signal_number); /* raw */

#endif
