/*
 * image_helper.c - the calls about registries and archives in the small program and the library:
 * each starts `mcpd-image internal image-helper`, which does it (image_inprocess.c) and tells what
 * happens line by line.
 *
 * The request goes through a socket and not over the command line: it may hold a password. The
 * helper ends with us. When the call is cancelled it gets SIGTERM, tidies up and says so.
 */
#include "engine.h"

#include "base/buf.h"
#include "base/fsutil.h"
#include "base/jsonx.h"
#include "base/proc.h"
#include "base/str.h"
#include "image_local.h"
#include "image_wire.h"
#include "oci/additional.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

bool mcpd_has_image_code(void)
{
    return false;
}

int image_helper_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return 125;
}

/* ------------------------------------------------------------------ one conversation */

struct helper {
    struct proc proc;
    int request_fd; /* our ends */
    int lines_fd;
    struct buf lines; /* read, and not looked at yet */
};

static void helper_done(struct helper *helper)
{
    cleanup_close_fd(&helper->request_fd);
    cleanup_close_fd(&helper->lines_fd);
    buf_done(&helper->lines);
    proc_done(&helper->proc);
}

static int start(struct mcpd_engine *engine, int input_fd, struct helper *helper,
                 struct mcpd_error *err)
{
    static const char *const arguments[] = {"mcpd-image", "internal", "image-helper", NULL};
    CLEANUP_FREE char *program = NULL;
    CLEANUP_STRV char **argv = NULL;
    int requests[2] = {-1, -1}, lines[2] = {-1, -1};
    struct proc_options options = {.program_fd = -1, .stderr_fd = PROC_INHERIT, .keep_fds = {-1}};
    int rc = mcpd_image_program(engine, &program, err);

    for (size_t i = 0; arguments[i] && rc == 0; i++)
        if (strv_append(&argv, arguments[i]) < 0)
            rc = error_no_memory(err, "arguments");
    if (rc < 0)
        return rc;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, requests) < 0)
        return error_errno(err, "socketpair");
    if (pipe2(lines, O_CLOEXEC) < 0) {
        rc = error_errno(err, "pipe");
        (void)close(requests[0]);
        (void)close(requests[1]);
        return rc;
    }
    options.program = program;
    options.argv = argv;
    options.stdin_fd = requests[1];
    options.stdout_fd = lines[1];
    options.keep_fds[0] = input_fd;
    options.keep_fds[1] = -1;
    rc = proc_start(&options, &helper->proc, err);
    (void)close(requests[1]);
    (void)close(lines[1]);
    helper->request_fd = requests[0];
    helper->lines_fd = lines[0];
    buf_init(&helper->lines, IMAGE_WIRE_MAX_BYTES);
    return rc;
}

static int send_request(struct helper *helper, const struct image_request *request,
                        struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t sent = 0, length;
    int rc = image_request_format(request, &text, err);

    if (rc < 0)
        return rc;
    length = strlen(text);
    while (sent < length) {
        ssize_t count = send(helper->request_fd, text + sent, length - sent, MSG_NOSIGNAL);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            rc = error_errno(err, "send a request to mcpd-image");
            break;
        }
        sent += (size_t)count;
    }
    explicit_bzero(text, length);
    if (rc == 0 && shutdown(helper->request_fd, SHUT_WR) < 0)
        rc = error_errno(err, "send a request to mcpd-image");
    return rc;
}

/* Looks at the lines that are complete. */
static int take_lines(struct helper *helper, const struct image_listener *listener,
                      json_t **ret_result, struct mcpd_error *err)
{
    struct buf *lines = &helper->lines;
    size_t done = 0;
    char *end;
    int rc = 0;

    while (rc == 0 && lines->length > done &&
           (end = memchr(lines->data + done, '\n', lines->length - done))) {
        size_t length = (size_t)(end - lines->data) - done;

        rc = image_wire_take_line(lines->data + done, length, listener, ret_result, err);
        done += length + 1;
    }
    if (done == 0)
        return rc;
    lines->length -= done;
    memmove(lines->data, lines->data + done, lines->length + 1);
    return rc;
}

/* Until the helper has said something; a cancellation is passed on to it once. */
static int wait_for_lines(const struct helper *helper, int *cancel_fd, struct mcpd_error *err)
{
    struct pollfd fds[] = {
        {.fd = helper->lines_fd, .events = POLLIN},
        {.fd = *cancel_fd, .events = POLLIN},
    };

    while (poll(fds, *cancel_fd > 0 ? 2 : 1, -1) < 0)
        if (errno != EINTR)
            return error_errno(err, "poll");
    if (fds[1].revents == 0)
        return 0;
    *cancel_fd = 0;
    (void)!proc_signal(&helper->proc, SIGTERM, NULL); /* when it is gone we read the end */
    return 0;
}

static int read_lines(struct helper *helper, const struct image_listener *listener, int cancel_fd,
                      json_t **ret_result, struct mcpd_error *err)
{
    for (;;) {
        char bytes[4096];
        ssize_t count;
        int rc = wait_for_lines(helper, &cancel_fd, err);

        if (rc < 0)
            return rc;
        count = read(helper->lines_fd, bytes, sizeof(bytes));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count < 0 ? error_errno(err, "read from mcpd-image") : 0;
        (void)buf_append(&helper->lines, bytes, (size_t)count);
        rc = buf_check(&helper->lines, "an answer of mcpd-image", err);
        if (rc == 0)
            rc = take_lines(helper, listener, ret_result, err);
        if (rc < 0)
            return rc;
    }
}

/* What is wrong with the others is said here, once. */
static int usable_stores(const struct mcpd_engine *engine, char ***ret_stores,
                         struct mcpd_error *err)
{
    for (size_t i = 0; i < additional_count(&engine->store); i++)
        if (strv_append(ret_stores, additional_get(&engine->store, i)->path) < 0)
            return error_no_memory(err, "additional stores");
    return 0;
}

/* *ret_result: a new reference to the result's object. input_fd: goes along as descriptor 3; -1:
 * none. */
static int call(struct mcpd_engine *engine, struct image_request *request, int input_fd,
                json_t **ret_result, struct mcpd_error *err)
{
    const struct image_listener listener = {
        .progress = request->registry.progress,
        .progress_context = request->registry.progress_context,
        .warn = engine->warn,
        .warn_context = engine->warn_context,
    };
    CLEANUP(helper_done)
    struct helper helper = {
        .proc = PROC_NONE,
        .request_fd = -1,
        .lines_fd = -1,
    };
    CLEANUP_STRV char **stores = NULL;
    int status = 0;
    int rc;

    request->root = engine->root;
    request->runroot = engine->runroot;
    request->program = engine->program;
    rc = usable_stores(engine, &stores, err);
    request->stores = stores;
    if (rc == 0)
        rc = start(engine, input_fd, &helper, err);
    /* Not what was asked for is missing, but the half of us that could ask. */
    if (rc == -MCPD_E_NOT_FOUND)
        return error_recode(err, MCPD_E_UNSUPPORTED);
    if (rc == 0)
        rc = send_request(&helper, request, err);
    if (rc == 0)
        rc = read_lines(&helper, &listener, request->registry.cancel_fd, ret_result, err);
    if (rc == 0)
        rc = proc_wait(&helper.proc, -1, &status, err);
    if (rc == 0 && !*ret_result)
        return error_set(err, MCPD_E_SYSTEM, "mcpd-image ended without an answer (status %d)",
                         proc_exit_code(status));
    return rc;
}

/* ------------------------------------------------------------------ the calls */

static const struct mcpd_registry_options default_options;

static char **copy_list(const char *const *list)
{
    union {
        const char *const *in;
        char *const *out;
    } names = {.in = list};

    return strv_copy(names.out);
}

int mcpd_pull(struct mcpd_engine *engine, const char *image, enum mcpd_pull_policy policy,
              const struct mcpd_registry_options *options, char **ret_id, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *result = NULL;
    struct image_request request = {
        .call = IMAGE_CALL_PULL,
        .image = image,
        .policy = policy,
        .registry = options ? *options : default_options,
    };
    bool is_settled = false;
    int rc = image_pull_locally(engine, image, policy, &is_settled, ret_id, err);

    if (rc < 0 || is_settled)
        return rc;
    rc = call(engine, &request, -1, &result, err);
    return rc < 0 ? rc : jsonx_dup_string(result, "id", "result", ret_id, err);
}

/* A call about an archive, which is read: path NULL, standard input. */
static int call_with_archive(struct mcpd_engine *engine, struct image_request *request,
                             const char *path, json_t **ret_result, struct mcpd_error *err)
{
    CLEANUP_FD int own_fd = -1;
    int fd = -1;
    int rc = image_open_archive(path, &own_fd, &fd, err);

    return rc < 0 ? rc : call(engine, request, fd, ret_result, err);
}

int mcpd_load(struct mcpd_engine *engine, const char *path,
              const struct mcpd_registry_options *options, char ***ret_names,
              struct mcpd_error *err)
{
    CLEANUP_JSON json_t *result = NULL;
    struct image_request request = {
        .call = IMAGE_CALL_LOAD,
        .registry = options ? *options : default_options,
    };
    int rc = call_with_archive(engine, &request, path, &result, err);

    return rc < 0 ? rc : jsonx_get_strv(result, "names", "result", ret_names, err);
}

int mcpd_bundle_apply(struct mcpd_engine *engine, const char *path,
                      const struct mcpd_bundle_options *options, char ***ret_names,
                      struct mcpd_error *err)
{
    CLEANUP_JSON json_t *result = NULL;
    struct image_request request = {.call = IMAGE_CALL_BUNDLE_APPLY};
    int rc;

    if (options) {
        request.verify_key = options->verify_key;
        request.registry.progress = options->progress;
        request.registry.progress_context = options->progress_context;
    }
    rc = call_with_archive(engine, &request, path, &result, err);
    return rc < 0 ? rc : jsonx_get_strv(result, "names", "result", ret_names, err);
}

int mcpd_bundle_inspect(struct mcpd_engine *engine, const char *path, char **ret_object,
                        struct mcpd_error *err)
{
    CLEANUP_JSON json_t *result = NULL;
    struct image_request request = {.call = IMAGE_CALL_BUNDLE_INSPECT};
    int rc = call_with_archive(engine, &request, path, &result, err);

    return rc < 0 ? rc : jsonx_dup_string(result, "text", "result", ret_object, err);
}

int mcpd_save(struct mcpd_engine *engine, const char *const *images,
              const struct mcpd_save_options *options, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *result = NULL;
    CLEANUP_STRV char **names = copy_list(images);
    CLEANUP_STRV char **since = options->since ? copy_list(options->since) : NULL;
    struct image_request request = {
        .call = IMAGE_CALL_SAVE,
        .path = options->path,
        .images = names,
        .since = since,
        .sign_by = options->sign_by,
        .save_format = (uint64_t)options->format,
        .several_images = options->several_images,
        .registry = {.progress = options->progress, .progress_context = options->progress_context},
    };

    if (!names || (options->since && !since))
        return error_no_memory(err, "names of images");
    return call(engine, &request, options->path ? -1 : STDOUT_FILENO, &result, err);
}

int mcpd_export(struct mcpd_engine *engine, const char *name, const char *path,
                struct mcpd_error *err)
{
    CLEANUP_JSON json_t *result = NULL;
    struct image_request request = {
        .call = IMAGE_CALL_EXPORT,
        .container = name,
        .path = path,
    };

    return call(engine, &request, path ? -1 : STDOUT_FILENO, &result, err);
}

int mcpd_push(struct mcpd_engine *engine, const char *image, const char *destination,
              const struct mcpd_push_options *options, char **ret_digest, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *result = NULL;
    struct image_request request = {
        .call = IMAGE_CALL_PUSH,
        .image = image,
        .destination = destination,
    };
    int rc;

    if (options) {
        request.push = *options;
        request.registry = options->registry;
    }
    rc = call(engine, &request, -1, &result, err);

    if (rc < 0 || !ret_digest)
        return rc;
    return jsonx_dup_string(result, "text", "result", ret_digest, err);
}

int mcpd_image_exists(struct mcpd_engine *engine, const char *image,
                      const struct mcpd_registry_options *options, bool *ret_exists,
                      struct mcpd_error *err)
{
    CLEANUP_JSON json_t *result = NULL;
    struct image_request request = {
        .call = IMAGE_CALL_EXISTS,
        .image = image,
        .registry = options ? *options : default_options,
    };
    int rc = call(engine, &request, -1, &result, err);

    return rc < 0 ? rc : jsonx_get_bool(result, "exists", "result", ret_exists, err);
}

int mcpd_verify(struct mcpd_engine *engine, const char *const *images, bool repair,
                const struct mcpd_registry_options *options, char **ret_object,
                struct mcpd_error *err)
{
    CLEANUP_JSON json_t *result = NULL;
    CLEANUP_STRV char **names = NULL;
    struct image_request request = {
        .call = IMAGE_CALL_VERIFY,
        .repair = repair,
        .registry = options ? *options : default_options,
    };
    int rc;

    for (; images && *images; images++)
        if (strv_append(&names, *images) < 0)
            return error_no_memory(err, "images");
    request.images = names;
    rc = call(engine, &request, -1, &result, err);
    return rc < 0 ? rc : jsonx_dup_string(result, "text", "result", ret_object, err);
}

/* A call about an image (or a registry) whose answer is a text; ret_text may be NULL. */
static int ask(struct mcpd_engine *engine, enum image_call what, const char *image,
               const struct mcpd_registry_options *options, char **ret_text, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *result = NULL;
    struct image_request request = {
        .call = what,
        .image = image,
        .registry = options ? *options : default_options,
    };
    int rc = call(engine, &request, -1, &result, err);

    return rc < 0 || !ret_text ? rc : jsonx_dup_string(result, "text", "result", ret_text, err);
}

int mcpd_manifest_inspect(struct mcpd_engine *engine, const char *image,
                          const struct mcpd_registry_options *options, char **ret_text,
                          struct mcpd_error *err)
{
    return ask(engine, IMAGE_CALL_MANIFEST, image, options, ret_text, err);
}

int mcpd_login(struct mcpd_engine *engine, const char *registry,
               const struct mcpd_registry_options *options, char **ret_path, struct mcpd_error *err)
{
    return ask(engine, IMAGE_CALL_LOGIN, registry, options, ret_path, err);
}

int mcpd_login_user(struct mcpd_engine *engine, const char *registry,
                    const struct mcpd_registry_options *options, char **ret_user,
                    struct mcpd_error *err)
{
    return ask(engine, IMAGE_CALL_LOGIN_USER, registry, options, ret_user, err);
}

int mcpd_logout(struct mcpd_engine *engine, const char *registry,
                const struct mcpd_registry_options *options, struct mcpd_error *err)
{
    return ask(engine, IMAGE_CALL_LOGOUT, registry, options, NULL, err);
}

int mcpd_build(struct mcpd_engine *engine, const struct mcpd_build_options *options, char **ret_id,
               struct mcpd_error *err)
{
    CLEANUP_JSON json_t *result = NULL;
    struct image_request request = {.call = IMAGE_CALL_BUILD, .build = *options};
    int rc = call(engine, &request, -1, &result, err);

    return rc < 0 ? rc : jsonx_dup_string(result, "id", "result", ret_id, err);
}
