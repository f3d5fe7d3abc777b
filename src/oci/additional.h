/*
 * additional.h - read-only stores beside our own: a factory image on squashfs or erofs, a folder
 * that is mounted read-only.
 *
 * Each is a folder of the layout of store.h, made by mcpd: images/tags, images/blobs/sha256 and
 * layers are all it needs. Its blobs and layers serve as if they were ours (blobs.h, layers.h look
 * here last), and its images are found when no image of ours has the name. Nothing is ever written
 * to it, nor locked: a lock would hold as long as a command and a container needs the layers
 * longer; who lists a store leaves it as it is.
 *
 * Owner: the one who uses it. Files on the disk have the ids of who unpacked them, and an ordinary
 * user's containers see what root has made as nobody's: such a store is refused, with the reason.
 */
#ifndef OCI_ADDITIONAL_H
#define OCI_ADDITIONAL_H

#include "base/error.h"
#include "oci/store.h"

#include <stdbool.h>
#include <stddef.h>

#define ADDITIONAL_MAX 16

/* Names the stores of `store`, once, before it is used; a path that is there twice counts once.
 * Nothing is opened yet. LIMIT: too many. */
int additional_set(struct store *store, char *const *paths, struct mcpd_error *err) MUST_CHECK;
void additional_done(struct store *store);

/* Those that can be used, in order; opened by the first call, which warns once about each that
 * cannot. Borrowed. */
size_t additional_count(const struct store *store);
const struct store *additional_get(const struct store *store, size_t index);

/* All that were named, and why one is not used (NULL: it is). Borrowed; false behind the last. */
bool additional_describe(const struct store *store, size_t index, const char **ret_path,
                         const char **ret_problem);

#endif
