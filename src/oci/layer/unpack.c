/*
 * unpack.c - see unpack.h.
 *
 * Theory of operation: libarchive pulls; its read callback takes the next decompressed piece,
 * hashes it and hands it over without a copy. An entry goes through policy, then tree. When the
 * tar has ended, what follows in the stream is read to its end too: it belongs to the diff_id. A
 * failure inside the callback is kept in `failure`, because libarchive has only a string for it.
 */
#include "oci/layer/unpack.h"

#include "base/fault.h"
#include "oci/layer/contents_file.h"
#include "oci/layer/crc64.h"
#include "oci/layer/sha256.h"
#include "oci/layer/unpack_policy.h"
#include "oci/layer/unpack_tree.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* Zeros behind the end of a tar are normal (blocking factors); a flood of them is a bomb. */
#define MAX_TRAILING_BYTES (64u << 20)

struct unpack {
    struct unpack_options options;
    struct inflate *inflate;
    struct sha256 sha256;
    struct unpack_tree *tree;
    struct archive *archive;
    struct unpack_result result;
    struct inode_map file_crcs; /* of the files made so far */
    struct mcpd_error failure;  /* of the read callback; code 0: none */
    bool is_empty;
    struct unpack_decision decision;
};

static void unpack_free(struct unpack **unpack)
{
    if (!*unpack)
        return;
    (void)archive_read_free((*unpack)->archive);
    unpack_tree_free((*unpack)->tree);
    inode_map_done(&(*unpack)->file_crcs);
    sha256_done(&(*unpack)->sha256);
    inflate_free((*unpack)->inflate);
    free(*unpack);
}

/* ------------------------------------------------------------------ the stream */

static int next_piece(struct unpack *unpack, const void **ret_bytes, size_t *ret_count,
                      struct mcpd_error *err)
{
    int rc = inflate_next(unpack->inflate, ret_bytes, ret_count, err);

    if (rc < 0)
        return rc;
    sha256_update(&unpack->sha256, *ret_bytes, *ret_count);
    unpack->result.tar_bytes += *ret_count;
    return 0;
}

static la_ssize_t read_callback(struct archive *archive, void *context, const void **ret_bytes)
{
    struct unpack *unpack = context;
    size_t count = 0;

    if (next_piece(unpack, ret_bytes, &count, &unpack->failure) < 0) {
        archive_set_error(archive, EIO, "%s", unpack->failure.message);
        return ARCHIVE_FATAL;
    }
    return (la_ssize_t)count;
}

static int archive_failed(struct unpack *unpack, struct mcpd_error *err)
{
    const char *text = archive_error_string(unpack->archive);
    char shown[256];

    if (unpack->failure.code != 0)
        return error_copy(err, &unpack->failure);
    if (archive_errno(unpack->archive) == ENOMEM)
        return error_no_memory(err, "reading a tar");
    if (text && strcmp(text, "Unrecognized archive format") == 0)
        return error_set(err, MCPD_E_CORRUPT, "not a tar archive");
    unpack_policy_show(text ? text : "damaged", shown, sizeof(shown));
    return error_set(err, MCPD_E_CORRUPT, "tar: %s", shown);
}

static int drain(struct unpack *unpack, struct mcpd_error *err)
{
    uint64_t total = 0;

    for (;;) {
        const void *bytes = NULL;
        size_t count = 0;
        int rc = next_piece(unpack, &bytes, &count, err);

        if (rc < 0 || count == 0)
            return rc;
        total += count;
        if (total > MAX_TRAILING_BYTES)
            return error_set(err, MCPD_E_LIMIT, "tar: more than 64 MiB follow its end");
    }
}

/* ------------------------------------------------------------------ one entry */

static enum unpack_type type_of(struct archive_entry *entry)
{
    if (archive_entry_hardlink(entry))
        return UNPACK_TYPE_HARDLINK;
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
        return UNPACK_TYPE_FILE;
    case AE_IFDIR:
        return UNPACK_TYPE_DIR;
    case AE_IFLNK:
        return UNPACK_TYPE_SYMLINK;
    case AE_IFCHR:
        return UNPACK_TYPE_CHAR;
    case AE_IFBLK:
        return UNPACK_TYPE_BLOCK;
    case AE_IFIFO:
        return UNPACK_TYPE_FIFO;
    default:
        return UNPACK_TYPE_OTHER;
    }
}

static void describe(struct archive_entry *entry, struct unpack_entry *ret_entry)
{
    enum unpack_type type = type_of(entry);
    bool is_device = type == UNPACK_TYPE_CHAR || type == UNPACK_TYPE_BLOCK;

    *ret_entry = (struct unpack_entry){
        .type = type,
        .path = archive_entry_pathname(entry),
        .uid = archive_entry_uid(entry),
        .gid = archive_entry_gid(entry),
        .size = archive_entry_size(entry),
        .mode = archive_entry_perm(entry),
        .mtime_s = archive_entry_mtime(entry),
        .mtime_ns = archive_entry_mtime_nsec(entry),
    };
    if (type == UNPACK_TYPE_HARDLINK)
        ret_entry->target = archive_entry_hardlink(entry);
    if (type == UNPACK_TYPE_SYMLINK)
        ret_entry->target = archive_entry_symlink(entry);
    if (is_device) {
        ret_entry->device_major = (int64_t)archive_entry_rdevmajor(entry);
        ret_entry->device_minor = (int64_t)archive_entry_rdevminor(entry);
    }
}

static int set_xattrs(struct unpack *unpack, struct archive_entry *entry, int fd,
                      struct mcpd_error *err)
{
    const char *name = NULL;
    const void *value = NULL;
    size_t size = 0;
    int count = archive_entry_xattr_reset(entry);

    if (count > UNPACK_MAX_XATTRS)
        return error_set(err, MCPD_E_LIMIT, "an entry with %d extended attributes", count);
    while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
        if (!name || !unpack_policy_allows_xattr(name, size)) {
            unpack->result.skipped_xattrs++;
            continue;
        }
        if (fsetxattr(fd, name, value, size, 0) == 0)
            continue;
        /* A store on a file system without them, and what the kernel keeps from this user. */
        if (errno != EOPNOTSUPP && errno != EPERM)
            return error_errno(err, "set the attribute %s", name);
        unpack->result.skipped_xattrs++;
    }
    return 0;
}

static int write_at(int fd, const char *bytes, size_t count, int64_t offset, struct mcpd_error *err)
{
    while (count > 0) {
        ssize_t written = pwrite(fd, bytes, count, (off_t)offset);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_errno(err, "write");
        bytes += written;
        count -= (size_t)written;
        offset += written;
    }
    return 0;
}

/* The pieces of a file; holes of a sparse one stay holes. */
static int write_contents(struct unpack *unpack, int fd, uint64_t *ret_crc, struct mcpd_error *err)
{
    const int64_t size = (int64_t)unpack->decision.size;
    uint64_t crc = 0;
    int64_t end = 0;

    for (;;) {
        const void *bytes = NULL;
        size_t count = 0;
        la_int64_t offset = 0;
        int rc = archive_read_data_block(unpack->archive, &bytes, &count, &offset);

        if (rc == ARCHIVE_EOF)
            break;
        if (rc != ARCHIVE_OK)
            return archive_failed(unpack, err);
        if (count == 0)
            continue;
        if (offset < 0 || offset > size || (int64_t)count > size - offset)
            return error_set(err, MCPD_E_CORRUPT, "tar: more contents than the size says");
        if (offset < end)
            return error_set(err, MCPD_E_CORRUPT, "tar: pieces of a file out of their order");
        rc = write_at(fd, bytes, count, offset, err);
        if (rc < 0)
            return rc;
        crc = crc64_update_zeros(crc, (uint64_t)(offset - end));
        crc = crc64_update(crc, bytes, count);
        end = offset + (int64_t)count;
    }
    if (end < size && ftruncate(fd, (off_t)size) < 0)
        return error_errno(err, "set the size");
    *ret_crc = crc64_update_zeros(crc, (uint64_t)(size - end));
    return 0;
}

/* While the bytes are at hand: a worker cannot open a file again (confine.h). */
static int remember_crc(struct unpack *unpack, int fd, uint64_t crc, struct mcpd_error *err)
{
    struct stat st;

    if (unpack->options.contents_fd <= 0)
        return 0;
    if (fstat(fd, &st) < 0)
        return error_errno(err, "stat");
    return inode_map_put(&unpack->file_crcs, st.st_ino, crc) ? 0
                                                             : error_no_memory(err, "unpacking");
}

static int write_file(struct unpack *unpack, struct archive_entry *entry, struct mcpd_error *err)
{
    const struct unpack_decision *decision = &unpack->decision;
    CLEANUP_FD int fd = -1;
    uint64_t crc = 0;
    int rc = unpack_tree_create_file(unpack->tree, decision, &fd, err);

    if (rc < 0)
        return rc;
    if (decision->size > 0)
        rc = write_contents(unpack, fd, &crc, err);
    if (rc == 0 && decision->size > 0)
        rc = remember_crc(unpack, fd, crc, err);
    if (rc == 0)
        rc = unpack_tree_set_owner(unpack->tree, decision, fd, err);
    if (rc == 0)
        rc = set_xattrs(unpack, entry, fd, err);
    if (rc < 0) {
        char shown[128];

        unpack_policy_show(decision->path, shown, sizeof(shown));
        return error_wrap(err, rc, "'%s'", shown);
    }
    unpack->result.file_bytes += decision->size;
    return unpack_tree_set_time(decision, fd, err);
}

static int unpack_entry(struct unpack *unpack, struct archive_entry *entry, struct mcpd_error *err)
{
    const struct unpack_rules rules = {.is_in_userns = unpack->options.is_in_userns};
    struct unpack_entry seen;
    int rc;

    describe(entry, &seen);
    rc = unpack_policy_decide(&rules, &seen, &unpack->decision, err);
    if (rc < 0)
        return rc;
    switch (unpack->decision.action) {
    case UNPACK_ACTION_SKIP:
        unpack->result.skipped++;
        return 0;
    case UNPACK_ACTION_FILE:
        return write_file(unpack, entry, err);
    case UNPACK_ACTION_DIR:
        rc = unpack_tree_apply(unpack->tree, &unpack->decision, err);
        return rc < 0 ? rc : set_xattrs(unpack, entry, unpack_tree_folder_fd(unpack->tree), err);
    case UNPACK_ACTION_SYMLINK:
    case UNPACK_ACTION_HARDLINK:
    case UNPACK_ACTION_NODE:
    case UNPACK_ACTION_WHITEOUT:
    case UNPACK_ACTION_OPAQUE:
        return unpack_tree_apply(unpack->tree, &unpack->decision, err);
    }
    return error_set(err, MCPD_E_INTERNAL, "an entry of no kind");
}

/* ------------------------------------------------------------------ all entries */

/* A header that libarchive could read but has doubts about: names that are not UTF-8 are fine. */
static bool is_harmless_warning(struct unpack *unpack)
{
    return archive_errno(unpack->archive) == EILSEQ;
}

static int unpack_entries(struct unpack *unpack, struct mcpd_error *err)
{
    const uint64_t limit =
        unpack->options.max_entries > 0 ? unpack->options.max_entries : UNPACK_MAX_ENTRIES;

    for (;;) {
        struct archive_entry *entry = NULL;
        int rc = archive_read_next_header(unpack->archive, &entry);

        if (rc == ARCHIVE_EOF)
            return 0;
        if (rc != ARCHIVE_OK && !(rc == ARCHIVE_WARN && is_harmless_warning(unpack)))
            return archive_failed(unpack, err);
        if (unpack->result.entries++ >= limit)
            return error_set(err, MCPD_E_LIMIT, "more than %llu entries",
                             (unsigned long long)limit);
        rc = unpack_entry(unpack, entry, err);
        if (rc < 0)
            return rc;
        FAULT_POINT("entry-unpacked");
    }
}

static int open_archive(struct unpack *unpack, struct mcpd_error *err)
{
    unpack->archive = archive_read_new();
    if (!unpack->archive)
        return error_no_memory(err, "reading a tar");
    if (archive_read_support_format_tar(unpack->archive) == ARCHIVE_OK &&
        archive_read_open(unpack->archive, unpack, NULL, read_callback, NULL) == ARCHIVE_OK)
        return 0;
    /* A stream of no bytes at all is an empty layer. */
    unpack->is_empty = unpack->failure.code == 0 && unpack->result.tar_bytes == 0;
    return unpack->is_empty ? 0 : archive_failed(unpack, err);
}

static int unpack_prepare(struct unpack *unpack, inflate_read_function read, void *read_context,
                          int layer_fd, struct mcpd_error *err)
{
    const struct unpack_tree_options tree_options = {
        .use_user_xattrs = unpack->options.is_in_userns,
        .ignore_owners = unpack->options.ignore_owners,
    };
    int rc = inflate_new(read, read_context, &unpack->inflate, err);

    if (rc == 0)
        rc = sha256_init(&unpack->sha256, err);
    if (rc == 0)
        rc = unpack_tree_new(layer_fd, &tree_options, &unpack->tree, err);
    if (rc == 0)
        rc = open_archive(unpack, err);
    return rc;
}

void unpack_result_done(struct unpack_result *result)
{
    cleanup_free_pointer(&result->implied);
    result->implied = NULL;
    result->implied_bytes = 0;
}

static int take_implied(struct unpack *unpack, struct mcpd_error *err)
{
    size_t count = 0;
    const char *paths = unpack_tree_implied(unpack->tree, &count);

    if (count == 0)
        return 0;
    unpack->result.implied = malloc(count);
    if (!unpack->result.implied)
        return error_no_memory(err, "unpacking");
    memcpy(unpack->result.implied, paths, count);
    unpack->result.implied_bytes = count;
    return 0;
}

/* What is there now: later entries may have replaced earlier ones. */
static int list_contents(struct unpack *unpack, int layer_fd, struct mcpd_error *err)
{
    struct contents_total total = {0};
    int rc;

    if (unpack->options.contents_fd <= 0)
        return 0;
    rc = contents_file_make(layer_fd, &unpack->file_crcs, unpack->result.tar_bytes,
                            unpack->options.contents_fd, &total, err);
    unpack->result.file_bytes = total.bytes;
    unpack->result.disk_bytes = total.disk_bytes;
    FAULT_POINT("contents-listed");
    return rc;
}

int unpack_layer(inflate_read_function read, void *read_context, int layer_fd,
                 const struct unpack_options *options, struct unpack_result *ret_result,
                 struct mcpd_error *err)
{
    CLEANUP(unpack_free) struct unpack *unpack = calloc(1, sizeof(*unpack));
    int rc;

    if (!unpack)
        return error_no_memory(err, "unpacking");
    unpack->options = *options;
    rc = unpack_prepare(unpack, read, read_context, layer_fd, err);
    if (rc == 0 && !unpack->is_empty)
        rc = unpack_entries(unpack, err);
    if (rc == 0)
        rc = drain(unpack, err);
    if (rc == 0)
        rc = unpack_tree_finish(unpack->tree, err);
    if (rc == 0)
        rc = sha256_finish(&unpack->sha256, &unpack->result.diff_id, err);
    if (rc == 0)
        rc = list_contents(unpack, layer_fd, err);
    if (rc == 0)
        rc = take_implied(unpack, err);
    if (rc == 0)
        *ret_result = unpack->result;
    return rc;
}

static ssize_t read_fd(void *context, void *buffer, size_t size, struct mcpd_error *err)
{
    const int *fd = context;
    ssize_t count;

    do
        count = read(*fd, buffer, size);
    while (count < 0 && errno == EINTR);
    return count < 0 ? error_errno(err, "read a layer") : count;
}

int unpack_layer_fd(int input_fd, int layer_fd, const struct unpack_options *options,
                    struct unpack_result *ret_result, struct mcpd_error *err)
{
    return unpack_layer(read_fd, &input_fd, layer_fd, options, ret_result, err);
}
