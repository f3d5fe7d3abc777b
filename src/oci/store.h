/*
 * store.h - the image store of one --root: open it, find images, tag and remove them.
 *
 * On disk (ARCHITECTURE section 4):
 *   lock                         flock: shared while an image is added or a container made from
 *                                one, exclusive while something is deleted
 *   images/blobs/sha256/HEX      manifests, configs, compressed layers, as received
 *   images/partial/HEX           half a download, locked by who writes it
 *   images/tags/NAME             one small JSON file per reference -> manifest, index (tags.h)
 *   layers/HEX/{fs/,layer.json,contents}  one unpacked layer per diff_id
 *   tmp/NAME, tmp/NAME.lock      everything is made here first, then renamed; entries whose lock is
 *                                free are stale and swept
 *
 * An image is visible if and only if a tag file names its manifest; the tag is written last.
 * A damaged object harms itself alone: listing skips it and calls the warning function.
 */
#ifndef OCI_STORE_H
#define OCI_STORE_H

#include "base/error.h"
#include "oci/digest.h"
#include "oci/imageconfig.h"
#include "oci/manifest.h"
#include "oci/reference.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct additional;

/* Images are about to come. */
struct store_room_request {
    const struct digest *image_ids; /* of those that are here already, nothing is to go */
    size_t image_count;
    const struct digest *layers; /* diff_ids of all of it: those that are here are to stay */
    size_t layer_count;
    uint64_t bytes;    /* that it will take at least, beyond what is here */
    bool is_last_look; /* all is here and nothing is visible yet: only refuses */
};

struct store {
    char *path; /* absolute, owned */
    int root_fd;
    int blobs_fd; /* images/blobs/sha256 */
    int partial_fd;
    int tags_fd;
    int layers_fd;
    int tmp_fd;
    void (*warn)(void *context, const char *message); /* NULL: silence */
    void *warn_context;
    struct additional
        *additional; /* read-only stores beside it (additional.h); NULL: none; owned */
    /* Makes room within a budget, or refuses (NO_SPACE); NULL: there is none. lock_fd: the shared
     * lock, which may be exclusive for a moment. */
    int (*make_room)(void *context, int lock_fd, const struct store_room_request *request,
                     struct mcpd_error *err);
    void *room_context;
};
#define STORE_NONE                                                                       \
    {                                                                                    \
        .root_fd = -1, .blobs_fd = -1, .partial_fd = -1, .tags_fd = -1, .layers_fd = -1, \
        .tmp_fd = -1                                                                     \
    }

/* Makes the folders when missing (0700 for root's, owned by us). A store of another owner: DENIED,
 * nothing touched. */
int store_open(const char *path, struct store *ret_store, struct mcpd_error *err) MUST_CHECK;
void store_done(struct store *store);
/* Lock of the whole store (lock.h); the caller closes *ret_fd. */
int store_lock_shared(const struct store *store, int *ret_fd, struct mcpd_error *err) MUST_CHECK;
/* timeout_ms < 0: for ever; else -MCPD_E_TIMEOUT while somebody adds an image (a pull may take
 * long) or a container. */
int store_lock_exclusive(const struct store *store, int timeout_ms, int *ret_fd,
                         struct mcpd_error *err) MUST_CHECK;
/* store->make_room, when there is a budget. */
int store_make_room(const struct store *store, int lock_fd,
                    const struct store_room_request *request, struct mcpd_error *err) MUST_CHECK;
/* One line to store->warn: "<what>: <message of why>"; why may be NULL. */
void store_warn(const struct store *store, const char *what, const struct mcpd_error *why);

/* One image, read from its manifest and config. */
struct image {
    struct digest manifest_digest;
    struct digest index_digest; /* of the index that it was pulled by; unset: none */
    struct digest id;           /* digest of the config */
    char *media_type;           /* of the manifest */
    struct imageconfig config;
    struct digest *layer_digests; /* compressed blobs, as in the manifest */
    uint64_t *layer_sizes;        /* compressed bytes */
    size_t layer_count;           /* equals config.diff_id_count */
    /* The references that lead here, "host/path:tag" and "host/path@sha256:..", as podman orders
     * them: pulled ones, newest first, then those that `tag` added. After store_find_image by
     * reference only that one is filled in, and has_all_names is false. */
    bool has_all_names;
    char **names;
    /* Sorted "host/path@sha256:..": each name's repository with its manifest and its index. */
    char **digest_names;
    struct timespec first_written;  /* in a list: when the first of the names was given */
    const struct store *additional; /* the read-only store that has it; NULL: our own; borrowed */
    json_t *annotations;            /* of the manifest, may be NULL */
};
void image_done(struct image *image); /* fine on a zeroed one */

/* By reference, which reads one tag file, the manifest and the config. A name without a registry
 * is looked for as podman does: "localhost/NAME", "docker.io/library/NAME", then any name here that
 * ends with "/NAME". At last by id or a unique prefix of it (3 or more hex digits).
 * NOT_FOUND: "<name>: image not known". CONFLICT: the prefix fits several images. INVALID: the
 * short name does. CORRUPT: known but damaged; store_untag still works. What no name of ours fits
 * is then looked for in the additional stores, one after the other. */
int store_find_image(const struct store *store, const char *name, struct image *ret_image,
                     struct mcpd_error *err) MUST_CHECK;
/* As above when the exact manifest is known; no names are looked up. */
int store_load_image(const struct store *store, const struct digest *manifest_digest,
                     struct image *ret_image, struct mcpd_error *err) MUST_CHECK;

/* The manifest (never an index) behind a digest. NOT_FOUND: the blob is not here. */
int store_load_manifest(const struct store *store, const struct digest *manifest_digest,
                        struct manifest_document *ret_document, struct mcpd_error *err) MUST_CHECK;

/* Fills in every name (reads the whole folder of tags). */
int store_load_image_names(const struct store *store, struct image *image,
                           struct mcpd_error *err) MUST_CHECK;

/* Every image (what has one id) once, with all names, newest first; those of the additional stores
 * too, without the names that ours or a store before has. Array owned by the caller:
 * store_free_images. */
int store_list_images(const struct store *store, struct image **ret_images, size_t *ret_count,
                      struct mcpd_error *err) MUST_CHECK;
void store_free_images(struct image *images, size_t count);

/* When an image was pulled, loaded or run last, to the hour: the time of its config's file. Noting
 * it is one look, and a write when an hour has passed; a store that cannot be written to is fine.
 */
#define STORE_USE_INTERVAL_S 3600
void store_note_use(const struct store *store, const struct digest *image_id);
struct timespec store_last_use(const struct store *store, const struct digest *image_id);

/* Points a name at a manifest that is in the store (synced, atomic), with the index that led to it
 * (NULL: none); an image that loses its last name by it is kept under "@sha256:..". name NULL:
 * keeps an image that has no name. A new image: store_commit (commit.h). */
int store_tag(const struct store *store, const struct reference *name,
              const struct digest *manifest_digest, const struct digest *index_digest,
              struct mcpd_error *err) MUST_CHECK;
/* A further name, in our store, for an image that was found; one of an additional store then has
 * its manifest and its config here too. */
int store_add_name(const struct store *store, const struct image *image,
                   const struct reference *name, struct mcpd_error *err) MUST_CHECK;
/* Several names, of one image or of many, in one instant: all of it happens, or nothing. */
struct store_name {
    const struct reference *name; /* NULL: an image that is kept without a name */
    struct digest manifest_digest;
    struct digest index_digest; /* unset: none */
};
int store_tag_all(const struct store *store, const struct store_name *names, size_t count,
                  struct mcpd_error *err) MUST_CHECK;
/* Takes names from an image, which stays (without a name, when it was the last); count 0: all of
 * them. NOT_FOUND: "<name>: tag not known", and nothing has changed. */
int store_untag_names(const struct store *store, const struct digest *image_id,
                      const struct reference *names, size_t count,
                      struct mcpd_error *err) MUST_CHECK;
/* Removes one name; *ret_was_last (NULL: nobody asks, which spares a look at all names) tells
 * whether none is left (then the next store_collect takes the image). NOT_FOUND: "<name>: image not
 * known". */
int store_untag(const struct store *store, const struct reference *name, bool *ret_was_last,
                struct mcpd_error *err) MUST_CHECK;
/* Removes all names of an image. Blobs and layers go with the next store_collect. */
int store_remove_image(const struct store *store, const struct digest *image_id,
                       struct mcpd_error *err) MUST_CHECK;
/* The same of several, with one look at the names; the ids are sorted (digest_compare).
 * ret_were_there (NULL: nobody asks): room for each; was it in the store? */
int store_remove_images(const struct store *store, const struct digest *image_ids, size_t count,
                        bool *ret_were_there, struct mcpd_error *err) MUST_CHECK;
/* Deletes blobs and layers that no tag needs, old downloads and dead entries of tmp/.
 * `used_diff_ids`: layers of containers, kept. exclusive_lock_fd: from store_lock_exclusive, taken
 * before the caller looked which containers there are (a container made in between would lose its
 * layers). */
int store_collect(const struct store *store, int exclusive_lock_fd,
                  const struct digest *used_diff_ids, size_t used_count, uint64_t *ret_freed_bytes,
                  struct mcpd_error *err) MUST_CHECK;

/* Unpacked layers. Path is relative to the store's root: "layers/HEX/fs". */
#define STORE_LAYER_PATH_SIZE 96
void store_layer_path(const struct digest *diff_id, char buffer[STORE_LAYER_PATH_SIZE]);
/* The store that has it: an additional one, or else ours, whether it has it or not. Without
 * additional stores nothing is looked at. */
const struct store *store_of_layer(const struct store *store, const struct digest *diff_id);
bool store_has_layer(const struct store *store, const struct digest *diff_id);
struct layer_sizes {
    uint64_t bytes;      /* contents of its files */
    uint64_t disk_bytes; /* that it took on the disk when it was made; 0: not known */
    uint64_t tar_bytes;  /* length of its tar, uncompressed; 0: not known */
};
/* Of the unpacked layer, from its layer.json. */
int store_layer_sizes(const struct store *store, const struct digest *diff_id,
                      struct layer_sizes *ret_sizes, struct mcpd_error *err) MUST_CHECK;
/* The first of them. */
int store_layer_bytes(const struct store *store, const struct digest *diff_id, uint64_t *ret_bytes,
                      struct mcpd_error *err) MUST_CHECK;
/* What it takes on the disk. */
int store_layer_disk_bytes(const struct store *store, const struct digest *diff_id,
                           uint64_t *ret_bytes, struct mcpd_error *err) MUST_CHECK;

/* podman's documents (shapes in FEATURES 3.3 and samples images-json, inspect-json-image). New
 * references. */
json_t *image_list_json(const struct store *store, const struct image *image,
                        unsigned int container_count);
json_t *image_inspect_json(const struct store *store, const struct image *image);
/* The steps that made it, the last one first: [{"id", "created", "CreatedBy", "size", "comment",
 * "Created"}] as podman's `history --format json`. */
json_t *image_history_json(const struct store *store, const struct image *image);

#endif
