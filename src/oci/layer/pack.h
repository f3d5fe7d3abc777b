/*
 * pack.h - a folder as a tar stream: a layer's folder back into a layer, or a container's tree for
 * export.
 *
 * The same tree gives the same bytes: names in order, numbers instead of user names, no times but
 * the modification time, PAX records only where the plain header does not do. Memory does not grow
 * with the tree (24 bytes for each file of several names, 16 MiB of names of one folder at a time).
 * Knows nothing of processes and namespaces: owners are written as this process sees them.
 */
#ifndef OCI_LAYER_PACK_H
#define OCI_LAYER_PACK_H

#include "base/error.h"
#include "oci/layer/tar_writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACK_MAX_DEPTH 512 /* folders above an entry: each costs a descriptor */

struct pack_options {
    bool is_layer;        /* overlay's marks become whiteouts in OCI form; else they are unknown */
    bool use_user_xattrs; /* the marks are user.overlay.*, as a user's mount reads them */
    bool has_root;        /* begins with an entry "./" for the folder itself */
    int tmp_fd;           /* folder for an unnamed file */
};

struct pack_result {
    uint64_t entries;
    uint64_t skipped; /* sockets: a tar has no word for them */
    uint64_t changed; /* files that became shorter while they were read; zeros fill them up */
};

int pack_tree(int dir_fd, const struct pack_options *options, tar_write_function write,
              void *write_context, struct pack_result *ret_result,
              struct mcpd_error *err) MUST_CHECK;
/* The same into a pipe or file. */
int pack_tree_fd(int dir_fd, const struct pack_options *options, int output_fd,
                 struct pack_result *ret_result, struct mcpd_error *err) MUST_CHECK;

#endif
