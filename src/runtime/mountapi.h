/*
 * mountapi.h - mounts through descriptors, on kernels with the mount system calls of Linux 5.2 and
 * 5.12 and on those without.
 *
 * Attributes are MOUNT_ATTR_RDONLY, _NOSUID, _NODEV, _NOEXEC; propagation is MS_PRIVATE, MS_SLAVE
 * or MS_SHARED. Knows nothing about containers.
 */
#ifndef RUNTIME_MOUNTAPI_H
#define RUNTIME_MOUNTAPI_H

#include <stdbool.h>
#include <sys/mount.h>

#include "base/error.h"

/* --- the system calls; fd or 0, or -1 with errno --------------------------------- */

int mountapi_fsopen(const char *type);
int mountapi_fsconfig(int fs_fd, unsigned int command, const char *key, const char *value);
int mountapi_fsmount(int fs_fd, unsigned int attributes);
int mountapi_open_tree(int dir_fd, const char *path, bool recursive);
/* Both through the descriptors themselves. */
int mountapi_move(int mount_fd, int target_fd);
int mountapi_set_attributes(int mount_fd, bool recursive, unsigned int attributes,
                            unsigned int propagation);
int mountapi_clear_attributes(int mount_fd, unsigned int attributes);
int mountapi_pivot_root(const char *new_root, const char *put_old);

/* The kernel does not have the call, or a filter around us says so: take the old way. */
bool mountapi_is_missing(int sys_errno);
/* error_errno with what the kernel told about a file system that would not come up. */
int mountapi_fs_error(int fs_fd, const char *what, struct mcpd_error *err) MUST_CHECK;

/* --- with fall-backs -------------------------------------------------------------- */

/* A place below a root that is not ours yet. */
struct mountapi_target {
    int root_fd;
    const char *path; /* inside the root */
    int fd;           /* O_PATH on what is there before the mount */
};

/* A new file system; options as in fstab ("mode=755,size=64k"), NULL: none. */
int mountapi_new(const struct mountapi_target *target, const char *type, const char *options,
                 unsigned int attributes, struct mcpd_error *err) MUST_CHECK;

/* What is to appear elsewhere, held by a descriptor. */
struct mountapi_source {
    int fd;       /* a detached copy of the mounts, or O_PATH on kernels without */
    bool is_tree; /* the former */
    bool recursive;
};
#define MOUNTAPI_SOURCE_NONE                           \
    {                                                  \
        .fd = -1, .is_tree = false, .recursive = false \
    }

/* path "": dir_fd itself. Links are followed: for the host's paths and for our own. */
int mountapi_open_source(int dir_fd, const char *path, bool recursive,
                         struct mountapi_source *ret_source, struct mcpd_error *err) MUST_CHECK;
void mountapi_source_done(struct mountapi_source *source);
/* The source's flags stay and the attributes are added, in a recursive one to all mounts of it
 * (below Linux 5.12: to the topmost). */
int mountapi_bind(const struct mountapi_source *source, const struct mountapi_target *target,
                  unsigned int attributes, unsigned int propagation,
                  struct mcpd_error *err) MUST_CHECK;

/* Adds attributes to the mount whose root is `path` inside the root. */
int mountapi_restrict(int root_fd, const char *path, unsigned int attributes,
                      struct mcpd_error *err) MUST_CHECK;

#endif
