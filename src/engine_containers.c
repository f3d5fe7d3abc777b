/* engine_containers.c - the calls about containers that are there: start them, look at them. */
#include "engine.h"

#include <string.h>

#include "base/str.h"
#include "runtime/attach.h"
#include "runtime/logfile.h"
#include "runtime/monitor.h"
#include "runtime/tty.h"

#define START_ATTEMPTS 3

int engine_load_container(const struct mcpd_engine *engine, const char *name,
                          struct container *ret_container, struct mcpd_error *err)
{
    char id[IDENT_SIZE];
    int rc = container_find(&engine->containers, name, id, err);

    if (rc == 0)
        rc = container_load(&engine->containers, id, ret_container, err);
    /* It went away between the two; the user knows it by another word than its id. */
    if (rc == -MCPD_E_NOT_FOUND)
        return container_not_found(name, err);
    return rc;
}

int mcpd_container_id(struct mcpd_engine *engine, const char *name, char **ret_id,
                      struct mcpd_error *err)
{
    char id[IDENT_SIZE];
    int rc = container_find(&engine->containers, name, id, err);

    if (rc < 0)
        return rc;
    *ret_id = strdup(id);
    return *ret_id ? 0 : error_no_memory(err, "id");
}

/* --- start ------------------------------------------------------------------------------------ */

/* is_starter: the container is run for us, and ends when nobody takes its output any more. */
static int attach_to(const struct container *container, int connection_fd, bool is_starter,
                     const struct mcpd_streams *streams, struct mcpd_attach_result *ret_result,
                     struct mcpd_error *err)
{
    const struct stream_abandon abandon = {.stop_signal = container->plan.stop_signal,
                                           .timeout_ms = engine_stop_timeout_ms(container, -1)};
    const struct attach_request request = {.streams = streams,
                                           .has_tty = container->plan.process.tty,
                                           .wants_input = container->plan.process.open_stdin,
                                           .connection_fd = connection_fd,
                                           .end_fd = -1,
                                           .abandon = is_starter ? &abandon : NULL};
    struct mcpd_attach_result result = {0};
    int rc = attach_run(&request, &result, err);

    if (rc == 0 && ret_result)
        *ret_result = result;
    return rc;
}

static int attach_running(const struct mcpd_engine *engine, const struct container *container,
                          const struct mcpd_streams *streams, struct mcpd_attach_result *ret_result,
                          struct mcpd_error *err)
{
    const struct monitor_request request = {
        .operation = MONITOR_ATTACH, .flags = streams->input_fd >= 0 ? MONITOR_FLAG_STDIN : 0};
    struct monitor_reply reply;
    CLEANUP_FD int fd = -1;
    int rc = monitor_request(&engine->containers, container->id, &request, &reply, &fd, err);

    return rc < 0 ? rc : attach_to(container, fd, false, streams, ret_result, err);
}

/* *ret_attach_fd stays -1 without streams. */
static int start(const struct mcpd_engine *engine, const struct container *container,
                 const struct mcpd_streams *streams, int *ret_attach_fd, struct mcpd_error *err)
{
    struct monitor_start_options options = {
        .program = engine->program, .attach = streams != NULL, .is_orphan = !engine->is_program};

    if (!engine->program)
        return error_set(err, MCPD_E_UNSUPPORTED, "the program mcpd is not installed");
    if (streams && container->plan.process.tty &&
        !tty_get_size(streams->input_fd, &options.rows, &options.columns))
        (void)tty_get_size(streams->output_fd, &options.rows, &options.columns);
    return monitor_start(&engine->containers, container, &options, ret_attach_fd, err);
}

static bool is_active(const struct mcpd_engine *engine, const char *id)
{
    struct container container;
    bool answer;

    if (container_load(&engine->containers, id, &container, NULL) < 0)
        return false;
    answer = container_is_active(container.state.status);
    container_done(&container);
    return answer;
}

/* And stays with it, if there are streams. Of several who start it at once one does, and to all it
 * was started; whoever wants to stay with one that has ended meanwhile starts it again. */
static int start_stopped(const struct mcpd_engine *engine, const struct container *container,
                         const struct mcpd_streams *streams, struct mcpd_attach_result *ret_result,
                         struct mcpd_error *err)
{
    CLEANUP_FD int attach_fd = -1;
    int rc = -MCPD_E_CONFLICT;

    for (int attempt = 0; attempt < START_ATTEMPTS && rc == -MCPD_E_CONFLICT; attempt++) {
        rc = start(engine, container, streams, &attach_fd, err);
        if (rc == -MCPD_E_CONFLICT && !streams)
            return 0;
        if (rc == -MCPD_E_CONFLICT && is_active(engine, container->id))
            return attach_running(engine, container, streams, ret_result, err);
    }
    if (rc == 0)
        return streams ? attach_to(container, attach_fd, true, streams, ret_result, err) : 0;
    if (container->plan.auto_remove)
        container_remove_unstarted(&engine->containers, container);
    return rc;
}

int mcpd_start(struct mcpd_engine *engine, const char *name, const struct mcpd_streams *streams,
               struct mcpd_attach_result *ret_result, struct mcpd_error *err)
{
    struct container container;
    int rc = engine_load_container(engine, name, &container, err);

    if (rc < 0)
        return rc;
    if (!container_is_active(container.state.status))
        rc = start_stopped(engine, &container, streams, ret_result, err);
    else if (streams)
        rc = attach_running(engine, &container, streams, ret_result, err);
    container_done(&container);
    return rc;
}

/* --- exec, logs
 * ----------------------------------------------------------------------------------------- */

int mcpd_logs(struct mcpd_engine *engine, const char *name, const struct mcpd_logs_options *options,
              mcpd_log_function function, void *context, struct mcpd_error *err)
{
    const struct monitor_request request = {.operation = MONITOR_WAIT};
    CLEANUP(logfile_place_done) struct logfile_place place = LOGFILE_PLACE_NONE;
    CLEANUP_FD int end_fd = -1;
    struct container container;
    int rc = engine_load_container(engine, name, &container, err);

    if (rc < 0)
        return rc;
    if (str_equal(container.plan.log_driver, "none"))
        rc = error_set(err, MCPD_E_UNSUPPORTED,
                       "this container is using the 'none' log driver, cannot read logs: this "
                       "container is not logging output");
    else if (options->follow && container_is_active(container.state.status))
        rc = monitor_send_request(&engine->containers, container.id, &request, &end_fd, err);
    if (rc == -MCPD_E_STATE && !is_active(engine, container.id))
        rc = 0; /* it has just ended: what is there is all */
    if (rc == 0)
        rc = logfile_find(container.dir_fd, container.plan.log_path, &place, err);
    if (rc == 0)
        rc = logfile_read(&place, options, end_fd, function, context, err);
    container_done(&container);
    return rc;
}

/* --- looking
 * -------------------------------------------------------------------------------------------- */

/* As it would be given: "on-failure:5". */
static char *restart_text(const struct plan *plan)
{
    const char *policy = plan->restart ? plan->restart : "no";

    return plan->restart_max_retries > 0 ? str_format("%s:%u", policy, plan->restart_max_retries)
                                         : strdup(policy);
}

static struct mcpd_container_info *make_info(const struct container *container)
{
    const struct plan *plan = &container->plan;
    struct mcpd_container_info *info = calloc(1, sizeof(*info));

    if (!info)
        return NULL;
    info->name = strdup(plan->name);
    info->image = strdup(plan->image_name ? plan->image_name : "");
    info->state = strdup(container_status_name(container->state.status));
    info->network = strdup(plan->network_name ? plan->network_name : "");
    info->user = strdup(plan->process.user ? plan->process.user : "");
    info->restart = restart_text(plan);
    info->ports = strv_copy(plan->ports_given);
    info->volumes = strv_copy(plan->volumes_given);
    info->cmd = strv_copy(plan->cmd_given);
    info->version = mcpd_image_version(plan->image_name ? plan->image_name : "");
    info->started_unix_ns = container->state.started_unix_ns;
    if (info->name && info->image && info->state && info->network && info->user && info->restart &&
        info->ports && info->volumes && info->cmd && info->version)
        return info;
    mcpd_container_info_free(info);
    return NULL;
}

int mcpd_inspect(struct mcpd_engine *engine, const char *name,
                 struct mcpd_container_info **ret_info, struct mcpd_error *err)
{
    struct mcpd_container_info *info;
    struct container container;
    int rc = engine_load_container(engine, name, &container, err);

    if (rc < 0)
        return rc;
    info = make_info(&container);
    container_done(&container);
    if (!info)
        return error_no_memory(err, "inspect");
    *ret_info = info;
    return 0;
}

int mcpd_list(struct mcpd_engine *engine, struct mcpd_container_info ***ret_infos,
              struct mcpd_error *err)
{
    struct container *containers = NULL;
    struct mcpd_container_info **infos;
    size_t count = 0;
    size_t made = 0;
    int rc = container_list(&engine->containers, engine->warn, engine->warn_context, &containers,
                            &count, err);

    if (rc < 0)
        return rc;
    infos = calloc(count + 1, sizeof(struct mcpd_container_info *));
    while (infos && made < count && (infos[made] = make_info(&containers[made])) != NULL)
        made++;
    container_list_free(containers, count);
    if (!infos || made < count) {
        mcpd_container_infos_free(infos);
        return error_no_memory(err, "list of containers");
    }
    *ret_infos = infos;
    return 0;
}

int mcpd_inspect_json(struct mcpd_engine *engine, const char *name, char **ret_object,
                      struct mcpd_error *err)
{
    struct container container;
    json_t *json;
    int rc = engine_load_container(engine, name, &container, err);

    if (rc < 0)
        return rc;
    json = container_inspect_json(&engine->containers, &container);
    container_done(&container);
    return engine_json_text(json, "inspect", ret_object, err);
}

int mcpd_list_json(struct mcpd_engine *engine, bool all, char **ret_array, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *array = json_array();
    struct container *containers = NULL;
    size_t count = 0;
    int rc = container_list(&engine->containers, engine->warn, engine->warn_context, &containers,
                            &count, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && rc == 0; i++) {
        if (!all && !container_is_active(containers[i].state.status))
            continue;
        if (json_array_append_new(array, container_list_json(&containers[i])) < 0)
            rc = error_no_memory(err, "list of containers");
    }
    container_list_free(containers, count);
    return rc < 0 ? rc : engine_json_text(TAKE_PTR(array), "list of containers", ret_array, err);
}
