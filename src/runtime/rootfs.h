/*
 * rootfs.h - the container's root file system: mounted from its layers, and entered for good.
 */
#ifndef RUNTIME_ROOTFS_H
#define RUNTIME_ROOTFS_H

#include <stdbool.h>

#include "runtime/layerstores.h"
#include "runtime/plan.h"

struct rootfs_request {
    const struct plan *plan;
    const struct layerstores *stores; /* layers/HEX/fs */
    int container_dir_fd;             /* upper/ and work/, made when missing */
    bool in_userns;
};

/* Does the container stand on a copy of its layers? */
bool rootfs_has_copy(int container_dir_fd);

/* Mounts it in this mount namespace, over the container's folder, and gives a descriptor of it. */
int rootfs_mount(const struct rootfs_request *request, int *ret_root_fd,
                 struct mcpd_error *err) MUST_CHECK;

/* A view of the tree for reading (rootfs_view.c), also while the container runs, without what is
 * mounted in it. In a mount namespace of this process's own, which is made here: the caller is a
 * child that ends with its work. */
int rootfs_view(const struct rootfs_request *request, int *ret_root_fd,
                struct mcpd_error *err) MUST_CHECK;

/* Could one be an overlay, below this empty folder of the store (rootfs_probe.c)? What is made
 * there is the caller's to remove. */
int rootfs_probe_overlay(int dir_fd, struct mcpd_error *err) MUST_CHECK;

/* Makes it the root and working directory of this process and takes the host's away. */
int rootfs_enter(int root_fd, struct mcpd_error *err) MUST_CHECK;

#endif
