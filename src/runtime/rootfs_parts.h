/* rootfs_parts.h - what rootfs.c and rootfs_view.c share. */
#ifndef RUNTIME_ROOTFS_PARTS_H
#define RUNTIME_ROOTFS_PARTS_H

#include "runtime/rootfs.h"

#include <stddef.h>

/* An image may have one layer several times, a lower directory may not be there twice. All that the
 * lower one gives or hides is given and hidden by the same layer above it, so that one counts. */
bool rootfs_is_repeated_above(const struct plan *plan, size_t index);
/* Goes to a tmpfs over the container's folder, with an empty folder "r" in it. */
int rootfs_enter_scratch(const struct rootfs_request *request, struct mcpd_error *err) MUST_CHECK;
/* Makes a link "N" for every layer, "u" for upper, "w" for work and "e" for an empty layer, in the
 * working directory. */
int rootfs_make_links(const struct rootfs_request *request, struct mcpd_error *err) MUST_CHECK;
/* The store that has the layer; `path` becomes its folder below that. */
int rootfs_place_of_layer(const struct rootfs_request *request, size_t index,
                          char path[STORE_LAYER_PATH_SIZE]);

/* rootfs_copy.c: a container that stands on a copy of its layers. Both make the copy when it is
 * missing; to mount it the container's lock is held. */
int rootfs_mount_copy(const struct rootfs_request *request, int *ret_root_fd,
                      struct mcpd_error *err) MUST_CHECK;
int rootfs_make_copy(const struct rootfs_request *request, struct mcpd_error *err) MUST_CHECK;
int rootfs_open_copy(int container_dir_fd, int *ret_fd, struct mcpd_error *err) MUST_CHECK;

/* UNSUPPORTED: overlay cannot be had here, and a copy of the layers would do. From errno, of a
 * mount that failed; fs_fd: of the new way, -1: of mount(2). */
int rootfs_refuse_overlay(int fs_fd, const struct rootfs_request *request,
                          struct mcpd_error *err) MUST_CHECK;

#endif
