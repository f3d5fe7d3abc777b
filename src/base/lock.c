/*
 * lock.c - kernel locks on files, never stale.
 *
 * Open file description locks and not flock: they live and die in the same way, with the
 * descriptor and its copies, but they can be asked for. With flock the only question is
 * an attempt, and a `ps` that attempts makes a start beside it fail for no reason.
 *
 * A lock file may be removed together with its folder while somebody waits for it. The
 * winner then holds a file that no longer has a name, so the name is checked after the
 * lock is taken, and the race is run again.
 */
#include "base/lock.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"

#define FIRST_PAUSE_MS 1
#define LAST_PAUSE_MS  20

static struct flock whole_file(short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET};
}

static void pause_ms(int64_t milliseconds)
{
    struct timespec pause = {.tv_sec = milliseconds / 1000,
                             .tv_nsec = milliseconds % 1000 * 1000000};

    (void)nanosleep(&pause, NULL);
}

/* 0, or -1 with errno; EAGAIN when the time is over. */
static int wait_for_lock(int fd, short type, int timeout_ms)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    int64_t wait_ms = FIRST_PAUSE_MS;

    for (;;) {
        struct flock lock = whole_file(type);
        int64_t left_ms;

        if (fcntl(fd, timeout_ms < 0 ? F_OFD_SETLKW : F_OFD_SETLK, &lock) == 0)
            return 0;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != EACCES)
            return -1;
        left_ms = deadline_ms - clock_monotonic_ms();
        if (left_ms <= 0) {
            errno = EAGAIN;
            return -1;
        }
        pause_ms(wait_ms < left_ms ? wait_ms : left_ms);
        wait_ms = wait_ms * 2 < LAST_PAUSE_MS ? wait_ms * 2 : LAST_PAUSE_MS;
    }
}

static int refuse(const char *name, struct mcpd_error *err)
{
    if (errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP || errno == EINVAL)
        return error_set(err, MCPD_E_UNSUPPORTED,
                         "lock '%s': the file system knows no locks (%s); take another one for "
                         "--root and --runroot",
                         name, strerrordesc_np(errno));
    return error_errno(err, "lock '%s'", name);
}

static bool is_still_named(int dir_fd, const char *name, int fd)
{
    struct stat locked;
    struct stat named;

    return fstat(fd, &locked) == 0 && fstatat(dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           locked.st_ino == named.st_ino && locked.st_dev == named.st_dev;
}

static int refuse_kind(const char *name, struct mcpd_error *err)
{
    return error_set(err, MCPD_E_CORRUPT, "lock '%s' is no regular file", name);
}

static bool is_regular(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static short type_of(enum lock_kind kind)
{
    return kind == LOCK_KIND_EXCLUSIVE ? F_WRLCK : F_RDLCK;
}

int lock_take(int dir_fd, const char *name, enum lock_kind kind, int timeout_ms, int *ret_fd,
              struct mcpd_error *err)
{
    for (;;) {
        CLEANUP_FD int fd = openat(
            dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);

        if (fd < 0 && errno == EISDIR)
            return refuse_kind(name, err);
        if (fd < 0)
            return error_errno(err, "open lock '%s'", name);
        if (!is_regular(fd))
            return refuse_kind(name, err);
        if (wait_for_lock(fd, type_of(kind), timeout_ms) < 0)
            return errno == EAGAIN ? error_set(err, MCPD_E_TIMEOUT, "'%s' is locked", name)
                                   : refuse(name, err);
        if (is_still_named(dir_fd, name, fd)) {
            *ret_fd = TAKE_FD(fd);
            return 0;
        }
    }
}

int lock_convert(int fd, enum lock_kind kind, int timeout_ms, struct mcpd_error *err)
{
    if (wait_for_lock(fd, type_of(kind), timeout_ms) == 0)
        return 0;
    return errno == EAGAIN ? error_set(err, MCPD_E_TIMEOUT, "somebody else holds the lock")
                           : error_errno(err, "change a lock");
}

int lock_is_held(int dir_fd, const char *name, bool *ret_is_held, struct mcpd_error *err)
{
    /* Asking needs no right to write. */
    CLEANUP_FD int fd =
        openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    struct flock lock = whole_file(F_WRLCK);

    if (fd < 0 && errno == ENOENT) {
        *ret_is_held = false;
        return 0;
    }
    if (fd < 0)
        return error_errno(err, "open lock '%s'", name);
    if (!is_regular(fd))
        return refuse_kind(name, err);
    if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
        return refuse(name, err);
    *ret_is_held = lock.l_type != F_UNLCK;
    return 0;
}
