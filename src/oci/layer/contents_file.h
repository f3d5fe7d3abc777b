/*
 * contents_file.h - layers/HEX/contents: the list of what a layer holds, written when it is made.
 *
 *   TYPE MODE UID GID MTIME SIZE CONTENT XATTRS PATH      one line for each name (contents.h)
 *   end ENTRIES BYTES DISK_BYTES [TAR_BYTES] CRC          crc64 of all that is before it
 *
 * Numbers are decimal, the mode octal, checksums hexadecimal. A path is percent-encoded where it
 * is not printable ASCII; "." is the layer's root.
 */
#ifndef OCI_LAYER_CONTENTS_FILE_H
#define OCI_LAYER_CONTENTS_FILE_H

#include "base/buf.h"
#include "base/error.h"
#include "oci/layer/contents.h"

#include <stdbool.h>

#define CONTENTS_FILE_NAME "contents"

/* Walks and writes. tar_bytes: 0 when not known. record_fd: an empty file, stays the caller's; not
 * synced. */
int contents_file_make(int layer_fd, const struct inode_map *known, uint64_t tar_bytes,
                       int record_fd, struct contents_total *ret_total,
                       struct mcpd_error *err) MUST_CHECK;

/* Folders whose owner, mode or time was changed since: their lines are made again. dir_fd holds
 * fs/ and the list; paths: each with its NUL. No list is no failure. */
int contents_file_refresh(int dir_fd, const char *paths, size_t length,
                          struct mcpd_error *err) MUST_CHECK;

/* Reading, line by line, in bounded memory. */
struct contents_reader {
    int fd; /* borrowed */
    struct buf text;
    size_t next;  /* of text: the line that comes next */
    uint64_t crc; /* of the lines so far */
    struct buf path;
    struct contents_total total; /* counted while reading */
};
void contents_reader_init(struct contents_reader *reader, int fd);
void contents_reader_done(struct contents_reader *reader);
#define CLEANUP_CONTENTS_READER CLEANUP(contents_reader_done)
/* *ret_entry is good until the next call; *ret_is_end: there was none more, and the last line has
 * agreed with the others. CORRUPT: damaged. */
int contents_reader_next(struct contents_reader *reader, struct contents_entry *ret_entry,
                         bool *ret_is_end, struct mcpd_error *err) MUST_CHECK;

#endif
