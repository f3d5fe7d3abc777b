/*
 * engine_users.c - see engine_users.h.
 *
 * Whoever makes a container of an image holds the store's shared lock until the record is there, so
 * with the exclusive lock every container that needs a layer can be seen, and no new one can begin.
 */
#include "engine_users.h"

#include <string.h>

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

/* Every layer that a container stands on; owned by the caller. */
static int users_layers(const struct users *users, struct digest **ret_layers, size_t *ret_count,
                        struct mcpd_error *err)
{
    size_t count = 0;
    struct digest *layers;

    for (size_t i = 0; i < users->count; i++)
        count += users->containers[i].plan.layer_count;
    layers = calloc(count + 1, sizeof(*layers));
    if (!layers)
        return error_no_memory(err, "layers");
    count = 0;
    for (size_t i = 0; i < users->count; i++) {
        const struct plan *plan = &users->containers[i].plan;

        if (plan->layer_count > 0)
            memcpy(layers + count, plan->layers, plan->layer_count * sizeof(*layers));
        count += plan->layer_count;
    }
    *ret_layers = layers;
    *ret_count = count;
    return 0;
}

int engine_collect(const struct mcpd_engine *engine, struct mcpd_error *err)
{
    CLEANUP_USERS struct users users = {0};
    CLEANUP_FREE struct digest *layers = NULL;
    CLEANUP_FD int lock_fd = -1;
    size_t layer_count = 0;
    uint64_t freed_bytes = 0;
    int rc = store_lock_exclusive(&engine->store, COLLECT_WAIT_MS, &lock_fd, err);

    if (rc == -MCPD_E_TIMEOUT)
        return 0;
    if (rc == 0)
        rc = users_load(engine, &users, err);
    if (rc == 0)
        rc = users_layers(&users, &layers, &layer_count, err);
    return rc < 0 ? rc
                  : store_collect(&engine->store, lock_fd, layers, layer_count, &freed_bytes, err);
}
