/*
 * inspect.c - podman 4.3.1's documents about a container: inspect and ps.
 *
 * The shape is podman's, member by member, because programs read it; what we have no word for
 * holds podman's empty value. Values are ours: paths, driver, modes.
 */
#include "runtime/container.h"

#include <string.h>
#include <sys/mount.h>

#include "base/clock.h"
#include "base/jsonx.h"
#include "base/str.h"
#include "runtime/capset.h"
#include "runtime/logfile.h"
#include "runtime/rootfs.h"
#include "runtime/ulimit.h"

#define NEVER_UNIX_S  INT64_C(-62135596800) /* Go's zero time */
#define NS_PER_SECOND INT64_C(1000000000)

/* --- helpers ------------------------------------------------------------------------------- */

static json_t *time_string(int64_t unix_ns)
{
    char text[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(unix_ns, text);
    return json_string(text);
}

static json_t *list_or_null(char *const *vector)
{
    return vector && vector[0] ? jsonx_strv(vector) : json_null();
}

static json_t *map_or_null(char *const *assignments)
{
    return assignments && assignments[0] ? jsonx_string_map(assignments) : json_null();
}

/* A file of the record; "" without memory. */
static json_t *record_path(const char *folder, const struct container *container, const char *file)
{
    CLEANUP_FREE char *path = str_format("%s/containers/%s%s", folder, container->id, file);

    return jsonx_string(path ? path : "");
}

static json_t *capability_list(uint64_t set)
{
    CLEANUP_STRV char **names = capset_names(set);

    return jsonx_strv(names);
}

static json_t *missing_capabilities(uint64_t from, uint64_t in)
{
    return capability_list(from & ~in);
}

static bool is_root_user(const char *user)
{
    return !user || *user == '\0' || strcmp(user, "0") == 0 || strcmp(user, "root") == 0 ||
           str_has_prefix(user, "0:") || str_has_prefix(user, "root:");
}

static const char *propagation_name(const struct plan_mount *mount)
{
    switch (mount->propagation) {
    case MS_SHARED:
        return "rshared";
    case MS_SLAVE:
        return "rslave";
    default:
        return "rprivate";
    }
}

static bool is_shown_mount(const struct plan_mount *mount)
{
    return mount->is_user_volume && mount->kind == PLAN_MOUNT_BIND;
}

/* nosuid and so on, as options; "ro" has a member of its own. */
static json_t *mount_options(const struct plan_mount *mount)
{
    json_t *options = json_array();

    if (mount->no_suid)
        (void)json_array_append_new(options, json_string("nosuid"));
    if (mount->no_dev)
        (void)json_array_append_new(options, json_string("nodev"));
    if (mount->no_exec)
        (void)json_array_append_new(options, json_string("noexec"));
    (void)json_array_append_new(options, json_string(mount->recursive ? "rbind" : "bind"));
    return options;
}

/* --- inspect: parts -------------------------------------------------------------------------- */

static json_t *inspect_state(const struct container *container)
{
    const struct container_state *state = &container->state;
    const struct container_run *run = &container->run;
    json_t *json = json_pack("{s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:i}", "OciVersion", "1.0.2",
                             "Status", container_status_name(state->status), "Running",
                             state->status == CONTAINER_STATUS_RUNNING, "Paused",
                             state->status == CONTAINER_STATUS_PAUSED, "Restarting",
                             state->status == CONTAINER_STATUS_RESTARTING, "OOMKilled",
                             state->oom_killed, "Dead", 0, "Pid", (int)run->init_pid);

    if (run->monitor_pid > 0)
        (void)json_object_set_new(json, "ConmonPid", json_integer(run->monitor_pid));
    (void)json_object_update_new(
        json,
        json_pack("{s:i, s:o, s:o, s:o, s:{s:s, s:i, s:n}}", "ExitCode", state->exit_code, "Error",
                  jsonx_string(state->error), "StartedAt", time_string(state->started_unix_ns),
                  "FinishedAt",
                  time_string(container_is_active(state->status) ? 0 : state->finished_unix_ns),
                  "Health", "Status", "", "FailingStreak", 0, "Log"));
    if (run->cgroup_path[0] != '\0')
        (void)json_object_set_new(json, "CgroupPath", jsonx_string(run->cgroup_path));
    (void)json_object_set_new(json, "CheckpointedAt", time_string(0));
    (void)json_object_set_new(json, "RestoredAt", time_string(0));
    return json;
}

static json_t *inspect_mounts(const struct plan *plan)
{
    json_t *array = json_array();

    for (size_t i = 0; i < plan->mount_count; i++) {
        const struct plan_mount *mount = &plan->mounts[i];

        if (is_shown_mount(mount))
            (void)json_array_append_new(
                array, json_pack("{s:s, s:o, s:o, s:s, s:s, s:o, s:b, s:s}", "Type", "bind",
                                 "Source", jsonx_string(mount->source), "Destination",
                                 jsonx_string(mount->destination), "Driver", "", "Mode", "",
                                 "Options", mount_options(mount), "RW", !mount->read_only,
                                 "Propagation", propagation_name(mount)));
    }
    return array;
}

static json_t *inspect_network(void)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:i, s:s, s:s, s:s, s:b, s:s, s:i, s:{}, s:s}",
                     "EndpointID", "", "Gateway", "", "IPAddress", "", "IPPrefixLen", 0,
                     "IPv6Gateway", "", "GlobalIPv6Address", "", "GlobalIPv6PrefixLen", 0,
                     "MacAddress", "", "Bridge", "", "SandboxID", "", "HairpinMode", 0,
                     "LinkLocalIPv6Address", "", "LinkLocalIPv6PrefixLen", 0, "Ports", "SandboxKey",
                     "");
}

static json_t *inspect_annotations(const struct plan *plan)
{
    json_t *json = jsonx_string_map(plan->annotations);
    char signal[16];

    (void)snprintf(signal, sizeof(signal), "%d", plan->stop_signal);
    (void)json_object_update_missing_new(
        json, json_pack("{s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:s}", "io.container.manager", "mcpd",
                        "io.kubernetes.cri-o.Created", time_string(plan->created_unix_ns),
                        "io.kubernetes.cri-o.TTY", plan->process.tty ? "true" : "false",
                        "io.podman.annotations.autoremove", plan->auto_remove ? "TRUE" : "FALSE",
                        "io.podman.annotations.init", plan->init ? "TRUE" : "FALSE",
                        "io.podman.annotations.privileged", plan->privileged ? "TRUE" : "FALSE",
                        "io.podman.annotations.publish-all", "FALSE",
                        "org.opencontainers.image.stopSignal", signal));
    return json;
}

static json_t *inspect_config(const struct plan *plan)
{
    const struct plan_process *process = &plan->process;
    char umask[16];
    json_t *json = json_pack(
        "{s:o, s:s, s:o, s:b, s:b, s:b, s:b, s:b, s:b}", "Hostname", jsonx_string(plan->hostname),
        "Domainname", "", "User", jsonx_string(process->user), "AttachStdin", 0, "AttachStdout", 0,
        "AttachStderr", 0, "Tty", process->tty, "OpenStdin", process->open_stdin, "StdinOnce", 0);

    (void)snprintf(umask, sizeof(umask), "%04o", process->umask);
    (void)json_object_update_new(
        json,
        json_pack("{s:o, s:o, s:o, s:n, s:o, s:o, s:n, s:o, s:o}", "Env", jsonx_strv(process->env),
                  "Cmd", list_or_null(plan->cmd_given), "Image", jsonx_string(plan->image_name),
                  "Volumes", "WorkingDir", jsonx_string(process->working_dir), "Entrypoint",
                  jsonx_string(plan->entrypoint_text ? plan->entrypoint_text : ""), "OnBuild",
                  "Labels", map_or_null(plan->labels), "Annotations", inspect_annotations(plan)));
    (void)json_object_update_new(
        json,
        json_pack("{s:i, s:s, s:o, s:s, s:i, s:i, s:b, s:s}", "StopSignal", plan->stop_signal,
                  "HealthcheckOnFailureAction", "none", "CreateCommand",
                  list_or_null(plan->create_command), "Umask", umask, "Timeout", 0, "StopTimeout",
                  (int)plan->stop_timeout_s, "Passwd", 1, "sdNotifyMode", "container"));
    return json;
}

/* --- inspect: HostConfig ------------------------------------------------------------------------
 */

static json_t *host_binds(const struct plan *plan)
{
    json_t *array = json_array();

    for (size_t i = 0; i < plan->mount_count; i++) {
        const struct plan_mount *mount = &plan->mounts[i];
        CLEANUP_FREE char *text = NULL;

        if (!is_shown_mount(mount))
            continue;
        text = str_format("%s:%s:%s,%s%s%s%s,%s", mount->source, mount->destination,
                          mount->read_only ? "ro" : "rw", propagation_name(mount),
                          mount->no_suid ? ",nosuid" : "", mount->no_dev ? ",nodev" : "",
                          mount->no_exec ? ",noexec" : "", mount->recursive ? "rbind" : "bind");
        (void)json_array_append_new(array, jsonx_string(text));
    }
    return array;
}

static json_t *host_tmpfs(const struct plan *plan)
{
    json_t *map = json_object();

    for (size_t i = 0; i < plan->mount_count; i++) {
        const struct plan_mount *mount = &plan->mounts[i];
        CLEANUP_FREE char *text = NULL;

        if (!mount->is_user_volume || mount->kind != PLAN_MOUNT_TMPFS)
            continue;
        text = str_format("%s,rprivate%s%s%s%s%s", mount->read_only ? "ro" : "rw",
                          mount->no_suid ? ",nosuid" : "", mount->no_dev ? ",nodev" : "",
                          mount->no_exec ? ",noexec" : "", mount->data ? "," : "",
                          mount->data ? mount->data : "");
        (void)json_object_set_new(map, mount->destination, jsonx_string(text));
    }
    return map;
}

static json_t *host_devices(const struct plan *plan)
{
    json_t *array = json_array();

    for (size_t i = 0; i < plan->mount_count; i++)
        if (plan->mounts[i].is_device)
            (void)json_array_append_new(array, json_pack("{s:o, s:o, s:s}", "PathOnHost",
                                                         jsonx_string(plan->mounts[i].source),
                                                         "PathInContainer",
                                                         jsonx_string(plan->mounts[i].destination),
                                                         "CgroupPermissions", ""));
    return array;
}

static json_t *host_ulimits(const struct plan_process *process)
{
    json_t *array = json_array();

    for (size_t i = 0; i < process->rlimit_count; i++) {
        const struct plan_rlimit *limit = &process->rlimits[i];
        char name[32];

        (void)snprintf(name, sizeof(name), "RLIMIT_%s", ulimit_name(limit->resource));
        (void)json_array_append_new(array, json_pack("{s:s, s:I, s:I}", "Name", name, "Soft",
                                                     (json_int_t)limit->soft, "Hard",
                                                     (json_int_t)limit->hard));
    }
    return array;
}

/* A limit is shown also where podman has none: what is true. */
static json_t *host_log(const struct container_root *root, const struct container *container)
{
    const struct plan *plan = &container->plan;
    bool has_log = !str_equal(plan->log_driver, "none");
    uint64_t max_bytes = plan->log_max_bytes ? plan->log_max_bytes : LOGFILE_DEFAULT_MAX_BYTES;
    json_t *path = !has_log         ? json_string("")
                   : plan->log_path ? jsonx_string(plan->log_path)
                                    : record_path(root->root, container, "/log");
    json_t *config = json_null();
    char size[32];

    if (has_log && plan->log_max_files > 0)
        config = json_pack("{s:o}", "max-file", json_sprintf("%u", plan->log_max_files));
    str_format_bytes_tight(has_log && max_bytes != LOGFILE_UNLIMITED ? max_bytes : 0, size,
                           sizeof(size));
    return json_pack("{s:o, s:o, s:o, s:o, s:s}", "Type", jsonx_string(plan->log_driver), "Config",
                     config, "Path", path, "Tag", jsonx_string(plan->log_tag ? plan->log_tag : ""),
                     "Size", size);
}

static json_t *host_modes(const struct container_root *root, const struct container *container)
{
    const struct plan *plan = &container->plan;

    return json_pack("{s:o, s:s, s:s, s:s, s:o, s:o, s:{}, s:{s:o, s:i}, s:b}", "Binds",
                     host_binds(plan), "CgroupManager", "cgroupfs", "CgroupMode",
                     plan->cgroup == PLAN_NAMESPACE_PRIVATE ? "private" : "host", "ContainerIDFile",
                     "", "LogConfig", host_log(root, container), "NetworkMode",
                     jsonx_string(plan->network_name), "PortBindings", "RestartPolicy", "Name",
                     jsonx_string(plan->restart ? plan->restart : ""), "MaximumRetryCount",
                     (int)plan->restart_max_retries, "AutoRemove", plan->auto_remove);
}

static json_t *host_isolation(const struct plan *plan)
{
    uint64_t usual = plan->privileged ? capset_all() : capset_default();

    return json_pack(
        "{s:s, s:n, s:o, s:o, s:[], s:[], s:[], s:o, s:o, s:s, s:s, s:s, s:n, s:i, s:s, s:b, s:b, "
        "s:b, s:[], s:o, s:s, s:s, s:I, s:s, s:[i,i], s:s}",
        "VolumeDriver", "", "VolumesFrom", "CapAdd",
        missing_capabilities(plan->process.capabilities, usual), "CapDrop",
        missing_capabilities(usual, plan->process.capabilities), "Dns", "DnsOptions", "DnsSearch",
        "ExtraHosts", jsonx_strv(plan->add_hosts), "GroupAdd", jsonx_strv(plan->process.group_add),
        "IpcMode", "private", "Cgroup", "", "Cgroups", "default", "Links", "OomScoreAdj", 0,
        "PidMode", "private", "Privileged", plan->privileged, "PublishAllPorts", 0,
        "ReadonlyRootfs", plan->read_only_root, "SecurityOpt", "Tmpfs", host_tmpfs(plan), "UTSMode",
        "private", "UsernsMode", "", "ShmSize", (json_int_t)plan->shm_size_bytes, "Runtime", "oci",
        "ConsoleSize", 0, 0, "Isolation", "");
}

static json_t *host_limits(const struct plan *plan)
{
    const struct plan_limits *limits = &plan->limits;
    json_int_t nano_cpus =
        limits->cpu_period_us > 0
            ? (json_int_t)(limits->cpu_quota_us * (uint64_t)NS_PER_SECOND / limits->cpu_period_us)
            : 0;
    json_t *json =
        json_pack("{s:i, s:I, s:I, s:s, s:i, s:n, s:n, s:n, s:n, s:n, s:I, s:I}", "CpuShares", 0,
                  "Memory", (json_int_t)limits->memory_bytes, "NanoCpus", nano_cpus, "CgroupParent",
                  "", "BlkioWeight", 0, "BlkioWeightDevice", "BlkioDeviceReadBps",
                  "BlkioDeviceWriteBps", "BlkioDeviceReadIOps", "BlkioDeviceWriteIOps", "CpuPeriod",
                  (json_int_t)(limits->cpu_quota_us > 0 ? limits->cpu_period_us : 0), "CpuQuota",
                  (json_int_t)limits->cpu_quota_us);

    (void)json_object_update_new(
        json,
        json_pack("{s:i, s:i, s:s, s:s, s:o, s:i, s:i, s:i, s:i, s:i, s:b, s:I, s:o, s:i, s:i, "
                  "s:i, s:i, s:n}",
                  "CpuRealtimePeriod", 0, "CpuRealtimeRuntime", 0, "CpusetCpus", "", "CpusetMems",
                  "", "Devices", host_devices(plan), "DiskQuota", 0, "KernelMemory", 0,
                  "MemoryReservation", 0, "MemorySwap", 0, "MemorySwappiness", 0, "OomKillDisable",
                  0, "PidsLimit", (json_int_t)limits->pids_max, "Ulimits",
                  host_ulimits(&plan->process), "CpuCount", 0, "CpuPercent", 0, "IOMaximumIOps", 0,
                  "IOMaximumBandwidth", 0, "CgroupConf"));
    return json;
}

static json_t *inspect_host_config(const struct container_root *root,
                                   const struct container *container)
{
    json_t *json = host_modes(root, container);

    (void)json_object_update_new(json, host_isolation(&container->plan));
    (void)json_object_update_new(json, host_limits(&container->plan));
    return json;
}

/* --- inspect -------------------------------------------------------------------------------------
 */

/* Path and Args as podman has them: a command without arguments is its own argument. */
static json_t *inspect_head(const struct container *container)
{
    char *const *args = container->plan.process.args;

    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "Id", container->id, "Created",
                     time_string(container->plan.created_unix_ns), "Path", jsonx_string(args[0]),
                     "Args", jsonx_strv(args[1] ? args + 1 : args), "State",
                     inspect_state(container));
}

/* podman's name for a root that is a copy. */
static const char *driver_name(const struct container *container)
{
    return rootfs_has_copy(container->dir_fd) ? "vfs" : "overlay";
}

static json_t *driver_data(const struct container_root *root, const struct container *container)
{
    if (rootfs_has_copy(container->dir_fd))
        return json_pack("{s:o}", "RootDir", record_path(root->root, container, "/copy"));
    return json_pack("{s:o, s:o}", "UpperDir", record_path(root->root, container, "/upper"),
                     "WorkDir", record_path(root->root, container, "/work"));
}

static json_t *inspect_paths(const struct container_root *root, const struct container *container)
{
    const struct plan *plan = &container->plan;

    return json_pack(
        "{s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:o, s:I, s:s, s:s, "
        "s:s, "
        "s:s}",
        "Image", digest_hex(&plan->image_id), "ImageDigest", plan->image_manifest_digest.text,
        "ImageName", jsonx_string(plan->image_name), "Rootfs", "", "Pod", "", "ResolvConfPath",
        plan->network == PLAN_NETWORK_NONE ? json_string("")
                                           : record_path(root->root, container, "/resolv.conf"),
        "HostnamePath", record_path(root->root, container, "/hostname"), "HostsPath",
        record_path(root->root, container, "/hosts"), "StaticDir",
        record_path(root->root, container, ""), "OCIConfigPath",
        record_path(root->root, container, "/spec.json"), "OCIRuntime", "mcpd", "ConmonPidFile", "",
        "PidFile", "", "Name", jsonx_string(plan->name), "RestartCount",
        (json_int_t)container->state.restart_count, "Driver", driver_name(container), "MountLabel",
        "", "ProcessLabel", "", "AppArmorProfile", "");
}

static json_t *inspect_rest(const struct container_root *root, const struct container *container)
{
    const struct plan *plan = &container->plan;
    uint64_t capabilities = plan->process.capabilities;

    return json_pack("{s:o, s:o, s:[], s:{s:s, s:o}, s:o, s:[], s:o, s:s, s:b, s:b, s:o, s:o}",
                     "EffectiveCaps",
                     is_root_user(plan->process.user) ? capability_list(capabilities) : json_null(),
                     "BoundingCaps", capability_list(capabilities), "ExecIDs", "GraphDriver",
                     "Name", driver_name(container), "Data", driver_data(root, container), "Mounts",
                     inspect_mounts(plan), "Dependencies", "NetworkSettings", inspect_network(),
                     "Namespace", "", "IsInfra", 0, "IsService", 0, "Config", inspect_config(plan),
                     "HostConfig", inspect_host_config(root, container));
}

json_t *container_inspect_json(const struct container_root *root, const struct container *container)
{
    json_t *json = inspect_head(container);

    (void)json_object_update_new(json, inspect_paths(root, container));
    (void)json_object_update_new(json, inspect_rest(root, container));
    return json;
}

/* --- ps
 * -------------------------------------------------------------------------------------------- */

static json_t *age(const char *before, int64_t since_unix_ns)
{
    char text[64];
    CLEANUP_FREE char *whole = NULL;
    int64_t seconds = (clock_unix_ns() - since_unix_ns) / NS_PER_SECOND;

    clock_format_age(seconds > 0 ? seconds : 0, text, sizeof(text));
    whole = str_format("%s%s ago", before, text);
    return jsonx_string(whole);
}

static json_t *status_text(const struct container_state *state)
{
    char before[32];

    switch (state->status) {
    case CONTAINER_STATUS_CREATED:
        return json_string("Created");
    case CONTAINER_STATUS_RUNNING:
        return age("Up ", state->started_unix_ns);
    case CONTAINER_STATUS_PAUSED:
        return json_string("Paused");
    case CONTAINER_STATUS_STOPPING:
        return json_string("Stopping");
    case CONTAINER_STATUS_RESTARTING:
        return json_string("Restarting");
    case CONTAINER_STATUS_EXITED:
        (void)snprintf(before, sizeof(before), "Exited (%d) ", state->exit_code);
        return age(before, state->finished_unix_ns);
    }
    return json_null();
}

static json_int_t unix_seconds(int64_t unix_ns)
{
    return unix_ns == 0 ? NEVER_UNIX_S : unix_ns / NS_PER_SECOND;
}

static json_t *mount_points(const struct plan *plan)
{
    json_t *array = json_array();

    for (size_t i = 0; i < plan->mount_count; i++)
        if (is_shown_mount(&plan->mounts[i]))
            (void)json_array_append_new(array, jsonx_string(plan->mounts[i].destination));
    return array;
}

json_t *container_list_json(const struct container *container)
{
    const struct plan *plan = &container->plan;
    const struct container_state *state = &container->state;
    bool has_exited = state->status == CONTAINER_STATUS_EXITED;
    json_t *json = json_pack(
        "{s:b, s:o, s:o, s:b, s:I, s:i, s:s, s:o, s:s, s:b, s:o}", "AutoRemove", plan->auto_remove,
        "Command", list_or_null(plan->cmd_given), "CreatedAt", age("", plan->created_unix_ns),
        "Exited", has_exited, "ExitedAt", unix_seconds(has_exited ? state->finished_unix_ns : 0),
        "ExitCode", state->exit_code, "Id", container->id, "Image", jsonx_string(plan->image_name),
        "ImageID", digest_hex(&plan->image_id), "IsInfra", 0, "Labels", map_or_null(plan->labels));

    (void)json_object_update_new(
        json,
        json_pack("{s:o, s:[o], s:{}, s:[], s:i, s:s, s:s, s:n, s:n, s:I, s:s, s:o, s:I}", "Mounts",
                  mount_points(plan), "Names", jsonx_string(plan->name), "Namespaces", "Networks",
                  "Pid", (int)container->run.init_pid, "Pod", "", "PodName", "", "Ports", "Size",
                  "StartedAt", unix_seconds(state->started_unix_ns), "State",
                  container_status_name(state->status), "Status", status_text(state), "Created",
                  unix_seconds(plan->created_unix_ns)));
    return json;
}
