/* save_since.c - see save_since.h. Layers are known by diff_id: however they came packed, they are
 * the same. */
#include "oci/layer/save_since.h"

#include "base/fsutil.h"
#include "base/jsonx.h"
#include "oci/layer/archive_images.h"
#include "oci/layer/unpack_policy.h"

#include <fcntl.h>
#include <string.h>

#define IMAGE_NAME_SIZE   256
#define INSPECT_DEPTH     64
#define INSPECT_MAX_BYTES (16u << 20)

void save_since_done(struct save_since *since)
{
    for (size_t i = 0; i < since->count; i++)
        free(since->layers[i].image);
    free(since->layers);
    *since = (struct save_since){0};
}

const struct save_since_layer *save_since_find(const struct save_since *since,
                                               const struct digest *diff_id)
{
    for (size_t i = 0; i < since->count; i++)
        if (digest_equal(&since->layers[i].diff_id, diff_id))
            return &since->layers[i];
    return NULL;
}

static int add_layer(struct save_since *since, const struct digest *diff_id, const char *image,
                     struct mcpd_error *err)
{
    char shown[IMAGE_NAME_SIZE];
    struct save_since_layer *layers;

    if (save_since_find(since, diff_id))
        return 0;
    layers = reallocarray(since->layers, since->count + 1, sizeof(*layers));
    if (!layers)
        return error_no_memory(err, "layers");
    since->layers = layers;
    /* It is only shown, and may have been written by anybody. */
    unpack_policy_show(image, shown, sizeof(shown));
    layers[since->count] = (struct save_since_layer){.diff_id = *diff_id, .image = strdup(shown)};
    if (!layers[since->count].image)
        return error_no_memory(err, "layers");
    since->count++;
    return 0;
}

static int add_layers(struct save_since *since, const struct imageconfig *config, const char *image,
                      struct mcpd_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < config->diff_id_count && rc == 0; i++)
        rc = add_layer(since, &config->diff_ids[i], image, err);
    return rc;
}

/* ------------------------------------------------------------------ image inspect */

static int parse_image(const json_t *image, struct save_since *since, struct mcpd_error *err)
{
    const char *name = json_string_value(json_array_get(json_object_get(image, "RepoTags"), 0));
    const char *id = json_string_value(json_object_get(image, "Id"));
    const json_t *layers = json_object_get(json_object_get(image, "RootFS"), "Layers");
    json_t *layer;
    size_t i;

    if (!json_is_array(layers))
        return error_set(err, MCPD_E_CORRUPT, "an image without RootFS.Layers");
    json_array_foreach(layers, i, layer) {
        const char *text = json_string_value(layer);
        struct digest diff_id;
        int rc = text ? digest_parse(text, &diff_id, err)
                      : error_set(err, MCPD_E_CORRUPT, "a layer that is no digest");

        if (rc == 0)
            rc = add_layer(since, &diff_id, name ? name : id ? id : "", err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int save_since_parse(const char *text, size_t length, struct save_since *since,
                     struct mcpd_error *err)
{
    CLEANUP_JSON json_t *images = NULL;
    json_t *image;
    size_t i;
    int rc = jsonx_parse(text, length, INSPECT_DEPTH, "image inspect", &images, err);

    if (rc == 0 && !json_is_array(images))
        return error_set(err, MCPD_E_CORRUPT, "not what `image inspect` prints");
    json_array_foreach(images, i, image) {
        rc = parse_image(image, since, err);
        if (rc < 0)
            return rc;
    }
    return rc;
}

/* ------------------------------------------------------------------ files, images */

static bool is_list(int fd)
{
    char first = '\0';

    return pread(fd, &first, 1, 0) == 1 && first == '[';
}

static int add_list(const char *path, struct save_since *since, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    int rc = fs_read_file(AT_FDCWD, path, INSPECT_MAX_BYTES, &text, &length, err);

    return rc < 0 ? rc : save_since_parse(text, length, since, err);
}

static int add_archive(const struct store *store, int fd, struct save_since *since,
                       struct mcpd_error *err)
{
    CLEANUP_ARCHIVE_FILE struct archive_file file = {.fd = -1};
    CLEANUP_ARCHIVE_IMAGES struct archive_images images = {0};
    struct platform platform;
    int rc = archive_file_open(fd, store->tmp_fd, &file, err);

    platform_of_machine(&platform);
    if (rc == 0)
        rc = archive_images_read(&file, &platform, &images, err);
    for (size_t i = 0; i < images.count && rc == 0; i++) {
        const struct archive_image *image = &images.items[i];

        rc = add_layers(since, &image->config,
                        image->names ? image->names[0] : image->manifest_digest.text, err);
    }
    return rc;
}

static int add_file(const struct store *store, const char *path, struct save_since *since,
                    struct mcpd_error *err)
{
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int rc;

    if (fd < 0)
        return error_errno(err, "open %s", path);
    rc = is_list(fd) ? add_list(path, since, err) : add_archive(store, fd, since, err);
    return rc < 0 ? error_wrap(err, rc, "%s", path) : 0;
}

static int add_image(const struct store *store, const char *name, struct save_since *since,
                     struct mcpd_error *err)
{
    CLEANUP(image_done) struct image image = {0};
    int rc = store_find_image(store, name, &image, err);

    return rc < 0 ? rc
                  : add_layers(since, &image.config,
                               image.names ? image.names[0] : image.manifest_digest.text, err);
}

static int add_old(const struct store *store, const char *old, struct save_since *since,
                   struct mcpd_error *err)
{
    struct mcpd_error problem = {0};
    bool is_path = *old == '/' || *old == '.';
    int rc = is_path ? -MCPD_E_NOT_FOUND : add_image(store, old, since, &problem);

    /* What is no name of an image may be one of a file. */
    if ((rc == -MCPD_E_NOT_FOUND || rc == -MCPD_E_INVALID) &&
        (is_path || faccessat(AT_FDCWD, old, F_OK, 0) == 0))
        return add_file(store, old, since, err);
    return rc < 0 ? error_copy(err, &problem) : 0;
}

int save_since_read(const struct store *store, char *const *olds, struct save_since *ret_since,
                    struct mcpd_error *err)
{
    CLEANUP_SAVE_SINCE struct save_since since = {0};
    int rc = 0;

    for (; olds && *olds && rc == 0; olds++)
        rc = add_old(store, *olds, &since, err);
    if (rc < 0)
        return rc;
    *ret_since = since;
    since = (struct save_since){0};
    return 0;
}
