/*
 * output_file.c - see output_file.h.
 *
 * Theory of operation. The file is written without a name (O_TMPFILE) and linked when it is whole,
 * so that a killed process leaves nothing; file systems that cannot do that (FAT on a stick) get a
 * temporary name beside it.
 */
#include "oci/layer/output_file.h"

#include "base/fault.h"
#include "base/fsutil.h"
#include "base/ident.h"
#include "base/str.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MODE 0666 /* and the umask */

void output_file_done(struct output_file *file)
{
    static const struct output_file none = OUTPUT_FILE_NONE;
    int saved_errno = errno;

    if (file->tmp_name)
        (void)unlinkat(file->dir_fd, file->tmp_name, 0);
    cleanup_close_fd(&file->fd);
    cleanup_close_fd(&file->dir_fd);
    free(file->name);
    free(file->tmp_name);
    *file = none;
    errno = saved_errno;
}

/* ------------------------------------------------------------------ opening */

/* As Go words it. */
static int refuse(const char *path, struct mcpd_error *err)
{
    int number = errno;
    char reason[64];

    (void)snprintf(reason, sizeof(reason), "%s", strerrordesc_np(number));
    reason[0] = (char)tolower((unsigned char)reason[0]);
    return error_set(err, number == ENOENT ? MCPD_E_NOT_FOUND : MCPD_E_SYSTEM,
                     "opening file \"%s\": open %s: %s", path, path, reason);
}

int output_file_choose_tmp_name(const char *name, char **ret_name, struct mcpd_error *err)
{
    char id[IDENT_SIZE];
    int rc = ident_generate(id, err);

    if (rc < 0)
        return rc;
    free(*ret_name);
    *ret_name = str_format("%.*s.tmp-%.12s", NAME_MAX - 20, name, id);
    return *ret_name ? 0 : error_no_memory(err, "a file's name");
}

static int create_beside(struct output_file *file, struct mcpd_error *err)
{
    int rc = output_file_choose_tmp_name(file->name, &file->tmp_name, err);

    if (rc < 0)
        return rc;
    file->fd = openat(file->dir_fd, file->tmp_name,
                      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    if (file->fd >= 0)
        return 0;
    rc = error_errno(err, "create '%s'", file->tmp_name);
    free(TAKE_PTR(file->tmp_name));
    return rc;
}

/* In the folder that is open, not under its name. */
static int create(struct output_file *file, struct mcpd_error *err)
{
    file->fd = openat(file->dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, FILE_MODE);
    return file->fd >= 0 ? 0 : create_beside(file, err);
}

/* Splits the path and opens its folder. */
static int open_folder_of(struct output_file *file, const char *path, struct mcpd_error *err)
{
    const char *slash = strrchr(path, '/');
    CLEANUP_FREE char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");

    file->name = strdup(slash ? slash + 1 : path);
    if (!folder || !file->name)
        return error_no_memory(err, "a file's name");
    file->dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file->dir_fd < 0)
        return refuse(path, err);
    errno = EISDIR;
    return *file->name ? 0 : refuse(path, err);
}

static int open_any(struct output_file *file, const char *path, struct mcpd_error *err)
{
    CLEANUP_FREE char *target = NULL;
    struct mcpd_error problem = {0};
    struct stat st;
    int rc;

    /* The link stays, what it leads to is replaced. */
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
        target = realpath(path, NULL);
        if (!target)
            return refuse(path, err);
        path = target;
    }
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        file->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return file->fd < 0 ? refuse(path, err) : 0;
    }
    rc = open_folder_of(file, path, err);
    if (rc < 0)
        return rc;
    rc = create(file, &problem);
    errno = problem.sys_errno;
    return rc < 0 ? refuse(path, err) : 0;
}

int output_file_open(const char *path, struct output_file *ret_file, struct mcpd_error *err)
{
    CLEANUP_OUTPUT_FILE struct output_file file = OUTPUT_FILE_NONE;
    int rc = open_any(&file, path, err);

    if (rc < 0)
        return rc;
    *ret_file = file;
    file = (struct output_file)OUTPUT_FILE_NONE;
    return 0;
}

int output_file_open_at(int dir_fd, const char *name, struct output_file *ret_file,
                        struct mcpd_error *err)
{
    CLEANUP_OUTPUT_FILE struct output_file file = OUTPUT_FILE_NONE;
    int rc;

    file.name = strdup(name);
    if (!file.name)
        return error_no_memory(err, "a file's name");
    file.dir_fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
    if (file.dir_fd < 0)
        return error_errno(err, "duplicate a descriptor");
    rc = create(&file, err);
    if (rc < 0)
        return rc;
    *ret_file = file;
    file = (struct output_file)OUTPUT_FILE_NONE;
    return 0;
}

/* ------------------------------------------------------------------ the end */

/* One without a name gets its own, or a temporary one beside what is there. */
static int link_file(struct output_file *file, struct mcpd_error *err)
{
    char path[FS_FD_PATH_SIZE];
    int rc;

    (void)fs_fd_path(file->fd, path);
    if (linkat(AT_FDCWD, path, file->dir_fd, file->name, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    if (errno != EEXIST)
        return error_errno(err, "give '%s' its name", file->name);
    rc = output_file_choose_tmp_name(file->name, &file->tmp_name, err);
    if (rc < 0 || linkat(AT_FDCWD, path, file->dir_fd, file->tmp_name, AT_SYMLINK_FOLLOW) == 0)
        return rc;
    rc = error_errno(err, "give '%s' its name", file->name);
    free(TAKE_PTR(file->tmp_name));
    return rc;
}

int output_file_finish(struct output_file *file, bool sync, struct mcpd_error *err)
{
    int rc = 0;

    if (file->dir_fd < 0)
        return 0;
    if (sync && fdatasync(file->fd) < 0)
        return error_errno(err, "sync '%s'", file->name);
    FAULT_POINT("output-written");
    if (!file->tmp_name)
        rc = link_file(file, err);
    if (rc < 0)
        return rc;
    /* Some file systems tell only now that it did not fit. */
    if (close(TAKE_FD(file->fd)) < 0)
        return error_errno(err, "write '%s'", file->name);
    if (file->tmp_name && renameat(file->dir_fd, file->tmp_name, file->dir_fd, file->name) < 0)
        return error_errno(err, "rename to '%s'", file->name);
    FAULT_POINT("output-named");
    free(TAKE_PTR(file->tmp_name));
    return sync ? fs_sync_dir(file->dir_fd, err) : 0;
}
