/* layer_tar.c - see layer_tar.h. Failures end the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/layer_tar.h"

#include "oci/layer/sha256.h"

#include <isa-l/igzip_lib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define BLOCK        512
#define MAX_BYTES    (256u << 20)
#define DEFAULT_TIME 1600000000

void layer_tar_init(struct layer_tar *tar)
{
    buf_init(&tar->bytes, MAX_BYTES);
    buf_init(&tar->pax, MAX_BYTES);
}

void layer_tar_done(struct layer_tar *tar)
{
    buf_done(&tar->bytes);
    buf_done(&tar->pax);
}

static void append(struct layer_tar *tar, const void *bytes, size_t count)
{
    static const char zeros[BLOCK];

    assert_int_equal(buf_append(&tar->bytes, bytes, count), 0);
    assert_int_equal(buf_append(&tar->bytes, zeros, (BLOCK - count % BLOCK) % BLOCK), 0);
}

/* Octal, or base 256 where that does not reach (GNU). */
static void put_number(char *field, size_t size, uint64_t value)
{
    if (value < 1ull << (3 * (size - 1))) {
        (void)snprintf(field, size, "%0*llo", (int)size - 1, (unsigned long long)value);
        return;
    }
    memset(field, 0, size);
    field[0] = (char)0x80;
    for (size_t i = 0; i < 8 && i + 1 < size; i++)
        field[size - 1 - i] = (char)(value >> (8 * i) & 0xff);
}

static void put_text(char *field, size_t size, const char *text)
{
    size_t length = strlen(text);

    memcpy(field, text, length < size ? length : size);
}

static void put_header(struct layer_tar *tar, const struct layer_tar_entry *entry, size_t size)
{
    char block[BLOCK] = {0};
    unsigned int sum = 0;
    unsigned int mode = entry->mode ? entry->mode : entry->type == '5' ? 0755 : 0644;

    put_text(block, 100, entry->name);
    put_number(block + 100, 8, mode);
    put_number(block + 108, 8, entry->uid);
    put_number(block + 116, 8, entry->gid);
    put_number(block + 124, 12, size);
    put_number(block + 136, 12, (uint64_t)(entry->mtime ? entry->mtime : DEFAULT_TIME));
    memset(block + 148, ' ', 8);
    block[156] = entry->type;
    if (entry->target)
        put_text(block + 157, 100, entry->target);
    memcpy(block + 257,
           "ustar\0"
           "00",
           8);
    put_number(block + 329, 8, entry->major);
    put_number(block + 337, 8, entry->minor);
    for (size_t i = 0; i < BLOCK; i++)
        sum += (unsigned char)block[i];
    (void)snprintf(block + 148, 8, "%06o", sum);
    append(tar, block, BLOCK);
}

void layer_tar_add(struct layer_tar *tar, const struct layer_tar_entry *entry)
{
    size_t size = entry->size > 0 ? entry->size : entry->data ? strlen(entry->data) : 0;

    if (tar->pax.length > 0) {
        put_header(tar, &(struct layer_tar_entry){.type = 'x', .name = "PaxHeader"},
                   tar->pax.length);
        append(tar, tar->pax.data, tar->pax.length);
        buf_clear(&tar->pax);
    }
    put_header(tar, entry, size);
    if (entry->data)
        append(tar, entry->data, size);
}

void layer_tar_file(struct layer_tar *tar, const char *name, const char *data)
{
    layer_tar_add(tar, &(struct layer_tar_entry){.type = '0', .name = name, .data = data});
}

void layer_tar_dir(struct layer_tar *tar, const char *name)
{
    layer_tar_add(tar, &(struct layer_tar_entry){.type = '5', .name = name});
}

void layer_tar_symlink(struct layer_tar *tar, const char *name, const char *target)
{
    layer_tar_add(tar, &(struct layer_tar_entry){.type = '2', .name = name, .target = target});
}

void layer_tar_hardlink(struct layer_tar *tar, const char *name, const char *target)
{
    layer_tar_add(tar, &(struct layer_tar_entry){.type = '1', .name = name, .target = target});
}

void layer_tar_pax(struct layer_tar *tar, const char *key, const void *value, size_t size)
{
    size_t length = strlen(key) + size + 3; /* ' ', '=', '\n' */
    size_t digits = 1;
    char *record;
    int used;

    while (snprintf(NULL, 0, "%zu", length + digits) > (int)digits)
        digits++;
    length += digits;
    record = malloc(length + 1);
    assert_non_null(record);
    used = snprintf(record, length + 1, "%zu %s=", length, key);
    memcpy(record + used, value, size);
    record[length - 1] = '\n';
    assert_int_equal(buf_append(&tar->pax, record, length), 0);
    free(record);
}

void layer_tar_gnu_long(struct layer_tar *tar, char type, const char *text)
{
    put_header(tar, &(struct layer_tar_entry){.type = type, .name = "././@LongLink"},
               strlen(text) + 1);
    append(tar, text, strlen(text) + 1);
}

void layer_tar_end(struct layer_tar *tar)
{
    static const char zeros[2 * BLOCK];

    append(tar, zeros, sizeof(zeros));
}

struct digest layer_tar_digest(const void *bytes, size_t count)
{
    struct digest digest;

    assert_int_equal(sha256_of_bytes(bytes, count, &digest, NULL), 0);
    return digest;
}

void layer_tar_gzip(const void *bytes, size_t count, struct buf *out)
{
    struct isal_zstream *stream = calloc(1, sizeof(*stream));
    size_t room = count + count / 8 + 4096;
    uint8_t *packed = malloc(room);

    assert_non_null(stream);
    assert_non_null(packed);
    isal_deflate_stateless_init(stream);
    stream->gzip_flag = IGZIP_GZIP;
    stream->end_of_stream = 1;
    stream->next_in = (uint8_t *)(uintptr_t)bytes;
    stream->avail_in = (uint32_t)count;
    stream->next_out = packed;
    stream->avail_out = (uint32_t)room;
    assert_int_equal(isal_deflate_stateless(stream), COMP_OK);
    assert_int_equal(buf_append(out, packed, stream->total_out), 0);
    free(packed);
    free(stream);
}

void layer_tar_zstd(const void *bytes, size_t count, struct buf *out)
{
    size_t room = ZSTD_compressBound(count);
    uint8_t *packed = malloc(room);
    size_t used;

    assert_non_null(packed);
    used = ZSTD_compress(packed, room, bytes, count, 3);
    assert_false(ZSTD_isError(used));
    assert_int_equal(buf_append(out, packed, used), 0);
    free(packed);
}
