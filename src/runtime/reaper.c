/*
 * reaper.c - pid 1 of a container run with --init.
 *
 * All signals are blocked and taken one by one with sigwaitinfo, so there is no handler and no
 * race: SIGCHLD reaps until nothing is left to reap, everything else goes to the command. When pid
 * 1 ends, the kernel kills what remains in the namespace. Runs under the container's own user,
 * capabilities and filter.
 *
 * It is a fork of the monitor and not a program of its own, which would need its libraries in the
 * image. So it forgets what it knows: it shows other arguments (podman's), no environment, and
 * gives its heap and the unused part of its stack back. For an ordinary user, whose container can
 * look into it, the monitor was started from a copy without a path (selfexe.h).
 */
#include "runtime/reaper.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "base/proc.h"
#include "base/title.h"
#include "runtime/process.h"

#define MAPS_MAX        ((size_t)1024 * 1024)
#define TITLE_WORDS_MAX 64
#define STACK_USED_MAX  ((uintptr_t)128 * 1024)

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

/* "5610f05fd000-..." */
static uintptr_t read_address(const char *text)
{
    static const char digits[] = "0123456789abcdef";
    uintptr_t address = 0;
    const char *digit;

    while (*text != '\0' && (digit = strchr(digits, *text++)))
        address = address * 16 + (uintptr_t)(digit - digits);
    return address;
}

void reaper_find_memory(struct reaper_memory *ret_memory)
{
    CLEANUP_FREE char *text = NULL;
    const char *line;
    const char *name;

    *ret_memory = (struct reaper_memory){0};
    if (fs_read_file(AT_FDCWD, "/proc/self/maps", MAPS_MAX, &text, NULL, NULL) < 0)
        return;
    name = strstr(text, "[heap]");
    line = name ? memrchr(text, '\n', (size_t)(name - text)) : NULL;
    if (line)
        ret_memory->heap_start = read_address(line + 1);
}

static void give_back(uintptr_t start, uintptr_t end)
{
    void *address;

    memcpy(&address, &start, sizeof(start));
    (void)madvise(address, end - start, MADV_DONTNEED);
}

/* From here on nothing may be allocated or freed. Never inlined: its frame must be below all that
 * is still needed. */
__attribute__((noinline)) static void forget(char *const *args, const struct reaper_memory *memory)
{
    const char *words[TITLE_WORDS_MAX] = {"/dev/init", "--"};
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0) & ~(page - 1);

    for (size_t i = 2; args && *args && i + 1 < ARRAY_SIZE(words); i++, args++)
        words[i] = *args;
    title_set(words);
    if (memory->heap_start != 0)
        give_back(memory->heap_start, (uintptr_t)sbrk(0));
    give_back(frame - STACK_USED_MAX, frame - 2 * page);
}

void reaper_main(pid_t command, bool in_userns, char *const *args,
                 const struct reaper_memory *memory)
{
    const struct reaper_memory ours = *memory;
    sigset_t all;

    /* The container need not look into our memory. But an ordinary user could not join a container
     * then whose first process runs as somebody else. */
    (void)prctl(PR_SET_DUMPABLE, in_userns);

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, NULL);
    (void)prctl(PR_SET_NAME, "mcpd-init");
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* nothing new for a pid 1 */
    process_close_from(STDERR_FILENO + 1);
    forget(args, &ours);
    reap(command); /* it may have ended before signals were blocked */
    for (;;) {
        int number = sigwaitinfo(&all, NULL);

        if (number == SIGCHLD)
            reap(command);
        else if (number > 0)
            (void)kill(command, number);
    }
}
