/*
 * mountapi.c - mounts through descriptors, with fall-backs.
 *
 * The new calls (fsopen, fsmount, open_tree, move_mount: Linux 5.2; mount_setattr: 5.12) make a
 * mount that is attached nowhere, dress it and put it in place in one step, by descriptors alone.
 * mount(2) wants paths: there the descriptors are named through /proc/self/fd, and what was
 * mounted is found again by walking the path inside the root, since the descriptor of the place
 * shows what is below. Flags are only ever added: those that a user namespace has locked stay.
 */
#include "runtime/mountapi.h"

#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "base/fsutil.h"
#include "base/saferoot.h"
#include "base/str.h"

#define KERNEL_MESSAGE_SIZE 256

struct attributes_request { /* struct mount_attr, whose name depends on the C library */
    uint64_t set;
    uint64_t clear;
    uint64_t propagation;
    uint64_t userns_fd;
};

int mountapi_fsopen(const char *type)
{
    return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
}

int mountapi_fsconfig(int fs_fd, unsigned int command, const char *key, const char *value)
{
    return (int)syscall(SYS_fsconfig, fs_fd, command, key, value, 0);
}

int mountapi_fsmount(int fs_fd, unsigned int attributes)
{
    return (int)syscall(SYS_fsmount, fs_fd, FSMOUNT_CLOEXEC, attributes);
}

int mountapi_open_tree(int dir_fd, const char *path, bool recursive)
{
    unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;

    if (recursive)
        flags |= AT_RECURSIVE;
    if (path[0] == '\0')
        flags |= AT_EMPTY_PATH;
    return (int)syscall(SYS_open_tree, dir_fd, path, flags);
}

int mountapi_move(int mount_fd, int target_fd)
{
    return (int)syscall(SYS_move_mount, mount_fd, "", target_fd, "",
                        MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int mountapi_set_attributes(int mount_fd, bool recursive, unsigned int attributes,
                            unsigned int propagation)
{
    struct attributes_request request = {.set = attributes, .propagation = propagation};

    return (int)syscall(SYS_mount_setattr, mount_fd, "",
                        AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &request, sizeof(request));
}

int mountapi_clear_attributes(int mount_fd, unsigned int attributes)
{
    struct attributes_request request = {.clear = attributes};

    return (int)syscall(SYS_mount_setattr, mount_fd, "", AT_EMPTY_PATH, &request, sizeof(request));
}

int mountapi_pivot_root(const char *new_root, const char *put_old)
{
    return (int)syscall(SYS_pivot_root, new_root, put_old);
}

bool mountapi_is_missing(int sys_errno)
{
    /* EPERM: filters older than the calls answer so. Where it is meant, the old way says it too. */
    return sys_errno == ENOSYS || sys_errno == EPERM;
}

int mountapi_fs_error(int fs_fd, const char *what, struct mcpd_error *err)
{
    int saved_errno = errno;
    char message[KERNEL_MESSAGE_SIZE];
    ssize_t length = fs_fd < 0 ? -1 : read(fs_fd, message, sizeof(message) - 1);

    errno = saved_errno;
    if (length <= 2) /* "e " goes before the text */
        return error_errno(err, "%s", what);
    message[length] = '\0';
    message[strcspn(message, "\n")] = '\0';
    return error_errno(err, "%s: %s", what, message + 2);
}

/* --- new file systems -------------------------------------------------------------- */

/* One word of the options, "key" or "key=value", which ends at `end`. */
static int set_option(int fs_fd, const char *word, const char *end)
{
    char text[256];
    size_t length = (size_t)(end - word);
    char *value;

    if (length >= sizeof(text)) {
        errno = EINVAL;
        return -errno;
    }
    memcpy(text, word, length);
    text[length] = '\0';
    value = strchr(text, '=');
    if (!value)
        return mountapi_fsconfig(fs_fd, FSCONFIG_SET_FLAG, text, NULL);
    *value = '\0';
    return mountapi_fsconfig(fs_fd, FSCONFIG_SET_STRING, text, value + 1);
}

static int set_options(int fs_fd, const char *options)
{
    for (const char *word = options; word && *word != '\0';) {
        const char *end = strchrnul(word, ',');

        if (end > word && set_option(fs_fd, word, end) < 0)
            return -errno;
        word = *end == ',' ? end + 1 : end;
    }
    return 0;
}

static unsigned long mount_flags(unsigned int attributes)
{
    return (attributes & MOUNT_ATTR_RDONLY ? (unsigned long)MS_RDONLY : 0) |
           (attributes & MOUNT_ATTR_NOSUID ? (unsigned long)MS_NOSUID : 0) |
           (attributes & MOUNT_ATTR_NODEV ? (unsigned long)MS_NODEV : 0) |
           (attributes & MOUNT_ATTR_NOEXEC ? (unsigned long)MS_NOEXEC : 0);
}

static int new_by_mount(const struct mountapi_target *target, const char *type, const char *options,
                        unsigned int attributes, const char *what, struct mcpd_error *err)
{
    char place[FS_FD_PATH_SIZE];

    if (mount(type, fs_fd_path(target->fd, place), type, mount_flags(attributes), options) < 0)
        return error_errno(err, "%s", what);
    return 0;
}

int mountapi_new(const struct mountapi_target *target, const char *type, const char *options,
                 unsigned int attributes, struct mcpd_error *err)
{
    CLEANUP_FD int fs_fd = mountapi_fsopen(type);
    CLEANUP_FD int mount_fd = -1;
    char what[160];

    (void)snprintf(what, sizeof(what), "mount %s on '%s'", type, target->path);
    if (fs_fd < 0 && mountapi_is_missing(errno))
        return new_by_mount(target, type, options, attributes, what, err);
    if (fs_fd < 0)
        return error_errno(err, "%s", what);
    if (mountapi_fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", type) < 0 ||
        set_options(fs_fd, options) < 0 ||
        mountapi_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL) < 0)
        return mountapi_fs_error(fs_fd, what, err);
    mount_fd = mountapi_fsmount(fs_fd, attributes);
    if (mount_fd < 0 || mountapi_move(mount_fd, target->fd) < 0)
        return error_errno(err, "%s", what);
    return 0;
}

/* --- binds -------------------------------------------------------------------------- */

int mountapi_open_source(int dir_fd, const char *path, bool recursive,
                         struct mountapi_source *ret_source, struct mcpd_error *err)
{
    int fd = mountapi_open_tree(dir_fd, path, recursive);
    bool is_tree = fd >= 0;

    if (fd < 0 && mountapi_is_missing(errno) && path[0] != '\0')
        fd = openat(dir_fd, path, O_PATH | O_CLOEXEC);
    else if (fd < 0 && mountapi_is_missing(errno))
        fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return error_errno(err, "open '%s' for mounting", path);
    *ret_source = (struct mountapi_source){.fd = fd, .is_tree = is_tree, .recursive = recursive};
    return 0;
}

void mountapi_source_done(struct mountapi_source *source)
{
    cleanup_close_fd(&source->fd);
    source->fd = -1;
}

static unsigned long locked_flags(const struct statvfs *vfs)
{
    return (vfs->f_flag & ST_RDONLY ? (unsigned long)MS_RDONLY : 0) |
           (vfs->f_flag & ST_NOSUID ? (unsigned long)MS_NOSUID : 0) |
           (vfs->f_flag & ST_NODEV ? (unsigned long)MS_NODEV : 0) |
           (vfs->f_flag & ST_NOEXEC ? (unsigned long)MS_NOEXEC : 0) |
           (vfs->f_flag & ST_NOATIME ? (unsigned long)MS_NOATIME : 0) |
           (vfs->f_flag & ST_NODIRATIME ? (unsigned long)MS_NODIRATIME : 0) |
           (vfs->f_flag & ST_RELATIME ? (unsigned long)MS_RELATIME : 0);
}

/* Attributes and propagation of an attached mount, by mount(2). */
static int change_by_mount(int root_fd, const char *path, unsigned int attributes,
                           unsigned int propagation, bool recursive, struct mcpd_error *err)
{
    CLEANUP_FD int fd = saferoot_open(root_fd, path, O_PATH, 0, err);
    unsigned long recursion = recursive ? (unsigned long)MS_REC : 0;
    char place[FS_FD_PATH_SIZE];
    struct statvfs vfs;

    if (fd < 0)
        return fd;
    (void)fs_fd_path(fd, place);
    if (propagation != 0 && mount(NULL, place, NULL, propagation | recursion, NULL) < 0)
        return error_errno(err, "set the propagation of '%s'", path);
    if (attributes == 0)
        return 0;
    if (fstatvfs(fd, &vfs) < 0 ||
        mount(NULL, place, NULL,
              MS_REMOUNT | MS_BIND | mount_flags(attributes) | locked_flags(&vfs), NULL) < 0)
        return error_errno(err, "set the flags of the mount on '%s'", path);
    return 0;
}

static int bind_by_mount(const struct mountapi_source *source, const struct mountapi_target *target,
                         struct mcpd_error *err)
{
    char from[FS_FD_PATH_SIZE];
    char to[FS_FD_PATH_SIZE];
    unsigned long flags = MS_BIND | (source->recursive ? (unsigned long)MS_REC : 0);

    if (mount(fs_fd_path(source->fd, from), fs_fd_path(target->fd, to), NULL, flags, NULL) < 0)
        return error_errno(err, "bind on '%s'", target->path);
    return 0;
}

int mountapi_bind(const struct mountapi_source *source, const struct mountapi_target *target,
                  unsigned int attributes, unsigned int propagation, struct mcpd_error *err)
{
    bool is_dressed = false;
    int rc = 0;

    if (source->is_tree) {
        is_dressed =
            mountapi_set_attributes(source->fd, source->recursive, attributes, propagation) == 0;
        if (!is_dressed && !mountapi_is_missing(errno))
            return error_errno(err, "set the flags of the mount for '%s'", target->path);
        if (mountapi_move(source->fd, target->fd) < 0)
            return error_errno(err, "bind on '%s'", target->path);
    } else {
        rc = bind_by_mount(source, target, err);
    }
    if (rc < 0 || is_dressed)
        return rc;
    return change_by_mount(target->root_fd, target->path, attributes, propagation,
                           source->recursive, err);
}

int mountapi_restrict(int root_fd, const char *path, unsigned int attributes,
                      struct mcpd_error *err)
{
    CLEANUP_FD int fd = saferoot_open(root_fd, path, O_PATH, 0, err);

    if (fd < 0)
        return fd;
    if (mountapi_set_attributes(fd, false, attributes, 0) == 0)
        return 0;
    if (!mountapi_is_missing(errno))
        return error_errno(err, "set the flags of the mount on '%s'", path);
    return change_by_mount(root_fd, path, attributes, 0, false, err);
}
