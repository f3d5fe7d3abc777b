/* engine_create.c - making a container: image, plan, record. */
#include "engine.h"

#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/fsutil.h"
#include "base/str.h"
#include "base/userns.h"
#include "oci/platform.h"
#include "runtime/logfile.h"
#include "runtime/spec.h"

extern char **environ;

#define PORTS_DISCARDED                                                                       \
    "Port mappings have been discarded as one of the Host, Container, Pod, and None network " \
    "modes are in use"

/* --- the image ----------------------------------------------------------------------------- */

/* The image as it is in the store, with the store's shared lock, so that it stays. */
static int find_locked(const struct mcpd_engine *engine, const char *name, struct image *ret_image,
                       int *ret_lock_fd, struct mcpd_error *err)
{
    CLEANUP_FD int lock_fd = -1;
    int rc = store_lock_shared(&engine->store, &lock_fd, err);

    if (rc == 0)
        rc = store_find_image(&engine->store, name, ret_image, err);
    if (rc < 0)
        return rc;
    store_note_use(&engine->store, &ret_image->id);
    *ret_lock_fd = TAKE_FD(lock_fd);
    return 0;
}

/* The one that was asked for by --platform? Without that any will do. */
static bool is_for(const struct image *image, const struct platform *wanted)
{
    const struct imageconfig *config = &image->config;
    struct platform offered = {.os = ""};

    if (wanted->os[0] == '\0' || !config->os || !config->architecture)
        return true;
    if (str_copy(offered.os, sizeof(offered.os), config->os) < 0 ||
        str_copy(offered.architecture, sizeof(offered.architecture), config->architecture) < 0 ||
        str_copy(offered.variant, sizeof(offered.variant), config->variant ? config->variant : "") <
            0)
        return false;
    platform_normalise(&offered);
    return platform_distance(wanted, &offered) != PLATFORM_NO_MATCH;
}

/* NOT_FOUND too when what is there is for another platform than was asked for. */
static int find_local(struct mcpd_engine *engine, const struct mcpd_create_options *options,
                      struct image *ret_image, int *ret_lock_fd, struct mcpd_error *err)
{
    const char *platform = options->registry.platform;
    struct platform wanted = {.os = ""};
    int rc = platform ? platform_parse(platform, &wanted, err) : 0;

    if (rc == 0)
        rc = find_locked(engine, options->spec.image, ret_image, ret_lock_fd, err);
    if (rc < 0 || is_for(ret_image, &wanted))
        return rc;
    image_done(ret_image);
    cleanup_close_fd(ret_lock_fd);
    *ret_lock_fd = -1;
    return error_set(err, MCPD_E_NOT_FOUND, "%s: image not known for platform %s",
                     options->spec.image, platform);
}

/* Pulled first when the policy says so. */
static int find_or_pull(struct mcpd_engine *engine, const struct mcpd_create_options *options,
                        struct image *ret_image, int *ret_lock_fd, struct mcpd_error *err)
{
    enum mcpd_pull_policy policy = options->pull_set ? options->pull : MCPD_PULL_MISSING;
    const char *name = options->spec.image;
    CLEANUP_FREE char *id = NULL;
    int rc = -MCPD_E_NOT_FOUND;

    if (policy == MCPD_PULL_MISSING || policy == MCPD_PULL_NEVER)
        rc = find_local(engine, options, ret_image, ret_lock_fd, err);
    if (rc != -MCPD_E_NOT_FOUND || policy == MCPD_PULL_NEVER)
        return rc;
    rc = mcpd_pull(engine, name, policy, &options->registry, &id, err);
    return rc < 0 ? rc : find_locked(engine, name, ret_image, ret_lock_fd, err);
}

/* --- the record ----------------------------------------------------------------------------------
 */

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
    if (rc == 0 && ret_plan->log_path)
        rc = logfile_check(ret_plan->log_path, err);
    if (rc < 0)
        plan_done(ret_plan);
    return rc;
}

/* Where the layers are that we do not have ourselves: a start must find them without being told of
 * the stores again. */
static int note_layer_stores(const struct mcpd_engine *engine, struct plan *plan,
                             struct mcpd_error *err)
{
    for (size_t i = 0; i < plan->layer_count; i++) {
        const struct store *home = store_of_layer(&engine->store, &plan->layers[i]);

        if (home != &engine->store && !strv_contains(plan->layer_stores, home->path) &&
            strv_append(&plan->layer_stores, home->path) < 0)
            return error_no_memory(err, "layers");
    }
    return 0;
}

/* The store's shared lock is held: what the image names stays. */
static int create_locked(struct mcpd_engine *engine, const struct mcpd_create_options *options,
                         const struct image *image, char **ret_id, struct mcpd_error *err)
{
    CLEANUP(plan_done) struct plan plan;
    int rc;

    plan_init(&plan);
    rc = build_plan(options, image, &plan, err);
    if (rc == 0)
        rc = note_layer_stores(engine, &plan, err);
    if (rc == 0 && engine->conf.driver) {
        plan.root_driver = strdup(engine->conf.driver);
        rc = plan.root_driver ? 0 : error_no_memory(err, "plan");
    }
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
            rc = error_wrap(err, rc, "opening cidfile %s", options->cid_file);
            (void)!container_delete(&engine->containers, plan.id, plan.name, false, NULL);
            return rc;
        }
    }
    *ret_id = TAKE_PTR(plan.id);
    return 0;
}

static void warn_option(const struct mcpd_engine *engine, const char *option)
{
    CLEANUP_FREE char *text = str_format("log option \"%s\" has no effect", option);

    engine->warn(engine->warn_context, text ? text : "a log option has no effect");
}

/* What was asked for and does not happen. */
static void warn_about(const struct mcpd_engine *engine, const struct mcpd_create_options *options)
{
    const char *restart = options->spec.restart;

    /* Of a network that was named, whoever named it knows. */
    if (options->spec.ports && options->spec.ports[0] && !options->spec.network)
        engine->warn(engine->warn_context, PORTS_DISCARDED);
    for (size_t i = 0; options->log_options && options->log_options[i]; i++)
        if (!spec_log_is_known(options->log_options[i]))
            warn_option(engine, options->log_options[i]);
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
        rc = find_or_pull(engine, options, &image, &lock_fd, err);
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
