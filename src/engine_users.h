/*
 * engine_users.h - who stands on the images of the store, and deleting what nobody needs.
 * Internal to the files directly in src/.
 */
#ifndef ENGINE_USERS_H
#define ENGINE_USERS_H

#include "engine.h"
#include "oci/usage.h"

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
/* Their images and layers, for usage_load and store_collect. Zeroed: none. */
struct users_needs {
    struct digest *image_ids; /* owned, as the next */
    size_t image_count;
    struct digest *layers;
    size_t layer_count;
};
int users_load_needs(const struct mcpd_engine *engine, struct users_needs *ret_needs,
                     struct mcpd_error *err) MUST_CHECK;
int users_needs(const struct users *users, struct users_needs *ret_needs,
                struct mcpd_error *err) MUST_CHECK;
void users_needs_done(struct users_needs *needs);
#define CLEANUP_USERS_NEEDS CLEANUP(users_needs_done)
/* What the store takes, with what they need pinned. */
int users_load_usage(const struct mcpd_engine *engine, const struct users_needs *needs,
                     struct usage *ret_usage, struct mcpd_error *err) MUST_CHECK;
/* store_collect with what containers need, unless that is left to mcpd_collect. While an image is
 * being added, which may take long, nothing is done: what is not needed then goes with a later
 * removal. */
int engine_collect(const struct mcpd_engine *engine, struct mcpd_error *err) MUST_CHECK;

#endif
