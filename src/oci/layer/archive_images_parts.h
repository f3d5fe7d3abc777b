/* archive_images_parts.h - what archive_images.c, archive_oci.c and archive_docker.c share. */
#ifndef OCI_LAYER_ARCHIVE_IMAGES_PARTS_H
#define OCI_LAYER_ARCHIVE_IMAGES_PARTS_H

#include "oci/layer/archive_images.h"

struct archive_reader {
    const struct archive_file *file;
    const struct platform *platform;
    struct archive_images images;
};

/* A new, empty image at the end; borrowed until the next one. */
int archive_images_add(struct archive_reader *reader, struct archive_image **ret_image,
                       struct mcpd_error *err) MUST_CHECK;
/* The last image is complete. One that is there already only brings its names. */
void archive_images_settle(struct archive_reader *reader);

/* A document, counted against the maximum of all of them. Its name must stand in the archive once:
 * who reads the first and who reads the last one would see two different images. */
int archive_images_read_document(struct archive_reader *reader, const char *name, size_t maximum,
                                 char **ret_text, size_t *ret_length,
                                 struct mcpd_error *err) MUST_CHECK;
/* image->config_text is read: parses it and lets the members be counted. */
int archive_images_take_config(struct archive_image *image, struct mcpd_error *err) MUST_CHECK;

/* An image's manifest, from the entry of an index that names it, its config, and where its layers
 * are. name_of: where the blob of a digest lies (owned by the caller, NULL without memory);
 * is_manifest: it is one. */
typedef char *(*archive_name_function)(const struct digest *digest, bool is_manifest);
int archive_images_read_entry(struct archive_reader *reader, const struct descriptor *entry,
                              archive_name_function name_of, struct archive_image *image,
                              struct mcpd_error *err) MUST_CHECK;
/* The same when image->document, its text and digest are there. An index becomes the manifest for
 * the platform. */
int archive_images_complete(struct archive_reader *reader, archive_name_function name_of,
                            struct archive_image *image, struct mcpd_error *err) MUST_CHECK;

int archive_oci_read(struct archive_reader *reader, struct mcpd_error *err) MUST_CHECK;
/* manifest.json: a list (docker-archive), or a manifest (docker-dir). */
int archive_docker_read(struct archive_reader *reader, struct mcpd_error *err) MUST_CHECK;

#endif
