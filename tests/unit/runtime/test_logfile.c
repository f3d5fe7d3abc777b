/* test_logfile.c - the output of a container: written, rotated, read back. */
#include "base/base_test.h"

#include <sys/resource.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "runtime/logfile.h"

/* What a reader gets: "o" and "e" before each piece, "\n" behind the last of a line. */
struct reader {
    struct buf text;
    size_t pieces;
    size_t stop_after; /* 0: never */
};

static int take(void *context, enum mcpd_log_stream stream, int64_t unix_ns, const char *bytes,
                size_t count, bool is_line_end)
{
    struct reader *reader = context;

    assert_true(unix_ns > 0);
    (void)buf_append(&reader->text, stream == MCPD_LOG_STDERR ? "e" : "o", 1);
    (void)buf_append(&reader->text, bytes, count);
    if (is_line_end)
        (void)buf_append(&reader->text, "\n", 1);
    return ++reader->pieces == reader->stop_after;
}

static void read_log(int dir_fd, const struct mcpd_logs_options *options, struct reader *reader)
{
    const struct logfile_place place = {.dir_fd = dir_fd, .name = "log"};
    struct mcpd_error err = {0};

    buf_init(&reader->text, 64 << 20);
    reader->pieces = 0;
    if (logfile_read(&place, options, -1, take, reader, &err) < 0)
        fail_msg("%s", err.message);
}

static void assert_log(int dir_fd, int64_t tail_lines, const char *text)
{
    const struct mcpd_logs_options options = {.tail_lines = tail_lines};
    struct reader reader = {0};

    read_log(dir_fd, &options, &reader);
    assert_string_equal(buf_text(&reader.text), text);
    buf_done(&reader.text);
}

struct place_and_log {
    struct logfile_place place;
    struct logfile log;
};

static struct logfile *open_files(int dir_fd, uint64_t max_bytes, unsigned int files)
{
    const struct logfile_limits limits = {.max_bytes = max_bytes, .files = files};
    struct place_and_log *both = calloc(1, sizeof(*both));

    assert_non_null(both);
    assert_int_equal(logfile_find(dir_fd, NULL, &both->place, NULL), 0);
    logfile_open(&both->place, &limits, &both->log);
    return &both->log;
}

static struct logfile *open_log(int dir_fd, uint64_t max_bytes)
{
    return open_files(dir_fd, max_bytes, 0);
}

static void close_log(struct logfile *log)
{
    struct place_and_log *both =
        (struct place_and_log *)((char *)log - offsetof(struct place_and_log, log));

    logfile_done(log);
    logfile_place_done(&both->place);
    free(both);
}

static void say(struct logfile *log, enum mcpd_log_stream stream, const char *text)
{
    logfile_write(log, stream, text, strlen(text));
}

static void test_lines_and_pieces(void **state)
{
    struct test_dir *dir = *state;
    struct logfile *log = open_log(dir->fd, 0);

    say(log, MCPD_LOG_STDOUT, "one\ntwo\n");
    say(log, MCPD_LOG_STDERR, "wrong\n");
    say(log, MCPD_LOG_STDOUT, "par");
    say(log, MCPD_LOG_STDERR, "x\n\n");
    say(log, MCPD_LOG_STDOUT, "tial\nend");
    close_log(log);
    assert_log(dir->fd, -1, "oone\notwo\newrong\noparex\ne\notial\noend");
}

static void test_format_on_disk(void **state)
{
    struct test_dir *dir = *state;
    struct logfile *log = open_log(dir->fd, 0);
    CLEANUP_FREE char *text = NULL;

    say(log, MCPD_LOG_STDOUT, "hello\n");
    say(log, MCPD_LOG_STDERR, "half");
    close_log(log);
    assert_int_equal(fs_read_file(dir->fd, "log", 4096, &text, NULL, NULL), 0);
    assert_int_equal(strncmp(text + 29, "+00:00 stdout F hello\n", 22), 0);
    assert_string_equal(text + 29 + 22 + 29, "+00:00 stderr P half\n");
    assert_true(text[4] == '-' && text[10] == 'T' && text[19] == '.');
}

static void test_bytes_stay_as_they_are(void **state)
{
    struct test_dir *dir = *state;
    const struct mcpd_logs_options options = {.tail_lines = -1};
    static const char bytes[] = "\0\377\r\33[0m\0\n\200";
    struct logfile *log = open_log(dir->fd, 0);
    struct reader reader = {0};

    logfile_write(log, MCPD_LOG_STDOUT, bytes, sizeof(bytes) - 1);
    close_log(log);
    read_log(dir->fd, &options, &reader);
    assert_int_equal(reader.text.length, sizeof(bytes) - 1 + 2);
    assert_memory_equal(reader.text.data + 1, bytes, 9);
    buf_done(&reader.text);
}

/* More lines than one writev takes, and a reader that has had enough. */
static void test_many_short_lines(void **state)
{
    struct test_dir *dir = *state;
    const struct mcpd_logs_options options = {.tail_lines = -1};
    struct logfile *log = open_log(dir->fd, 0);
    struct reader reader = {.stop_after = 0};
    char chunk[32768];

    for (size_t i = 0; i < sizeof(chunk); i += 2)
        memcpy(chunk + i, "y\n", 2);
    for (int i = 0; i < 3; i++)
        logfile_write(log, MCPD_LOG_STDOUT, chunk, sizeof(chunk));
    close_log(log);
    read_log(dir->fd, &options, &reader);
    assert_int_equal(reader.pieces, 3 * sizeof(chunk) / 2);
    buf_done(&reader.text);
    reader.stop_after = 5;
    read_log(dir->fd, &options, &reader);
    assert_string_equal(buf_text(&reader.text), "oy\noy\noy\noy\noy\n");
    buf_done(&reader.text);
}

static void test_tail(void **state)
{
    struct test_dir *dir = *state;
    struct logfile *log = open_log(dir->fd, 0);

    assert_log(dir->fd, 5, "");
    say(log, MCPD_LOG_STDOUT, "1\n2\n3");
    say(log, MCPD_LOG_STDOUT, "3\n4\n");
    assert_log(dir->fd, 0, "");
    assert_log(dir->fd, 1, "o4\n");
    assert_log(dir->fd, 2, "o3o3\no4\n");
    assert_log(dir->fd, 4, "o1\no2\no3o3\no4\n");
    assert_log(dir->fd, 99, "o1\no2\no3o3\no4\n");
    say(log, MCPD_LOG_STDOUT, "unfinished");
    assert_log(dir->fd, 1, "ounfinished");
    assert_log(dir->fd, 2, "o4\nounfinished");
    close_log(log);
}

/* Lines across two files and many blocks, from every start. */
static void test_tail_of_rotated_files(void **state)
{
    struct test_dir *dir = *state;
    struct logfile *log = open_log(dir->fd, 100000);
    CLEANUP_BUF struct buf all;
    const char *start;
    size_t total = 4000;
    struct stat st;

    buf_init(&all, 1 << 20);
    for (size_t i = 0; i < total; i++) {
        char line[64];

        (void)snprintf(line, sizeof(line), "line %zu of them\n", i);
        say(log, MCPD_LOG_STDOUT, line);
    }
    close_log(log);
    assert_int_equal(fstatat(dir->fd, "log", &st, 0), 0);
    assert_true(st.st_size <= 100100);
    assert_int_equal(fstatat(dir->fd, "log.1", &st, 0), 0);
    assert_true(st.st_size <= 100100 && st.st_size > 99000);
    for (size_t i = total - 2000; i < total; i++)
        (void)buf_append_format(&all, "oline %zu of them\n", i);
    start = buf_text(&all);
    for (size_t wanted = 2000; wanted > 0; wanted--) {
        if (wanted % 97 == 0 || wanted < 4)
            assert_log(dir->fd, (int64_t)wanted, start);
        start = strchr(start, '\n') + 1;
    }
}

/* A process that may not write long files: it begins a new one in time. */
static void test_limited_file_size(void **state)
{
    enum {
        LONGEST = 20000
    };
    struct test_dir *dir = *state;
    struct logfile *log = open_log(dir->fd, 0);
    struct rlimit before;
    struct rlimit limit;
    char piece[4000];
    struct stat st;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = LONGEST;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    logfile_set_longest(log, LONGEST);
    memset(piece, 'x', sizeof(piece));
    for (int i = 0; i < 20; i++)
        logfile_write(log, MCPD_LOG_STDOUT, piece, sizeof(piece)); /* one long line */
    say(log, MCPD_LOG_STDOUT, "its end\n");
    for (int i = 0; i < 1000; i++)
        say(log, MCPD_LOG_STDOUT, "a line\n");
    say(log, MCPD_LOG_STDOUT, "the last but one\nthe last\n");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    close_log(log);
    assert_log(dir->fd, 3, "oa line\nothe last but one\nothe last\n");
    assert_int_equal(fstatat(dir->fd, "log", &st, 0), 0);
    assert_true(st.st_size <= LONGEST);
    assert_int_equal(fstatat(dir->fd, "log.1", &st, 0), 0);
    assert_true(st.st_size <= LONGEST && st.st_size > LONGEST / 3);
}

static off_t size_of(int dir_fd, const char *name)
{
    struct stat st;

    return fstatat(dir_fd, name, &st, 0) == 0 ? st.st_size : -1;
}

/* What was written, and what comes back, stream by stream. */
struct both_streams {
    struct buf written[2];
    struct buf read[2];
};

static int take_stream(void *context, enum mcpd_log_stream stream, int64_t unix_ns,
                       const char *bytes, size_t count, bool is_line_end)
{
    struct both_streams *both = context;
    struct buf *text = &both->read[stream == MCPD_LOG_STDERR];

    assert_true(unix_ns > 0);
    (void)buf_append(text, bytes, count);
    if (is_line_end)
        (void)buf_append(text, "\n", 1);
    return 0;
}

/* Everything from the start of some line on. */
static void assert_whole_lines(int dir_fd, struct both_streams *both)
{
    const struct logfile_place place = {.dir_fd = dir_fd, .name = "log"};
    const struct mcpd_logs_options options = {.tail_lines = -1};

    both->read[0].length = both->read[1].length = 0;
    assert_int_equal(logfile_read(&place, &options, -1, take_stream, both, NULL), 0);
    for (int i = 0; i < 2; i++) {
        const struct buf *all = &both->written[i];
        size_t length = both->read[i].length;

        assert_true(length <= all->length);
        if (length == 0)
            continue;
        assert_memory_equal(all->data + all->length - length, both->read[i].data, length);
        assert_true(length == all->length || all->data[all->length - length - 1] == '\n');
    }
}

/* Pieces of lines on both streams, cut anywhere. */
static void test_no_torn_line(void **state)
{
    struct test_dir *dir = *state;
    struct logfile *log = open_files(dir->fd, 4000, 3);
    struct both_streams both;
    char rest[2][64] = {"", ""};
    unsigned int random = 12345;

    for (int i = 0; i < 2; i++) {
        buf_init(&both.written[i], 1 << 20);
        buf_init(&both.read[i], 1 << 20);
    }
    for (int i = 0; i < 3000; i++) {
        size_t stream = (random = random * 1103515245 + 12345) >> 16 & 1;
        char *text = rest[stream];
        size_t cut;

        if (*text == '\0')
            (void)snprintf(text, sizeof(rest[0]), "%d is the number of a line\n", i);
        cut = 1 + (random >> 17) % strlen(text);
        logfile_write(log, stream ? MCPD_LOG_STDERR : MCPD_LOG_STDOUT, text, cut);
        (void)buf_append(&both.written[stream], text, cut);
        memmove(text, text + cut, strlen(text + cut) + 1);
        if (i % 10 == 0)
            assert_whole_lines(dir->fd, &both);
        assert_true(size_of(dir->fd, "log") <= 8000);
    }
    close_log(log);
    assert_true(both.read[0].length > 500 && both.read[0].length < both.written[0].length / 2);
    assert_true(size_of(dir->fd, "log.1") > 3000);
    assert_true(size_of(dir->fd, "log.2") > 3000);
    assert_int_equal(size_of(dir->fd, "log.3"), -1);
    for (int i = 0; i < 2; i++) {
        buf_done(&both.written[i]);
        buf_done(&both.read[i]);
    }
}

/* A line that alone is larger than the log may be cut; the disk comes first. */
static void test_endless_line(void **state)
{
    struct test_dir *dir = *state;
    struct logfile *log = open_files(dir->fd, 10000, 2);
    static char chunk[1000];

    memset(chunk, 'x', sizeof(chunk));
    for (int i = 0; i < 200; i++) {
        logfile_write(log, MCPD_LOG_STDOUT, chunk, sizeof(chunk));
        assert_true(size_of(dir->fd, "log") <= 20000);
    }
    close_log(log);
    assert_true(size_of(dir->fd, "log.1") > 10000);
    assert_int_equal(size_of(dir->fd, "log.2"), -1);
}

static void test_one_file(void **state)
{
    struct test_dir *dir = *state;
    struct logfile *log = open_files(dir->fd, 200, 1);

    for (int i = 0; i < 10; i++)
        say(log, MCPD_LOG_STDOUT, "a line of some length\n");
    close_log(log);
    assert_true(size_of(dir->fd, "log") > 50 && size_of(dir->fd, "log") <= 200);
    assert_int_equal(size_of(dir->fd, "log.1"), -1);
}

static void test_place_of_its_own(void **state)
{
    struct test_dir *dir = *state;
    struct logfile_place place = LOGFILE_PLACE_NONE;
    struct mcpd_error err = {0};
    CLEANUP_FREE char *path = str_format("%s/own", dir->path);
    CLEANUP_FREE char *missing = str_format("%s/no/own", dir->path);
    char name[LOGFILE_NAME_SIZE];

    assert_int_equal(logfile_find(-1, path, &place, NULL), 0);
    logfile_name(&place, 0, name);
    assert_string_equal(name, "own");
    logfile_name(&place, 12, name);
    assert_string_equal(name, "own.12");
    logfile_place_done(&place);
    logfile_place_done(&place);
    assert_int_equal(logfile_find(-1, missing, &place, &err), -MCPD_E_NOT_FOUND);
    assert_int_equal(logfile_find(-1, "/tmp/", &place, &err), -MCPD_E_INVALID);
}

static void test_place_of_something_else(void **state)
{
    struct test_dir *dir = *state;
    struct logfile_place place = LOGFILE_PLACE_NONE;
    struct mcpd_error err = {0};
    CLEANUP_FREE char *path = str_format("%s/log", dir->path);
    CLEANUP_FREE char *text = str_format("the log '%s' is no regular file", path);

    assert_int_equal(logfile_check(path, &err), 0); /* nothing there yet */
    assert_int_equal(mkfifoat(dir->fd, "log", 0600), 0);
    assert_error(logfile_check(path, &err), err, MCPD_E_INVALID, text);
    assert_error(logfile_find(-1, path, &place, &err), err, MCPD_E_INVALID, text);
    assert_error(logfile_find(dir->fd, NULL, &place, &err), err, MCPD_E_INVALID,
                 "the log 'log' is no regular file");
    assert_int_equal(unlinkat(dir->fd, "log", 0), 0);
    assert_int_equal(symlinkat("elsewhere", dir->fd, "log"), 0);
    assert_int_equal(logfile_check(path, &err), -MCPD_E_INVALID);
    assert_int_equal(logfile_check("/dev/null", &err), 0);
}

/* It came after it was looked for: neither waited for nor written to. */
static void test_pipe_that_came_later(void **state)
{
    struct test_dir *dir = *state;
    struct logfile_place place = LOGFILE_PLACE_NONE;
    struct logfile_limits limits = {0};
    struct logfile log;
    CLEANUP_FD int fd = -1;
    char byte;

    assert_int_equal(logfile_find(dir->fd, NULL, &place, NULL), 0);
    assert_int_equal(mkfifoat(dir->fd, "log", 0600), 0);
    logfile_open(&place, &limits, &log);
    assert_int_equal(log.fd, -1);
    fd = openat(dir->fd, "log", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    logfile_open(&place, &limits, &log);
    assert_int_equal(log.fd, -1);
    logfile_write(&log, MCPD_LOG_STDOUT, "lost\n", 5);
    assert_true(read(fd, &byte, 1) <= 0);
    logfile_done(&log);
}

static void test_since_until(void **state)
{
    struct test_dir *dir = *state;
    struct mcpd_logs_options options = {.tail_lines = -1};
    struct reader reader = {0};

    put_file(dir->fd, "log",
             "2026-11-23T16:00:00.000000000+00:00 stdout F a\n"
             "2026-11-23T17:00:01.000000000+01:00 stdout F b\n"
             "2026-11-23T16:00:02Z stderr F c\n"
             "garbage\n"
             "2026-11-23T16:00:03Z stdout X\n"
             "2026-11-23T16:00:04.5+00:00 stdout F \n");
    assert_int_equal(clock_parse_rfc3339("2026-11-23T16:00:01Z", &options.since_unix_ns), 0);
    read_log(dir->fd, &options, &reader);
    assert_string_equal(buf_text(&reader.text), "ob\nec\no\n");
    buf_done(&reader.text);
    options.until_unix_ns = options.since_unix_ns + INT64_C(1000000000);
    read_log(dir->fd, &options, &reader);
    assert_string_equal(buf_text(&reader.text), "ob\nec\n");
    buf_done(&reader.text);
}

/* The disk is full: what does not fit is lost as a whole, and writing goes on later. */
static int full_disk(void *context)
{
    struct test_dir *dir = context;
    const struct rlimit small = {.rlim_cur = 200, .rlim_max = RLIM_INFINITY};
    const struct rlimit large = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    struct logfile *log = open_log(dir->fd, 0);
    struct stat st;

    (void)signal(SIGXFSZ, SIG_IGN);
    say(log, MCPD_LOG_STDOUT, "fits\n");
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    for (int i = 0; i < 5; i++)
        say(log, MCPD_LOG_STDOUT, "a line of some length that does not fit so often\n");
    CHECK(fstat(log->fd, &st) == 0);
    CHECK(st.st_size <= 200 && (uint64_t)st.st_size == log->size_bytes);
    CHECK(setrlimit(RLIMIT_FSIZE, &large) == 0);
    say(log, MCPD_LOG_STDOUT, "room again\n");
    close_log(log);
    return 0;
}

static void test_full_disk(void **state)
{
    struct test_dir *dir = *state;

    run_child(full_disk, dir, 0);
    assert_log(dir->fd, -1,
               "ofits\noa line of some length that does not fit so often\noroom again\n");
}

/* --- following ------------------------------------------------------------------------- */

struct writer {
    int dir_fd;
    int end_fd;
    unsigned int lines;
};

static int write_slowly(struct writer *writer)
{
    struct logfile *log = open_log(writer->dir_fd, 3000);

    for (unsigned int i = 0; i < writer->lines; i++) {
        char line[32];

        (void)snprintf(line, sizeof(line), "%u\n", i);
        say(log, MCPD_LOG_STDOUT, line);
        (void)usleep(500); /* about fifty lines for each file */
    }
    close_log(log);
    return 0;
}

static void test_follow_across_rotations(void **state)
{
    struct test_dir *dir = *state;
    const struct logfile_place place = {.dir_fd = dir->fd, .name = "log"};
    const struct mcpd_logs_options options = {.tail_lines = -1, .follow = true};
    struct writer writer = {.dir_fd = dir->fd, .lines = 400};
    struct reader reader = {0};
    struct mcpd_error err = {0};
    CLEANUP_BUF struct buf expected;
    int fds[2];
    pid_t pid;

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        close(fds[0]);
        _exit(write_slowly(&writer)); /* the end of the process closes the pipe */
    }
    close(fds[1]);
    buf_init(&reader.text, 1 << 20);
    assert_int_equal(logfile_read(&place, &options, fds[0], take, &reader, &err), 0);
    close(fds[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    buf_init(&expected, 1 << 20);
    for (unsigned int i = 0; i < writer.lines; i++)
        (void)buf_append_format(&expected, "o%u\n", i);
    assert_string_equal(buf_text(&reader.text), buf_text(&expected));
    buf_done(&reader.text);
}

static void test_follow_ends_at_until(void **state)
{
    struct test_dir *dir = *state;
    const struct logfile_place place = {.dir_fd = dir->fd, .name = "log"};
    struct mcpd_logs_options options = {.tail_lines = -1, .follow = true};
    struct reader reader = {0};
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    options.until_unix_ns = clock_unix_ns() + 50000000;
    buf_init(&reader.text, 1 << 20);
    assert_int_equal(logfile_read(&place, &options, fds[0], take, &reader, NULL), 0);
    assert_int_equal(reader.pieces, 0);
    buf_done(&reader.text);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_lines_and_pieces),
        DIR_TEST(test_format_on_disk),
        DIR_TEST(test_bytes_stay_as_they_are),
        DIR_TEST(test_many_short_lines),
        DIR_TEST(test_tail),
        DIR_TEST(test_tail_of_rotated_files),
        DIR_TEST(test_limited_file_size),
        DIR_TEST(test_no_torn_line),
        DIR_TEST(test_endless_line),
        DIR_TEST(test_one_file),
        DIR_TEST(test_place_of_its_own),
        DIR_TEST(test_place_of_something_else),
        DIR_TEST(test_pipe_that_came_later),
        DIR_TEST(test_since_until),
        DIR_TEST(test_full_disk),
        DIR_TEST(test_follow_across_rotations),
        DIR_TEST(test_follow_ends_at_until),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
