/*
 * tags_batch.h - names that change together: all of them in one instant, or none.
 *
 * images/tags/.batch lists them ({"names": {FILE: {"manifest": ..}, FILE: null}}, each with what
 * its file is to hold, or null for one that goes) from the moment they are decided until each one
 * is in its own file. While it is there it is what counts: readers ask it first, and whoever takes
 * the lock of the folder finishes it first. So it is the renaming of one file that makes them
 * visible, and it does not matter where its writer is killed.
 */
#ifndef OCI_TAGS_BATCH_H
#define OCI_TAGS_BATCH_H

#include "base/error.h"
#include "oci/store.h"

/* The object "names", NULL when nothing is under way (or the file is damaged: a warning of the
 * store, and the names are as they were). New reference. */
int tags_batch_load(const struct store *store, json_t **ret_names,
                    struct mcpd_error *err) MUST_CHECK;

/* The caller holds the lock of the folder. When this returns 0, all of it has happened. */
int tags_batch_write(const struct store *store, json_t *names, struct mcpd_error *err) MUST_CHECK;
/* Gives every name of a batch its file and removes the batch. The same. */
int tags_batch_finish(const struct store *store, struct mcpd_error *err) MUST_CHECK;

#endif
