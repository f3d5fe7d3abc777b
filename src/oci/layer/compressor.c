/* compressor.c - see compressor.h. Three libraries behind one function: take bytes, give what comes
 * out. */
#include "oci/layer/compressor.h"

#include <isa-l/igzip_lib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define INPUT_BYTES         (256u << 10)
#define OUTPUT_BYTES        (256u << 10)
#define GZIP_DEFAULT_LEVEL  2
#define GZIP_FAST_MAX       3 /* of isa-l */
#define GZIP_MAX            9
#define ZSTD_DEFAULT_LEVEL  3
#define ZSTD_MAX            19
#define ZSTD_WINDOW_LOG_MAX 23 /* 8 MiB: what RFC 8878 asks every reader for */
#define ZLIB_GZIP_BITS      (15 + 16)

struct compressor {
    compressor_write_function write;
    void *context;
    /* One of them is in use. */
    struct isal_zstream *fast;
    uint8_t *fast_buffer;
    z_stream dense;
    bool is_dense;
    ZSTD_CCtx *zstd;
    size_t input_bytes;
    unsigned char input[INPUT_BYTES];
    unsigned char output[OUTPUT_BYTES];
};

int compressor_check_options(const struct compressor_options *options, struct mcpd_error *err)
{
    bool is_gzip = options->compression == MEDIATYPE_COMPRESSION_GZIP;
    int maximum = is_gzip ? GZIP_MAX : ZSTD_MAX;

    if (options->level >= 0 && options->level <= maximum)
        return 0;
    return error_set(err, MCPD_E_INVALID, "compression level %d: %s has 1 to %d", options->level,
                     is_gzip ? "gzip" : "zstd", maximum);
}

/* ------------------------------------------------------------------ making one */

static int init_fast(struct compressor *compressor, int level, struct mcpd_error *err)
{
    static const uint32_t buffer_bytes[] = {
        ISAL_DEF_LVL0_DEFAULT,
        ISAL_DEF_LVL1_DEFAULT,
        ISAL_DEF_LVL2_DEFAULT,
        ISAL_DEF_LVL3_DEFAULT,
    };

    compressor->fast = malloc(sizeof(*compressor->fast));
    compressor->fast_buffer = malloc(buffer_bytes[level]);
    if (!compressor->fast || !compressor->fast_buffer)
        return error_no_memory(err, "compression");
    isal_deflate_init(compressor->fast);
    compressor->fast->gzip_flag = IGZIP_GZIP;
    compressor->fast->level = (uint32_t)level;
    compressor->fast->level_buf = compressor->fast_buffer;
    compressor->fast->level_buf_size = buffer_bytes[level];
    return 0;
}

static int init_dense(struct compressor *compressor, int level, struct mcpd_error *err)
{
    if (deflateInit2(&compressor->dense, level, Z_DEFLATED, ZLIB_GZIP_BITS, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return error_no_memory(err, "compression");
    compressor->is_dense = true;
    return 0;
}

static int init_zstd(struct compressor *compressor, int level, struct mcpd_error *err)
{
    ZSTD_bounds bounds = ZSTD_cParam_getBounds(ZSTD_c_windowLog);

    compressor->zstd = ZSTD_createCCtx();
    if (!compressor->zstd)
        return error_no_memory(err, "compression");
    (void)ZSTD_CCtx_setParameter(compressor->zstd, ZSTD_c_compressionLevel, level);
    (void)ZSTD_CCtx_setParameter(compressor->zstd, ZSTD_c_checksumFlag, 1);
    if (level > 9 && !ZSTD_isError(bounds.error) && bounds.upperBound >= ZSTD_WINDOW_LOG_MAX)
        (void)ZSTD_CCtx_setParameter(compressor->zstd, ZSTD_c_windowLog, ZSTD_WINDOW_LOG_MAX);
    return 0;
}

int compressor_new(const struct compressor_options *options, compressor_write_function write,
                   void *context, struct compressor **ret_compressor, struct mcpd_error *err)
{
    CLEANUP_COMPRESSOR struct compressor *compressor = NULL;
    int level = options->level;
    int rc = compressor_check_options(options, err);

    if (rc < 0)
        return rc;
    compressor = calloc(1, sizeof(*compressor));
    if (!compressor)
        return error_no_memory(err, "compression");
    compressor->write = write;
    compressor->context = context;
    if (options->compression == MEDIATYPE_COMPRESSION_ZSTD)
        rc = init_zstd(compressor, level ? level : ZSTD_DEFAULT_LEVEL, err);
    else if (level > GZIP_FAST_MAX)
        rc = init_dense(compressor, level, err);
    else
        rc = init_fast(compressor, level ? level : GZIP_DEFAULT_LEVEL, err);
    if (rc == 0)
        *ret_compressor = TAKE_PTR(compressor);
    return rc;
}

void compressor_free(struct compressor *compressor)
{
    if (!compressor)
        return;
    free(compressor->fast);
    free(compressor->fast_buffer);
    if (compressor->is_dense)
        (void)deflateEnd(&compressor->dense);
    (void)ZSTD_freeCCtx(compressor->zstd);
    free(compressor);
}

/* ------------------------------------------------------------------ bytes */

/* What one call of a library has put into output. */
static int hand_on(struct compressor *compressor, size_t left, struct mcpd_error *err)
{
    size_t count = OUTPUT_BYTES - left;

    return count > 0 ? compressor->write(compressor->context, compressor->output, count, err) : 0;
}

static int step_fast(struct compressor *compressor, const void *bytes, size_t count, bool is_end,
                     struct mcpd_error *err)
{
    struct isal_zstream *stream = compressor->fast;
    int rc = 0;

    /* NOLINTNEXTLINE(performance-no-int-to-ptr): it only reads */
    stream->next_in = (uint8_t *)(uintptr_t)bytes;
    stream->avail_in = (uint32_t)count;
    stream->end_of_stream = is_end;
    do {
        stream->next_out = compressor->output;
        stream->avail_out = OUTPUT_BYTES;
        if (isal_deflate(stream) != COMP_OK)
            return error_set(err, MCPD_E_INTERNAL, "isa-l cannot compress");
        rc = hand_on(compressor, stream->avail_out, err);
    } while (rc == 0 && (stream->avail_out == 0 || stream->avail_in > 0 ||
                         (is_end && stream->internal_state.state != ZSTATE_END)));
    return rc;
}

static int step_dense(struct compressor *compressor, const void *bytes, size_t count, bool is_end,
                      struct mcpd_error *err)
{
    z_stream *stream = &compressor->dense;
    int rc = 0;

    /* NOLINTNEXTLINE(performance-no-int-to-ptr): it only reads */
    stream->next_in = (Bytef *)(uintptr_t)bytes;
    stream->avail_in = (uInt)count;
    do {
        stream->next_out = compressor->output;
        stream->avail_out = OUTPUT_BYTES;
        if (deflate(stream, is_end ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR)
            return error_set(err, MCPD_E_INTERNAL, "zlib cannot compress");
        rc = hand_on(compressor, stream->avail_out, err);
    } while (rc == 0 && stream->avail_out == 0);
    return rc;
}

static int step_zstd(struct compressor *compressor, const void *bytes, size_t count, bool is_end,
                     struct mcpd_error *err)
{
    ZSTD_inBuffer input = {.src = bytes, .size = count};
    size_t left;
    int rc;

    do {
        ZSTD_outBuffer output = {.dst = compressor->output, .size = OUTPUT_BYTES};

        left = ZSTD_compressStream2(compressor->zstd, &output, &input,
                                    is_end ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return error_set(err, MCPD_E_INTERNAL, "zstd: %s", ZSTD_getErrorName(left));
        rc = hand_on(compressor, OUTPUT_BYTES - output.pos, err);
    } while (rc == 0 && (is_end ? left > 0 : input.pos < input.size));
    return rc;
}

static int step(struct compressor *compressor, const void *bytes, size_t count, bool is_end,
                struct mcpd_error *err)
{
    if (compressor->zstd)
        return step_zstd(compressor, bytes, count, is_end, err);
    return compressor->is_dense ? step_dense(compressor, bytes, count, is_end, err)
                                : step_fast(compressor, bytes, count, is_end, err);
}

/* The libraries are given pieces of always the same size: what they make depends on it, and an
 * upload that begins anew must give the same bytes. */
int compressor_write(struct compressor *compressor, const void *bytes, size_t count,
                     struct mcpd_error *err)
{
    const char *next = bytes;
    int rc = 0;

    while (rc == 0 && count > 0) {
        size_t room = INPUT_BYTES - compressor->input_bytes;
        size_t piece = count < room ? count : room;

        memcpy(compressor->input + compressor->input_bytes, next, piece);
        compressor->input_bytes += piece;
        next += piece;
        count -= piece;
        if (compressor->input_bytes < INPUT_BYTES)
            break;
        compressor->input_bytes = 0;
        rc = step(compressor, compressor->input, INPUT_BYTES, false, err);
    }
    return rc;
}

int compressor_finish(struct compressor *compressor, struct mcpd_error *err)
{
    return step(compressor, compressor->input, compressor->input_bytes, true, err);
}
