/*
 * check.h - is what lies in the store still what it was when it was put there?
 *
 * Blobs are hashed again, unpacked layers are compared with the list that was made of them
 * (contents_check.h); both are read from the disk and not from memory. Each object is looked at
 * once, however many images have it. Nothing is changed.
 */
#ifndef OCI_LAYER_CHECK_H
#define OCI_LAYER_CHECK_H

#include "base/error.h"
#include "oci/digest.h"
#include "oci/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum check_kind {
    CHECK_KIND_MANIFEST,
    CHECK_KIND_CONFIG,
    CHECK_KIND_BLOB,  /* a compressed layer; absent is fine, it can be dropped */
    CHECK_KIND_LAYER, /* an unpacked one */
    CHECK_KIND_OTHER, /* a blob of no image */
};
const char *check_kind_name(enum check_kind kind); /* "manifest", ... */

struct check_finding {
    char *path; /* in a layer; NULL: the object as a whole */
    char *what;
};

struct check_object {
    enum check_kind kind;
    struct digest digest;           /* of a LAYER the diff_id */
    uint64_t bytes;                 /* looked at */
    bool is_due;                    /* a layer that was noted and not looked at yet */
    size_t problem_count;           /* 0: good */
    struct check_finding *findings; /* owned; the first CHECK_FINDINGS_MAX */
    size_t finding_count;
};
#define CHECK_FINDINGS_MAX 100

struct check {
    const struct store *store;
    struct check_object **objects; /* owned, sorted */
    size_t count;
};

void check_init(const struct store *store, struct check *ret_check);
void check_done(struct check *check);
#define CLEANUP_CHECK CLEANUP(check_done)

/* A blob, now. size: what the manifest says, 0: not known. Borrowed. */
int check_blob(struct check *check, enum check_kind kind, const struct digest *digest,
               uint64_t size, const struct check_object **ret_object,
               struct mcpd_error *err) MUST_CHECK;
/* Notes an unpacked layer for check_layers. */
int check_note_layer(struct check *check, const struct digest *diff_id,
                     struct mcpd_error *err) MUST_CHECK;
/* All that were noted, together: for an ordinary user that takes a process in the user namespace.
 */
int check_layers(struct check *check, struct mcpd_error *err) MUST_CHECK;
/* Borrowed, NULL: was not looked at. */
const struct check_object *check_find(const struct check *check, bool is_layer,
                                      const struct digest *digest);
/* Forgets everything about it: the next look is a new one. */
void check_forget(struct check *check, bool is_layer, const struct digest *digest);

#endif
