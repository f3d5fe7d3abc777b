/* test_inspect.c - podman's documents: the members of each object, in podman's order, and values.
 */
#include "runtime/life.h"

#include "base/jsonx.h"

static void make_container(struct container *container)
{
    struct mcpd_create_options options = life_options();
    struct life_image life;

    life_image_init(&life);
    options.spec.name = "svc";
    options.spec.user = "app";
    options.spec.restart = "on-failure:5";
    options.spec.volumes = WORDS("/etc:/cfg:ro");
    options.spec.cmd = WORDS("sleep", "600");
    options.tmpfs = WORDS("/scratch:size=1m");
    options.labels = WORDS("a=1");
    options.memory = "64m";
    options.cpus = "0.5";
    options.ulimits = WORDS("nofile=1024:2048");
    options.cap_add = WORDS("net_admin");
    options.cap_drop = WORDS("chown");
    *container = (struct container){
        .dir_fd = -1,
        .state = {.status = CONTAINER_STATUS_RUNNING, .started_unix_ns = 1795451528785489631},
        .run = {.monitor_pid = 7, .init_pid = 8, .cgroup_path = "/mcpd/x"},
    };
    memcpy(container->id, LIFE_ID, sizeof(container->id));
    life_build(&options, &life, &container->plan);
}

static json_t *inspect(const struct container *container)
{
    const struct container_root root = {.root = "/r", .runroot = "/run/r"};
    json_t *json = container_inspect_json(&root, container);

    assert_non_null(json);
    return json;
}

/* The value at "State.Pid", "Mounts.0.Source". Borrowed. */
static json_t *at(json_t *json, const char *path)
{
    CLEANUP_STRV char **names = strv_split(path, '.');

    for (size_t i = 0; names[i]; i++) {
        json_t *next = json_is_array(json) ? json_array_get(json, (size_t)(names[i][0] - '0'))
                                           : json_object_get(json, names[i]);

        if (!next)
            fail_msg("there is no %s", path);
        json = next;
    }
    return json;
}

#define assert_text(json, path, text) assert_string_equal(json_string_value(at(json, path)), text)
#define assert_number(json, path, number) \
    assert_int_equal(json_integer_value(at(json, path)), number)

static void assert_keys(json_t *object, const char *keys)
{
    CLEANUP_STRV char **list = NULL;
    CLEANUP_FREE char *joined = NULL;
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
        assert_int_equal(strv_append(&list, key), 0);
    joined = strv_join(list, " ");
    assert_string_equal(joined, keys);
}

/* From `podman inspect` and `podman ps --format json` of 4.3.1. */
static void test_members(void **state)
{
    CLEANUP_JSON json_t *json = NULL;
    CLEANUP_JSON json_t *row = NULL;
    struct container container;

    make_container(&container);
    json = inspect(&container);
    assert_keys(json, "Id Created Path Args State Image ImageDigest ImageName Rootfs Pod "
                      "ResolvConfPath HostnamePath HostsPath StaticDir OCIConfigPath OCIRuntime "
                      "ConmonPidFile PidFile Name RestartCount Driver MountLabel ProcessLabel "
                      "AppArmorProfile EffectiveCaps BoundingCaps ExecIDs GraphDriver Mounts "
                      "Dependencies NetworkSettings Namespace IsInfra IsService Config HostConfig");
    assert_keys(at(json, "State"),
                "OciVersion Status Running Paused Restarting OOMKilled Dead Pid ConmonPid ExitCode "
                "Error StartedAt FinishedAt Health CgroupPath CheckpointedAt RestoredAt");
    assert_keys(at(json, "NetworkSettings"),
                "EndpointID Gateway IPAddress IPPrefixLen IPv6Gateway GlobalIPv6Address "
                "GlobalIPv6PrefixLen MacAddress Bridge SandboxID HairpinMode LinkLocalIPv6Address "
                "LinkLocalIPv6PrefixLen Ports SandboxKey");
    assert_keys(at(json, "Config"),
                "Hostname Domainname User AttachStdin AttachStdout AttachStderr Tty OpenStdin "
                "StdinOnce Env Cmd Image Volumes WorkingDir Entrypoint OnBuild Labels Annotations "
                "StopSignal HealthcheckOnFailureAction CreateCommand Umask Timeout StopTimeout "
                "Passwd sdNotifyMode");
    assert_keys(at(json, "HostConfig"),
                "Binds CgroupManager CgroupMode ContainerIDFile LogConfig NetworkMode PortBindings "
                "RestartPolicy AutoRemove VolumeDriver VolumesFrom CapAdd CapDrop Dns DnsOptions "
                "DnsSearch ExtraHosts GroupAdd IpcMode Cgroup Cgroups Links OomScoreAdj PidMode "
                "Privileged PublishAllPorts ReadonlyRootfs SecurityOpt Tmpfs UTSMode UsernsMode "
                "ShmSize Runtime ConsoleSize Isolation CpuShares Memory NanoCpus CgroupParent "
                "BlkioWeight BlkioWeightDevice BlkioDeviceReadBps BlkioDeviceWriteBps "
                "BlkioDeviceReadIOps BlkioDeviceWriteIOps CpuPeriod CpuQuota CpuRealtimePeriod "
                "CpuRealtimeRuntime CpusetCpus CpusetMems Devices DiskQuota KernelMemory "
                "MemoryReservation MemorySwap MemorySwappiness OomKillDisable PidsLimit Ulimits "
                "CpuCount CpuPercent IOMaximumIOps IOMaximumBandwidth CgroupConf");
    assert_keys(at(json, "Mounts.0"), "Type Source Destination Driver Mode Options RW Propagation");
    row = container_list_json(&container);
    assert_keys(row, "AutoRemove Command CreatedAt Exited ExitedAt ExitCode Id Image ImageID "
                     "IsInfra Labels Mounts Names Namespaces Networks Pid Pod PodName Ports Size "
                     "StartedAt State Status Created");
    container_done(&container);
}

static void test_values(void **state)
{
    CLEANUP_JSON json_t *json = NULL;
    struct container container;

    make_container(&container);
    json = inspect(&container);
    assert_text(json, "Created", "2026-11-23T16:32:08.293006451Z");
    assert_text(json, "Path", "sleep");
    assert_text(json, "Args.0", "600");
    assert_text(json, "State.Status", "running");
    assert_true(json_is_true(at(json, "State.Running")));
    assert_number(json, "State.Pid", 8);
    assert_text(json, "State.StartedAt", "2026-11-23T16:32:08.785489631Z");
    assert_text(json, "State.FinishedAt", "0001-01-01T00:00:00Z");
    assert_text(json, "HostsPath", "/r/containers/" LIFE_ID "/hosts");
    assert_true(json_is_null(at(json, "EffectiveCaps"))); /* not root */
    assert_text(json, "Mounts.0.Source", "/etc");
    assert_true(json_is_false(at(json, "Mounts.0.RW")));
    assert_text(json, "Config.User", "app");
    assert_number(json, "Config.StopSignal", 15);
    assert_text(json, "Config.Umask", "0022");
    assert_text(json, "Config.Labels.a", "1");
    assert_text(json, "HostConfig.Binds.0", "/etc:/cfg:ro,rprivate,rbind");
    assert_text(json, "HostConfig.NetworkMode", "none");
    assert_text(json, "HostConfig.RestartPolicy.Name", "on-failure");
    assert_number(json, "HostConfig.RestartPolicy.MaximumRetryCount", 5);
    assert_text(json, "HostConfig.CapAdd.0", "CAP_NET_ADMIN");
    assert_text(json, "HostConfig.CapDrop.0", "CAP_CHOWN");
    assert_text(json, "HostConfig.Tmpfs./scratch", "rw,rprivate,nosuid,nodev,size=1m");
    assert_number(json, "HostConfig.Memory", 64 << 20);
    assert_number(json, "HostConfig.NanoCpus", 500000000);
    assert_number(json, "HostConfig.CpuQuota", 50000);
    assert_text(json, "HostConfig.Ulimits.0.Name", "RLIMIT_NOFILE");
    assert_text(json, "HostConfig.LogConfig.Path", "/r/containers/" LIFE_ID "/log");
    container_done(&container);
}

static void test_states(void **state)
{
    CLEANUP_JSON json_t *created = NULL;
    CLEANUP_JSON json_t *exited = NULL;
    CLEANUP_JSON json_t *row = NULL;
    struct container container;

    make_container(&container);
    container.state = (struct container_state){.status = CONTAINER_STATUS_CREATED};
    container.run = (struct container_run){0};
    created = inspect(&container);
    assert_text(created, "State.Status", "created");
    assert_text(created, "State.StartedAt", "0001-01-01T00:00:00Z");
    assert_null(json_object_get(at(created, "State"), "ConmonPid"));
    assert_null(json_object_get(at(created, "State"), "CgroupPath"));
    row = container_list_json(&container);
    assert_text(row, "Status", "Created");
    assert_number(row, "StartedAt", INT64_C(-62135596800));
    assert_number(row, "ExitedAt", INT64_C(-62135596800));
    container.state = (struct container_state){.status = CONTAINER_STATUS_EXITED,
                                               .exit_code = 3,
                                               .oom_killed = true,
                                               .started_unix_ns = 1000000000,
                                               .finished_unix_ns = 2000000000,
                                               .error = "monitor lost"};
    exited = inspect(&container);
    assert_number(exited, "State.ExitCode", 3);
    assert_true(json_is_true(at(exited, "State.OOMKilled")));
    assert_text(exited, "State.Error", "monitor lost");
    assert_text(exited, "State.FinishedAt", "1970-01-01T00:00:02Z");
    json_decref(row);
    row = container_list_json(&container);
    assert_non_null(strstr(json_string_value(at(row, "Status")), "Exited (3) "));
    assert_true(json_is_true(at(row, "Exited")));
    assert_number(row, "ExitedAt", 2);
    container_done(&container);
}

/* podman 4.3: a command without arguments is its own argument, no Cmd is null. */
static void test_lone_command(void **state)
{
    struct mcpd_create_options options = life_options();
    CLEANUP_JSON json_t *json = NULL;
    CLEANUP_JSON json_t *row = NULL;
    struct container container;
    struct life_image life;

    make_container(&container);
    plan_done(&container.plan);
    life_image_init(&life);
    options.entrypoint = WORDS("/no/such");
    options.spec.name = "x2";
    options.log_driver = "none";
    life_build(&options, &life, &container.plan);
    json = inspect(&container);
    assert_text(json, "Path", "/no/such");
    assert_text(json, "Args.0", "/no/such");
    assert_text(json, "Config.Entrypoint", "/no/such");
    assert_true(json_is_null(at(json, "Config.Cmd")));
    assert_int_equal(json_array_size(at(json, "EffectiveCaps")), 11);
    assert_text(json, "HostConfig.RestartPolicy.Name", "");
    assert_text(json, "HostConfig.LogConfig.Path", "");
    row = container_list_json(&container);
    assert_true(json_is_null(at(row, "Command")));
    container_done(&container);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_lone_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
