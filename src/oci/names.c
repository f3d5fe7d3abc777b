/*
 * names.c - images get and lose names.
 *
 * All of it happens under the lock of the tags' folder, so that "was this its last name?" is still
 * true when it is acted upon. An image is never without a tag file unless it is to go: the
 * "@sha256:.." file is written before the last name moves away, and removed after a name was given.
 */
#include "oci/store.h"

#include "base/str.h"
#include "oci/blobs.h"
#include "oci/tags.h"

#include <string.h>

/* How many tag files, other than `except`, name this manifest? */
static int count_tags(const struct store *store, const struct digest *manifest_digest,
                      const char *except, size_t *ret_count, struct mcpd_error *err)
{
    CLEANUP_TAG_LIST struct tag_list list = {0};
    size_t count = 0;
    int rc = tags_list(store, &list, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < list.count; i++)
        if (digest_equal(&list.tags[i].manifest_digest, manifest_digest) &&
            !str_equal(list.tags[i].name, except))
            count++;
    *ret_count = count;
    return 0;
}

/* The name is about to move away from `old`. */
static int keep_old_image(const struct store *store, const struct digest *old, const char *name,
                          struct mcpd_error *err)
{
    char untagged[TAGS_NAME_SIZE];
    size_t others = 0;
    int rc = count_tags(store, old, name, &others, err);

    if (rc < 0 || others > 0 || !blob_exists(store, old))
        return rc;
    tags_untagged_file_name(old, untagged);
    return tags_write(store, untagged, old, err);
}

static int give_name(const struct store *store, const struct reference *reference,
                     const struct digest *manifest_digest, struct mcpd_error *err)
{
    char file_name[TAGS_NAME_SIZE];
    char untagged[TAGS_NAME_SIZE];
    char name[REFERENCE_MAX_LENGTH + 1];
    struct digest old = {0};
    int rc = tags_file_name(reference, file_name, err);

    if (rc < 0)
        return rc;
    tags_format(reference, name, sizeof(name));
    rc = tags_read(store, file_name, &old, err);
    if (rc < 0 && rc != -MCPD_E_NOT_FOUND && rc != -MCPD_E_CORRUPT) /* damaged: replaced */
        return rc;
    if (rc == 0 && !digest_equal(&old, manifest_digest)) {
        rc = keep_old_image(store, &old, name, err);
        if (rc < 0)
            return rc;
    }
    rc = tags_write(store, file_name, manifest_digest, err);
    if (rc < 0)
        return rc;
    tags_untagged_file_name(manifest_digest, untagged);
    return tags_remove(store, untagged, err);
}

static int keep_unnamed(const struct store *store, const struct digest *manifest_digest,
                        struct mcpd_error *err)
{
    char untagged[TAGS_NAME_SIZE];
    size_t others = 0;
    int rc = count_tags(store, manifest_digest, NULL, &others, err);

    if (rc < 0 || others > 0)
        return rc;
    tags_untagged_file_name(manifest_digest, untagged);
    return tags_write(store, untagged, manifest_digest, err);
}

int store_tag(const struct store *store, const struct reference *name,
              const struct digest *manifest_digest, struct mcpd_error *err)
{
    CLEANUP_FD int lock_fd = -1;
    int rc = tags_lock(store, &lock_fd, err);

    if (rc < 0)
        return rc;
    /* Whoever collects holds the same lock: what is here now, stays. */
    if (!blob_exists(store, manifest_digest))
        return error_set(err, MCPD_E_NOT_FOUND, "%s: image not known", manifest_digest->text);
    return name ? give_name(store, name, manifest_digest, err)
                : keep_unnamed(store, manifest_digest, err);
}

int store_untag(const struct store *store, const struct reference *name, bool *ret_was_last,
                struct mcpd_error *err)
{
    char file_name[TAGS_NAME_SIZE];
    char text[REFERENCE_MAX_LENGTH + 1];
    CLEANUP_FD int lock_fd = -1;
    struct digest manifest_digest = {0};
    size_t others = 0;
    int rc = tags_file_name(name, file_name, err);

    if (rc == 0)
        rc = tags_lock(store, &lock_fd, err);
    if (rc < 0)
        return rc;
    tags_format(name, text, sizeof(text));
    rc = tags_read(store, file_name, &manifest_digest, err);
    if (rc == -MCPD_E_NOT_FOUND)
        return error_set(err, MCPD_E_NOT_FOUND, "%s: image not known", text);
    if (rc == 0)
        rc = count_tags(store, &manifest_digest, text, &others, err);
    if (rc < 0 && rc != -MCPD_E_CORRUPT) /* damaged: names nothing, and may go */
        return rc;
    rc = tags_remove(store, file_name, err);
    if (rc == 0)
        rc = tags_sync(store, err);
    if (rc == 0)
        *ret_was_last = others == 0;
    return rc;
}

int store_remove_image(const struct store *store, const struct digest *manifest_digest,
                       struct mcpd_error *err)
{
    CLEANUP_TAG_LIST struct tag_list list = {0};
    CLEANUP_FD int lock_fd = -1;
    int rc = tags_lock(store, &lock_fd, err);

    if (rc == 0)
        rc = tags_list(store, &list, err);
    for (size_t i = 0; rc == 0 && i < list.count; i++)
        if (digest_equal(&list.tags[i].manifest_digest, manifest_digest))
            rc = tags_remove_listed(store, &list.tags[i], err);
    return rc < 0 ? rc : tags_sync(store, err);
}
