/*
 * engine_users.h - who stands on the images of the store, and deleting what nobody needs.
 * Internal to the files directly in src/.
 */
#ifndef ENGINE_USERS_H
#define ENGINE_USERS_H

#include "engine.h"

#include <stddef.h>
#include <stdint.h>

struct users {
    struct container *containers; /* owned */
    size_t count;
};
int users_load(const struct mcpd_engine *engine, struct users *ret_users,
               struct mcpd_error *err) MUST_CHECK;
void users_done(struct users *users);
#define CLEANUP_USERS CLEANUP(users_done)

/* Containers of an image (by its id), running or not. */
unsigned int users_count_of(const struct users *users, const struct digest *image_id);
/* Every layer that a container stands on; owned by the caller. */
int users_layers(const struct users *users, struct digest **ret_layers, size_t *ret_count,
                 struct mcpd_error *err) MUST_CHECK;

/* store_collect with what containers need. *ret_is_done: false when an image is being added, which
 * may take long: what is not needed then goes with a later removal. */
int engine_collect(const struct mcpd_engine *engine, uint64_t *ret_freed_bytes, bool *ret_is_done,
                   struct mcpd_error *err) MUST_CHECK;
/* The same for who holds the exclusive lock already. */
int engine_collect_locked(const struct mcpd_engine *engine, int exclusive_lock_fd,
                          uint64_t *ret_freed_bytes, struct mcpd_error *err) MUST_CHECK;

#endif
