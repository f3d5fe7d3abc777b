/*
 * spec_devices.c - --device HOST[:CONTAINER][:rwm] as a mount.
 *
 * The host's node is bound, read-only as a file: its mode and owner cannot be changed from inside,
 * and what it stands for is read and written all the same. So a device that may only be read
 * cannot be given; that takes rules of a cgroup, and is refused rather than promised.
 *
 * What a device is, is decided twice: spec_device_parse() reads the text, spec_devices_resolve()
 * looks at the host, where a name may be a link or a folder. A start looks once more, for what has
 * taken the place of a device since (mount.c).
 */
#include "runtime/spec_parts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/fsutil.h"
#include "base/str.h"
#include "runtime/pathclean.h"

#define DEPTH_MAX   6
#define DEVICES_MAX 1024 /* each is a mount */

static bool is_mode(const char *text)
{
    size_t used[3] = {0};

    for (const char *c = text; *c != '\0'; c++)
        if ((*c != 'r' && *c != 'w' && *c != 'm') || used[*c == 'r' ? 0 : *c == 'w' ? 1 : 2]++ > 0)
            return false;
    return *text != '\0';
}

static int refuse_mode(const char *text, struct mcpd_error *err)
{
    return error_set(err, MCPD_E_INVALID, "invalid device mode: %s", text);
}

/* The parts behind the source: a place, a mode, or both. */
static int take_parts(const char *text, char *const *parts, const char **ret_place,
                      struct mcpd_error *err)
{
    size_t count = strv_length(parts);
    const char *mode = "rwm";

    *ret_place = parts[0];
    if (count > 3)
        return error_set(err, MCPD_E_INVALID, "invalid device specification: %s", text);
    if (count == 3)
        mode = parts[2];
    if (!is_mode(mode))
        return refuse_mode(mode, err);
    if (count > 1 && is_mode(parts[1])) /* of two modes podman takes the first */
        mode = parts[1];
    else if (count > 1 && parts[1][0] == '/')
        *ret_place = parts[1];
    else if (count > 1)
        return refuse_mode(parts[1], err);
    if (!strchr(mode, 'r') || !strchr(mode, 'w'))
        return error_set(err, MCPD_E_UNSUPPORTED,
                         "device mode \"%s\" cannot be enforced yet: \"rw\" and \"rwm\" can", mode);
    return 0;
}

int spec_device_parse(const char *text, struct plan_mount *ret_mount, struct mcpd_error *err)
{
    CLEANUP_STRV char **parts = strv_split(text, ':');
    CLEANUP(spec_mount_done)
    struct plan_mount mount = {.kind = PLAN_MOUNT_BIND,
                               .propagation = MS_PRIVATE,
                               .no_suid = true,
                               .no_exec = true,
                               .read_only = true,
                               .is_device = true};
    const char *place = "";
    int rc = parts ? take_parts(text, parts, &place, err) : error_no_memory(err, "device");

    if (rc < 0)
        return rc;
    if (parts[0][0] != '/')
        return error_set(err, MCPD_E_NOT_FOUND, "stat %s: no such file or directory", parts[0]);
    mount.source = pathclean(parts[0]);
    mount.destination = pathclean(place);
    if (!mount.source || !mount.destination)
        return error_no_memory(err, "device");
    if (strcmp(mount.destination, "/") == 0)
        return error_set(err, MCPD_E_INVALID, "invalid container path \"%s\": it is the root",
                         place);
    *ret_mount = mount;
    mount = (struct plan_mount){0};
    return 0;
}

/* --- on this host --------------------------------------------------------------------- */

struct folder {
    struct plan *plan;
    const struct plan_mount *asked;
    const char *inner; /* below the source and below the destination: "" or "/snd" */
    dev_t device;      /* of the source */
    unsigned int depth;
    size_t *found;
};

static int refuse_node(const struct plan_mount *mount, struct mcpd_error *err)
{
    return error_set(err, MCPD_E_INVALID, "%s is not a valid device: not a device node",
                     mount->source);
}

/* A place that was not named is that of the device itself, not of the link to it. */
static int follow_link(struct plan_mount *mount, struct mcpd_error *err)
{
    bool has_own_place = strcmp(mount->source, mount->destination) != 0;
    CLEANUP_FREE char *real = NULL;
    CLEANUP_FREE char *place = NULL;
    struct stat st;

    if (lstat(mount->source, &st) < 0 || !S_ISLNK(st.st_mode))
        return 0;
    real = realpath(mount->source, NULL);
    if (!real)
        return 0; /* what is wrong with it is told by stat() */
    place = strdup(has_own_place ? mount->destination : real);
    if (!place)
        return error_no_memory(err, "device");
    free(mount->source);
    free(mount->destination);
    mount->source = TAKE_PTR(real);
    mount->destination = TAKE_PTR(place);
    return 0;
}

static int add_found(const struct folder *folder, const char *inner, struct mcpd_error *err)
{
    struct plan_mount mount = *folder->asked;

    if (++*folder->found > DEVICES_MAX)
        return error_set(err, MCPD_E_LIMIT, "more than %d devices in %s", DEVICES_MAX,
                         folder->asked->source);
    mount.source = str_format("%s%s", folder->asked->source, inner);
    mount.destination = str_format("%s%s", folder->asked->destination, inner);
    mount.is_file = true;
    if (mount.source && mount.destination)
        return spec_mounts_place(folder->plan, &mount, err);
    spec_mount_done(&mount);
    return error_no_memory(err, "device");
}

/* Other mounts below (pts, shm) are no part of the folder; what cannot be read is left out. */
static int visit(int dir_fd, const char *name, unsigned char type, void *context,
                 struct mcpd_error *err)
{
    const struct folder *folder = context;
    CLEANUP_FREE char *inner = str_format("%s/%s", folder->inner, name);
    struct folder below = *folder;
    struct stat st;
    int rc;

    (void)type;
    if (!inner)
        return error_no_memory(err, "device");
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
        return add_found(folder, inner, err);
    if (!S_ISDIR(st.st_mode) || st.st_dev != folder->device || folder->depth == DEPTH_MAX)
        return 0;
    below.inner = inner;
    below.depth++;
    rc = fs_visit_dir(dir_fd, name, visit, &below, err);
    return rc == -MCPD_E_DENIED || rc == -MCPD_E_NOT_FOUND ? 0 : rc;
}

static int add_folder(struct plan *plan, const struct plan_mount *asked, dev_t device,
                      struct mcpd_error *err)
{
    size_t found = 0;
    struct folder folder = {
        .plan = plan, .asked = asked, .inner = "", .device = device, .found = &found};
    int rc = fs_visit_dir(AT_FDCWD, asked->source, visit, &folder, err);

    if (rc == 0 && found == 0)
        return error_set(err, MCPD_E_INVALID, "no devices found in %s: invalid argument",
                         asked->source);
    return rc;
}

static int resolve(struct plan *plan, struct plan_mount *mount, struct mcpd_error *err)
{
    struct stat st;
    int rc = follow_link(mount, err);

    if (rc < 0)
        return rc;
    if (stat(mount->source, &st) < 0 && errno == ENOENT)
        return error_set(err, MCPD_E_NOT_FOUND, "stat %s: no such file or directory",
                         mount->source);
    if (stat(mount->source, &st) < 0)
        return error_errno(err, "stat %s", mount->source);
    if (S_ISDIR(st.st_mode))
        return add_folder(plan, mount, st.st_dev, err);
    if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
        return refuse_node(mount, err);
    mount->is_file = true;
    return spec_mounts_place(plan, mount, err);
}

/* Out of the plan, in their order. NULL without memory. */
static struct plan_mount *take_devices(struct plan *plan, size_t *ret_count)
{
    struct plan_mount *devices = calloc(plan->mount_count + 1, sizeof(*devices));
    size_t kept = 0;

    *ret_count = 0;
    if (!devices)
        return NULL;
    for (size_t i = 0; i < plan->mount_count; i++) {
        if (plan->mounts[i].is_device)
            devices[(*ret_count)++] = plan->mounts[i];
        else
            plan->mounts[kept++] = plan->mounts[i];
    }
    plan->mount_count = kept;
    return devices;
}

int spec_devices_resolve(struct plan *plan, struct mcpd_error *err)
{
    size_t count;
    CLEANUP_FREE struct plan_mount *devices = take_devices(plan, &count);
    int rc = devices ? 0 : error_no_memory(err, "devices");

    for (size_t i = 0; devices && i < count; i++) {
        if (rc == 0)
            rc = resolve(plan, &devices[i], err);
        spec_mount_done(&devices[i]);
    }
    return rc;
}
