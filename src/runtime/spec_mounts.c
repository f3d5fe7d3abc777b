/*
 * spec_mounts.c - the list of mounts: the usual ones of every container and those asked for.
 *
 * A mount that is asked for takes the place of a usual one at the same path. The list is then
 * sorted by depth, so that a mount on /a never hides one on /a/b. /etc/hosts and its like are not
 * in it: they belong to every start (hostfiles.h).
 */
#include "runtime/spec_parts.h"

#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/str.h"
#include "runtime/pathclean.h"

/* Takes over the strings of *mount, also on failure. */
static int append_take(struct plan *plan, struct plan_mount *mount, struct mcpd_error *err)
{
    struct plan_mount *grown =
        reallocarray(plan->mounts, plan->mount_count + 1, sizeof(*plan->mounts));

    if (!grown) {
        spec_mount_done(mount);
        return error_no_memory(err, "mounts");
    }
    plan->mounts = grown;
    plan->mounts[plan->mount_count++] = *mount;
    *mount = (struct plan_mount){0};
    return 0;
}

/* A copy of the model with strings of its own. */
static int append(struct plan *plan, const struct plan_mount *model, const char *source,
                  const char *destination, const char *data, struct mcpd_error *err)
{
    struct plan_mount mount = *model;
    int rc;

    mount.source = mount.destination = mount.data = NULL;
    rc = spec_dup(source, &mount.source, err);
    if (rc == 0)
        rc = spec_dup(destination, &mount.destination, err);
    if (rc == 0)
        rc = spec_dup(data, &mount.data, err);
    if (rc < 0) {
        spec_mount_done(&mount);
        return rc;
    }
    return append_take(plan, &mount, err);
}

/* --- the usual ones ------------------------------------------------------------------ */

struct usual_mount {
    char destination[16];
    char data[56];
    struct plan_mount mount;
};

#define USUAL(destination_, data_, ...)                                      \
    {                                                                        \
        .destination = destination_, .data = data_, .mount = { __VA_ARGS__ } \
    }

static const struct usual_mount usual_mounts[] = {
    USUAL("/proc", "", .kind = PLAN_MOUNT_PROC, .no_suid = true, .no_dev = true, .no_exec = true),
    USUAL("/dev", "mode=755,size=65536k", .kind = PLAN_MOUNT_DEV, .no_suid = true, .no_exec = true),
    USUAL("/dev/pts", "newinstance,ptmxmode=0666,mode=0620,gid=5", .kind = PLAN_MOUNT_DEVPTS,
          .no_suid = true, .no_exec = true),
    USUAL("/dev/mqueue", "", .kind = PLAN_MOUNT_MQUEUE, .no_suid = true, .no_dev = true,
          .no_exec = true),
};

static int add_shm(struct plan *plan, struct mcpd_error *err)
{
    const struct plan_mount model = {
        .kind = PLAN_MOUNT_TMPFS, .no_suid = true, .no_dev = true, .no_exec = true};
    char data[64];

    (void)snprintf(data, sizeof(data), "mode=1777,size=%llu",
                   (unsigned long long)plan->shm_size_bytes);
    return append(plan, &model, NULL, "/dev/shm", data, err);
}

/* A user namespace may mount sysfs only together with a network of its own; else the host's is
 * bound. */
static int add_sys(const struct spec_host *host, struct plan *plan, struct mcpd_error *err)
{
    struct plan_mount model = {.kind = PLAN_MOUNT_SYSFS,
                               .no_suid = true,
                               .no_dev = true,
                               .no_exec = true,
                               .read_only = !plan->privileged};

    if (!host->is_rootless || plan->network != PLAN_NETWORK_HOST)
        return append(plan, &model, NULL, "/sys", NULL, err);
    model.kind = PLAN_MOUNT_BIND;
    model.recursive = true;
    return append(plan, &model, "/sys", "/sys", NULL, err);
}

static int add_cgroup(struct plan *plan, struct mcpd_error *err)
{
    const struct plan_mount model = {.kind = PLAN_MOUNT_CGROUP,
                                     .no_suid = true,
                                     .no_dev = true,
                                     .no_exec = true,
                                     .read_only = !plan->privileged};

    return append(plan, &model, NULL, "/sys/fs/cgroup", NULL, err);
}

/* With --read-only, what programs take for granted stays writable. */
static int add_read_only_tmpfs(const struct mcpd_create_options *options, struct plan *plan,
                               struct mcpd_error *err)
{
    static const struct {
        char destination[10];
        char data[10];
    } rows[] = {{"/run", "mode=0755"}, {"/tmp", "mode=1777"}, {"/var/tmp", "mode=1777"}};
    const struct plan_mount model = {
        .kind = PLAN_MOUNT_TMPFS, .no_suid = true, .no_dev = true, .copy_up = true};
    int rc = 0;

    if (!options->read_only || options->read_only_tmpfs_off)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(rows) && rc == 0; i++)
        rc = append(plan, &model, NULL, rows[i].destination, rows[i].data, err);
    return rc;
}

static int add_usual(const struct mcpd_create_options *options, const struct spec_host *host,
                     struct plan *plan, struct mcpd_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < ARRAY_SIZE(usual_mounts) && rc == 0; i++) {
        const struct usual_mount *usual = &usual_mounts[i];

        rc = append(plan, &usual->mount, NULL, usual->destination,
                    usual->data[0] ? usual->data : NULL, err);
    }
    if (rc == 0)
        rc = add_shm(plan, err);
    if (rc == 0)
        rc = add_sys(host, plan, err);
    if (rc == 0)
        rc = add_cgroup(plan, err);
    return rc < 0 ? rc : add_read_only_tmpfs(options, plan, err);
}

/* --- those asked for ------------------------------------------------------------------ */

/* A device is a file and takes the place of devices only; of two the last counts. */
static bool is_taken_by(const struct plan_mount *other, const struct plan_mount *mount)
{
    return other->is_user_volume || other->is_device != mount->is_device;
}

int spec_mounts_place(struct plan *plan, struct plan_mount *mount, struct mcpd_error *err)
{
    for (size_t i = 0; i < plan->mount_count; i++) {
        struct plan_mount *other = &plan->mounts[i];

        if (strcmp(other->destination, mount->destination) != 0)
            continue;
        if (is_taken_by(other, mount)) {
            int rc = error_set(err, MCPD_E_INVALID, "%s: duplicate mount destination",
                               mount->destination);

            spec_mount_done(mount);
            return rc;
        }
        spec_mount_done(other);
        *other = *mount;
        *mount = (struct plan_mount){0};
        return 0;
    }
    return append_take(plan, mount, err);
}

static int add_asked_for(const struct mcpd_create_options *options, const struct spec_host *host,
                         struct plan *plan, struct mcpd_error *err)
{
    const char *const *volumes = options->spec.volumes;
    int rc = 0;

    for (size_t i = 0; volumes && volumes[i] && rc == 0; i++) {
        struct plan_mount mount;

        rc = spec_volume_parse(volumes[i], host->current_dir, &mount, err);
        if (rc == 0)
            rc = spec_mounts_place(plan, &mount, err);
    }
    for (size_t i = 0; options->mounts && options->mounts[i] && rc == 0; i++) {
        struct plan_mount mount;

        rc = spec_mount_parse(options->mounts[i], host->current_dir, &mount, err);
        if (rc == 0)
            rc = spec_mounts_place(plan, &mount, err);
    }
    for (size_t i = 0; options->tmpfs && options->tmpfs[i] && rc == 0; i++) {
        struct plan_mount mount;

        rc = spec_tmpfs_parse(options->tmpfs[i], &mount, err);
        if (rc == 0)
            rc = spec_mounts_place(plan, &mount, err);
    }
    for (size_t i = 0; options->devices && options->devices[i] && rc == 0; i++) {
        struct plan_mount mount;

        rc = spec_device_parse(options->devices[i], &mount, err);
        if (rc == 0)
            rc = spec_mounts_place(plan, &mount, err);
    }
    return rc;
}

/* Stable insertion sort: the list is short and nearly in order. */
static void sort_by_depth(struct plan *plan)
{
    for (size_t i = 1; i < plan->mount_count; i++) {
        struct plan_mount mount = plan->mounts[i];
        size_t depth = pathclean_depth(mount.destination);
        size_t at = i;

        for (; at > 0 && pathclean_depth(plan->mounts[at - 1].destination) > depth; at--)
            plan->mounts[at] = plan->mounts[at - 1];
        plan->mounts[at] = mount;
    }
}

int spec_mounts_build(const struct mcpd_create_options *options, const struct spec_host *host,
                      struct plan *plan, struct mcpd_error *err)
{
    int rc = add_usual(options, host, plan, err);

    if (rc == 0)
        rc = add_asked_for(options, host, plan, err);
    if (rc == 0)
        rc = spec_dup_list(options->spec.volumes, &plan->volumes_given, err);
    if (rc == 0)
        sort_by_depth(plan);
    return rc;
}

int spec_check_sources(struct plan *plan, struct mcpd_error *err)
{
    int rc = spec_devices_resolve(plan, err);

    if (rc < 0)
        return rc;
    sort_by_depth(plan);
    for (size_t i = 0; i < plan->mount_count; i++) {
        struct plan_mount *mount = &plan->mounts[i];
        struct stat st;

        if (mount->kind != PLAN_MOUNT_BIND || !mount->is_user_volume)
            continue;
        if (stat(mount->source, &st) < 0 && errno == ENOENT)
            return error_set(err, MCPD_E_NOT_FOUND, "statfs %s: no such file or directory",
                             mount->source);
        if (stat(mount->source, &st) < 0)
            return error_errno(err, "statfs %s", mount->source);
        mount->is_file = !S_ISDIR(st.st_mode);
    }
    return 0;
}
