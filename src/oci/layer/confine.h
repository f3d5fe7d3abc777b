/*
 * confine.h - what an unpack worker gives up before it looks at the first byte of a layer.
 * The second wall behind unpack_tree.h: a bug in a parser must not become a bug of the host.
 */
#ifndef OCI_LAYER_CONFINE_H
#define OCI_LAYER_CONFINE_H

#include "base/error.h"

#include <stdbool.h>

/* The calling process dies with its parent (pid as getpid() told there). To be called again after
 * every change of credentials, which makes the kernel forget it. */
int confine_die_with_parent(pid_t parent_pid, struct mcpd_error *err) MUST_CHECK;

/* Closes every descriptor but those listed (at most 8) and 0 to 2, which become /dev/null, except
 * that stderr stays. */
int confine_descriptors(const int *keep_fds, unsigned int count, struct mcpd_error *err) MUST_CHECK;

/* Resource limits, no new privileges, and only the capabilities that making files of other owners
 * needs. is_in_userns: none is kept for the host's trusted attributes. */
int confine_process(bool is_in_userns, struct mcpd_error *err) MUST_CHECK;

#endif
