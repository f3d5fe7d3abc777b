/*
 * tar_writer.c - see tar_writer.h.
 *
 * libarchive turns names into UTF-8 from the locale's character set. In the "C" locale everything
 * but ASCII would be marked as binary, which other tars complain about; so the thread has C.UTF-8
 * as long as there is a writer.
 *
 * libarchive 3.6 loses its buffer when the function that writes fails, so ours never does: what
 * went wrong is kept, and looked at behind every call.
 */
#include "oci/layer/tar_writer.h"

#include "oci/layer/unpack_policy.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <sys/stat.h>

#define BLOCK_BYTES (128 << 10)

struct tar_writer {
    tar_write_function write;
    void *context;
    struct archive *archive;
    struct archive_entry *entry;
    locale_t utf8; /* 0: this machine has none */
    locale_t old_locale;
    struct mcpd_error failure; /* of the write function; code 0: none */
};

static la_ssize_t write_callback(struct archive *archive, void *context, const void *bytes,
                                 size_t count)
{
    struct tar_writer *writer = context;

    (void)archive;
    if (writer->failure.code == 0)
        (void)writer->write(writer->context, bytes, count, &writer->failure);
    return (la_ssize_t)count;
}

/* What a call of libarchive has come to. */
static int judge(struct tar_writer *writer, bool is_good, struct mcpd_error *err)
{
    const char *text = archive_error_string(writer->archive);
    char shown[200];

    if (writer->failure.code != 0)
        return error_copy(err, &writer->failure);
    if (is_good)
        return 0;
    if (archive_errno(writer->archive) == ENOMEM)
        return error_no_memory(err, "writing a tar");
    unpack_policy_show(text ? text : "failed", shown, sizeof(shown));
    return error_set(err, MCPD_E_SYSTEM, "write a tar: %s", shown);
}

static int open_archive(struct tar_writer *writer, struct mcpd_error *err)
{
    writer->archive = archive_write_new();
    writer->entry = archive_entry_new();
    if (!writer->archive || !writer->entry)
        return error_no_memory(err, "writing a tar");
    return judge(
        writer,
        archive_write_set_format_pax(writer->archive) == ARCHIVE_OK &&
            archive_write_set_format_option(writer->archive, NULL, "xattrheader", "SCHILY") ==
                ARCHIVE_OK &&
            archive_write_set_bytes_per_block(writer->archive, BLOCK_BYTES) == ARCHIVE_OK &&
            archive_write_set_bytes_in_last_block(writer->archive, 1) == ARCHIVE_OK &&
            archive_write_open(writer->archive, writer, NULL, write_callback, NULL) == ARCHIVE_OK,
        err);
}

int tar_writer_new(tar_write_function write, void *context, struct tar_writer **ret_writer,
                   struct mcpd_error *err)
{
    CLEANUP_TAR_WRITER struct tar_writer *writer = calloc(1, sizeof(*writer));
    int rc;

    if (!writer)
        return error_no_memory(err, "writing a tar");
    writer->write = write;
    writer->context = context;
    writer->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    writer->old_locale = writer->utf8 ? uselocale(writer->utf8) : (locale_t)0;
    rc = open_archive(writer, err);
    if (rc < 0)
        return rc;
    *ret_writer = TAKE_PTR(writer);
    return 0;
}

void tar_writer_free(struct tar_writer *writer)
{
    if (!writer)
        return;
    /* Freeing closes it: the end of a tar that is not whole goes nowhere. */
    if (writer->failure.code == 0)
        writer->failure.code = MCPD_E_CANCELLED;
    (void)archive_write_free(writer->archive);
    archive_entry_free(writer->entry);
    if (writer->utf8) {
        (void)uselocale(writer->old_locale);
        freelocale(writer->utf8);
    }
    free(writer);
}

int tar_writer_finish(struct tar_writer *writer, struct mcpd_error *err)
{
    return judge(writer, archive_write_close(writer->archive) == ARCHIVE_OK, err);
}

struct archive_entry *tar_writer_entry(struct tar_writer *writer)
{
    return archive_entry_clear(writer->entry);
}

int tar_writer_begin(struct tar_writer *writer, struct mcpd_error *err)
{
    int code = archive_write_header(writer->archive, writer->entry);

    /* WARN: a name that is no text in UTF-8; it is written as it is. */
    return judge(writer, code == ARCHIVE_OK || code == ARCHIVE_WARN, err);
}

int tar_writer_data(struct tar_writer *writer, const void *bytes, size_t count,
                    struct mcpd_error *err)
{
    return judge(writer, archive_write_data(writer->archive, bytes, count) == (la_ssize_t)count,
                 err);
}

/* ------------------------------------------------------------------ plain members */

static struct archive_entry *plain_entry(struct tar_writer *writer, const char *name, mode_t mode)
{
    struct archive_entry *entry = tar_writer_entry(writer);

    archive_entry_set_pathname(entry, name);
    archive_entry_set_mode(entry, mode);
    archive_entry_set_size(entry, 0);
    archive_entry_set_mtime(entry, 0, 0);
    return entry;
}

int tar_writer_file(struct tar_writer *writer, const char *name, mode_t mode, uint64_t size,
                    struct mcpd_error *err)
{
    archive_entry_set_size(plain_entry(writer, name, S_IFREG | mode), (la_int64_t)size);
    return tar_writer_begin(writer, err);
}

int tar_writer_folder(struct tar_writer *writer, const char *name, mode_t mode,
                      struct mcpd_error *err)
{
    (void)plain_entry(writer, name, S_IFDIR | mode);
    return tar_writer_begin(writer, err);
}

int tar_writer_symlink(struct tar_writer *writer, const char *name, const char *target,
                       struct mcpd_error *err)
{
    archive_entry_set_symlink(plain_entry(writer, name, S_IFLNK), target);
    return tar_writer_begin(writer, err);
}
