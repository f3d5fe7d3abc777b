/* spec_parts.h - the parts of spec_build, one file each. Internal to spec*.c. Each fills in its
 * members of the plan and leaves freeing to the caller. */
#ifndef RUNTIME_SPEC_PARTS_H
#define RUNTIME_SPEC_PARTS_H

#include "runtime/spec.h"

#define SPEC_DEFAULT_SHM_BYTES 65536000
#define SPEC_DEFAULT_PIDS      2048

/* Copies text (NULL stays NULL). */
int spec_dup(const char *text, char **ret_copy, struct mcpd_error *err) MUST_CHECK;
int spec_dup_list(const char *const *list, char ***ret_copy, struct mcpd_error *err) MUST_CHECK;

/* spec_env.c. Adds "K=V", "K" (from the environment, left out when unset) and "K*" to *env. */
int spec_env_add(char ***env, const char *text, const char *const *environment,
                 struct mcpd_error *err) MUST_CHECK;
int spec_env_add_files(char ***env, const char *const *paths, const char *const *environment,
                       struct mcpd_error *err) MUST_CHECK;
int spec_env_build(const struct mcpd_create_options *options, const struct image *image,
                   const struct spec_host *host, struct plan *plan,
                   struct mcpd_error *err) MUST_CHECK;

/* spec_mounts.c. Wants plan->network, read_only_root, privileged and shm_size_bytes. */
int spec_mounts_build(const struct mcpd_create_options *options, const struct spec_host *host,
                      struct plan *plan, struct mcpd_error *err) MUST_CHECK;
/* spec_volumes.c: one -v, --mount, --tmpfs as a mount with strings of its own. */
int spec_volume_parse(const char *text, const char *current_dir, struct plan_mount *ret_mount,
                      struct mcpd_error *err) MUST_CHECK;
int spec_mount_parse(const char *text, const char *current_dir, struct plan_mount *ret_mount,
                     struct mcpd_error *err) MUST_CHECK;
int spec_tmpfs_parse(const char *text, struct plan_mount *ret_mount,
                     struct mcpd_error *err) MUST_CHECK;
/* spec_devices.c: one --device. */
int spec_device_parse(const char *text, struct plan_mount *ret_mount,
                      struct mcpd_error *err) MUST_CHECK;
/* Looks at the host: links are followed, a folder gives way to the devices in it, anything else
 * that is no device is refused. */
int spec_devices_resolve(struct plan *plan, struct mcpd_error *err) MUST_CHECK;
/* spec_mounts.c: puts the mount at its place in the list: over a usual one, never over another that
 * was asked for. Takes over its strings, also on failure. */
int spec_mounts_place(struct plan *plan, struct plan_mount *mount,
                      struct mcpd_error *err) MUST_CHECK;
void spec_mount_done(struct plan_mount *mount);

/* spec_log.c: --log-driver, --log-opt */
int spec_log_build(const struct mcpd_create_options *options, const struct spec_host *host,
                   struct plan *plan, struct mcpd_error *err) MUST_CHECK;

/* spec_limits.c */
int spec_limits_build(const struct mcpd_create_options *options, struct plan *plan,
                      struct mcpd_error *err) MUST_CHECK;

/* spec_security.c */
int spec_security_build(const struct mcpd_create_options *options, struct plan *plan,
                        struct mcpd_error *err) MUST_CHECK;

/* spec_network.c: network, host names; ports are only checked. Wants plan->id. */
int spec_network_build(const struct mcpd_create_options *options, const struct spec_host *host,
                       struct plan *plan, struct mcpd_error *err) MUST_CHECK;

#endif
