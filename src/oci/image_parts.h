/*
 * image_parts.h - shared by images.c and find.c, the two files that read images from the store.
 */
#ifndef OCI_IMAGE_PARTS_H
#define OCI_IMAGE_PARTS_H

#include "oci/store.h"
#include "oci/tags.h"

/* The image that one tag names, without names. */
int image_load_tagged(const struct store *store, const struct tag *tag, struct image *ret_image,
                      struct mcpd_error *err) MUST_CHECK;
/* The image that a group of tags names (tags_group_length), with all names. When it came by several
 * manifests, the first that came counts, as in podman; a damaged one is a warning of the store and
 * passed over. None is left: success, *ret_image is empty. */
int image_load_group(const struct store *store, const struct tag *tags, size_t count,
                     struct image *ret_image, struct mcpd_error *err) MUST_CHECK;

#endif
