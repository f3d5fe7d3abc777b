/*
 * tags.h - images/tags: one small file per name, {"manifest": "sha256:.."}.
 *
 * The file name is the normalised reference with '%' and '/' percent-encoded; with a digest the tag
 * is left out, as podman does
 * ("docker.io%2Flibrary%2Falpine:latest", "h%2Fx@sha256:.."). "@sha256:HEX" keeps an image that has
 * no name. Names that begin with '.' are not tags: the lock of the folder, and files that are still
 * being written.
 */
#ifndef OCI_TAGS_H
#define OCI_TAGS_H

#include "base/error.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "oci/store.h"

#include <stdbool.h>
#include <stddef.h>

#define TAGS_NAME_SIZE 256 /* a file name of the kernel and NUL */

/* LIMIT when the name does not fit into a file name. */
int tags_file_name(const struct reference *name, char buffer[TAGS_NAME_SIZE],
                   struct mcpd_error *err) MUST_CHECK;
/* The readable form of the same: with a digest, no tag. Buffer of REFERENCE_MAX_LENGTH + 1. */
void tags_format(const struct reference *name, char *buffer, size_t size);
void tags_untagged_file_name(const struct digest *manifest_digest, char buffer[TAGS_NAME_SIZE]);

/* By file name. NOT_FOUND without text when absent: the caller knows the words. */
int tags_read(const struct store *store, const char *file_name, struct digest *ret_manifest_digest,
              struct mcpd_error *err) MUST_CHECK;
/* Atomic, synced with its folder. */
int tags_write(const struct store *store, const char *file_name,
               const struct digest *manifest_digest, struct mcpd_error *err) MUST_CHECK;
/* Absent is success. Not synced: tags_sync. */
int tags_remove(const struct store *store, const char *file_name,
                struct mcpd_error *err) MUST_CHECK;
int tags_sync(const struct store *store, struct mcpd_error *err) MUST_CHECK;
/* Held while a name is changed: what was read is still so when it is written. */
int tags_lock(const struct store *store, int *ret_fd, struct mcpd_error *err) MUST_CHECK;

enum tag_kind {
    TAG_KIND_NAME,     /* "host/path:tag" */
    TAG_KIND_DIGEST,   /* "host/path@sha256:.." */
    TAG_KIND_UNTAGGED, /* "@sha256:.." */
};
struct tag {
    enum tag_kind kind;
    char *name; /* readable; owned */
    struct digest manifest_digest;
};
struct tag_list {
    struct tag *tags; /* owned */
    size_t count;
};
/* Every readable tag, sorted by manifest, then kind, then name; others are a warning of the store.
 */
int tags_list(const struct store *store, struct tag_list *ret_list,
              struct mcpd_error *err) MUST_CHECK;
/* Is it still as listed (or was it removed or moved since)? */
bool tags_is_current(const struct store *store, const struct tag *tag);
int tags_remove_listed(const struct store *store, const struct tag *tag,
                       struct mcpd_error *err) MUST_CHECK;
void tag_list_done(struct tag_list *list);
#define CLEANUP_TAG_LIST CLEANUP(tag_list_done)

#endif
