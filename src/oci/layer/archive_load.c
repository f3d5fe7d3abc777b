/*
 * archive_load.c - see archive_load.h.
 *
 * Theory of operation: the archive becomes an index of members (archive_file.c). Each image in it
 * is described in the same way as one from a registry (a manifest, a config, a place for the bytes
 * of each layer) and goes through the same ingest. An oci-archive has its manifest, which is kept
 * bit for bit; for a docker-archive one is written that names the layers as they lie in it. Where
 * an archive is both (docker 25 and later), its OCI half is used.
 */
#include "oci/layer/archive_load.h"

#include "base/jsonx.h"
#include "base/str.h"
#include "oci/commit.h"
#include "oci/copies.h"
#include "oci/imageconfig.h"
#include "oci/layer/archive_file.h"
#include "oci/layer/ingest.h"
#include "oci/layer/sha256.h"
#include "oci/layer/worker.h"
#include "oci/manifest.h"
#include "oci/storetmp.h"

#include <poll.h>
#include <string.h>

#define CHUNK_BYTES     (1u << 20)
#define INDEX_MAX_BYTES (4u << 20)
#define INDEX_MAX_DEPTH 16
#define MAX_NESTED      2
#define REF_NAME        "org.opencontainers.image.ref.name"
#define CONTAINERD_NAME "io.containerd.image.name"

struct load {
    const struct store *store;
    const struct worker_pool *pool;
    const struct platform *platform;
    const struct progress_sink *progress;
    struct archive_file file;
    char **names; /* what became visible */
};

/* One image on its way. */
struct load_image {
    struct manifest_document document; /* of kind IMAGE */
    char *manifest_text;
    size_t manifest_length;
    struct digest manifest_digest;
    char *index_text; /* that led to the manifest; NULL: none */
    size_t index_length;
    struct digest index_digest;
    char *config_text;
    size_t config_length;
    struct imageconfig config;
    const struct archive_member **members; /* of each layer; NULL: not in the archive */
    char **names;                          /* as written in the archive */
};

static void load_image_done(struct load_image *image)
{
    manifest_document_done(&image->document);
    imageconfig_done(&image->config);
    free(image->manifest_text);
    free(image->index_text);
    free(image->config_text);
    free(image->members);
    strv_free(image->names);
}

/* ------------------------------------------------------------------ the layers */

static const struct archive_member *member_of(const struct load_image *image,
                                              const struct descriptor *descriptor)
{
    const struct manifest *manifest = &image->document.manifest;

    for (size_t i = 0; i < manifest->layer_count; i++)
        if (digest_equal(&manifest->layers[i].digest, &descriptor->digest))
            return image->members[i];
    return NULL;
}

static int bring_piece(const struct load *load, const struct load_image *image,
                       struct ingest_layer *layer, char *chunk, struct mcpd_error *err)
{
    const struct descriptor *descriptor = ingest_descriptor(layer);
    const struct archive_member *member = member_of(image, descriptor);
    ssize_t count;

    if (!member)
        return error_set(err, MCPD_E_CORRUPT, "the archive lacks the layer %s",
                         descriptor->digest.text);
    if (member->size != descriptor->size)
        return error_set(err, MCPD_E_CORRUPT, "layer %s has %llu bytes in the archive, not %llu",
                         descriptor->digest.text, (unsigned long long)member->size,
                         (unsigned long long)descriptor->size);
    count = archive_file_pread(&load->file, member, ingest_length(layer), chunk, CHUNK_BYTES, err);
    return count < 0 ? (int)count : ingest_write(layer, chunk, (size_t)count, err);
}

/* A layer that waits for bytes; NULL: none. */
static struct ingest_layer *find_hungry(struct ingest *ingest)
{
    for (size_t i = 0; i < ingest_count(ingest); i++) {
        struct ingest_layer *layer = ingest_layer(ingest, i);

        if (ingest_state(layer) == INGEST_STATE_FETCHING &&
            ingest_length(layer) < ingest_descriptor(layer)->size)
            return layer;
    }
    return NULL;
}

static int bring_layers(const struct load *load, const struct load_image *image,
                        struct ingest *ingest, struct mcpd_error *err)
{
    CLEANUP_FREE char *chunk = malloc(CHUNK_BYTES);

    if (!chunk)
        return error_no_memory(err, "layers");
    for (;;) {
        struct pollfd fds[INGEST_POLL_MAX];
        struct ingest_layer *layer;
        nfds_t count;
        int timeout_ms = -1;
        int rc = ingest_step(ingest, err);

        if (rc < 0 || ingest_is_done(ingest))
            return rc;
        layer = find_hungry(ingest);
        if (layer) {
            rc = bring_piece(load, image, layer, chunk, err);
            if (rc < 0)
                return rc;
            continue;
        }
        count = ingest_poll(ingest, fds, &timeout_ms);
        if (poll(fds, count, timeout_ms) < 0 && errno != EINTR)
            return error_errno(err, "poll");
    }
}

/* ------------------------------------------------------------------ names */

/* An OCI name may be a bare tag or "name:tag"; it is taken as one of this machine. */
static int parse_name(const char *text, bool is_docker, struct reference *ret_name)
{
    CLEANUP_FREE char *local = str_format("localhost/%s", text);
    size_t first = strcspn(text, "/");
    bool has_host = text[first] == '/' && (memchr(text, '.', first) || memchr(text, ':', first) ||
                                           (first == 9 && strncmp(text, "localhost", 9) == 0));

    if (!local)
        return -MCPD_E_NO_MEMORY;
    return reference_parse(is_docker || has_host ? text : local, ret_name, NULL);
}

static int add_visible(struct load *load, const char *name, struct mcpd_error *err)
{
    if (strv_contains(load->names, name))
        return 0;
    return strv_append(&load->names, name) < 0 ? error_no_memory(err, "names") : 0;
}

/* The first name is written with the image, the others follow. */
static int make_visible(struct load *load, const struct load_image *image, struct ingest *ingest,
                        bool is_docker, struct mcpd_error *err)
{
    const struct digest *config = &image->document.manifest.config.digest;
    const struct commit_document documents[] = {
        {.digest = *config, .text = image->config_text, .length = image->config_length},
        {image->manifest_digest, image->manifest_text, image->manifest_length},
        {image->index_digest, image->index_text, image->index_length},
    };
    const size_t count = ARRAY_SIZE(documents) - (image->index_text ? 0 : 1);
    size_t done = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && image->names && image->names[i]; i++) {
        char shown[REFERENCE_MAX_LENGTH + 1];
        struct reference name;

        if (parse_name(image->names[i], is_docker, &name) < 0)
            continue;
        if (done++ == 0)
            rc = ingest_commit(ingest, documents, count, &image->manifest_digest,
                               &image->index_digest, &name, err);
        else
            rc = store_tag(load->store, &name, &image->manifest_digest, &image->index_digest, err);
        reference_format(&name, shown, sizeof(shown));
        if (rc == 0)
            rc = add_visible(load, shown, err);
    }
    if (rc < 0 || done > 0)
        return rc;
    rc = ingest_commit(ingest, documents, count, &image->manifest_digest, &image->index_digest,
                       NULL, err);
    return rc < 0 ? rc : add_visible(load, config->text, err);
}

static int load_image(struct load *load, const struct load_image *image, bool is_docker,
                      struct mcpd_error *err)
{
    CLEANUP_INGEST struct ingest *ingest = NULL;
    const struct manifest *manifest = &image->document.manifest;
    int rc = manifest_check_runnable(manifest, err);

    if (rc == 0)
        rc = ingest_new(load->store, load->pool, manifest, &image->config, load->progress, &ingest,
                        err);
    if (rc == 0)
        rc = bring_layers(load, image, ingest, err);
    if (rc < 0)
        return rc;
    progress_report(load->progress, "manifest", image->manifest_digest.text, image->manifest_length,
                    image->manifest_length);
    rc = make_visible(load, image, ingest, is_docker, err);
    if (rc == 0)
        copies_remember(load->store, manifest, &image->config, NULL);
    return rc;
}

/* ------------------------------------------------------------------ oci-archive */

static const struct archive_member *find_blob(const struct load *load, const struct digest *digest)
{
    CLEANUP_FREE char *path = str_format("blobs/sha256/%s", digest_hex(digest));

    return path ? archive_file_find(&load->file, path) : NULL;
}

/* A document of the archive, verified. */
static int read_blob(const struct load *load, const struct descriptor *descriptor, size_t maximum,
                     char **ret_text, size_t *ret_length, struct mcpd_error *err)
{
    const struct archive_member *member = find_blob(load, &descriptor->digest);
    CLEANUP_FREE char *text = NULL;
    struct digest digest;
    size_t length = 0;
    int rc;

    if (!member)
        return error_set(err, MCPD_E_CORRUPT, "the archive lacks blob %s", descriptor->digest.text);
    rc = archive_file_read(&load->file, member, maximum, &text, &length, err);
    if (rc == 0)
        rc = sha256_of_bytes(text, length, &digest, err);
    if (rc < 0)
        return rc;
    if (!digest_equal(&digest, &descriptor->digest))
        return error_set(err, MCPD_E_CORRUPT, "Digest did not match, expected %s, got %s",
                         descriptor->digest.text, digest.text);
    *ret_text = TAKE_PTR(text);
    *ret_length = length;
    return 0;
}

/* What was read as the manifest is an index; the outermost one is kept with the image. */
static void keep_index(struct load_image *image, const struct digest *digest)
{
    if (image->index_text) {
        free(TAKE_PTR(image->manifest_text));
        return;
    }
    image->index_digest = *digest;
    image->index_length = image->manifest_length;
    image->index_text = TAKE_PTR(image->manifest_text);
}

/* From an entry of index.json to an image's manifest. */
static int read_manifest(const struct load *load, const struct descriptor *entry,
                         struct load_image *image, struct mcpd_error *err)
{
    struct digest digest = entry->digest;
    int rc = read_blob(load, entry, MANIFEST_MAX_BYTES, &image->manifest_text,
                       &image->manifest_length, err);

    if (rc == 0)
        rc = manifest_parse(image->manifest_text, image->manifest_length, entry->media_type,
                            &image->document, err);
    for (int depth = 0; rc == 0 && image->document.kind == MANIFEST_KIND_INDEX; depth++) {
        struct manifest_document index = image->document;
        const struct descriptor *chosen = NULL;

        image->document = (struct manifest_document){0};
        keep_index(image, &digest);
        if (depth == MAX_NESTED)
            rc = error_set(err, MCPD_E_CORRUPT, "indexes lie too deep in each other");
        if (rc == 0)
            rc = manifest_index_choose(&index.index, load->platform, &chosen, err);
        if (rc == 0) {
            digest = chosen->digest;
            rc = read_blob(load, chosen, MANIFEST_MAX_BYTES, &image->manifest_text,
                           &image->manifest_length, err);
        }
        if (rc == 0)
            rc = manifest_parse(image->manifest_text, image->manifest_length, chosen->media_type,
                                &image->document, err);
        manifest_document_done(&index);
    }
    image->manifest_digest = digest;
    return rc;
}

static int read_oci_image(const struct load *load, const struct descriptor *entry,
                          struct load_image *image, struct mcpd_error *err)
{
    const char *name = strv_env_get(entry->annotations, CONTAINERD_NAME);
    const struct manifest *manifest = &image->document.manifest;
    int rc;

    if (!name)
        name = strv_env_get(entry->annotations, REF_NAME);
    if (name && strv_append(&image->names, name) < 0)
        return error_no_memory(err, "names");
    rc = read_manifest(load, entry, image, err);
    if (rc == 0)
        rc = read_blob(load, &manifest->config, IMAGECONFIG_MAX_BYTES, &image->config_text,
                       &image->config_length, err);
    if (rc == 0)
        rc = imageconfig_parse(image->config_text, image->config_length, &image->config, err);
    if (rc < 0)
        return rc;
    image->members = calloc(manifest->layer_count + 1, sizeof(const struct archive_member *));
    if (!image->members)
        return error_no_memory(err, "layers");
    for (size_t i = 0; i < manifest->layer_count; i++)
        image->members[i] = find_blob(load, &manifest->layers[i].digest);
    return 0;
}

static int load_oci_entry(struct load *load, const struct descriptor *entry, struct mcpd_error *err)
{
    CLEANUP(load_image_done) struct load_image image = {0};
    int rc = read_oci_image(load, entry, &image, err);

    return rc < 0 ? rc : load_image(load, &image, false, err);
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

static int load_oci_index(struct load *load, const struct manifest_index *index,
                          struct mcpd_error *err)
{
    const struct descriptor *chosen = NULL;
    int rc = 0;

    if (index->entry_count == 0)
        return error_set(err, MCPD_E_CORRUPT, "the archive holds no image");
    if (is_one_image(index)) {
        rc = manifest_index_choose(index, load->platform, &chosen, err);
        return rc < 0 ? rc : load_oci_entry(load, chosen, err);
    }
    for (size_t i = 0; i < index->entry_count && rc == 0; i++)
        rc = load_oci_entry(load, &index->entries[i], err);
    return rc;
}

static int load_oci(struct load *load, const struct archive_member *member, struct mcpd_error *err)
{
    CLEANUP(manifest_document_done) struct manifest_document document = {0};
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    int rc = archive_file_read(&load->file, member, INDEX_MAX_BYTES, &text, &length, err);

    if (rc == 0)
        rc = manifest_parse(text, length, NULL, &document, err);
    if (rc < 0)
        return error_wrap(err, rc, "index.json");
    if (document.kind != MANIFEST_KIND_INDEX)
        return error_set(err, MCPD_E_CORRUPT, "index.json is no index");
    return load_oci_index(load, &document.index, err);
}

/* ------------------------------------------------------------------ docker-archive */

static int find_member(const struct load *load, const char *path,
                       const struct archive_member **ret_member, struct mcpd_error *err)
{
    *ret_member = archive_file_find(&load->file, path);
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
static int describe_layer(const struct load *load, const struct archive_member *member,
                          const struct digest *diff_id, struct descriptor *ret_descriptor,
                          struct mcpd_error *err)
{
    CLEANUP_SHA256 struct sha256 sha256 = {0};
    enum mediatype_compression compression = MEDIATYPE_COMPRESSION_NONE;
    unsigned char magic[4] = {0};
    ssize_t count = archive_file_pread(&load->file, member, 0, magic, sizeof(magic), err);
    int rc = count < 0 ? (int)count : 0;

    if (magic[0] == 0x1f && magic[1] == 0x8b)
        compression = MEDIATYPE_COMPRESSION_GZIP;
    else if (magic[0] == 0x28 && magic[1] == 0xb5 && magic[2] == 0x2f && magic[3] == 0xfd)
        compression = MEDIATYPE_COMPRESSION_ZSTD;
    ret_descriptor->digest = *diff_id;
    ret_descriptor->size = member->size;
    if (rc == 0)
        rc = copy_text(mediatype_of_layer(true, compression), &ret_descriptor->media_type, err);
    if (rc < 0 || compression == MEDIATYPE_COMPRESSION_NONE)
        return rc;
    rc = sha256_init(&sha256, err);
    if (rc == 0)
        rc = sha256_update_file(&sha256, load->file.fd, member->offset,
                                member->offset + member->size, err);
    return rc < 0 ? rc : sha256_finish(&sha256, &ret_descriptor->digest, err);
}

static int describe_layers(const struct load *load, char *const *paths, struct load_image *image,
                           struct mcpd_error *err)
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
        int rc = find_member(load, paths[i], &image->members[i], err);

        if (rc == 0) {
            manifest->layer_count++;
            rc = describe_layer(load, image->members[i], &image->config.diff_ids[i],
                                &manifest->layers[i], err);
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_docker_config(const struct load *load, const char *path, struct load_image *image,
                              struct mcpd_error *err)
{
    struct manifest *manifest = &image->document.manifest;
    const struct archive_member *member = NULL;
    int rc = find_member(load, path, &member, err);

    if (rc == 0)
        rc = archive_file_read(&load->file, member, IMAGECONFIG_MAX_BYTES, &image->config_text,
                               &image->config_length, err);
    if (rc == 0)
        rc = imageconfig_parse(image->config_text, image->config_length, &image->config, err);
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

static int load_docker_entry(struct load *load, const json_t *entry, struct mcpd_error *err)
{
    CLEANUP(load_image_done) struct load_image image = {0};
    CLEANUP_STRV char **layers = NULL;
    const char *config = NULL;
    int rc = jsonx_get_string(entry, "Config", "manifest.json", &config, err);

    if (rc == 0)
        rc = jsonx_get_strv(entry, "Layers", "manifest.json", &layers, err);
    if (rc == 0)
        rc = jsonx_get_strv(entry, "RepoTags", "manifest.json", &image.names, err);
    if (rc == 0 && !config)
        rc = error_set(err, MCPD_E_CORRUPT, "manifest.json names no config");
    if (rc == 0)
        rc = read_docker_config(load, config, &image, err);
    if (rc == 0)
        rc = describe_layers(load, layers, &image, err);
    if (rc == 0)
        rc = manifest_format(&image.document.manifest, &image.manifest_text, &image.manifest_length,
                             err);
    if (rc == 0)
        rc = sha256_of_bytes(image.manifest_text, image.manifest_length, &image.manifest_digest,
                             err);
    return rc < 0 ? rc : load_image(load, &image, true, err);
}

static int load_docker(struct load *load, const struct archive_member *member,
                       struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    CLEANUP_JSON json_t *list = NULL;
    size_t length = 0;
    size_t i;
    json_t *entry;
    int rc = archive_file_read(&load->file, member, INDEX_MAX_BYTES, &text, &length, err);

    if (rc == 0)
        rc = jsonx_parse(text, length, INDEX_MAX_DEPTH, "manifest.json", &list, err);
    if (rc < 0)
        return rc;
    if (json_array_size(list) == 0)
        return error_set(err, MCPD_E_CORRUPT, "manifest.json: expected a list of images");
    json_array_foreach(list, i, entry) {
        rc = load_docker_entry(load, entry, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ------------------------------------------------------------------ both */

static int load_any(struct load *load, struct mcpd_error *err)
{
    const struct archive_member *index = archive_file_find(&load->file, "index.json");
    const struct archive_member *list = archive_file_find(&load->file, "manifest.json");

    if (index && archive_file_find(&load->file, "oci-layout"))
        return load_oci(load, index, err);
    if (list)
        return load_docker(load, list, err);
    return error_set(err, MCPD_E_CORRUPT,
                     "neither a docker-archive (manifest.json) nor an oci-archive (index.json)");
}

int archive_load(const struct store *store, int input_fd, const struct platform *platform,
                 const struct progress_sink *progress, char ***ret_names, struct mcpd_error *err)
{
    CLEANUP_WORKER_POOL struct worker_pool pool = WORKER_POOL_NONE;
    CLEANUP_FD int lock_fd = -1;
    struct load load = {
        .store = store,
        .pool = &pool,
        .platform = platform,
        .progress = progress,
        .file = {.fd = -1},
    };
    int rc = worker_pool_start(&pool, err);

    if (rc == 0)
        rc = archive_file_open(input_fd, store->tmp_fd, &load.file, err);
    if (rc == 0)
        rc = storetmp_sweep(store, err);
    if (rc == 0)
        rc = store_lock_shared(store, &lock_fd, err);
    if (rc == 0)
        rc = load_any(&load, err);
    archive_file_done(&load.file);
    if (rc < 0) {
        strv_free(load.names);
        return rc;
    }
    *ret_names = load.names;
    return 0;
}
