/*
 * devices.c - the nodes and links of /dev that every program may expect.
 * Source: OCI runtime-spec config-linux.md, section Default Devices.
 */
#include "runtime/devices.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/mountapi.h"

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

/* A user namespace has no right to make nodes; the host's own do as well. */
static int bind_node(int root_fd, int dev_fd, const char *name, struct mcpd_error *err)
{
    CLEANUP(mountapi_source_done) struct mountapi_source source = MOUNTAPI_SOURCE_NONE;
    CLEANUP_FD int target_fd = -1;
    char path[32];
    struct mountapi_target target = {.root_fd = root_fd, .path = path};
    int rc;

    (void)snprintf(path, sizeof(path), "/dev/%s", name);
    rc = mountapi_open_source(AT_FDCWD, path, false, &source, err);
    if (rc < 0)
        return rc;
    target_fd = openat(dev_fd, name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (target_fd < 0)
        return error_errno(err, "make '%s'", path);
    target.fd = target_fd;
    return mountapi_bind(&source, &target, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, MS_PRIVATE, err);
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
