/*
 * fsutil.c - small files, folders and paths, relative to a directory descriptor.
 *
 * Modes are exact: what the caller asks for is not weakened by the umask of
 * whoever started us, because a container's files depend on them.
 */
#include "base/fsutil.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/path.h"
#include "base/str.h"

#define FIRST_READ_SIZE 4096
#define TEMP_ATTEMPTS   16

/* --- reading --------------------------------------------------------------- */

/* Room for at least one byte more than is there, and never for more than maximum + 1. */
static int grow(char **text, size_t *capacity, size_t maximum, struct mcpd_error *err)
{
    size_t wanted = *capacity < maximum / 2 ? *capacity * 2 : maximum + 1;
    char *grown = realloc(*text, wanted + 1);

    if (!grown)
        return error_no_memory(err, "file contents");
    *text = grown;
    *capacity = wanted;
    return 0;
}

/* What to allocate first: the size the file claims, and one byte to see its end. */
static size_t first_capacity(const struct stat *st, size_t maximum)
{
    size_t capacity = FIRST_READ_SIZE;

    if (S_ISREG(st->st_mode) && st->st_size > 0)
        capacity = (size_t)st->st_size + 1;
    return capacity <= maximum ? capacity : maximum + 1;
}

int fs_read_fd(int fd, const char *what, size_t maximum, char **ret_text, size_t *ret_length,
               struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    struct stat st;
    size_t capacity;
    size_t length = 0;

    if (fstat(fd, &st) < 0)
        return error_errno(err, "stat '%s'", what);
    if (maximum > SSIZE_MAX / 4)
        maximum = SSIZE_MAX / 4;
    if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > maximum)
        return error_set(err, MCPD_E_LIMIT, "'%s' is larger than %zu bytes", what, maximum);
    capacity = first_capacity(&st, maximum);
    text = malloc(capacity + 1);
    if (!text)
        return error_no_memory(err, what);
    for (;;) {
        ssize_t count = read(fd, text + length, capacity - length);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_errno(err, "read '%s'", what);
        if (count == 0)
            break;
        length += (size_t)count;
        if (length > maximum)
            return error_set(err, MCPD_E_LIMIT, "'%s' is larger than %zu bytes", what, maximum);
        if (length == capacity) {
            int rc = grow(&text, &capacity, maximum, err);

            if (rc < 0)
                return rc;
        }
    }
    text[length] = '\0';
    *ret_text = TAKE_PTR(text);
    if (ret_length)
        *ret_length = length;
    return 0;
}

int fs_read_file(int dir_fd, const char *path, size_t maximum, char **ret_text, size_t *ret_length,
                 struct mcpd_error *err)
{
    CLEANUP_FD int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return error_errno(err, "open '%s'", path);
    return fs_read_fd(fd, path, maximum, ret_text, ret_length, err);
}

int fs_read_regular(int dir_fd, const char *path, size_t maximum, char **ret_text,
                    size_t *ret_length, struct mcpd_error *err)
{
    CLEANUP_FD int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;

    if (fd < 0)
        return error_errno(err, "open '%s'", path);
    if (fstat(fd, &st) < 0)
        return error_errno(err, "stat '%s'", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, MCPD_E_CORRUPT, "'%s' is no regular file", path);
    return fs_read_fd(fd, path, maximum, ret_text, ret_length, err);
}

/* --- writing --------------------------------------------------------------- */

int fs_write_all(int fd, const void *bytes, size_t count, const char *what, struct mcpd_error *err)
{
    const char *next = bytes;

    while (count > 0) {
        ssize_t written = write(fd, next, count);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_errno(err, "write '%s'", what);
        next += written;
        count -= (size_t)written;
    }
    return 0;
}

/* "<prefix><16 hex digits>" */
static int random_name(const char *prefix, char *ret_name, size_t name_size, struct mcpd_error *err)
{
    uint8_t bytes[8];
    char digits[2 * sizeof(bytes) + 1];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return error_errno(err, "get random bytes");
    str_hex(bytes, sizeof(bytes), digits);
    if ((size_t)snprintf(ret_name, name_size, "%s%s", prefix, digits) >= name_size)
        return error_set(err, MCPD_E_LIMIT, "name '%s...' is too long", prefix);
    return 0;
}

/* Opens the folder of `path` and points at the name in it. No folder in path: *ret_fd stays -1 and
 * the caller goes on with dir_fd. */
static int open_parent(int dir_fd, const char *path, int *ret_fd, const char **ret_name,
                       struct mcpd_error *err)
{
    CLEANUP_FREE char *parent = NULL;
    size_t start;
    size_t length;

    if (!path_last_name(path, &start, &length) || path[start + length] != '\0')
        return error_set(err, MCPD_E_INVALID, "'%s' does not name a file", path);
    *ret_name = path + start;
    if (start == 0)
        return 0;
    parent = strndup(path, start);
    if (!parent)
        return error_no_memory(err, path);
    return fs_open_dir(dir_fd, parent, ret_fd, err);
}

static int write_temp_file(int dir_fd, const char *temp_name, const void *bytes, size_t count,
                           mode_t mode, unsigned int flags, const char *path,
                           struct mcpd_error *err)
{
    CLEANUP_FD int fd =
        openat(dir_fd, temp_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0700);
    int rc;

    if (fd < 0)
        return error_errno(err, "create '%s'", path);
    if ((mode & 0077) != 0 && fchmod(fd, mode) < 0)
        return error_errno(err, "chmod '%s'", path);
    rc = fs_write_all(fd, bytes, count, path, err);
    if (rc == 0 && (flags & FS_WRITE_SYNC) && fsync(fd) < 0)
        return error_errno(err, "sync '%s'", path);
    return rc;
}

/* Gives the finished temporary file its name. */
static int publish_file(int dir_fd, const char *temp_name, const char *name, unsigned int flags,
                        const char *path, struct mcpd_error *err)
{
    if (!(flags & FS_WRITE_EXCLUSIVE))
        return renameat(dir_fd, temp_name, dir_fd, name) < 0
                   ? error_errno(err, "rename to '%s'", path)
                   : 0;
    if (linkat(dir_fd, temp_name, dir_fd, name, 0) < 0)
        return errno == EEXIST ? error_set(err, MCPD_E_CONFLICT, "'%s' exists already", path)
                               : error_errno(err, "link '%s'", path);
    (void)unlinkat(dir_fd, temp_name, 0);
    return 0;
}

int fs_write_file(int dir_fd, const char *path, const void *bytes, size_t count, mode_t mode,
                  unsigned int flags, struct mcpd_error *err)
{
    CLEANUP_FD int parent_fd = -1;
    const char *name = path;
    char temp_name[32];
    int folder_fd;
    int rc = open_parent(dir_fd, path, &parent_fd, &name, err);

    if (rc == 0)
        rc = random_name(".tmp-", temp_name, sizeof(temp_name), err);
    if (rc < 0)
        return rc;
    folder_fd = parent_fd >= 0 ? parent_fd : dir_fd;
    rc = write_temp_file(folder_fd, temp_name, bytes, count, mode, flags, path, err);
    FAULT_POINT("file-written");
    if (rc == 0)
        rc = publish_file(folder_fd, temp_name, name, flags, path, err);
    if (rc < 0) {
        int saved_errno = errno;

        (void)unlinkat(folder_fd, temp_name, 0);
        errno = saved_errno;
        return rc;
    }
    FAULT_POINT("file-renamed");
    return flags & FS_WRITE_SYNC ? fs_sync_dir(folder_fd, err) : 0;
}

int fs_unlink_if_exists(int dir_fd, const char *path, struct mcpd_error *err)
{
    if (unlinkat(dir_fd, path, 0) < 0 && errno != ENOENT)
        return error_errno(err, "remove '%s'", path);
    return 0;
}

int fs_sync_dir(int dir_fd, struct mcpd_error *err)
{
    CLEANUP_FD int fd = -1;

    if (fsync(dir_fd) == 0 || errno == EINVAL) /* EINVAL: this file system has nothing to sync */
        return 0;
    if (errno != EBADF)
        return error_errno(err, "sync folder");
    /* AT_FDCWD or an O_PATH descriptor */
    fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
        return error_errno(err, "sync folder");
    return 0;
}

/* --- folders --------------------------------------------------------------- */

int fs_open_dir(int dir_fd, const char *path, int *ret_fd, struct mcpd_error *err)
{
    int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return error_errno(err, "open folder '%s'", path);
    *ret_fd = fd;
    return 0;
}

static bool is_foreign(uid_t uid)
{
    return uid != 0 && uid != geteuid();
}

/* Each name on the way may be a link. */
static int refuse_foreign_links(const char *path, struct mcpd_error *err)
{
    CLEANUP_FREE char *prefix = strdup(path);
    struct stat st;

    if (!prefix)
        return error_no_memory(err, path);
    for (size_t end = 1; path[end - 1] != '\0'; end++) {
        if (path[end] != '/' && path[end] != '\0')
            continue;
        prefix[end] = '\0';
        if (lstat(prefix, &st) == 0 && S_ISLNK(st.st_mode) && is_foreign(st.st_uid))
            return error_set(err, MCPD_E_DENIED,
                             "'%s' is a link that user %u made; it is not followed", prefix,
                             st.st_uid);
        prefix[end] = path[end];
    }
    return 0;
}

int fs_check_own_folder(const char *path, int fd, struct mcpd_error *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return error_errno(err, "stat '%s'", path);
    if (st.st_uid != geteuid())
        return error_set(err, MCPD_E_DENIED, "'%s' belongs to user %u, not to %u", path, st.st_uid,
                         geteuid());
    if (st.st_mode & S_IWOTH)
        return error_set(err, MCPD_E_DENIED, "'%s' can be written to by everybody", path);
    return refuse_foreign_links(path, err);
}

/* The descriptor of a folder we may just have made; then its mode is made exact. */
static int open_made_dir(int dir_fd, const char *name, int flags, bool is_new, mode_t mode,
                         int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FD int fd = openat(dir_fd, name, O_DIRECTORY | O_CLOEXEC | flags);

    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
        return error_set(err, MCPD_E_INVALID, "'%s' exists and is not a folder", name);
    if (fd < 0)
        return error_errno(err, "open folder '%s'", name);
    if (is_new && (mode & 0077) != 0 && fchmod(fd, mode) < 0)
        return error_errno(err, "chmod '%s'", name);
    *ret_fd = TAKE_FD(fd);
    return 0;
}

int fs_make_dir(int dir_fd, const char *path, mode_t mode, int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FD int fd = -1;
    bool is_new = mkdirat(dir_fd, path, mode) == 0;
    int rc;

    if (!is_new && errno != EEXIST)
        return error_errno(err, "make folder '%s'", path);
    rc = open_made_dir(dir_fd, path, O_RDONLY | O_NOFOLLOW, is_new, mode, &fd, err);
    if (rc == 0 && ret_fd)
        *ret_fd = TAKE_FD(fd);
    return rc;
}

/* One step of mkdir -p. Links are followed: /var/run may well be one. Folders on the way need only
 * be searchable (O_PATH), the last one is opened for reading. */
static int make_next_dir(int dir_fd, const char *name, bool is_last, mode_t mode, int *ret_fd,
                         struct mcpd_error *err)
{
    int flags = is_last ? O_RDONLY : O_PATH;
    bool is_new = false;
    int fd = openat(dir_fd, name, O_DIRECTORY | O_CLOEXEC | flags);

    if (fd >= 0) {
        *ret_fd = fd;
        return 0;
    }
    if (errno == ENOENT) {
        is_new = mkdirat(dir_fd, name, mode) == 0;
        if (!is_new && errno != EEXIST)
            return error_errno(err, "make folder '%s'", name);
    }
    return open_made_dir(dir_fd, name, is_new ? O_RDONLY | O_NOFOLLOW : flags, is_new, mode, ret_fd,
                         err);
}

/* Cuts the first name off *rest and skips the slashes behind it. "." when there is none. */
static const char *split_name(char **rest)
{
    char *name = *rest + strspn(*rest, "/");
    char *end = name + strcspn(name, "/");

    *rest = end + strspn(end, "/");
    *end = '\0';
    return *name ? name : ".";
}

int fs_make_dirs(int dir_fd, const char *path, mode_t mode, int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FREE char *copy = strdup(path);
    CLEANUP_FD int fd = -1;
    char *rest = copy;

    if (!copy)
        return error_no_memory(err, path);
    if (path[0] == '/') {
        fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return error_errno(err, "open '/'");
    }
    do {
        const char *name = split_name(&rest);
        int next_fd = -1;
        int rc = make_next_dir(fd >= 0 ? fd : dir_fd, name, *rest == '\0', mode, &next_fd, err);

        if (rc < 0)
            return error_wrap(err, rc, "'%s'", path);
        cleanup_close_fd(&fd);
        fd = next_fd;
    } while (*rest != '\0');
    if (ret_fd)
        *ret_fd = TAKE_FD(fd);
    return 0;
}

int fs_make_temp_dir(int dir_fd, const char *prefix, char *ret_name, size_t name_size, int *ret_fd,
                     struct mcpd_error *err)
{
    for (int attempt = 0; attempt < TEMP_ATTEMPTS; attempt++) {
        int rc = random_name(prefix, ret_name, name_size, err);

        if (rc < 0)
            return rc;
        if (mkdirat(dir_fd, ret_name, 0700) == 0)
            return open_made_dir(dir_fd, ret_name, O_RDONLY | O_NOFOLLOW, false, 0700, ret_fd, err);
        if (errno != EEXIST)
            break;
    }
    return error_errno(err, "make a temporary folder '%s...'", prefix);
}

int fs_visit_dir(int dir_fd, const char *path, fs_visit_function visit, void *context,
                 struct mcpd_error *err)
{
    CLEANUP_FD int fd = -1;
    CLEANUP_DIR DIR *dir = NULL;
    int rc = fs_open_dir(dir_fd, path, &fd, err);

    if (rc < 0)
        return rc;
    dir = fdopendir(fd);
    if (!dir)
        return error_errno(err, "open folder '%s'", path);
    fd = -1; /* closedir closes it */
    for (;;) {
        const struct dirent *entry;

        errno = 0;
        entry = readdir(dir);
        if (!entry && errno != 0)
            return error_errno(err, "read folder '%s'", path);
        if (!entry)
            return 0;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        rc = visit(dirfd(dir), entry->d_name, entry->d_type, context, err);
        if (rc < 0)
            return rc;
    }
}

/* --- names ----------------------------------------------------------------- */

bool fs_exists(int dir_fd, const char *path)
{
    struct stat st;

    return fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

const char *fs_fd_path(int fd, char buffer[FS_FD_PATH_SIZE])
{
    (void)snprintf(buffer, FS_FD_PATH_SIZE, "/proc/self/fd/%d", fd);
    return buffer;
}

int fs_check_proc(struct mcpd_error *err)
{
    return access("/proc/self/fd", X_OK) == 0
               ? 0
               : error_set(err, MCPD_E_SYSTEM, "/proc is not mounted, or not that of this process");
}

int fs_path_of_fd(int fd, char **ret_path, struct mcpd_error *err)
{
    char link[FS_FD_PATH_SIZE];
    char path[PATH_MAX];
    ssize_t length;
    int rc = fs_check_proc(err);

    if (rc < 0)
        return rc;
    if (fd == AT_FDCWD)
        (void)snprintf(link, sizeof(link), "/proc/self/cwd");
    else
        (void)fs_fd_path(fd, link);
    length = readlink(link, path, sizeof(path));
    if (length < 0)
        return error_errno(err, "read '%s'", link);
    *ret_path = strndup(path, (size_t)length);
    return *ret_path ? 0 : error_no_memory(err, "path");
}
