/*
 * engine_images.c - the calls about images in the local store.
 *
 * Removing an image: its names go first, then the store deletes what no name and no container needs
 * (engine_users.h).
 */
#include "engine_users.h"

#include <string.h>

#include "base/str.h"
#include "oci/reference.h"

/* --- looking -----------------------------------------------------------------------------------
 */

int mcpd_image_is_local(struct mcpd_engine *engine, const char *image, bool *ret_is_local,
                        struct mcpd_error *err)
{
    struct image found;
    int rc = store_find_image(&engine->store, image, &found, err);

    if (rc == 0)
        image_done(&found);
    if (rc < 0 && rc != -MCPD_E_NOT_FOUND)
        return rc;
    *ret_is_local = rc == 0;
    return 0;
}

int mcpd_images_json(struct mcpd_engine *engine, char **ret_array, struct mcpd_error *err)
{
    CLEANUP_USERS struct users users = {0};
    CLEANUP_JSON json_t *array = json_array();
    struct image *images = NULL;
    size_t count = 0;
    int rc = users_load(engine, &users, err);

    if (rc == 0)
        rc = store_list_images(&engine->store, &images, &count, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && rc == 0; i++) {
        unsigned int used = users_count_of(&users, &images[i].id);

        if (json_array_append_new(array, image_list_json(&engine->store, &images[i], used)) < 0)
            rc = error_no_memory(err, "list of images");
    }
    store_free_images(images, count);
    return rc < 0 ? rc : engine_json_text(TAKE_PTR(array), "list of images", ret_array, err);
}

int mcpd_image_inspect_json(struct mcpd_engine *engine, const char *name, char **ret_object,
                            struct mcpd_error *err)
{
    struct image image;
    json_t *json;
    int rc = store_find_image(&engine->store, name, &image, err);

    if (rc < 0)
        return rc;
    rc = store_load_image_names(&engine->store, &image, err);
    json = rc == 0 ? image_inspect_json(&engine->store, &image) : NULL;
    image_done(&image);
    return rc < 0 ? rc : engine_json_text(json, "inspect", ret_object, err);
}

int mcpd_history_json(struct mcpd_engine *engine, const char *name, char **ret_array,
                      struct mcpd_error *err)
{
    struct image image;
    json_t *json;
    int rc = store_find_image(&engine->store, name, &image, err);

    if (rc < 0)
        return rc;
    json = image_history_json(&engine->store, &image);
    image_done(&image);
    return engine_json_text(json, "history", ret_array, err);
}

/* --- names --------------------------------------------------------------------------------------
 */

static int parse_new_name(const char *text, struct reference *ret_name, struct mcpd_error *err)
{
    int rc = reference_parse_local(text, ret_name, err);

    if (rc == 0 && digest_is_set(&ret_name->digest))
        return error_set(err, MCPD_E_INVALID, "tag by digest not supported: \"%s\"", text);
    return rc;
}

/* With the lock of who adds: nothing of the image is collected meanwhile. */
static int find_and_keep(const struct mcpd_engine *engine, const char *image, int *ret_lock_fd,
                         struct image *ret_found, struct mcpd_error *err)
{
    int rc = store_lock_shared(&engine->store, ret_lock_fd, err);

    return rc < 0 ? rc : store_find_image(&engine->store, image, ret_found, err);
}

int mcpd_tag(struct mcpd_engine *engine, const char *image, const char *const *names,
             struct mcpd_error *err)
{
    CLEANUP_FD int lock_fd = -1;
    struct image found;
    int rc = find_and_keep(engine, image, &lock_fd, &found, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; names && names[i] && rc == 0; i++) {
        struct reference name;

        rc = parse_new_name(names[i], &name, err);
        if (rc == 0)
            rc = store_add_name(&engine->store, &found, &name, err);
    }
    image_done(&found);
    return rc;
}

int mcpd_untag(struct mcpd_engine *engine, const char *image, const char *const *names,
               struct mcpd_error *err)
{
    CLEANUP_FREE struct reference *references = NULL;
    CLEANUP_FD int lock_fd = -1;
    struct image found;
    size_t count = 0;
    int rc;

    while (names && names[count])
        count++;
    references = calloc(count + 1, sizeof(*references));
    if (!references)
        return error_no_memory(err, "names of an image");
    rc = find_and_keep(engine, image, &lock_fd, &found, err);
    if (rc < 0)
        return rc;
    if (found.additional)
        rc = error_set(err, MCPD_E_DENIED, "cannot untag read-only image \"%s\"",
                       digest_hex(&found.id));
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = reference_parse_local(names[i], &references[i], err);
    if (rc == 0)
        rc = store_untag_names(&engine->store, &found.id, references, count, err);
    image_done(&found);
    return rc;
}

/* --- removing
 * ------------------------------------------------------------------------------------- */

/* The name that an image was found by, owned by the caller; NULL when it was its id. */
static char *found_name(const struct image *image)
{
    return !image->has_all_names && image->names ? strdup(image->names[0]) : NULL;
}

/* force: its containers go with it. */
static int free_of_containers(struct mcpd_engine *engine, const struct image *image, bool force,
                              struct mcpd_error *err)
{
    CLEANUP_USERS struct users users = {0};
    int rc = users_load(engine, &users, err);

    for (size_t i = 0; i < users.count && rc == 0; i++) {
        const struct container *container = &users.containers[i];

        if (!digest_equal(&container->plan.image_id, &image->id))
            continue;
        if (!force)
            return error_set(err, MCPD_E_CONFLICT,
                             "image used by %s: image is in use by a container: consider listing "
                             "external containers and force-removing image",
                             container->id);
        rc = mcpd_remove(engine, container->id, true, err);
        if (rc == -MCPD_E_NOT_FOUND)
            rc = 0;
    }
    return rc;
}

static int add_line(char ***lines, const char *word, const char *what, struct mcpd_error *err)
{
    return strv_append_take(lines, str_format("%s: %s", word, what)) < 0
               ? error_no_memory(err, "list of what was removed")
               : 0;
}

static int remove_all_names(struct mcpd_engine *engine, const struct image *image, char ***lines,
                            struct mcpd_error *err)
{
    int rc = 0;

    for (size_t i = 0; image->names && image->names[i] && rc == 0; i++)
        rc = add_line(lines, "Untagged", image->names[i], err);
    if (rc == 0)
        rc = store_remove_image(&engine->store, &image->id, err);
    if (rc == 0)
        rc = engine_collect(engine, err);
    return rc < 0 ? rc : add_line(lines, "Deleted", digest_hex(&image->id), err);
}

static int refuse_several_names(const struct image *image, struct mcpd_error *err)
{
    CLEANUP_FREE char *names = strv_join(image->names, " ");

    return error_set(err, MCPD_E_INVALID,
                     "unable to delete image \"%s\" by ID with more than one tag ([%s]): please "
                     "force removal",
                     digest_hex(&image->id), names ? names : "");
}

static int untag(const struct mcpd_engine *engine, const struct reference *name, char ***lines,
                 struct mcpd_error *err)
{
    char text[REFERENCE_MAX_LENGTH + 1];
    int rc = store_untag(&engine->store, name, NULL, err);

    reference_format(name, text, sizeof(text));
    return rc < 0 ? rc : add_line(lines, "Untagged", text, err);
}

static int remove_found(struct mcpd_engine *engine, struct image *image, enum mcpd_removal removal,
                        char ***lines, struct mcpd_error *err)
{
    CLEANUP_FREE char *name = found_name(image);
    struct reference reference;
    int rc = name ? reference_parse(name, &reference, err) : 0;

    if (image->additional)
        return error_set(err, MCPD_E_DENIED, "cannot remove read-only image \"%s\"",
                         digest_hex(&image->id));
    if (rc == 0)
        rc = store_load_image_names(&engine->store, image, err);
    if (rc < 0)
        return rc;
    if (name && strv_length(image->names) > 1) {
        rc = strv_contains(image->names, name)
                 ? untag(engine, &reference, lines, err)
                 : error_set(err, MCPD_E_INVALID, "%s: tag not known", name);
        /* What a removal before us was cut off at goes with any removal after it. */
        return rc < 0 ? rc : engine_collect(engine, err);
    }
    if (!name && strv_length(image->names) > 1 && removal == MCPD_REMOVAL_PLAIN)
        return refuse_several_names(image, err);
    rc = free_of_containers(engine, image, removal == MCPD_REMOVAL_FORCED, err);
    return rc < 0 ? rc : remove_all_names(engine, image, lines, err);
}

/* Sorted; those that a container uses are left out. ids: NULL is the empty list. */
static int unused_digests(struct mcpd_engine *engine, const char *const *ids,
                          struct digest **ret_digests, size_t *ret_count, struct mcpd_error *err)
{
    CLEANUP_USERS struct users users = {0};
    size_t count = 0;
    int rc = users_load(engine, &users, err);

    if (rc < 0)
        return rc;
    while (ids && ids[count])
        count++;
    *ret_digests = calloc(count + 1, sizeof(**ret_digests));
    if (!*ret_digests)
        return error_no_memory(err, "images");
    count = 0;
    for (; ids && *ids; ids++) {
        struct digest *digest = &(*ret_digests)[count];

        if (!digest_parse_hex(*ids, digest))
            return error_set(err, MCPD_E_INVALID, "%s: not the id of an image", *ids);
        count += users_count_of(&users, digest) == 0;
    }
    qsort(*ret_digests, count, sizeof(**ret_digests), digest_compare);
    *ret_count = count;
    return 0;
}

int mcpd_remove_images(struct mcpd_engine *engine, const char *const *ids, char ***ret_removed,
                       struct mcpd_error *err)
{
    CLEANUP_FREE struct digest *digests = NULL;
    CLEANUP_FREE bool *were_there = NULL;
    CLEANUP_STRV char **removed = NULL;
    size_t count = 0;
    size_t removed_count = 0;
    int rc = unused_digests(engine, ids, &digests, &count, err);

    if (rc < 0)
        return rc;
    were_there = calloc(count + 1, sizeof(*were_there));
    removed = calloc(count + 1, sizeof(char *));
    if (!were_there || !removed)
        return error_no_memory(err, "images");
    rc = store_remove_images(&engine->store, digests, count, were_there, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (!were_there[i])
            continue;
        removed[removed_count] = strdup(digest_hex(&digests[i]));
        rc = removed[removed_count++] ? 0 : error_no_memory(err, "images");
    }
    if (rc == 0)
        rc = engine_collect(engine, err);
    if (rc == 0)
        *ret_removed = TAKE_PTR(removed);
    return rc;
}

/* Known by name, but not readable: then the name goes, and with it what nobody else needs. */
static int remove_damaged(struct mcpd_engine *engine, const char *name, char ***lines,
                          struct mcpd_error *err)
{
    struct reference reference;
    int rc = reference_parse_local(name, &reference, err);

    if (rc == 0)
        rc = untag(engine, &reference, lines, err);
    if (rc == -MCPD_E_NOT_FOUND) {
        rc = reference_parse(name, &reference, err);
        if (rc == 0)
            rc = untag(engine, &reference, lines, err);
    }
    return rc < 0 ? rc : engine_collect(engine, err);
}

int mcpd_remove_image(struct mcpd_engine *engine, const char *image, enum mcpd_removal removal,
                      char ***ret_lines, struct mcpd_error *err)
{
    CLEANUP_STRV char **lines = NULL;
    struct mcpd_error problem = {0};
    struct image found;
    int rc = store_find_image(&engine->store, image, &found, err);

    if (rc == -MCPD_E_CORRUPT) {
        /* Found by its id, or by the end of its name: the text says which one it is. */
        int removed = remove_damaged(engine, image, &lines, &problem);

        if (removed != -MCPD_E_NOT_FOUND && removed != -MCPD_E_INVALID)
            rc = removed < 0 ? error_copy(err, &problem) : 0;
    } else if (rc == 0) {
        rc = remove_found(engine, &found, removal, &lines, err);
        image_done(&found);
    }
    if (rc == 0)
        *ret_lines = TAKE_PTR(lines);
    return rc;
}
