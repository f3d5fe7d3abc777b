/*
 * console.c - the terminal of a container's process.
 *
 * The pair comes from the container's own devpts, so that its name means the same inside. What is
 * there may have been changed by a container that is running already, and the master goes to a
 * process of the host: it is only used when it is a terminal master of a devpts.
 */
#include "runtime/console.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/fdpass.h"
#include "base/saferoot.h"
#include "runtime/mountapi.h"

#define PTMX_MAJOR 5
#define PTMX_MINOR 2

void console_done(struct console *console)
{
    cleanup_close_fd(&console->master_fd);
    cleanup_close_fd(&console->slave_fd);
    *console = (struct console)CONSOLE_NONE;
}

static bool is_master(int fd)
{
    struct stat st;
    struct statfs fs;

    return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
           st.st_rdev == makedev(PTMX_MAJOR, PTMX_MINOR) && fstatfs(fd, &fs) == 0 &&
           fs.f_type == DEVPTS_SUPER_MAGIC;
}

/* Kernels before 4.13 have no TIOCGPTPEER. */
static int open_slave(int root_fd, int master_fd, struct mcpd_error *err)
{
    int fd = ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    unsigned int number;
    char path[32];

    if (fd >= 0)
        return fd;
    if (ioctl(master_fd, TIOCGPTN, &number) < 0)
        return error_errno(err, "ask for the number of the terminal");
    (void)snprintf(path, sizeof(path), "/dev/pts/%u", number);
    return saferoot_open(root_fd, path, O_RDWR | O_NOCTTY, 0, err);
}

int console_open(int root_fd, unsigned short rows, unsigned short columns,
                 struct console *ret_console, struct mcpd_error *err)
{
    CLEANUP(console_done) struct console console = CONSOLE_NONE;
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    int unlocked = 0;

    console.master_fd = saferoot_open(root_fd, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, 0, err);
    if (console.master_fd < 0)
        return error_wrap(err, console.master_fd, "make a terminal");
    if (!is_master(console.master_fd))
        return error_set(err, MCPD_E_STATE, "/dev/pts/ptmx of the container is no terminal");
    if (ioctl(console.master_fd, TIOCSPTLCK, &unlocked) < 0)
        return error_errno(err, "unlock the terminal");
    if (rows > 0)
        (void)ioctl(console.master_fd, TIOCSWINSZ, &size);
    console.slave_fd = open_slave(root_fd, console.master_fd, err);
    if (console.slave_fd < 0)
        return console.slave_fd;
    *ret_console = console;
    console = (struct console)CONSOLE_NONE;
    return 0;
}

int console_bind(int root_fd, const struct console *console, struct mcpd_error *err)
{
    CLEANUP(mountapi_source_done) struct mountapi_source source = MOUNTAPI_SOURCE_NONE;
    CLEANUP_FD int fd = saferoot_open(root_fd, "/dev/console", O_PATH, 0, err);
    struct mountapi_target target = {.root_fd = root_fd, .path = "/dev/console"};
    int rc;

    if (fd < 0 && errno == ENOENT)
        fd = saferoot_open(root_fd, "/dev/console", O_RDONLY | O_CREAT | O_NOCTTY, 0600, err);
    if (fd < 0)
        return fd;
    target.fd = fd;
    rc = mountapi_open_source(console->slave_fd, "", false, &source, err);
    return rc < 0 ? rc : mountapi_bind(&source, &target, MOUNT_ATTR_NOEXEC, MS_PRIVATE, err);
}

int console_hand_over(struct console *console, int socket_fd, struct mcpd_error *err)
{
    int rc = fdpass_send(socket_fd, "m", 1, &console->master_fd, 1, err);

    (void)close(TAKE_FD(console->master_fd));
    return rc;
}

int console_place(struct console *console, uid_t uid, struct mcpd_error *err)
{
    int fd = console->slave_fd;

    if (fchown(fd, uid, (gid_t)-1) < 0)
        return error_errno(err, "give the terminal to user %u", uid);
    if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
        return error_errno(err, "put the terminal in place");
    if (fd > STDERR_FILENO)
        (void)close(fd);
    console->slave_fd = -1;
    return 0;
}

int console_take_over(struct mcpd_error *err)
{
    if (ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
        return error_errno(err, "take the terminal over");
    return 0;
}
