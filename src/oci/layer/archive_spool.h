/*
 * archive_spool.h - an archive that cannot be used as it lies there: decompressed (gzip, zstd, xz,
 * bzip2, by content) into an unnamed file.
 */
#ifndef OCI_LAYER_ARCHIVE_SPOOL_H
#define OCI_LAYER_ARCHIVE_SPOOL_H

#include "base/error.h"

/* input_fd stays the caller's; it is read from where it stands to its end. tmp_fd: the folder on
 * whose file system the file is made. The caller closes *ret_fd. */
int archive_spool(int input_fd, int tmp_fd, int *ret_fd, struct mcpd_error *err) MUST_CHECK;

#endif
