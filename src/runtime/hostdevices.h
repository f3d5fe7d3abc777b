/* hostdevices.h - all devices of the host in a container's /dev, for --privileged. */
#ifndef RUNTIME_HOSTDEVICES_H
#define RUNTIME_HOSTDEVICES_H

#include <stdbool.h>

#include "base/error.h"

/* Adds to /dev of the root, opened as dev_fd, what is not there yet. Before the host's /dev goes
 * away. */
int hostdevices_add(int root_fd, int dev_fd, bool in_userns, struct mcpd_error *err) MUST_CHECK;

#endif
