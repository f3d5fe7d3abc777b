/*
 * engine_users.c - see engine_users.h.
 *
 * Whoever makes a container of an image holds the store's shared lock until the record is there, so
 * with the exclusive lock every container that needs a layer can be seen, and no new one can begin.
 */
#include "engine_users.h"

#include <string.h>

#include "oci/partials.h"

#define COLLECT_WAIT_MS 2000

int users_load(const struct mcpd_engine *engine, struct users *ret_users, struct mcpd_error *err)
{
    return container_list(&engine->containers, engine->warn, engine->warn_context,
                          &ret_users->containers, &ret_users->count, err);
}

void users_done(struct users *users)
{
    container_list_free(users->containers, users->count);
    *users = (struct users){0};
}

unsigned int users_count_of(const struct users *users, const struct digest *image_id)
{
    unsigned int count = 0;

    for (size_t i = 0; i < users->count; i++)
        count += digest_equal(&users->containers[i].plan.image_id, image_id);
    return count;
}

int users_needs(const struct users *users, struct users_needs *ret_needs, struct mcpd_error *err)
{
    CLEANUP_USERS_NEEDS struct users_needs needs = {0};
    size_t layer_count = 0;

    for (size_t i = 0; i < users->count; i++)
        layer_count += users->containers[i].plan.layer_count;
    needs.image_ids = calloc(users->count + 1, sizeof(*needs.image_ids));
    needs.layers = calloc(layer_count + 1, sizeof(*needs.layers));
    if (!needs.image_ids || !needs.layers)
        return error_no_memory(err, "layers");
    for (size_t i = 0; i < users->count; i++) {
        const struct plan *plan = &users->containers[i].plan;

        needs.image_ids[needs.image_count++] = plan->image_id;
        if (plan->layer_count > 0)
            memcpy(needs.layers + needs.layer_count, plan->layers,
                   plan->layer_count * sizeof(*needs.layers));
        needs.layer_count += plan->layer_count;
    }
    *ret_needs = needs;
    needs = (struct users_needs){0};
    return 0;
}

int users_load_needs(const struct mcpd_engine *engine, struct users_needs *ret_needs,
                     struct mcpd_error *err)
{
    CLEANUP_USERS struct users users = {0};
    int rc = users_load(engine, &users, err);

    return rc < 0 ? rc : users_needs(&users, ret_needs, err);
}

int users_load_usage(const struct mcpd_engine *engine, const struct users_needs *needs,
                     struct usage *ret_usage, struct mcpd_error *err)
{
    const struct usage_pins pins = {needs->image_ids, needs->image_count, needs->layers,
                                    needs->layer_count};

    return usage_load(&engine->store, &pins, ret_usage, err);
}

void users_needs_done(struct users_needs *needs)
{
    free(needs->image_ids);
    free(needs->layers);
    *needs = (struct users_needs){0};
}

/* TIMEOUT: an image is being added. */
static int collect(const struct mcpd_engine *engine, bool with_halves, uint64_t *ret_freed_bytes,
                   struct mcpd_error *err)
{
    CLEANUP_USERS_NEEDS struct users_needs needs = {0};
    CLEANUP_FD int lock_fd = -1;
    uint64_t half_bytes = 0;
    int rc = store_lock_exclusive(&engine->store, COLLECT_WAIT_MS, &lock_fd, err);

    if (rc == 0)
        rc = users_load_needs(engine, &needs, err);
    if (rc == 0)
        rc = store_collect(&engine->store, lock_fd, needs.layers, needs.layer_count,
                           ret_freed_bytes, err);
    if (rc == 0 && with_halves)
        rc = partials_remove_all(&engine->store, &half_bytes, err);
    if (rc == 0)
        *ret_freed_bytes += half_bytes;
    return rc;
}

int engine_collect(const struct mcpd_engine *engine, struct mcpd_error *err)
{
    uint64_t freed_bytes = 0;
    int rc = engine->collects_later ? 0 : collect(engine, false, &freed_bytes, err);

    return rc == -MCPD_E_TIMEOUT ? 0 : rc;
}

void mcpd_collect_later(struct mcpd_engine *engine)
{
    engine->collects_later = true;
}

int mcpd_collect(struct mcpd_engine *engine, bool with_halves, uint64_t *ret_freed_bytes,
                 struct mcpd_error *err)
{
    uint64_t freed_bytes = 0;
    int rc = collect(engine, with_halves, &freed_bytes, err);

    engine->collects_later = false;
    if (rc < 0 && rc != -MCPD_E_TIMEOUT)
        return rc;
    if (ret_freed_bytes)
        *ret_freed_bytes = freed_bytes;
    return 0;
}
