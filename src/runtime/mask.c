/*
 * mask.c - what a container must not see or change of the kernel's file systems.
 *
 * Theory of operation. A path below /proc or /sys is looked up from the root of the very file
 * system that was mounted for the container, by its descriptor. Looked up from the container's root
 * it could lead elsewhere: a link of the image may have put a volume over /proc, and the masks
 * would lie on the volume while the procfs below it is open to whoever may unmount. All other paths
 * are the image's own and looked up from its root.
 *
 * A folder is covered by an empty one. Anything else is covered by a null device, and not by the
 * host's: who is root inside could change its mode and owner. Where the container has none of its
 * own, the host's is shown by a read-only mount, which refuses such changes and still lets the
 * device be written to.
 */
#include "runtime/mask.h"

#include <string.h>
#include <sys/stat.h>

#include "base/saferoot.h"
#include "base/str.h"
#include "runtime/mountapi.h"

#define FOLDER_FLAGS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY)
#define NULL_FLAGS   (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY)

/* Where a path of the plan is to be looked up; the descriptor stays -1 when there is no such path.
 */
static int open_place(const struct mask_request *request, const char *path,
                      struct mountapi_target *ret_target, struct mcpd_error *err)
{
    const struct {
        char folder[8];
        int fd;
    } kernel[] = {{"/proc", request->proc_fd}, {"/sys", request->sys_fd}};
    struct mountapi_target target = {.root_fd = request->root_fd, .path = path};

    for (size_t i = 0; i < ARRAY_SIZE(kernel); i++) {
        size_t length = strlen(kernel[i].folder);

        if (kernel[i].fd >= 0 && str_has_prefix(path, kernel[i].folder) && path[length] == '/')
            target = (struct mountapi_target){.root_fd = kernel[i].fd, .path = path + length};
    }
    target.fd = saferoot_open(target.root_fd, target.path, O_PATH, 0, err);
    if (target.fd < 0 && errno != ENOENT && errno != ENOTDIR)
        return target.fd;
    *ret_target = target;
    return 0;
}

static int cover_file(const struct mask_request *request, const struct mountapi_target *target,
                      struct mcpd_error *err)
{
    CLEANUP(mountapi_source_done) struct mountapi_source null = MOUNTAPI_SOURCE_NONE;
    int rc = request->null_fd >= 0 ? mountapi_open_source(request->null_fd, "", false, &null, err)
                                   : mountapi_open_source(AT_FDCWD, "/dev/null", false, &null, err);

    return rc < 0 ? rc : mountapi_bind(&null, target, NULL_FLAGS, MS_PRIVATE, err);
}

static int cover(const struct mask_request *request, const struct mountapi_target *target,
                 struct mcpd_error *err)
{
    struct stat st;

    if (fstat(target->fd, &st) < 0)
        return error_errno(err, "stat '%s'", target->path);
    if (S_ISDIR(st.st_mode))
        return mountapi_new(target, "tmpfs", "mode=755,size=4k", FOLDER_FLAGS, err);
    return cover_file(request, target, err);
}

static int protect(const struct mask_request *request, const struct mountapi_target *target,
                   struct mcpd_error *err)
{
    CLEANUP(mountapi_source_done) struct mountapi_source source = MOUNTAPI_SOURCE_NONE;
    int rc = mountapi_open_source(target->fd, "", true, &source, err);

    (void)request;
    return rc < 0 ? rc : mountapi_bind(&source, target, MOUNT_ATTR_RDONLY, MS_PRIVATE, err);
}

typedef int (*mask_function)(const struct mask_request *request,
                             const struct mountapi_target *target, struct mcpd_error *err);

static int apply(const struct mask_request *request, const char *path, mask_function function,
                 struct mcpd_error *err)
{
    struct mountapi_target target = {.fd = -1};
    CLEANUP_FD int fd = -1;
    int rc = open_place(request, path, &target, err);

    if (rc < 0 || target.fd < 0)
        return rc;
    fd = target.fd;
    rc = function(request, &target, err);
    return rc < 0 ? error_wrap(err, rc, "'%s'", path) : 0;
}

int mask_apply(const struct mask_request *request, struct mcpd_error *err)
{
    const struct plan *plan = request->plan;
    int rc = 0;

    for (char **path = plan->masked_paths; rc == 0 && path && *path; path++)
        rc = apply(request, *path, cover, err);
    for (char **path = plan->read_only_paths; rc == 0 && path && *path; path++)
        rc = apply(request, *path, protect, err);
    return rc;
}
