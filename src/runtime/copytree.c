/*
 * copytree.c - copy what is below a folder.
 *
 * Both sides are ours alone while we work (a container that does not run yet), so the order is
 * simple: make, fill, then attributes, since filling changes times and may need more rights.
 */
#include "runtime/copytree.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#define DEPTH_MAX 200 /* two descriptors each */

static int copy_entry(int from_dir, int to_dir, const char *name, int depth,
                      struct mcpd_error *err);

static int set_attributes(int fd, const struct stat *st, const char *name, struct mcpd_error *err)
{
    const struct timespec times[2] = {st->st_atim, st->st_mtim};

    if (fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0 ||
        futimens(fd, times) < 0)
        return error_errno(err, "copy '%s'", name);
    return 0;
}

static int copy_names(DIR *from, int to_fd, int depth, struct mcpd_error *err)
{
    const struct dirent *entry;
    int rc = 0;

    for (errno = 0; rc == 0 && (entry = readdir(from)); errno = 0)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = copy_entry(dirfd(from), to_fd, entry->d_name, depth, err);
    if (rc == 0 && errno != 0)
        return error_errno(err, "read a folder");
    return rc;
}

/* Takes from_fd over. */
static int fill_folder(int from_fd, int to_fd, const char *name, int depth, struct mcpd_error *err)
{
    CLEANUP_DIR DIR *from = fdopendir(from_fd);

    if (!from) {
        (void)close(from_fd);
        return error_errno(err, "read '%s'", name);
    }
    if (depth == DEPTH_MAX)
        return error_set(err, MCPD_E_LIMIT, "'%s' is deeper than %d folders", name, DEPTH_MAX);
    return copy_names(from, to_fd, depth, err);
}

static int copy_folder(int from_dir, int to_dir, const char *name, const struct stat *st, int depth,
                       struct mcpd_error *err)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    CLEANUP_FD int to_fd = -1;
    int from_fd;
    int rc;

    if (mkdirat(to_dir, name, 0700) < 0)
        return error_errno(err, "make '%s'", name);
    to_fd = openat(to_dir, name, flags);
    from_fd = to_fd < 0 ? -1 : openat(from_dir, name, flags);
    if (from_fd < 0)
        return error_errno(err, "open '%s'", name);
    rc = fill_folder(from_fd, to_fd, name, depth + 1, err);
    return rc < 0 ? rc : set_attributes(to_fd, st, name, err);
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st,
                     struct mcpd_error *err)
{
    CLEANUP_FD int from_fd = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    CLEANUP_FD int to_fd =
        openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    ssize_t count = 1;

    if (from_fd < 0 || to_fd < 0)
        return error_errno(err, "copy '%s'", name);
    while (count > 0) {
        count = sendfile(to_fd, from_fd, NULL, 1 << 20);
        if (count < 0 && errno == EINTR)
            count = 1;
    }
    if (count < 0)
        return error_errno(err, "copy '%s'", name);
    return set_attributes(to_fd, st, name, err);
}

static int copy_link(int from_dir, int to_dir, const char *name, const struct stat *st,
                     struct mcpd_error *err)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(from_dir, name, target, sizeof(target) - 1);

    if (length < 0)
        return error_errno(err, "read the link '%s'", name);
    target[length] = '\0';
    if (symlinkat(target, to_dir, name) < 0 ||
        fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
        return error_errno(err, "copy the link '%s'", name);
    return 0;
}

static int copy_entry(int from_dir, int to_dir, const char *name, int depth, struct mcpd_error *err)
{
    struct stat st;

    if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_errno(err, "stat '%s'", name);
    if (S_ISDIR(st.st_mode))
        return copy_folder(from_dir, to_dir, name, &st, depth, err);
    if (S_ISREG(st.st_mode))
        return copy_file(from_dir, to_dir, name, &st, err);
    if (S_ISLNK(st.st_mode))
        return copy_link(from_dir, to_dir, name, &st, err);
    return 0;
}

int copytree_fill(int from_fd, int to_fd, struct mcpd_error *err)
{
    int copy_fd = openat(from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (copy_fd < 0)
        return error_errno(err, "open the folder to copy");
    return fill_folder(copy_fd, to_fd, ".", 0, err);
}
