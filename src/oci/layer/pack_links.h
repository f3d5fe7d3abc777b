/*
 * pack_links.h - which file of several names has been written already, and under which one.
 * Internal to pack.
 *
 * Memory is 24 bytes for each such file whose other names are still to come; the names themselves
 * lie in an unnamed file.
 */
#ifndef OCI_LAYER_PACK_LINKS_H
#define OCI_LAYER_PACK_LINKS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct pack_link {
    uint64_t inode; /* 0: free */
    uint32_t left;  /* names to come */
    uint16_t length;
    uint16_t device; /* index */
    uint64_t offset; /* of the path in the file */
};

struct pack_links {
    int tmp_fd;              /* borrowed */
    int fd;                  /* the file with the paths; -1 until the first one */
    uint64_t end;            /* of what is in it */
    struct pack_link *table; /* owned; open addressing */
    size_t used;
    size_t capacity; /* a power of two */
    dev_t devices[8];
    size_t device_count;
};

void pack_links_init(struct pack_links *links, int tmp_fd);
void pack_links_done(struct pack_links *links);

/* st: of a file with several links. *ret_is_known: `target` (of UNPACK_PATH_SIZE) is the path it
 * was seen under before; else `path` is remembered. */
int pack_links_look(struct pack_links *links, const struct stat *st, const char *path, char *target,
                    bool *ret_is_known, struct mcpd_error *err) MUST_CHECK;

#endif
