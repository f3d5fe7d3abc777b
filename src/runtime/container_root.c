/* container_root.c - the folders of an engine: those of ROOT, which stay, and that of RUNROOT,
 * which may vanish and is made again. */
#include "runtime/container.h"

#include <fcntl.h>

#include "base/fsutil.h"
#include "base/str.h"

#define FOLDER_MODE 0700

static const struct container_root none = {
    .root_fd = -1, .containers_fd = -1, .names_fd = -1, .tmp_fd = -1, .run_fd = -1};

/* Nearly always there, so opening is tried first. */
static int open_folder(int dir_fd, const char *name, int *ret_fd, struct mcpd_error *err)
{
    *ret_fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*ret_fd >= 0)
        return 0;
    if (errno != ENOENT)
        return error_errno(err, "open folder '%s'", name);
    return fs_make_dir(dir_fd, name, FOLDER_MODE, ret_fd, err);
}

/* RUNROOT/containers */
static int open_runroot(const char *runroot, bool makes, int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FD int fd = open(runroot, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = 0;

    if (fd < 0 && errno == ENOENT && makes)
        rc = fs_make_dirs(AT_FDCWD, runroot, FOLDER_MODE, &fd, err);
    else if (fd < 0)
        return error_errno(err, "open '%s'", runroot);
    if (rc == 0)
        rc = fs_check_own_folder(runroot, fd, err);
    if (rc < 0)
        return rc;
    return makes ? open_folder(fd, "containers", ret_fd, err)
                 : fs_open_dir(fd, "containers", ret_fd, err);
}

static int open_folders(const char *root, const char *runroot, struct container_root *folders,
                        struct mcpd_error *err)
{
    int rc = fs_open_dir(AT_FDCWD, root, &folders->root_fd, err);

    if (rc == 0)
        rc = open_folder(folders->root_fd, "containers", &folders->containers_fd, err);
    if (rc == 0)
        rc = open_folder(folders->root_fd, "names", &folders->names_fd, err);
    if (rc == 0)
        rc = open_folder(folders->root_fd, "tmp", &folders->tmp_fd, err);
    return rc < 0 ? rc : open_runroot(runroot, true, &folders->run_fd, err);
}

int container_root_open(const char *root, const char *runroot, struct container_root *ret_root,
                        struct mcpd_error *err)
{
    struct container_root folders = none;
    int rc = open_folders(root, runroot, &folders, err);

    if (rc < 0) {
        container_root_done(&folders);
        return rc;
    }
    folders.root = root;
    folders.runroot = runroot;
    *ret_root = folders;
    return 0;
}

void container_root_done(struct container_root *root)
{
    int *fds[] = {&root->root_fd, &root->containers_fd, &root->names_fd, &root->tmp_fd,
                  &root->run_fd};

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        cleanup_close_fd(fds[i]);
        *fds[i] = -1;
    }
}

int container_make_run_dir(const char *runroot, const char *id, int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FD int run_fd = -1;
    int rc = open_runroot(runroot, true, &run_fd, err);

    return rc < 0 ? rc : open_folder(run_fd, id, ret_fd, err);
}

int container_open_run_dir(const char *runroot, const char *id, int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FD int run_fd = -1;
    int rc = open_runroot(runroot, false, &run_fd, err);

    return rc < 0 ? rc : fs_open_dir(run_fd, id, ret_fd, err);
}
