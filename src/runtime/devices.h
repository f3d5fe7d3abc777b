/*
 * devices.h - what is in the container's /dev.
 */
#ifndef RUNTIME_DEVICES_H
#define RUNTIME_DEVICES_H

#include <stdbool.h>

#include "base/error.h"

/* Fills a fresh file system, mounted at /dev of the root: the standard nodes, or the host's own
 * bound there where nodes cannot be made, and the usual links. Before the host's /dev goes away. */
int devices_fill(int root_fd, int dev_fd, bool in_userns, struct mcpd_error *err) MUST_CHECK;

/* The host's node at `path` in the place of a new file `name` in the folder dir_fd, which is the
 * one that `path` names inside the root. */
int devices_bind(int root_fd, int dir_fd, const char *name, const char *path,
                 struct mcpd_error *err) MUST_CHECK;

/* The null device at a path inside a root, open for reading and writing; INVALID when something
 * else is there, which a container may have put there. Returns the descriptor. */
int devices_open_null(int root_fd, const char *path, struct mcpd_error *err) MUST_CHECK;
/* The host's null device, such that who gets the descriptor can change nothing about it. */
int devices_open_host_null(int *ret_fd, struct mcpd_error *err) MUST_CHECK;

#endif
