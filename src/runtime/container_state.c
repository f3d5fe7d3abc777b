/* container_state.c - state.json and spec.json of a container's record. */
#include "runtime/container_parts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fsutil.h"
#include "base/jsonx.h"
#include "base/str.h"

#define FILE_MAX_BYTES 65536

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

/* Where nothing new can be written: over what is there, which needs no room. Blanks make up for
 * what is shorter. */
static int overwrite(int dir_fd, const json_t *json, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = json_dumps(json, JSON_COMPACT);
    CLEANUP_FD int fd = openat(dir_fd, "state.json", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    int rc;

    if (!text)
        return error_no_memory(err, "state.json");
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_errno(err, "open 'state.json'");
    rc = fs_write_all(fd, text, strlen(text), "state.json", err);
    for (off_t length = (off_t)strlen(text); rc == 0 && length < st.st_size; length++)
        rc = fs_write_all(fd, " ", 1, "state.json", err);
    return rc;
}

int container_save_state(int dir_fd, const struct container_state *state, bool sync,
                         struct mcpd_error *err)
{
    CLEANUP_JSON json_t *json = json_pack(
        "{s:s, s:i, s:b, s:b, s:I, s:I, s:I, s:o}", "status", container_status_name(state->status),
        "exitCode", state->exit_code, "oomKilled", state->oom_killed, "stoppedByUser",
        state->stopped_by_user, "started", (json_int_t)state->started_unix_ns, "finished",
        (json_int_t)state->finished_unix_ns, "restartCount", (json_int_t)state->restart_count,
        "error", jsonx_string(state->error));

    int rc;

    if (!json)
        return error_no_memory(err, "state.json");
    rc = jsonx_save(dir_fd, "state.json", json, sync ? FS_WRITE_SYNC : 0, err);
    /* A container that fills the disk must not take its exit code with it. */
    if (rc == -MCPD_E_NO_SPACE && overwrite(dir_fd, json, NULL) == 0)
        return 0;
    return rc;
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
    int rc = jsonx_load(dir_fd, "spec.json", CONTAINER_SPEC_MAX_BYTES, &json, err);

    return rc < 0 ? rc : plan_from_json(json, ret_plan, err);
}
