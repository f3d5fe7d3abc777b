/*
 * partials.h - images/partial: half downloads that somebody may go on with, and for how long.
 */
#ifndef OCI_PARTIALS_H
#define OCI_PARTIALS_H

#include "base/error.h"
#include "oci/store.h"

#include <stdint.h>

/* Of the file system, all together; what was written to last is kept. */
#define PARTIALS_MAX_SHARE 10
#define PARTIALS_KEPT_S    (7 * 24 * 3600)

/* Removes those that nobody is writing and that are empty, a week old, or beyond a tenth of the
 * file system. Needs no lock of the store; cheap when there are none. Adds to *freed_bytes. */
int partials_sweep(const struct store *store, uint64_t *freed_bytes,
                   struct mcpd_error *err) MUST_CHECK;
/* All of them but those somebody is writing. */
int partials_remove_all(const struct store *store, uint64_t *freed_bytes,
                        struct mcpd_error *err) MUST_CHECK;
/* What they take. */
int partials_bytes(const struct store *store, uint64_t *ret_bytes,
                   struct mcpd_error *err) MUST_CHECK;

#endif
