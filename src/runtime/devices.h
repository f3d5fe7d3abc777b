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

#endif
