/*
 * find.c - which image does a name or an id mean?
 *
 * A name costs three files (tag, manifest, config), however many images there are: this is on the
 * path of every start. Only ids and lists read the folder of tags.
 */
#include "oci/image_parts.h"

#include "base/str.h"
#include "oci/additional.h"
#include "oci/blobs.h"
#include "oci/registriesconf.h"

#include <string.h>

#define ID_PREFIX_MIN 3
#define ID_LENGTH     64

static int not_known(const char *name, struct mcpd_error *err)
{
    return error_set(err, MCPD_E_NOT_FOUND, "%s: image not known", name);
}

/* Loads what a tag names, under that name. A missing blob is damage, unless the tag went away too.
 */
static int load_tagged(const struct store *store, const struct tag *tag, struct image *ret_image,
                       struct mcpd_error *err)
{
    struct image image = {0};
    int rc = image_load_tagged(store, tag, &image, err);

    if (rc == -MCPD_E_NOT_FOUND && !tags_is_current(store, tag))
        return not_known(tag->name, err);
    if (rc == -MCPD_E_NOT_FOUND || rc == -MCPD_E_LIMIT)
        rc = -MCPD_E_CORRUPT;
    if (rc < 0)
        return error_wrap(err, rc, "image %s is damaged", tag->name);
    if (tag->kind != TAG_KIND_UNTAGGED && strv_append(&image.names, tag->name) < 0) {
        image_done(&image);
        return error_no_memory(err, "image names");
    }
    *ret_image = image;
    return 0;
}

/* ---------------------------------------------------------------- by name */

/* The tag file of exactly this name. NOT_FOUND has no text yet. */
static int find_exact(const struct store *store, const struct reference *reference,
                      struct image *ret_image, struct mcpd_error *err)
{
    char file_name[TAGS_NAME_SIZE];
    char text[REFERENCE_MAX_LENGTH + 1];
    struct tag tag = {.name = text};
    int rc;

    if (tags_file_name(reference, file_name, NULL) < 0)
        return -MCPD_E_NOT_FOUND;
    tags_format(reference, text, sizeof(text));
    rc = tags_read(store, file_name, &tag, err);
    return rc < 0 ? rc : load_tagged(store, &tag, ret_image, err);
}

/* A search through all names. */
struct search {
    const char *name;       /* as it was asked for */
    const char *repository; /* "host/path"; "/path" fits behind any host and path */
    const struct reference *reference;
};

static bool fits(const struct tag *tag, const struct search *search)
{
    const struct digest *digest = &search->reference->digest;
    size_t length = tags_repository_length(tag->name);
    size_t wanted = strlen(search->repository);
    const char *start;

    if (length < wanted)
        return false;
    start = tag->name + length - wanted;
    if (memcmp(start, search->repository, wanted) != 0 ||
        (start != tag->name && search->repository[0] != '/'))
        return false;
    if (digest_is_set(digest))
        return digest_equal(&tag->manifest_digest, digest) ||
               digest_equal(&tag->index_digest, digest);
    return tag->kind == TAG_KIND_NAME && strcmp(start + wanted + 1, search->reference->tag) == 0;
}

/* Several names of one image are as good as one. *ret_tag: borrowed from the list. */
static int choose(const struct tag_list *list, const struct search *search,
                  const struct tag **ret_tag, struct mcpd_error *err)
{
    const struct tag *found = NULL;

    for (size_t i = 0; i < list->count; i++) {
        const struct tag *tag = &list->tags[i];

        if (!fits(tag, search))
            continue;
        if (found && !digest_equal(&found->image_id, &tag->image_id))
            return error_set(err, MCPD_E_INVALID,
                             "%s: the short name fits several images (%s, %s): name the registry "
                             "too",
                             search->name, found->name, tag->name);
        found = found ? found : tag;
    }
    *ret_tag = found;
    return found ? 0 : -MCPD_E_NOT_FOUND;
}

/* What was asked for by digest is then shown under its repository and that digest. */
static int search_names(const struct store *store, const struct search *search,
                        struct image *ret_image, struct mcpd_error *err)
{
    CLEANUP_TAG_LIST struct tag_list list = {0};
    CLEANUP_FREE char *name = NULL;
    const struct tag *found = NULL;
    struct tag shown;
    int rc = tags_list(store, &list, err);

    if (rc == 0)
        rc = choose(&list, search, &found, err);
    if (!found)
        return rc;
    shown = *found;
    if (digest_is_set(&search->reference->digest)) {
        name = str_format("%.*s@%s", (int)tags_repository_length(found->name), found->name,
                          search->reference->digest.text);
        if (!name)
            return error_no_memory(err, "image names");
        shown.name = name;
    }
    return load_tagged(store, &shown, ret_image, err);
}

/* As an alias or a search list has it (registriesconf.h). */
static int find_by_meaning(const struct store *store, const char *name, struct image *ret_image,
                           struct mcpd_error *err)
{
    CLEANUP_REGISTRIESCONF struct registriesconf conf = {0};
    CLEANUP_REGISTRIESCONF_NAMES struct registriesconf_names names = {0};
    int rc = registriesconf_load(&conf, err);

    if (rc < 0)
        return rc;
    /* One that leads nowhere may still be the name of something here. */
    if (registriesconf_names(&conf, name, &names, NULL) < 0)
        return -MCPD_E_NOT_FOUND;
    rc = -MCPD_E_NOT_FOUND;
    for (size_t i = 0; rc == -MCPD_E_NOT_FOUND && i < names.count; i++)
        rc = find_exact(store, &names.list[i], ret_image, err);
    return rc;
}

static int find_short(const struct store *store, const char *name,
                      const struct reference *reference, struct image *ret_image,
                      struct mcpd_error *err)
{
    CLEANUP_FREE char *repository = NULL;
    struct reference local;
    struct search search = {.name = name, .reference = reference};
    int rc = reference_parse_local(name, &local, err);

    if (rc == 0)
        rc = find_exact(store, &local, ret_image, err);
    if (rc == -MCPD_E_NOT_FOUND)
        rc = find_by_meaning(store, name, ret_image, err);
    if (rc == -MCPD_E_NOT_FOUND)
        rc = find_exact(store, reference, ret_image, err);
    if (rc != -MCPD_E_NOT_FOUND)
        return rc;
    repository = str_format("/%s", local.path);
    if (!repository)
        return error_no_memory(err, "image names");
    search.repository = repository;
    return search_names(store, &search, ret_image, err);
}

static int find_full(const struct store *store, const char *name, const struct reference *reference,
                     struct image *ret_image, struct mcpd_error *err)
{
    char repository[REFERENCE_MAX_LENGTH + 1];
    const struct search search = {.name = name, .repository = repository, .reference = reference};
    int rc = find_exact(store, reference, ret_image, err);

    /* By digest, but pulled by a tag. */
    if (rc != -MCPD_E_NOT_FOUND || !digest_is_set(&reference->digest))
        return rc;
    reference_format_repository(reference, repository, sizeof(repository));
    return search_names(store, &search, ret_image, err);
}

static int find_by_name(const struct store *store, const char *name, struct image *ret_image,
                        struct mcpd_error *err)
{
    struct reference reference;
    int rc = reference_parse(name, &reference, err);

    if (rc < 0)
        return rc;
    return reference_names_domain(name) ? find_full(store, name, &reference, ret_image, err)
                                        : find_short(store, name, &reference, ret_image, err);
}

/* ---------------------------------------------------------------- by id */

/* The hex digits of an id or its beginning, NULL when it cannot be one. */
static const char *id_digits(const char *name)
{
    const char *hex = str_has_prefix(name, "sha256:") ? name + strlen("sha256:") : name;
    size_t length = strlen(hex);

    return length >= ID_PREFIX_MIN && length <= ID_LENGTH && str_is_hex(hex, length) ? hex : NULL;
}

/* *ret_first: where the tags of the fitting image begin in the list. */
static int match_id(const struct tag_list *list, const char *name, const char *hex,
                    size_t *ret_first, struct mcpd_error *err)
{
    bool is_found = false;

    for (size_t i = 0; i < list->count; i += tags_group_length(list, i)) {
        const struct digest *id = &list->tags[i].image_id;

        if (!digest_is_set(id) || !str_has_prefix(digest_hex(id), hex))
            continue;
        if (is_found)
            return error_set(err, MCPD_E_CONFLICT, "%s: more than one image has an id like this",
                             name);
        is_found = true;
        *ret_first = i;
    }
    return is_found ? 0 : -MCPD_E_NOT_FOUND;
}

static int find_by_id(const struct store *store, const char *name, const char *hex,
                      struct image *ret_image, struct mcpd_error *err)
{
    CLEANUP_TAG_LIST struct tag_list list = {0};
    struct image image = {0};
    size_t first = 0;
    int rc = tags_list(store, &list, err);

    if (rc == 0)
        rc = match_id(&list, name, hex, &first, err);
    if (rc == 0)
        rc = image_load_group(store, &list.tags[first], tags_group_length(&list, first), &image,
                              err);
    if (rc < 0)
        return rc;
    if (!digest_is_set(&image.id)) /* for the text of what is wrong */
        return load_tagged(store, &list.tags[first], ret_image, err);
    *ret_image = image;
    return 0;
}

/* ---------------------------------------------------------------- anywhere */

static int find_in(const struct store *store, const char *name, struct image *ret_image,
                   struct mcpd_error *err)
{
    const char *hex = id_digits(name);
    int rc = find_by_name(store, name, ret_image, err);

    if ((rc == -MCPD_E_NOT_FOUND || rc == -MCPD_E_INVALID) && hex)
        rc = find_by_id(store, name, hex, ret_image, err);
    return rc;
}

/* A damaged one there is as good as none: ours can have what it lacks. */
static int find_in_additional(const struct store *store, const char *name, struct image *ret_image,
                              struct mcpd_error *err)
{
    int rc = -MCPD_E_NOT_FOUND;

    for (size_t i = 0; rc == -MCPD_E_NOT_FOUND && i < additional_count(store); i++) {
        const struct store *additional = additional_get(store, i);

        rc = find_in(additional, name, ret_image, err);
        if (rc == 0)
            ret_image->additional = additional;
        if (rc == -MCPD_E_CORRUPT) {
            store_warn(store, additional->path, err);
            rc = -MCPD_E_NOT_FOUND;
        }
    }
    return rc;
}

int store_find_image(const struct store *store, const char *name, struct image *ret_image,
                     struct mcpd_error *err)
{
    struct mcpd_error problem = {0};
    int rc = find_in(store, name, ret_image, &problem);

    if (rc == -MCPD_E_NOT_FOUND)
        rc = find_in_additional(store, name, ret_image, &problem);
    if (rc == -MCPD_E_NOT_FOUND)
        return not_known(name, err);
    return rc < 0 ? error_copy(err, &problem) : 0;
}
