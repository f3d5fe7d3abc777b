/*
 * output_folder.c - see output_folder.h.
 *
 * Theory of operation. A new folder is filled as NAME.tmp-ID beside its place and renamed at the
 * end; rename(2) does not replace a folder that holds something. Whoever is killed leaves the one
 * under the temporary name, never half of one under its own.
 */
#include "oci/layer/output_folder.h"

#include "base/fault.h"
#include "base/fsutil.h"
#include "base/str.h"
#include "oci/layer/output_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER_MODE 0755

void output_folder_done(struct output_folder *folder)
{
    static const struct output_folder none = OUTPUT_FOLDER_NONE;
    int saved_errno = errno;

    cleanup_close_fd(&folder->fd);
    if (folder->tmp_name)
        (void)!fs_remove_tree(folder->parent_fd, folder->tmp_name, NULL);
    cleanup_close_fd(&folder->parent_fd);
    free(folder->name);
    free(folder->tmp_name);
    *folder = none;
    errno = saved_errno;
}

/* Splits the path and opens (or makes) what is above it. */
static int open_parent(struct output_folder *folder, const char *path, struct mcpd_error *err)
{
    size_t length = strlen(path);
    CLEANUP_FREE char *own = NULL;
    char *slash;

    while (length > 1 && path[length - 1] == '/')
        length--;
    own = strndup(path, length);
    slash = own ? strrchr(own, '/') : NULL;
    folder->name = own ? strdup(slash ? slash + 1 : own) : NULL;
    if (!folder->name)
        return error_no_memory(err, "a folder's name");
    if (slash)
        *slash = '\0';
    return fs_make_dirs(AT_FDCWD,
                        !slash ? "."
                        : *own ? own
                               : "/",
                        FOLDER_MODE, &folder->parent_fd, err);
}

static int make(struct output_folder *folder, const char *path, struct mcpd_error *err)
{
    int rc = open_parent(folder, path, err);

    if (rc == 0)
        rc = output_file_choose_tmp_name(folder->name, &folder->tmp_name, err);
    return rc < 0 ? rc
                  : fs_make_dir(folder->parent_fd, folder->tmp_name, FOLDER_MODE, &folder->fd, err);
}

int output_folder_open(const char *path, struct output_folder *ret_folder, struct mcpd_error *err)
{
    CLEANUP(output_folder_done) struct output_folder folder = OUTPUT_FOLDER_NONE;
    struct stat st;
    bool is_new = lstat(path, &st) < 0 && errno == ENOENT;
    int rc = is_new ? make(&folder, path, err)
                    : fs_make_dirs(AT_FDCWD, path, FOLDER_MODE, &folder.fd, err);

    if (rc < 0)
        return rc;
    *ret_folder = folder;
    folder = (struct output_folder)OUTPUT_FOLDER_NONE;
    return 0;
}

int output_folder_finish(struct output_folder *folder, struct mcpd_error *err)
{
    if (!folder->tmp_name)
        return 0;
    FAULT_POINT("output-folder-filled");
    if (renameat(folder->parent_fd, folder->tmp_name, folder->parent_fd, folder->name) < 0)
        return error_errno(err, "rename to '%s'", folder->name);
    free(TAKE_PTR(folder->tmp_name));
    FAULT_POINT("output-folder-named");
    return 0;
}
