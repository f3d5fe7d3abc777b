/*
 * container_parts.h - what the files of a container's record share. Internal to container*.c.
 */
#ifndef RUNTIME_CONTAINER_PARTS_H
#define RUNTIME_CONTAINER_PARTS_H

#include "runtime/container.h"

#define CONTAINER_LOCK           "lock"            /* in the record */
#define CONTAINER_SPEC_MAX_BYTES ((size_t)4 << 20) /* of spec.json */

/* A full id. */
bool container_is_id(const char *text);
/* The id a name points to; false when there is no such name or no such record. */
bool container_read_name(const struct container_root *root, const char *name,
                         char ret_id[IDENT_SIZE]);
/* For replacing or removing a name that points to nothing. */
int container_lock_names(const struct container_root *root, int *ret_fd,
                         struct mcpd_error *err) MUST_CHECK;

/* RUNROOT/containers/ID */
void container_remove_run_dir(const struct container_root *root, const char *id);

#endif
