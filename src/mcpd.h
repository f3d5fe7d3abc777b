/*
 * mcpd.h - the contract of libmcpd: run containers with nothing but the kernel.
 *
 * Nine calls carry a control plane: mcpd_pull, mcpd_run, mcpd_stop, mcpd_remove, mcpd_inspect,
 * mcpd_list, mcpd_build, mcpd_push, mcpd_image_exists. Two values go with them: struct
 * mcpd_container_spec (in) and struct mcpd_container_info (out). The rest is what podman's command
 * line needs on top; the mcpd program itself uses nothing else.
 *
 * Rules for every call: 0 (or what is documented) on success, -(enum mcpd_error_code) on failure
 * with *err filled in (err may be NULL); outputs come last before err, are untouched on failure,
 * and are owned by the caller unless said otherwise. Strings are UTF-8, lists are NULL-terminated
 * arrays (NULL is the empty list). Nothing prints, nothing exits, no thread is started; containers
 * are started by the mcpd program, never forked out of the caller. One engine may be used by one
 * thread at a time; any number of engines and processes may work on the same root.
 */
#ifndef MCPD_H
#define MCPD_H

#include "mcpd_error.h"
#include "mcpd_types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MCPD_API     __attribute__((visibility("default")))
#define MCPD_VERSION "0.1.0"

struct mcpd_engine;

struct mcpd_engine_options {
    /* NULL: /var/lib/mcpd, as a user $XDG_DATA_HOME/mcpd or ~/.local/share/mcpd. */
    const char *root;
    /* NULL: /run/mcpd, as a user $XDG_RUNTIME_DIR/mcpd, or else /tmp/mcpd-run-UID. */
    const char *runroot;
    /* NULL: the mcpd that belongs to this library (or runs this code). */
    const char *program;
    /* Read-only stores whose images serve too, besides those of mcpd.conf; NULL: none. */
    const char *const *additional_stores;
    /* Damaged objects and the like; NULL: silence. */
    void (*warn)(void *context, const char *message);
    void *warn_context;
};

/* Reads mcpd.conf too: $MCPD_CONF, else /etc/mcpd/mcpd.conf and then the user's own
 * ($XDG_CONFIG_HOME or ~/.config, mcpd/mcpd.conf). INVALID: it has a wrong value. */
MCPD_API int mcpd_open(const struct mcpd_engine_options *options, struct mcpd_engine **ret_engine,
                       struct mcpd_error *err);
MCPD_API void mcpd_close(struct mcpd_engine *engine); /* NULL is fine */

/* ------------------------------------------------------------------ the two values */

MCPD_API void mcpd_container_info_free(struct mcpd_container_info *info);
MCPD_API void mcpd_container_infos_free(struct mcpd_container_info **infos); /* of mcpd_list */

/* The tag behind the last '/': "registry/img:v1.2.0" gives "v1.2.0"; "registry:5000/img", a digest
 * and no tag give "". Owned by the caller; NULL without memory. */
MCPD_API char *mcpd_image_version(const char *image);

/* ------------------------------------------------------------------ the nine calls */

/* Fetches an image into the store. *ret_id: 64 hex digits. */
MCPD_API int mcpd_pull(struct mcpd_engine *engine, const char *image, enum mcpd_pull_policy policy,
                       const struct mcpd_registry_options *options, char **ret_id,
                       struct mcpd_error *err);

/* Starts a container in the background; pulls a missing image first. *ret_id: 64 hex digits. */
MCPD_API int mcpd_run(struct mcpd_engine *engine, const struct mcpd_container_spec *spec,
                      char **ret_id, struct mcpd_error *err);

/* STOPSIGNAL, then SIGKILL after timeout_s (< 0: the container's own, 10 by default). An already
 * stopped one is success. *ret_was_killed (may be NULL): it had to be killed. */
MCPD_API int mcpd_stop(struct mcpd_engine *engine, const char *name, int timeout_s,
                       bool *ret_was_killed, struct mcpd_error *err);

/* force: also a running one. */
MCPD_API int mcpd_remove(struct mcpd_engine *engine, const char *name, bool force,
                         struct mcpd_error *err);

MCPD_API int mcpd_inspect(struct mcpd_engine *engine, const char *name,
                          struct mcpd_container_info **ret_info, struct mcpd_error *err);

/* Every container, running or not, oldest first; ends with NULL. */
MCPD_API int mcpd_list(struct mcpd_engine *engine, struct mcpd_container_info ***ret_infos,
                       struct mcpd_error *err);

MCPD_API int mcpd_build(struct mcpd_engine *engine, const struct mcpd_build_options *options,
                        char **ret_id, struct mcpd_error *err);

/* Sends an image to a registry. destination NULL: the image's own name. *ret_digest (may be NULL):
 * "sha256:.." of its manifest there. */
MCPD_API int mcpd_push(struct mcpd_engine *engine, const char *image, const char *destination,
                       const struct mcpd_push_options *options, char **ret_digest,
                       struct mcpd_error *err);

/* Asks the registry, not the store. Absent is an answer; not being able to ask is a failure. */
MCPD_API int mcpd_image_exists(struct mcpd_engine *engine, const char *image,
                               const struct mcpd_registry_options *options, bool *ret_exists,
                               struct mcpd_error *err);

/* The manifest or index as the registry has it, JSON. NOT_FOUND: the registry has no such image; no
 * other failure has this code. */
MCPD_API int mcpd_manifest_inspect(struct mcpd_engine *engine, const char *image,
                                   const struct mcpd_registry_options *options, char **ret_text,
                                   struct mcpd_error *err);

/* ------------------------------------------------------------------ who we are to a registry
 * registry: "host[:port]" or "host[:port]/path"; credentials of a path serve what lies below it. */

/* Tries options->credentials at the registry, then keeps them in the auth file (*ret_path, may be
 * NULL: its name). Without credentials those that are kept are tried, and nothing is written.
 * DENIED: the registry does not take them. NOT_FOUND: none are kept. */
MCPD_API int mcpd_login(struct mcpd_engine *engine, const char *registry,
                        const struct mcpd_registry_options *options, char **ret_path,
                        struct mcpd_error *err);
/* The user that is kept for it. NOT_FOUND: none. */
MCPD_API int mcpd_login_user(struct mcpd_engine *engine, const char *registry,
                             const struct mcpd_registry_options *options, char **ret_user,
                             struct mcpd_error *err);
/* registry NULL: all that the auth file keeps. NOT_FOUND: nothing was kept; STATE: another
 * program's file keeps it. */
MCPD_API int mcpd_logout(struct mcpd_engine *engine, const char *registry,
                         const struct mcpd_registry_options *options, struct mcpd_error *err);

/* ------------------------------------------------------------------ containers, in full */

/* Makes a container without starting it. */
MCPD_API int mcpd_create(struct mcpd_engine *engine, const struct mcpd_create_options *options,
                         char **ret_id, struct mcpd_error *err);

/* Starts a created or exited container. streams NULL: in the background; else stays attached until
 * it ends. result may be NULL then. */
MCPD_API int mcpd_start(struct mcpd_engine *engine, const char *name,
                        const struct mcpd_streams *streams, struct mcpd_attach_result *ret_result,
                        struct mcpd_error *err);

/* signal_name: "TERM", "SIGTERM", "15"; NULL: SIGKILL. */
MCPD_API int mcpd_kill(struct mcpd_engine *engine, const char *name, const char *signal_name,
                       struct mcpd_error *err);

/* Until it is not running; the exit code of its last end. timeout_ms < 0: for ever. */
MCPD_API int mcpd_wait(struct mcpd_engine *engine, const char *name, int timeout_ms,
                       int *ret_exit_code, struct mcpd_error *err);

/* streams NULL only with detach. In a program other than mcpd the command is started by `mcpd
 * exec`, which says on error_fd what went wrong and ends with 125, 126 or 127 then. */
MCPD_API int mcpd_exec(struct mcpd_engine *engine, const char *name,
                       const struct mcpd_exec_options *options, const struct mcpd_streams *streams,
                       struct mcpd_attach_result *ret_result, struct mcpd_error *err);

MCPD_API int mcpd_logs(struct mcpd_engine *engine, const char *name,
                       const struct mcpd_logs_options *options, mcpd_log_function function,
                       void *context, struct mcpd_error *err);

/* What a container has written, on the disk. */
MCPD_API int mcpd_container_bytes(struct mcpd_engine *engine, const char *name, uint64_t *ret_bytes,
                                  struct mcpd_error *err);

/* 64 hex digits of a container given by name, id or unique prefix. */
MCPD_API int mcpd_container_id(struct mcpd_engine *engine, const char *name, char **ret_id,
                               struct mcpd_error *err);

/* ------------------------------------------------------------------ podman's documents (JSON) */

MCPD_API int mcpd_inspect_json(struct mcpd_engine *engine, const char *name, char **ret_object,
                               struct mcpd_error *err);
/* Array, oldest first; all: also those not running. */
MCPD_API int mcpd_list_json(struct mcpd_engine *engine, bool all, char **ret_array,
                            struct mcpd_error *err);
MCPD_API int mcpd_images_json(struct mcpd_engine *engine, char **ret_array, struct mcpd_error *err);
MCPD_API int mcpd_image_inspect_json(struct mcpd_engine *engine, const char *name,
                                     char **ret_object, struct mcpd_error *err);
/* The steps that made an image, the last first. */
MCPD_API int mcpd_history_json(struct mcpd_engine *engine, const char *image, char **ret_array,
                               struct mcpd_error *err);
MCPD_API int mcpd_info_json(struct mcpd_engine *engine, char **ret_object, struct mcpd_error *err);
/* What takes how much of the disk: {"Images": [as mcpd_images_json, with what each takes in Size,
 * SharedSize and UniqueSize], "ImagesSize", "ImagesReclaimable", "Containers": [as mcpd_list_json,
 * with SizeRw], "Volumes": [], "Store": {"Layers", "Blobs", "Documents", "Partial",
 * "Budget"}}, in bytes.
 * ImagesReclaimable is what goes with all images that no container uses. */
MCPD_API int mcpd_disk_usage_json(struct mcpd_engine *engine, char **ret_object,
                                  struct mcpd_error *err);

/* ------------------------------------------------------------------ images */

/* Local store only. */
MCPD_API int mcpd_image_is_local(struct mcpd_engine *engine, const char *image, bool *ret_is_local,
                                 struct mcpd_error *err);
MCPD_API int mcpd_tag(struct mcpd_engine *engine, const char *image, const char *const *names,
                      struct mcpd_error *err);
/* Takes names from an image, which stays; names NULL or empty: all it has. */
MCPD_API int mcpd_untag(struct mcpd_engine *engine, const char *image, const char *const *names,
                        struct mcpd_error *err);
enum mcpd_removal {
    MCPD_REMOVAL_PLAIN,     /* an image with several names goes by its last name only */
    MCPD_REMOVAL_FORCED,    /* whatever its names, and with its containers */
    MCPD_REMOVAL_ALL_NAMES, /* whatever its names, if no container uses it */
};
/* Removes a name (image is one of several), else the image. *ret_lines: "Untagged: ..",
 * "Deleted: .." as podman prints. */
MCPD_API int mcpd_remove_image(struct mcpd_engine *engine, const char *image,
                               enum mcpd_removal removal, char ***ret_lines,
                               struct mcpd_error *err);
/* Images that no container uses, by their whole ids, with all names and one look at the store.
 * *ret_removed: the ids of those that were there. */
MCPD_API int mcpd_remove_images(struct mcpd_engine *engine, const char *const *ids,
                                char ***ret_removed, struct mcpd_error *err);
/* Several removals in a row: what nobody needs any more is not deleted by each of them, but by
 * mcpd_collect. */
MCPD_API void mcpd_collect_later(struct mcpd_engine *engine);
/* Deletes blobs and layers that no name and no container needs; with_halves: half downloads too,
 * unless somebody goes on with them. While an image is being added nothing is deleted.
 * *ret_freed_bytes may be NULL. */
MCPD_API int mcpd_collect(struct mcpd_engine *engine, bool with_halves, uint64_t *ret_freed_bytes,
                          struct mcpd_error *err);
/* Deletes the compressed layers of images (NULL or empty: of all) whose unpacked form is here and
 * that a registry is known to have; by_force: whether one has them or not. *ret_object:
 * {"Deleted": [digest], "Freed", "Kept": how many no registry is known to have, "KeptBytes"}. */
MCPD_API int mcpd_trim_json(struct mcpd_engine *engine, const char *const *images, bool by_force,
                            char **ret_object, struct mcpd_error *err);
/* docker-archive or oci-archive, path NULL: standard input. *ret_names: what was loaded
 * ("localhost/tiny:1.2" or "sha256:.."). */
MCPD_API int mcpd_load(struct mcpd_engine *engine, const char *path,
                       const struct mcpd_registry_options *options, char ***ret_names,
                       struct mcpd_error *err);
/* The tree of a container as a tar, whether it runs or not; what is mounted in it is left out. path
 * NULL: standard output. */
MCPD_API int mcpd_export(struct mcpd_engine *engine, const char *name, const char *path,
                         struct mcpd_error *err);
/* Images as an archive or a folder. */
MCPD_API int mcpd_save(struct mcpd_engine *engine, const char *const *images,
                       const struct mcpd_save_options *options, struct mcpd_error *err);

/* What mcpd_save wrote as MCPD_SAVE_BUNDLE, read once from beginning to end; path NULL: standard
 * input. All its images become visible at once, or none. STATE: layers that were left out of it are
 * not here. DENIED: it is not signed as it should be. *ret_names: as mcpd_load. options NULL: the
 * default. */
MCPD_API int mcpd_bundle_apply(struct mcpd_engine *engine, const char *path,
                               const struct mcpd_bundle_options *options, char ***ret_names,
                               struct mcpd_error *err);
/* What a bundle says that it holds. *ret_object: {"Images": [{"Names", "Id", "Digest", "Layers":
 * [{"Digest", "DiffId", "Size", "Included"}]}], "Needs": [{"Digest", "DiffId", "Size", "Image",
 * "Here"}], "Size", "LeftOut", "Signed"}; sizes in bytes, of layers as they are packed, each once.
 */
MCPD_API int mcpd_bundle_inspect(struct mcpd_engine *engine, const char *path, char **ret_object,
                                 struct mcpd_error *err);

/* Hashes images again, compares their unpacked layers with what was unpacked, and, with `repair`,
 * makes what is damaged again from good blobs or a registry. images NULL or empty: all, and what
 * else lies in the store. *ret_object: {"Images": [{"Names", "Id", "Digest", "Status": "good" |
 * "damaged" | "repaired", "Problems": [{"Kind", "Digest", "Path", "Problem"}]}], "Others":
 * [problem], "Blobs", "Layers", "Bytes"}. Damage is an answer and not a failure. */
MCPD_API int mcpd_verify(struct mcpd_engine *engine, const char *const *images, bool repair,
                         const struct mcpd_registry_options *options, char **ret_object,
                         struct mcpd_error *err);

MCPD_API void mcpd_strings_free(char **strings);

/* ------------------------------------------------------------------ for the mcpd programs
 * themselves */

/* Hidden subcommands ("internal monitor", "internal image-helper"): returns the exit status. */
MCPD_API int mcpd_internal_main(int argc, char **argv);
/* Before mcpd_exec, with main's arguments: starts this program again from where no container can
 * overwrite its file, unless it runs from there already or nothing better is to be had. */
MCPD_API int mcpd_protect_program(char **argv, struct mcpd_error *err);
/* Does this program hold the registry and layer code (mcpd-image)? */
MCPD_API bool mcpd_has_image_code(void);
/* Absolute path of mcpd-image. */
MCPD_API int mcpd_image_program(struct mcpd_engine *engine, char **ret_path,
                                struct mcpd_error *err);

#ifdef __cplusplus
}
#endif
#endif
