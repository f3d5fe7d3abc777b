/* openat2.h - the system call that glibc does not wrap yet. Internal to base. */
#ifndef BASE_OPENAT2_H
#define BASE_OPENAT2_H

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* fd or -1 with errno; ENOSYS before Linux 5.6, EPERM below seccomp filters of that time. */
static inline int openat2_raw(int dir_fd, const char *path, int flags, mode_t mode,
                              unsigned int resolve)
{
    /* Unlike openat, the call refuses a mode that it has no use for. */
    bool has_mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
    struct open_how how = {
        .flags = (unsigned int)flags | O_CLOEXEC,
        .mode = has_mode ? mode & 07777 : 0,
        .resolve = resolve,
    };

    return (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
}

#endif
