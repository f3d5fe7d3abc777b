/*
 * find.c - which image does a name or an id mean?
 *
 * A name costs three files (tag, manifest, config), however many images there are: this is on the
 * path of every start. Only ids and lists read the folder of tags.
 */
#include "oci/image_parts.h"

#include "base/str.h"
#include "oci/blobs.h"

#include <string.h>

#define ID_PREFIX_MIN 3
#define ID_LENGTH     64

static int not_known(const char *name, struct mcpd_error *err)
{
    return error_set(err, MCPD_E_NOT_FOUND, "%s: image not known", name);
}

/* Loads what a tag names. A missing blob is damage, unless the tag went away too. */
static int load_tagged(const struct store *store, const struct tag *tag, struct image *ret_image,
                       struct mcpd_error *err)
{
    struct image image = {0};
    int rc = store_load_image(store, &tag->manifest_digest, &image, err);

    if (rc == -MCPD_E_NOT_FOUND && !tags_is_current(store, tag))
        return not_known(tag->name, err);
    if (rc == -MCPD_E_NOT_FOUND || rc == -MCPD_E_LIMIT)
        rc = -MCPD_E_CORRUPT;
    if (rc < 0)
        return error_wrap(err, rc, "image %s is damaged", tag->name);
    rc = image_add_name(&image, tag, err);
    if (rc < 0) {
        image_done(&image);
        return rc;
    }
    *ret_image = image;
    return 0;
}

/* "x@sha256:.." that was pulled by its tag: some tag of the same repository names this manifest.
 * The image is then shown under the name that was asked for. */
static int find_by_repository(const struct store *store, const struct reference *reference,
                              struct tag *asked, struct image *ret_image, struct mcpd_error *err)
{
    CLEANUP_TAG_LIST struct tag_list list = {0};
    char repository[REFERENCE_MAX_LENGTH + 1];
    int rc;

    if (!blob_exists(store, &reference->digest))
        return -MCPD_E_NOT_FOUND;
    rc = tags_list(store, &list, err);
    if (rc < 0)
        return rc;
    reference_format_repository(reference, repository, sizeof(repository));
    asked->manifest_digest = reference->digest;
    for (size_t i = 0; i < list.count; i++)
        if (digest_equal(&list.tags[i].manifest_digest, &reference->digest) &&
            str_has_prefix(list.tags[i].name, repository) &&
            list.tags[i].name[strlen(repository)] == ':')
            return load_tagged(store, asked, ret_image, err);
    return -MCPD_E_NOT_FOUND;
}

/* NOT_FOUND has no text yet. */
static int find_by_reference(const struct store *store, const struct reference *reference,
                             struct image *ret_image, struct mcpd_error *err)
{
    char file_name[TAGS_NAME_SIZE];
    char text[REFERENCE_MAX_LENGTH + 1];
    bool is_digest = digest_is_set(&reference->digest);
    struct tag tag = {.kind = is_digest ? TAG_KIND_DIGEST : TAG_KIND_NAME, .name = text};
    int rc;

    if (tags_file_name(reference, file_name, NULL) < 0)
        return -MCPD_E_NOT_FOUND;
    tags_format(reference, text, sizeof(text));
    rc = tags_read(store, file_name, &tag.manifest_digest, err);
    if (rc == -MCPD_E_NOT_FOUND && is_digest)
        return find_by_repository(store, reference, &tag, ret_image, err);
    return rc < 0 ? rc : load_tagged(store, &tag, ret_image, err);
}

static int find_by_name(const struct store *store, const char *name, struct image *ret_image,
                        struct mcpd_error *err)
{
    struct reference reference;
    int rc = reference_parse(name, &reference, err);

    if (rc < 0)
        return rc;
    rc = find_by_reference(store, &reference, ret_image, err);
    /* What was made or loaded here is "localhost/NAME". */
    if (rc != -MCPD_E_NOT_FOUND || reference_names_domain(name) ||
        reference_parse_local(name, &reference, NULL) < 0)
        return rc;
    return find_by_reference(store, &reference, ret_image, err);
}

/* The hex digits of an id or its beginning, NULL when it cannot be one. */
static const char *id_digits(const char *name)
{
    const char *hex = str_has_prefix(name, "sha256:") ? name + strlen("sha256:") : name;
    size_t length = strlen(hex);

    return length >= ID_PREFIX_MIN && length <= ID_LENGTH && str_is_hex(hex, length) ? hex : NULL;
}

/* *ret_first: where the tags of the fitting image begin in the list. */
static int match_id(const struct store *store, const struct tag_list *list, const char *name,
                    const char *hex, size_t *ret_first, struct mcpd_error *err)
{
    struct digest found = {0};

    for (size_t i = 0; i < list->count; i += image_group_length(list, i)) {
        CLEANUP(manifest_document_done) struct manifest_document document = {0};
        const struct digest *id = &document.manifest.config.digest;

        if (store_load_manifest(store, &list->tags[i].manifest_digest, &document, NULL) < 0 ||
            !str_has_prefix(digest_hex(id), hex))
            continue;
        if (digest_is_set(&found) && !digest_equal(&found, id))
            return error_set(err, MCPD_E_CONFLICT, "%s: more than one image has an id like this",
                             name);
        if (!digest_is_set(&found))
            *ret_first = i;
        found = *id;
    }
    return digest_is_set(&found) ? 0 : -MCPD_E_NOT_FOUND;
}

static int find_by_id(const struct store *store, const char *name, const char *hex,
                      struct image *ret_image, struct mcpd_error *err)
{
    CLEANUP_TAG_LIST struct tag_list list = {0};
    size_t first = 0;
    int rc = tags_list(store, &list, err);

    if (rc == 0)
        rc = match_id(store, &list, name, hex, &first, err);
    if (rc == 0)
        rc = load_tagged(store, &list.tags[first], ret_image, err);
    if (rc < 0)
        return rc;
    rc = image_set_names(ret_image, &list.tags[first], image_group_length(&list, first), err);
    if (rc < 0)
        image_done(ret_image);
    return rc;
}

int store_find_image(const struct store *store, const char *name, struct image *ret_image,
                     struct mcpd_error *err)
{
    const char *hex = id_digits(name);
    struct mcpd_error problem = {0};
    int rc = find_by_name(store, name, ret_image, &problem);

    if ((rc == -MCPD_E_NOT_FOUND || rc == -MCPD_E_INVALID) && hex)
        rc = find_by_id(store, name, hex, ret_image, &problem);
    if (rc == -MCPD_E_NOT_FOUND)
        return not_known(name, err);
    return rc < 0 ? error_copy(err, &problem) : 0;
}
