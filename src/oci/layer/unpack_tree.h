/*
 * unpack_tree.h - writes the entries of one layer below its folder, and nowhere else.
 *
 * Takes decisions of unpack_policy.h in the order of the tar. Every path is walked relative to a
 * descriptor of the layer's root without following links; where a folder on the way is a link of
 * this layer it is followed inside the root, as docker and podman do it by chroot. The caller's
 * umask must be 0. Nobody else may write there at the same time.
 */
#ifndef OCI_LAYER_UNPACK_TREE_H
#define OCI_LAYER_UNPACK_TREE_H

#include "base/error.h"
#include "oci/layer/unpack_policy.h"

#include <stdbool.h>
#include <stddef.h>

struct unpack_tree_options {
    bool use_user_xattrs; /* overlay marks as user.overlay.*: what a user's mount reads */
    bool ignore_owners;   /* everything belongs to us: hosts where a user has a single id */
};

struct unpack_tree; /* heap; unpack_tree_free */

int unpack_tree_new(int layer_fd, const struct unpack_tree_options *options,
                    struct unpack_tree **ret_tree, struct mcpd_error *err) MUST_CHECK;
void unpack_tree_free(struct unpack_tree *tree);

/* Everything but FILE and SKIP. */
int unpack_tree_apply(struct unpack_tree *tree, const struct unpack_decision *decision,
                      struct mcpd_error *err) MUST_CHECK;

/* A new file for writing, owned by the caller; then its contents; then the rest of what it is
 * (owner, mode; time after the attributes). */
int unpack_tree_create_file(struct unpack_tree *tree, const struct unpack_decision *decision,
                            int *ret_fd, struct mcpd_error *err) MUST_CHECK;
int unpack_tree_set_owner(struct unpack_tree *tree, const struct unpack_decision *decision, int fd,
                          struct mcpd_error *err) MUST_CHECK;
int unpack_tree_set_time(const struct unpack_decision *decision, int fd,
                         struct mcpd_error *err) MUST_CHECK;

/* The folder that the last applied DIR made (for its attributes); borrowed. */
int unpack_tree_folder_fd(const struct unpack_tree *tree);

/* Folders that no entry has described so far: paths, each with its NUL. Borrowed. */
const char *unpack_tree_implied(const struct unpack_tree *tree, size_t *ret_bytes);

/* Gives the folders their times back. */
int unpack_tree_finish(struct unpack_tree *tree, struct mcpd_error *err) MUST_CHECK;

static inline void cleanup_unpack_tree(struct unpack_tree **tree)
{
    unpack_tree_free(*tree);
}
#define CLEANUP_UNPACK_TREE CLEANUP(cleanup_unpack_tree)

#endif
