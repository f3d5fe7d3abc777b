/*
 * fake_store.h - a store in a fresh folder, and images in it that were never pulled.
 * Digests are made up from a seed: nothing in this half of the code computes one.
 */
#ifndef SUPPORT_FAKE_STORE_H
#define SUPPORT_FAKE_STORE_H

#include "oci/store.h"

#include <stddef.h>

struct fake_store {
    struct store store;
    char path[64]; /* of the folder; the store is there */
    char **warnings;
};

/* cmocka fixtures: *state is a struct fake_store. */
int fake_store_setup(void **state);
int fake_store_teardown(void **state);

struct digest fake_digest(const char *seed);

struct fake_image {
    const char *name;          /* NULL: kept without a name */
    const char *const *layers; /* seeds, ended by NULL; each 1000 bytes "unpacked" */
    const char *created;       /* NULL: "2026-11-23T16:12:24.5Z" */
    const char *config;        /* the object "config" as JSON; NULL: {} */
    const char *extra;         /* further members of the configuration: "\"history\": []," */
    const char *media_type;    /* of the manifest; NULL: OCI */
    const char *annotations;   /* object as JSON; NULL: none */
    const char *index;         /* text of the index that led to it; NULL: none */
};

/* Through store_commit, as a pull does it. ret_manifest may be NULL. */
void fake_store_add(struct fake_store *fake, const struct fake_image *image,
                    struct digest *ret_manifest);

/* All names of the image with this manifest. */
void fake_store_remove(struct fake_store *fake, const struct digest *manifest);

/* Replaces (or makes) a file of the store. */
void fake_store_write(const struct fake_store *fake, const char *path, const char *text);
/* How many names are in a folder of the store? */
size_t fake_store_count(const struct fake_store *fake, const char *folder);
/* Is there a warning with this text in it? */
bool fake_store_warned(const struct fake_store *fake, const char *text);

#endif
