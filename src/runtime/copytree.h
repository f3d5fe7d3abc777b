/*
 * copytree.h - copy what is below a folder, with owners, modes and times.
 */
#ifndef RUNTIME_COPYTREE_H
#define RUNTIME_COPYTREE_H

#include "base/error.h"

/* Everything below from_fd into the empty folder to_fd, whose own attributes stay. Links are
 * copied, never followed; device nodes and sockets are left out. */
int copytree_fill(int from_fd, int to_fd, struct mcpd_error *err) MUST_CHECK;

#endif
