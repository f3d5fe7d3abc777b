/*
 * archive_place.h - a store, an image of two layers, and an archive that is put together member by
 * member.
 */
#ifndef SUPPORT_ARCHIVE_PLACE_H
#define SUPPORT_ARCHIVE_PLACE_H

#include "oci/platform.h"
#include "support/fake_store.h"
#include "support/layer_tar.h"

#define ARCHIVE_PLACE_LAYERS 2

struct archive_place {
    struct fake_store *fake;
    struct layer_tar layers[ARCHIVE_PLACE_LAYERS];
    struct digest diff_ids[ARCHIVE_PLACE_LAYERS];
    char *config;
    struct digest config_digest;
    struct layer_tar archive;
    char **names;
    struct mcpd_error error;
};

extern const struct platform archive_place_amd64;

/* cmocka fixtures: *state is a struct archive_place. */
int archive_place_setup(void **state);
int archive_place_teardown(void **state);

/* Members. */
void archive_place_put(struct archive_place *place, const char *name, const void *bytes,
                       size_t count);
void archive_place_put_text(struct archive_place *place, const char *name, const char *text);
struct digest archive_place_put_blob(struct archive_place *place, const void *bytes, size_t count);
/* "config.json", "one.tar", "two.tar" and the list that names them. tags: JSON. */
void archive_place_put_docker(struct archive_place *place, const char *tags);
void archive_place_put_manifest_json(struct archive_place *place, const char *tags,
                                     const char *first);
/* The blobs of the image; the descriptor of its manifest, for an index, owned by the caller. more:
 * further members of the descriptor, with a comma in front. */
char *archive_place_put_oci_image(struct archive_place *place, bool with_layers, const char *more);
char *archive_place_descriptor(const char *type, const struct digest *digest, size_t size,
                               const char *more);
void archive_place_put_index(struct archive_place *place, const char *entries);
#define NAMED(name) ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"" name "\"}"

/* Ends the archive and loads it into place->names. */
int archive_place_load_bytes(struct archive_place *place, const struct buf *bytes);
int archive_place_load(struct archive_place *place);
void archive_place_loaded(struct archive_place *place, int rc, const char *name);
void archive_place_refused(struct archive_place *place, int rc, const char *text);

#endif
