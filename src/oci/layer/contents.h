/*
 * contents.h - what an unpacked layer holds, name by name, in an order that is the same everywhere.
 *
 * The walk says what lies below fs/. Unpacking keeps it as a list (contents_file.h), checking
 * compares that list with the folder again (contents_check.h).
 */
#ifndef OCI_LAYER_CONTENTS_H
#define OCI_LAYER_CONTENTS_H

#include "base/error.h"
#include "base/inode_map.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum contents_type {
    CONTENTS_TYPE_DIR = 'd',
    CONTENTS_TYPE_FILE = 'f',
    CONTENTS_TYPE_HARDLINK = 'h', /* a further name of a file that came before */
    CONTENTS_TYPE_SYMLINK = 'l',
    CONTENTS_TYPE_CHAR = 'c',
    CONTENTS_TYPE_BLOCK = 'b',
    CONTENTS_TYPE_FIFO = 'p',
    CONTENTS_TYPE_SOCKET = 's',
};

struct contents_entry {
    enum contents_type type;
    mode_t mode; /* permission bits */
    uid_t uid;
    gid_t gid;
    int64_t mtime_s;
    uint64_t size;    /* of a file, of a link's target; of a device its number */
    uint64_t content; /* crc64 of a file, of a link's target, of the path of a HARDLINK's file */
    uint64_t xattrs;  /* sum of the crc64 of each extended attribute that counts; 0: none */
    int read_errno;   /* a file could not be read: content says nothing */
    const char *path; /* relative, "" is the layer's root; borrowed */
};

struct contents_total {
    uint64_t entries;
    uint64_t bytes;      /* of files, each once */
    uint64_t disk_bytes; /* that they and the folders take */
    uint64_t tar_bytes;  /* of the tar that it was made of; 0: not known. Never from the walk */
};

typedef int (*contents_visit_function)(void *context, const struct contents_entry *entry,
                                       struct mcpd_error *err);

/* Visits the root, then of each folder what is no folder, then its folders, both sorted by their
 * bytes. `known`: crc64 of files that need not be read; NULL: everything is read, from the disk
 * and not from memory. Changes the working directory. layer_fd stays the caller's. */
int contents_walk(int layer_fd, const struct inode_map *known, contents_visit_function visit,
                  void *context, struct contents_total *ret_total,
                  struct mcpd_error *err) MUST_CHECK;

/* The order of the walk: < 0, 0, > 0. */
int contents_compare(const struct contents_entry *a, const struct contents_entry *b);

/* What counts of a folder besides its name, from a descriptor; path, content and size are 0. */
int contents_describe_dir(int fd, struct contents_entry *ret_entry,
                          struct mcpd_error *err) MUST_CHECK;

#endif
