/*
 * archive_docker.c - the images of a docker-archive, and of a docker-dir.
 *
 * A docker-archive has a list (manifest.json) of configs, layers and names; there is no manifest in
 * it, so one is written that names the layers as they lie there. A docker-dir (containers/image
 * calls it "dir") has a registry's manifest as manifest.json and each blob under its digest; in the
 * folder of a multi-platform image that is an index, and the manifests are HEX.manifest.json.
 */
#include "oci/layer/archive_images_parts.h"

#include "base/jsonx.h"
#include "base/str.h"
#include "oci/layer/inflate.h"
#include "oci/layer/sha256.h"

#include <string.h>

#define LIST_MAX_BYTES (4u << 20)
#define LIST_MAX_DEPTH 16

/* ------------------------------------------------------------------ docker-archive */

static int find_member(const struct archive_reader *reader, const char *path,
                       const struct archive_member **ret_member, struct mcpd_error *err)
{
    *ret_member = archive_file_find(reader->file, path);
    return *ret_member ? 0
                       : error_set(err, MCPD_E_CORRUPT, "the archive lacks its member %s", path);
}

static int copy_text(const char *text, char **ret_copy, struct mcpd_error *err)
{
    *ret_copy = strdup(text);
    return *ret_copy ? 0 : error_no_memory(err, "a manifest");
}

/* What lies in the archive is the layer's blob. A plain tar's digest is its diff_id, which will be
 * verified with it; of a compressed one it has to be computed. */
static int describe_layer(const struct archive_reader *reader, const struct archive_member *member,
                          const struct digest *diff_id, struct descriptor *ret_descriptor,
                          struct mcpd_error *err)
{
    unsigned char magic[4] = {0};
    ssize_t count = archive_file_pread(reader->file, member, 0, magic, sizeof(magic), err);
    enum mediatype_compression compression =
        inflate_compression_of(magic, count < 0 ? 0 : (size_t)count);
    int rc = count < 0 ? (int)count : 0;

    ret_descriptor->digest = *diff_id;
    ret_descriptor->size = member->size;
    if (rc == 0)
        rc = copy_text(mediatype_of_layer(true, compression), &ret_descriptor->media_type, err);
    if (rc < 0 || compression == MEDIATYPE_COMPRESSION_NONE)
        return rc;
    return archive_file_hash(reader->file, member, &ret_descriptor->digest, err);
}

static int describe_layers(const struct archive_reader *reader, char *const *paths,
                           struct archive_image *image, struct mcpd_error *err)
{
    struct manifest *manifest = &image->document.manifest;
    size_t count = strv_length(paths);

    if (count != image->config.diff_id_count)
        return error_set(err, MCPD_E_CORRUPT, "manifest.json has %zu layers, but the config %zu",
                         count, image->config.diff_id_count);
    manifest->layers = calloc(count + 1, sizeof(*manifest->layers));
    image->members = calloc(count + 1, sizeof(const struct archive_member *));
    if (!manifest->layers || !image->members)
        return error_no_memory(err, "layers");
    for (size_t i = 0; i < count; i++) {
        int rc = find_member(reader, paths[i], &image->members[i], err);

        if (rc == 0) {
            manifest->layer_count++;
            rc = describe_layer(reader, image->members[i], &image->config.diff_ids[i],
                                &manifest->layers[i], err);
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_config(struct archive_reader *reader, const char *path, struct archive_image *image,
                       struct mcpd_error *err)
{
    struct manifest *manifest = &image->document.manifest;
    int rc = archive_images_read_document(reader, path, IMAGECONFIG_MAX_BYTES, &image->config_text,
                                          &image->config_length, err);

    if (rc == 0)
        rc = archive_images_take_config(image, err);
    if (rc == 0)
        rc = sha256_of_bytes(image->config_text, image->config_length, &manifest->config.digest,
                             err);
    if (rc == 0)
        rc = copy_text(MEDIATYPE_DOCKER_CONFIG, &manifest->config.media_type, err);
    if (rc == 0)
        rc = copy_text(MEDIATYPE_DOCKER_MANIFEST, &manifest->media_type, err);
    manifest->config.size = image->config_length;
    return rc;
}

static int read_entry(struct archive_reader *reader, const json_t *entry, struct mcpd_error *err)
{
    CLEANUP_STRV char **layers = NULL;
    struct archive_image *image = NULL;
    const char *config = NULL;
    int rc = archive_images_add(reader, &image, err);

    if (rc == 0)
        rc = jsonx_get_string(entry, "Config", "manifest.json", &config, err);
    if (rc == 0)
        rc = jsonx_get_strv(entry, "Layers", "manifest.json", &layers, err);
    if (rc == 0)
        rc = jsonx_get_strv(entry, "RepoTags", "manifest.json", &image->names, err);
    if (rc == 0 && !config)
        rc = error_set(err, MCPD_E_CORRUPT, "manifest.json names no config");
    if (rc == 0)
        rc = read_config(reader, config, image, err);
    if (rc == 0)
        rc = describe_layers(reader, layers, image, err);
    if (rc == 0)
        rc = manifest_format(&image->document.manifest, &image->manifest_text,
                             &image->manifest_length, err);
    if (rc == 0)
        rc = sha256_of_bytes(image->manifest_text, image->manifest_length, &image->manifest_digest,
                             err);
    if (rc < 0)
        return rc;
    image->is_docker = true;
    archive_images_settle(reader);
    return 0;
}

static int read_list(struct archive_reader *reader, const json_t *list, struct mcpd_error *err)
{
    size_t i;
    json_t *entry;

    if (json_array_size(list) == 0)
        return error_set(err, MCPD_E_CORRUPT, "manifest.json: expected a list of images");
    json_array_foreach(list, i, entry) {
        int rc = read_entry(reader, entry, err);

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ------------------------------------------------------------------ docker-dir */

static char *name_in_dir(const struct digest *digest, bool is_manifest)
{
    return str_format("%s%s", digest_hex(digest), is_manifest ? ".manifest.json" : "");
}

/* Takes the text over. */
static int read_dir(struct archive_reader *reader, char *text, size_t length,
                    struct mcpd_error *err)
{
    struct archive_image *image = NULL;
    int rc = archive_images_add(reader, &image, err);

    if (rc < 0) {
        free(text);
        return rc;
    }
    image->manifest_text = text;
    image->manifest_length = length;
    rc = sha256_of_bytes(text, length, &image->manifest_digest, err);
    if (rc == 0)
        rc = manifest_parse(text, length, NULL, &image->document, err);
    return rc < 0 ? rc : archive_images_complete(reader, name_in_dir, image, err);
}

/* ------------------------------------------------------------------ which of them */

int archive_docker_read(struct archive_reader *reader, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    CLEANUP_JSON json_t *list = NULL;
    size_t length = 0;
    int rc =
        archive_images_read_document(reader, "manifest.json", LIST_MAX_BYTES, &text, &length, err);

    if (rc == 0)
        rc = jsonx_parse(text, length, LIST_MAX_DEPTH, "manifest.json", &list, err);
    if (rc < 0)
        return rc;
    return json_is_object(list) ? read_dir(reader, TAKE_PTR(text), length, err)
                                : read_list(reader, list, err);
}
