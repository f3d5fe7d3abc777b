/*
 * selfexe.c - run mcpd so that no container can ever write to the file it runs from.
 *
 * Theory of operation. A process that is to become a container's command is still mcpd when it
 * calls exec, and an image may make the command "/proc/self/exe", or a script with that as its
 * interpreter: then a container's process runs mcpd's own file, and with it has a way to that file
 * on the host (CVE-2019-5736). It cannot be kept from reading it. It is kept from writing by
 *   - a mount of its own for the file, read only and attached nowhere: no way leads from it to the
 *     mount it was copied from. Costs three system calls; takes CAP_SYS_ADMIN and Linux 5.12;
 *   - else a copy in a sealed memfd, if this user could write to the file at all.
 * Root of old kernels gets the copy as well.
 */
#include "runtime/selfexe.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "runtime/mountapi.h"

#define SELF      "/proc/self/exe"
#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

/* -1 with errno when this kernel or user cannot. */
static int open_read_only_mount(const char *program)
{
    CLEANUP_FD int fd = mountapi_open_tree(AT_FDCWD, program, false);

    if (fd >= 0 && mountapi_set_attributes(fd, false, MOUNT_ATTR_RDONLY, MS_PRIVATE) < 0) {
        (void)close(fd);
        fd = -1;
    }
    return TAKE_FD(fd);
}

static int copy_file(int from_fd, int to_fd, struct mcpd_error *err)
{
    struct stat st;
    off_t offset = 0;

    if (fstat(from_fd, &st) < 0)
        return error_errno(err, "stat the program");
    while (offset < st.st_size) {
        ssize_t count = sendfile(to_fd, from_fd, &offset, (size_t)(st.st_size - offset));

        if (count < 0 && errno != EINTR)
            return error_errno(err, "copy the program");
        if (count == 0)
            return error_set(err, MCPD_E_CORRUPT, "the program changed while it was copied");
    }
    return 0;
}

static int open_copy(const char *program, int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FD int program_fd = open(program, O_RDONLY | O_CLOEXEC);
    CLEANUP_FD int fd = -1;
    int rc;

    if (program_fd < 0)
        return error_errno(err, "open '%s'", program);
    fd = memfd_create("mcpd", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (fd < 0 && errno == EINVAL) /* Linux before 6.3 */
        fd = memfd_create("mcpd", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return error_errno(err, "make a memory file");
    rc = copy_file(program_fd, fd, err);
    if (rc < 0)
        return rc;
    if (fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0)
        return error_errno(err, "seal the program");
    *ret_fd = TAKE_FD(fd);
    return 0;
}

/* Its owner can always give itself the right to write. */
static bool could_write(const char *program)
{
    struct stat st;

    return faccessat(AT_FDCWD, program, W_OK, AT_EACCESS) == 0 ||
           (stat(program, &st) == 0 && (geteuid() == 0 || st.st_uid == geteuid()));
}

int selfexe_open_protected(const char *program, bool hides_path, int *ret_fd,
                           struct mcpd_error *err)
{
    int fd = geteuid() == 0 ? open_read_only_mount(program) : -1;

    if (fd < 0 && (hides_path || could_write(program)))
        return open_copy(program, ret_fd, err);
    *ret_fd = fd;
    return 0;
}

bool selfexe_is_protected(void)
{
    CLEANUP_FD int fd = open(SELF, O_RDONLY | O_CLOEXEC);
    struct statvfs vfs;

    if (fd < 0)
        return false;
    if (fstatvfs(fd, &vfs) == 0 && (vfs.f_flag & ST_RDONLY))
        return true;
    if ((fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE) && fcntl(fd, F_GET_SEALS) > 0)
        return true;
    return !could_write(SELF);
}

int selfexe_stat(struct stat *ret_stat, struct mcpd_error *err)
{
    return stat(SELF, ret_stat) < 0 ? error_errno(err, "stat '%s'", SELF) : 0;
}
