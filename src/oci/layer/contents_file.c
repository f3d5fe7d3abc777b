/*
 * contents_file.c - see contents_file.h.
 *
 * The list is on the way of every pull, so it is written through one buffer and its checksum is
 * computed on the way.
 */
#include "oci/layer/contents_file.h"

#include "base/fsutil.h"
#include "base/saferoot.h"
#include "base/str.h"
#include "oci/layer/crc64.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>

#define BUFFER_BYTES   (512u << 10) /* three times the longest path, and what waits before it */
#define FLUSH_BYTES    (64u << 10)
#define NEW_NAME       CONTENTS_FILE_NAME ".new"
#define END_WORD       "end "
#define PATH_MAX_BYTES (64u << 10)

/* ------------------------------------------------------------------ writing */

struct writer {
    int fd; /* borrowed */
    struct buf text;
    uint64_t crc; /* of what was written */
};

static int flush(struct writer *writer, struct mcpd_error *err)
{
    int rc = buf_check(&writer->text, "the list of a layer", err);

    if (rc < 0)
        return rc;
    writer->crc = crc64_update(writer->crc, buf_text(&writer->text), writer->text.length);
    rc = fs_write_all(writer->fd, buf_text(&writer->text), writer->text.length, CONTENTS_FILE_NAME,
                      err);
    buf_clear(&writer->text);
    return rc;
}

static void append_path(struct buf *text, const char *path)
{
    static const char digits[] = "0123456789ABCDEF";

    if (*path == '\0')
        (void)buf_append_text(text, ".");
    while (*path != '\0') {
        const char *end = path;
        unsigned char c;

        while (*end > ' ' && *end <= '~' && *end != '%')
            end++;
        (void)buf_append(text, path, (size_t)(end - path));
        path = end;
        if (*path == '\0')
            return;
        c = (unsigned char)*path++;
        (void)buf_append(text, (const char[]){'%', digits[c >> 4], digits[c & 15]}, 3);
    }
}

/* Also the visitor of contents_walk. */
static int write_entry(void *context, const struct contents_entry *entry, struct mcpd_error *err)
{
    struct writer *writer = context;

    if (entry->read_errno != 0) {
        errno = entry->read_errno;
        return error_errno(err, "read a file of the layer again");
    }
    (void)buf_append_format(&writer->text, "%c %o %u %u %lld %llu %016llx %016llx ", entry->type,
                            entry->mode, entry->uid, entry->gid, (long long)entry->mtime_s,
                            (unsigned long long)entry->size, (unsigned long long)entry->content,
                            (unsigned long long)entry->xattrs);
    append_path(&writer->text, entry->path);
    (void)buf_append(&writer->text, "\n", 1);
    return writer->text.length >= FLUSH_BYTES ? flush(writer, err) : 0;
}

static int write_end(struct writer *writer, const struct contents_total *total,
                     struct mcpd_error *err)
{
    int rc;

    (void)buf_append_format(&writer->text, END_WORD "%llu %llu %llu ",
                            (unsigned long long)total->entries, (unsigned long long)total->bytes,
                            (unsigned long long)total->disk_bytes);
    if (total->tar_bytes > 0)
        (void)buf_append_format(&writer->text, "%llu ", (unsigned long long)total->tar_bytes);
    rc = flush(writer, err);
    if (rc < 0)
        return rc;
    (void)buf_append_format(&writer->text, "%016llx\n", (unsigned long long)writer->crc);
    return flush(writer, err);
}

int contents_file_make(int layer_fd, const struct inode_map *known, uint64_t tar_bytes,
                       int record_fd, struct contents_total *ret_total, struct mcpd_error *err)
{
    struct writer writer = {.fd = record_fd};
    struct contents_total total = {0};
    int rc;

    buf_init(&writer.text, BUFFER_BYTES);
    rc = contents_walk(layer_fd, known, write_entry, &writer, &total, err);
    total.tar_bytes = tar_bytes;
    if (rc == 0)
        rc = write_end(&writer, &total, err);
    buf_done(&writer.text);
    if (rc < 0)
        return error_wrap(err, rc, "list what the layer holds");
    *ret_total = total;
    return 0;
}

/* ------------------------------------------------------------------ reading */

void contents_reader_init(struct contents_reader *reader, int fd)
{
    *reader = (struct contents_reader){.fd = fd};
    buf_init(&reader->text, BUFFER_BYTES);
    buf_init(&reader->path, PATH_MAX_BYTES);
}

void contents_reader_done(struct contents_reader *reader)
{
    buf_done(&reader->text);
    buf_done(&reader->path);
}

static int damaged(const char *why, struct mcpd_error *err)
{
    return error_set(err, MCPD_E_CORRUPT, "the list of the layer's contents is damaged: %s", why);
}

/* More text behind what is left. *ret_count: 0 at the end of the file. */
static int read_more(struct contents_reader *reader, size_t *ret_count, struct mcpd_error *err)
{
    char piece[16384];
    size_t left = reader->text.length - reader->next;
    ssize_t count;

    if (reader->next > 0) {
        memmove(reader->text.data, reader->text.data + reader->next, left);
        reader->text.length = left;
        reader->next = 0;
    }
    do
        count = read(reader->fd, piece, sizeof(piece));
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return error_errno(err, "read " CONTENTS_FILE_NAME);
    if (buf_append(&reader->text, piece, (size_t)count) < 0)
        return damaged("a line is too long", err);
    *ret_count = (size_t)count;
    return 0;
}

/* The next line, its end of line replaced by NUL; NULL at the end of the file. */
static int next_line(struct contents_reader *reader, char **ret_line, size_t *ret_length,
                     struct mcpd_error *err)
{
    size_t seen = 0;

    for (;;) {
        size_t left = reader->text.length - reader->next;
        char *start = left > 0 ? reader->text.data + reader->next : NULL;
        char *end = left > seen ? memchr(start + seen, '\n', left - seen) : NULL;
        size_t count = 0;
        int rc;

        if (end) {
            *end = '\0';
            *ret_line = start;
            *ret_length = (size_t)(end - start);
            reader->next += *ret_length + 1;
            return 0;
        }
        seen = left;
        rc = read_more(reader, &count, err);
        if (rc < 0)
            return rc;
        if (count == 0) {
            *ret_line = NULL;
            return seen > 0 ? damaged("the last line is cut off", err) : 0;
        }
    }
}

static int digit_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* A number and the blank behind it (or the end of the line); moves *text. */
static bool take_number(const char **text, unsigned int base, uint64_t maximum, uint64_t *ret_value)
{
    const char *next = *text;
    uint64_t value = 0;

    for (; (unsigned int)digit_value(*next) < base; next++)
        if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit_value(*next), &value))
            return false;
    if (next == *text || value > maximum || (*next != ' ' && *next != '\0'))
        return false;
    *text = next + (*next == ' ');
    *ret_value = value;
    return true;
}

static bool take_signed(const char **text, int64_t *ret_value)
{
    bool is_negative = **text == '-';
    uint64_t value;

    *text += is_negative;
    if (!take_number(text, 10, INT64_MAX, &value))
        return false;
    *ret_value = is_negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static bool take_type(const char **text, enum contents_type *ret_type)
{
    char letter = **text;

    if (letter == '\0' || !strchr("dfhlcbps", letter) || (*text)[1] != ' ')
        return false;
    *ret_type = (enum contents_type)letter;
    *text += 2;
    return true;
}

/* An upper case hexadecimal digit, 16: none. */
static unsigned int escape_digit(char c)
{
    return isupper((unsigned char)c) ? (unsigned int)digit_value((char)(c - 'A' + 'a'))
           : c >= '0' && c <= '9'    ? (unsigned int)(c - '0')
                                     : 16;
}

static bool decode_path(const char *text, struct buf *path)
{
    buf_clear(path);
    if (strcmp(text, ".") == 0)
        return true;
    for (; *text != '\0'; text++) {
        unsigned int high, low;
        char c = *text;

        if (c <= ' ' || c > '~')
            return false;
        if (c == '%') {
            high = escape_digit(text[1]);
            low = high < 16 ? escape_digit(text[2]) : 16;
            if (low >= 16 || (high == 0 && low == 0))
                return false;
            c = (char)(high << 4 | low);
            text += 2;
        }
        if (buf_append(path, &c, 1) < 0)
            return false;
    }
    return path->length > 0;
}

static bool parse_entry(struct contents_reader *reader, const char *line,
                        struct contents_entry *entry)
{
    uint64_t mode = 0, uid = 0, gid = 0;

    *entry = (struct contents_entry){0};
    if (!take_type(&line, &entry->type) || !take_number(&line, 8, 07777, &mode) ||
        !take_number(&line, 10, UINT32_MAX, &uid) || !take_number(&line, 10, UINT32_MAX, &gid) ||
        !take_signed(&line, &entry->mtime_s) || !take_number(&line, 10, UINT64_MAX, &entry->size) ||
        !take_number(&line, 16, UINT64_MAX, &entry->content) ||
        !take_number(&line, 16, UINT64_MAX, &entry->xattrs) || !decode_path(line, &reader->path))
        return false;
    entry->mode = (mode_t)mode;
    entry->uid = (uid_t)uid;
    entry->gid = (gid_t)gid;
    entry->path = buf_text(&reader->path);
    return true;
}

static int check_end(struct contents_reader *reader, const char *whole_line, struct mcpd_error *err)
{
    const char *line = whole_line + strlen(END_WORD);
    struct contents_total total = {0};
    char *more = NULL;
    uint64_t crc = 0;
    size_t length = 0;
    int rc;

    if (!take_number(&line, 10, UINT64_MAX, &total.entries) ||
        !take_number(&line, 10, UINT64_MAX, &total.bytes) ||
        !take_number(&line, 10, UINT64_MAX, &total.disk_bytes) ||
        (strchr(line, ' ') && !take_number(&line, 10, UINT64_MAX, &total.tar_bytes)))
        return damaged("its end cannot be read", err);
    reader->crc = crc64_update(reader->crc, whole_line, (size_t)(line - whole_line));
    if (!take_number(&line, 16, UINT64_MAX, &crc) || *line != '\0')
        return damaged("its end cannot be read", err);
    if (crc != reader->crc || total.entries != reader->total.entries ||
        total.bytes != reader->total.bytes)
        return damaged("its checksum does not match", err);
    reader->total.disk_bytes = total.disk_bytes;
    reader->total.tar_bytes = total.tar_bytes;
    rc = next_line(reader, &more, &length, err);
    return rc == 0 && more ? damaged("something follows its end", err) : rc;
}

int contents_reader_next(struct contents_reader *reader, struct contents_entry *ret_entry,
                         bool *ret_is_end, struct mcpd_error *err)
{
    char *line = NULL;
    size_t length = 0;
    int rc = next_line(reader, &line, &length, err);

    if (rc < 0)
        return rc;
    if (!line || strlen(line) != length)
        return damaged(line ? "a line holds a NUL" : "its end is missing", err);
    *ret_is_end = str_has_prefix(line, END_WORD);
    if (*ret_is_end)
        return check_end(reader, line, err);
    if (!parse_entry(reader, line, ret_entry))
        return damaged("a line cannot be read", err);
    reader->crc = crc64_update(crc64_update(reader->crc, line, length), "\n", 1);
    reader->total.entries++;
    reader->total.bytes += ret_entry->type == CONTENTS_TYPE_FILE ? ret_entry->size : 0;
    return 0;
}

/* ------------------------------------------------------------------ refreshing */

static bool is_listed(const char *paths, size_t length, const char *path)
{
    for (size_t at = 0; at < length; at += strlen(paths + at) + 1)
        if (strcmp(paths + at, path) == 0)
            return true;
    return false;
}

static int describe_again(int fs_fd, struct contents_entry *entry, struct mcpd_error *err)
{
    CLEANUP_FD int fd =
        saferoot_open(fs_fd, entry->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
    const char *path = entry->path;
    int rc;

    if (fd < 0)
        return fd;
    rc = contents_describe_dir(fd, entry, err);
    entry->path = path;
    return rc;
}

static int rewrite(struct contents_reader *reader, struct writer *writer, int fs_fd,
                   const char *paths, size_t length, struct mcpd_error *err)
{
    for (;;) {
        struct contents_entry entry;
        bool is_end = false;
        int rc = contents_reader_next(reader, &entry, &is_end, err);

        if (rc == 0 && is_end)
            return write_end(writer, &reader->total, err);
        if (rc == 0 && entry.type == CONTENTS_TYPE_DIR && is_listed(paths, length, entry.path))
            rc = describe_again(fs_fd, &entry, err);
        if (rc == 0)
            rc = write_entry(writer, &entry, err);
        if (rc < 0)
            return rc;
    }
}

int contents_file_refresh(int dir_fd, const char *paths, size_t length, struct mcpd_error *err)
{
    CLEANUP_CONTENTS_READER struct contents_reader reader;
    CLEANUP_FD int old_fd = openat(dir_fd, CONTENTS_FILE_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    CLEANUP_FD int fs_fd = -1;
    CLEANUP_FD int new_fd = -1;
    struct writer writer;
    int rc;

    contents_reader_init(&reader, old_fd);
    if (old_fd < 0)
        return errno == ENOENT ? 0 : error_errno(err, "open " CONTENTS_FILE_NAME);
    new_fd = openat(dir_fd, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (new_fd < 0)
        return error_errno(err, "create " NEW_NAME);
    rc = fs_open_dir(dir_fd, "fs", &fs_fd, err);
    if (rc < 0)
        return rc;
    writer = (struct writer){.fd = new_fd};
    buf_init(&writer.text, BUFFER_BYTES);
    rc = rewrite(&reader, &writer, fs_fd, paths, length, err);
    buf_done(&writer.text);
    if (rc == 0 && renameat(dir_fd, NEW_NAME, dir_fd, CONTENTS_FILE_NAME) < 0)
        return error_errno(err, "rename " NEW_NAME);
    return rc;
}
