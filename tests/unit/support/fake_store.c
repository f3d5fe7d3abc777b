/* fake_store.c - see fake_store.h. Failures end the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/fake_store.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "oci/blobs.h"
#include "oci/commit.h"
#include "oci/storetmp.h"

#include <fcntl.h>
#include <string.h>

#define MAX_LAYERS 16

static void remember_warning(void *context, const char *message)
{
    struct fake_store *fake = context;

    assert_int_equal(strv_append(&fake->warnings, message), 0);
}

int fake_store_setup(void **state)
{
    struct fake_store *fake = calloc(1, sizeof(*fake));
    struct mcpd_error error = {0};

    assert_non_null(fake);
    (void)snprintf(fake->path, sizeof(fake->path), "/tmp/mcpd-unit-XXXXXX");
    assert_non_null(mkdtemp(fake->path));
    if (store_open(fake->path, &fake->store, &error) < 0)
        fail_msg("%s", error.message);
    fake->store.warn = remember_warning;
    fake->store.warn_context = fake;
    *state = fake;
    return 0;
}

int fake_store_teardown(void **state)
{
    struct fake_store *fake = *state;

    store_done(&fake->store);
    assert_int_equal(fs_remove_tree(AT_FDCWD, fake->path, NULL), 0);
    strv_free(fake->warnings);
    free(fake);
    return 0;
}

/* FNV-1a, eight times over with a different start, then mixed. */
struct digest fake_digest(const char *seed)
{
    struct digest digest;
    uint8_t sum[32];

    for (unsigned int i = 0; i < 8; i++) {
        uint32_t hash = 2166136261u ^ (i * 2654435761u);

        for (const char *c = seed; *c; c++)
            hash = (hash ^ (uint8_t)*c) * 16777619u;
        hash = (hash ^ (hash >> 16)) * 2246822507u;
        hash ^= hash >> 13;
        memcpy(sum + (size_t)4 * i, &hash, 4);
    }
    digest_from_sha256(sum, &digest);
    return digest;
}

static void unpack_layer(struct fake_store *fake, const char *seed, struct storetmp *tmp,
                         struct commit_layer *layer)
{
    struct mcpd_error error = {0};

    if (storetmp_create(&fake->store, "layer", tmp, &error) < 0)
        fail_msg("%s", error.message);
    assert_int_equal(fs_make_dir(tmp->dir_fd, "fs", 0755, NULL, &error), 0);
    assert_int_equal(fs_write_file(tmp->dir_fd, "fs/seed", seed, strlen(seed), 0644, 0, &error), 0);
    layer->tmp_name = tmp->name;
    layer->diff_id = fake_digest(seed);
    layer->sizes.bytes = 1000;
}

/* ["sha256:..", ..] or descriptors of the compressed blobs. */
static char *layers_text(const char *const *seeds, bool are_blobs)
{
    CLEANUP_STRV char **parts = NULL;

    for (size_t i = 0; seeds && seeds[i]; i++) {
        CLEANUP_FREE char *blob_seed = str_format("%s.tar", seeds[i]);
        struct digest digest = fake_digest(are_blobs ? blob_seed : seeds[i]);
        char *part = are_blobs ? str_format("{\"mediaType\": \"%s+gzip\", \"size\": 10, "
                                            "\"digest\": \"%s\"}",
                                            MEDIATYPE_OCI_LAYER, digest.text)
                               : str_format("\"%s\"", digest.text);

        assert_int_equal(strv_append_take(&parts, part), 0);
    }
    return parts ? strv_join(parts, ", ") : strdup("");
}

static char *config_text(const struct fake_image *image)
{
    CLEANUP_FREE char *diff_ids = layers_text(image->layers, false);

    return str_format("{\"architecture\": \"amd64\", \"os\": \"linux\", \"created\": \"%s\", %s"
                      "\"config\": %s, \"rootfs\": {\"type\": \"layers\", \"diff_ids\": [%s]}}",
                      image->created ? image->created : "2026-11-23T16:12:24.5Z",
                      image->extra ? image->extra : "", image->config ? image->config : "{}",
                      diff_ids);
}

static char *manifest_text(const struct fake_image *image, const char *config)
{
    CLEANUP_FREE char *layers = layers_text(image->layers, true);
    struct digest digest = fake_digest(config);

    return str_format(
        "{\"schemaVersion\": 2, \"mediaType\": \"%s\", \"config\": {\"mediaType\": "
        "\"%s\", \"size\": %zu, \"digest\": \"%s\"}, %s%s%s\"layers\": [%s]}",
        image->media_type ? image->media_type : MEDIATYPE_OCI_MANIFEST, MEDIATYPE_OCI_CONFIG,
        strlen(config), digest.text, image->annotations ? "\"annotations\": " : "",
        image->annotations ? image->annotations : "", image->annotations ? ", " : "", layers);
}

/* The compressed blobs as finished downloads. */
static size_t download_blobs(struct fake_store *fake, const char *const *seeds,
                             struct digest digests[MAX_LAYERS])
{
    size_t count = 0;

    for (size_t i = 0; seeds && seeds[i]; i++) {
        CLEANUP_FREE char *blob_seed = str_format("%s.tar", seeds[i]);
        CLEANUP_FD int fd = -1;
        uint64_t length = 0;

        digests[count] = fake_digest(blob_seed);
        assert_int_equal(blob_partial_open(&fake->store, &digests[count], 0, &fd, &length, NULL),
                         0);
        if (fd < 0)
            continue;
        assert_int_equal(fs_write_all(fd, "0123456789", 10, "blob", NULL), 0);
        count++;
    }
    return count;
}

void fake_store_add(struct fake_store *fake, const struct fake_image *image,
                    struct digest *ret_manifest)
{
    CLEANUP_FREE char *config = config_text(image);
    CLEANUP_FREE char *manifest = manifest_text(image, config);
    struct storetmp tmps[MAX_LAYERS];
    struct commit_layer layers[MAX_LAYERS];
    struct digest partials[MAX_LAYERS];
    struct commit_document documents[] = {
        {fake_digest(config), config, strlen(config)},
        {fake_digest(manifest), manifest, strlen(manifest)},
        {.text = image->index},
    };
    struct reference reference;
    struct commit commit = {.layers = layers,
                            .partials = partials,
                            .documents = documents,
                            .document_count = 2,
                            .manifest_digest = documents[1].digest,
                            .name = image->name ? &reference : NULL};
    struct mcpd_error error = {0};
    int rc = image->name ? reference_parse(image->name, &reference, &error) : 0;

    if (image->index) {
        documents[2].digest = commit.index_digest = fake_digest(image->index);
        documents[2].length = strlen(image->index);
        commit.document_count = 3;
    }
    for (size_t i = 0; image->layers && image->layers[i]; i++) {
        struct digest diff_id = fake_digest(image->layers[i]);

        if (!store_has_layer(&fake->store, &diff_id)) {
            unpack_layer(fake, image->layers[i], &tmps[commit.layer_count],
                         &layers[commit.layer_count]);
            commit.layer_count++;
        }
    }
    commit.partial_count = download_blobs(fake, image->layers, partials);
    if (rc < 0 || store_commit(&fake->store, &commit, &error) < 0)
        fail_msg("%s", error.message);
    for (size_t i = 0; i < commit.layer_count; i++)
        storetmp_done(&tmps[i]);
    if (ret_manifest)
        *ret_manifest = commit.manifest_digest;
}

void fake_store_remove(struct fake_store *fake, const struct digest *manifest)
{
    struct image image;

    assert_int_equal(store_load_image(&fake->store, manifest, &image, NULL), 0);
    assert_int_equal(store_remove_image(&fake->store, &image.id, NULL), 0);
    image_done(&image);
}

void fake_store_write(const struct fake_store *fake, const char *path, const char *text)
{
    assert_int_equal(fs_write_file(fake->store.root_fd, path, text, strlen(text), 0600, 0, NULL),
                     0);
}

static int count_name(int dir_fd, const char *name, unsigned char type, void *context,
                      struct mcpd_error *err)
{
    size_t *count = context;

    (*count)++;
    return 0;
}

size_t fake_store_count(const struct fake_store *fake, const char *folder)
{
    size_t count = 0;

    assert_int_equal(fs_visit_dir(fake->store.root_fd, folder, count_name, &count, NULL), 0);
    return count;
}

bool fake_store_warned(const struct fake_store *fake, const char *text)
{
    for (size_t i = 0; fake->warnings && fake->warnings[i]; i++)
        if (strstr(fake->warnings[i], text))
            return true;
    return false;
}
