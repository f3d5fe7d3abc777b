/* container_state.c - state.json and run.json: what happened to a container, and what runs of it.
 */
#include "runtime/container.h"

#include <fcntl.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/jsonx.h"
#include "base/str.h"

#define FILE_MAX_BYTES 65536
#define SPEC_MAX_BYTES (4u << 20)
#define BOOT_ID_FILE   "/proc/sys/kernel/random/boot_id"

static const char status_names[][12] = {
    [CONTAINER_STATUS_CREATED] = "created",       [CONTAINER_STATUS_RUNNING] = "running",
    [CONTAINER_STATUS_PAUSED] = "paused",         [CONTAINER_STATUS_STOPPING] = "stopping",
    [CONTAINER_STATUS_RESTARTING] = "restarting", [CONTAINER_STATUS_EXITED] = "exited",
};

const char *container_status_name(enum container_status status)
{
    return status_names[status];
}

bool container_is_active(enum container_status status)
{
    return status != CONTAINER_STATUS_CREATED && status != CONTAINER_STATUS_EXITED;
}

/* --- state.json --------------------------------------------------------------------- */

int container_save_state(int dir_fd, const struct container_state *state, bool sync,
                         struct mcpd_error *err)
{
    CLEANUP_JSON json_t *json = json_pack(
        "{s:s, s:i, s:b, s:b, s:I, s:I, s:I, s:o}", "status", container_status_name(state->status),
        "exitCode", state->exit_code, "oomKilled", state->oom_killed, "stoppedByUser",
        state->stopped_by_user, "started", (json_int_t)state->started_unix_ns, "finished",
        (json_int_t)state->finished_unix_ns, "restartCount", (json_int_t)state->restart_count,
        "error", jsonx_string(state->error));

    if (!json)
        return error_no_memory(err, "state.json");
    return jsonx_save(dir_fd, "state.json", json, sync ? FS_WRITE_SYNC : 0, err);
}

static int parse_status(const json_t *json, enum container_status *ret_status,
                        struct mcpd_error *err)
{
    const char *text = NULL;
    int rc = jsonx_get_string(json, "status", "state.json", &text, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; text && i < ARRAY_SIZE(status_names); i++)
        if (strcmp(text, status_names[i]) == 0) {
            *ret_status = (enum container_status)i;
            return 0;
        }
    return error_set(err, MCPD_E_CORRUPT, "state.json: unknown status");
}

static int parse_state(const json_t *json, struct container_state *state, struct mcpd_error *err)
{
    int64_t exit_code = 0;
    int64_t restarts = 0;
    const char *text = NULL;
    int rc = parse_status(json, &state->status, err);

    if (rc == 0)
        rc = jsonx_get_i64(json, "exitCode", "state.json", &exit_code, err);
    if (rc == 0)
        rc = jsonx_get_bool(json, "oomKilled", "state.json", &state->oom_killed, err);
    if (rc == 0)
        rc = jsonx_get_bool(json, "stoppedByUser", "state.json", &state->stopped_by_user, err);
    if (rc == 0)
        rc = jsonx_get_i64(json, "started", "state.json", &state->started_unix_ns, err);
    if (rc == 0)
        rc = jsonx_get_i64(json, "finished", "state.json", &state->finished_unix_ns, err);
    if (rc == 0)
        rc = jsonx_get_i64(json, "restartCount", "state.json", &restarts, err);
    if (rc == 0)
        rc = jsonx_get_string(json, "error", "state.json", &text, err);
    state->exit_code = (int)exit_code;
    state->restart_count = (uint32_t)restarts;
    (void)snprintf(state->error, sizeof(state->error), "%s", text ? text : "");
    return rc;
}

int container_load_state(int dir_fd, struct container_state *ret_state, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *json = NULL;
    struct container_state state = {.status = CONTAINER_STATUS_CREATED};
    int rc = jsonx_load(dir_fd, "state.json", FILE_MAX_BYTES, &json, err);

    if (rc == 0)
        rc = parse_state(json, &state, err);
    if (rc == -MCPD_E_CORRUPT || rc == -MCPD_E_LIMIT) {
        state = (struct container_state){.status = CONTAINER_STATUS_RUNNING};
        (void)snprintf(state.error, sizeof(state.error), "state.json was damaged");
    } else if (rc < 0 && rc != -MCPD_E_NOT_FOUND) {
        return rc;
    }
    *ret_state = state;
    return 0;
}

int container_load_plan(int dir_fd, struct plan *ret_plan, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *json = NULL;
    int rc = jsonx_load(dir_fd, "spec.json", SPEC_MAX_BYTES, &json, err);

    return rc < 0 ? rc : plan_from_json(json, ret_plan, err);
}

/* --- run.json ------------------------------------------------------------------------ */

void container_boot_id(char buffer[40])
{
    CLEANUP_FREE char *text = NULL;

    buffer[0] = '\0';
    if (fs_read_file(AT_FDCWD, BOOT_ID_FILE, 64, &text, NULL, NULL) < 0)
        return;
    text[strcspn(text, "\n")] = '\0';
    (void)snprintf(buffer, 40, "%s", text);
}

int container_save_run(int run_dir_fd, const struct container_run *run, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *json =
        json_pack("{s:i, s:i, s:I, s:o, s:o}", "monitorPid", (int)run->monitor_pid, "initPid",
                  (int)run->init_pid, "initStartTicks", (json_int_t)run->init_start_ticks, "cgroup",
                  jsonx_string(run->cgroup_path), "bootId", jsonx_string(run->boot_id));

    if (!json)
        return error_no_memory(err, "run.json");
    return jsonx_save(run_dir_fd, "run.json", json, 0, err);
}

static int parse_pid(const json_t *json, const char *key, pid_t *ret_pid, struct mcpd_error *err)
{
    int64_t value = 0;
    int rc = jsonx_get_i64(json, key, "run.json", &value, err);

    if (rc == 0 && (value < 0 || value > INT32_MAX))
        return error_set(err, MCPD_E_CORRUPT, "run.json: %s is out of range", key);
    *ret_pid = (pid_t)value;
    return rc;
}

int container_load_run(int run_dir_fd, struct container_run *ret_run, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *json = NULL;
    struct container_run run = {0};
    const char *cgroup = NULL;
    const char *boot_id = NULL;
    uint64_t ticks = 0;
    int rc = jsonx_load(run_dir_fd, "run.json", FILE_MAX_BYTES, &json, err);

    if (rc == 0)
        rc = parse_pid(json, "monitorPid", &run.monitor_pid, err);
    if (rc == 0)
        rc = parse_pid(json, "initPid", &run.init_pid, err);
    if (rc == 0)
        rc = jsonx_get_u64(json, "initStartTicks", "run.json", &ticks, err);
    if (rc == 0)
        rc = jsonx_get_string(json, "cgroup", "run.json", &cgroup, err);
    if (rc == 0)
        rc = jsonx_get_string(json, "bootId", "run.json", &boot_id, err);
    if (rc < 0)
        return rc;
    if (str_copy(run.cgroup_path, sizeof(run.cgroup_path), cgroup ? cgroup : "") < 0 ||
        str_copy(run.boot_id, sizeof(run.boot_id), boot_id ? boot_id : "") < 0)
        return error_set(err, MCPD_E_CORRUPT, "run.json: a text is too long");
    run.init_start_ticks = ticks;
    *ret_run = run;
    return 0;
}
