/*
 * archive_save.c - see archive_save.h.
 *
 * Theory of operation: first everything is looked for (images, and where the bytes of each layer
 * come from), so that what is missing is said before the first byte; then it is written, in an
 * order that depends on nothing but the images. The shared lock of the store keeps what was found.
 */
#include "oci/layer/archive_save_parts.h"

#include <sys/stat.h>

int archive_save_layer(struct archive_save *save, const struct layer_source *source,
                       const char *name, mode_t mode, struct mcpd_error *err)
{
    bool is_new = false;
    int rc = save_seen_add(&save->seen, &source->digest, &is_new, err);

    if (rc < 0 || !is_new)
        return rc;
    progress_report(save->progress, "save", source->digest.text, 0, source->size);
    rc = save_output_begin(save->output, name, mode, source->size, err);
    if (rc == 0)
        rc = layer_source_copy(&save->catalogue, source, save_output_data, save->output,
                               save->progress, err);
    return rc < 0 ? rc : save_output_end(save->output, err);
}

/* ------------------------------------------------------------------ where to */

/* podman does not write over a docker-archive. */
static int check_archive(const struct archive_save_request *request, struct mcpd_error *err)
{
    struct stat st;

    if (request->format == MCPD_SAVE_DOCKER_ARCHIVE && request->path &&
        stat(request->path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        return error_set(err, MCPD_E_CONFLICT,
                         "docker-archive doesn't support modifying existing images");
    return 0;
}

static int open_output(const struct archive_save_request *request, struct save_output **ret_output,
                       struct mcpd_error *err)
{
    bool is_folder =
        request->format == MCPD_SAVE_OCI_DIR || request->format == MCPD_SAVE_DOCKER_DIR;

    if (!request->path && is_folder)
        return error_set(err, MCPD_E_INVALID, "a folder cannot go to standard output; name it");
    if (!request->path)
        return save_output_stream(request->output_fd, ret_output, err);
    return is_folder ? save_output_folder(request->path, ret_output, err)
                     : save_output_file(request->path, ret_output, err);
}

static enum save_form form_of(enum mcpd_save_format format)
{
    switch (format) {
    case MCPD_SAVE_DOCKER_ARCHIVE:
        return SAVE_FORM_PLAIN;
    case MCPD_SAVE_DOCKER_DIR:
        return SAVE_FORM_STORED_GZIP;
    case MCPD_SAVE_OCI_ARCHIVE:
    case MCPD_SAVE_OCI_DIR:
    case MCPD_SAVE_BUNDLE:
        return SAVE_FORM_STORED;
    }
    return SAVE_FORM_STORED;
}

static int write_images(struct archive_save *save, enum mcpd_save_format format,
                        struct mcpd_error *err)
{
    switch (format) {
    case MCPD_SAVE_DOCKER_ARCHIVE:
        return archive_save_docker(save, err);
    case MCPD_SAVE_DOCKER_DIR:
        return archive_save_docker_dir(save, err);
    case MCPD_SAVE_OCI_ARCHIVE:
    case MCPD_SAVE_OCI_DIR:
        return archive_save_oci(save, err);
    case MCPD_SAVE_BUNDLE:
        return archive_save_bundle(save, err);
    }
    return error_set(err, MCPD_E_INVALID, "an unknown format");
}

static void save_done(struct archive_save *save)
{
    save_output_free(save->output);
    save_images_done(&save->images);
    save_since_done(&save->since);
    bundle_key_free(save->key);
    free(save->annotation);
    save_seen_done(&save->seen);
    layer_catalogue_done(&save->catalogue);
}

int archive_save(const struct store *store, const struct archive_save_request *request,
                 const struct progress_sink *progress, struct mcpd_error *err)
{
    CLEANUP_FD int lock_fd = -1;
    CLEANUP(save_done)
    struct archive_save save = {.catalogue = {.store = store}, .progress = progress};
    int rc = store_lock_shared(store, &lock_fd, err);

    if (rc == 0)
        rc = save_images_find(store, request->images, request->several, &save.images, err);
    if (rc == 0)
        rc = check_archive(request, err);
    if (rc == 0 && request->sign_by)
        rc = bundle_key_read_private(request->sign_by, &save.key, err);
    if (rc == 0)
        rc = save_since_read(store, request->since, &save.since, err);
    if (rc == 0)
        rc = save_images_find_layers(&save.catalogue, &save.images, form_of(request->format),
                                     &save.since, err);
    if (rc == 0)
        rc = open_output(request, &save.output, err);
    if (rc == 0)
        rc = write_images(&save, request->format, err);
    if (rc == 0)
        /* The stick with a bundle is pulled out the next moment. */
        rc = save_output_finish(save.output, request->format == MCPD_SAVE_BUNDLE, err);
    if (rc < 0)
        return rc;
    progress_report(progress, "manifest", save.images.items[0].image.manifest_digest.text, 0, 0);
    progress_report(progress, "done", save.images.items[0].image.id.text, 0, 0);
    return 0;
}
