/*
 * inflate.c - see inflate.h. gzip through isa-l (about three times as fast as zlib), zstd through
 * libzstd.
 *
 * Theory of operation: one input buffer is filled by the caller's read function; `next` and
 * `left` tell what of it is not used yet. inflate_next fills the output buffer from it. isa-l
 * checks the gzip header, CRC and length itself; at the end of a member its state is reset for the
 * next one. is_inside says whether a member or frame has begun and not ended: the end of the input
 * is a truncation then, and the end of the data otherwise.
 */
#include "oci/layer/inflate.h"

#include <isa-l/igzip_lib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <zstd.h>

#define INPUT_BYTES  (128u << 10)
#define OUTPUT_BYTES (256u << 10)

struct inflate {
    inflate_read_function read;
    void *context;
    enum inflate_kind kind;
    bool is_started;
    bool is_ended; /* the input has no more */
    bool is_inside;
    uint8_t *next;
    size_t left;
    ZSTD_DCtx *zstd;            /* ZSTD only */
    struct inflate_state *gzip; /* GZIP only */
    uint8_t input[INPUT_BYTES];
    uint8_t output[OUTPUT_BYTES];
};

int inflate_new(inflate_read_function read, void *context, struct inflate **ret_inflate,
                struct mcpd_error *err)
{
    /* Not calloc: the pages of a buffer that is not used shall not be touched. */
    struct inflate *inflate = malloc(sizeof(*inflate));

    if (!inflate)
        return error_no_memory(err, "decompression");
    inflate->read = read;
    inflate->context = context;
    inflate->kind = INFLATE_KIND_NONE;
    inflate->is_started = false;
    inflate->is_ended = false;
    inflate->is_inside = false;
    inflate->next = inflate->input;
    inflate->left = 0;
    inflate->zstd = NULL;
    inflate->gzip = NULL;
    *ret_inflate = inflate;
    return 0;
}

void inflate_free(struct inflate *inflate)
{
    if (!inflate)
        return;
    (void)ZSTD_freeDCtx(inflate->zstd);
    free(inflate->gzip);
    free(inflate);
}

enum inflate_kind inflate_kind(const struct inflate *inflate)
{
    return inflate->kind;
}

/* Appends input behind what is left (moved to the front of the buffer). */
static int fill(struct inflate *inflate, struct mcpd_error *err)
{
    ssize_t count;

    if (inflate->left > 0 && inflate->next != inflate->input)
        memmove(inflate->input, inflate->next, inflate->left);
    inflate->next = inflate->input;
    if (inflate->is_ended || inflate->left == INPUT_BYTES)
        return 0;
    count = inflate->read(inflate->context, inflate->input + inflate->left,
                          INPUT_BYTES - inflate->left, err);
    if (count < 0)
        return (int)count;
    inflate->is_ended = count == 0;
    inflate->left += (size_t)count;
    return 0;
}

static bool is_gzip(const uint8_t *bytes, size_t count)
{
    return count >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

/* A zstd frame, or one of the skippable frames that zstd:chunked and others put around. */
static bool is_zstd(const uint8_t *bytes, size_t count)
{
    static const uint8_t frame[4] = {0x28, 0xb5, 0x2f, 0xfd};
    static const uint8_t skippable[3] = {0x2a, 0x4d, 0x18};

    return count >= 4 && (memcmp(bytes, frame, 4) == 0 ||
                          ((bytes[0] & 0xf0) == 0x50 && memcmp(bytes + 1, skippable, 3) == 0));
}

enum mediatype_compression inflate_compression_of(const void *bytes, size_t count)
{
    if (is_gzip(bytes, count))
        return MEDIATYPE_COMPRESSION_GZIP;
    return is_zstd(bytes, count) ? MEDIATYPE_COMPRESSION_ZSTD : MEDIATYPE_COMPRESSION_NONE;
}

static void gzip_begin_member(struct inflate *inflate)
{
    isal_inflate_init(inflate->gzip);
    inflate->gzip->crc_flag = ISAL_GZIP;
    inflate->is_inside = true;
}

static int start(struct inflate *inflate, struct mcpd_error *err)
{
    int rc;

    /* Enough for the magic numbers, also when a pipe delivers byte by byte. */
    while (inflate->left < 4 && !inflate->is_ended) {
        rc = fill(inflate, err);
        if (rc < 0)
            return rc;
    }
    inflate->is_started = true;
    if (is_gzip(inflate->next, inflate->left)) {
        inflate->kind = INFLATE_KIND_GZIP;
        inflate->gzip = malloc(sizeof(*inflate->gzip));
        if (!inflate->gzip)
            return error_no_memory(err, "decompression");
        gzip_begin_member(inflate);
    } else if (is_zstd(inflate->next, inflate->left)) {
        inflate->kind = INFLATE_KIND_ZSTD;
        inflate->zstd = ZSTD_createDCtx();
        if (!inflate->zstd)
            return error_no_memory(err, "decompression");
        (void)ZSTD_DCtx_setParameter(inflate->zstd, ZSTD_d_windowLogMax, INFLATE_ZSTD_WINDOW_LOG);
    }
    return 0;
}

static int gzip_error(int code, struct mcpd_error *err)
{
    if (code == ISAL_INCORRECT_CHECKSUM)
        return error_set(err, MCPD_E_CORRUPT, "gzip: wrong checksum");
    if (code == ISAL_INVALID_WRAPPER || code == ISAL_UNSUPPORTED_METHOD)
        return error_set(err, MCPD_E_CORRUPT, "gzip: invalid header");
    return error_set(err, MCPD_E_CORRUPT, "gzip: damaged data");
}

/* One member has ended: what follows is the next member or the end. *ret_is_end tells. */
static int gzip_next_member(struct inflate *inflate, bool *ret_is_end, struct mcpd_error *err)
{
    while (inflate->left < 2 && !inflate->is_ended) {
        int rc = fill(inflate, err);

        if (rc < 0)
            return rc;
    }
    if (inflate->left == 0) {
        *ret_is_end = true;
        return 0;
    }
    if (!is_gzip(inflate->next, inflate->left))
        return error_set(err, MCPD_E_CORRUPT, "gzip: something else follows the compressed data");
    gzip_begin_member(inflate);
    *ret_is_end = false;
    return 0;
}

/* Decodes from the present input into the output buffer. */
static int gzip_step(struct inflate *inflate, size_t *ret_count, struct mcpd_error *err)
{
    struct inflate_state *gzip = inflate->gzip;
    int code;

    gzip->next_in = inflate->next;
    gzip->avail_in = (uint32_t)inflate->left;
    gzip->next_out = inflate->output;
    gzip->avail_out = OUTPUT_BYTES;
    code = isal_inflate(gzip);
    if (code != ISAL_DECOMP_OK && code != ISAL_END_INPUT)
        return gzip_error(code, err);
    inflate->next += inflate->left - gzip->avail_in;
    inflate->left = gzip->avail_in;
    inflate->is_inside = gzip->block_state != ISAL_BLOCK_FINISH;
    *ret_count = OUTPUT_BYTES - gzip->avail_out;
    return 0;
}

static int gzip_next(struct inflate *inflate, size_t *ret_count, struct mcpd_error *err)
{
    for (;;) {
        bool is_end = false;
        int rc = 0;

        if (!inflate->is_inside)
            rc = gzip_next_member(inflate, &is_end, err);
        else if (inflate->left == 0)
            rc = fill(inflate, err);
        if (rc < 0)
            return rc;
        if (is_end) {
            *ret_count = 0;
            return 0;
        }
        rc = gzip_step(inflate, ret_count, err);
        if (rc < 0)
            return rc;
        if (*ret_count > 0)
            return 0;
        if (inflate->is_inside && inflate->left == 0 && inflate->is_ended)
            return error_set(err, MCPD_E_CORRUPT, "gzip: unexpected end of the data");
    }
}

static int zstd_next(struct inflate *inflate, size_t *ret_count, struct mcpd_error *err)
{
    for (;;) {
        ZSTD_inBuffer in;
        ZSTD_outBuffer out = {.dst = inflate->output, .size = OUTPUT_BYTES};
        size_t code;

        if (inflate->left == 0) {
            int rc = fill(inflate, err);

            if (rc < 0)
                return rc;
        }
        if (inflate->left == 0 && !inflate->is_inside) {
            *ret_count = 0;
            return 0;
        }
        in = (ZSTD_inBuffer){.src = inflate->next, .size = inflate->left};
        code = ZSTD_decompressStream(inflate->zstd, &out, &in);
        if (ZSTD_isError(code))
            return error_set(err, MCPD_E_CORRUPT, "zstd: %s", ZSTD_getErrorName(code));
        inflate->next += in.pos;
        inflate->left -= in.pos;
        inflate->is_inside = code != 0;
        *ret_count = out.pos;
        if (out.pos > 0)
            return 0;
        if (inflate->is_inside && inflate->left == 0 && inflate->is_ended)
            return error_set(err, MCPD_E_CORRUPT, "zstd: unexpected end of the data");
    }
}

static int none_next(struct inflate *inflate, size_t *ret_count, struct mcpd_error *err)
{
    int rc = 0;

    if (inflate->left == 0)
        rc = fill(inflate, err);
    *ret_count = inflate->left;
    inflate->left = 0;
    return rc;
}

int inflate_next(struct inflate *inflate, const void **ret_bytes, size_t *ret_count,
                 struct mcpd_error *err)
{
    int rc = inflate->is_started ? 0 : start(inflate, err);

    if (rc < 0)
        return rc;
    *ret_bytes = inflate->output;
    switch (inflate->kind) {
    case INFLATE_KIND_GZIP:
        return gzip_next(inflate, ret_count, err);
    case INFLATE_KIND_ZSTD:
        return zstd_next(inflate, ret_count, err);
    case INFLATE_KIND_NONE:
        rc = none_next(inflate, ret_count, err);
        *ret_bytes = inflate->input;
        return rc;
    }
    return error_set(err, MCPD_E_INTERNAL, "decompression of an unknown kind");
}

int inflate_all(inflate_read_function read, void *read_context, inflate_write_function write,
                void *write_context, struct mcpd_error *err)
{
    CLEANUP_INFLATE struct inflate *inflate = NULL;
    int rc = inflate_new(read, read_context, &inflate, err);

    while (rc == 0) {
        const void *bytes = NULL;
        size_t count = 0;

        rc = inflate_next(inflate, &bytes, &count, err);
        if (rc == 0 && count == 0)
            return 0;
        if (rc == 0)
            rc = write(write_context, bytes, count, err);
    }
    return rc;
}
