/*
 * plan.h - one container, fully decided: what the executor (init.c) carries out without asking
 * anybody.
 *
 * Pure data, no system calls. Built by spec.c from the caller's options and the image
 * configuration, kept as containers/ID/spec.json (shaped after the OCI runtime configuration where
 * that has a word for it), read back by the monitor at every start. The same executor will serve
 * RUN steps of a build and `mcpd oci`. Source: OCI runtime-spec config.md, config-linux.md.
 */
#ifndef RUNTIME_PLAN_H
#define RUNTIME_PLAN_H

#include "base/error.h"
#include "oci/digest.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a namespace of the container comes to be. Path joins (container:NAME) come with the networks.
 */
enum plan_namespace {
    PLAN_NAMESPACE_PRIVATE,
    PLAN_NAMESPACE_HOST,
};

enum plan_network {
    PLAN_NETWORK_NONE, /* own namespace, only lo */
    PLAN_NETWORK_HOST,
};

enum plan_mount_kind {
    PLAN_MOUNT_BIND,
    PLAN_MOUNT_TMPFS,
    PLAN_MOUNT_PROC,
    PLAN_MOUNT_SYSFS,
    PLAN_MOUNT_DEVPTS,
    PLAN_MOUNT_MQUEUE,
    PLAN_MOUNT_CGROUP,
    PLAN_MOUNT_DEV, /* tmpfs with the standard nodes and links */
};

/* One mount, in the order of execution. Written by the plan, run by mount.c inside the new root. */
struct plan_mount {
    enum plan_mount_kind kind;
    char *source;      /* bind: absolute host path; NULL else */
    char *destination; /* absolute, inside */
    char *data;        /* tmpfs: "size=64m,mode=1777" */
    bool read_only;
    bool recursive; /* bind: rbind */
    bool no_suid, no_dev, no_exec;
    unsigned int propagation; /* MS_PRIVATE, MS_SLAVE, MS_SHARED, 0: private */
    bool is_file;             /* bind: destination is made as a file */
    bool copy_up;             /* tmpfs: starts with what the image has at the destination */
    bool is_user_volume;      /* asked for by -v or --mount: shown by inspect */
    bool is_device;           /* asked for by --device: a node of the host */
};

struct plan_rlimit {
    int resource; /* RLIMIT_* */
    uint64_t soft, hard;
};

struct plan_limits {
    uint64_t memory_bytes;  /* 0: none */
    uint64_t cpu_quota_us;  /* per cpu_period_us; 0: none */
    uint64_t cpu_period_us; /* 100000 */
    int64_t pids_max;       /* 0: none */
    bool pids_is_default;   /* not asked for: best effort where the host cannot */
};

struct plan_process {
    char **args; /* what to exec; args[0] looked up in the container's PATH */
    char **env;
    char *working_dir; /* "/" at least; made when missing, unless it was asked for by -w */
    bool requires_working_dir;
    char *user; /* "user[:group]" as given, resolved inside the root at start; "" is root */
    char **group_add;
    uint64_t capabilities;       /* bounding and permitted set, bit CAP_x */
    uint64_t capabilities_added; /* --cap-add: what a user other than root keeps, as ambient too */
    bool no_new_privileges;
    bool passwd_off; /* no line in /etc/passwd for a number that is no user */
    bool tty;
    bool open_stdin; /* -i: stdin is a pipe, else /dev/null */
    unsigned int umask;
    struct plan_rlimit *rlimits; /* owned array */
    size_t rlimit_count;
};

#define ROOT_DRIVER_COPY    "copy"
#define ROOT_DRIVER_OVERLAY "overlay"

struct plan {
    /* identity */
    char *id; /* 64 hex */
    char *name;
    char *image_name;       /* reference as podman shows it */
    struct digest image_id; /* of the config */
    struct digest image_manifest_digest;
    int64_t created_unix_ns;
    char **labels, **annotations; /* "K=V" */
    char **create_command;        /* argv of the client */

    /* root file system */
    struct digest *layers; /* diff_ids, bottom first */
    size_t layer_count;
    char **layer_stores; /* absolute paths of the additional stores that some of them lie in */
    char *root_driver;   /* ROOT_DRIVER_*; NULL: overlay, or a copy where that cannot be had */
    bool read_only_root;
    bool volatile_upper; /* thrown away: overlay may skip syncs */

    /* process */
    struct plan_process process;
    char *hostname;
    bool init; /* our reaper as pid 1 */

    /* isolation */
    enum plan_network network;
    enum plan_namespace pid, ipc, uts, cgroup;
    struct plan_mount *mounts; /* owned array */
    size_t mount_count;
    char **image_volumes; /* absolute; made when missing */
    char **masked_paths, **read_only_paths;
    char *seccomp_profile; /* NULL: the default; "unconfined"; later a path */
    bool privileged;
    char **add_hosts; /* "name:address" */
    struct plan_limits limits;
    uint64_t shm_size_bytes; /* of /dev/shm, for inspect; the mount says it too */

    /* life */
    bool auto_remove;
    int stop_signal;
    unsigned int stop_timeout_s;
    char *restart; /* "no" until the monitor's issue; as given */
    unsigned int restart_max_retries;
    char *log_driver;           /* "k8s-file", its other name "json-file", "none" */
    char *log_path;             /* absolute; NULL: in the container's folder */
    char *log_tag;              /* only shown */
    uint64_t log_max_bytes;     /* per file, 0: the default of 10 MB */
    unsigned int log_max_files; /* that are kept, 0: two */

    /* as given, for inspect and ContainerInfo */
    char *network_name; /* "none", "host" */
    char *user_given;   /* NULL: the image's */
    char **ports_given, **volumes_given, **cmd_given;
    char *entrypoint_text; /* joined by blanks, as podman 4.3.1 shows it */
};

void plan_init(struct plan *plan); /* all empty */
void plan_done(struct plan *plan);

/* JSON holds UTF-8 only, and nothing may come out of the record that did not go in: INVALID names
 * the member that is none. */
int plan_check_text(const struct plan *plan, struct mcpd_error *err) MUST_CHECK;

/* "ociVersion", "process", "root", "hostname", "mounts", "linux" as the OCI has them, the rest
 * below "mcpd". */
json_t *plan_to_json(const struct plan *plan);
int plan_from_json(const json_t *json, struct plan *ret_plan, struct mcpd_error *err) MUST_CHECK;

#endif
