/* image_inprocess_archives.c - the calls about archives in mcpd-image: save, bundle, export. */
#include "image_archives.h"

#include "base/child.h"
#include "base/str.h"
#include "base/userns.h"
#include "image_inprocess_check.h"
#include "image_local.h"
#include "oci/layer/archive_save.h"
#include "oci/layer/bundle_apply.h"
#include "oci/layer/output_file.h"
#include "oci/layer/pack.h"
#include "runtime/rootfs.h"

/* ------------------------------------------------------------------ save */

int image_archives_save(struct mcpd_engine *engine, const struct image_request *request,
                        int stream_fd, struct mcpd_error *err)
{
    const struct progress_sink progress = {request->registry.progress,
                                           request->registry.progress_context};
    const struct archive_save_request save = {
        .format = (enum mcpd_save_format)request->save_format,
        .images = request->images,
        .several = request->several_images,
        .path = request->path,
        .output_fd = stream_fd,
        .since = request->since,
        .sign_by = request->sign_by,
    };
    struct mcpd_error problem = {0};
    bool is_fetched = false;
    int rc;

    if (!request->images || !request->images[0] || request->save_format > MCPD_SAVE_BUNDLE)
        return error_set(err, MCPD_E_INVALID, "save: which image?");
    rc = archive_save(&engine->store, &save, &progress, &problem);
    /* A layer was trimmed: nothing is written yet. */
    if (rc == -MCPD_E_NOT_FOUND &&
        image_refetch(engine, (const char *const *)request->images, &request->registry, &is_fetched,
                      NULL) == 0 &&
        is_fetched)
        rc = archive_save(&engine->store, &save, &progress, &problem);
    return rc < 0 ? error_copy(err, &problem) : 0;
}

int mcpd_save(struct mcpd_engine *engine, const char *const *images,
              const struct mcpd_save_options *options, struct mcpd_error *err)
{
    union {
        const char *const *in;
        char **out;
    } names = {.in = images}, since = {.in = options->since};
    const struct image_request request = {
        .path = options->path,
        .images = names.out,
        .since = since.out,
        .sign_by = options->sign_by,
        .save_format = (uint64_t)options->format,
        .several_images = options->several_images,
        .registry = {.progress = options->progress, .progress_context = options->progress_context},
    };

    return image_archives_save(engine, &request, STDOUT_FILENO, err);
}

/* ------------------------------------------------------------------ bundles */

int image_archives_apply(struct mcpd_engine *engine, const struct image_request *request,
                         int stream_fd, char ***ret_names, struct mcpd_error *err)
{
    const struct progress_sink progress = {request->registry.progress,
                                           request->registry.progress_context};
    CLEANUP_STRV char **names = NULL;
    int rc = bundle_apply(&engine->store, stream_fd, request->verify_key, &progress, &names, err);

    if (rc == 0)
        rc = image_archives_keep(engine, names, err);
    if (rc == 0)
        *ret_names = TAKE_PTR(names);
    return rc;
}

int image_archives_inspect(struct mcpd_engine *engine, int stream_fd, char **ret_text,
                           struct mcpd_error *err)
{
    json_t *report = NULL;
    int rc = bundle_inspect(&engine->store, stream_fd, &report, err);

    return rc < 0 ? rc : engine_json_text(report, "what a bundle holds", ret_text, err);
}

int mcpd_bundle_apply(struct mcpd_engine *engine, const char *path,
                      const struct mcpd_bundle_options *options, char ***ret_names,
                      struct mcpd_error *err)
{
    struct image_request request = {0};
    CLEANUP_FD int own_fd = -1;
    int fd = -1;
    int rc = image_open_archive(path, &own_fd, &fd, err);

    if (options) {
        request.verify_key = options->verify_key;
        request.registry.progress = options->progress;
        request.registry.progress_context = options->progress_context;
    }
    return rc < 0 ? rc : image_archives_apply(engine, &request, fd, ret_names, err);
}

int mcpd_bundle_inspect(struct mcpd_engine *engine, const char *path, char **ret_object,
                        struct mcpd_error *err)
{
    CLEANUP_FD int own_fd = -1;
    int fd = -1;
    int rc = image_open_archive(path, &own_fd, &fd, err);

    return rc < 0 ? rc : image_archives_inspect(engine, fd, ret_object, err);
}

/* ------------------------------------------------------------------ export */

struct export_job {
    const struct mcpd_engine *engine;
    const struct container *container;
    int output_fd;
    struct layerstores stores;
    bool in_userns; /* asked before: inside of it nobody needs one */
};

/* In a process of its own, as root of a user namespace where one is needed. */
static int export_tree(void *context, struct mcpd_error *err)
{
    const struct export_job *job = context;
    const struct rootfs_request request = {
        .plan = &job->container->plan,
        .stores = &job->stores,
        .container_dir_fd = job->container->dir_fd,
        .in_userns = job->in_userns,
    };
    const struct pack_options options = {.tmp_fd = job->engine->store.tmp_fd};
    CLEANUP_FD int root_fd = -1;
    struct pack_result result;
    int rc = rootfs_view(&request, &root_fd, err);

    return rc < 0 ? rc : pack_tree_fd(root_fd, &options, job->output_fd, &result, err);
}

static int export_in_userns(void *context, struct mcpd_error *err)
{
    return userns_run(export_tree, context, err);
}

static int export_to(struct mcpd_engine *engine, const struct container *container, int output_fd,
                     struct mcpd_error *err)
{
    struct export_job job = {
        .engine = engine,
        .container = container,
        .output_fd = output_fd,
        .in_userns = userns_is_needed(),
    };
    CLEANUP_CHILD struct child child = CHILD_NONE;
    int rc;

    layerstores_open(&container->plan, engine->store.root_fd, &job.stores);
    rc = child_start("mcpd: export", export_in_userns, &job, &child, err);
    layerstores_done(&job.stores);
    return rc < 0 ? rc : child_finish(&child, err);
}

int image_archives_export(struct mcpd_engine *engine, const struct image_request *request,
                          int stream_fd, struct mcpd_error *err)
{
    CLEANUP_OUTPUT_FILE struct output_file file = OUTPUT_FILE_NONE;
    CLEANUP(container_done) struct container container = {.dir_fd = -1};
    int rc = request->container ? engine_load_container(engine, request->container, &container, err)
                                : error_set(err, MCPD_E_INVALID, "export: which container?");

    if (rc == 0 && request->path)
        rc = output_file_open(request->path, &file, err);
    if (rc == 0)
        rc = export_to(engine, &container, request->path ? file.fd : stream_fd, err);
    if (rc == 0 && request->path)
        rc = output_file_finish(&file, false, err);
    return rc;
}

int mcpd_export(struct mcpd_engine *engine, const char *name, const char *path,
                struct mcpd_error *err)
{
    const struct image_request request = {.container = name, .path = path};

    return image_archives_export(engine, &request, STDOUT_FILENO, err);
}
