/*
 * unpack.h - one layer's stream (compressed or not) into one folder.
 *
 * Decompresses (inflate.h), computes the diff_id, lets libarchive parse the tar, asks
 * unpack_policy.h about each entry and writes with unpack_tree.h. Knows nothing of processes:
 * worker.h runs it in one of its own.
 */
#ifndef OCI_LAYER_UNPACK_H
#define OCI_LAYER_UNPACK_H

#include "base/error.h"
#include "oci/digest.h"
#include "oci/layer/inflate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unpack_options {
    bool is_in_userns;    /* no devices, overlay marks as user.overlay.* */
    bool ignore_owners;   /* a user with a single id */
    uint64_t max_entries; /* 0: UNPACK_MAX_ENTRIES */
    int contents_fd;      /* an empty file for the list of what there is; 0: none is wanted */
};

struct unpack_result {
    struct digest diff_id;   /* of the whole uncompressed stream */
    uint64_t tar_bytes;      /* its length */
    uint64_t file_bytes;     /* contents of regular files */
    uint64_t disk_bytes;     /* that the layer takes; 0 without a list */
    uint64_t entries;        /* seen */
    uint64_t skipped;        /* of them not made: devices in a user namespace, sockets */
    uint64_t skipped_xattrs; /* attributes that a layer may not set, or this file system cannot */
    /* Folders that had to be made without an entry that describes them (implied.h): paths, each
     * with its NUL; owned. At most UNPACK_MAX_IMPLIED_BYTES, further ones are left out. */
    char *implied;
    size_t implied_bytes;
};
#define UNPACK_MAX_IMPLIED_BYTES (60u << 10)
void unpack_result_done(struct unpack_result *result);

/* Reads to the end. layer_fd: an empty folder. The umask of the process must be 0. */
int unpack_layer(inflate_read_function read, void *read_context, int layer_fd,
                 const struct unpack_options *options, struct unpack_result *ret_result,
                 struct mcpd_error *err) MUST_CHECK;
/* The same from a pipe or file. */
int unpack_layer_fd(int input_fd, int layer_fd, const struct unpack_options *options,
                    struct unpack_result *ret_result, struct mcpd_error *err) MUST_CHECK;

#endif
