/*
 * image_inprocess_check.h - verify: every image of the store, or some of them, looked at and
 * repaired; and compressed layers that are needed again.
 */
#ifndef IMAGE_INPROCESS_CHECK_H
#define IMAGE_INPROCESS_CHECK_H

#include "engine.h"
#include "registry/client.h"

/* images: NULL or empty: all of them, and what belongs to none. *ret_object: see mcpd_verify. */
int image_check(struct mcpd_engine *engine, const char *const *images, bool repair,
                const struct registry_options *options, json_t **ret_object,
                struct mcpd_error *err) MUST_CHECK;

/* Fetches the compressed layers of images that are not here from a registry that is known to have
 * them, for who cannot do without; `user` may speak of another one. *ret_is_fetched: something
 * came. */
int image_refetch(const struct mcpd_engine *engine, const char *const *images,
                  const struct mcpd_registry_options *user, bool *ret_is_fetched,
                  struct mcpd_error *err) MUST_CHECK;

#endif
