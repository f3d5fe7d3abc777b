/*
 * proc.c - child processes: started with a pidfd, waited for with a deadline.
 *
 * A child is started with CLONE_VM | CLONE_VFORK: no page table is copied, and this
 * process stands still until the child has executed its program or failed. Both share
 * memory until then, so the child does nothing but system calls on a stack of its own:
 *   1. all signals are blocked in the parent, so that no handler runs in the child;
 *   2. the child sets every signal to its default, places its descriptors, marks all
 *      others close-on-exec, unblocks the signals and executes;
 *   3. a failure leaves its step and errno in the parent's memory.
 * Why not posix_spawn: it has no execveat, and gives no pidfd.
 */
#include "base/proc.h"

#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/fsutil.h"
#include "base/str.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

#define CHILD_STACK_SIZE 32768
#define KEEP_MAX         4
#define PLACED_MAX       (3 + KEEP_MAX)
#define STAT_FILE_MAX    4096
#define STATUS_FILE_MAX  16384
#define SIGNAL_MAX       64
#define DEFAULT_PATH     "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum child_step {
    CHILD_STEP_NONE,
    CHILD_STEP_FDS,
    CHILD_STEP_NULL,
    CHILD_STEP_SESSION,
    CHILD_STEP_DIRECTORY,
    CHILD_STEP_EXEC,
};

struct child {
    const struct proc_options *options;
    const char *program; /* as found in PATH */
    int placed_count;    /* descriptors 0 .. placed_count - 1 are ours to set */
    /* Written by the child. */
    volatile enum child_step failed_step;
    volatile int sys_errno;
};

/* --- the child: shares our memory, may only make system calls ----------------- */

/* The sanitizer's bookkeeping belongs to the parent, which shares this memory. */
#define CHILD_SIDE __attribute__((noinline, no_sanitize("address", "undefined")))

CHILD_SIDE static int fail(struct child *child, enum child_step step)
{
    child->sys_errno = errno;
    child->failed_step = step;
    return -1;
}

CHILD_SIDE void proc_default_signals(void)
{
    /* All zero is SIG_DFL. The kernel's own call, because glibc keeps 32 and 33 to itself, and a
     * program with another libc would miss them. */
    static const char action[64];

    for (int number = 1; number < NSIG; number++)
        (void)syscall(SYS_rt_sigaction, number, action, NULL, (size_t)(NSIG - 1) / 8);
}

/* Where descriptor `target` comes from. */
CHILD_SIDE static int source_of(const struct proc_options *options, int target)
{
    switch (target) {
    case STDIN_FILENO:
        return options->stdin_fd;
    case STDOUT_FILENO:
        return options->stdout_fd;
    case STDERR_FILENO:
        return options->stderr_fd;
    default:
        return options->keep_fds[target - 3];
    }
}

/* Sources may be targets of others, so all of them first move out of the way. */
CHILD_SIDE static int place_fds(struct child *child, int *program_fd)
{
    int high[PLACED_MAX];

    for (int target = 0; target < child->placed_count; target++) {
        int source = source_of(child->options, target);

        if (source == PROC_INHERIT)
            high[target] = -1;
        else if (source >= 0)
            high[target] = fcntl(source, F_DUPFD_CLOEXEC, PLACED_MAX);
        else
            high[target] = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
        if (high[target] < 0 && source < 0 && source != PROC_INHERIT)
            return fail(child, CHILD_STEP_NULL);
        if (high[target] >= 0 && high[target] < PLACED_MAX)
            high[target] = fcntl(high[target], F_DUPFD_CLOEXEC, PLACED_MAX);
        if (high[target] < 0 && source != PROC_INHERIT)
            return fail(child, CHILD_STEP_FDS);
    }
    if (*program_fd >= 0) {
        *program_fd = fcntl(*program_fd, F_DUPFD_CLOEXEC, PLACED_MAX);
        if (*program_fd < 0)
            return fail(child, CHILD_STEP_FDS);
    }
    for (int target = 0; target < child->placed_count; target++)
        if (high[target] >= 0 && dup2(high[target], target) < 0)
            return fail(child, CHILD_STEP_FDS);
    /* Whatever somebody left open in us stays with us. Before Linux 5.11: their own flags decide.
     */
    (void)syscall(SYS_close_range, (unsigned int)child->placed_count, ~0U, CLOSE_RANGE_CLOEXEC);
    return 0;
}

CHILD_SIDE static int execute(void *argument)
{
    struct child *child = argument;
    const struct proc_options *options = child->options;
    char *const *envp = options->envp ? options->envp : environ;
    int program_fd = options->program_fd;
    sigset_t none;

    proc_default_signals();
    if (place_fds(child, &program_fd) == 0) {
        if (options->new_session && setsid() < 0) {
            (void)fail(child, CHILD_STEP_SESSION);
        } else if (options->directory && chdir(options->directory) < 0) {
            (void)fail(child, CHILD_STEP_DIRECTORY);
        } else {
            (void)sigemptyset(&none);
            (void)sigprocmask(SIG_SETMASK, &none, NULL);
            if (program_fd >= 0)
                (void)syscall(SYS_execveat, program_fd, "", options->argv, envp, AT_EMPTY_PATH);
            else
                (void)syscall(SYS_execve, child->program, options->argv, envp);
            (void)fail(child, CHILD_STEP_EXEC);
        }
    }
    (void)syscall(SYS_exit_group, 127);
    return 127;
}

/* --- starting --------------------------------------------------------------- */

/* Relative members of PATH are left out: they depend on where somebody stands. */
static int find_program(const char *name, char **ret_path, struct mcpd_error *err)
{
    const char *path = getenv("PATH");
    CLEANUP_STRV char **folders = strv_split(path && *path ? path : DEFAULT_PATH, ':');

    if (!folders)
        return error_no_memory(err, name);
    for (size_t i = 0; folders[i]; i++) {
        CLEANUP_FREE char *candidate = NULL;

        if (folders[i][0] != '/')
            continue;
        candidate = str_format("%s/%s", folders[i], name);
        if (!candidate)
            return error_no_memory(err, name);
        if (faccessat(AT_FDCWD, candidate, X_OK, AT_EACCESS) == 0) {
            *ret_path = TAKE_PTR(candidate);
            return 0;
        }
    }
    errno = ENOENT;
    return error_set(err, MCPD_E_NOT_FOUND, "program '%s' is not installed (not found in PATH)",
                     name);
}

static int start_error(const struct child *child, const char *name, struct mcpd_error *err)
{
    errno = child->sys_errno;
    switch (child->failed_step) {
    case CHILD_STEP_NONE:
        break;
    case CHILD_STEP_FDS:
        return error_errno(err, "start '%s': pass descriptors", name);
    case CHILD_STEP_NULL:
        return error_errno(err, "start '%s': open /dev/null", name);
    case CHILD_STEP_SESSION:
        return error_errno(err, "start '%s': make a session", name);
    case CHILD_STEP_DIRECTORY:
        return error_errno(err, "start '%s': enter '%s'", name, child->options->directory);
    case CHILD_STEP_EXEC:
        return error_errno(err, "start '%s'", name);
    }
    return error_set(err, MCPD_E_INTERNAL, "start '%s'", name);
}

/* Returns the pid, or -1 with errno. */
static pid_t clone_child(struct child *child, int *ret_pidfd)
{
    static const int flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
    CLEANUP_FREE char *stack = malloc(CHILD_STACK_SIZE);
    sigset_t all;
    sigset_t old;
    pid_t pid;
    int saved_errno;

    *ret_pidfd = -1;
    if (!stack)
        return -1;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &old);
    pid = clone(execute, stack + CHILD_STACK_SIZE, flags | CLONE_PIDFD, child, ret_pidfd);
    if (pid < 0 && errno == EINVAL) { /* before Linux 5.2 */
        *ret_pidfd = -1;
        pid = clone(execute, stack + CHILD_STACK_SIZE, flags, child);
    }
    saved_errno = errno;
    (void)sigprocmask(SIG_SETMASK, &old, NULL);
    errno = saved_errno;
    return pid;
}

static int count_placed(const struct proc_options *options)
{
    int kept = 0;

    while (kept < KEEP_MAX && options->keep_fds[kept] >= 0)
        kept++;
    return 3 + kept;
}

int proc_start(const struct proc_options *options, struct proc *ret_proc, struct mcpd_error *err)
{
    const char *name = options->program ? options->program : options->argv[0];
    CLEANUP_FREE char *found = NULL;
    struct child child = {.options = options, .program = name};
    CLEANUP_PROC struct proc proc = PROC_NONE;

    child.placed_count = count_placed(options);
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): there is always an argv[0] */
    if (options->program_fd < 0 && !strchr(name, '/')) {
        int rc = find_program(name, &found, err);

        if (rc < 0)
            return rc;
        child.program = found;
    }
    proc.pid = clone_child(&child, &proc.pidfd);
    if (proc.pid < 0) {
        proc.pid = 0;
        return error_errno(err, "start '%s': make a process", name);
    }
    if (child.failed_step != CHILD_STEP_NONE)
        return start_error(&child, name, err);
    *ret_proc = proc;
    proc = (struct proc)PROC_NONE;
    return 0;
}

/* --- waiting and signals ---------------------------------------------------- */

static void forget(struct proc *proc)
{
    cleanup_close_fd(&proc->pidfd);
    proc->pid = 0;
    proc->pidfd = -1;
}

/* Pauses until the child may have ended: exactly with a pidfd, by short sleeps without. */
static void await_end(const struct proc *proc, int64_t left_ms)
{
    static const int pause_ms = 5;
    struct pollfd end = {.fd = proc->pidfd, .events = POLLIN};

    if (proc->pidfd < 0 && left_ms > pause_ms)
        left_ms = pause_ms;
    (void)poll(&end, 1, (int)left_ms); /* a negative descriptor is ignored: a sleep */
}

int proc_wait(struct proc *proc, int timeout_ms, int *ret_status, struct mcpd_error *err)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;

    if (proc->pid <= 0)
        return error_set(err, MCPD_E_INTERNAL, "there is no process to wait for");
    for (;;) {
        int status = 0;
        pid_t pid = waitpid(proc->pid, &status, timeout_ms < 0 ? 0 : WNOHANG);
        int64_t left_ms;

        if (pid == proc->pid) {
            forget(proc);
            if (ret_status)
                *ret_status = status;
            return 0;
        }
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0)
            return error_errno(err, "wait for process %d", (int)proc->pid);
        left_ms = deadline_ms - clock_monotonic_ms();
        if (left_ms <= 0)
            return error_set(err, MCPD_E_TIMEOUT, "process %d did not end in time", (int)proc->pid);
        await_end(proc, left_ms);
    }
}

int proc_signal(const struct proc *proc, int signal_number, struct mcpd_error *err)
{
    int rc;

    if (proc->pid <= 0)
        return error_set(err, MCPD_E_STATE, "there is no process to signal");
    /* Without a pidfd: the pid cannot be another's as long as we have not reaped it. */
    rc = proc->pidfd >= 0 ? proc_pidfd_send_signal(proc->pidfd, signal_number)
                          : kill(proc->pid, signal_number);
    if (rc < 0)
        return error_errno(err, "send signal %d to process %d", signal_number, (int)proc->pid);
    return 0;
}

void proc_done(struct proc *proc)
{
    int saved_errno = errno;

    if (proc->pid > 0) {
        if (proc->pidfd < 0 || proc_pidfd_send_signal(proc->pidfd, SIGKILL) < 0)
            (void)kill(proc->pid, SIGKILL);
        while (waitpid(proc->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    forget(proc);
    errno = saved_errno;
}

int proc_exit_code(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

int proc_pidfd_open(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

int proc_pidfd_send_signal(int pidfd, int signal_number)
{
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0);
}

/* --- identity ---------------------------------------------------------------- */

int proc_start_time(pid_t pid, unsigned long long *ret_ticks, struct mcpd_error *err)
{
    char path[32];
    CLEANUP_FREE char *text = NULL;
    CLEANUP_STRV char **fields = NULL;
    const char *behind_name;
    uint64_t ticks;
    int rc;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    rc = fs_read_file(AT_FDCWD, path, STAT_FILE_MAX, &text, NULL, err);
    if (rc < 0 && (errno == ENOENT || errno == ESRCH))
        return error_set(err, MCPD_E_NOT_FOUND, "there is no process %d", (int)pid);
    if (rc < 0)
        return rc;
    /* Field 2 is the name, which may hold spaces and brackets; field 3 follows the last ')'. */
    behind_name = strrchr(text, ')');
    fields = strv_split(behind_name && behind_name[1] ? behind_name + 2 : "", ' ');
    if (!fields)
        return error_no_memory(err, path);
    if (strv_length(fields) < 20 || str_to_u64(fields[22 - 3], UINT64_MAX, &ticks) < 0)
        return error_set(err, MCPD_E_SYSTEM, "cannot read '%s'", path);
    *ret_ticks = ticks;
    return 0;
}

/* "SigCgt:\t0000000000014a00": bit 0 is signal 1. */
static bool mask_has_signal(const char *status, const char *name, int signal_number)
{
    const char *line = strstr(status, name);
    uint64_t mask = 0;

    for (const char *digit = line ? line + strlen(name) : ""; isxdigit((unsigned char)*digit);
         digit++)
        mask = mask << 4 | (uint64_t)(*digit <= '9' ? *digit - '0' : (*digit | 0x20) - 'a' + 10);
    return (mask >> (signal_number - 1) & 1) != 0;
}

bool proc_handles_signal(pid_t pid, int signal_number)
{
    struct mcpd_error ignored;
    CLEANUP_FREE char *text = NULL;
    char path[32];

    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    if (signal_number < 1 || signal_number > SIGNAL_MAX ||
        fs_read_file(AT_FDCWD, path, STATUS_FILE_MAX, &text, NULL, &ignored) < 0)
        return false;
    return mask_has_signal(text, "\nSigCgt:\t", signal_number) ||
           mask_has_signal(text, "\nSigBlk:\t", signal_number);
}
