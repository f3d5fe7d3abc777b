/*
 * logfile.c - writing the output of a container; logfile_read.c reads it back.
 *
 * Theory of operation. The format is podman's k8s-file, one record per line:
 *
 *     2026-11-23T16:32:08.293006451+00:00 stdout F hello
 *
 * F ends a line of the container, P says that it goes on in the next record of the same stream:
 * what one read returned without a line end becomes a P record at once, so nothing waits in
 * memory and any byte but the line end stands for itself. A record holds at most what one read
 * returned.
 *
 * Everything that one read returned goes out in one writev of the caller's own memory with the
 * headers between; nothing is copied and nothing buffered, so a killed monitor loses nothing that
 * it has read. When the file would grow beyond its maximum it is renamed to log.1 (the one before
 * is gone) and a new one begun: at most twice the maximum is on disk.
 *
 * A full disk must not stop a container: what cannot be written is dropped, and the file is cut
 * back to its last whole record. Times are UTC, so that records sort as text.
 */
#include "runtime/logfile.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define DATE_LENGTH   19

static char line_end[] = "\n";

void logfile_open(int dir_fd, uint64_t max_bytes, struct logfile *ret_log)
{
    struct stat st;

    ret_log->dir_fd = dir_fd;
    ret_log->max_bytes = max_bytes ? max_bytes : LOGFILE_DEFAULT_MAX_BYTES;
    ret_log->second = -1;
    ret_log->part_count = 0;
    ret_log->batch_bytes = 0;
    ret_log->size_bytes = 0;
    ret_log->fd =
        openat(dir_fd, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (ret_log->fd >= 0 && fstat(ret_log->fd, &st) == 0)
        ret_log->size_bytes = (uint64_t)st.st_size;
}

void logfile_done(struct logfile *log)
{
    cleanup_close_fd(&log->fd);
    log->fd = -1;
}

static void rotate(struct logfile *log)
{
    (void)renameat(log->dir_fd, "log", log->dir_fd, "log.1");
    logfile_done(log);
    logfile_open(log->dir_fd, log->max_bytes, log);
}

/* What is left of a batch after `written` bytes of it. */
static void skip_written(struct iovec **parts, size_t *count, size_t written)
{
    while (*count > 0 && written >= (*parts)->iov_len) {
        written -= (*parts)->iov_len;
        (*parts)++;
        (*count)--;
    }
    if (*count > 0) {
        (*parts)->iov_base = (char *)(*parts)->iov_base + written;
        (*parts)->iov_len -= written;
    }
}

static void flush(struct logfile *log)
{
    struct iovec *parts = log->parts;
    size_t count = log->part_count;
    size_t batch_bytes = log->batch_bytes;

    log->part_count = 0;
    log->batch_bytes = 0;
    if (count == 0 || log->fd < 0)
        return;
    while (count > 0) {
        ssize_t written = writev(log->fd, parts, (int)count);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            (void)!ftruncate(log->fd, (off_t)log->size_bytes);
            return;
        }
        skip_written(&parts, &count, (size_t)written);
    }
    log->size_bytes += batch_bytes;
}

static void add_part(struct logfile *log, const void *bytes, size_t count)
{
    struct iovec *part = &log->parts[log->part_count++];

    memcpy(&part->iov_base, &bytes, sizeof(bytes)); /* writev only reads, its type cannot say so */
    part->iov_len = count;
    log->batch_bytes += count;
}

/* "2026-11-23T16:32:08.293006451+00:00 stdout F " */
static size_t make_header(struct logfile *log, int64_t now_ns, const char *stream, char tag,
                          char buffer[LOGFILE_HEADER_SIZE])
{
    int length;

    if (now_ns / NS_PER_SECOND != log->second) {
        char date[CLOCK_RFC3339_SIZE];

        log->second = now_ns / NS_PER_SECOND;
        clock_format_rfc3339(log->second * NS_PER_SECOND, date);
        memcpy(log->date, date, DATE_LENGTH);
        log->date[DATE_LENGTH] = '\0';
    }
    length = snprintf(buffer, LOGFILE_HEADER_SIZE, "%s.%09u+00:00 %s %c ", log->date,
                      (unsigned int)(now_ns % NS_PER_SECOND), stream, tag);
    return length < LOGFILE_HEADER_SIZE ? (size_t)length : LOGFILE_HEADER_SIZE - 1;
}

void logfile_write(struct logfile *log, enum mcpd_log_stream stream, const char *bytes,
                   size_t count)
{
    const char *name = stream == MCPD_LOG_STDERR ? "stderr" : "stdout";
    const char *end = bytes + count;
    int64_t now_ns = clock_unix_ns();
    char full[LOGFILE_HEADER_SIZE];
    char partial[LOGFILE_HEADER_SIZE];
    size_t full_length = make_header(log, now_ns, name, 'F', full);
    size_t partial_length = make_header(log, now_ns, name, 'P', partial);

    if (log->fd < 0)
        logfile_open(log->dir_fd, log->max_bytes, log);
    /* The headers cost as much again with short lines; what is meant is about the maximum. */
    if (log->size_bytes > 0 && log->size_bytes + count > log->max_bytes)
        rotate(log);
    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        const char *next = newline ? newline + 1 : end;

        add_part(log, newline ? full : partial, newline ? full_length : partial_length);
        add_part(log, bytes, (size_t)(next - bytes));
        if (!newline)
            add_part(log, line_end, 1);
        if (log->part_count > LOGFILE_PARTS - 3)
            flush(log);
        bytes = next;
    }
    flush(log);
}
