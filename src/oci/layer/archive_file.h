/*
 * archive_file.h - a tar file, or a folder, as a set of named byte ranges: what `save` of docker,
 * podman and skopeo writes.
 *
 * A compressed tar, and one that cannot be read twice (a pipe), is first written to an unnamed file
 * of the store. Links inside a tar are followed; everything else than files and links is left out.
 * Of a folder only the files in it and in its blobs/sha256 are looked at, and no link.
 */
#ifndef OCI_LAYER_ARCHIVE_FILE_H
#define OCI_LAYER_ARCHIVE_FILE_H

#include "base/error.h"
#include "oci/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARCHIVE_FILE_MAX_MEMBERS 65536

struct archive_member {
    char *name;      /* normalised: no leading "./" or '/' */
    char *link;      /* normalised target when it is a link, else NULL */
    uint64_t offset; /* of its contents in the file */
    uint64_t size;
};

struct archive_file {
    int fd; /* of the tar, or of the folder */
    bool is_folder;
    struct archive_member *members; /* owned; sorted by name */
    size_t count;
    size_t capacity;
};

/* input_fd: a file, a pipe or a folder; stays the caller's. tmp_fd: folder for the unnamed file.
 * CORRUPT: not a tar. */
int archive_file_open(int input_fd, int tmp_fd, struct archive_file *ret_file,
                      struct mcpd_error *err) MUST_CHECK;
void archive_file_done(struct archive_file *file);
#define CLEANUP_ARCHIVE_FILE CLEANUP(archive_file_done)

/* One that is put together: an unnamed file in the folder tmp_fd; for each member archive_file_add
 * and then its bytes, to the end of `fd`; at last archive_file_sort. */
int archive_file_create(int tmp_fd, struct archive_file *ret_file,
                        struct mcpd_error *err) MUST_CHECK;
int archive_file_add(struct archive_file *file, const char *name, uint64_t size,
                     struct mcpd_error *err) MUST_CHECK;
void archive_file_sort(struct archive_file *file);

/* Borrowed; NULL when there is no such file. */
const struct archive_member *archive_file_find(const struct archive_file *file, const char *name);
/* Is there more than one of this name? The last one counts, as in a tar that is unpacked. */
bool archive_file_has_twice(const struct archive_file *file, const char *name);
/* The whole of a small one, NUL-terminated, owned by the caller. */
int archive_file_read(const struct archive_file *file, const struct archive_member *member,
                      size_t maximum, char **ret_text, size_t *ret_length,
                      struct mcpd_error *err) MUST_CHECK;
/* As pread(2), within the member. */
ssize_t archive_file_pread(const struct archive_file *file, const struct archive_member *member,
                           uint64_t offset, void *buffer, size_t size, struct mcpd_error *err);
int archive_file_hash(const struct archive_file *file, const struct archive_member *member,
                      struct digest *ret_digest, struct mcpd_error *err) MUST_CHECK;

#endif
