/*
 * storetmp.h - entries of ROOT/tmp: where everything is made before it is renamed into place.
 *
 * tmp/NAME is a folder, tmp/NAME.lock is flocked by its maker (and by every child that inherits
 * the descriptor) for as long as it works there. An entry whose lock is free belongs to nobody and
 * is swept.
 */
#ifndef OCI_STORETMP_H
#define OCI_STORETMP_H

#include "base/error.h"
#include "oci/store.h"

#define STORETMP_NAME_SIZE 64

struct storetmp {
    const struct store *store;     /* borrowed */
    char name[STORETMP_NAME_SIZE]; /* below store->tmp_fd; empty: none */
    int dir_fd;
    int lock_fd;
};
#define STORETMP_NONE                                          \
    {                                                          \
        .store = NULL, .name = "", .dir_fd = -1, .lock_fd = -1 \
    }

/* prefix: a short word that tells a reader of the folder what this was ("layer", "load"). Mode
 * 0700. */
int storetmp_create(const struct store *store, const char *prefix, struct storetmp *ret_tmp,
                    struct mcpd_error *err) MUST_CHECK;
/* Removes what is left under the name (nothing, when it was renamed into place) and lets go. Fine
 * on STORETMP_NONE. */
void storetmp_done(struct storetmp *tmp);
#define CLEANUP_STORETMP CLEANUP(storetmp_done)

/* Removes the entries that nobody holds. Needs no lock; cheap when there are none. What cannot be
 * removed is a warning of the store. */
int storetmp_sweep(const struct store *store, struct mcpd_error *err) MUST_CHECK;

#endif
