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
 * it has read.
 *
 * Rotation: when the file would grow beyond its maximum, log.1 becomes log.2 and so on, log becomes
 * log.1, what has too high a number is gone, and a new log is begun. That happens where neither
 * stream is inside of a line, so what is left always begins with a whole line. Only a line that
 * alone would fill twice the maximum is cut: the disk comes first. Where the process may not write
 * files as long as that (RLIMIT_FSIZE), the maximum is less.
 *
 * A full disk must not stop a container: what cannot be written is dropped, and the file is cut
 * back to its last whole record. Times are UTC, so that records sort as text.
 */
#include "runtime/logfile.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/str.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define DATE_LENGTH   19

static char line_end[] = "\n";

/* --- places ------------------------------------------------------------------------------- */

/* Written to /dev/null and the like, a log is kept nowhere. */
static bool is_fit(mode_t mode)
{
    return S_ISREG(mode) || S_ISCHR(mode);
}

static int check_file(int dir_fd, const char *name, const char *path, struct mcpd_error *err)
{
    struct stat st;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || is_fit(st.st_mode))
        return 0; /* made with the first record */
    return error_set(err, MCPD_E_INVALID, "the log '%s' is no regular file", path);
}

int logfile_check(const char *path, struct mcpd_error *err)
{
    return check_file(AT_FDCWD, path, path, err);
}

int logfile_find(int container_dir_fd, const char *path, struct logfile_place *ret_place,
                 struct mcpd_error *err)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    CLEANUP_FREE char *folder = NULL;
    CLEANUP(logfile_place_done)
    struct logfile_place place = {.dir_fd = container_dir_fd, .name = "log"};
    int rc;

    if (slash) {
        folder = strndup(path, (size_t)(slash - path) + 1);
        if (!folder)
            return error_no_memory(err, "log");
        if (slash[1] == '\0' || str_copy(place.name, LOGFILE_LONGEST_NAME + 1, slash + 1) < 0)
            return error_set(err, MCPD_E_INVALID, "'%s' is no name for a log", path);
        place.owns_dir = true;
        place.dir_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (place.dir_fd < 0)
            return error_errno(err, "open the log '%s'", path);
    }
    rc = check_file(place.dir_fd, place.name, path ? path : place.name, err);
    if (rc < 0)
        return rc;
    *ret_place = place;
    place.owns_dir = false;
    return 0;
}

void logfile_place_done(struct logfile_place *place)
{
    if (place->owns_dir)
        cleanup_close_fd(&place->dir_fd);
    place->owns_dir = false;
    place->dir_fd = -1;
}

void logfile_name(const struct logfile_place *place, unsigned int number,
                  char name[LOGFILE_NAME_SIZE])
{
    if (number == 0)
        (void)snprintf(name, LOGFILE_NAME_SIZE, "%s", place->name);
    else
        (void)snprintf(name, LOGFILE_NAME_SIZE, "%.*s.%u", LOGFILE_LONGEST_NAME, place->name,
                       number % LOGFILE_MAX_FILES);
}

/* --- the file that is written --------------------------------------------------------------- */

void logfile_done(struct logfile *log)
{
    cleanup_close_fd(&log->fd);
    log->fd = -1;
}

/* Without waiting for whatever may have come to that place. */
static void open_file(struct logfile *log)
{
    struct stat st;

    log->size_bytes = 0;
    log->fd = openat(log->place->dir_fd, log->place->name,
                     O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
                     0600);
    if (log->fd < 0)
        return;
    if (fstat(log->fd, &st) < 0 || !is_fit(st.st_mode))
        logfile_done(log);
    else if (S_ISREG(st.st_mode))
        log->size_bytes = (uint64_t)st.st_size;
    else
        log->limits.max_bytes = LOGFILE_UNLIMITED; /* a device is never renamed */
}

void logfile_open(const struct logfile_place *place, const struct logfile_limits *limits,
                  struct logfile *ret_log)
{
    ret_log->place = place;
    ret_log->limits.max_bytes = limits->max_bytes ? limits->max_bytes : LOGFILE_DEFAULT_MAX_BYTES;
    ret_log->limits.files = limits->files ? limits->files : LOGFILE_DEFAULT_FILES;
    ret_log->second = -1;
    ret_log->part_count = 0;
    ret_log->batch_bytes = 0;
    ret_log->is_inside[0] = ret_log->is_inside[1] = false;
    open_file(ret_log);
}

/* Half of it, as a line may take a file to twice its maximum. */
void logfile_set_longest(struct logfile *log, uint64_t longest_bytes)
{
    if (log->limits.max_bytes > longest_bytes / 2)
        log->limits.max_bytes = longest_bytes / 2;
}

/* What cannot be renamed is written on: rather too long than lost. */
static void rotate(struct logfile *log)
{
    int dir_fd = log->place->dir_fd;
    char from[LOGFILE_NAME_SIZE];
    char to[LOGFILE_NAME_SIZE];

    for (unsigned int number = log->limits.files - 1; number > 0; number--) {
        logfile_name(log->place, number - 1, from);
        logfile_name(log->place, number, to);
        (void)renameat(dir_fd, from, dir_fd, to);
    }
    if (log->limits.files == 1)
        (void)unlinkat(dir_fd, log->place->name, 0);
    logfile_done(log);
    open_file(log);
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

/* Would `count` more bytes be too many, and is this the place for a new file? */
static bool is_due(const struct logfile *log, size_t count)
{
    uint64_t before = log->size_bytes + log->batch_bytes;
    bool is_between_lines = !log->is_inside[0] && !log->is_inside[1];

    if (before == 0 || before + count <= log->limits.max_bytes)
        return false;
    return is_between_lines || before + count > 2 * log->limits.max_bytes;
}

void logfile_write(struct logfile *log, enum mcpd_log_stream stream, const char *bytes,
                   size_t count)
{
    const char *name = stream == MCPD_LOG_STDERR ? "stderr" : "stdout";
    const char *end = bytes + count;
    int64_t now_ns = clock_unix_ns();
    char full[LOGFILE_HEADER_SIZE];
    char partial[LOGFILE_HEADER_SIZE];
    size_t header_length = make_header(log, now_ns, name, 'F', full);

    (void)make_header(log, now_ns, name, 'P', partial);
    if (log->fd < 0)
        open_file(log);
    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        const char *next = newline ? newline + 1 : end;

        if (is_due(log, header_length + (size_t)(next - bytes) + !newline)) {
            flush(log);
            rotate(log);
        }
        add_part(log, newline ? full : partial, header_length);
        add_part(log, bytes, (size_t)(next - bytes));
        if (!newline)
            add_part(log, line_end, 1);
        if (log->part_count > LOGFILE_PARTS - 3)
            flush(log);
        log->is_inside[stream == MCPD_LOG_STDERR] = !newline;
        bytes = next;
    }
    flush(log);
}
