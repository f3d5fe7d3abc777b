/*
 * pack_walk.h - everything below a folder in the order of the names, each folder before what is in
 * it. Internal to pack.
 *
 * Follows no link. Memory is bounded whatever the folders hold: when the names of one do not fit,
 * it is read several times, each time for the next names in order.
 */
#ifndef OCI_LAYER_PACK_WALK_H
#define OCI_LAYER_PACK_WALK_H

#include "base/error.h"

#include <stddef.h>
#include <sys/stat.h>

/* path: from the top, without a slash in front. For a folder fd is open, else -1. */
typedef int (*pack_visit_function)(void *context, int dir_fd, const char *name, const char *path,
                                   int fd, const struct stat *st, struct mcpd_error *err);

/* names_max_bytes: for the names of all folders on the way together (0: 16 MiB). dir_fd stays the
 * caller's. */
int pack_walk(int dir_fd, size_t names_max_bytes, pack_visit_function visit, void *context,
              struct mcpd_error *err) MUST_CHECK;

#endif
