/* test_packer.c - the processes that pack: what comes out, failures, deaths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/layer/packer.h"

#include "base/buf.h"
#include "base/fsutil.h"
#include "support/layer_tar.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MAX_BYTES (64u << 20)

static const struct compressor_options gzip = {MEDIATYPE_COMPRESSION_GZIP, 0};
static const struct compressor_options zstd = {MEDIATYPE_COMPRESSION_ZSTD, 0};

static char empty[] = "/tmp/mcpd-unit-XXXXXX";
static int empty_fd;

static int setup_folder(void **state)
{
    assert_non_null(mkdtemp(empty));
    empty_fd = open(empty, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return empty_fd < 0;
}

static int teardown_folder(void **state)
{
    (void)close(empty_fd);
    return rmdir(empty);
}

static int setup(void **state)
{
    struct worker_pool *pool = calloc(1, sizeof(*pool));
    struct mcpd_error error = {0};

    assert_non_null(pool);
    if (worker_pool_start(pool, &error) < 0)
        fail_msg("%s", error.message);
    *state = pool;
    return 0;
}

static int teardown(void **state)
{
    worker_pool_done(*state);
    free(*state);
    return 0;
}

static int make_file(const void *bytes, size_t count)
{
    int fd = memfd_create("blob", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(fs_write_all(fd, bytes, count, "blob", NULL), 0);
    return fd;
}

/* Everything that comes out. */
static void drain(struct packer *packer, struct buf *output)
{
    struct pollfd ready = {.fd = packer->output_fd, .events = POLLIN};
    char bytes[65536];

    buf_init(output, MAX_BYTES);
    for (;;) {
        ssize_t count;

        assert_true(poll(&ready, 1, 10000) > 0);
        count = read(packer->output_fd, bytes, sizeof(bytes));
        assert_true(count >= 0);
        if (count == 0)
            return;
        (void)buf_append(output, bytes, (size_t)count);
    }
}

static int pack(const struct worker_pool *pool, int blob_fd,
                const struct compressor_options *options, struct buf *output,
                struct packer_result *result, struct mcpd_error *error)
{
    CLEANUP(packer_done) struct packer packer = PACKER_NONE;

    assert_int_equal(packer_start(pool, blob_fd, empty_fd, options, &packer, error), 0);
    drain(&packer, output);
    return packer_finish(&packer, result, error);
}

/* Plain to gzip, that to zstd, and it is still the same layer. */
static void test_pack(void **state)
{
    CLEANUP_LAYER_TAR struct layer_tar tar;
    CLEANUP_BUF struct buf first;
    CLEANUP_BUF struct buf second;
    CLEANUP_BUF struct buf again;
    CLEANUP_FD int plain_fd = -1;
    CLEANUP_FD int gzip_fd = -1;
    struct packer_result result = {0};
    struct mcpd_error error = {0};
    struct digest diff_id, digest;
    char *data = calloc(1, 3000001);

    for (size_t i = 0; i < 3000000; i++)
        data[i] = (char)('a' + (i * 7 + i / 100) % 23);
    layer_tar_init(&tar);
    layer_tar_file(&tar, "file", data);
    layer_tar_end(&tar);
    free(data);
    diff_id = layer_tar_digest(tar.bytes.data, tar.bytes.length);
    plain_fd = make_file(tar.bytes.data, tar.bytes.length);
    assert_int_equal(pack(*state, plain_fd, &gzip, &first, &result, &error), 0);
    assert_string_equal(result.diff_id.text, diff_id.text);
    digest = layer_tar_digest(first.data, first.length);
    assert_string_equal(result.digest.text, digest.text);
    assert_int_equal(result.bytes, first.length);
    gzip_fd = make_file(first.data, first.length);
    assert_int_equal(pack(*state, gzip_fd, &zstd, &second, &result, &error), 0);
    assert_string_equal(result.diff_id.text, diff_id.text);
    assert_int_equal(result.bytes, second.length);
    /* Again and from the same descriptor: the same. */
    assert_int_equal(pack(*state, plain_fd, &gzip, &again, &result, &error), 0);
    assert_string_equal(result.digest.text, digest.text);
}

static void test_failures(void **state)
{
    CLEANUP_BUF struct buf output;
    CLEANUP_FD int fd = make_file("\x1f\x8b\x08this is no gzip", 17);
    const struct compressor_options wrong = {MEDIATYPE_COMPRESSION_GZIP, 77};
    struct packer_result result = {0};
    struct mcpd_error error = {0};

    assert_int_equal(pack(*state, fd, &gzip, &output, &result, &error), -MCPD_E_CORRUPT);
    buf_done(&output);
    assert_int_equal(pack(*state, fd, &wrong, &output, &result, &error), -MCPD_E_INVALID);
}

/* Nobody wants it any more. */
static void test_given_up(void **state)
{
    CLEANUP(packer_done) struct packer packer = PACKER_NONE;
    CLEANUP_FREE char *zeros = calloc(1, 32u << 20);
    CLEANUP_FD int fd = -1;
    struct pollfd end;

    for (size_t i = 0; i < 32u << 20; i++)
        zeros[i] = (char)(i * 2654435761u >> 13);
    fd = make_file(zeros, 32u << 20);
    assert_int_equal(packer_start(*state, fd, empty_fd, &gzip, &packer, NULL), 0);
    end = (struct pollfd){.fd = packer.output_fd, .events = POLLIN};
    assert_true(poll(&end, 1, 10000) > 0);
    (void)close(packer.output_fd);
    packer.output_fd = -1;
    /* Its report never comes, its end of the pipe is closed. */
    end = (struct pollfd){.fd = packer.result_fd, .events = POLLIN};
    assert_true(poll(&end, 1, 10000) > 0);
    assert_int_equal(packer_finish(&packer, &(struct packer_result){0}, NULL), -MCPD_E_SYSTEM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pack),
        TEST(test_failures),
        TEST(test_given_up),
    };

    return cmocka_run_group_tests(tests, setup_folder, teardown_folder);
}
