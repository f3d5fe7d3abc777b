/*
 * tar_writer.h - a tar going out, formatted by libarchive: PAX, with records only for what the
 * plain header cannot hold.
 */
#ifndef OCI_LAYER_TAR_WRITER_H
#define OCI_LAYER_TAR_WRITER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct archive_entry;

typedef int (*tar_write_function)(void *context, const void *bytes, size_t count,
                                  struct mcpd_error *err);

struct tar_writer; /* heap; tar_writer_free */

int tar_writer_new(tar_write_function write, void *context, struct tar_writer **ret_writer,
                   struct mcpd_error *err) MUST_CHECK;
/* What was written is no whole tar unless tar_writer_finish succeeded. NULL is fine. */
void tar_writer_free(struct tar_writer *writer);
int tar_writer_finish(struct tar_writer *writer, struct mcpd_error *err) MUST_CHECK;

/* An empty entry to be filled in; borrowed until the next one. */
struct archive_entry *tar_writer_entry(struct tar_writer *writer);
/* Writes its header. As many bytes as its size says follow (fewer: zeros fill it up). */
int tar_writer_begin(struct tar_writer *writer, struct mcpd_error *err) MUST_CHECK;
int tar_writer_data(struct tar_writer *writer, const void *bytes, size_t count,
                    struct mcpd_error *err) MUST_CHECK;

/* Members of an archive whose bytes depend on nothing but their contents: owner 0, the beginning of
 * time. The contents of a file follow by tar_writer_data. */
int tar_writer_file(struct tar_writer *writer, const char *name, mode_t mode, uint64_t size,
                    struct mcpd_error *err) MUST_CHECK;
int tar_writer_folder(struct tar_writer *writer, const char *name, mode_t mode,
                      struct mcpd_error *err) MUST_CHECK;
int tar_writer_symlink(struct tar_writer *writer, const char *name, const char *target,
                       struct mcpd_error *err) MUST_CHECK;

static inline void cleanup_tar_writer(struct tar_writer **writer)
{
    tar_writer_free(*writer);
}
#define CLEANUP_TAR_WRITER CLEANUP(cleanup_tar_writer)

#endif
