/* image_inprocess_archives.c - the calls about archives in mcpd-image: save. */
#include "image_archives.h"

#include "oci/layer/archive_save.h"

int image_archives_save(struct mcpd_engine *engine, const struct image_request *request,
                        int stream_fd, struct mcpd_error *err)
{
    const struct progress_sink progress = {request->registry.progress,
                                           request->registry.progress_context};
    const struct archive_save_request save = {
        .format = (enum mcpd_save_format)request->format,
        .images = request->images,
        .several = request->several_images,
        .path = request->path,
        .output_fd = stream_fd,
    };

    if (!request->images || !request->images[0] || request->format > MCPD_SAVE_OCI_DIR)
        return error_set(err, MCPD_E_INVALID, "save: which image?");
    return archive_save(&engine->store, &save, &progress, err);
}

int mcpd_save(struct mcpd_engine *engine, const char *const *images,
              const struct mcpd_save_options *options, struct mcpd_error *err)
{
    union {
        const char *const *in;
        char **out;
    } names = {.in = images};
    const struct image_request request = {
        .path = options->path,
        .images = names.out,
        .format = (uint64_t)options->format,
        .several_images = options->several_images,
        .registry = {.progress = options->progress, .progress_context = options->progress_context},
    };

    return image_archives_save(engine, &request, STDOUT_FILENO, err);
}
