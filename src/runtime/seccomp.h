/*
 * seccomp.h - the system call filter of a container: made once, kept as BPF, loaded before exec.
 */
#ifndef RUNTIME_SECCOMP_H
#define RUNTIME_SECCOMP_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/plan.h"

struct seccomp_filter {
    char *bytes;   /* owned */
    size_t offset; /* of the first instruction in bytes */
    size_t count;  /* instructions; 0: no filter */
};
#define SECCOMP_FILTER_NONE                    \
    {                                          \
        .bytes = NULL, .offset = 0, .count = 0 \
    }

/* The filter of this plan for a process with these capabilities. root_fd: of the store, whose
 * cache/seccomp/ keeps it; -1 for no cache. */
int seccomp_prepare(const struct plan *plan, uint64_t capabilities, int root_fd,
                    struct seccomp_filter *ret_filter, struct mcpd_error *err) MUST_CHECK;
void seccomp_filter_done(struct seccomp_filter *filter);

/* For this process, for ever. Needs CAP_SYS_ADMIN or no_new_privs. */
int seccomp_install(const struct seccomp_filter *filter, struct mcpd_error *err) MUST_CHECK;

#endif
