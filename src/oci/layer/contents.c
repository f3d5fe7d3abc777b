/*
 * contents.c - see contents.h.
 *
 * Theory of operation. fs_walk.h gives folders and names in order; each becomes an entry out of its
 * stat, its attributes and its contents. Attributes are asked for by name in the folder at hand,
 * which is the working directory: a descriptor of its own for each file would double the cost.
 *
 * Attributes that the host gives (labels, integrity) come and go without the layer: only those that
 * a layer may bring and overlayfs' marks count. Access times never count, sizes of folders neither.
 */
#include "oci/layer/contents.h"

#include "base/buf.h"
#include "base/fs_walk.h"
#include "base/fsutil.h"
#include "base/str.h"
#include "oci/layer/crc64.h"
#include "oci/layer/unpack_policy.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define CHUNK_BYTES    (256u << 10)
#define PATH_MAX_BYTES (64u << 10)

struct walk {
    const struct inode_map *known; /* NULL: read everything */
    struct inode_map first_names;  /* of files with several: crc64 of the first path */
    struct buf path;               /* of the folder at hand, without a slash at its end */
    char *chunk;                   /* owned, CHUNK_BYTES */
    contents_visit_function visit;
    void *context;
    struct contents_total total;
};

/* ------------------------------------------------------------------ attributes */

/* A file by its name in the working directory, or a descriptor. */
struct subject {
    const char *name; /* NULL: fd */
    int fd;
};

static ssize_t list_names(const struct subject *subject, char *names, size_t size)
{
    return subject->name ? llistxattr(subject->name, names, size)
                         : flistxattr(subject->fd, names, size);
}

static ssize_t get_value(const struct subject *subject, const char *name, char *value, size_t size)
{
    return subject->name ? lgetxattr(subject->name, name, value, size)
                         : fgetxattr(subject->fd, name, value, size);
}

static bool does_count(const char *name)
{
    return unpack_policy_allows_xattr(name, 0) || str_has_prefix(name, "trusted.overlay.") ||
           str_has_prefix(name, "user.overlay.");
}

/* The sum does not depend on the order in which the file system tells them. */
static int add_values(const struct subject *subject, const char *names, size_t length,
                      uint64_t *ret_sum, struct mcpd_error *err)
{
    CLEANUP_FREE char *value = NULL;

    for (const char *name = names; name < names + length; name += strlen(name) + 1) {
        ssize_t size;

        if (!does_count(name))
            continue;
        if (!value)
            value = malloc(XATTR_SIZE_MAX);
        if (!value)
            return error_no_memory(err, "attributes");
        size = get_value(subject, name, value, XATTR_SIZE_MAX);
        if (size < 0)
            return error_errno(err, "read the attribute %s", name);
        *ret_sum += crc64_update(crc64_update(0, name, strlen(name) + 1), value, (size_t)size);
    }
    return 0;
}

static int sum_xattrs(const struct subject *subject, uint64_t *ret_sum, struct mcpd_error *err)
{
    CLEANUP_FREE char *names = NULL;
    ssize_t length = list_names(subject, NULL, 0);

    *ret_sum = 0;
    if (length == 0 || (length < 0 && errno == EOPNOTSUPP))
        return 0;
    names = length < 0 ? NULL : malloc((size_t)length);
    if (length > 0 && !names)
        return error_no_memory(err, "attributes");
    if (length > 0)
        length = list_names(subject, names, (size_t)length);
    if (length < 0)
        return error_errno(err, "list attributes");
    return add_values(subject, names, (size_t)length, ret_sum, err);
}

/* ------------------------------------------------------------------ contents of files */

static int read_range(struct walk *walk, int fd, off_t start, off_t end, uint64_t *crc)
{
    while (start < end) {
        size_t want = end - start < (off_t)CHUNK_BYTES ? (size_t)(end - start) : CHUNK_BYTES;
        ssize_t count = pread(fd, walk->chunk, want, start);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        if (count == 0)
            return 0; /* shorter than its size said: another checksum comes out */
        *crc = crc64_update(*crc, walk->chunk, (size_t)count);
        start += count;
    }
    return 0;
}

/* Holes are not read: a layer may hold a file of 1 TiB that takes nothing. */
static int read_sparse(struct walk *walk, int fd, off_t size, uint64_t *crc)
{
    for (off_t at = 0; at < size;) {
        off_t data = lseek(fd, at, SEEK_DATA);
        off_t hole;
        int rc;

        if (data < 0)
            data = errno == ENXIO ? size : at;
        *crc = crc64_update_zeros(*crc, (uint64_t)(data - at));
        hole = data < size ? lseek(fd, data, SEEK_HOLE) : size;
        if (hole <= data || hole > size)
            hole = size;
        rc = read_range(walk, fd, data, hole, crc);
        if (rc < 0)
            return rc;
        at = hole;
    }
    return 0;
}

static int open_file(int dir_fd, const char *name)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int fd = openat(dir_fd, name, flags | O_NOATIME);

    return fd < 0 && errno == EPERM ? openat(dir_fd, name, flags) : fd;
}

/* 0 or a negative errno. */
static int read_file(struct walk *walk, int dir_fd, const char *name, const struct stat *st,
                     uint64_t *ret_crc)
{
    CLEANUP_FD int fd = open_file(dir_fd, name);

    *ret_crc = 0;
    if (fd < 0)
        return -errno;
    /* What is in memory may be better than what is on the disk. */
    if (!walk->known)
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    if (fs_disk_bytes(st) < (uint64_t)st->st_size)
        return read_sparse(walk, fd, st->st_size, ret_crc);
    return read_range(walk, fd, 0, st->st_size, ret_crc);
}

static int describe_file(struct walk *walk, int dir_fd, const char *name, const struct stat *st,
                         struct contents_entry *entry, struct mcpd_error *err)
{
    uint64_t path_crc = crc64_update(0, entry->path, strlen(entry->path));

    if (st->st_nlink > 1 && inode_map_get(&walk->first_names, st->st_ino, &entry->content)) {
        entry->type = CONTENTS_TYPE_HARDLINK;
        return 0;
    }
    if (st->st_nlink > 1 && !inode_map_put(&walk->first_names, st->st_ino, path_crc))
        return error_no_memory(err, "hard links");
    entry->type = CONTENTS_TYPE_FILE;
    entry->size = (uint64_t)st->st_size;
    walk->total.bytes += entry->size;
    walk->total.disk_bytes += fs_disk_bytes(st);
    if (entry->size == 0)
        return 0;
    if (!walk->known || !inode_map_get(walk->known, st->st_ino, &entry->content))
        entry->read_errno = -read_file(walk, dir_fd, name, st, &entry->content);
    return 0;
}

/* ------------------------------------------------------------------ one name */

static void describe_common(const struct stat *st, struct contents_entry *entry)
{
    entry->mode = st->st_mode & 07777;
    entry->uid = st->st_uid;
    entry->gid = st->st_gid;
    entry->mtime_s = st->st_mtim.tv_sec;
}

static int describe_link(int dir_fd, const char *name, struct contents_entry *entry,
                         struct mcpd_error *err)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(dir_fd, name, target, sizeof(target));

    if (length < 0)
        return error_errno(err, "read a link");
    entry->type = CONTENTS_TYPE_SYMLINK;
    entry->size = (uint64_t)length;
    entry->content = crc64_update(0, target, (size_t)length);
    return 0;
}

static int describe_leaf(struct walk *walk, int dir_fd, const char *name,
                         struct contents_entry *entry, struct mcpd_error *err)
{
    const struct subject subject = {.name = name};
    struct stat st;
    int rc = 0;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_errno(err, "stat");
    describe_common(&st, entry);
    if (S_ISREG(st.st_mode))
        rc = describe_file(walk, dir_fd, name, &st, entry, err);
    else if (S_ISLNK(st.st_mode))
        rc = describe_link(dir_fd, name, entry, err);
    else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
        entry->type = S_ISCHR(st.st_mode) ? CONTENTS_TYPE_CHAR : CONTENTS_TYPE_BLOCK;
        entry->size = st.st_rdev;
    } else {
        entry->type = S_ISFIFO(st.st_mode) ? CONTENTS_TYPE_FIFO : CONTENTS_TYPE_SOCKET;
    }
    return rc < 0 ? rc : sum_xattrs(&subject, &entry->xattrs, err);
}

int contents_describe_dir(int fd, struct contents_entry *ret_entry, struct mcpd_error *err)
{
    const struct subject subject = {.fd = fd};
    struct contents_entry entry = {.type = CONTENTS_TYPE_DIR, .path = ""};
    struct stat st;
    int rc;

    if (fstat(fd, &st) < 0)
        return error_errno(err, "stat a folder");
    describe_common(&st, &entry);
    rc = sum_xattrs(&subject, &entry.xattrs, err);
    if (rc == 0)
        *ret_entry = entry;
    return rc;
}

/* ------------------------------------------------------------------ the walk */

static int append_name(struct walk *walk, const char *name, struct mcpd_error *err)
{
    if (walk->path.length > 0)
        (void)buf_append(&walk->path, "/", 1);
    (void)buf_append(&walk->path, name, strlen(name));
    return buf_check(&walk->path, "a path", err);
}

static void cut_name(struct walk *walk, size_t length)
{
    walk->path.length = length;
    if (walk->path.data)
        walk->path.data[length] = '\0';
}

static int visit_entry(struct walk *walk, const struct contents_entry *entry,
                       struct mcpd_error *err)
{
    walk->total.entries++;
    return walk->visit(walk->context, entry, err);
}

static int enter(struct fs_walk *fs_walk, int fd, struct mcpd_error *err)
{
    struct walk *walk = fs_walk_context(fs_walk);
    struct contents_entry entry;
    struct stat st;
    int rc = 0;

    /* The top comes first and has no name. */
    if (walk->total.entries > 0)
        rc = append_name(walk, fs_walk_folder(fs_walk), err);
    if (rc == 0)
        rc = contents_describe_dir(fd, &entry, err);
    if (rc < 0)
        return rc;
    if (fstat(fd, &st) < 0 || fchdir(fd) < 0)
        return error_errno(err, "enter a folder");
    walk->total.disk_bytes += fs_disk_bytes(&st);
    entry.path = buf_text(&walk->path);
    return visit_entry(walk, &entry, err);
}

static int leave(struct fs_walk *fs_walk, int dir_fd, const char *name, struct mcpd_error *err)
{
    struct walk *walk = fs_walk_context(fs_walk);
    size_t length = walk->path.length - strlen(name);

    (void)dir_fd;
    (void)err;
    cut_name(walk, length > 0 ? length - 1 : 0);
    return 0;
}

static int leaf(struct fs_walk *fs_walk, int dir_fd, const char *name, struct mcpd_error *err)
{
    struct walk *walk = fs_walk_context(fs_walk);
    struct contents_entry entry = {0};
    size_t length = walk->path.length;
    char shown[128];
    int rc = append_name(walk, name, err);

    if (rc < 0)
        return rc;
    entry.path = buf_text(&walk->path);
    rc = describe_leaf(walk, dir_fd, name, &entry, err);
    if (rc < 0) {
        unpack_policy_show(entry.path, shown, sizeof(shown));
        return error_wrap(err, rc, "'%s'", shown);
    }
    rc = visit_entry(walk, &entry, err);
    cut_name(walk, length);
    return rc;
}

static void walk_done(struct walk *walk)
{
    inode_map_done(&walk->first_names);
    buf_done(&walk->path);
    free(walk->chunk);
}

int contents_walk(int layer_fd, const struct inode_map *known, contents_visit_function visit,
                  void *context, struct contents_total *ret_total, struct mcpd_error *err)
{
    static const struct fs_walk_operations operations = {
        .enter = enter,
        .leaf = leaf,
        .leave = leave,
        .refuses_mounts = true,
        .sorts_names = true,
    };
    CLEANUP(walk_done)
    struct walk walk = {.known = known, .visit = visit, .context = context};
    int top_fd;
    int rc;

    buf_init(&walk.path, PATH_MAX_BYTES);
    walk.chunk = malloc(CHUNK_BYTES);
    if (!walk.chunk)
        return error_no_memory(err, "contents of a layer");
    /* A description of its own: reading it moves a position. */
    top_fd = openat(layer_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top_fd < 0)
        return error_errno(err, "open a layer");
    rc = fs_walk_run(top_fd, "layer", &operations, &walk, err);
    if (rc == 0)
        *ret_total = walk.total;
    return rc;
}

/* ------------------------------------------------------------------ the order */

int contents_compare(const struct contents_entry *a, const struct contents_entry *b)
{
    const char *left = a->path, *right = b->path;

    for (;;) {
        size_t left_length = strcspn(left, "/"), right_length = strcspn(right, "/");
        bool left_is_folder = left[left_length] == '/' || a->type == CONTENTS_TYPE_DIR;
        bool right_is_folder = right[right_length] == '/' || b->type == CONTENTS_TYPE_DIR;
        size_t shorter = left_length < right_length ? left_length : right_length;
        int order;

        if (left_length == 0 || right_length == 0)
            return (left_length > 0) - (right_length > 0);
        if (left_is_folder != right_is_folder)
            return left_is_folder ? 1 : -1;
        order = memcmp(left, right, shorter);
        if (order == 0)
            order = (left_length > right_length) - (left_length < right_length);
        if (order != 0)
            return order;
        left += left_length + (left[left_length] == '/');
        right += right_length + (right[right_length] == '/');
    }
}
