/*
 * engine_space.c - the store within its budget ([store] max_size of mcpd.conf), and image trim.
 *
 * Theory of operation. Deleting needs the store's exclusive lock. Whoever brings an image holds the
 * shared one and asks three times: before the first byte, with the least that the image will take
 * (room is made, or it is refused and nothing else has happened); with all of it unpacked and
 * nothing visible yet (it is refused, if it cannot fit); and when it has its name and the lock is
 * free again, the store is brought below the budget. While somebody else brings an image too, no
 * room can be made: then the last of them does it at its end. A process that is killed in between
 * leaves a store that is over its budget until the next pull or load.
 */
#include "engine_users.h"

#include "base/fsutil.h"
#include "base/jsonx.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/str.h"
#include "oci/budget.h"
#include "oci/tags.h"

#include <string.h>

#define LOCK_WAIT_MS 2000

/* --- who must stay ----------------------------------------------------------------------------
 */

static int append_digests(struct digest **list, size_t *count, const struct digest *more,
                          size_t more_count, struct mcpd_error *err)
{
    struct digest *grown = reallocarray(*list, *count + more_count + 1, sizeof(*grown));

    if (!grown)
        return error_no_memory(err, "images");
    *list = grown;
    for (size_t i = 0; i < more_count; i++)
        grown[(*count)++] = more[i];
    return 0;
}

/* Containers, and what has just come or is on its way. */
static int load_pins(const struct mcpd_engine *engine, const struct digest *image_ids,
                     size_t image_count, const struct digest *layers, size_t layer_count,
                     struct users_needs *needs, struct mcpd_error *err)
{
    int rc = users_load_needs(engine, needs, err);

    if (rc == 0)
        rc = append_digests(&needs->image_ids, &needs->image_count, image_ids, image_count, err);
    if (rc == 0)
        rc = append_digests(&needs->layers, &needs->layer_count, layers, layer_count, err);
    return rc;
}

/* --- the budget -------------------------------------------------------------------------------
 */

/* One line for each image that goes; its names were read before. */
struct eviction {
    const struct mcpd_engine *engine;
    struct tag_list names;
};

static void tell_evicted(void *context, const struct usage_image *image)
{
    const struct eviction *eviction = context;
    const struct mcpd_engine *engine = eviction->engine;
    CLEANUP_FREE char *names = strdup("");
    CLEANUP_FREE char *line = NULL;
    char size[32];

    for (size_t i = 0; names && i < eviction->names.count; i++) {
        const struct tag *tag = &eviction->names.tags[i];
        char *more;

        if (tag->kind == TAG_KIND_UNTAGGED || !digest_equal(&tag->image_id, &image->id))
            continue;
        more = str_format("%s %s", names, tag->name);
        free(names);
        names = more;
    }
    str_format_bytes(engine->conf.max_size_bytes, size, sizeof(size));
    line = str_format("image %.12s%s was removed to keep the store within its budget of %s",
                      digest_hex(&image->id), names ? names : "", size);
    engine->warn(engine->warn_context, line ? line : "an image was removed");
}

/* Under the exclusive lock. */
static int make_room(const struct mcpd_engine *engine, int lock_fd, uint64_t needed_bytes,
                     const struct users_needs *needs, struct usage *usage, struct mcpd_error *err)
{
    struct eviction eviction = {.engine = engine};
    const struct budget budget = {engine->conf.max_size_bytes, needed_bytes, tell_evicted,
                                  &eviction};
    uint64_t freed_bytes = 0;
    bool collects = false;
    int rc = tags_list(&engine->store, &eviction.names, err);

    if (rc == 0)
        rc = budget_make_room(&engine->store, &budget, usage, &collects, err);
    if (rc == 0 && collects)
        rc = store_collect(&engine->store, lock_fd, needs->layers, needs->layer_count, &freed_bytes,
                           err);
    tag_list_done(&eviction.names);
    return rc;
}

static int refuse(const struct mcpd_engine *engine, const struct budget *budget,
                  const struct usage *usage, struct mcpd_error *err)
{
    char needed[32], size[32], pinned[32];

    str_format_bytes(budget->needed_bytes, needed, sizeof(needed));
    str_format_bytes(engine->conf.max_size_bytes, size, sizeof(size));
    str_format_bytes(usage_pinned_bytes(usage), pinned, sizeof(pinned));
    return error_set(err, MCPD_E_NO_SPACE,
                     "the image needs at least %s more, which do not fit into the store's budget "
                     "of %s (max_size in mcpd.conf), of which %s are in use",
                     needed, size, pinned);
}

static int room_for(void *context, int lock_fd, const struct store_room_request *request,
                    struct mcpd_error *err)
{
    const struct mcpd_engine *engine = context;
    CLEANUP_USERS_NEEDS struct users_needs needs = {0};
    CLEANUP_USAGE struct usage usage = {0};
    const struct budget budget = {.max_bytes = engine->conf.max_size_bytes,
                                  .needed_bytes = request->bytes};
    struct mcpd_error problem = {0};
    int rc = load_pins(engine, request->image_ids, request->image_count, request->layers,
                       request->layer_count, &needs, err);

    if (rc == 0)
        rc = users_load_usage(engine, &needs, &usage, err);
    if (rc < 0)
        return rc;
    if (!budget_can_fit(&budget, &usage))
        return refuse(engine, &budget, &usage, err);
    if (request->is_last_look || !budget_is_exceeded(&budget, &usage))
        return 0;
    rc = lock_convert(lock_fd, LOCK_KIND_EXCLUSIVE, LOCK_WAIT_MS, &problem);
    if (rc == -MCPD_E_TIMEOUT) {
        log_debug("store", "over the budget, but an image is being added");
        return 0;
    }
    usage_done(&usage);
    users_needs_done(&needs);
    if (rc == 0)
        rc = load_pins(engine, request->image_ids, request->image_count, request->layers,
                       request->layer_count, &needs, &problem);
    if (rc == 0)
        rc = users_load_usage(engine, &needs, &usage, &problem);
    if (rc == 0)
        rc = make_room(engine, lock_fd, request->bytes, &needs, &usage, &problem);
    if (lock_convert(lock_fd, LOCK_KIND_SHARED, -1, rc < 0 ? NULL : &problem) < 0 && rc == 0)
        rc = -problem.code;
    return rc < 0 ? error_copy(err, &problem) : 0;
}

void engine_begin_budget(struct mcpd_engine *engine)
{
    if (engine->conf.max_size_bytes == 0)
        return;
    engine->store.make_room = room_for;
    engine->store.room_context = engine;
}

static int keep_budget(const struct mcpd_engine *engine, const struct digest *image_ids,
                       size_t image_count, struct mcpd_error *err)
{
    const struct budget budget = {.max_bytes = engine->conf.max_size_bytes};
    CLEANUP_USERS_NEEDS struct users_needs needs = {0};
    CLEANUP_USAGE struct usage usage = {0};
    CLEANUP_FD int lock_fd = -1;
    int rc = store_lock_exclusive(&engine->store, LOCK_WAIT_MS, &lock_fd, err);

    if (rc == 0)
        rc = load_pins(engine, image_ids, image_count, NULL, 0, &needs, err);
    if (rc == 0)
        rc = users_load_usage(engine, &needs, &usage, err);
    if (rc < 0 || !budget_is_exceeded(&budget, &usage))
        return rc;
    return make_room(engine, lock_fd, 0, &needs, &usage, err);
}

void engine_keep_budget(const struct mcpd_engine *engine, const struct digest *image_ids,
                        size_t image_count)
{
    struct mcpd_error problem = {0};
    int rc =
        engine->conf.max_size_bytes > 0 ? keep_budget(engine, image_ids, image_count, &problem) : 0;

    /* TIMEOUT: who adds an image does the same at its end. */
    if (rc < 0 && rc != -MCPD_E_TIMEOUT)
        engine->warn(engine->warn_context, problem.message);
}

/* --- image trim -------------------------------------------------------------------------------
 */

static int trim_named(const struct mcpd_engine *engine, const char *const *images,
                      const struct usage *usage, bool by_force, struct trimming *trimming,
                      struct mcpd_error *err)
{
    CLEANUP_FREE const struct usage_image **wanted = NULL;
    size_t count = 0;
    int rc = 0;

    while (images[count])
        count++;
    wanted = calloc(count + 1, sizeof(const struct usage_image *));
    if (!wanted)
        return error_no_memory(err, "images");
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct image image;

        rc = store_find_image(&engine->store, images[i], &image, err);
        if (rc < 0)
            return rc;
        wanted[i] = usage_find_image(usage, &image.id);
        image_done(&image);
    }
    for (size_t i = 0; rc == 0 && i < count; i++)
        if (wanted[i])
            rc = trim_image(&engine->store, wanted[i], by_force, trimming, err);
    return rc;
}

static int trim_all(const struct mcpd_engine *engine, const struct usage *usage, bool by_force,
                    struct trimming *trimming, struct mcpd_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < usage->image_count; i++)
        rc = trim_image(&engine->store, &usage->images[i], by_force, trimming, err);
    return rc;
}

int mcpd_trim_json(struct mcpd_engine *engine, const char *const *images, bool by_force,
                   char **ret_object, struct mcpd_error *err)
{
    CLEANUP_USERS_NEEDS struct users_needs needs = {0};
    CLEANUP_TRIMMING struct trimming trimming = {0};
    CLEANUP_USAGE struct usage usage = {0};
    CLEANUP_FD int lock_fd = -1;
    int rc = store_lock_exclusive(&engine->store, LOCK_WAIT_MS, &lock_fd, err);

    if (rc == -MCPD_E_TIMEOUT)
        return error_set(err, MCPD_E_TIMEOUT,
                         "an image is being pulled, pushed or loaded; try again when that is done");
    if (rc == 0)
        rc = users_load_usage(engine, &needs, &usage, err);
    if (rc == 0 && images && images[0])
        rc = trim_named(engine, images, &usage, by_force, &trimming, err);
    else if (rc == 0)
        rc = trim_all(engine, &usage, by_force, &trimming, err);
    if (rc == 0)
        rc = fs_sync_dir(engine->store.blobs_fd, err);
    return rc < 0 ? rc
                  : engine_json_text(json_pack("{s:o, s:I, s:I, s:I}", "Deleted",
                                               jsonx_strv(trimming.digests), "Freed",
                                               (json_int_t)trimming.freed_bytes, "Kept",
                                               (json_int_t)trimming.kept_count, "KeptBytes",
                                               (json_int_t)trimming.kept_bytes),
                                     "what was deleted", ret_object, err);
}
