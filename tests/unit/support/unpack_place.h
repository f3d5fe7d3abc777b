/*
 * unpack_place.h - a folder to unpack into, and its neighbour that must not change. Runs as
 * anybody: as a user everything belongs to us and marks are those of a user namespace.
 */
#ifndef SUPPORT_UNPACK_PLACE_H
#define SUPPORT_UNPACK_PLACE_H

#include "oci/layer/unpack.h"
#include "support/layer_tar.h"

#include <stdbool.h>
#include <sys/stat.h>

struct unpack_place {
    char path[64]; /* holds fs/ and victim */
    int fd;
    int fs_fd;
    struct layer_tar tar;
    struct unpack_options options;
    struct unpack_result result;
    struct mcpd_error error;
};

/* cmocka fixtures: *state is a struct unpack_place. Teardown looks at the neighbour. */
int unpack_place_setup(void **state);
int unpack_place_teardown(void **state);

bool unpack_place_is_root(void);
/* Unpacks place->tar, after ending it; the code. */
int unpack_place_try(struct unpack_place *place);
int unpack_place_try_bytes(struct unpack_place *place, const struct buf *bytes);
/* The same; a failure, or a wrong diff_id, ends the test. */
void unpack_place_unpack(struct unpack_place *place);

struct stat unpack_place_look(const struct unpack_place *place, const char *path);
void unpack_place_has_text(const struct unpack_place *place, const char *path,
                           const char *expected);
bool unpack_place_is_whiteout(const struct unpack_place *place, const char *path);
bool unpack_place_is_opaque(const struct unpack_place *place, const char *path);

#endif
