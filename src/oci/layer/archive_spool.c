/*
 * archive_spool.c - see archive_spool.h.
 *
 * Theory of operation. The bytes may come from anybody, so a process of its own decompresses them:
 * it has the input, the file and a pipe for its error, limited memory (a stream may ask for a
 * dictionary of gigabytes) and no privilege. gzip and zstd go through inflate.h, which is the
 * fastest; xz and bzip2, which nobody uses for layers, through libarchive. The first bytes decide;
 * they cannot be put back into a pipe, so `head` keeps them.
 */
#include "oci/layer/archive_spool.h"

#include "base/child.h"
#include "base/fsutil.h"
#include "oci/layer/confine.h"
#include "oci/layer/inflate.h"
#include "oci/layer/unpack_policy.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <string.h>

#define HEAD_BYTES 6
#define READ_BYTES (128u << 10)

struct input {
    int fd;
    int output_fd;
    unsigned char head[HEAD_BYTES];
    size_t head_length;
    size_t head_used;
    char buffer[READ_BYTES];
};

static ssize_t read_fd(int fd, void *buffer, size_t size, struct mcpd_error *err)
{
    ssize_t count;

    do
        count = read(fd, buffer, size);
    while (count < 0 && errno == EINTR);
    return count < 0 ? error_errno(err, "read the archive") : count;
}

static int read_head(struct input *input, struct mcpd_error *err)
{
    while (input->head_length < HEAD_BYTES) {
        ssize_t count = read_fd(input->fd, input->head + input->head_length,
                                HEAD_BYTES - input->head_length, err);

        if (count < 0)
            return (int)count;
        if (count == 0)
            break;
        input->head_length += (size_t)count;
    }
    return 0;
}

static ssize_t read_input(void *context, void *buffer, size_t size, struct mcpd_error *err)
{
    struct input *input = context;
    size_t left = input->head_length - input->head_used;

    if (left == 0)
        return read_fd(input->fd, buffer, size, err);
    if (size > left)
        size = left;
    memcpy(buffer, input->head + input->head_used, size);
    input->head_used += size;
    return (ssize_t)size;
}

static int write_output(void *context, const void *bytes, size_t count, struct mcpd_error *err)
{
    const struct input *input = context;

    return fs_write_all(input->output_fd, bytes, count, "a copy of the archive", err);
}

/* ------------------------------------------------------------------ xz, bzip2 */

static la_ssize_t read_callback(struct archive *archive, void *context, const void **ret_bytes)
{
    struct input *input = context;
    struct mcpd_error problem = {0};
    ssize_t count = read_input(input, input->buffer, sizeof(input->buffer), &problem);

    if (count < 0) {
        archive_set_error(archive, EIO, "%s", problem.message);
        return ARCHIVE_FATAL;
    }
    *ret_bytes = input->buffer;
    return count;
}

static int refuse(struct archive *archive, struct mcpd_error *err)
{
    const char *text = archive_error_string(archive);
    char shown[200];

    unpack_policy_show(text ? text : "damaged", shown, sizeof(shown));
    return error_set(err, archive_errno(archive) == ENOMEM ? MCPD_E_LIMIT : MCPD_E_CORRUPT,
                     "decompressing the archive: %s", shown);
}

static int copy_data(struct input *input, struct archive *archive, struct mcpd_error *err)
{
    struct archive_entry *entry = NULL;

    if (archive_read_next_header(archive, &entry) != ARCHIVE_OK)
        return refuse(archive, err);
    for (;;) {
        const void *bytes = NULL;
        size_t count = 0;
        la_int64_t offset = 0;
        int code = archive_read_data_block(archive, &bytes, &count, &offset);
        int rc;

        if (code == ARCHIVE_EOF)
            return 0;
        if (code != ARCHIVE_OK)
            return refuse(archive, err);
        rc = write_output(input, bytes, count, err);
        if (rc < 0)
            return rc;
    }
}

static int decompress_by_libarchive(struct input *input, struct mcpd_error *err)
{
    struct archive *archive = archive_read_new();
    int rc;

    if (!archive)
        return error_no_memory(err, "decompression");
    if (archive_read_support_filter_xz(archive) != ARCHIVE_OK ||
        archive_read_support_filter_bzip2(archive) != ARCHIVE_OK ||
        archive_read_support_format_raw(archive) != ARCHIVE_OK ||
        archive_read_open(archive, input, NULL, read_callback, NULL) != ARCHIVE_OK)
        rc = refuse(archive, err);
    else
        rc = copy_data(input, archive, err);
    (void)archive_read_free(archive);
    return rc;
}

/* ------------------------------------------------------------------ in a process of its own */

static bool needs_libarchive(const struct input *input)
{
    return (input->head_length == HEAD_BYTES && memcmp(input->head,
                                                       "\xfd"
                                                       "7zXZ",
                                                       6) == 0) ||
           (input->head_length >= 4 && memcmp(input->head, "BZh", 3) == 0);
}

static int decompress(void *context, struct mcpd_error *err)
{
    struct input *input = context;
    int rc;

    /* The archive may come by stdin, which is about to become /dev/null. */
    input->fd = fcntl(input->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (input->fd < 0)
        return error_errno(err, "duplicate a descriptor");
    rc = confine_descriptors((const int[]){input->fd, input->output_fd, child_error_fd()}, 3, err);
    if (rc == 0)
        rc = confine_decoder(err);
    if (rc == 0)
        rc = read_head(input, err);
    if (rc < 0)
        return rc;
    return needs_libarchive(input) ? decompress_by_libarchive(input, err)
                                   : inflate_all(read_input, input, write_output, input, err);
}

int archive_spool(int input_fd, int tmp_fd, int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FREE struct input *input = malloc(sizeof(*input));
    CLEANUP_CHILD struct child child = CHILD_NONE;
    CLEANUP_FD int fd = openat(tmp_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    int rc;

    if (fd < 0)
        return error_errno(err, "make an unnamed file in the store");
    if (!input)
        return error_no_memory(err, "a copy of the archive");
    input->fd = input_fd;
    input->output_fd = fd;
    input->head_length = 0;
    input->head_used = 0;
    rc = child_start("mcpd: unpack", decompress, input, &child, err);
    if (rc == 0)
        rc = child_finish(&child, err);
    if (rc < 0)
        return rc;
    *ret_fd = TAKE_FD(fd);
    return 0;
}
