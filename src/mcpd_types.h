/*
 * mcpd_types.h - the values that go into and come out of the calls of mcpd.h.
 *
 * Plain data without a call, so that every layer may see it. Strings are UTF-8; lists are
 * NULL-terminated arrays, NULL is the empty list. In an options struct all zero is the default,
 * unless a member says otherwise.
 */
#ifndef MCPD_TYPES_H
#define MCPD_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mcpd_container_spec {
    const char *name; /* NULL: a random one */
    const char *image;
    const char *network;        /* "none", "host"; NULL: the default */
    const char *user;           /* "0:0", "app"; NULL: the image's */
    const char *restart;        /* "no", "always", "on-failure[:n]", "unless-stopped"; NULL: "no" */
    const char *const *ports;   /* "host:container" */
    const char *const *volumes; /* "host:container[:ro]" */
    const char *const *cmd;     /* NULL: the image's */
    const char *const *env;     /* "K=V" */
};

struct mcpd_container_info {
    char *name;
    char *image;
    char *state; /* created, running, paused, restarting, stopping, exited */
    char *network;
    char *user;
    char *restart;
    char **ports;
    char **volumes;
    char **cmd;
    char *version;           /* the image reference's tag, "" when it has none */
    int64_t started_unix_ns; /* 0 when never started */
};

/* ------------------------------------------------------------------ images and registries */

enum mcpd_pull_policy {
    MCPD_PULL_ALWAYS, /* the default of mcpd_pull */
    MCPD_PULL_MISSING,
    MCPD_PULL_NEVER,
    MCPD_PULL_NEWER,
};

/* One event of a transfer; strings are borrowed for the duration of the call. */
struct mcpd_progress {
    const char *operation; /* "short-name" (id: a line about what it means), "resolve", "download",
                            * "unpack", "save", "upload", "exists", "config", "manifest", "done" */
    const char *id;        /* digest or reference the event is about */
    uint64_t current_bytes;
    uint64_t total_bytes; /* 0 when unknown */
};
typedef void (*mcpd_progress_function)(void *context, const struct mcpd_progress *progress);

/* What pull, push and image_exists need to know about the other side. All zero is the default. */
struct mcpd_registry_options {
    bool skip_tls_verify; /* https without checking, then plain http */
    const char *cert_dir; /* further CAs (*.crt) and client certificates */
    const char *auth_file;
    const char *credentials; /* "user:password" */
    const char *platform;    /* "linux/arm/v7"; NULL: this machine's */
    int retry_count;         /* further attempts after a failure of the network; 0: 3, < 0: none */
    int64_t retry_delay_ms;  /* before each of them; 0: one second, more when it lasts */
    int cancel_fd;           /* > 0: once it is readable the call tidies up and ends, CANCELLED */
    mcpd_progress_function progress;
    void *progress_context;
};

enum mcpd_save_format {
    MCPD_SAVE_DOCKER_ARCHIVE, /* a tar of plain layers, as `docker save` writes it */
    MCPD_SAVE_OCI_ARCHIVE,    /* a tar with an OCI image layout in it */
    MCPD_SAVE_DOCKER_DIR,     /* a folder, one image */
    MCPD_SAVE_OCI_DIR,        /* a folder; images that are in it already stay */
    MCPD_SAVE_BUNDLE,         /* an oci-archive for mcpd_bundle_apply, perhaps in part */
};
struct mcpd_save_options {
    enum mcpd_save_format format;
    const char *path;    /* NULL: standard output (archives only) */
    bool several_images; /* each name is an image; else the further ones are names for the first */
    /* MCPD_SAVE_BUNDLE: earlier bundles (or other archives) and images, whose layers are left out;
     * NULL: none */
    const char *const *since;
    /* MCPD_SAVE_BUNDLE: file with a private key in PEM (Ed25519, ECDSA P-256); NULL: not signed */
    const char *sign_by;
    mcpd_progress_function progress;
    void *progress_context;
};

struct mcpd_bundle_options {
    const char
        *verify_key; /* file with the public key it must be signed with; NULL: any, or none */
    mcpd_progress_function progress;
    void *progress_context;
};

struct mcpd_push_options {
    struct mcpd_registry_options registry; /* platform has no meaning here */
    const char *format;      /* of the manifest: "oci", "v2s2" ("docker"); NULL: as it is */
    const char *compression; /* of layers that are not so already: "gzip", "zstd"; NULL: as it is,
                              * gzip for those that were made here */
    int compression_level;   /* gzip 1 to 9, zstd 1 to 19; 0: the default */
};

struct mcpd_build_options {
    const char *image;      /* name for the result */
    const char *dockerfile; /* NULL: DIR/Dockerfile */
    const char *context_dir;
};

/* ------------------------------------------------------------------ containers */

struct mcpd_create_options {
    struct mcpd_container_spec spec;
    enum mcpd_pull_policy pull; /* MCPD_PULL_MISSING for run */
    bool pull_set;              /* false: MISSING */
    struct mcpd_registry_options registry;

    const char *const *entrypoint; /* NULL: the image's; an empty list: none */
    const char *hostname;
    const char *working_dir;
    const char *const *env_files; /* paths */
    const char *const *mounts;    /* --mount type=bind|tmpfs,... (volumes with their issue) */
    const char *const *tmpfs;     /* "/path[:options]" */
    const char *const *devices;   /* "/dev/x[:/path][:rwm]" */
    const char *const *labels;    /* "K=V" */
    const char *const *annotations;
    const char *const *add_hosts; /* "name:address" */
    const char *const *group_add;
    const char *const *cap_add;
    const char *const *cap_drop;
    const char *const *security_options;
    const char *const *ulimits;
    const char *stop_signal;
    int stop_timeout_s;             /* < 0: 10 */
    const char *memory;             /* "64m"; NULL: no limit */
    const char *cpus;               /* "1.5" */
    const char *pids_limit;         /* "100", "-1": none; NULL: 2048 where the host can */
    const char *shm_size;           /* NULL: 65536000 bytes */
    const char *log_driver;         /* "k8s-file" (default), its alias "json-file", "none" */
    const char *const *log_options; /* "max-size=10m", "max-file=2", "path=FILE", "tag=TEXT" */
    const char *umask;
    bool read_only;
    bool read_only_tmpfs_off;
    bool passwd_off; /* a number that is no user of the image gets no line in /etc/passwd */
    bool init;
    bool tty;
    bool interactive;
    bool auto_remove;
    bool replace;
    bool privileged;
    const char *cid_file;
    const char *const *create_command; /* argv for inspect; NULL fine */
};

/* Streams of an attached client. Descriptors stay the caller's. With tty the input's terminal is
 * put into raw mode for the time of the call, size changes are passed on, and the detach keys
 * leave. */
struct mcpd_streams {
    int input_fd; /* -1: none */
    int output_fd;
    int error_fd;
    bool forward_signals;    /* what is sent to us goes to the container */
    const char *detach_keys; /* bytes, MCPD_DETACH_KEYS_MAX at most; NULL: ctrl-p ctrl-q */
    size_t detach_key_count; /* 0 with detach_keys: nothing leaves */
};
#define MCPD_DETACH_KEYS_MAX 16
enum mcpd_attach_end {
    MCPD_ATTACH_EXITED,
    MCPD_ATTACH_DETACHED,
    MCPD_ATTACH_READER_GONE, /* nobody reads what we write, and the container is not ours to end */
};
struct mcpd_attach_result {
    enum mcpd_attach_end end;
    int exit_code; /* 0..255, 128 + signal */
};

struct mcpd_exec_options {
    const char *const *cmd;
    const char *const *env;
    const char *const *env_files;
    const char *user;
    const char *working_dir;
    bool tty;
    bool interactive;
    bool detach;
    bool privileged;
};

enum mcpd_log_stream {
    MCPD_LOG_STDOUT = 1,
    MCPD_LOG_STDERR = 2,
};
struct mcpd_logs_options {
    bool follow;
    int64_t tail_lines;    /* < 0: all */
    int64_t since_unix_ns; /* 0: from the start */
    int64_t until_unix_ns; /* 0: to the end */
};
/* Called for each piece of a line; is_line_end tells the last piece. Non-zero stops. */
typedef int (*mcpd_log_function)(void *context, enum mcpd_log_stream stream, int64_t unix_ns,
                                 const char *bytes, size_t count, bool is_line_end);

#ifdef __cplusplus
}
#endif
#endif
