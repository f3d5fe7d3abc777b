/*
 * saferoot.c - open a path inside a foreign root, never outside of it.
 *
 * Theory. openat2(RESOLVE_IN_ROOT) lets the kernel do it all. Where that call is missing,
 * the path is walked here, one name at a time, and the invariant is: `fd` is a folder that
 * was reached from the root by opening real folders only, each with O_NOFOLLOW. So whatever
 * somebody renames or swaps for a link meanwhile, no step can leave the root; the worst
 * outcome is an error. Three things need care:
 *   - links are read as text and put before the rest of the path; an absolute one starts
 *     again at the root; 40 of them are enough;
 *   - ".." is not opened, as a folder that was moved has another parent than before: the
 *     names that led here are remembered, and walked again from the root without the last;
 *   - the last name is opened with O_NOFOLLOW too, after it was seen not to be a link.
 * Links of /proc that point at open files are plain text here, so they lead nowhere.
 */
#include "base/saferoot.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fsutil.h"
#include "base/openat2.h"
#include "base/path.h"
#include "base/str.h"

#define LINKS_MAX     40
#define PATH_TEXT_MAX 65536 /* a path with all its links put in */
#define RACE_ATTEMPTS 32

struct walk {
    int root_fd;
    int fd;           /* the folder we are in; -1: the root */
    struct buf names; /* that led here, "a/b/" */
    char *path;       /* owned: what `rest` points into */
    char *rest;       /* still to walk */
    unsigned int link_count;
    mode_t make_mode; /* 0: nothing is made */
};

/* The functions of the walk return 0 or more, or -1 with errno. */

static int walk_fd(const struct walk *walk)
{
    return walk->fd >= 0 ? walk->fd : walk->root_fd;
}

static int walk_init(struct walk *walk, int root_fd, const char *path)
{
    *walk = (struct walk){.root_fd = root_fd, .fd = -1};
    buf_init(&walk->names, PATH_TEXT_MAX);
    if (*path == '\0') {
        errno = ENOENT;
        return -1;
    }
    walk->path = strdup(path);
    walk->rest = walk->path;
    return walk->path ? 0 : -1;
}

static void walk_done(struct walk *walk)
{
    cleanup_close_fd(&walk->fd);
    buf_done(&walk->names);
    cleanup_free_pointer(&walk->path);
}

static void go_to_root(struct walk *walk)
{
    cleanup_close_fd(&walk->fd);
    walk->fd = -1;
    buf_clear(&walk->names);
}

static int make_folder(const struct walk *walk, const char *name)
{
    CLEANUP_FD int fd = -1;

    if (mkdirat(walk_fd(walk), name, walk->make_mode) < 0)
        return errno == EEXIST ? 0 : -1;
    if ((walk->make_mode & 0077) == 0)
        return 0;
    /* The umask is not ours to obey. */
    fd = openat(walk_fd(walk), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -1 : fchmod(fd, walk->make_mode);
}

/* Enters a real folder: ENOTDIR for a link, as for anything else. */
static int enter_folder(struct walk *walk, const char *name)
{
    static const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(walk_fd(walk), name, flags);

    if (fd < 0 && errno == ENOENT && walk->make_mode != 0) {
        if (make_folder(walk, name) < 0)
            return -1;
        fd = openat(walk_fd(walk), name, flags);
    }
    if (fd < 0)
        return -1;
    cleanup_close_fd(&walk->fd);
    walk->fd = fd;
    if (buf_append_format(&walk->names, "%s/", name) < 0) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return 0;
}

static int go_up(struct walk *walk)
{
    CLEANUP_FREE char *names = strdup(buf_text(&walk->names));
    size_t length = walk->names.length;
    char *name = names;
    char *end;

    if (!names)
        return -1;
    if (length > 0)
        length--; /* the last slash */
    while (length > 0 && names[length - 1] != '/')
        length--;
    names[length] = '\0';
    go_to_root(walk);
    for (; (end = strchr(name, '/')); name = end + 1) {
        *end = '\0';
        if (enter_folder(walk, name) < 0)
            return -1;
    }
    return 0;
}

/* When `name` is a link, puts its target before the rest of the path: 1. Else 0. */
static int take_link(struct walk *walk, const char *name)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(walk_fd(walk), name, target, sizeof(target) - 1);
    char *path;

    if (length < 0)
        return errno == EINVAL || errno == ENOENT ? 0 : -1;
    target[length] = '\0';
    if (++walk->link_count > LINKS_MAX) {
        errno = ELOOP;
        return -1;
    }
    if (target[0] == '\0' || (size_t)length + strlen(walk->rest) > PATH_TEXT_MAX) {
        errno = target[0] ? ENAMETOOLONG : ENOENT;
        return -1;
    }
    path = str_format("%s%s", target, walk->rest);
    if (!path)
        return -1;
    free(walk->path);
    walk->path = path;
    walk->rest = path;
    if (target[0] == '/')
        go_to_root(walk);
    return 1;
}

/* Enters a folder or the target of a link. */
static int enter_name(struct walk *walk, const char *name)
{
    int rc = enter_folder(walk, name);

    if (rc < 0 && errno == ENOTDIR) {
        rc = take_link(walk, name);
        if (rc == 0) {
            errno = ENOTDIR;
            return -1;
        }
    }
    return rc < 0 ? -1 : 0;
}

/* The next name that is not "."; empty at the end. ".." is walked at once. */
static int next_name(struct walk *walk, char name[NAME_MAX + 1])
{
    for (;;) {
        size_t length;

        walk->rest += strspn(walk->rest, "/");
        length = strcspn(walk->rest, "/");
        if (length > NAME_MAX) {
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name, walk->rest, length);
        name[length] = '\0';
        walk->rest += length;
        if (strcmp(name, "..") == 0) {
            if (go_up(walk) < 0)
                return -1;
        } else if (strcmp(name, ".") != 0) {
            return 0;
        }
    }
}

static bool is_at_end(const struct walk *walk)
{
    return walk->rest[strspn(walk->rest, "/")] == '\0';
}

/* Opens the folder we are in. */
static int open_here(const struct walk *walk, int flags)
{
    if (flags & O_CREAT) {
        errno = flags & O_EXCL ? EEXIST : EISDIR;
        return -1;
    }
    return openat(walk_fd(walk), ".", (flags & ~O_NOFOLLOW) | O_CLOEXEC);
}

/* Opens the last name, which is not a link that is to be followed. */
static int open_last(const struct walk *walk, const char *name, int flags, mode_t mode)
{
    bool follows = !(flags & O_NOFOLLOW);
    bool has_slash = *walk->rest == '/';
    struct stat st;
    CLEANUP_FD int fd = -1;

    if (has_slash && (flags & O_CREAT)) {
        errno = EISDIR;
        return -1;
    }
    flags |= O_NOFOLLOW | O_CLOEXEC | (has_slash ? O_DIRECTORY : 0);
    fd = openat(walk_fd(walk), name, flags, mode);
    /* O_PATH | O_NOFOLLOW opens the link itself, should it have become one. */
    if (fd >= 0 && follows && (flags & O_PATH) && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode)) {
        errno = ELOOP;
        return -1;
    }
    return TAKE_FD(fd);
}

static int open_walked(int root_fd, const char *path, int flags, mode_t mode)
{
    bool is_new_only = (flags & O_CREAT) && (flags & O_EXCL); /* then a link is in the way */
    CLEANUP(walk_done) struct walk walk;

    if (walk_init(&walk, root_fd, path) < 0)
        return -1;
    for (;;) {
        char name[NAME_MAX + 1];
        bool is_last;
        int rc = next_name(&walk, name);

        if (rc < 0)
            return -1;
        if (name[0] == '\0')
            return open_here(&walk, flags);
        is_last = is_at_end(&walk);
        if (!is_last)
            rc = enter_name(&walk, name);
        else if (!is_new_only && (!(flags & O_NOFOLLOW) || *walk.rest == '/'))
            rc = take_link(&walk, name);
        if (rc < 0)
            return -1;
        if (is_last && rc == 0)
            return open_last(&walk, name, flags, mode);
    }
}

/* Like open_walked, but whatever is missing on the way is made. */
static int make_walked(int root_fd, const char *path, mode_t mode)
{
    CLEANUP(walk_done) struct walk walk;

    if (walk_init(&walk, root_fd, path) < 0)
        return -1;
    walk.make_mode = mode;
    for (;;) {
        char name[NAME_MAX + 1];

        if (next_name(&walk, name) < 0)
            return -1;
        if (name[0] == '\0')
            return open_here(&walk, O_RDONLY | O_DIRECTORY);
        if (enter_name(&walk, name) < 0)
            return -1;
    }
}

/* fd, or -1 with errno. */
static int open_in_root(int root_fd, const char *path, int flags, mode_t mode)
{
    for (int attempt = 0; attempt < RACE_ATTEMPTS; attempt++) {
        int fd = openat2_raw(root_fd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);

        if (fd >= 0)
            return fd;
        if (errno == ENOSYS || errno == EPERM) /* EPERM: an old seccomp filter around us */
            break;
        if (errno != EAGAIN && errno != EINTR) /* EAGAIN: something was renamed meanwhile */
            return -1;
    }
    return open_walked(root_fd, path, flags, mode);
}

int saferoot_open(int root_fd, const char *path, int flags, mode_t mode, struct mcpd_error *err)
{
    int fd = open_in_root(root_fd, path, flags, mode);

    return fd < 0 ? error_errno(err, "open '%s'", path) : fd;
}

int saferoot_make_dirs(int root_fd, const char *path, mode_t mode, struct mcpd_error *err)
{
    int fd = open_in_root(root_fd, path, O_RDONLY | O_DIRECTORY, 0);

    if (fd < 0 && errno == ENOENT)
        fd = make_walked(root_fd, path, mode);
    return fd < 0 ? error_errno(err, "make folder '%s'", path) : fd;
}

int saferoot_open_parent(int root_fd, const char *path, mode_t make_mode, char name[256],
                         struct mcpd_error *err)
{
    CLEANUP_FREE char *parent = NULL;
    size_t start;
    size_t length;

    if (!path_last_name(path, &start, &length))
        return error_set(err, MCPD_E_INVALID, "'%s' does not name a file", path);
    if (length > NAME_MAX)
        return error_set(err, MCPD_E_INVALID, "a name is longer than %d bytes: '%s'", NAME_MAX,
                         path);
    memcpy(name, path + start, length);
    name[length] = '\0';
    parent = str_format("/%.*s", (int)start, path);
    if (!parent)
        return error_no_memory(err, path);
    return make_mode != 0 ? saferoot_make_dirs(root_fd, parent, make_mode, err)
                          : saferoot_open(root_fd, parent, O_RDONLY | O_DIRECTORY, 0, err);
}

/* Opening a device or a pipe can have effects of its own, so look before. */
static int check_regular(int fd, const char *path, struct mcpd_error *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return error_errno(err, "stat '%s'", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, MCPD_E_INVALID, "'%s' is not a regular file", path);
    return 0;
}

int saferoot_read_file(int root_fd, const char *path, size_t maximum, char **ret_text,
                       size_t *ret_length, struct mcpd_error *err)
{
    CLEANUP_FD int seen_fd = saferoot_open(root_fd, path, O_PATH, 0, err);
    CLEANUP_FD int fd = -1;
    int rc = seen_fd < 0 ? seen_fd : check_regular(seen_fd, path, err);

    if (rc < 0)
        return rc;
    fd = saferoot_open(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, err);
    rc = fd < 0 ? fd : check_regular(fd, path, err);
    return rc < 0 ? rc : fs_read_fd(fd, path, maximum, ret_text, ret_length, err);
}
