/*
 * logfile_read.c - reading the log of a container: the last lines, a span of time, and on as it
 * grows.
 *
 * Theory of operation. The file with the highest number is the oldest, so it is read first. All are
 * opened before the first is read, and a rotation in between is seen by the inode behind the name
 * `log`. The last N lines are found from the end in blocks, never by reading the whole. To follow,
 * the folder is watched by inotify; when the file being read has got a number, it is read to its
 * end through the descriptor we have, then the one that came after it from its start. The end of
 * the container comes as the end of a connection to its monitor, which has written the last record
 * before it hangs up; one more read after that, and all is said.
 */
#include "runtime/logfile.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fsutil.h"
#include "base/str.h"

#define BUFFER_SIZE   (128 * 1024) /* more than the longest record of ours */
#define BLOCK_SIZE    (64 * 1024)
#define NS_PER_MS     1000000
#define STAMP_SIZE    40
#define FOR_EVER      (-1)

#define OPEN_ATTEMPTS 10 /* of a set of files that is rotated meanwhile */

struct reader {
    const struct logfile_place *place;
    int fd;           /* the file being read; -1: none */
    char *buffer;     /* BUFFER_SIZE, owned */
    size_t length;    /* of an unfinished record in it */
    bool is_skipping; /* a record longer than the buffer */
    bool is_done;     /* the caller has enough, or `until` is reached */
    const struct mcpd_logs_options *options;
    mcpd_log_function function;
    void *context;
};

/* --- records ------------------------------------------------------------------------------ */

struct record {
    enum mcpd_log_stream stream;
    bool is_line_end;
    int64_t unix_ns;
    const char *bytes;
    size_t count;
};

static bool parse_stamp(const char *text, size_t length, int64_t *ret_unix_ns)
{
    char stamp[STAMP_SIZE];

    if (length >= sizeof(stamp))
        return false;
    memcpy(stamp, text, length);
    stamp[length] = '\0';
    return clock_parse_rfc3339(stamp, ret_unix_ns) == 0;
}

/* A line without its line end: "STAMP stdout F bytes". */
static bool parse_record(const char *line, size_t length, struct record *ret_record)
{
    const char *end = line + length;
    const char *stamp_end = memchr(line, ' ', length);
    const char *stream = stamp_end ? stamp_end + 1 : end;

    if (end - stream < 9 || stream[6] != ' ' || stream[8] != ' ' ||
        !parse_stamp(line, (size_t)(stamp_end - line), &ret_record->unix_ns))
        return false;
    if (memcmp(stream, "stdout", 6) == 0)
        ret_record->stream = MCPD_LOG_STDOUT;
    else if (memcmp(stream, "stderr", 6) == 0)
        ret_record->stream = MCPD_LOG_STDERR;
    else
        return false;
    ret_record->is_line_end = stream[7] == 'F';
    ret_record->bytes = stream + 9;
    ret_record->count = (size_t)(end - ret_record->bytes);
    return true;
}

static void pass_on(struct reader *reader, const char *line, size_t length)
{
    const struct mcpd_logs_options *options = reader->options;
    struct record record;

    if (!parse_record(line, length, &record)) /* not ours, or damaged by a power cut */
        return;
    if (options->until_unix_ns != 0 && record.unix_ns > options->until_unix_ns) {
        reader->is_done = true;
        return;
    }
    if (record.unix_ns < options->since_unix_ns)
        return;
    reader->is_done = reader->function(reader->context, record.stream, record.unix_ns, record.bytes,
                                       record.count, record.is_line_end) != 0;
}

/* Passes on the whole records of the buffer and keeps the rest. */
static void use_buffer(struct reader *reader)
{
    size_t start = 0;

    while (!reader->is_done) {
        const char *line = reader->buffer + start;
        const char *newline = memchr(line, '\n', reader->length - start);

        if (!newline)
            break;
        if (!reader->is_skipping)
            pass_on(reader, line, (size_t)(newline - line));
        reader->is_skipping = false;
        start += (size_t)(newline - line) + 1;
    }
    reader->length -= start;
    memmove(reader->buffer, reader->buffer + start, reader->length);
    if (reader->length == BUFFER_SIZE) {
        reader->is_skipping = true;
        reader->length = 0;
    }
}

/* Up to the present end of the file. */
static int read_on(struct reader *reader, struct mcpd_error *err)
{
    while (!reader->is_done) {
        ssize_t count =
            read(reader->fd, reader->buffer + reader->length, BUFFER_SIZE - reader->length);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_errno(err, "read the log");
        if (count == 0)
            return 0;
        reader->length += (size_t)count;
        use_buffer(reader);
    }
    return 0;
}

/* --- the last lines -----------------------------------------------------------------------------
 */

struct tail {
    int64_t wanted;
    int64_t seen;     /* lines so far, from the end */
    bool is_at_end;   /* no record seen yet */
    bool is_complete; /* the start was found */
    off_t start;
};

/* The record that starts here; behind it everything is wanted. True: its line is one too many. */
static bool count_record(struct tail *tail, const char *text, size_t length)
{
    const char *stamp_end = memchr(text, ' ', length);
    bool is_line_end = !stamp_end || stamp_end + 8 >= text + length || stamp_end[8] != 'P';

    if (is_line_end || tail->is_at_end) {
        if (tail->seen == tail->wanted)
            return true;
        tail->seen++;
    }
    tail->is_at_end = false;
    return false;
}

/* Looks at the records that start in text[0..block), last first. `behind` bytes of the following
 * block are there too, so that every header can be read. position: of text in the file. */
static void scan_block(struct tail *tail, const char *text, size_t block, size_t behind,
                       off_t position)
{
    size_t i = block;

    while (i > 0 && !tail->is_complete) {
        i--;
        if (i + 1 == block + behind) /* the line end of the last record starts nothing */
            continue;
        if (text[i] == '\n' && count_record(tail, text + i + 1, block + behind - i - 1)) {
            tail->is_complete = true;
            break;
        }
        if (text[i] == '\n')
            tail->start = position + (off_t)i + 1;
    }
    if (!tail->is_complete && position == 0 && block + behind > 0) {
        tail->is_complete = count_record(tail, text, block + behind);
        if (!tail->is_complete)
            tail->start = 0;
    }
}

/* Where the last lines of this file start; all of it when it has fewer than are wanted. */
static int find_tail(int fd, struct tail *tail, struct mcpd_error *err)
{
    CLEANUP_FREE char *buffer = malloc(BLOCK_SIZE + STAMP_SIZE + 16);
    size_t behind = 0;
    struct stat st;
    off_t position;

    if (!buffer)
        return error_no_memory(err, "log");
    if (fstat(fd, &st) < 0)
        return error_errno(err, "stat the log");
    tail->start = position = st.st_size;
    while (position > 0 && !tail->is_complete) {
        size_t block = position < BLOCK_SIZE ? (size_t)position : BLOCK_SIZE;

        position -= (off_t)block;
        memmove(buffer + block, buffer, behind); /* the beginning of the block behind this one */
        if (pread(fd, buffer, block, position) != (ssize_t)block)
            return error_errno(err, "read the log");
        scan_block(tail, buffer, block, behind, position);
        behind = block < STAMP_SIZE + 16 ? block : STAMP_SIZE + 16;
    }
    return 0;
}

/* --- the files of a log --------------------------------------------------------------------- */

/* As they belong together, the newest first; -1 where there is none. */
struct log_files {
    int fds[LOGFILE_MAX_FILES];
    size_t count;
};

static void log_files_done(struct log_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        cleanup_close_fd(&files->fds[i]);
        files->fds[i] = -1;
    }
    files->count = 0;
}

static int open_file(const struct logfile_place *place, unsigned int number, int *ret_fd,
                     struct mcpd_error *err)
{
    char name[LOGFILE_NAME_SIZE];

    logfile_name(place, number, name);
    *ret_fd =
        openat(place->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    return *ret_fd < 0 && errno != ENOENT ? error_errno(err, "open the log") : 0;
}

static bool is_file_number(int fd, const struct logfile_place *place, unsigned int number)
{
    char name[LOGFILE_NAME_SIZE];
    struct stat opened;
    struct stat named;

    logfile_name(place, number, name);
    return fd >= 0 && fstat(fd, &opened) == 0 &&
           fstatat(place->dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

static bool is_same_file(int a, int b)
{
    struct stat left;
    struct stat right;

    return a >= 0 && b >= 0 && fstat(a, &left) == 0 && fstat(b, &right) == 0 &&
           left.st_ino == right.st_ino && left.st_dev == right.st_dev;
}

/* Numbers are given without gaps but for a moment of rotation. */
static int open_all(const struct logfile_place *place, struct log_files *files,
                    struct mcpd_error *err)
{
    size_t missing = 0;

    for (unsigned int number = 0; number < LOGFILE_MAX_FILES && missing < 2; number++) {
        int *fd = &files->fds[files->count];
        int rc = open_file(place, number, fd, err);

        if (rc < 0)
            return rc;
        missing = *fd >= 0 || number == 0 ? 0 : missing + 1;
        files->count++;
        if (number > 0 && is_same_file(*fd, *(fd - 1))) { /* it has just got the next number */
            cleanup_close_fd(fd);
            *fd = -1;
        }
    }
    return 0;
}

static int open_files(const struct logfile_place *place, struct log_files *files,
                      struct mcpd_error *err)
{
    for (int attempt = 0;; attempt++) {
        int rc = open_all(place, files, err);

        if (rc < 0 || files->fds[0] < 0 || is_file_number(files->fds[0], place, 0) ||
            attempt == OPEN_ATTEMPTS)
            return rc;
        log_files_done(files);
    }
}

/* To the start of the last lines: from the newest file back. */
static int seek_tail(const struct log_files *files, int64_t wanted, struct mcpd_error *err)
{
    struct tail tail = {.wanted = wanted, .is_at_end = true};

    for (size_t i = 0; i < files->count; i++) {
        int fd = files->fds[i];
        bool is_behind = tail.is_complete;
        int rc = fd < 0 || is_behind ? 0 : find_tail(fd, &tail, err);

        if (rc < 0)
            return rc;
        if (fd >= 0 && lseek(fd, is_behind ? 0 : tail.start, is_behind ? SEEK_END : SEEK_SET) < 0)
            return error_errno(err, "seek in the log");
    }
    return 0;
}

/* What is there now. Leaves the reader at the end of the newest. */
static int read_files(struct reader *reader, struct mcpd_error *err)
{
    CLEANUP(log_files_done) struct log_files files = {.count = 0};
    int rc = open_files(reader->place, &files, err);

    if (rc == 0 && reader->options->tail_lines >= 0)
        rc = seek_tail(&files, reader->options->tail_lines, err);
    for (size_t i = files.count; rc == 0 && i > 0; i--) {
        if (files.fds[i - 1] < 0)
            continue;
        cleanup_close_fd(&reader->fd);
        reader->fd = TAKE_FD(files.fds[i - 1]);
        reader->length = 0;
        rc = read_on(reader, err);
    }
    return rc;
}

/* --- following
 * --------------------------------------------------------------------------------------- */

/* The number that the file being read has now; LOGFILE_MAX_FILES: it is gone, or there is none. */
static unsigned int number_of_current(const struct reader *reader)
{
    unsigned int number = 0;

    while (number < LOGFILE_MAX_FILES && !is_file_number(reader->fd, reader->place, number))
        number++;
    return number;
}

/* The oldest that is left. */
static unsigned int oldest_number(const struct logfile_place *place)
{
    unsigned int number = LOGFILE_MAX_FILES - 1;
    char name[LOGFILE_NAME_SIZE];
    struct stat st;

    for (; number > 0; number--) {
        logfile_name(place, number, name);
        if (fstatat(place->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            break;
    }
    return number;
}

/* Goes over to what came after the file being read, which has `number`. False: there is nothing.
 * A rotation at this moment leaves everything as it is, for the next look. */
static int change_file(struct reader *reader, unsigned int number, bool *ret_is_there,
                       struct mcpd_error *err)
{
    bool is_gone = number == LOGFILE_MAX_FILES;
    CLEANUP_FD int fd = -1;
    int rc =
        open_file(reader->place, is_gone ? oldest_number(reader->place) : number - 1, &fd, err);

    *ret_is_there = fd >= 0;
    if (rc < 0 || fd < 0 || (!is_gone && !is_file_number(reader->fd, reader->place, number)))
        return rc;
    cleanup_close_fd(&reader->fd);
    reader->fd = TAKE_FD(fd);
    reader->length = 0;
    return 0;
}

/* Up to the end of what is written now, over all rotations since. A file that has a number is not
 * written any more, and what came after it has the number before. */
static int read_news(struct reader *reader, struct mcpd_error *err)
{
    bool is_there = true;

    while (!reader->is_done && is_there) {
        unsigned int number = number_of_current(reader);
        int rc = reader->fd >= 0 ? read_on(reader, err) : 0;

        if (rc == 0 && number > 0)
            rc = change_file(reader, number, &is_there, err);
        if (rc < 0 || number == 0)
            return rc;
    }
    return 0;
}

static int wait_ms(const struct mcpd_logs_options *options)
{
    int64_t left_ms;

    if (options->until_unix_ns == 0)
        return FOR_EVER;
    left_ms = (options->until_unix_ns - clock_unix_ns()) / NS_PER_MS + 1;
    if (left_ms < 0)
        return 0;
    return left_ms < INT_MAX ? (int)left_ms : INT_MAX;
}

static void drain_events(int watch_fd)
{
    char events[4096];

    while (read(watch_fd, events, sizeof(events)) > 0)
        ;
}

static int follow(struct reader *reader, int watch_fd, int end_fd, struct mcpd_error *err)
{
    bool has_ended = end_fd < 0;
    int rc = 0;

    while (rc == 0 && !reader->is_done) {
        struct pollfd fds[] = {{.fd = watch_fd, .events = POLLIN},
                               {.fd = end_fd, .events = POLLIN}};
        int ready;

        rc = read_news(reader, err);
        if (rc < 0 || has_ended || reader->is_done)
            break;
        ready = poll(fds, ARRAY_SIZE(fds), wait_ms(reader->options));
        if (ready < 0 && errno != EINTR)
            return error_errno(err, "wait for output");
        if (ready == 0)
            break;
        drain_events(watch_fd);
        has_ended = ready > 0 && fds[1].revents != 0;
    }
    return rc;
}

static int watch_folder(int dir_fd, int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FD int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    char path[FS_FD_PATH_SIZE];

    if (fd < 0 || inotify_add_watch(fd, fs_fd_path(dir_fd, path),
                                    IN_MODIFY | IN_CREATE | IN_MOVED_FROM | IN_ONLYDIR) < 0)
        return error_errno(err, "watch the log");
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static void reader_done(struct reader *reader)
{
    cleanup_close_fd(&reader->fd);
    free(reader->buffer);
}

int logfile_read(const struct logfile_place *place, const struct mcpd_logs_options *options,
                 int end_fd, mcpd_log_function function, void *context, struct mcpd_error *err)
{
    CLEANUP(reader_done)
    struct reader reader = {.place = place,
                            .fd = -1,
                            .options = options,
                            .function = function,
                            .context = context,
                            .buffer = malloc(BUFFER_SIZE)};
    CLEANUP_FD int watch_fd = -1;
    int rc = 0;

    if (!reader.buffer)
        return error_no_memory(err, "log");
    if (options->follow && end_fd >= 0) /* before the first look, so that nothing is missed */
        rc = watch_folder(place->dir_fd, &watch_fd, err);
    if (rc == 0)
        rc = read_files(&reader, err);
    if (rc == 0 && watch_fd >= 0)
        rc = follow(&reader, watch_fd, end_fd, err);
    return rc;
}
