/*
 * copytree.h - copy files with all that belongs to them: owners, modes, times, extended attributes,
 * holes.
 */
#ifndef RUNTIME_COPYTREE_H
#define RUNTIME_COPYTREE_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/stat.h>

/* What was found out on the way; zeroed at the beginning. */
struct copytree {
    bool in_userns;    /* owners that are not mapped stay ours, device nodes are left out */
    bool no_clone;     /* the file system shares no blocks between files */
    bool no_range;     /* nor does the kernel copy between these two */
    bool no_attribute; /* it keeps no extended attributes: a debug line, once */
};

/* One that is no folder: a file, a link, a node. Its links are the caller's business. */
int copytree_entry(struct copytree *copytree, int from_dir, const char *from_path, int to_dir,
                   const char *to_path, const struct stat *st, struct mcpd_error *err) MUST_CHECK;
/* Those of a file or a folder, but for overlay's own; the last thing that is done to it. */
int copytree_attributes(struct copytree *copytree, int from_fd, int to_fd, const struct stat *st,
                        const char *name, struct mcpd_error *err) MUST_CHECK;

/* Everything below from_fd into the empty folder to_fd, whose own attributes stay. Links are
 * copied, never followed; device nodes and sockets are left out. */
int copytree_fill(int from_fd, int to_fd, struct mcpd_error *err) MUST_CHECK;

#endif
