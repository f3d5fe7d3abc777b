/*
 * layer_tar.h - tars made byte by byte, so that they can be as wrong as a test wants them, and
 * their compressed forms.
 */
#ifndef SUPPORT_LAYER_TAR_H
#define SUPPORT_LAYER_TAR_H

#include "base/buf.h"
#include "oci/digest.h"

#include <stddef.h>
#include <stdint.h>

struct layer_tar {
    struct buf bytes;
    struct buf pax; /* records for the next entry */
};

struct layer_tar_entry {
    char type; /* tar's: '0' file, '1' hard link, '2' symbolic link, '3' char, '5' folder, ... */
    const char *name;
    const char *target;
    const char *data;  /* text */
    size_t size;       /* of the data; 0: strlen */
    unsigned int mode; /* 0: 0644, folders 0755 */
    uint64_t uid;
    uint64_t gid;
    unsigned int major;
    unsigned int minor;
    int64_t mtime; /* 0: 1600000000 */
};

void layer_tar_init(struct layer_tar *tar);
void layer_tar_done(struct layer_tar *tar);
#define CLEANUP_LAYER_TAR CLEANUP(layer_tar_done)

void layer_tar_add(struct layer_tar *tar, const struct layer_tar_entry *entry);
/* Short forms. */
void layer_tar_file(struct layer_tar *tar, const char *name, const char *data);
void layer_tar_dir(struct layer_tar *tar, const char *name);
void layer_tar_symlink(struct layer_tar *tar, const char *name, const char *target);
void layer_tar_hardlink(struct layer_tar *tar, const char *name, const char *target);
/* For the entry that follows: a further PAX record, or GNU's long name ('L') or long link ('K'). */
void layer_tar_pax(struct layer_tar *tar, const char *key, const void *value, size_t size);
void layer_tar_gnu_long(struct layer_tar *tar, char type, const char *text);
void layer_tar_end(struct layer_tar *tar); /* two empty blocks */

/* What its diff_id is. */
struct digest layer_tar_digest(const void *bytes, size_t count);
/* Appended to `out`. */
void layer_tar_gzip(const void *bytes, size_t count, struct buf *out);
void layer_tar_zstd(const void *bytes, size_t count, struct buf *out);

#endif
