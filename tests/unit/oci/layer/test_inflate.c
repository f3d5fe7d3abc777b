/* test_inflate.c - gzip, zstd and plain streams, whole, in pieces and broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/layer/inflate.h"

#include "support/layer_tar.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define PLAIN_BYTES 1000000

struct source {
    const char *bytes;
    size_t count;
    size_t step; /* bytes per read */
    bool fails;
};

static ssize_t read_source(void *context, void *buffer, size_t size, struct mcpd_error *err)
{
    struct source *source = context;
    size_t count = source->count < size ? source->count : size;

    if (source->fails && source->count == 0)
        return error_set(err, MCPD_E_NETWORK, "the source failed");
    if (source->step > 0 && count > source->step)
        count = source->step;
    if (count > 0)
        memcpy(buffer, source->bytes, count);
    source->bytes += count;
    source->count -= count;
    return (ssize_t)count;
}

/* Compressible, but not by one match: a little generator. */
static char *make_plain(void)
{
    char *plain = malloc(PLAIN_BYTES);
    uint32_t value = 1;

    assert_non_null(plain);
    for (size_t i = 0; i < PLAIN_BYTES; i++) {
        value = value * 1103515245u + 12345u;
        plain[i] = (char)('a' + (value >> 16) % 11);
    }
    return plain;
}

/* Reads everything; returns the code. */
static int inflate_buffer(const struct buf *packed, size_t step, struct buf *out,
                          enum inflate_kind kind, struct mcpd_error *err)
{
    CLEANUP_INFLATE struct inflate *inflate = NULL;
    struct source source = {.bytes = packed->data, .count = packed->length, .step = step};

    assert_int_equal(inflate_new(read_source, &source, &inflate, NULL), 0);
    for (;;) {
        const void *bytes = NULL;
        size_t count = 0;
        int rc = inflate_next(inflate, &bytes, &count, err);

        if (rc < 0)
            return rc;
        assert_int_equal(inflate_kind(inflate), kind);
        if (count == 0)
            return 0;
        assert_int_equal(buf_append(out, bytes, count), 0);
    }
}

static void init(struct buf *packed, struct buf *out)
{
    buf_init(packed, 64u << 20);
    buf_init(out, 64u << 20);
}

static void check_good(const struct buf *packed, enum inflate_kind kind, const char *plain,
                       size_t length)
{
    static const size_t steps[] = {0, 1000, 7, 1};

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        CLEANUP_BUF struct buf out;
        struct mcpd_error error = {0};

        buf_init(&out, 64u << 20);
        if (inflate_buffer(packed, steps[i], &out, kind, &error) < 0)
            fail_msg("%s", error.message);
        assert_int_equal(out.length, length);
        if (length > 0)
            assert_memory_equal(out.data, plain, length);
    }
}

static void check_bad(const struct buf *packed, enum inflate_kind kind, const char *text)
{
    static const size_t steps[] = {0, 7};

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        CLEANUP_BUF struct buf out;
        struct mcpd_error error = {0};

        buf_init(&out, 64u << 20);
        assert_int_equal(inflate_buffer(packed, steps[i], &out, kind, &error), -MCPD_E_CORRUPT);
        if (!strstr(error.message, text))
            fail_msg("'%s' lacks '%s'", error.message, text);
    }
}

static void test_none(void **state)
{
    CLEANUP_BUF struct buf packed;
    CLEANUP_BUF struct buf unused;

    init(&packed, &unused);
    check_good(&packed, INFLATE_KIND_NONE, "", 0);
    assert_int_equal(buf_append(&packed, "x", 1), 0);
    check_good(&packed, INFLATE_KIND_NONE, "x", 1);
    assert_int_equal(buf_append(&packed, "yz plain text", 13), 0);
    check_good(&packed, INFLATE_KIND_NONE, "xyz plain text", 14);
}

static void test_gzip(void **state)
{
    CLEANUP_FREE char *plain = make_plain();
    CLEANUP_BUF struct buf packed;
    CLEANUP_BUF struct buf unused;

    init(&packed, &unused);
    layer_tar_gzip(plain, PLAIN_BYTES, &packed);
    check_good(&packed, INFLATE_KIND_GZIP, plain, PLAIN_BYTES);
}

static void test_gzip_members(void **state)
{
    CLEANUP_FREE char *plain = make_plain();
    CLEANUP_BUF struct buf packed;
    CLEANUP_BUF struct buf unused;

    init(&packed, &unused);
    layer_tar_gzip(plain, 10, &packed);
    layer_tar_gzip("", 0, &packed);
    layer_tar_gzip(plain + 10, 500000, &packed);
    layer_tar_gzip(plain + 500010, PLAIN_BYTES - 500010, &packed);
    check_good(&packed, INFLATE_KIND_GZIP, plain, PLAIN_BYTES);
}

static void test_gzip_bad(void **state)
{
    CLEANUP_FREE char *plain = make_plain();
    CLEANUP_BUF struct buf packed;
    CLEANUP_BUF struct buf unused;
    size_t length;

    init(&packed, &unused);
    layer_tar_gzip(plain, PLAIN_BYTES, &packed);
    length = packed.length;
    for (size_t cut = 1; cut < 20; cut++) {
        packed.length = length - cut;
        check_bad(&packed, INFLATE_KIND_GZIP, "unexpected end");
    }
    packed.length = length / 2;
    check_bad(&packed, INFLATE_KIND_GZIP, "unexpected end");
    packed.length = length;
    packed.data[length - 6] ^= 1; /* CRC */
    check_bad(&packed, INFLATE_KIND_GZIP, "checksum");
    packed.data[length - 6] ^= 1;
    packed.data[length - 1] ^= 1; /* length */
    check_bad(&packed, INFLATE_KIND_GZIP, "checksum");
    packed.data[length - 1] ^= 1;
    packed.data[2] = 7; /* method */
    check_bad(&packed, INFLATE_KIND_GZIP, "header");
    packed.data[2] = 8;
    packed.data[length / 2] ^= 0x55;
    check_bad(&packed, INFLATE_KIND_GZIP, "gzip");
}

static void test_gzip_trailing(void **state)
{
    static const char *const tails[] = {"garbage", "\x1f", "x", "\x1f\x8b"};
    CLEANUP_FREE char *plain = make_plain();

    for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
        CLEANUP_BUF struct buf packed;
        CLEANUP_BUF struct buf unused;

        init(&packed, &unused);
        layer_tar_gzip(plain, 1000, &packed);
        assert_int_equal(buf_append(&packed, tails[i], strlen(tails[i])), 0);
        check_bad(&packed, INFLATE_KIND_GZIP, "gzip");
    }
}

static void test_zstd(void **state)
{
    CLEANUP_FREE char *plain = make_plain();
    CLEANUP_BUF struct buf packed;
    CLEANUP_BUF struct buf unused;

    init(&packed, &unused);
    layer_tar_zstd(plain, 400000, &packed);
    /* A skippable frame, as zstd:chunked puts behind and between. */
    assert_int_equal(buf_append(&packed, "\x50\x2a\x4d\x18\x03\x00\x00\x00xyz", 11), 0);
    layer_tar_zstd(plain + 400000, PLAIN_BYTES - 400000, &packed);
    check_good(&packed, INFLATE_KIND_ZSTD, plain, PLAIN_BYTES);
}

static void test_zstd_bad(void **state)
{
    CLEANUP_FREE char *plain = make_plain();
    CLEANUP_BUF struct buf packed;
    CLEANUP_BUF struct buf unused;
    size_t length;

    init(&packed, &unused);
    layer_tar_zstd(plain, PLAIN_BYTES, &packed);
    length = packed.length;
    packed.length = length - 1;
    check_bad(&packed, INFLATE_KIND_ZSTD, "unexpected end");
    packed.length = length / 3;
    check_bad(&packed, INFLATE_KIND_ZSTD, "unexpected end");
    packed.length = length;
    packed.data[length / 2] ^= 0x55;
    packed.data[length / 2 + 1] ^= 0x55;
    packed.data[20] ^= 0x55;
    check_bad(&packed, INFLATE_KIND_ZSTD, "zstd");
    packed.length = 0;
    layer_tar_zstd(plain, 1000, &packed);
    assert_int_equal(buf_append(&packed, "garbage", 7), 0);
    check_bad(&packed, INFLATE_KIND_ZSTD, "zstd");
}

static void test_zstd_window(void **state)
{
    CLEANUP_BUF struct buf packed;
    CLEANUP_BUF struct buf unused;

    init(&packed, &unused);
    /* A frame header that asks for a window of 2^27 bytes. */
    assert_int_equal(buf_append(&packed, "\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00", 9), 0);
    check_bad(&packed, INFLATE_KIND_ZSTD, "emory");
}

static void test_source_fails(void **state)
{
    CLEANUP_INFLATE struct inflate *inflate = NULL;
    CLEANUP_BUF struct buf packed;
    CLEANUP_BUF struct buf unused;
    struct mcpd_error error = {0};
    struct source source = {.fails = true};
    const void *bytes = NULL;
    size_t count = 1;
    int rc = 0;

    init(&packed, &unused);
    layer_tar_gzip("some text", 9, &packed);
    source.bytes = packed.data;
    source.count = packed.length - 3;
    assert_int_equal(inflate_new(read_source, &source, &inflate, NULL), 0);
    while (rc == 0 && count > 0)
        rc = inflate_next(inflate, &bytes, &count, &error);
    assert_int_equal(rc, -MCPD_E_NETWORK);
    assert_string_equal(error.message, "the source failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),          cmocka_unit_test(test_gzip),
        cmocka_unit_test(test_gzip_members),  cmocka_unit_test(test_gzip_bad),
        cmocka_unit_test(test_gzip_trailing), cmocka_unit_test(test_zstd),
        cmocka_unit_test(test_zstd_bad),      cmocka_unit_test(test_zstd_window),
        cmocka_unit_test(test_source_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
