/*
 * devices.c - the nodes and links of /dev that every program may expect.
 * Source: OCI runtime-spec config-linux.md, section Default Devices.
 *
 * No node of the host may be changed from inside: with mode 0 or another owner on /dev/null, half
 * of the host stands still. A container's nodes are its own where they can be made. Where they
 * cannot, the host's are bound by a read-only mount: mode, owner and times of a file on such a
 * mount cannot be changed, by a path or by a descriptor, and a device is written to all the same.
 */
#include "runtime/devices.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fsutil.h"
#include "base/saferoot.h"
#include "runtime/mountapi.h"

#define HOST_NULL  "/dev/null"
#define NODE_FLAGS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY)

static const struct {
    const char *name;
    unsigned int major;
    unsigned int minor;
} nodes[] = {
    {"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
    {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
};

static const struct {
    const char *name;
    const char *target;
} links[] = {
    {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"},      {"ptmx", "pts/ptmx"},
};

int devices_bind(int root_fd, int dir_fd, const char *name, const char *path,
                 struct mcpd_error *err)
{
    CLEANUP(mountapi_source_done) struct mountapi_source source = MOUNTAPI_SOURCE_NONE;
    CLEANUP_FD int target_fd = -1;
    struct mountapi_target target = {.root_fd = root_fd, .path = path};
    int rc = mountapi_open_source(AT_FDCWD, path, false, &source, err);

    if (rc < 0)
        return rc;
    target_fd = openat(dir_fd, name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (target_fd < 0)
        return error_errno(err, "make '%s'", path);
    target.fd = target_fd;
    return mountapi_bind(&source, &target, NODE_FLAGS, MS_PRIVATE, err);
}

/* A user namespace has no right to make nodes; the host's own do as well. */
static int bind_node(int root_fd, int dev_fd, const char *name, struct mcpd_error *err)
{
    char path[32];

    (void)snprintf(path, sizeof(path), "/dev/%s", name);
    return devices_bind(root_fd, dev_fd, name, path, err);
}

int devices_fill(int root_fd, int dev_fd, bool in_userns, struct mcpd_error *err)
{
    bool makes_nodes = !in_userns;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(nodes); i++) {
        dev_t device = makedev(nodes[i].major, nodes[i].minor);

        if (makes_nodes && mknodat(dev_fd, nodes[i].name, S_IFCHR | 0666, device) < 0) {
            if (errno != EPERM) /* a host that is a container itself */
                return error_errno(err, "make '/dev/%s'", nodes[i].name);
            makes_nodes = false;
        }
        if (!makes_nodes)
            rc = bind_node(root_fd, dev_fd, nodes[i].name, err);
    }
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(links); i++)
        if (symlinkat(links[i].target, dev_fd, links[i].name) < 0)
            rc = error_errno(err, "make '/dev/%s'", links[i].name);
    return rc;
}

/* --- the null device ------------------------------------------------------------------------ */

static bool is_null(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
           st.st_rdev == makedev(nodes[0].major, nodes[0].minor);
}

/* Opening something else could have effects of its own, so look before. */
int devices_open_null(int root_fd, const char *path, struct mcpd_error *err)
{
    CLEANUP_FD int seen_fd = saferoot_open(root_fd, path, O_PATH, 0, err);
    CLEANUP_FD int fd = -1;

    if (seen_fd < 0)
        return seen_fd;
    if (is_null(seen_fd))
        fd = saferoot_open(root_fd, path, O_RDWR | O_NOCTTY, 0, err);
    if (fd < 0 || !is_null(fd))
        return error_set(err, MCPD_E_INVALID, "'%s' of the container is not the null device", path);
    return TAKE_FD(fd);
}

int devices_open_host_null(int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FD int tree_fd = mountapi_open_tree(AT_FDCWD, HOST_NULL, false);
    CLEANUP_FD int fd = -1;
    char path[FS_FD_PATH_SIZE];

    if (tree_fd >= 0 && mountapi_set_attributes(tree_fd, false, NODE_FLAGS, MS_PRIVATE) == 0)
        fd = open(fs_fd_path(tree_fd, path), O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) /* an ordinary user, to whom it does not belong, or a kernel before Linux 5.12 */
        fd = open(HOST_NULL, O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return error_errno(err, "open '%s'", HOST_NULL);
    *ret_fd = TAKE_FD(fd);
    return 0;
}
