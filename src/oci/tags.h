/*
 * tags.h - images/tags: one small file per name.
 *
 * {"manifest": "sha256:..", "image": "sha256:..", "index": "sha256:..", "further": true}: what the
 * name stands for; the image's id (which follows from the manifest: a list need not read it); the
 * index it was pulled by, if there was one (it is kept with the manifest, and its digest is the one
 * the registry knows); and whether the name was given here to an image that already had one.
 *
 * The file name is the normalised reference with '%' and '/' percent-encoded; with a digest the tag
 * is left out, as podman does
 * ("docker.io%2Flibrary%2Falpine:latest", "h%2Fx@sha256:.."). "@sha256:HEX" keeps an image that has
 * no name. Names that begin with '.' are not tags: the lock of the folder, names that are changing
 * together (tags_batch.h), and files that are still being written.
 */
#ifndef OCI_TAGS_H
#define OCI_TAGS_H

#include "base/error.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "oci/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define TAGS_NAME_SIZE 256 /* a file name of the kernel and NUL */

enum tag_kind {
    TAG_KIND_NAME,     /* "host/path:tag" */
    TAG_KIND_DIGEST,   /* "host/path@sha256:.." */
    TAG_KIND_UNTAGGED, /* "@sha256:.." */
};
struct tag {
    enum tag_kind kind;
    char *name; /* readable; owned */
    struct digest manifest_digest;
    struct digest index_digest; /* unset: pulled without an index */
    struct digest image_id;     /* in a list also of old files that lack it; unset: unreadable */
    bool is_further;
    struct timespec written; /* only in a list */
};
struct tag_list {
    struct tag *tags; /* owned */
    size_t count;
};

/* LIMIT when the name does not fit into a file name. */
int tags_file_name(const struct reference *name, char buffer[TAGS_NAME_SIZE],
                   struct mcpd_error *err) MUST_CHECK;
/* The readable form of the same: with a digest, no tag. Buffer of REFERENCE_MAX_LENGTH + 1. */
void tags_format(const struct reference *name, char *buffer, size_t size);
void tags_untagged_file_name(const struct digest *manifest_digest, char buffer[TAGS_NAME_SIZE]);

/* By file name; name and kind are left alone. NOT_FOUND without text when absent: the caller knows
 * the words. */
int tags_read(const struct store *store, const char *file_name, struct tag *tag,
              struct mcpd_error *err) MUST_CHECK;
/* Atomic, synced with its folder. */
int tags_write(const struct store *store, const char *file_name, const struct tag *tag,
               struct mcpd_error *err) MUST_CHECK;
/* What the file holds; NULL without memory. New reference. */
json_t *tags_to_json(const struct tag *tag);
/* Absent is success. Not synced: tags_sync. */
int tags_remove(const struct store *store, const char *file_name,
                struct mcpd_error *err) MUST_CHECK;
int tags_sync(const struct store *store, struct mcpd_error *err) MUST_CHECK;
/* Held while a name is changed: what was read is still so when it is written. Finishes first what
 * a killed process has left half done. */
int tags_lock(const struct store *store, int *ret_fd, struct mcpd_error *err) MUST_CHECK;

/* An image is what has one id; without an id it is its manifest. */
bool tags_is_same_image(const struct tag *a, const struct tag *b);
/* Every readable tag, sorted by image, manifest, kind and name; others are a warning of the store.
 */
int tags_list(const struct store *store, struct tag_list *ret_list,
              struct mcpd_error *err) MUST_CHECK;
/* Of "host/path" in a readable name; 0 in "@sha256:..". */
size_t tags_repository_length(const char *name);
/* How many tags of the list, from `first` on, name the same image? */
size_t tags_group_length(const struct tag_list *list, size_t first);
int tags_listed_file_name(const struct tag *tag, char buffer[TAGS_NAME_SIZE],
                          struct mcpd_error *err) MUST_CHECK;
/* Is it still as listed (or was it removed or moved since)? */
bool tags_is_current(const struct store *store, const struct tag *tag);
int tags_remove_listed(const struct store *store, const struct tag *tag,
                       struct mcpd_error *err) MUST_CHECK;
void tag_list_done(struct tag_list *list);
#define CLEANUP_TAG_LIST CLEANUP(tag_list_done)

#endif
