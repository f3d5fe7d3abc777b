/*
 * caps.h - the capability sets of this process, as capabilities(7) has them. Names and lists of
 * --cap-add are capset.h.
 */
#ifndef RUNTIME_CAPS_H
#define RUNTIME_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* What a process of a container ends up with; bit CAP_x. */
struct caps_sets {
    uint64_t bounding;
    uint64_t permitted;   /* and effective */
    uint64_t inheritable; /* and ambient */
};

/* Root gets all of `capabilities`; another user only those of them that were added by name, and
 * keeps them over exec as ambient ones. */
void caps_decide(uint64_t capabilities, uint64_t added, bool is_root, struct caps_sets *ret_sets);

/* Before the change of user: drops the bounding set and keeps the permitted set over the change. */
int caps_begin(const struct caps_sets *sets, struct mcpd_error *err) MUST_CHECK;
/* After it: the sets, and for as long as `extra` says also those (for loading a filter). What this
 * process does not have cannot be given. */
int caps_apply(const struct caps_sets *sets, uint64_t extra, struct mcpd_error *err) MUST_CHECK;
/* After caps_apply with extra: without them. */
int caps_give_up(const struct caps_sets *sets, struct mcpd_error *err) MUST_CHECK;

#endif
