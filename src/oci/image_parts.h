/*
 * image_parts.h - shared by images.c and find.c, the two files that read images from the store.
 */
#ifndef OCI_IMAGE_PARTS_H
#define OCI_IMAGE_PARTS_H

#include "oci/store.h"
#include "oci/tags.h"

/* The name that one tag gives. */
int image_add_name(struct image *image, const struct tag *tag, struct mcpd_error *err) MUST_CHECK;
/* All of them. tags: every one of this image's, sorted. */
int image_set_names(struct image *image, const struct tag *tags, size_t count,
                    struct mcpd_error *err) MUST_CHECK;
/* How many tags name the same manifest, from the first of them on? */
size_t image_group_length(const struct tag_list *list, size_t first);

#endif
