/*
 * saferoot.h - open a path inside a foreign root, never outside of it.
 *
 * openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS); on kernels without it a
 * component-by-component walk with O_NOFOLLOW that resolves links itself (at most
 * 40). "/etc/passwd" means ROOT/etc/passwd; ".." at the root stays at the root.
 * Pure path work: knows nothing about containers.
 */
#ifndef BASE_SAFEROOT_H
#define BASE_SAFEROOT_H

#include "base/error.h"

#include <sys/types.h>

/* Like openat(2) with O_CLOEXEC added; returns the descriptor or a negative code
 * (errno is kept for callers that branch on ENOENT and so on). */
int saferoot_open(int root_fd, const char *path, int flags, mode_t mode,
                  struct mcpd_error *err) MUST_CHECK;

/* mkdir -p inside the root, links resolved inside (what a dangling one points at is made); returns
 * a descriptor of the folder, open for reading. */
int saferoot_make_dirs(int root_fd, const char *path, mode_t mode,
                       struct mcpd_error *err) MUST_CHECK;

/* Folder that holds the last component (made with mkdir -p when make_mode != 0) and that
 * component's name, copied into name[256]. "/" and "x/.." are refused: INVALID. Returns a
 * descriptor, open for reading. */
int saferoot_open_parent(int root_fd, const char *path, mode_t make_mode, char name[256],
                         struct mcpd_error *err) MUST_CHECK;

/* Small regular file inside the root (never a device or pipe: O_NONBLOCK and a type check). */
int saferoot_read_file(int root_fd, const char *path, size_t maximum, char **ret_text,
                       size_t *ret_length, struct mcpd_error *err) MUST_CHECK;

#endif
