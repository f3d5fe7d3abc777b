/*
 * bundle_stream.c - see bundle_stream.h.
 *
 * Theory of operation. libarchive asks for bytes and parses; what is skipped is read away where
 * there is no seeking. When reading fails (a stick was pulled out), libarchive would make a text of
 * its own of it: the failure is kept here, and is what counts. A tar that just stops is told from a
 * whole one by its members: whoever reads knows which ones there must be, and a member that stops
 * is noticed here.
 */
#include "oci/layer/bundle_stream.h"

#include "oci/layer/archive_file.h"
#include "oci/layer/unpack_policy.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES (256u << 10)

struct bundle_stream {
    int fd;
    bool is_seekable;
    bool is_at_end;
    struct archive *archive;
    char *name; /* of the file that is being read */
    size_t count;
    struct mcpd_error failure; /* of reading; code 0: none */
    char buffer[READ_BYTES];
};

static la_ssize_t read_callback(struct archive *archive, void *context, const void **ret_bytes)
{
    struct bundle_stream *stream = context;
    ssize_t count;

    do
        count = read(stream->fd, stream->buffer, sizeof(stream->buffer));
    while (count < 0 && errno == EINTR);
    if (count < 0) {
        archive_set_error(archive, EIO, "reading failed");
        count = error_errno(&stream->failure, "read the bundle");
        return ARCHIVE_FATAL;
    }
    stream->is_at_end = count == 0;
    *ret_bytes = stream->buffer;
    return count;
}

/* 0: cannot, libarchive reads instead. */
static la_int64_t skip_callback(struct archive *archive, void *context, la_int64_t count)
{
    const struct bundle_stream *stream = context;

    (void)archive;
    return stream->is_seekable && lseek(stream->fd, count, SEEK_CUR) >= 0 ? count : 0;
}

static int refuse(struct bundle_stream *stream, struct mcpd_error *err)
{
    const char *text = archive_error_string(stream->archive);
    char shown[200];

    if (stream->failure.code != 0)
        return error_copy(err, &stream->failure);
    if (stream->is_at_end && stream->name)
        return error_set(err, MCPD_E_CORRUPT, "the bundle ends in the middle of %s", stream->name);
    if (stream->is_at_end && stream->count > 0)
        return error_set(err, MCPD_E_CORRUPT, "the bundle ends in the middle");
    if (stream->count == 0)
        return error_set(err, MCPD_E_CORRUPT, "not a tar archive");
    unpack_policy_show(text ? text : "damaged", shown, sizeof(shown));
    return error_set(err, MCPD_E_CORRUPT, "a damaged tar archive: %s", shown);
}

int bundle_stream_open(int fd, struct bundle_stream **ret_stream, struct mcpd_error *err)
{
    CLEANUP_BUNDLE_STREAM struct bundle_stream *stream = calloc(1, sizeof(*stream));

    if (!stream)
        return error_no_memory(err, "a bundle");
    stream->fd = fd;
    stream->is_seekable = lseek(fd, 0, SEEK_CUR) >= 0;
    stream->archive = archive_read_new();
    if (!stream->archive)
        return error_no_memory(err, "a bundle");
    if (archive_read_support_format_tar(stream->archive) != ARCHIVE_OK ||
        archive_read_set_read_callback(stream->archive, read_callback) != ARCHIVE_OK ||
        archive_read_set_skip_callback(stream->archive, skip_callback) != ARCHIVE_OK ||
        archive_read_set_callback_data(stream->archive, stream) != ARCHIVE_OK ||
        archive_read_open1(stream->archive) != ARCHIVE_OK)
        return refuse(stream, err);
    *ret_stream = TAKE_PTR(stream);
    return 0;
}

void bundle_stream_free(struct bundle_stream *stream)
{
    if (!stream)
        return;
    (void)archive_read_free(stream->archive);
    free(stream->name);
    free(stream);
}

/* Files with holes, and other links than those, nobody writes into a bundle. */
static int check_entry(struct archive_entry *entry, bool *ret_is_file, struct mcpd_error *err)
{
    bool is_folder = archive_entry_filetype(entry) == AE_IFDIR;

    *ret_is_file = archive_entry_filetype(entry) == AE_IFREG && archive_entry_pathname(entry) &&
                   !archive_entry_hardlink(entry) && archive_entry_sparse_count(entry) == 0;
    if (*ret_is_file || is_folder)
        return 0;
    return error_set(err, MCPD_E_CORRUPT, "the bundle has a member that is no plain file");
}

int bundle_stream_next(struct bundle_stream *stream, const char **ret_name, uint64_t *ret_size,
                       struct mcpd_error *err)
{
    bool is_file = false;

    *ret_name = NULL;
    *ret_size = 0;
    while (!is_file) {
        struct archive_entry *entry = NULL;
        int code = archive_read_next_header(stream->archive, &entry);
        int rc;

        if (code == ARCHIVE_EOF)
            return 0;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
            return refuse(stream, err);
        free(stream->name);
        stream->name = NULL;
        if (++stream->count > ARCHIVE_FILE_MAX_MEMBERS)
            return error_set(err, MCPD_E_LIMIT, "the bundle has more than %d members",
                             ARCHIVE_FILE_MAX_MEMBERS);
        rc = check_entry(entry, &is_file, err);
        if (rc < 0)
            return rc;
        if (!is_file)
            continue;
        stream->name = strdup(archive_entry_pathname(entry));
        if (!stream->name)
            return error_no_memory(err, "a bundle");
        *ret_name = stream->name;
        *ret_size = (uint64_t)archive_entry_size(entry);
    }
    return 0;
}

ssize_t bundle_stream_read(struct bundle_stream *stream, void *buffer, size_t size,
                           struct mcpd_error *err)
{
    la_ssize_t count = archive_read_data(stream->archive, buffer, size);

    return count < 0 ? refuse(stream, err) : count;
}

void bundle_stream_drain(struct bundle_stream *stream)
{
    ssize_t count = 1;

    while (!stream->is_seekable && (count > 0 || (count < 0 && errno == EINTR)))
        count = read(stream->fd, stream->buffer, sizeof(stream->buffer));
}
