/*
 * rootfs.c - the container's root file system.
 *
 * Theory of operation. An overlay of the image's layers (read only, shared) and the container's
 * upper/. All happens in the container's own mount namespace, so the host never sees the mount and
 * nothing is left when the last process ends.
 *
 * The layers' names are long and may be 128: fsconfig(2) takes at most 256 bytes a string, mount(2)
 * one page in all. Two ways, then:
 *   - Linux 6.5: one "lowerdir+" per layer;
 *   - before: one mount(2), in a tmpfs of symbolic links with short names ("0:1:2:...").
 * The overlay is mounted over the container's own folder, whose descriptor keeps showing what is
 * below: a place that surely exists and that needs no cleaning.
 *
 * What overlay refuses, a copy of the layers does (rootfs_copy.c); a container that has one stays
 * with it.
 *
 * Attributes: always nodev, because an image may bring device nodes and no device rule guards
 * them; /dev is a file system of its own. `volatile` (Linux 5.10) for a container whose changes are
 * thrown away: its tear-down then syncs nothing. A crash leaves a mark in the work folder that
 * forbids the next mount; as the monitor decided to mount again, the mark goes first.
 *
 * Entering: pivot_root onto itself puts the host's root on top of the new one, from where it is
 * taken off, and before it whatever is mounted over it: what stayed would be the root of those who
 * join this namespace later. An initramfs cannot be moved away (EINVAL): there the new root is
 * moved over it.
 */
#include "runtime/rootfs_parts.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include "base/fsutil.h"
#include "base/log.h"
#include "base/str.h"
#include "oci/store.h"
#include "runtime/mountapi.h"

#define VOLATILE_MARK "work/work/incompat/volatile"
#define EMPTY_LOWER   "empty" /* an overlay wants a lower directory, also of an empty image */
#define OPTIONS_MAX   4096
#define MOUNTS_MAX    ((size_t)4 * 1024 * 1024)

/* --- folders ------------------------------------------------------------------------------ */

int rootfs_place_of_layer(const struct rootfs_request *request, size_t index,
                          char path[STORE_LAYER_PATH_SIZE])
{
    const struct digest *diff_id = &request->plan->layers[index];

    store_layer_path(diff_id, path);
    return layerstores_of(request->stores, diff_id);
}

/* The root directory's owner and mode come from upper/, so it takes those of the top layer. */
static int copy_root_attributes(const struct rootfs_request *request, struct mcpd_error *err)
{
    char layer[STORE_LAYER_PATH_SIZE];
    struct stat st;
    int store_fd;

    if (request->plan->layer_count == 0)
        return 0;
    store_fd = rootfs_place_of_layer(request, request->plan->layer_count - 1, layer);
    if (fstatat(store_fd, layer, &st, 0) < 0)
        return error_errno(err, "layer '%s'", layer);
    if (fchownat(request->container_dir_fd, "upper", st.st_uid, st.st_gid, 0) < 0 &&
        !(request->in_userns && errno == EINVAL)) /* an owner who is not mapped */
        return error_errno(err, "set the owner of the root directory");
    if (fchmodat(request->container_dir_fd, "upper", st.st_mode & 07777, 0) < 0)
        return error_errno(err, "set the mode of the root directory");
    return 0;
}

static int make_folders(const struct rootfs_request *request, struct mcpd_error *err)
{
    int dir_fd = request->container_dir_fd;

    if (mkdirat(dir_fd, "work", 0700) < 0 && errno != EEXIST)
        return error_errno(err, "make the container's folder 'work'");
    if (request->plan->layer_count == 0 && mkdirat(dir_fd, EMPTY_LOWER, 0755) < 0 &&
        errno != EEXIST)
        return error_errno(err, "make an empty layer");
    if (mkdirat(dir_fd, "upper", 0755) == 0)
        return copy_root_attributes(request, err);
    if (errno != EEXIST)
        return error_errno(err, "make the container's folder 'upper'");
    if (unlinkat(dir_fd, VOLATILE_MARK "/dirty", 0) == 0 || errno != ENOENT)
        if (unlinkat(dir_fd, VOLATILE_MARK, AT_REMOVEDIR) < 0)
            log_debug("launch", "the mark of a volatile overlay stays: %s", strerrordesc_np(errno));
    return 0;
}

bool rootfs_is_repeated_above(const struct plan *plan, size_t index)
{
    for (size_t i = index + 1; i < plan->layer_count; i++)
        if (digest_equal(&plan->layers[i], &plan->layers[index]))
            return true;
    return false;
}

/* --- the new way ----------------------------------------------------------------------------- */

static int set_layers(int fs_fd, const struct rootfs_request *request)
{
    const struct plan *plan = request->plan;
    char layer[STORE_LAYER_PATH_SIZE];
    int here_fd = -1;

    if (plan->layer_count == 0)
        return fchdir(request->container_dir_fd) < 0 ||
                       mountapi_fsconfig(fs_fd, FSCONFIG_SET_STRING, "lowerdir+", EMPTY_LOWER) < 0
                   ? -errno
                   : 0;
    for (size_t i = plan->layer_count; i > 0; i--) { /* topmost first */
        int store_fd = rootfs_place_of_layer(request, i - 1, layer);

        if (rootfs_is_repeated_above(plan, i - 1))
            continue;
        if (store_fd != here_fd && fchdir(store_fd) < 0)
            return -errno;
        here_fd = store_fd;
        if (mountapi_fsconfig(fs_fd, FSCONFIG_SET_STRING, "lowerdir+", layer) < 0)
            return -errno;
    }
    return 0;
}

static int set_upper(int fs_fd, const struct rootfs_request *request)
{
    if (fchdir(request->container_dir_fd) < 0 ||
        mountapi_fsconfig(fs_fd, FSCONFIG_SET_STRING, "upperdir", "upper") < 0 ||
        mountapi_fsconfig(fs_fd, FSCONFIG_SET_STRING, "workdir", "work") < 0 ||
        mountapi_fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", "overlay") < 0)
        return -errno;
    if (request->in_userns && mountapi_fsconfig(fs_fd, FSCONFIG_SET_FLAG, "userxattr", NULL) < 0)
        return -errno;
    if (request->plan->volatile_upper) /* faster, nothing else: older kernels go without */
        (void)mountapi_fsconfig(fs_fd, FSCONFIG_SET_FLAG, "volatile", NULL);
    return 0;
}

/* As inside a container of another engine. */
static bool is_on_overlay(int dir_fd)
{
    int saved_errno = errno;
    struct statfs fs;
    bool is_overlay = fstatfs(dir_fd, &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC;

    errno = saved_errno;
    return is_overlay;
}

int rootfs_refuse_overlay(int fs_fd, const struct rootfs_request *request, struct mcpd_error *err)
{
    bool is_refusal = errno == EINVAL || errno == ENODEV || errno == EPERM || errno == EOPNOTSUPP;
    int rc;

    if (request->in_userns && (errno == EPERM || errno == ENODEV))
        return error_set(err, MCPD_E_UNSUPPORTED,
                         "this kernel lets ordinary users mount no overlay (Linux 5.11 and later "
                         "do): %s",
                         strerrordesc_np(errno));
    if (errno == EINVAL && is_on_overlay(request->container_dir_fd))
        return error_set(err, MCPD_E_UNSUPPORTED,
                         "the store is on an overlay itself, which cannot hold another one; "
                         "--root names a folder on another file system");
    rc = mountapi_fs_error(fs_fd, "mount the container's layers", err);
    return is_refusal ? error_recode(err, MCPD_E_UNSUPPORTED) : rc;
}

/* Asking an older kernel works too, but leaves a complaint in its log at every start. */
static bool knows_lower_directories_one_by_one(void)
{
    struct utsname host;
    unsigned int version[2] = {0, 0};
    const char *digit;

    if (uname(&host) < 0)
        return false;
    digit = host.release;
    for (int i = 0; i < 2; i++, digit += *digit == '.')
        for (; *digit >= '0' && *digit <= '9' && version[i] < 1000; digit++)
            version[i] = version[i] * 10 + (unsigned int)(*digit - '0');
    return version[0] > 6 || (version[0] == 6 && version[1] >= 5);
}

/* *ret_is_missing: this kernel has not all it takes, nothing was mounted. */
static int mount_by_config(const struct rootfs_request *request, bool *ret_is_missing,
                           int *ret_root_fd, struct mcpd_error *err)
{
    CLEANUP_FD int fs_fd = mountapi_fsopen("overlay");
    CLEANUP_FD int mount_fd = -1;
    int rc;

    *ret_is_missing = fs_fd < 0 && mountapi_is_missing(errno);
    if (fs_fd < 0)
        return rootfs_refuse_overlay(fs_fd, request, err);
    rc = set_layers(fs_fd, request);
    if (rc == 0)
        rc = set_upper(fs_fd, request);
    if (rc == 0 && mountapi_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL) < 0)
        rc = -errno;
    *ret_is_missing = rc == -EINVAL; /* options that it does not know */
    if (rc < 0)
        return rootfs_refuse_overlay(fs_fd, request, err);
    mount_fd = mountapi_fsmount(fs_fd, MOUNT_ATTR_NODEV);
    if (mount_fd < 0 || mountapi_move(mount_fd, request->container_dir_fd) < 0)
        return error_errno(err, "mount the container's root");
    *ret_root_fd = TAKE_FD(mount_fd);
    return 0;
}

/* --- the old way ------------------------------------------------------------------------------ */

int rootfs_make_links(const struct rootfs_request *request, struct mcpd_error *err)
{
    const struct plan *plan = request->plan;
    char folder[FS_FD_PATH_SIZE];
    char layer[STORE_LAYER_PATH_SIZE];
    char target[FS_FD_PATH_SIZE + STORE_LAYER_PATH_SIZE];
    char name[24];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < plan->layer_count; i++) {
        (void)fs_fd_path(rootfs_place_of_layer(request, i, layer), folder);
        (void)snprintf(target, sizeof(target), "%s/%s", folder, layer);
        (void)snprintf(name, sizeof(name), "%zu", i);
        rc = symlink(target, name);
    }
    (void)fs_fd_path(request->container_dir_fd, folder);
    (void)snprintf(target, sizeof(target), "%s/upper", folder);
    rc = rc < 0 ? rc : symlink(target, "u");
    (void)snprintf(target, sizeof(target), "%s/work", folder);
    rc = rc < 0 ? rc : symlink(target, "w");
    (void)snprintf(target, sizeof(target), "%s/" EMPTY_LOWER, folder);
    rc = rc < 0 ? rc : symlink(target, "e");
    return rc < 0 ? error_errno(err, "make links to the layers") : 0;
}

/* "lowerdir=2:1:0,upperdir=u,workdir=w" */
static int format_options(const struct rootfs_request *request, char options[OPTIONS_MAX],
                          struct mcpd_error *err)
{
    size_t length = (size_t)snprintf(options, OPTIONS_MAX, "lowerdir=");

    for (size_t i = request->plan->layer_count; i > 0 && length < OPTIONS_MAX; i--)
        if (!rootfs_is_repeated_above(request->plan, i - 1))
            length += (size_t)snprintf(options + length, OPTIONS_MAX - length, "%s%zu",
                                       i < request->plan->layer_count ? ":" : "", i - 1);
    if (length < OPTIONS_MAX)
        length += (size_t)snprintf(
            options + length, OPTIONS_MAX - length, "%s,upperdir=u,workdir=w%s",
            request->plan->layer_count == 0 ? "e" : "", request->in_userns ? ",userxattr" : "");
    if (length >= OPTIONS_MAX)
        return error_set(err, MCPD_E_LIMIT, "the image has too many layers (%zu) for this kernel",
                         request->plan->layer_count);
    return 0;
}

int rootfs_enter_scratch(const struct rootfs_request *request, struct mcpd_error *err)
{
    CLEANUP_FREE char *path = NULL;
    char folder[FS_FD_PATH_SIZE];
    int rc = fs_path_of_fd(request->container_dir_fd, &path, err);

    if (rc < 0)
        return rc;
    if (mount("tmpfs", fs_fd_path(request->container_dir_fd, folder), "tmpfs",
              MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700,size=1m") < 0 ||
        chdir(path) < 0 || mkdir("r", 0700) < 0)
        return error_errno(err, "mount a scratch folder on '%s'", path);
    return 0;
}

static int mount_by_links(const struct rootfs_request *request, int *ret_root_fd,
                          struct mcpd_error *err)
{
    char options[OPTIONS_MAX];
    size_t length;
    int rc = rootfs_enter_scratch(request, err);

    if (rc == 0)
        rc = rootfs_make_links(request, err);
    if (rc == 0)
        rc = format_options(request, options, err);
    if (rc < 0)
        return rc;
    length = strlen(options);
    if (request->plan->volatile_upper && length + sizeof(",volatile") <= sizeof(options))
        memcpy(options + length, ",volatile", sizeof(",volatile"));
    rc = mount("overlay", "r", "overlay", MS_NODEV, options);
    if (rc < 0 && errno == EINVAL) { /* no "volatile" before Linux 5.10 */
        options[length] = '\0';
        rc = mount("overlay", "r", "overlay", MS_NODEV, options);
    }
    if (rc < 0)
        return rootfs_refuse_overlay(-1, request, err);
    *ret_root_fd = open("r", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return *ret_root_fd < 0 ? error_errno(err, "open the container's root") : 0;
}

/* --- all together ------------------------------------------------------------------------- */

static int refuse_missing_store(const struct plan *plan, const struct digest *layer,
                                struct mcpd_error *err)
{
    CLEANUP_FREE char *stores = strv_join(plan->layer_stores, "', '");

    return error_set(
        err, MCPD_E_CORRUPT,
        "layer %s of %s is missing: the additional store '%s' that had it is not there",
        layer->text, plan->image_name, stores ? stores : "");
}

/* Looked for when a mount has failed, and not at every start. */
static int name_missing_layer(const struct rootfs_request *request, int rc, struct mcpd_error *err)
{
    const struct plan *plan = request->plan;
    char layer[STORE_LAYER_PATH_SIZE];

    for (size_t i = 0; i < plan->layer_count; i++) {
        int store_fd = rootfs_place_of_layer(request, i, layer);

        if (fs_exists(store_fd, layer))
            continue;
        if (request->stores->count > 0)
            return refuse_missing_store(plan, &plan->layers[i], err);
        return error_set(err, MCPD_E_CORRUPT,
                         "layer %s of %s is missing; `mcpd verify --repair %s` brings it back",
                         plan->layers[i].text, plan->image_name, plan->image_name);
    }
    return rc;
}

static int mount_layers(const struct rootfs_request *request, int *ret_root_fd,
                        struct mcpd_error *err)
{
    bool is_missing = !knows_lower_directories_one_by_one();
    int rc = make_folders(request, err);

    if (rc < 0)
        return rc;
    if (!is_missing)
        rc = mount_by_config(request, &is_missing, ret_root_fd, err);
    return is_missing ? mount_by_links(request, ret_root_fd, err) : rc;
}

/* Without overlay: the reason stays in *err when it is not to be done by a copy. */
static int mount_without_copy(const struct rootfs_request *request, int *ret_root_fd,
                              struct mcpd_error *err)
{
    if (rootfs_has_copy(request->container_dir_fd) ||
        str_equal(request->plan->root_driver, ROOT_DRIVER_COPY))
        return -MCPD_E_UNSUPPORTED;
    return mount_layers(request, ret_root_fd, err);
}

int rootfs_mount(const struct rootfs_request *request, int *ret_root_fd, struct mcpd_error *err)
{
    int rc = mount_without_copy(request, ret_root_fd, err);

    if (rc < 0)
        rc = name_missing_layer(request, rc, err);
    if (rc != -MCPD_E_UNSUPPORTED || str_equal(request->plan->root_driver, ROOT_DRIVER_OVERLAY))
        return rc;
    return rootfs_mount_copy(request, ret_root_fd, err);
}

/* --- entering ----------------------------------------------------------------------------------
 */

static bool is_in_folder(const char *path, const char *folder)
{
    size_t length = strlen(folder);

    return str_has_prefix(path, folder) && (path[length] == '\0' || path[length] == '/');
}

/* What stays mounted below a root that was moved over could be found again by who may mount in a
 * nested namespace: the kernel's file systems go before. */
static void unmount_kernel_file_systems(void)
{
    CLEANUP_FREE char *text = NULL;
    CLEANUP_STRV char **lines = NULL;
    struct mcpd_error ignored;

    if (fs_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTS_MAX, &text, NULL, &ignored) < 0)
        return;
    lines = strv_split(text, '\n');
    for (size_t i = strv_length(lines); i > 0; i--) {
        CLEANUP_STRV char **words = strv_split(lines[i - 1], ' ');
        const char *path = words && strv_length(words) > 4 ? words[4] : "";

        if (is_in_folder(path, "/proc") || is_in_folder(path, "/sys"))
            (void)umount2(path, MNT_DETACH);
    }
}

static int move_over_root(struct mcpd_error *err)
{
    unmount_kernel_file_systems();
    if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
        return error_errno(err, "move the container's root over the host's");
    return 0;
}

/* We stand in it: each call takes the topmost of what covers it, the last one itself, and then it
 * belongs to no namespace any more (EINVAL). */
static int take_away(int host_fd, struct mcpd_error *err)
{
    bool is_gone = false;

    if (fchdir(host_fd) < 0)
        return error_errno(err, "take the host's root away");
    while (umount2(".", MNT_DETACH) == 0)
        is_gone = true;
    if (!is_gone || errno != EINVAL || chdir("/") < 0)
        return error_errno(err, "take the host's root away");
    return 0;
}

int rootfs_enter(int root_fd, struct mcpd_error *err)
{
    CLEANUP_FD int host_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (host_fd < 0 || fchdir(root_fd) < 0)
        return error_errno(err, "enter the container's root");
    if (mountapi_pivot_root(".", ".") < 0)
        return errno == EINVAL ? move_over_root(err)
                               : error_errno(err, "change to the container's root");
    return take_away(host_fd, err);
}
