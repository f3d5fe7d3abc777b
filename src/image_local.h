/* image_local.h - pull policies, as far as the local store answers them. */
#ifndef IMAGE_LOCAL_H
#define IMAGE_LOCAL_H

#include "engine.h"

#include <stdbool.h>

/* *ret_is_settled: the image is here and that is good enough, *ret_id is its id (owned by the
 * caller). NEVER and not here is an error. */
int image_pull_locally(struct mcpd_engine *engine, const char *image, enum mcpd_pull_policy policy,
                       bool *ret_is_settled, char **ret_id, struct mcpd_error *err) MUST_CHECK;

#endif
