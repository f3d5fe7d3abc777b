/*
 * image_inprocess.c - the calls about registries and archives in mcpd-image, and the other end of
 * image_helper.c: `internal image-helper`. The only file of the engine that sees the registry and
 * layer code.
 */
#include "engine.h"

#include "base/buf.h"
#include "base/fsutil.h"
#include "base/interrupt.h"
#include "base/jsonx.h"
#include "base/str.h"
#include "image_archives.h"
#include "image_inprocess_check.h"
#include "image_local.h"
#include "image_wire.h"
#include "oci/layer/archive_load.h"
#include "oci/registriesconf.h"
#include "registry/login.h"
#include "registry/look.h"
#include "registry/pull.h"
#include "registry/push.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#define HELPER_FAILED 125

static const struct mcpd_registry_options default_options;

bool mcpd_has_image_code(void)
{
    return true;
}

/* ------------------------------------------------------------------ the calls */

static void fill_options(const struct mcpd_engine *engine, const struct mcpd_registry_options *user,
                         struct registry_options *ret_options)
{
    *ret_options = (struct registry_options){
        .user = user ? *user : default_options,
        .warn = engine->warn,
        .warn_context = engine->warn_context,
    };
}

static void tell_names(const struct registriesconf_names *names,
                       const struct registry_options *registry)
{
    const struct progress_sink progress = {registry->user.progress,
                                           registry->user.progress_context};

    if (*names->line)
        progress_report(&progress, "short-name", names->line, 0, 0);
}

/* "2 errors occurred while pulling:" and each of them, as podman has it. */
static int fail_all(const struct buf *problems, const struct mcpd_error *last, size_t count,
                    struct mcpd_error *err)
{
    if (count == 1)
        return error_copy(err, last);
    return error_set(err, (enum mcpd_error_code)last->code, "%zu errors occurred while pulling:%s",
                     count, buf_text(problems));
}

/* A short name may mean several images: the first that can be had is it. */
static int pull_first(struct mcpd_engine *engine, const struct registriesconf_names *names,
                      const struct registry_options *registry, struct digest *ret_id,
                      struct mcpd_error *err)
{
    CLEANUP_BUF struct buf problems;
    struct mcpd_error problem = {0};

    buf_init(&problems, 4 * MCPD_ERROR_MESSAGE_SIZE);
    for (size_t i = 0; i < names->count; i++) {
        int rc = pull_image(&engine->store, &names->list[i], registry, ret_id, &problem);

        if (rc == 0 || rc == -MCPD_E_CANCELLED || rc == -MCPD_E_NO_SPACE)
            return rc < 0 ? error_copy(err, &problem) : 0;
        (void)buf_append_format(&problems, "\n * %s", problem.message);
    }
    return fail_all(&problems, &problem, names->count, err);
}

static int find_names(const char *image, struct registriesconf_names *ret_names,
                      struct mcpd_error *err)
{
    CLEANUP_REGISTRIESCONF struct registriesconf conf = {0};
    int rc = registriesconf_load(&conf, err);

    return rc < 0 ? rc : registriesconf_names(&conf, image, ret_names, err);
}

int mcpd_pull(struct mcpd_engine *engine, const char *image, enum mcpd_pull_policy policy,
              const struct mcpd_registry_options *options, char **ret_id, struct mcpd_error *err)
{
    CLEANUP_REGISTRIESCONF_NAMES struct registriesconf_names names = {0};
    struct registry_options registry;
    struct mcpd_error problem = {0};
    struct platform platform;
    struct digest id;
    bool is_settled = false;
    int rc = image_pull_locally(engine, image, policy, &is_settled, ret_id, err);

    if (rc < 0 || is_settled)
        return rc;
    fill_options(engine, options, &registry);
    rc = find_names(image, &names, err);
    /* A mistake in the command is said before anybody is asked. */
    if (rc == 0 && registry.user.platform)
        rc = platform_parse(registry.user.platform, &platform, err);
    if (rc < 0)
        return rc;
    tell_names(&names, &registry);
    rc = pull_first(engine, &names, &registry, &id, &problem);
    /* "newer": what is here is good enough when there is nothing newer to be had. */
    if (rc < 0 && policy == MCPD_PULL_NEWER &&
        image_pull_locally(engine, image, MCPD_PULL_NEVER, &is_settled, ret_id, NULL) == 0)
        return 0;
    if (rc < 0)
        return error_copy(err, &problem);
    store_note_use(&engine->store, &id);
    engine_keep_budget(engine, &id, 1);
    *ret_id = strdup(digest_hex(&id));
    return *ret_id ? 0 : error_no_memory(err, "an image's id");
}

int image_archives_keep(const struct mcpd_engine *engine, char *const *names,
                        struct mcpd_error *err)
{
    CLEANUP_FREE struct digest *ids = calloc(strv_length(names) + 1, sizeof(*ids));
    size_t count = 0;

    if (!ids)
        return error_no_memory(err, "images");
    for (size_t i = 0; names && names[i]; i++) {
        struct image image;

        if (store_find_image(&engine->store, names[i], &image, NULL) < 0)
            continue; /* removed meanwhile */
        store_note_use(&engine->store, &image.id);
        ids[count++] = image.id;
        image_done(&image);
    }
    engine_keep_budget(engine, ids, count);
    return 0;
}

static int load_fd(struct mcpd_engine *engine, int fd, const struct mcpd_registry_options *options,
                   char ***ret_names, struct mcpd_error *err)
{
    const struct progress_sink progress = {options->progress, options->progress_context};
    CLEANUP_STRV char **names = NULL;
    struct platform platform;
    int rc = 0;

    if (options->platform)
        rc = platform_parse(options->platform, &platform, err);
    else
        platform_of_machine(&platform);
    if (rc < 0)
        return rc;
    rc = archive_load(&engine->store, fd, &platform, &progress, &names, err);
    if (rc == 0)
        rc = image_archives_keep(engine, names, err);
    if (rc == 0)
        *ret_names = TAKE_PTR(names);
    return rc;
}

int mcpd_load(struct mcpd_engine *engine, const char *path,
              const struct mcpd_registry_options *options, char ***ret_names,
              struct mcpd_error *err)
{
    CLEANUP_FD int own_fd = -1;
    int fd = -1;
    int rc = image_open_archive(path, &own_fd, &fd, err);

    return rc < 0 ? rc : load_fd(engine, fd, options ? options : &default_options, ret_names, err);
}

/* "docker://host/x:1" as podman has it; its other transports are files, which save writes. */
static int parse_destination(const char *text, struct reference *ret_reference,
                             struct mcpd_error *err)
{
    static const char *const transports[] = {
        "containers-storage:", "dir:", "docker-archive:", "docker-daemon:", "oci:", "oci-archive:",
    };

    for (size_t i = 0; i < ARRAY_SIZE(transports); i++)
        if (str_has_prefix(text, transports[i]))
            return error_set(err, MCPD_E_UNSUPPORTED,
                             "push sends to registries only, not to \"%s\": use save", text);
    return reference_parse(text, ret_reference, err);
}

static int parse_push_options(const struct mcpd_push_options *options,
                              struct push_options *ret_options, struct mcpd_error *err)
{
    const char *format = options->format, *compression = options->compression;
    struct push_options parsed = {
        .has_compression = compression != NULL,
        .compression = {MEDIATYPE_COMPRESSION_GZIP, options->compression_level},
    };

    if (str_equal(format, "oci"))
        parsed.format = PUSH_FORMAT_OCI;
    else if (str_equal(format, "v2s2") || str_equal(format, "docker"))
        parsed.format = PUSH_FORMAT_DOCKER;
    else if (format)
        return error_set(err, MCPD_E_INVALID,
                         "unknown format \"%s\". Choose one of the supported formats: 'oci' or "
                         "'v2s2'",
                         format);
    if (str_equal(compression, "zstd"))
        parsed.compression.compression = MEDIATYPE_COMPRESSION_ZSTD;
    else if (compression && !str_equal(compression, "gzip"))
        return error_set(err, MCPD_E_INVALID, "cannot find compressor for \"%s\"", compression);
    *ret_options = parsed;
    return compressor_check_options(&parsed.compression, err);
}

int mcpd_push(struct mcpd_engine *engine, const char *image, const char *destination,
              const struct mcpd_push_options *options, char **ret_digest, struct mcpd_error *err)
{
    struct push_options push = {0};
    struct registry_options registry;
    struct reference reference;
    struct mcpd_error problem = {0};
    struct digest digest;
    bool is_fetched = false;
    int rc = destination ? parse_destination(destination, &reference, err) : 0;

    if (rc == 0 && options)
        rc = parse_push_options(options, &push, err);
    if (rc < 0)
        return rc;
    fill_options(engine, options ? &options->registry : NULL, &registry);
    rc = push_image(&engine->store, image, destination ? &reference : NULL, &push, &registry,
                    &digest, &problem);
    /* Layers were trimmed that the registry lacks. */
    if (rc == -MCPD_E_STATE &&
        image_refetch(engine, (const char *const[]){image, NULL}, &registry.user, &is_fetched,
                      NULL) == 0 &&
        is_fetched)
        rc = push_image(&engine->store, image, destination ? &reference : NULL, &push, &registry,
                        &digest, &problem);
    if (rc < 0)
        return error_copy(err, &problem);
    if (!ret_digest)
        return 0;
    *ret_digest = strdup(digest.text);
    return *ret_digest ? 0 : error_no_memory(err, "a digest");
}

int mcpd_image_exists(struct mcpd_engine *engine, const char *image,
                      const struct mcpd_registry_options *options, bool *ret_exists,
                      struct mcpd_error *err)
{
    CLEANUP_REGISTRIESCONF_NAMES struct registriesconf_names names = {0};
    struct registry_options registry;
    bool exists = false;
    int rc = find_names(image, &names, err);

    fill_options(engine, options, &registry);
    for (size_t i = 0; rc == 0 && i < names.count && !exists; i++)
        rc = look_exists(&names.list[i], &registry, &exists, err);
    if (rc == 0)
        *ret_exists = exists;
    return rc;
}

int mcpd_verify(struct mcpd_engine *engine, const char *const *images, bool repair,
                const struct mcpd_registry_options *options, char **ret_object,
                struct mcpd_error *err)
{
    struct registry_options registry;
    json_t *object = NULL;
    int rc;

    fill_options(engine, options, &registry);
    rc = image_check(engine, images, repair, &registry, &object, err);
    return rc < 0 ? rc : engine_json_text(object, "what was found", ret_object, err);
}

int mcpd_manifest_inspect(struct mcpd_engine *engine, const char *image,
                          const struct mcpd_registry_options *options, char **ret_text,
                          struct mcpd_error *err)
{
    CLEANUP_REGISTRIESCONF_NAMES struct registriesconf_names names = {0};
    struct registry_options registry;
    int rc = find_names(image, &names, err);

    if (rc < 0)
        return rc;
    fill_options(engine, options, &registry);
    rc = -MCPD_E_NOT_FOUND;
    for (size_t i = 0; rc == -MCPD_E_NOT_FOUND && i < names.count; i++)
        rc = look_manifest(&names.list[i], &registry, ret_text, err);
    return rc;
}

int mcpd_login(struct mcpd_engine *engine, const char *registry,
               const struct mcpd_registry_options *options, char **ret_path, struct mcpd_error *err)
{
    struct registry_options own;
    CLEANUP_FREE char *path = NULL;
    int rc;

    fill_options(engine, options, &own);
    rc = login_keep(registry, &own, &path, err);
    if (rc == 0 && ret_path)
        *ret_path = TAKE_PTR(path);
    return rc;
}

int mcpd_login_user(struct mcpd_engine *engine, const char *registry,
                    const struct mcpd_registry_options *options, char **ret_user,
                    struct mcpd_error *err)
{
    struct registry_options own;

    fill_options(engine, options, &own);
    return login_user(registry, &own, ret_user, err);
}

int mcpd_logout(struct mcpd_engine *engine, const char *registry,
                const struct mcpd_registry_options *options, struct mcpd_error *err)
{
    struct registry_options own;

    fill_options(engine, options, &own);
    return login_forget(registry, &own, err);
}

int mcpd_build(struct mcpd_engine *engine, const struct mcpd_build_options *options, char **ret_id,
               struct mcpd_error *err)
{
    (void)engine;
    (void)ret_id;
    return error_set(err, MCPD_E_UNSUPPORTED, "build of %s: this version of mcpd cannot build yet",
                     options->image ? options->image : "an image");
}

/* ------------------------------------------------------------------ internal image-helper */

/* Lines to stdout; takes the reference over. Who no longer listens ends us: as if by a signal, so
 * that what is half made is removed. */
static void say(json_t *line)
{
    CLEANUP_JSON json_t *owned = line;
    CLEANUP_FREE char *text = owned ? json_dumps(owned, JSON_COMPACT) : NULL;
    size_t length = text ? strlen(text) : 0;

    if (!text)
        return;
    text[length] = '\n';
    if (fs_write_all(STDOUT_FILENO, text, length + 1, "an answer", NULL) < 0)
        (void)raise(SIGTERM);
}

static void say_progress(void *context, const struct mcpd_progress *progress)
{
    (void)context;
    say(image_wire_progress(progress));
}

static void say_warning(void *context, const char *message)
{
    (void)context;
    say(json_pack("{s:o}", "warning", jsonx_string(message)));
}

static int do_request(struct mcpd_engine *engine, const struct image_request *request,
                      json_t **ret_result, struct mcpd_error *err)
{
    CLEANUP_STRV char **names = NULL;
    CLEANUP_FREE char *id = NULL;
    CLEANUP_FREE char *said = NULL;
    struct mcpd_push_options push = request->push;
    bool exists = false;
    int rc = -MCPD_E_INTERNAL;

    switch (request->call) {
    case IMAGE_CALL_PULL:
        rc = mcpd_pull(engine, request->image, request->policy, &request->registry, &id, err);
        break;
    case IMAGE_CALL_LOAD:
        rc = load_fd(engine, IMAGE_HELPER_FD, &request->registry, &names, err);
        break;
    case IMAGE_CALL_PUSH:
        push.registry = request->registry;
        rc = mcpd_push(engine, request->image, request->destination, &push, &said, err);
        break;
    case IMAGE_CALL_EXISTS:
        rc = mcpd_image_exists(engine, request->image, &request->registry, &exists, err);
        break;
    case IMAGE_CALL_VERIFY:
        rc = mcpd_verify(engine, (const char *const *)request->images, request->repair,
                         &request->registry, &said, err);
        break;
    case IMAGE_CALL_MANIFEST:
        rc = mcpd_manifest_inspect(engine, request->image, &request->registry, &said, err);
        break;
    case IMAGE_CALL_LOGIN:
        rc = mcpd_login(engine, request->image, &request->registry, &said, err);
        break;
    case IMAGE_CALL_LOGIN_USER:
        rc = mcpd_login_user(engine, request->image, &request->registry, &said, err);
        break;
    case IMAGE_CALL_LOGOUT:
        rc = mcpd_logout(engine, request->image, &request->registry, err);
        break;
    case IMAGE_CALL_BUILD:
        rc = mcpd_build(engine, &request->build, &id, err);
        break;
    case IMAGE_CALL_SAVE:
        rc = image_archives_save(engine, request, IMAGE_HELPER_FD, err);
        break;
    case IMAGE_CALL_EXPORT:
        rc = image_archives_export(engine, request, IMAGE_HELPER_FD, err);
        break;
    case IMAGE_CALL_BUNDLE_APPLY:
        rc = image_archives_apply(engine, request, IMAGE_HELPER_FD, &names, err);
        break;
    case IMAGE_CALL_BUNDLE_INSPECT:
        rc = image_archives_inspect(engine, IMAGE_HELPER_FD, &said, err);
        break;
    }
    if (rc == 0)
        *ret_result =
            json_pack("{s:{s:o, s:o, s:b, s:o}}", "result", "id", jsonx_string(id), "names",
                      jsonx_strv(names), "exists", exists, "text", jsonx_string(said));
    return rc;
}

/* Calls that wait for a network tidy up when they are interrupted, or when who asked is gone. */
static int hold_signals(struct image_request *request, struct mcpd_error *err)
{
    struct interrupt interrupt;
    int rc;

    if (request->call == IMAGE_CALL_LOAD || request->call == IMAGE_CALL_BUILD ||
        request->call == IMAGE_CALL_SAVE || request->call == IMAGE_CALL_EXPORT)
        return 0;
    rc = interrupt_begin(&interrupt, err);
    if (rc < 0)
        return rc;
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    request->registry.cancel_fd = interrupt.fd;
    return 0;
}

static int run_request(json_t **ret_result, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    CLEANUP_JSON json_t *document = NULL;
    CLEANUP(image_request_done) struct image_request request = {0};
    struct mcpd_engine *engine = NULL;
    struct mcpd_engine_options options = {.warn = say_warning};
    size_t length = 0;
    int rc = fs_read_fd(STDIN_FILENO, "the request", IMAGE_WIRE_MAX_BYTES, &text, &length, err);

    if (rc == 0)
        rc = image_request_parse(text, length, &request, &document, err);
    if (rc == 0)
        rc = hold_signals(&request, err);
    if (rc < 0)
        return rc;
    request.registry.progress = say_progress;
    options.root = request.root;
    options.runroot = request.runroot;
    options.program = request.program;
    options.additional_stores = (const char *const *)request.stores;
    rc = engine_open(&options, true, &engine, err);
    if (rc == 0)
        rc = do_request(engine, &request, ret_result, err);
    mcpd_close(engine);
    return rc;
}

int image_helper_main(int argc, char **argv)
{
    struct mcpd_error error = {0};
    json_t *result = NULL;
    int rc;

    (void)argc;
    (void)argv;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    (void)signal(SIGPIPE, SIG_IGN);
    rc = run_request(&result, &error);
    say(rc < 0 ? image_wire_error(&error) : result);
    return rc < 0 ? HELPER_FAILED : 0;
}
