/* image_local.h - what both programs do by themselves: pull policies, as far as the local store
 * answers them, and the archives that are read. */
#ifndef IMAGE_LOCAL_H
#define IMAGE_LOCAL_H

#include "engine.h"

#include <stdbool.h>

/* *ret_is_settled: the image is here and that is good enough, *ret_id is its id (owned by the
 * caller). NEVER and not here is an error. */
int image_pull_locally(struct mcpd_engine *engine, const char *image, enum mcpd_pull_policy policy,
                       bool *ret_is_settled, char **ret_id, struct mcpd_error *err) MUST_CHECK;

/* path NULL: standard input. *ret_own_fd: what the caller closes, -1 where that is nothing. */
int image_open_archive(const char *path, int *ret_own_fd, int *ret_fd,
                       struct mcpd_error *err) MUST_CHECK;

#endif
