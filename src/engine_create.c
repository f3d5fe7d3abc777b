/* engine_create.c - making a container: image, plan, record. */
#include "engine.h"

#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/fsutil.h"
#include "base/str.h"
#include "base/userns.h"
#include "runtime/spec.h"

extern char **environ;

#define PORTS_DISCARDED                                                                            \
    "Port mappings have been discarded as one of the Host, Container, Pod, and None network "      \
    "modes are in use"

/* --- the image ----------------------------------------------------------------------------- */

static int check_is_local(const struct mcpd_engine *engine, const char *name,
                          struct mcpd_error *err)
{
    struct image image;
    int rc = store_find_image(&engine->store, name, &image, err);

    if (rc == 0)
        image_done(&image);
    return rc;
}

int engine_ensure_image(struct mcpd_engine *engine, const char *name, enum mcpd_pull_policy policy,
                        const struct mcpd_registry_options *registry, struct mcpd_error *err)
{
    CLEANUP_FREE char *id = NULL;
    int rc;

    switch (policy) {
    case MCPD_PULL_NEVER:
        return check_is_local(engine, name, err);
    case MCPD_PULL_MISSING:
        rc = check_is_local(engine, name, err);
        if (rc != -MCPD_E_NOT_FOUND)
            return rc;
        break;
    case MCPD_PULL_ALWAYS:
    case MCPD_PULL_NEWER:
        break;
    }
    return mcpd_pull(engine, name, policy, registry, &id, err);
}

/* --- the record ---------------------------------------------------------------------------------- */

/* podman lets --replace stop the old one in its own way. */
static int make_room(struct mcpd_engine *engine, const char *name, struct mcpd_error *err)
{
    char id[IDENT_SIZE];
    int rc = container_find(&engine->containers, name, id, NULL);

    if (rc == -MCPD_E_NOT_FOUND)
        return 0;
    if (rc == 0)
        rc = mcpd_stop(engine, name, -1, NULL, err);
    if (rc == 0)
        rc = mcpd_remove(engine, name, true, err);
    return rc == -MCPD_E_NOT_FOUND ? 0 : rc;
}

static int check_cid_file(const char *path, struct mcpd_error *err)
{
    if (path && fs_exists(AT_FDCWD, path))
        return error_set(err, MCPD_E_CONFLICT,
                         "container id file exists. Ensure another container is not using it or "
                         "delete %s",
                         path);
    return 0;
}

static int build_plan(const struct mcpd_create_options *options, const struct image *image,
                      struct plan *ret_plan, struct mcpd_error *err)
{
    char id[IDENT_SIZE];
    char hostname[256] = "";
    CLEANUP_FREE char *here = NULL;
    struct spec_host host = {.is_rootless = userns_is_needed(),
                             .environment = (const char *const *)environ,
                             .id = id,
                             .now_unix_ns = clock_unix_ns()};
    int rc = ident_generate(id, err);

    if (rc == 0)
        rc = fs_path_of_fd(AT_FDCWD, &here, err);
    if (rc < 0)
        return rc;
    (void)gethostname(hostname, sizeof(hostname) - 1);
    host.hostname = hostname[0] ? hostname : NULL;
    host.current_dir = here;
    rc = spec_build(options, image, &host, ret_plan, err);
    if (rc < 0)
        return rc;
    rc = spec_check_sources(ret_plan, err);
    if (rc < 0)
        plan_done(ret_plan);
    return rc;
}

/* The store's shared lock is held: what the image names stays. */
static int create_locked(struct mcpd_engine *engine, const struct mcpd_create_options *options,
                         const struct image *image, char **ret_id, struct mcpd_error *err)
{
    CLEANUP(plan_done) struct plan plan;
    int rc;

    plan_init(&plan);
    rc = build_plan(options, image, &plan, err);
    if (rc == 0 && options->replace && plan.name)
        rc = make_room(engine, plan.name, err);
    if (rc == 0)
        rc = container_create(&engine->containers, &plan, err);
    if (rc < 0)
        return rc;
    if (options->cid_file) {
        rc = fs_write_file(AT_FDCWD, options->cid_file, plan.id, strlen(plan.id), 0644,
                           FS_WRITE_EXCLUSIVE, err);
        if (rc < 0) {
            (void)!container_delete(&engine->containers, plan.id, plan.name, false, NULL);
            return rc;
        }
    }
    *ret_id = TAKE_PTR(plan.id);
    return 0;
}

/* What was asked for and does not happen. */
static void warn_about(const struct mcpd_engine *engine, const struct mcpd_create_options *options)
{
    const char *restart = options->spec.restart;

    /* Of a network that was named, whoever named it knows. */
    if (options->spec.ports && options->spec.ports[0] && !options->spec.network)
        engine->warn(engine->warn_context, PORTS_DISCARDED);
    if (restart && *restart != '\0' && strcmp(restart, "no") != 0)
        engine->warn(engine->warn_context,
                     "restart policies are kept with the container, but not acted upon yet");
}

int mcpd_create(struct mcpd_engine *engine, const struct mcpd_create_options *options,
                char **ret_id, struct mcpd_error *err)
{
    CLEANUP_FD int lock_fd = -1;
    struct image image;
    int rc;

    if (!options->spec.image || options->spec.image[0] == '\0')
        return error_set(err, MCPD_E_INVALID, "no image is given");
    rc = check_cid_file(options->cid_file, err);
    if (rc == 0)
        rc = engine_ensure_image(engine, options->spec.image,
                                 options->pull_set ? options->pull : MCPD_PULL_MISSING,
                                 &options->registry, err);
    if (rc == 0)
        rc = store_lock_shared(&engine->store, &lock_fd, err);
    if (rc == 0)
        rc = store_find_image(&engine->store, options->spec.image, &image, err);
    if (rc < 0)
        return rc;
    rc = create_locked(engine, options, &image, ret_id, err);
    image_done(&image);
    if (rc == 0)
        warn_about(engine, options);
    return rc;
}

int mcpd_run(struct mcpd_engine *engine, const struct mcpd_container_spec *spec, char **ret_id,
             struct mcpd_error *err)
{
    const struct mcpd_create_options options = {.spec = *spec, .stop_timeout_s = -1};
    CLEANUP_FREE char *id = NULL;
    int rc = mcpd_create(engine, &options, &id, err);

    if (rc == 0)
        rc = mcpd_start(engine, id, NULL, NULL, err);
    if (rc == 0)
        *ret_id = TAKE_PTR(id);
    return rc;
}
