/*
 * spec.c - options and image configuration become one decided plan.
 *
 * The order is that of dependence: identity, network and host name, limits, isolation, process,
 * mounts, life. Each part checks what it takes; the first complaint ends it. Nothing here looks
 * at the system, so every decision can be tested as a function of its inputs.
 */
#include "runtime/spec_parts.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "base/ident.h"
#include "base/str.h"
#include "oci/reference.h"
#include "runtime/capset.h"
#include "runtime/pathclean.h"
#include "runtime/signals.h"

#define DEFAULT_STOP_TIMEOUT_S 10
#define MAX_RETRIES            1000000

int spec_dup(const char *text, char **ret_copy, struct mcpd_error *err)
{
    *ret_copy = text ? strdup(text) : NULL;
    return text && !*ret_copy ? error_no_memory(err, "plan") : 0;
}

int spec_dup_list(const char *const *list, char ***ret_copy, struct mcpd_error *err)
{
    char **copy = NULL;

    for (size_t i = 0; list && list[i]; i++)
        if (strv_append(&copy, list[i]) < 0) {
            strv_free(copy);
            return error_no_memory(err, "plan");
        }
    *ret_copy = copy;
    return 0;
}

/* A borrowed strv as the list type of the public header. */
static const char *const *as_list(char **vector)
{
    return (const char *const *)vector;
}

/* --- identity ------------------------------------------------------------------------ */

/* podman shows the name that was asked for, in full; of an id, the image's first name. */
static int choose_image_name(const char *given, const struct image *image, struct plan *plan,
                             struct mcpd_error *err)
{
    char name[REFERENCE_MAX_LENGTH + 1] = "";
    struct reference reference;

    if (reference_parse(given, &reference, NULL) == 0)
        reference_format(&reference, name, sizeof(name));
    if (strv_contains(image->names, name))
        return spec_dup(name, &plan->image_name, err);
    if (image->names && image->names[0])
        return spec_dup(image->names[0], &plan->image_name, err);
    return spec_dup(digest_hex(&image->id), &plan->image_name, err);
}

static int take_assignments(const char *const *list, const char *what, bool wants_value,
                            char ***assignments, struct mcpd_error *err)
{
    for (size_t i = 0; list && list[i]; i++) {
        bool has_value = strchr(list[i], '=') != NULL;
        CLEANUP_FREE char *text = str_format("%s%s", list[i], has_value ? "" : "=");

        if (wants_value && (!has_value || list[i][0] == '='))
            return error_set(err, MCPD_E_INVALID, "%s must be formatted KEY=VALUE", what);
        if (list[i][0] == '\0' || list[i][0] == '=')
            return error_set(err, MCPD_E_INVALID,
                             "unable to process %s: invalid label format: \"%s\"", what, list[i]);
        if (!text || strv_env_set(assignments, text) < 0)
            return error_no_memory(err, what);
    }
    return 0;
}

static int copy_layers(const struct image *image, struct plan *plan, struct mcpd_error *err)
{
    size_t count = image->config.diff_id_count;

    plan->layers = calloc(count + 1, sizeof(*plan->layers));
    if (!plan->layers)
        return error_no_memory(err, "layers");
    if (count > 0)
        memcpy(plan->layers, image->config.diff_ids, count * sizeof(*plan->layers));
    plan->layer_count = count;
    return 0;
}

static int build_identity(const struct mcpd_create_options *options, const struct image *image,
                          const struct spec_host *host, struct plan *plan, struct mcpd_error *err)
{
    int rc;

    if (options->spec.name && !ident_is_valid_name(options->spec.name))
        return error_set(err, MCPD_E_INVALID,
                         "running container create option: names must match "
                         "[a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument");
    plan->created_unix_ns = host->now_unix_ns;
    plan->image_id = image->id;
    plan->image_manifest_digest = image->manifest_digest;
    rc = spec_dup(host->id, &plan->id, err);
    if (rc == 0)
        rc = spec_dup(options->spec.name, &plan->name, err);
    if (rc == 0)
        rc = choose_image_name(options->spec.image ? options->spec.image : "", image, plan, err);
    if (rc == 0)
        rc = copy_layers(image, plan, err);
    if (rc == 0)
        rc = take_assignments(as_list(image->config.labels), "labels", false, &plan->labels, err);
    if (rc == 0)
        rc = take_assignments(options->labels, "labels", false, &plan->labels, err);
    if (rc == 0)
        rc = take_assignments(options->annotations, "annotations", true, &plan->annotations, err);
    return rc < 0 ? rc : spec_dup_list(options->create_command, &plan->create_command, err);
}

/* --- process --------------------------------------------------------------------------- */

static bool is_empty(const char *const *list)
{
    return !list || !list[0] || (list[0][0] == '\0' && !list[1]);
}

/* ENTRYPOINT and CMD: a given entrypoint switches the image's CMD off, a given command replaces
 * it. */
static int build_args(const struct mcpd_create_options *options, const struct image *image,
                      struct plan *plan, struct mcpd_error *err)
{
    const char *const *entrypoint = as_list(image->config.entrypoint);
    const char *const *cmd = as_list(image->config.cmd);
    int rc;

    if (options->entrypoint) {
        entrypoint = is_empty(options->entrypoint) ? NULL : options->entrypoint;
        cmd = NULL;
    }
    if (options->spec.cmd && options->spec.cmd[0])
        cmd = options->spec.cmd;
    rc = spec_dup_list(entrypoint, &plan->process.args, err);
    for (size_t i = 0; rc == 0 && cmd && cmd[i]; i++)
        if (strv_append(&plan->process.args, cmd[i]) < 0)
            rc = error_no_memory(err, "command");
    if (rc == 0 && !plan->process.args)
        return error_set(err, MCPD_E_INVALID,
                         "no command specified: no command or entrypoint provided, and no CMD or "
                         "ENTRYPOINT from image");
    if (rc == 0)
        rc = spec_dup_list(cmd, &plan->cmd_given, err);
    if (rc == 0 && entrypoint && entrypoint[0]) {
        CLEANUP_STRV char **words = NULL;

        rc = spec_dup_list(entrypoint, &words, err);
        plan->entrypoint_text = rc == 0 ? strv_join(words, " ") : NULL;
        if (rc == 0 && !plan->entrypoint_text)
            rc = error_no_memory(err, "entrypoint");
    }
    return rc;
}

static int build_working_dir(const char *given, const char *image_dir, char **ret_dir,
                             struct mcpd_error *err)
{
    const char *dir = given && *given ? given : image_dir && *image_dir ? image_dir : "/";

    if (*dir != '/')
        return error_set(err, MCPD_E_INVALID,
                         "working directory \"%s\" is invalid, it needs to be an absolute path",
                         dir);
    *ret_dir = pathclean(dir);
    return *ret_dir ? 0 : error_no_memory(err, "working directory");
}

/* Octal, as the shell's umask. */
static int parse_umask(const char *text, unsigned int *ret_umask, struct mcpd_error *err)
{
    unsigned int value = 0;
    const char *c;

    if (!text)
        return 0;
    for (c = text; *c >= '0' && *c <= '7' && value <= 0777; c++)
        value = value * 8 + (unsigned int)(*c - '0');
    if (c == text || *c != '\0' || value > 0777)
        return error_set(err, MCPD_E_INVALID,
                         "running container create option: invalid umask string %s: invalid "
                         "argument",
                         text);
    *ret_umask = value;
    return 0;
}

static int build_process(const struct mcpd_create_options *options, const struct image *image,
                         const struct spec_host *host, struct plan *plan, struct mcpd_error *err)
{
    struct plan_process *process = &plan->process;
    const char *user = options->spec.user ? options->spec.user : image->config.user;
    int rc = build_args(options, image, plan, err);

    process->tty = options->tty;
    process->open_stdin = options->interactive;
    if (rc == 0)
        rc = spec_env_build(options, image, host, plan, err);
    if (rc == 0)
        rc = build_working_dir(options->working_dir, image->config.working_dir,
                               &process->working_dir, err);
    process->requires_working_dir = options->working_dir && *options->working_dir != '\0';
    if (rc == 0)
        rc = spec_dup(user ? user : "", &process->user, err);
    if (rc == 0)
        rc = spec_dup(options->spec.user, &plan->user_given, err);
    if (rc == 0)
        rc = spec_dup_list(options->group_add, &process->group_add, err);
    return rc < 0 ? rc : parse_umask(options->umask, &process->umask, err);
}

/* --- life --------------------------------------------------------------------------------- */

static int parse_restart(const char *text, struct plan *plan, struct mcpd_error *err)
{
    static const char *const policies[] = {"no", "always", "on-failure", "unless-stopped"};
    CLEANUP_FREE char *policy = NULL;
    const char *retries;

    if (!text || *text == '\0')
        return 0;
    retries = strchr(text, ':');
    policy = strndup(text, strcspn(text, ":"));
    if (!policy)
        return error_no_memory(err, "restart policy");
    if (retries && strcmp(policy, "on-failure") != 0)
        return error_set(
            err, MCPD_E_INVALID,
            "running container create option: restart policy \"%s\" takes no number of "
            "retries: invalid argument",
            policy);
    if (retries && str_to_u32(retries + 1, MAX_RETRIES, &plan->restart_max_retries) < 0)
        return error_set(err, MCPD_E_INVALID,
                         "running container create option: \"%s\" is not a valid number of restart "
                         "retries: invalid argument",
                         retries + 1);
    for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
        if (strcmp(policy, policies[i]) == 0) {
            plan->restart = TAKE_PTR(policy);
            return 0;
        }
    return error_set(err, MCPD_E_INVALID,
                     "running container create option: \"%s\" is not a valid restart policy: "
                     "invalid argument",
                     text);
}

static int choose_stop_signal(const char *given, const char *image_signal, struct plan *plan,
                              struct mcpd_error *err)
{
    /* An image may say nonsense; that must not keep its containers from starting. */
    if (!given && (!image_signal || signals_parse(image_signal, &plan->stop_signal, NULL) < 0))
        plan->stop_signal = SIGTERM;
    return given ? signals_parse(given, &plan->stop_signal, err) : 0;
}

static int build_life(const struct mcpd_create_options *options, const struct image *image,
                      const struct spec_host *host, struct plan *plan, struct mcpd_error *err)
{
    int rc = parse_restart(options->spec.restart, plan, err);

    plan->auto_remove = options->auto_remove;
    plan->volatile_upper = options->auto_remove;
    plan->init = options->init;
    plan->process.passwd_off = options->passwd_off;
    plan->stop_timeout_s = options->stop_timeout_s < 0 ? DEFAULT_STOP_TIMEOUT_S
                                                       : (unsigned int)options->stop_timeout_s;
    if (rc == 0 && options->auto_remove && plan->restart && strcmp(plan->restart, "no") != 0)
        return error_set(err, MCPD_E_INVALID,
                         "the --rm option conflicts with --restart, when the restartPolicy is not "
                         "\"\" and \"no\"");
    if (rc == 0)
        rc = choose_stop_signal(options->stop_signal, image->config.stop_signal, plan, err);
    return rc < 0 ? rc : spec_log_build(options, host, plan, err);
}

/* What an image says that is no absolute path is no volume; it must not keep it from starting. */
static int take_volumes(const char *const *paths, struct plan *plan, struct mcpd_error *err)
{
    for (; paths && *paths; paths++) {
        char *path = (*paths)[0] == '/' ? pathclean(*paths) : NULL;

        if ((*paths)[0] != '/')
            continue;
        if (!path || strv_append_take(&plan->image_volumes, path) < 0)
            return error_no_memory(err, "volumes of the image");
    }
    return 0;
}

/* --- all together --------------------------------------------------------------------------- */

static int build(const struct mcpd_create_options *options, const struct image *image,
                 const struct spec_host *host, struct plan *plan, struct mcpd_error *err)
{
    int rc = build_identity(options, image, host, plan, err);

    if (rc == 0)
        rc = build_life(options, image, host, plan, err);
    if (rc == 0)
        rc = spec_network_build(options, host, plan, err);
    if (rc == 0)
        rc = spec_limits_build(options, plan, err);
    if (rc == 0)
        rc = spec_security_build(options, plan, err);
    if (rc == 0)
        rc = build_process(options, image, host, plan, err);
    plan->read_only_root = options->read_only;
    if (rc == 0)
        rc = take_volumes(as_list(image->config.volumes), plan, err);
    return rc < 0 ? rc : spec_mounts_build(options, host, plan, err);
}

int spec_build(const struct mcpd_create_options *options, const struct image *image,
               const struct spec_host *host, struct plan *ret_plan, struct mcpd_error *err)
{
    struct plan plan;
    int rc;

    plan_init(&plan);
    rc = build(options, image, host, &plan, err);
    if (rc == 0)
        rc = plan_check_text(&plan, err);
    if (rc < 0) {
        plan_done(&plan);
        return rc;
    }
    *ret_plan = plan;
    return 0;
}

/* --- exec ---------------------------------------------------------------------------------------
 */

static int build_exec(const struct plan *plan, const struct mcpd_exec_options *options,
                      const struct spec_host *host, struct plan_process *process,
                      struct mcpd_error *err)
{
    int rc = spec_dup_list(options->cmd, &process->args, err);

    process->tty = options->tty;
    process->open_stdin = options->interactive;
    process->umask = plan->process.umask;
    process->no_new_privileges = plan->process.no_new_privileges;
    process->capabilities = options->privileged ? capset_all() : plan->process.capabilities;
    process->capabilities_added = plan->process.capabilities_added;
    if (rc == 0 && !process->args)
        return error_set(err, MCPD_E_INVALID,
                         "must provide a non-empty command to start an exec "
                         "session: invalid argument");
    if (rc == 0)
        rc = spec_dup_list(as_list(plan->process.env), &process->env, err);
    if (rc == 0)
        rc = spec_env_add_files(&process->env, options->env_files, host->environment, err);
    for (size_t i = 0; rc == 0 && options->env && options->env[i]; i++)
        rc = spec_env_add(&process->env, options->env[i], host->environment, err);
    if (rc == 0)
        rc = build_working_dir(options->working_dir, plan->process.working_dir,
                               &process->working_dir, err);
    if (rc == 0)
        rc = spec_dup(options->user ? options->user : plan->process.user, &process->user, err);
    if (rc == 0 && !options->user)
        rc = spec_dup_list(as_list(plan->process.group_add), &process->group_add, err);
    return rc;
}

int spec_exec_process(const struct plan *plan, const struct mcpd_exec_options *options,
                      const struct spec_host *host, struct plan_process *ret_process,
                      struct mcpd_error *err)
{
    struct plan_process process = {0};
    int rc = build_exec(plan, options, host, &process, err);

    if (rc < 0) {
        plan_process_done(&process);
        return rc;
    }
    *ret_process = process;
    return 0;
}
