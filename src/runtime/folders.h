/* folders.h - folders that a container takes for granted: its working directory and its volumes. */
#ifndef RUNTIME_FOLDERS_H
#define RUNTIME_FOLDERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/plan.h"

/* Opens the folder; a missing one is made, with the parents root's and itself the user's. Returns a
 * descriptor, open for reading. */
int folders_open(int root_fd, const char *path, uid_t uid, gid_t gid,
                 struct mcpd_error *err) MUST_CHECK;

/* Makes what is missing of the image's volumes and the working directory, before anything is
 * mounted and while the root can still be written. */
int folders_make(const struct plan *plan, int root_fd, struct mcpd_error *err) MUST_CHECK;

#endif
