/*
 * confine.h - what an unpack worker gives up before it looks at the first byte of a layer.
 *
 * The second wall behind unpack_tree.h: a bug in a parser must not become a bug of the host. A
 * worker that is taken over can spoil its own layer (whose digest then does not fit) and nothing
 * else: it sees no other file, reaches no network and no process, and starts no program.
 */
#ifndef OCI_LAYER_CONFINE_H
#define OCI_LAYER_CONFINE_H

#include "base/error.h"

#include <stdbool.h>

/* The calling process dies with its parent (pid as getpid() told there). To be called again after
 * every change of credentials, which makes the kernel forget it. */
int confine_die_with_parent(pid_t parent_pid, struct mcpd_error *err) MUST_CHECK;

/* Closes every descriptor but those listed (at most 8) and 0 to 2, which become /dev/null (stderr
 * stays for debug lines that were asked for). */
int confine_descriptors(const int *keep_fds, unsigned int count, struct mcpd_error *err) MUST_CHECK;

/* The system calls that a worker may make (confine_filter.c): put together once, for many. */
struct confine_filter; /* heap; confine_filter_free */
int confine_filter_new(struct confine_filter **ret_filter, struct mcpd_error *err) MUST_CHECK;
void confine_filter_free(struct confine_filter *filter);
/* A kernel without filters is no failure. */
int confine_filter_load(const struct confine_filter *filter, struct mcpd_error *err) MUST_CHECK;

struct confine_options {
    int root_fd;       /* folder that becomes /, the only one that is seen */
    bool is_in_userns; /* no capability is kept for the host's trusted attributes */
    pid_t parent_pid;  /* whose end is ours */
    const struct confine_filter *filter; /* NULL: none */
};

/* For good: / is that folder, resource limits, no new privileges, only the capabilities that making
 * files of other owners needs, landlock (where the kernel has it), the filter. What a worker needs
 * must be open. */
int confine_process(const struct confine_options *options, struct mcpd_error *err) MUST_CHECK;

/* For good, for a process that only reads one descriptor and writes to another: resource limits, no
 * further descriptor, no capability, no new privileges, no file system (landlock, where the kernel
 * has it), the filter. confine_descriptors comes first. */
int confine_decoder(struct mcpd_error *err) MUST_CHECK;

#endif
