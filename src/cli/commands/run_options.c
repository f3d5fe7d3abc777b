/* run_options.c - the option tables of run and create, and what becomes of the values. */
#include "cli/commands/run_options.h"

#include "base/jsonx.h"
#include "base/str.h"
#include "cli/progress.h"
#include "cli/streams.h"

#include <string.h>

#define AT(member)       offsetof(struct run_values, member)
#define CREATE(member)   offsetof(struct run_values, create.member)
#define ENTRYPOINT_DEPTH 8

static const struct opt run_only_rows[] = {
    OPT('d', "detach", "", FLAG, AT(detach), "Run in the background and print the container's id"),
    OPT(0, "sig-proxy", "", OFF_FLAG, AT(without_signals), "Pass signals on to the container",
        .initial = "true"),
    OPT(0, "detach-keys", "KEYS", STRING, AT(detach_keys), STREAMS_KEYS_HELP),
    OPT_OTHER(OPT_LATER, 0, "preserve-fds", "N", .accepts = "0"),
    OPT_OTHER(OPT_LATER, 0, "rmi", ""),
};

static const struct opt create_rows[] = {
    OPT(0, "add-host", "NAME:ADDRESS", WORDS, CREATE(add_hosts), "Add a line to /etc/hosts"),
    OPT(0, "annotation", "KEY=VALUE", WORDS, CREATE(annotations), "Add an annotation"),
    OPT('a', "attach", "STREAM", WORDS, AT(attach), "Attach only to",
        .accepts = "stdin|stdout|stderr"),
    OPT(0, "cap-add", "CAPABILITY", WORDS, CREATE(cap_add), "Give a capability, or all"),
    OPT(0, "cap-drop", "CAPABILITY", WORDS, CREATE(cap_drop), "Take a capability away, or all"),
    OPT(0, "cidfile", "FILE", STRING, CREATE(cid_file), "Write the container's id to a file"),
    OPT(0, "cpus", "NUMBER", REAL_TEXT, CREATE(cpus), "Limit the processor time: 1.5 processors"),
    OPT(0, "device", "DEVICE[:PATH]", WORDS, CREATE(devices),
        "Give a device of the host: /dev/fuse, /dev/sda:/dev/xvda"),
    OPT(0, "entrypoint", "COMMAND", STRING, AT(entrypoint),
        "Replace the image's entrypoint; also '[\"a\", \"b\"]', or '' for none"),
    OPT('e', "env", "KEY[=VALUE]", LIST, CREATE(spec.env),
        "Set an environment variable; KEY alone takes it from here"),
    OPT(0, "env-file", "FILE", WORDS, CREATE(env_files), "Read environment variables from a file"),
    OPT(0, "env-host", "", FLAG, AT(env_host), "Pass on the whole environment"),
    OPT(0, "group-add", "GROUP", WORDS, CREATE(group_add), "Add a supplementary group"),
    OPT('h', "hostname", "NAME", STRING, CREATE(hostname), "The container's host name"),
    OPT(0, "init", "", FLAG, CREATE(init), "Run a small init that reaps processes as PID 1"),
    OPT('i', "interactive", "", FLAG, CREATE(interactive), "Keep stdin open"),
    OPT('l', "label", "KEY[=VALUE]", LIST, CREATE(labels), "Add a label"),
    OPT(0, "log-driver", "DRIVER", STRING, CREATE(log_driver),
        "How output is kept (json-file is k8s-file, the default)",
        .accepts = "k8s-file|json-file|none"),
    OPT(0, "log-opt", "KEY=VALUE", WORDS, CREATE(log_options),
        "max-size=10m (of a file; 0: no limit), max-file=2, path=FILE, tag=TEXT"),
    OPT('m', "memory", "SIZE", STRING, CREATE(memory), "Limit the memory: 64m, 1g"),
    OPT(0, "mount", "TYPE,...", LIST, CREATE(mounts),
        "Mount something: type=bind,src=DIR,dst=DIR[,ro] or type=tmpfs,dst=DIR"),
    OPT(0, "name", "NAME", STRING, CREATE(spec.name), "The container's name"),
    OPT(0, "network", "NETWORK", LIST, AT(networks), "The network", .alias = "net",
        .accepts = "none|host"),
    OPT(0, "pids-limit", "NUMBER", INT_TEXT, CREATE(pids_limit),
        "Limit the number of processes; -1: no limit"),
    OPT(0, "privileged", "", FLAG, CREATE(privileged),
        "All capabilities and devices, nothing masked or filtered"),
    OPT(0, "passwd", "", OFF_FLAG, CREATE(passwd_off),
        "A user that is only a number gets a line in /etc/passwd", .initial = "true"),
    PROGRESS_ROW(AT(progress)),
    OPT('p', "publish", "HOST:CONTAINER", WORDS, CREATE(spec.ports), "Publish a port on the host"),
    OPT(0, "pull", "POLICY", STRING, AT(pull), "Pull the image",
        .accepts = "always|missing|newer|never", .initial = "missing"),
    OPT('q', "quiet", "", FLAG, AT(quiet), "Say nothing while pulling"),
    OPT(0, "read-only", "", FLAG, CREATE(read_only), "Make the root file system read-only"),
    OPT(0, "read-only-tmpfs", "", OFF_FLAG, CREATE(read_only_tmpfs_off),
        "With --read-only, keep /run, /tmp and /var/tmp writable", .initial = "true"),
    OPT(0, "replace", "", FLAG, CREATE(replace), "Remove a container of the same name first"),
    OPT(0, "restart", "POLICY", STRING, CREATE(spec.restart), "When it ends",
        .accepts = "no|always|on-failure[:N]|unless-stopped"),
    OPT(0, "rm", "", FLAG, CREATE(auto_remove), "Remove the container when it ends"),
    OPT(0, "security-opt", "OPTION", LIST, CREATE(security_options),
        "no-new-privileges, seccomp=unconfined, mask=PATH, unmask=PATH"),
    OPT(0, "shm-size", "SIZE", STRING, CREATE(shm_size), "Size of /dev/shm; 65536k if unset"),
    OPT(0, "stop-signal", "SIGNAL", STRING, CREATE(stop_signal),
        "What stop sends; SIGTERM if unset", .takes = OPT_TAKES_SIGNAL),
    OPT(0, "stop-timeout", "SECONDS", COUNT, CREATE(stop_timeout_s),
        "How long stop waits before it kills", .initial = "10"),
    OPT(0, "tmpfs", "DIR[:OPTIONS]", LIST, CREATE(tmpfs), "Mount a tmpfs"),
    OPT('t', "tty", "", FLAG, CREATE(tty), "Give the container a terminal"),
    OPT(0, "ulimit", "NAME=SOFT[:HARD]", WORDS, CREATE(ulimits), "Set a resource limit"),
    OPT(0, "umask", "MODE", STRING, CREATE(umask), "Mask for new files; 0022 if unset"),
    OPT('u', "user", "USER[:GROUP]", STRING, CREATE(spec.user),
        "Run as this user: a name or a number"),
    OPT('v', "volume", "DIR:DIR[:OPTIONS]", LIST, CREATE(spec.volumes),
        "Show a directory of the host in the container: /srv:/data:ro"),
    OPT('w', "workdir", "DIR", STRING, CREATE(working_dir), "Directory to start in"),
};

/* Known from podman and docker, without effect here. */
static const struct opt ignored_rows[] = {
    OPT_OTHER(OPT_IGNORED, 0, "disable-content-trust", ""),
    OPT_OTHER(OPT_IGNORED, 0, "init-path", "FILE"),
    OPT_OTHER(OPT_IGNORED, 0, "no-healthcheck", ""),
    OPT_OTHER(OPT_IGNORED, 0, "seccomp-policy", "POLICY"),
};

static const struct opt later_rows[] = {
    OPT_OTHER(OPT_LATER, 0, "blkio-weight", "WEIGHT"),
    OPT_OTHER(OPT_LATER, 0, "blkio-weight-device", "DEVICE:WEIGHT"),
    OPT_OTHER(OPT_LATER, 0, "cgroup-conf", "KEY=VALUE"),
    OPT_OTHER(OPT_LATER, 0, "cgroup-parent", "PATH"),
    OPT_OTHER(OPT_LATER, 0, "cgroupns", "MODE", .accepts = "private"),
    OPT_OTHER(OPT_LATER, 0, "cgroups", "MODE", .accepts = "enabled"),
    OPT_OTHER(OPT_LATER, 0, "chrootdirs", "DIR"),
    OPT_OTHER(OPT_LATER, 0, "conmon-pidfile", "FILE"),
    OPT_OTHER(OPT_LATER, 0, "cpu-period", "NUMBER"),
    OPT_OTHER(OPT_LATER, 0, "cpu-quota", "NUMBER"),
    OPT_OTHER(OPT_LATER, 0, "cpu-rt-period", "NUMBER"),
    OPT_OTHER(OPT_LATER, 0, "cpu-rt-runtime", "NUMBER"),
    OPT_OTHER(OPT_LATER, 'c', "cpu-shares", "NUMBER"),
    OPT_OTHER(OPT_LATER, 0, "cpuset-cpus", "LIST"),
    OPT_OTHER(OPT_LATER, 0, "cpuset-mems", "LIST"),
    OPT_OTHER(OPT_LATER, 0, "device-read-bps", "DEVICE:RATE"),
    OPT_OTHER(OPT_LATER, 0, "device-read-iops", "DEVICE:RATE"),
    OPT_OTHER(OPT_LATER, 0, "device-write-bps", "DEVICE:RATE"),
    OPT_OTHER(OPT_LATER, 0, "device-write-iops", "DEVICE:RATE"),
    OPT_OTHER(OPT_LATER, 0, "dns", "ADDRESS"),
    OPT_OTHER(OPT_LATER, 0, "dns-option", "OPTION", .alias = "dns-opt"),
    OPT_OTHER(OPT_LATER, 0, "dns-search", "DOMAIN"),
    OPT_OTHER(OPT_LATER, 0, "env-merge", "KEY=VALUE"),
    OPT_OTHER(OPT_LATER, 0, "expose", "PORT"),
    OPT_OTHER(OPT_LATER, 0, "gidmap", "MAP"),
    OPT_OTHER(OPT_LATER, 0, "health-cmd", "COMMAND", .accepts = "none"),
    OPT_OTHER(OPT_LATER, 0, "health-interval", "TIME"),
    OPT_OTHER(OPT_LATER, 0, "health-on-failure", "ACTION", .accepts = "none"),
    OPT_OTHER(OPT_LATER, 0, "health-retries", "NUMBER"),
    OPT_OTHER(OPT_LATER, 0, "health-start-period", "TIME"),
    OPT_OTHER(OPT_LATER, 0, "health-timeout", "TIME"),
    OPT_OTHER(OPT_LATER, 0, "hostuser", "USER"),
    OPT_OTHER(OPT_LATER, 0, "http-proxy", ""),
    OPT_OTHER(OPT_LATER, 0, "image-volume", "MODE", .accepts = "ignore"),
    OPT_OTHER(OPT_LATER, 0, "ip", "ADDRESS"),
    OPT_OTHER(OPT_LATER, 0, "ip6", "ADDRESS"),
    OPT_OTHER(OPT_LATER, 0, "ipc", "MODE", .accepts = "private|shareable"),
    OPT_OTHER(OPT_LATER, 0, "label-file", "FILE"),
    OPT_OTHER(OPT_LATER, 0, "mac-address", "ADDRESS"),
    OPT_OTHER(OPT_LATER, 0, "memory-reservation", "SIZE"),
    OPT_OTHER(OPT_LATER, 0, "memory-swap", "SIZE"),
    OPT_OTHER(OPT_LATER, 0, "memory-swappiness", "NUMBER", .accepts = "-1"),
    OPT_OTHER(OPT_LATER, 0, "network-alias", "NAME"),
    OPT_OTHER(OPT_LATER, 0, "no-hosts", ""),
    OPT_OTHER(OPT_LATER, 0, "oom-kill-disable", ""),
    OPT_OTHER(OPT_LATER, 0, "oom-score-adj", "NUMBER", .accepts = "0"),
    OPT_OTHER(OPT_LATER, 0, "passwd-entry", "LINE"),
    OPT_OTHER(OPT_LATER, 0, "personality", "NAME"),
    OPT_OTHER(OPT_LATER, 0, "pid", "MODE", .accepts = "private"),
    OPT_OTHER(OPT_LATER, 0, "pidfile", "FILE"),
    OPT_OTHER(OPT_LATER, 'P', "publish-all", ""),
    OPT_OTHER(OPT_LATER, 0, "requires", "NAME"),
    OPT_OTHER(OPT_LATER, 0, "rootfs", ""),
    OPT_OTHER(OPT_LATER, 0, "sdnotify", "MODE", .accepts = "ignore"),
    OPT_OTHER(OPT_LATER, 0, "secret", "NAME"),
    OPT_OTHER(OPT_LATER, 0, "subgidname", "NAME"),
    OPT_OTHER(OPT_LATER, 0, "subuidname", "NAME"),
    OPT_OTHER(OPT_LATER, 0, "sysctl", "KEY=VALUE"),
    OPT_OTHER(OPT_LATER, 0, "systemd", "MODE", .accepts = "false|true"),
    OPT_OTHER(OPT_LATER, 0, "timeout", "SECONDS", .accepts = "0"),
    OPT_OTHER(OPT_LATER, 0, "tz", "ZONE"),
    OPT_OTHER(OPT_LATER, 0, "uidmap", "MAP"),
    OPT_OTHER(OPT_LATER, 0, "unsetenv", "KEY"),
    OPT_OTHER(OPT_LATER, 0, "unsetenv-all", ""),
    OPT_OTHER(OPT_LATER, 0, "userns", "MODE", .accepts = "host"),
    OPT_OTHER(OPT_LATER, 0, "uts", "MODE", .accepts = "private"),
    OPT_OTHER(OPT_LATER, 0, "volumes-from", "CONTAINER"),
    OPT_OTHER(OPT_REFUSED, 0, "device-cgroup-rule", "RULE"),
    OPT_OTHER(OPT_REFUSED, 0, "gpus", "DEVICES"),
    OPT_OTHER(OPT_REFUSED, 0, "pod", "POD"),
    OPT_OTHER(OPT_REFUSED, 0, "pod-id-file", "FILE"),
};

const struct opt_group create_groups[] = {
    OPT_GROUP(create_rows, 0),
    OPT_GROUP(registry_trust_rows, AT(registry)),
    OPT_GROUP(platform_rows, AT(registry)),
    OPT_GROUP(ignored_rows, 0),
    OPT_GROUP(later_rows, 0),
    OPT_GROUPS_END,
};

const struct opt_group run_groups[] = {
    OPT_GROUP(run_only_rows, 0),
    OPT_GROUP(create_rows, 0),
    OPT_GROUP(registry_trust_rows, AT(registry)),
    OPT_GROUP(platform_rows, AT(registry)),
    OPT_GROUP(ignored_rows, 0),
    OPT_GROUP(later_rows, 0),
    OPT_GROUPS_END,
};

/* ------------------------------------------------------------------ values that need work */

/* The engine reads "*" as: every variable of the caller. What -e says comes behind it and wins. */
static int finish_environment(struct run_values *values, struct mcpd_error *err)
{
    const char *const *given = values->create.spec.env;
    int rc = values->env_host ? strv_append(&values->environment, "*") : 0;

    for (; given && *given && rc == 0; given++)
        rc = strv_append(&values->environment, *given);
    return rc < 0 ? error_no_memory(err, "environment") : 0;
}

/* A JSON array of strings, or else one word; "" clears the image's entrypoint. */
static int finish_entrypoint(struct run_values *values, struct mcpd_error *err)
{
    const char *text = values->entrypoint;
    CLEANUP_JSON json_t *list = NULL;
    size_t index;
    json_t *word;

    if (!text)
        return 0;
    values->entrypoint_words = calloc(1, sizeof(*values->entrypoint_words));
    if (!values->entrypoint_words)
        return error_no_memory(err, "entrypoint");
    if (*text == '\0')
        return 0;
    if (*text == '[' &&
        jsonx_parse(text, strlen(text), ENTRYPOINT_DEPTH, "entrypoint", &list, NULL) == 0) {
        json_array_foreach(list, index, word) {
            if (!json_is_string(word))
                return error_set(err, MCPD_E_INVALID, "--entrypoint: not an array of strings");
            if (strv_append(&values->entrypoint_words, json_string_value(word)) < 0)
                return error_no_memory(err, "entrypoint");
        }
        return 0;
    }
    return strv_append(&values->entrypoint_words, text) < 0 ? error_no_memory(err, "entrypoint")
                                                            : 0;
}

static int finish_pull(struct run_values *values, struct mcpd_error *err)
{
    static const struct {
        const char *name;
        enum mcpd_pull_policy policy;
    } policies[] = {
        {"always", MCPD_PULL_ALWAYS},        {"missing", MCPD_PULL_MISSING},
        {"never", MCPD_PULL_NEVER},          {"newer", MCPD_PULL_NEWER},
        {"true", MCPD_PULL_ALWAYS},          {"false", MCPD_PULL_NEVER},
        {"ifnotpresent", MCPD_PULL_MISSING},
    };

    for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
        if (strcasecmp(policies[i].name, values->pull) == 0) {
            values->create.pull = policies[i].policy;
            values->create.pull_set = true;
            return 0;
        }
    }
    return error_set(err, MCPD_E_INVALID, "unsupported pull policy \"%s\"", values->pull);
}

/* Empty is not given: --memory "$LIMIT". */
static void forget_empty(const char **text)
{
    if (*text && **text == '\0')
        *text = NULL;
}

/* context: how podman begins its complaint. */
static int finish_size(const char **text, const char *context, struct mcpd_error *err)
{
    uint64_t bytes;

    forget_empty(text);
    if (!*text || str_to_bytes(*text, &bytes) == 0)
        return 0;
    return error_set(err, MCPD_E_INVALID, "%s: invalid size: '%s'", context, *text);
}

static int finish_network(struct run_values *values, struct mcpd_error *err)
{
    if (!values->networks)
        return 0;
    if (values->networks[1])
        return error_set(err, MCPD_E_UNSUPPORTED, "more than one --network is not supported yet");
    values->create.spec.network = values->networks[0];
    return 0;
}

static int check_together(const struct run_values *values, struct mcpd_error *err)
{
    const char *restart = values->create.spec.restart;

    if (values->create.auto_remove && restart && *restart != '\0' && strcmp(restart, "no") != 0)
        return error_set(err, MCPD_E_INVALID,
                         "the --rm option conflicts with --restart, when the restartPolicy is not "
                         "\"\" and \"no\"");
    if (values->create.replace && !values->create.spec.name)
        return error_set(err, MCPD_E_INVALID, "cannot replace container without --name being set");
    return 0;
}

/* The lists read from the command line stay where opts_done() frees them; the engine gets `create`,
 * a copy of which the caller makes with ours in their place. */
int run_options_finish(struct run_values *values, char *const *arguments, struct mcpd_error *err)
{
    int rc;

    forget_empty(&values->create.spec.name);
    forget_empty(&values->create.hostname);
    forget_empty(&values->create.stop_signal);
    rc = check_together(values, err);
    if (rc == 0)
        rc = finish_size(&values->create.memory, "invalid value for memory", err);
    if (rc == 0)
        rc = finish_size(&values->create.shm_size, "unable to translate --shm-size", err);
    if (rc == 0)
        rc = finish_network(values, err);
    if (rc == 0)
        rc = finish_pull(values, err);
    if (rc == 0)
        rc = registry_finish(&values->registry, err);
    if (rc == 0)
        rc = finish_environment(values, err);
    if (rc == 0)
        rc = finish_entrypoint(values, err);
    if (rc < 0)
        return rc;
    values->create.spec.image = arguments[0];
    values->create.spec.cmd = arguments[1] ? (const char *const *)&arguments[1] : NULL;
    return 0;
}

void run_options_done(struct run_values *values)
{
    registry_done(&values->registry);
    strv_free(values->environment);
    strv_free(values->entrypoint_words);
    values->environment = values->entrypoint_words = NULL;
}
