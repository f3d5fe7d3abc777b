/*
 * pack.c - see pack.h.
 *
 * Theory of operation: pack_walk.h brings every object in order, tar_writer.h writes it. PAX
 * records are for what the plain header cannot hold (long and non-ASCII names, large numbers, parts
 * of a second, attributes, holes); times other than the modification time and names of users are
 * never set.
 *
 * A layer's folder has overlayfs' marks: a character device 0:0 hides a name of the layers below
 * and becomes ".wh.NAME", the attribute "opaque" of a folder becomes ".wh..wh..opq" in it.
 *
 * A file may change while it is read (export of a running container). Its size was written before,
 * so what is too much is left out, and zeros fill up what is missing.
 */
#include "oci/layer/pack.h"

#include "base/fsutil.h"
#include "oci/layer/pack_links.h"
#include "oci/layer/pack_walk.h"
#include "oci/layer/unpack_policy.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define BUFFER_BYTES     (128u << 10)
#define XATTR_LIST_BYTES (64u << 10)
#define HOLES_MIN_BYTES  (64 << 10) /* less is not worth a record */
#define HOLES_MAX_COUNT  4096
#define WHITEOUT_PREFIX  ".wh."
#define OPAQUE_NAME      ".wh..wh..opq"

struct pack {
    struct pack_options options;
    struct tar_writer *writer;
    struct archive_entry *entry; /* the writer's */
    struct pack_links links;
    struct pack_result result;
    char path[UNPACK_PATH_SIZE + sizeof(OPAQUE_NAME)];
    char target[UNPACK_PATH_SIZE];
    char names[XATTR_LIST_BYTES];
    char buffer[BUFFER_BYTES];
};

/* ------------------------------------------------------------------ contents */

/* The parts of a sparse file that are no holes. */
static void describe_holes(struct pack *pack, int fd, const struct stat *st)
{
    off_t end = 0;

    if (st->st_blocks * 512 + HOLES_MIN_BYTES > st->st_size)
        return;
    for (int i = 0; i < HOLES_MAX_COUNT; i++) {
        off_t start = lseek(fd, end, SEEK_DATA);

        if (start < 0 || start >= st->st_size)
            break;
        end = i + 1 < HOLES_MAX_COUNT ? lseek(fd, start, SEEK_HOLE) : st->st_size;
        if (end <= start || end > st->st_size)
            end = st->st_size;
        archive_entry_sparse_add_entry(pack->entry, start, end - start);
        if (end == st->st_size)
            return;
    }
    /* A hole at the end, or nothing but one. */
    archive_entry_sparse_add_entry(pack->entry, st->st_size, 0);
}

static int write_data(struct pack *pack, size_t count, struct mcpd_error *err)
{
    return tar_writer_data(pack->writer, pack->buffer, count, err);
}

/* libarchive wants all bytes of a file and leaves those of its holes out itself. */
static int write_zeros(struct pack *pack, off_t count, struct mcpd_error *err)
{
    int rc = 0;

    memset(pack->buffer, 0, sizeof(pack->buffer));
    while (rc == 0 && count > 0) {
        size_t piece = count < BUFFER_BYTES ? (size_t)count : BUFFER_BYTES;

        rc = write_data(pack, piece, err);
        count -= (off_t)piece;
    }
    return rc;
}

static int write_range(struct pack *pack, int fd, off_t offset, off_t end, struct mcpd_error *err)
{
    while (offset < end) {
        size_t want = end - offset < BUFFER_BYTES ? (size_t)(end - offset) : BUFFER_BYTES;
        ssize_t count = pread(fd, pack->buffer, want, offset);
        int rc;

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return unpack_policy_errno("read", pack->path, err);
        if (count == 0) {
            pack->result.changed++;
            return write_zeros(pack, end - offset, err);
        }
        rc = write_data(pack, (size_t)count, err);
        if (rc < 0)
            return rc;
        offset += count;
    }
    return 0;
}

static int write_contents(struct pack *pack, int fd, const struct stat *st, struct mcpd_error *err)
{
    la_int64_t start = 0, length = 0;
    off_t offset = 0;

    if (archive_entry_sparse_reset(pack->entry) == 0)
        return write_range(pack, fd, 0, st->st_size, err);
    while (archive_entry_sparse_next(pack->entry, &start, &length) == ARCHIVE_OK) {
        int rc = write_zeros(pack, start - offset, err);

        if (rc == 0)
            rc = write_range(pack, fd, start, start + length, err);
        if (rc < 0)
            return rc;
        offset = start + length;
    }
    return write_zeros(pack, st->st_size - offset, err);
}

/* ------------------------------------------------------------------ attributes */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_xattr(struct pack *pack, int fd, const char *name, struct mcpd_error *err)
{
    ssize_t size = fgetxattr(fd, name, pack->buffer, UNPACK_MAX_XATTR_SIZE);

    /* Gone since, or of a kind that this process may not see. */
    if (size < 0 && (errno == ENODATA || errno == EPERM || errno == EOPNOTSUPP || errno == ERANGE))
        return 0;
    if (size < 0)
        return unpack_policy_errno("read an attribute of", pack->path, err);
    archive_entry_xattr_add_entry(pack->entry, name, pack->buffer, (size_t)size);
    return 0;
}

/* Those that a layer may have, sorted. */
static int add_xattrs(struct pack *pack, int fd, struct mcpd_error *err)
{
    const char *sorted[UNPACK_MAX_XATTRS];
    ssize_t length = flistxattr(fd, pack->names, sizeof(pack->names));
    size_t count = 0;

    if (length < 0 && (errno == EOPNOTSUPP || errno == ERANGE))
        return 0;
    if (length < 0)
        return unpack_policy_errno("list the attributes of", pack->path, err);
    for (const char *name = pack->names; name < pack->names + length; name += strlen(name) + 1)
        if (unpack_policy_allows_xattr(name, 0) && count < UNPACK_MAX_XATTRS)
            sorted[count++] = name;
    if (count > 1)
        qsort(sorted, count, sizeof(*sorted), compare_texts);
    for (size_t i = 0; i < count; i++) {
        int rc = add_xattr(pack, fd, sorted[i], err);

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ------------------------------------------------------------------ entries */

/* A fresh entry under pack->path. */
static void begin(struct pack *pack, const struct stat *st)
{
    struct archive_entry *entry = tar_writer_entry(pack->writer);

    pack->entry = entry;
    archive_entry_set_pathname(entry, pack->path);
    archive_entry_set_mode(entry, st->st_mode);
    archive_entry_set_uid(entry, st->st_uid);
    archive_entry_set_gid(entry, st->st_gid);
    archive_entry_set_mtime(entry, st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
    archive_entry_set_size(entry, S_ISREG(st->st_mode) ? st->st_size : 0);
    if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
        archive_entry_set_rdevmajor(entry, major(st->st_rdev));
        archive_entry_set_rdevminor(entry, minor(st->st_rdev));
    }
}

static int put_header(struct pack *pack, struct mcpd_error *err)
{
    pack->result.entries++;
    return tar_writer_begin(pack->writer, err);
}

static int put_regular(struct pack *pack, int dir_fd, const char *name, struct mcpd_error *err)
{
    CLEANUP_FD int fd =
        openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    int rc;

    if (fd < 0 && errno == ENOENT) /* removed since its folder was read */
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return unpack_policy_errno("open", pack->path, err);
    if (!S_ISREG(st.st_mode)) /* replaced since */
        return 0;
    begin(pack, &st);
    rc = add_xattrs(pack, fd, err);
    if (rc < 0)
        return rc;
    describe_holes(pack, fd, &st);
    rc = put_header(pack, err);
    return rc < 0 ? rc : write_contents(pack, fd, &st, err);
}

static int put_symlink(struct pack *pack, int dir_fd, const char *name, const struct stat *st,
                       struct mcpd_error *err)
{
    ssize_t length = readlinkat(dir_fd, name, pack->target, sizeof(pack->target) - 1);

    if (length < 0 && errno == ENOENT)
        return 0;
    if (length < 0)
        return unpack_policy_errno("read the link", pack->path, err);
    pack->target[length] = '\0';
    begin(pack, st);
    archive_entry_set_symlink(pack->entry, pack->target);
    return put_header(pack, err);
}

/* An empty file with a telling name, the same every time. */
static int put_mark(struct pack *pack, struct mcpd_error *err)
{
    const struct stat st = {.st_mode = S_IFREG};

    begin(pack, &st);
    return put_header(pack, err);
}

static int put_whiteout(struct pack *pack, const char *name, const char *path,
                        struct mcpd_error *err)
{
    size_t folder = strlen(path) - strlen(name);

    (void)snprintf(pack->path, sizeof(pack->path), "%.*s" WHITEOUT_PREFIX "%s", (int)folder, path,
                   name);
    return put_mark(pack, err);
}

static bool is_opaque(const struct pack *pack, int fd)
{
    const char *name =
        pack->options.use_user_xattrs ? "user.overlay.opaque" : "trusted.overlay.opaque";
    char value = 0;

    return fgetxattr(fd, name, &value, 1) == 1 && value == 'y';
}

static int put_folder(struct pack *pack, int fd, const struct stat *st, struct mcpd_error *err)
{
    size_t length = strlen(pack->path);
    int rc;

    begin(pack, st);
    rc = add_xattrs(pack, fd, err);
    if (rc == 0)
        rc = put_header(pack, err);
    if (rc < 0 || !pack->options.is_layer || !is_opaque(pack, fd))
        return rc;
    (void)snprintf(pack->path + length, sizeof(pack->path) - length, "/" OPAQUE_NAME);
    return put_mark(pack, err);
}

static int put_first_name(struct pack *pack, int dir_fd, const char *name, const struct stat *st,
                          struct mcpd_error *err)
{
    if (S_ISREG(st->st_mode))
        return put_regular(pack, dir_fd, name, err);
    if (S_ISLNK(st->st_mode))
        return put_symlink(pack, dir_fd, name, st, err);
    begin(pack, st);
    return put_header(pack, err);
}

static int visit(void *context, int dir_fd, const char *name, const char *path, int fd,
                 const struct stat *st, struct mcpd_error *err)
{
    struct pack *pack = context;
    bool is_known = false;
    int rc = 0;

    if (pack->options.is_layer && S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0))
        return put_whiteout(pack, name, path, err);
    (void)snprintf(pack->path, sizeof(pack->path), "%s", path);
    if (S_ISDIR(st->st_mode))
        return put_folder(pack, fd, st, err);
    if (S_ISSOCK(st->st_mode)) {
        pack->result.skipped++;
        return 0;
    }
    if (st->st_nlink > 1)
        rc = pack_links_look(&pack->links, st, path, pack->target, &is_known, err);
    if (rc < 0)
        return rc;
    if (!is_known)
        return put_first_name(pack, dir_fd, name, st, err);
    begin(pack, st);
    archive_entry_set_size(pack->entry, 0);
    archive_entry_set_hardlink(pack->entry, pack->target);
    return put_header(pack, err);
}

/* ------------------------------------------------------------------ all of it */

static int put_root(struct pack *pack, int dir_fd, struct mcpd_error *err)
{
    struct stat st;

    if (!pack->options.has_root)
        return 0;
    if (fstat(dir_fd, &st) < 0)
        return error_errno(err, "stat a folder");
    (void)snprintf(pack->path, sizeof(pack->path), ".");
    return put_folder(pack, dir_fd, &st, err);
}

static int pack_all(struct pack *pack, int dir_fd, struct mcpd_error *err)
{
    int rc = put_root(pack, dir_fd, err);

    if (rc == 0)
        rc = pack_walk(dir_fd, 0, visit, pack, err);
    return rc < 0 ? rc : tar_writer_finish(pack->writer, err);
}

int pack_tree(int dir_fd, const struct pack_options *options, tar_write_function write,
              void *write_context, struct pack_result *ret_result, struct mcpd_error *err)
{
    CLEANUP_FREE struct pack *pack = malloc(sizeof(*pack));
    CLEANUP_TAR_WRITER struct tar_writer *writer = NULL;
    int rc = pack ? tar_writer_new(write, write_context, &writer, err)
                  : error_no_memory(err, "writing a tar");

    if (rc < 0)
        return rc;
    pack->options = *options;
    pack->writer = writer;
    pack->entry = NULL;
    pack->result = (struct pack_result){0};
    pack_links_init(&pack->links, options->tmp_fd);
    rc = pack_all(pack, dir_fd, err);
    pack_links_done(&pack->links);
    if (rc == 0)
        *ret_result = pack->result;
    return rc;
}

static int write_fd(void *context, const void *bytes, size_t count, struct mcpd_error *err)
{
    const int *fd = context;

    return fs_write_all(*fd, bytes, count, "a tar", err);
}

int pack_tree_fd(int dir_fd, const struct pack_options *options, int output_fd,
                 struct pack_result *ret_result, struct mcpd_error *err)
{
    return pack_tree(dir_fd, options, write_fd, &output_fd, ret_result, err);
}
