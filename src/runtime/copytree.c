/*
 * copytree.c - copy files, and what is below a folder.
 *
 * Both sides are ours alone while we work (a container that does not run yet), so the order is
 * simple: make, fill, then attributes, since filling changes times and may need more rights. The
 * owner is the first of them: a change of it clears set-id bits and capabilities.
 *
 * Contents are shared where the file system can (FICLONE), else copied inside the kernel, data
 * only: what is a hole stays one. Never a hard link: what is written to the copy is not written to
 * the original.
 */
#include "runtime/copytree.h"

#include "base/fsutil.h"
#include "base/log.h"
#include "base/str.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>

#define DEPTH_MAX      200 /* two descriptors each */
#define CHUNK_BYTES    (1 << 20)
#define ATTRIBUTES_MAX 65536 /* XATTR_LIST_MAX, XATTR_SIZE_MAX */

static int copy_below(struct copytree *copytree, int from_dir, int to_dir, const char *name,
                      int depth, struct mcpd_error *err);

/* ---------------------------------------------------------------- contents */

static bool is_other_way_needed(int sys_errno)
{
    return sys_errno == EXDEV || sys_errno == EINVAL || sys_errno == ENOSYS ||
           sys_errno == EOPNOTSUPP || sys_errno == ENOTTY || sys_errno == EPERM ||
           sys_errno == EBADF;
}

static int copy_data(struct copytree *copytree, int from_fd, int to_fd, off_t at, off_t end)
{
    off_t to_at = at;

    while (at < end) {
        size_t length = end - at < CHUNK_BYTES ? (size_t)(end - at) : CHUNK_BYTES;
        ssize_t count = -1;

        if (!copytree->no_range)
            count = copy_file_range(from_fd, &at, to_fd, &to_at, length, 0);
        if (count < 0 && !copytree->no_range)
            copytree->no_range = is_other_way_needed(errno);
        /* Some file systems, asked for that, answer with nothing. */
        if (count == 0 || (count < 0 && copytree->no_range)) {
            if (lseek(to_fd, at, SEEK_SET) < 0)
                return -errno;
            count = sendfile(to_fd, from_fd, &at, length);
            to_at = at;
        }
        if (count == 0) { /* it has become shorter, which a layer does not */
            errno = EIO;
            return -errno;
        }
        if (count < 0 && errno != EINTR)
            return -errno;
    }
    return 0;
}

/* Without the holes. */
static int copy_extents(struct copytree *copytree, int from_fd, int to_fd, off_t size)
{
    off_t at = 0;

    while (at < size) {
        off_t start = lseek(from_fd, at, SEEK_DATA);
        off_t end;

        if (start < 0 && errno == ENXIO)
            break;
        start = start < 0 ? at : start;
        end = lseek(from_fd, start, SEEK_HOLE);
        end = end < 0 || end > size ? size : end;
        if (copy_data(copytree, from_fd, to_fd, start, end) < 0)
            return -errno;
        at = end;
    }
    return ftruncate(to_fd, size);
}

static int copy_contents(struct copytree *copytree, int from_fd, int to_fd, const struct stat *st)
{
    bool has_holes = st->st_blocks < (st->st_size + 511) / 512;

    if (st->st_size == 0)
        return 0;
    if (!copytree->no_clone) {
        if (ioctl(to_fd, FICLONE, from_fd) == 0)
            return 0;
        copytree->no_clone = is_other_way_needed(errno);
    }
    return has_holes ? copy_extents(copytree, from_fd, to_fd, st->st_size)
                     : copy_data(copytree, from_fd, to_fd, 0, st->st_size);
}

/* ---------------------------------------------------------------- attributes */

static bool is_of_overlay(const char *name)
{
    return str_has_prefix(name, "trusted.overlay.") || str_has_prefix(name, "user.overlay.");
}

static int copy_attribute(struct copytree *copytree, int from_fd, int to_fd, const char *name,
                          char *value, const char *file, struct mcpd_error *err)
{
    ssize_t length = fgetxattr(from_fd, name, value, ATTRIBUTES_MAX);

    if (length < 0)
        return errno == ENODATA ? 0 : error_errno(err, "attribute %s of '%s'", name, file);
    if (fsetxattr(to_fd, name, value, (size_t)length, 0) == 0)
        return 0;
    if (errno != EOPNOTSUPP && !(copytree->in_userns && errno == EPERM))
        return error_errno(err, "set the attribute %s of '%s'", name, file);
    if (!copytree->no_attribute)
        log_debug("launch", "the copy of '%s' and others lacks the attribute %s", file, name);
    copytree->no_attribute = true;
    return 0;
}

static int copy_attributes(struct copytree *copytree, int from_fd, int to_fd, const char *file,
                           struct mcpd_error *err)
{
    CLEANUP_FREE char *names = NULL;
    ssize_t length = flistxattr(from_fd, NULL, 0);
    char *value;
    int rc = 0;

    if (length <= 0)
        return length < 0 && errno != EOPNOTSUPP ? error_errno(err, "attributes of '%s'", file) : 0;
    names = malloc(2 * ATTRIBUTES_MAX);
    if (!names)
        return error_no_memory(err, "attributes");
    value = names + ATTRIBUTES_MAX;
    length = flistxattr(from_fd, names, ATTRIBUTES_MAX);
    if (length < 0)
        return error_errno(err, "attributes of '%s'", file);
    for (const char *name = names; rc == 0 && name < names + length; name += strlen(name) + 1) {
        if (strcmp(name, "trusted.overlay.redirect") == 0 ||
            strcmp(name, "trusted.overlay.metacopy") == 0)
            return error_set(err, MCPD_E_UNSUPPORTED,
                             "'%s' is only half there: overlay has moved it", file);
        if (!is_of_overlay(name))
            rc = copy_attribute(copytree, from_fd, to_fd, name, value, file, err);
    }
    return rc;
}

int copytree_attributes(struct copytree *copytree, int from_fd, int to_fd, const struct stat *st,
                        const char *name, struct mcpd_error *err)
{
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    int rc;

    if (fchown(to_fd, st->st_uid, st->st_gid) < 0 && !(copytree->in_userns && errno == EINVAL))
        return error_errno(err, "set the owner of '%s'", name);
    rc = copy_attributes(copytree, from_fd, to_fd, name, err);
    if (rc == 0 && (fchmod(to_fd, st->st_mode & 07777) < 0 || futimens(to_fd, times) < 0))
        rc = error_errno(err, "copy '%s'", name);
    return rc;
}

/* ---------------------------------------------------------------- what is no folder */

static int copy_file(struct copytree *copytree, int from_dir, const char *from_path, int to_dir,
                     const char *to_path, const struct stat *st, struct mcpd_error *err)
{
    CLEANUP_FD int from_fd =
        openat(from_dir, from_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    CLEANUP_FD int to_fd =
        openat(to_dir, to_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (from_fd < 0 || to_fd < 0 || copy_contents(copytree, from_fd, to_fd, st) < 0)
        return error_errno(err, "copy '%s'", from_path);
    return copytree_attributes(copytree, from_fd, to_fd, st, from_path, err);
}

/* Owner and times of what cannot be opened. */
static int dress(struct copytree *copytree, int to_dir, const char *to_path, const struct stat *st,
                 struct mcpd_error *err)
{
    const struct timespec times[2] = {st->st_atim, st->st_mtim};

    if (fchownat(to_dir, to_path, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 &&
        !(copytree->in_userns && errno == EINVAL))
        return error_errno(err, "set the owner of '%s'", to_path);
    if (!S_ISLNK(st->st_mode) && fchmodat(to_dir, to_path, st->st_mode & 07777, 0) < 0)
        return error_errno(err, "set the mode of '%s'", to_path);
    if (utimensat(to_dir, to_path, times, AT_SYMLINK_NOFOLLOW) < 0)
        return error_errno(err, "set the times of '%s'", to_path);
    return 0;
}

static int copy_link(struct copytree *copytree, int from_dir, const char *from_path, int to_dir,
                     const char *to_path, const struct stat *st, struct mcpd_error *err)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(from_dir, from_path, target, sizeof(target) - 1);

    if (length < 0)
        return error_errno(err, "read the link '%s'", from_path);
    target[length] = '\0';
    if (symlinkat(target, to_dir, to_path) < 0)
        return error_errno(err, "copy the link '%s'", from_path);
    return dress(copytree, to_dir, to_path, st, err);
}

static int copy_node(struct copytree *copytree, int to_dir, const char *to_path,
                     const struct stat *st, struct mcpd_error *err)
{
    if (copytree->in_userns && (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)))
        return 0;
    if (mknodat(to_dir, to_path, (st->st_mode & S_IFMT) | 0600, st->st_rdev) < 0)
        return error_errno(err, "make the node '%s'", to_path);
    return dress(copytree, to_dir, to_path, st, err);
}

int copytree_entry(struct copytree *copytree, int from_dir, const char *from_path, int to_dir,
                   const char *to_path, const struct stat *st, struct mcpd_error *err)
{
    if (S_ISREG(st->st_mode))
        return copy_file(copytree, from_dir, from_path, to_dir, to_path, st, err);
    if (S_ISLNK(st->st_mode))
        return copy_link(copytree, from_dir, from_path, to_dir, to_path, st, err);
    return copy_node(copytree, to_dir, to_path, st, err);
}

/* ---------------------------------------------------------------- folders */

static int copy_names(struct copytree *copytree, DIR *from, int to_fd, int depth,
                      struct mcpd_error *err)
{
    const struct dirent *entry;
    int rc = 0;

    for (errno = 0; rc == 0 && (entry = readdir(from)); errno = 0)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = copy_below(copytree, dirfd(from), to_fd, entry->d_name, depth, err);
    if (rc == 0 && errno != 0)
        return error_errno(err, "read a folder");
    return rc;
}

/* Takes from_fd over. */
static int fill_folder(struct copytree *copytree, int from_fd, int to_fd, const char *name,
                       int depth, struct mcpd_error *err)
{
    CLEANUP_DIR DIR *from = fdopendir(from_fd);

    if (!from) {
        (void)close(from_fd);
        return error_errno(err, "read '%s'", name);
    }
    if (depth == DEPTH_MAX)
        return error_set(err, MCPD_E_LIMIT, "'%s' is deeper than %d folders", name, DEPTH_MAX);
    return copy_names(copytree, from, to_fd, depth, err);
}

static int copy_folder(struct copytree *copytree, int from_dir, int to_dir, const char *name,
                       const struct stat *st, int depth, struct mcpd_error *err)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    CLEANUP_FD int from_fd = openat(from_dir, name, flags);
    CLEANUP_FD int to_fd = -1;
    int copy_fd;
    int rc;

    if (mkdirat(to_dir, name, 0700) < 0)
        return error_errno(err, "make '%s'", name);
    to_fd = openat(to_dir, name, flags);
    copy_fd = from_fd < 0 || to_fd < 0 ? -1 : fcntl(from_fd, F_DUPFD_CLOEXEC, 3);
    if (copy_fd < 0)
        return error_errno(err, "open '%s'", name);
    rc = fill_folder(copytree, copy_fd, to_fd, name, depth + 1, err);
    return rc < 0 ? rc : copytree_attributes(copytree, from_fd, to_fd, st, name, err);
}

static int copy_below(struct copytree *copytree, int from_dir, int to_dir, const char *name,
                      int depth, struct mcpd_error *err)
{
    struct stat st;

    if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_errno(err, "stat '%s'", name);
    if (S_ISDIR(st.st_mode))
        return copy_folder(copytree, from_dir, to_dir, name, &st, depth, err);
    if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
        return copytree_entry(copytree, from_dir, name, to_dir, name, &st, err);
    return 0;
}

int copytree_fill(int from_fd, int to_fd, struct mcpd_error *err)
{
    struct copytree copytree = {0};
    int copy_fd = openat(from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (copy_fd < 0)
        return error_errno(err, "open the folder to copy");
    return fill_folder(&copytree, copy_fd, to_fd, ".", 0, err);
}
