/*
 * names_together.c - several names change in one instant.
 *
 * Theory of operation. Under the lock of the tags' folder a list of changes is drawn up (file ->
 * tag, or file -> gone), including those that follow: an image that loses its last name gets
 * "@sha256:..", one that gets a name loses it. Then tags_batch.h makes all of them happen at once.
 */
#include "oci/store.h"

#include "base/str.h"
#include "oci/blobs.h"
#include "oci/tags.h"
#include "oci/tags_batch.h"

#include <string.h>

struct change {
    char file_name[TAGS_NAME_SIZE];
    bool is_gone;
    struct tag tag; /* its name is NULL */
};

struct changes {
    const struct store *store;
    struct tag_list list; /* as it was before */
    struct change *array;
    size_t count;
    size_t capacity;
};

static void changes_done(struct changes *changes)
{
    tag_list_done(&changes->list);
    free(changes->array);
}

static struct change *find(const struct changes *changes, const char *file_name)
{
    for (size_t i = 0; i < changes->count; i++)
        if (str_equal(changes->array[i].file_name, file_name))
            return &changes->array[i];
    return NULL;
}

/* tag NULL: the name goes. The last word about a file counts. */
static int set(struct changes *changes, const char *file_name, const struct tag *tag,
               struct mcpd_error *err)
{
    struct change *change = find(changes, file_name);

    if (!change && (!changes->array || changes->count == changes->capacity)) {
        size_t capacity = changes->capacity ? 2 * changes->capacity : 16;
        struct change *array = reallocarray(changes->array, capacity, sizeof(*array));

        if (!array)
            return error_no_memory(err, "names of images");
        changes->array = array;
        changes->capacity = capacity;
    }
    if (!change)
        change = &changes->array[changes->count++];
    *change = (struct change){.is_gone = !tag};
    (void)snprintf(change->file_name, sizeof(change->file_name), "%s", file_name);
    if (tag) {
        change->tag = *tag;
        change->tag.name = NULL;
    }
    return 0;
}

/* ---------------------------------------------------------------- what follows from it */

/* Will any tag lead to the image? */
static bool stays_tagged(const struct changes *changes, const struct tag *tag)
{
    for (size_t i = 0; i < changes->count; i++)
        if (!changes->array[i].is_gone && tags_is_same_image(&changes->array[i].tag, tag))
            return true;
    for (size_t i = 0; i < changes->list.count; i++) {
        const struct tag *other = &changes->list.tags[i];
        char file_name[TAGS_NAME_SIZE];

        if (tags_is_same_image(other, tag) && tags_listed_file_name(other, file_name, NULL) == 0 &&
            !find(changes, file_name))
            return true;
    }
    return false;
}

/* An image whose last name is taken is kept without one. */
static int keep(struct changes *changes, const struct tag *tag, struct mcpd_error *err)
{
    char untagged[TAGS_NAME_SIZE];
    struct tag kept = *tag;

    /* What is damaged beyond use need not be kept. */
    if (stays_tagged(changes, tag) || !blob_is_own(changes->store, &tag->manifest_digest))
        return 0;
    kept.is_further = false;
    tags_untagged_file_name(&tag->manifest_digest, untagged);
    return set(changes, untagged, &kept, err);
}

/* The images that names are taken from. */
static int keep_old_images(struct changes *changes, struct mcpd_error *err)
{
    size_t count = changes->count;
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        struct tag old = {0};

        if (tags_read(changes->store, changes->array[i].file_name, &old, NULL) == 0 &&
            changes->array[i].file_name[0] != '@')
            rc = keep(changes, &old, err);
    }
    return rc;
}

/* Drops what is so already. */
static void drop_idle(struct changes *changes)
{
    size_t kept = 0;

    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->array[i];
        struct tag now = {0};
        int rc = tags_read(changes->store, change->file_name, &now, NULL);
        bool is_idle = change->is_gone
                           ? rc == -MCPD_E_NOT_FOUND
                           : rc == 0 &&
                                 digest_equal(&now.manifest_digest, &change->tag.manifest_digest) &&
                                 digest_equal(&now.index_digest, &change->tag.index_digest) &&
                                 digest_equal(&now.image_id, &change->tag.image_id);

        if (!is_idle)
            changes->array[kept++] = *change;
    }
    changes->count = kept;
}

static int carry_out(struct changes *changes, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *names = json_object();
    int failed = !names;

    drop_idle(changes);
    if (changes->count == 0)
        return 0;
    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->array[i];

        failed |= json_object_set_new(names, change->file_name,
                                      change->is_gone ? json_null() : tags_to_json(&change->tag));
    }
    return failed ? error_no_memory(err, "names of images")
                  : tags_batch_write(changes->store, names, err);
}

/* ---------------------------------------------------------------- giving */

static int make_tag(const struct store *store, const struct store_name *name, struct tag *ret_tag,
                    struct mcpd_error *err)
{
    CLEANUP(manifest_document_done) struct manifest_document document = {0};

    /* Whoever collects holds the same lock: what is here now, stays. */
    if (!blob_is_own(store, &name->manifest_digest))
        return error_set(err, MCPD_E_NOT_FOUND, "%s: image not known", name->manifest_digest.text);
    *ret_tag = (struct tag){
        .manifest_digest = name->manifest_digest,
        .index_digest = name->index_digest,
    };
    if (store_load_manifest(store, &name->manifest_digest, &document, NULL) == 0)
        ret_tag->image_id = document.manifest.config.digest;
    return 0;
}

static int give(struct changes *changes, const struct store_name *name, struct mcpd_error *err)
{
    char file_name[TAGS_NAME_SIZE];
    struct tag tag;
    int rc = make_tag(changes->store, name, &tag, err);

    if (rc == 0)
        rc = tags_file_name(name->name, file_name, err);
    if (rc == 0)
        rc = set(changes, file_name, &tag, err);
    tags_untagged_file_name(&name->manifest_digest, file_name);
    return rc < 0 ? rc : set(changes, file_name, NULL, err);
}

static int keep_unnamed(struct changes *changes, const struct store_name *name,
                        struct mcpd_error *err)
{
    struct tag tag;
    int rc = make_tag(changes->store, name, &tag, err);

    return rc < 0 ? rc : keep(changes, &tag, err);
}

int store_tag_all(const struct store *store, const struct store_name *names, size_t count,
                  struct mcpd_error *err)
{
    CLEANUP(changes_done) struct changes changes = {.store = store};
    CLEANUP_FD int lock_fd = -1;
    int rc = tags_lock(store, &lock_fd, err);

    if (rc == 0)
        rc = tags_list(store, &changes.list, err);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = names[i].name ? give(&changes, &names[i], err) : 0;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = names[i].name ? 0 : keep_unnamed(&changes, &names[i], err);
    if (rc == 0)
        rc = keep_old_images(&changes, err);
    return rc < 0 ? rc : carry_out(&changes, err);
}

/* ---------------------------------------------------------------- taking */

static int take(struct changes *changes, const struct digest *image_id,
                const struct reference *name, struct mcpd_error *err)
{
    char wanted[TAGS_NAME_SIZE];
    char text[REFERENCE_MAX_LENGTH + 1];
    int rc = tags_file_name(name, wanted, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < changes->list.count; i++) {
        const struct tag *tag = &changes->list.tags[i];
        char file_name[TAGS_NAME_SIZE];

        if (digest_equal(&tag->image_id, image_id) &&
            tags_listed_file_name(tag, file_name, NULL) == 0 && str_equal(file_name, wanted))
            return set(changes, wanted, NULL, err);
    }
    tags_format(name, text, sizeof(text));
    return error_set(err, MCPD_E_NOT_FOUND, "%s: tag not known", text);
}

static int take_all(struct changes *changes, const struct digest *image_id, struct mcpd_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < changes->list.count && rc == 0; i++) {
        const struct tag *tag = &changes->list.tags[i];
        char file_name[TAGS_NAME_SIZE];

        if (tag->kind == TAG_KIND_UNTAGGED || !digest_equal(&tag->image_id, image_id))
            continue;
        rc = tags_listed_file_name(tag, file_name, err);
        if (rc == 0)
            rc = set(changes, file_name, NULL, err);
    }
    return rc;
}

int store_untag_names(const struct store *store, const struct digest *image_id,
                      const struct reference *names, size_t count, struct mcpd_error *err)
{
    CLEANUP(changes_done) struct changes changes = {.store = store};
    CLEANUP_FD int lock_fd = -1;
    int rc = tags_lock(store, &lock_fd, err);

    if (rc == 0)
        rc = tags_list(store, &changes.list, err);
    if (rc == 0 && count == 0)
        rc = take_all(&changes, image_id, err);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = take(&changes, image_id, &names[i], err);
    if (rc == 0)
        rc = keep_old_images(&changes, err);
    return rc < 0 ? rc : carry_out(&changes, err);
}
