/* test_worker.c - the processes that unpack: results, failures, deaths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/layer/worker.h"

#include "base/fsutil.h"
#include "base/userns.h"
#include "support/layer_tar.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct place {
    char path[64];
    int fs_fd;
    int contents_fd;
    struct worker_pool pool;
    struct layer_tar tar;
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    struct mcpd_error error = {0};

    assert_non_null(place);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)snprintf(place->path, sizeof(place->path), "/var/tmp/mcpd-unit-XXXXXX");
    assert_non_null(mkdtemp(place->path));
    place->fs_fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    place->contents_fd = memfd_create("contents", MFD_CLOEXEC);
    assert_true(place->fs_fd >= 0 && place->contents_fd >= 0);
    if (worker_pool_start(&place->pool, &error) < 0)
        fail_msg("%s", error.message);
    layer_tar_init(&place->tar);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;

    worker_pool_done(&place->pool);
    (void)close(place->fs_fd);
    (void)close(place->contents_fd);
    assert_int_equal(userns_remove_tree(AT_FDCWD, place->path, NULL), 0);
    layer_tar_done(&place->tar);
    free(place);
    return 0;
}

static void start(struct place *place, struct worker *worker)
{
    struct mcpd_error error = {0};

    if (worker_start(&place->pool, place->fs_fd, place->contents_fd, -1, worker, &error) < 0)
        fail_msg("%s", error.message);
    /* The tests write in one go. */
    assert_int_equal(fcntl(worker->input_fd, F_SETFL, 0), 0);
}

static void test_result(void **state)
{
    struct place *place = *state;
    CLEANUP_WORKER struct worker worker = WORKER_NONE;
    struct unpack_result result = {0};
    struct mcpd_error error = {0};
    struct digest expected;
    struct stat st;

    layer_tar_file(&place->tar, "dir/file", "contents");
    layer_tar_end(&place->tar);
    expected = layer_tar_digest(place->tar.bytes.data, place->tar.bytes.length);
    start(place, &worker);
    assert_int_equal(
        fs_write_all(worker.input_fd, place->tar.bytes.data, place->tar.bytes.length, "tar", NULL),
        0);
    worker_end_input(&worker);
    if (worker_finish(&worker, &result, &error) < 0)
        fail_msg("%s", error.message);
    assert_true(digest_equal(&expected, &result.diff_id));
    assert_int_equal(result.entries, 1);
    assert_int_equal(result.implied_bytes, 4);
    assert_string_equal(result.implied, "dir");
    unpack_result_done(&result);
    /* The caller's umask is not the worker's. */
    assert_int_equal(fstatat(place->fs_fd, "dir/file", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    /* The root, dir, dir/file and the end. */
    assert_int_equal(fstat(place->contents_fd, &st), 0);
    assert_true(st.st_size > 100);
    assert_int_equal(result.file_bytes, 8);
    assert_true(result.disk_bytes > 0);
}

static void test_failure(void **state)
{
    struct place *place = *state;
    CLEANUP_WORKER struct worker worker = WORKER_NONE;
    struct unpack_result result = {0};
    struct mcpd_error error = {0};

    layer_tar_file(&place->tar, "../file", "contents");
    start(place, &worker);
    assert_int_equal(
        fs_write_all(worker.input_fd, place->tar.bytes.data, place->tar.bytes.length, "tar", NULL),
        0);
    /* It does not wait for the rest. */
    assert_int_equal(worker_finish(&worker, &result, &error), -MCPD_E_CORRUPT);
    assert_non_null(strstr(error.message, "outside"));
}

static void test_abandoned(void **state)
{
    struct place *place = *state;
    struct worker worker = WORKER_NONE;

    layer_tar_file(&place->tar, "file", "contents");
    start(place, &worker);
    assert_int_equal(fs_write_all(worker.input_fd, place->tar.bytes.data, 600, "tar", NULL), 0);
    worker_done(&worker);
    worker_done(&worker);
    assert_int_equal(worker.result_fd, -1);
}

/* Without its pool a worker is dead, and that is an answer too. */
static void test_pool_dies(void **state)
{
    struct place *place = *state;
    CLEANUP_WORKER struct worker worker = WORKER_NONE;
    CLEANUP_WORKER struct worker second = WORKER_NONE;
    struct unpack_result result = {0};
    struct mcpd_error error = {0};

    start(place, &worker);
    assert_int_equal(kill(place->pool.pid, SIGKILL), 0);
    assert_int_equal(worker_finish(&worker, &result, &error), -MCPD_E_SYSTEM);
    assert_non_null(strstr(error.message, "unexpectedly"));
    assert_true(worker_start(&place->pool, place->fs_fd, place->contents_fd, -1, &second, &error) <
                    0 ||
                worker_finish(&second, &result, &error) < 0);
}

static void test_many(void **state)
{
    struct place *place = *state;
    struct worker workers[8];
    struct unpack_result result = {0};

    layer_tar_file(&place->tar, "file", "contents");
    layer_tar_end(&place->tar);
    for (size_t i = 0; i < ARRAY_SIZE(workers); i++)
        start(place, &workers[i]);
    for (size_t i = 0; i < ARRAY_SIZE(workers); i++) {
        CLEANUP_FD int none = -1;

        assert_int_equal(fs_write_all(workers[i].input_fd, place->tar.bytes.data,
                                      place->tar.bytes.length, "tar", NULL),
                         0);
        worker_end_input(&workers[i]);
        assert_int_equal(worker_finish(&workers[i], &result, NULL), 0);
        worker_done(&workers[i]);
    }
    assert_in_range(worker_limit(), 4, 16);
}

/* The worker that the pool has started, by its pid. */
static int find_worker(const struct place *place)
{
    char path[64], line[256];
    int pid = 0;

    (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", place->pool.pid,
                   place->pool.pid);
    for (int i = 0; i < 500 && pid == 0; i++) {
        FILE *children = fopen(path, "re");

        assert_non_null(children);
        if (fgets(line, sizeof(line), children))
            pid = (int)strtoul(line, NULL, 10);
        (void)fclose(children);
        (void)poll(NULL, 0, 2);
    }
    assert_true(pid > 0);
    return pid;
}

/* What a worker can reach: input, folder (and unpack_tree's copy of it), result; nothing of ours.
 */
static void test_descriptors(void **state)
{
    struct place *place = *state;
    CLEANUP_FD int secret = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
    CLEANUP_WORKER struct worker worker = WORKER_NONE;
    char path[64];
    int count = 0;

    start(place, &worker);
    (void)snprintf(path, sizeof(path), "/proc/%d/fd", find_worker(place));
    for (int i = 0; i < 500 && count != 8; i++) {
        DIR *dir = opendir(path);

        count = -2; /* "." and ".." */
        while (dir && readdir(dir))
            count++;
        if (dir)
            (void)closedir(dir);
        (void)poll(NULL, 0, 2);
    }
    if (geteuid() == 0)
        assert_int_equal(count, 8);
}

static bool says(const char *path, const char *line)
{
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;

    return fs_read_file(AT_FDCWD, path, 16384, &text, &length, NULL) == 0 && strstr(text, line);
}

/* test_confine.c tries the walls; this one looks whether a worker stands behind them. */
static void test_walls(void **state)
{
    struct place *place = *state;
    CLEANUP_WORKER struct worker worker = WORKER_NONE;
    char path[64], target[200] = "";
    bool is_filtered = false;
    int pid;

#ifdef __SANITIZE_ADDRESS__
    skip();
#endif
    start(place, &worker);
    pid = find_worker(place);
    (void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
    for (int i = 0; i < 500 && !is_filtered; i++) {
        is_filtered = says(path, "Seccomp:\t2\n");
        (void)poll(NULL, 0, 2);
    }
    assert_true(is_filtered);
    assert_true(says(path, "NoNewPrivs:\t1\n"));
    (void)snprintf(path, sizeof(path), "/proc/%d/root", pid);
    if (geteuid() == 0 && readlink(path, target, sizeof(target) - 1) > 0)
        assert_string_equal(target, place->path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_result), TEST(test_failure),     TEST(test_abandoned), TEST(test_pool_dies),
        TEST(test_many),   TEST(test_descriptors), TEST(test_walls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
