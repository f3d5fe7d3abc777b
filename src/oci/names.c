/*
 * names.c - images get and lose names.
 *
 * All of it happens under the lock of the tags' folder, so that "was this its last name?" is still
 * true when it is acted upon. An image is never without a tag file unless it is to go: the
 * "@sha256:.." file is written before the last name moves away, and removed after a name was given.
 * An image is what has one id: it may have come by several manifests, each of which stays as long
 * as a name leads to it.
 */
#include "oci/store.h"

#include "base/fault.h"
#include "base/fsutil.h"
#include "base/str.h"
#include "oci/blobs.h"
#include "oci/tags.h"

#include <string.h>

/* How many tag files, other than `except`, name this image? Without an id: its manifest. */
static int count_tags(const struct store *store, const struct tag *tag, const char *except,
                      size_t *ret_count, struct mcpd_error *err)
{
    CLEANUP_TAG_LIST struct tag_list list = {0};
    size_t count = 0;
    int rc = tags_list(store, &list, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < list.count; i++)
        if (tags_is_same_image(&list.tags[i], tag) && !str_equal(list.tags[i].name, except))
            count++;
    *ret_count = count;
    return 0;
}

/* The name is about to move away from what `old` says. */
static int keep_old_image(const struct store *store, const struct tag *old, const char *name,
                          struct mcpd_error *err)
{
    char untagged[TAGS_NAME_SIZE];
    size_t others = 0;
    int rc = count_tags(store, old, name, &others, err);

    if (rc < 0 || others > 0 || !blob_is_own(store, &old->manifest_digest))
        return rc;
    tags_untagged_file_name(&old->manifest_digest, untagged);
    return tags_write(store, untagged, old, err);
}

static int give_name(const struct store *store, const struct reference *reference,
                     const struct tag *tag, struct mcpd_error *err)
{
    char file_name[TAGS_NAME_SIZE];
    char untagged[TAGS_NAME_SIZE];
    char name[REFERENCE_MAX_LENGTH + 1];
    struct tag old = {0};
    int rc = tags_file_name(reference, file_name, err);

    if (rc < 0)
        return rc;
    tags_format(reference, name, sizeof(name));
    rc = tags_read(store, file_name, &old, err);
    if (rc < 0 && rc != -MCPD_E_NOT_FOUND && rc != -MCPD_E_CORRUPT) /* damaged: replaced */
        return rc;
    /* One that only gets another manifest loses nothing. */
    if (rc == 0 && !digest_equal(&old.manifest_digest, &tag->manifest_digest) &&
        !digest_equal(&old.image_id, &tag->image_id)) {
        rc = keep_old_image(store, &old, name, err);
        if (rc < 0)
            return rc;
        FAULT_POINT("old-image-kept");
    }
    rc = tags_write(store, file_name, tag, err);
    if (rc < 0)
        return rc;
    FAULT_POINT("name-given");
    tags_untagged_file_name(&tag->manifest_digest, untagged);
    return tags_remove(store, untagged, err);
}

static int keep_unnamed(const struct store *store, const struct tag *tag, struct mcpd_error *err)
{
    char untagged[TAGS_NAME_SIZE];
    size_t others = 0;
    int rc = count_tags(store, tag, NULL, &others, err);

    if (rc < 0 || others > 0)
        return rc;
    tags_untagged_file_name(&tag->manifest_digest, untagged);
    return tags_write(store, untagged, tag, err);
}

/* Fills in the id, of a manifest that can be read. */
static int write_name(const struct store *store, const struct reference *name, struct tag *tag,
                      struct mcpd_error *err)
{
    CLEANUP(manifest_document_done) struct manifest_document document = {0};
    CLEANUP_FD int lock_fd = -1;
    int rc = tags_lock(store, &lock_fd, err);

    if (rc < 0)
        return rc;
    /* Whoever collects holds the same lock: what is here now, stays. */
    if (!blob_is_own(store, &tag->manifest_digest))
        return error_set(err, MCPD_E_NOT_FOUND, "%s: image not known", tag->manifest_digest.text);
    if (store_load_manifest(store, &tag->manifest_digest, &document, NULL) == 0)
        tag->image_id = document.manifest.config.digest;
    return name ? give_name(store, name, tag, err) : keep_unnamed(store, tag, err);
}

int store_tag(const struct store *store, const struct reference *name,
              const struct digest *manifest_digest, const struct digest *index_digest,
              struct mcpd_error *err)
{
    struct tag tag = {.manifest_digest = *manifest_digest};

    if (index_digest)
        tag.index_digest = *index_digest;
    return write_name(store, name, &tag, err);
}

/* The documents of an image of an additional store, here too: a name of ours leads to what is ours.
 * Without the name they go with the next collection. */
static int copy_document(const struct store *store, const struct digest *digest,
                         struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    int rc;

    if (!digest_is_set(digest) || blob_is_own(store, digest))
        return 0;
    rc = blob_read(store, digest, MANIFEST_MAX_BYTES, &text, &length, err);
    if (rc < 0)
        return rc;
    return fs_write_file(store->blobs_fd, digest_hex(digest), text, length, 0600, FS_WRITE_SYNC,
                         err);
}

static int copy_documents(const struct store *store, const struct image *image,
                          struct mcpd_error *err)
{
    int rc = copy_document(store, &image->id, err);

    if (rc == 0)
        rc = copy_document(store, &image->manifest_digest, err);
    /* Without the index there is only less to push. */
    if (rc == 0 && digest_is_set(&image->index_digest) && blob_exists(store, &image->index_digest))
        rc = copy_document(store, &image->index_digest, err);
    return rc;
}

int store_add_name(const struct store *store, const struct image *image,
                   const struct reference *name, struct mcpd_error *err)
{
    int rc = image->additional ? copy_documents(store, image, err) : 0;
    struct tag tag = {.manifest_digest = image->manifest_digest,
                      .index_digest = image->index_digest,
                      .is_further = true};

    return rc < 0 ? rc : write_name(store, name, &tag, err);
}

int store_untag(const struct store *store, const struct reference *name, bool *ret_was_last,
                struct mcpd_error *err)
{
    char file_name[TAGS_NAME_SIZE];
    char text[REFERENCE_MAX_LENGTH + 1];
    CLEANUP_FD int lock_fd = -1;
    struct tag tag = {0};
    size_t others = 0;
    int rc = tags_file_name(name, file_name, err);

    if (rc == 0)
        rc = tags_lock(store, &lock_fd, err);
    if (rc < 0)
        return rc;
    tags_format(name, text, sizeof(text));
    rc = tags_read(store, file_name, &tag, err);
    if (rc == -MCPD_E_NOT_FOUND)
        return error_set(err, MCPD_E_NOT_FOUND, "%s: image not known", text);
    if (rc == 0 && ret_was_last)
        rc = count_tags(store, &tag, text, &others, err);
    if (rc < 0 && rc != -MCPD_E_CORRUPT) /* damaged: names nothing, and may go */
        return rc;
    rc = tags_remove(store, file_name, err);
    FAULT_POINT("name-removed");
    if (rc == 0)
        rc = tags_sync(store, err);
    if (rc == 0 && ret_was_last)
        *ret_was_last = others == 0;
    return rc;
}

int store_remove_images(const struct store *store, const struct digest *image_ids, size_t count,
                        bool *ret_were_there, struct mcpd_error *err)
{
    CLEANUP_TAG_LIST struct tag_list list = {0};
    CLEANUP_FD int lock_fd = -1;
    int rc = tags_lock(store, &lock_fd, err);

    if (rc == 0)
        rc = tags_list(store, &list, err);
    for (size_t i = 0; rc == 0 && count > 0 && i < list.count; i++) {
        const struct digest *found =
            bsearch(&list.tags[i].image_id, image_ids, count, sizeof(*image_ids), digest_compare);

        if (!found)
            continue;
        rc = tags_remove_listed(store, &list.tags[i], err);
        if (ret_were_there)
            ret_were_there[found - image_ids] = true;
    }
    FAULT_POINT("names-removed");
    return rc < 0 ? rc : tags_sync(store, err);
}

int store_remove_image(const struct store *store, const struct digest *image_id,
                       struct mcpd_error *err)
{
    return store_remove_images(store, image_id, 1, NULL, err);
}
