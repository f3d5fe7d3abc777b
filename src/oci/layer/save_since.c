/* save_since.c - see save_since.h. Layers are known by diff_id: however they came packed, they are
 * the same. */
#include "oci/layer/save_since.h"

#include "oci/layer/archive_images.h"

#include <fcntl.h>
#include <string.h>

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

static int add_layers(struct save_since *since, const struct imageconfig *config, const char *image,
                      struct mcpd_error *err)
{
    size_t count = since->count + config->diff_id_count;
    struct save_since_layer *layers = reallocarray(since->layers, count + 1, sizeof(*layers));

    if (!layers)
        return error_no_memory(err, "layers");
    since->layers = layers;
    for (size_t i = 0; i < config->diff_id_count; i++) {
        if (save_since_find(since, &config->diff_ids[i]))
            continue;
        layers[since->count] =
            (struct save_since_layer){.diff_id = config->diff_ids[i], .image = strdup(image)};
        if (!layers[since->count].image)
            return error_no_memory(err, "layers");
        since->count++;
    }
    return 0;
}

static int add_archive(const struct store *store, const char *path, struct save_since *since,
                       struct mcpd_error *err)
{
    CLEANUP_ARCHIVE_FILE struct archive_file file = {.fd = -1};
    CLEANUP_ARCHIVE_IMAGES struct archive_images images = {0};
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct platform platform;
    int rc;

    if (fd < 0)
        return error_errno(err, "open %s", path);
    platform_of_machine(&platform);
    rc = archive_file_open(fd, store->tmp_fd, &file, err);
    if (rc == 0)
        rc = archive_images_read(&file, &platform, &images, err);
    for (size_t i = 0; i < images.count && rc == 0; i++) {
        const struct archive_image *image = &images.items[i];

        rc = add_layers(since, &image->config,
                        image->names ? image->names[0] : image->manifest_digest.text, err);
    }
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
        return add_archive(store, old, since, err);
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
