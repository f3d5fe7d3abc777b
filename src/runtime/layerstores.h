/*
 * layerstores.h - where a container's layers lie: in its own store, or in additional ones.
 *
 * The plan names the additional stores that had some of its layers when it was made; which layer is
 * where is looked up at every start: one that has come into our own store since is taken from
 * there.
 */
#ifndef RUNTIME_LAYERSTORES_H
#define RUNTIME_LAYERSTORES_H

#include "base/error.h"
#include "oci/additional.h"
#include "runtime/plan.h"

struct layerstores {
    int root_fd;             /* ROOT of our own; borrowed */
    int fds[ADDITIONAL_MAX]; /* of the plan's layer_stores; -1: gone, or not to be trusted any more
                              */
    size_t count;
};

/* Opens the additional ones; what cannot be opened is missed when a layer is. */
void layerstores_open(const struct plan *plan, int root_fd, struct layerstores *ret_stores);
void layerstores_done(struct layerstores *stores);
#define CLEANUP_LAYERSTORES CLEANUP(layerstores_done)

/* The store that has this layer, to be used with store_layer_path; our own when none has. */
int layerstores_of(const struct layerstores *stores, const struct digest *diff_id);

#endif
