/*
 * mount.h - carries out the list of mounts of a plan inside the new root.
 */
#ifndef RUNTIME_MOUNT_H
#define RUNTIME_MOUNT_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/cgroup.h"
#include "runtime/mountapi.h"
#include "runtime/plan.h"

/* The sources of a plan's bind mounts, one per mount of the list (empty for other kinds). */
struct mount_sources {
    struct mountapi_source *sources; /* owned */
    size_t count;
};
/* While the host's mounts still have their propagation. A missing one is NOT_FOUND with podman's
 * text. *sources is empty before, and to be given to mount_sources_done whatever comes of it. */
int mount_open_sources(const struct plan *plan, struct mount_sources *sources,
                       struct mcpd_error *err) MUST_CHECK;
void mount_sources_done(struct mount_sources *sources);

struct mount_request {
    const struct plan *plan;
    const struct cgroup *cgroup; /* the groups that the container may see */
    const struct mount_sources *sources;
    const char *outside_root; /* where "/" was in the parent's mount namespace; NULL: at the top */
    int root_fd;              /* the new root */
    int container_dir_fd;     /* hosts, hostname, resolv.conf */
    bool in_userns;
};
/* The whole list, then hosts and so on below /etc, masked and read-only paths, and at last the root
 * itself when it is to be read-only. With the host's file systems still in reach. *ret_null_fd is a
 * null device for the container's process: devices.h. */
int mount_all(const struct mount_request *request, int *ret_null_fd,
              struct mcpd_error *err) MUST_CHECK;

#endif
