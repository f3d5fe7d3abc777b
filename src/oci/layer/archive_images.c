/* archive_images.c - see archive_images.h: what all kinds of archives have in common. */
#include "oci/layer/archive_images_parts.h"

#include "base/str.h"
#include "oci/layer/sha256.h"

#include <string.h>

#define MAX_NESTED 2

/* ------------------------------------------------------------------ the list */

static void image_done(struct archive_image *image)
{
    manifest_document_done(&image->document);
    imageconfig_done(&image->config);
    free(image->manifest_text);
    free(image->index_text);
    free(image->config_text);
    free(image->members);
    strv_free(image->names);
    *image = (struct archive_image){0};
}

void archive_images_done(struct archive_images *images)
{
    for (size_t i = 0; i < images->count; i++)
        image_done(&images->items[i]);
    free(images->items);
    *images = (struct archive_images){0};
}

int archive_images_add(struct archive_reader *reader, struct archive_image **ret_image,
                       struct mcpd_error *err)
{
    struct archive_images *images = &reader->images;

    if (images->count == ARCHIVE_MAX_IMAGES)
        return error_set(err, MCPD_E_LIMIT, "the archive has more than %d images",
                         ARCHIVE_MAX_IMAGES);
    if (images->count == images->capacity) {
        size_t capacity = images->capacity ? 2 * images->capacity : 4;
        struct archive_image *items = reallocarray(images->items, capacity, sizeof(*items));

        if (!items)
            return error_no_memory(err, "images");
        images->items = items;
        images->capacity = capacity;
    }
    *ret_image = &images->items[images->count++];
    **ret_image = (struct archive_image){0};
    return 0;
}

void archive_images_settle(struct archive_reader *reader)
{
    struct archive_images *images = &reader->images;
    struct archive_image *last = &images->items[images->count - 1];

    for (struct archive_image *image = images->items; image < last; image++) {
        bool is_good = true;

        if (!digest_equal(&image->manifest_digest, &last->manifest_digest))
            continue;
        for (size_t i = 0; last->names && last->names[i]; i++)
            is_good &= strv_append(&image->names, last->names[i]) == 0;
        /* Without memory it stays a second time: the same work once more. */
        if (is_good) {
            image_done(last);
            images->count--;
        }
        return;
    }
}

/* ------------------------------------------------------------------ documents */

int archive_images_read_document(struct archive_reader *reader, const char *name, size_t maximum,
                                 char **ret_text, size_t *ret_length, struct mcpd_error *err)
{
    const struct archive_member *member = archive_file_find(reader->file, name);
    int rc;

    if (!member)
        return error_set(err, MCPD_E_CORRUPT, "the archive lacks its member %s", name);
    if (archive_file_has_twice(reader->file, name))
        return error_set(err, MCPD_E_CORRUPT, "the archive has its member %s twice", name);
    rc = archive_file_read(reader->file, member, maximum, ret_text, ret_length, err);
    if (rc < 0)
        return rc;
    reader->images.document_bytes += *ret_length;
    if (reader->images.document_bytes <= ARCHIVE_MAX_DOCUMENT_BYTES)
        return 0;
    free(*ret_text);
    *ret_text = NULL;
    return error_set(err, MCPD_E_LIMIT, "the manifests and configs have more than %u bytes",
                     ARCHIVE_MAX_DOCUMENT_BYTES);
}

/* A document that is named by its digest, verified. */
static int read_blob(struct archive_reader *reader, const char *name, const struct digest *expected,
                     size_t maximum, char **ret_text, size_t *ret_length, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    struct digest digest;
    size_t length = 0;
    int rc;

    if (!archive_file_find(reader->file, name))
        return error_set(err, MCPD_E_CORRUPT, "the archive lacks blob %s", expected->text);
    rc = archive_images_read_document(reader, name, maximum, &text, &length, err);
    if (rc == 0)
        rc = sha256_of_bytes(text, length, &digest, err);
    if (rc < 0)
        return rc;
    if (!digest_equal(&digest, expected))
        return error_set(err, MCPD_E_CORRUPT, "Digest did not match, expected %s, got %s",
                         expected->text, digest.text);
    *ret_text = TAKE_PTR(text);
    *ret_length = length;
    return 0;
}

int archive_images_take_config(struct archive_image *image, struct mcpd_error *err)
{
    int rc = imageconfig_parse(image->config_text, image->config_length, &image->config, err);

    if (rc < 0)
        return rc;
    /* Only shown, and many times as large as its text. */
    json_decref(image->config.document);
    image->config.document = NULL;
    return 0;
}

/* ------------------------------------------------------------------ from an index to its image */

static int read_manifest(struct archive_reader *reader, const struct descriptor *entry,
                         archive_name_function name_of, struct archive_image *image,
                         struct mcpd_error *err)
{
    CLEANUP_FREE char *name = name_of(&entry->digest, true);
    int rc;

    if (!name)
        return error_no_memory(err, "an archive's index");
    rc = read_blob(reader, name, &entry->digest, MANIFEST_MAX_BYTES, &image->manifest_text,
                   &image->manifest_length, err);
    image->manifest_digest = entry->digest;
    return rc < 0 ? rc
                  : manifest_parse(image->manifest_text, image->manifest_length, entry->media_type,
                                   &image->document, err);
}

/* The outermost index is kept with the image. */
static void keep_index(struct archive_image *image)
{
    if (image->index_text) {
        free(TAKE_PTR(image->manifest_text));
        return;
    }
    image->index_digest = image->manifest_digest;
    image->index_length = image->manifest_length;
    image->index_text = TAKE_PTR(image->manifest_text);
}

/* The document is an index: the entry for our platform takes its place. */
static int choose(struct archive_reader *reader, archive_name_function name_of,
                  struct archive_image *image, struct mcpd_error *err)
{
    CLEANUP(manifest_document_done) struct manifest_document index = image->document;
    const struct descriptor *chosen = NULL;
    int rc;

    image->document = (struct manifest_document){0};
    keep_index(image);
    rc = manifest_index_choose(&index.index, reader->platform, &chosen, err);
    return rc < 0 ? rc : read_manifest(reader, chosen, name_of, image, err);
}

static int read_config(struct archive_reader *reader, archive_name_function name_of,
                       struct archive_image *image, struct mcpd_error *err)
{
    const struct digest *digest = &image->document.manifest.config.digest;
    CLEANUP_FREE char *name = name_of(digest, false);
    int rc;

    if (!name)
        return error_no_memory(err, "an archive's index");
    rc = read_blob(reader, name, digest, IMAGECONFIG_MAX_BYTES, &image->config_text,
                   &image->config_length, err);
    return rc < 0 ? rc : archive_images_take_config(image, err);
}

int archive_images_complete(struct archive_reader *reader, archive_name_function name_of,
                            struct archive_image *image, struct mcpd_error *err)
{
    const struct manifest *manifest = &image->document.manifest;
    int rc = 0;

    for (int depth = 0; rc == 0 && image->document.kind == MANIFEST_KIND_INDEX; depth++) {
        if (depth == MAX_NESTED)
            return error_set(err, MCPD_E_CORRUPT, "indexes lie too deep in each other");
        rc = choose(reader, name_of, image, err);
    }
    if (rc == 0)
        rc = manifest_check_runnable(manifest, err);
    if (rc == 0)
        rc = read_config(reader, name_of, image, err);
    if (rc < 0)
        return rc;
    image->members = calloc(manifest->layer_count + 1, sizeof(const struct archive_member *));
    if (!image->members)
        return error_no_memory(err, "layers");
    for (size_t i = 0; i < manifest->layer_count; i++) {
        CLEANUP_FREE char *name = name_of(&manifest->layers[i].digest, false);

        if (!name)
            return error_no_memory(err, "layers");
        image->members[i] = archive_file_find(reader->file, name);
    }
    return 0;
}

int archive_images_read_entry(struct archive_reader *reader, const struct descriptor *entry,
                              archive_name_function name_of, struct archive_image *image,
                              struct mcpd_error *err)
{
    int rc = read_manifest(reader, entry, name_of, image, err);

    return rc < 0 ? rc : archive_images_complete(reader, name_of, image, err);
}

/* ------------------------------------------------------------------ any kind */

int archive_images_read(const struct archive_file *file, const struct platform *platform,
                        struct archive_images *ret_images, struct mcpd_error *err)
{
    struct archive_reader reader = {.file = file, .platform = platform};
    int rc;

    if (archive_file_find(file, "index.json") && archive_file_find(file, "oci-layout"))
        rc = archive_oci_read(&reader, err);
    else if (archive_file_find(file, "manifest.json"))
        rc = archive_docker_read(&reader, err);
    else
        rc = error_set(err, MCPD_E_CORRUPT,
                       "neither a docker-archive (manifest.json) nor an oci-archive (index.json)");
    if (rc < 0) {
        archive_images_done(&reader.images);
        return rc;
    }
    *ret_images = reader.images;
    return 0;
}
