/* test_compressor.c - what goes in comes out again, and always in the same form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/layer/compressor.h"

#include "base/buf.h"
#include "oci/layer/inflate.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BYTES (16u << 20)

static int append(void *context, const void *bytes, size_t count, struct mcpd_error *err)
{
    (void)buf_append(context, bytes, count);
    return buf_check(context, "output", err);
}

/* In pieces of this size. */
static void compress(const struct compressor_options *options, const char *data, size_t length,
                     size_t piece, struct buf *ret_packed)
{
    CLEANUP_COMPRESSOR struct compressor *compressor = NULL;

    buf_init(ret_packed, MAX_BYTES);
    assert_int_equal(compressor_new(options, append, ret_packed, &compressor, NULL), 0);
    for (size_t at = 0; at < length; at += piece)
        assert_int_equal(compressor_write(compressor, data + at,
                                          length - at < piece ? length - at : piece, NULL),
                         0);
    assert_int_equal(compressor_finish(compressor, NULL), 0);
}

struct reading {
    const struct buf *packed;
    size_t done;
};

static ssize_t read_packed(void *context, void *buffer, size_t size, struct mcpd_error *err)
{
    struct reading *reading = context;
    size_t left = reading->packed->length - reading->done;
    size_t count = left < size ? left : size;

    memcpy(buffer, reading->packed->data + reading->done, count);
    reading->done += count;
    return (ssize_t)count;
}

static void unpacks_to(const struct buf *packed, enum inflate_kind kind, const char *data,
                       size_t length)
{
    CLEANUP_INFLATE struct inflate *inflate = NULL;
    struct reading reading = {.packed = packed};
    size_t done = 0;

    assert_int_equal(inflate_new(read_packed, &reading, &inflate, NULL), 0);
    for (;;) {
        const void *bytes = NULL;
        size_t count = 0;

        assert_int_equal(inflate_next(inflate, &bytes, &count, NULL), 0);
        if (count == 0)
            break;
        assert_true(done + count <= length);
        assert_memory_equal(bytes, data + done, count);
        done += count;
    }
    assert_int_equal(done, length);
    assert_int_equal(inflate_kind(inflate), kind);
}

/* Half of it repeats itself, half does not. */
static char *make_data(size_t length)
{
    char *data = malloc(length + 1);
    uint32_t state = 1;

    assert_non_null(data);
    for (size_t i = 0; i < length; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = i / 4096 % 2 ? (char)(state >> 24) : "layer of an image "[i % 18];
    }
    return data;
}

static void test_round_trip(void **state)
{
    static const size_t lengths[] = {0, 1, 1000, 256u << 10, (3u << 20) + 7};
    static const struct compressor_options all[] = {
        {MEDIATYPE_COMPRESSION_GZIP, 0}, {MEDIATYPE_COMPRESSION_GZIP, 1},
        {MEDIATYPE_COMPRESSION_GZIP, 3}, {MEDIATYPE_COMPRESSION_GZIP, 4},
        {MEDIATYPE_COMPRESSION_GZIP, 9}, {MEDIATYPE_COMPRESSION_ZSTD, 0},
        {MEDIATYPE_COMPRESSION_ZSTD, 1}, {MEDIATYPE_COMPRESSION_ZSTD, 19},
    };

    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        CLEANUP_FREE char *data = make_data(lengths[i]);

        for (size_t j = 0; j < ARRAY_SIZE(all); j++) {
            bool is_gzip = all[j].compression == MEDIATYPE_COMPRESSION_GZIP;
            CLEANUP_BUF struct buf first;
            CLEANUP_BUF struct buf second;

            compress(&all[j], data, lengths[i], 1u << 20, &first);
            unpacks_to(&first, is_gzip ? INFLATE_KIND_GZIP : INFLATE_KIND_ZSTD, data, lengths[i]);
            assert_true(lengths[i] < 100000 || first.length < lengths[i] * 3 / 4);
            /* However it is brought: an upload that begins anew sends the same. */
            compress(&all[j], data, lengths[i], 777, &second);
            assert_int_equal(first.length, second.length);
            assert_memory_equal(first.data, second.data, first.length);
        }
    }
}

static int refuse(void *context, const void *bytes, size_t count, struct mcpd_error *err)
{
    return error_set(err, MCPD_E_NO_SPACE, "full");
}

static void test_failures(void **state)
{
    static const struct compressor_options bad[] = {
        {MEDIATYPE_COMPRESSION_GZIP, 10},
        {MEDIATYPE_COMPRESSION_GZIP, -1},
        {MEDIATYPE_COMPRESSION_ZSTD, 20},
    };
    const struct compressor_options good = {MEDIATYPE_COMPRESSION_GZIP, 1};
    CLEANUP_COMPRESSOR struct compressor *compressor = NULL;
    struct mcpd_error error = {0};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(compressor_check_options(&bad[i], &error), -MCPD_E_INVALID);
    assert_string_equal(error.message, "compression level 20: zstd has 1 to 19");
    assert_int_equal(compressor_new(&good, refuse, NULL, &compressor, NULL), 0);
    assert_int_equal(compressor_write(compressor, "x", 1, NULL), 0);
    assert_int_equal(compressor_finish(compressor, &error), -MCPD_E_NO_SPACE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
