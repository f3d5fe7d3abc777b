/* archive_oci.c - the images of an OCI image layout: oci-archive, oci-dir, bundle. */
#include "oci/layer/archive_images_parts.h"

#include "base/str.h"

#define INDEX_MAX_BYTES (4u << 20)
#define REF_NAME        "org.opencontainers.image.ref.name"
#define CONTAINERD_NAME "io.containerd.image.name"

static char *name_of_blob(const struct digest *digest, bool is_manifest)
{
    (void)is_manifest;
    return str_format("blobs/sha256/%s", digest_hex(digest));
}

static int read_entry(struct archive_reader *reader, const struct descriptor *entry,
                      struct mcpd_error *err)
{
    const char *name = strv_env_get(entry->annotations, CONTAINERD_NAME);
    struct archive_image *image = NULL;
    int rc = archive_images_add(reader, &image, err);

    if (rc < 0)
        return rc;
    if (!name)
        name = strv_env_get(entry->annotations, REF_NAME);
    if (name && strv_append(&image->names, name) < 0)
        return error_no_memory(err, "names");
    rc = archive_images_read_entry(reader, entry, name_of_blob, image, err);
    if (rc == 0)
        archive_images_settle(reader);
    return rc;
}

/* Is index.json the list of platforms of a single image? */
static bool is_one_image(const struct manifest_index *index)
{
    for (size_t i = 0; i < index->entry_count; i++)
        if (!*index->entries[i].platform.os ||
            strv_env_get(index->entries[i].annotations, REF_NAME) ||
            strv_env_get(index->entries[i].annotations, CONTAINERD_NAME))
            return false;
    return index->entry_count > 1;
}

static int read_index(struct archive_reader *reader, const struct manifest_index *index,
                      struct mcpd_error *err)
{
    const struct descriptor *chosen = NULL;
    int rc = 0;

    if (index->entry_count == 0)
        return error_set(err, MCPD_E_CORRUPT, "the archive holds no image");
    if (is_one_image(index)) {
        rc = manifest_index_choose(index, reader->platform, &chosen, err);
        return rc < 0 ? rc : read_entry(reader, chosen, err);
    }
    for (size_t i = 0; i < index->entry_count && rc == 0; i++)
        rc = read_entry(reader, &index->entries[i], err);
    return rc;
}

int archive_oci_read(struct archive_reader *reader, struct mcpd_error *err)
{
    CLEANUP(manifest_document_done) struct manifest_document document = {0};
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    int rc =
        archive_images_read_document(reader, "index.json", INDEX_MAX_BYTES, &text, &length, err);

    if (rc < 0)
        return rc;
    rc = manifest_parse(text, length, NULL, &document, err);
    if (rc < 0)
        return error_wrap(err, rc, "index.json");
    if (document.kind != MANIFEST_KIND_INDEX)
        return error_set(err, MCPD_E_CORRUPT, "index.json is no index");
    return read_index(reader, &document.index, err);
}
