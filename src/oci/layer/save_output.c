/*
 * save_output.c - see save_output.h.
 *
 * Theory of operation. A file is written without a name (O_TMPFILE) and linked when it is whole, so
 * that a killed save leaves nothing; file systems that cannot do that (FAT on a stick) get a
 * temporary name beside it. In a folder each file has a temporary name until it is whole.
 */
#include "oci/layer/save_output.h"

#include "base/fsutil.h"
#include "base/ident.h"
#include "base/str.h"
#include "oci/layer/tar_writer.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MODE   0666 /* and the umask */
#define FOLDER_MODE 0755

struct save_output {
    struct tar_writer *tar; /* NULL: a folder */
    int fd;                 /* what the tar is written to; -1: none */
    bool owns_fd;
    int dir_fd;     /* the folder, or that of the file */
    char *name;     /* of the file or member that is being written */
    char *tmp_name; /* the same, until it is whole; NULL: none, or without a name */
    bool is_unnamed;
};

static int write_tar(void *context, const void *bytes, size_t count, struct mcpd_error *err)
{
    const struct save_output *output = context;

    return fs_write_all(output->fd, bytes, count, "the archive", err);
}

static int new_output(struct save_output **ret_output, struct mcpd_error *err)
{
    struct save_output *output = calloc(1, sizeof(*output));

    if (!output)
        return error_no_memory(err, "an archive");
    output->fd = -1;
    output->dir_fd = -1;
    *ret_output = output;
    return 0;
}

void save_output_free(struct save_output *output)
{
    int saved_errno = errno;

    if (!output)
        return;
    tar_writer_free(output->tar);
    if (output->tmp_name)
        (void)unlinkat(output->dir_fd, output->tmp_name, 0);
    if (output->owns_fd)
        cleanup_close_fd(&output->fd);
    cleanup_close_fd(&output->dir_fd);
    free(output->name);
    free(output->tmp_name);
    free(output);
    errno = saved_errno;
}

bool save_output_is_folder(const struct save_output *output)
{
    return !output->tar;
}

int save_output_dir_fd(const struct save_output *output)
{
    return output->tar ? -1 : output->dir_fd;
}

/* ------------------------------------------------------------------ opening */

int save_output_stream(int fd, struct save_output **ret_output, struct mcpd_error *err)
{
    CLEANUP_SAVE_OUTPUT struct save_output *output = NULL;
    int rc = new_output(&output, err);

    if (rc < 0)
        return rc;
    output->fd = fd;
    rc = tar_writer_new(write_tar, output, &output->tar, err);
    if (rc == 0)
        *ret_output = TAKE_PTR(output);
    return rc;
}

/* As Go words it. */
static int refuse_path(const char *path, struct mcpd_error *err)
{
    int number = errno;
    char reason[64];

    (void)snprintf(reason, sizeof(reason), "%s", strerrordesc_np(number));
    reason[0] = (char)tolower((unsigned char)reason[0]);
    errno = number;
    return error_set(err, number == ENOENT ? MCPD_E_NOT_FOUND : MCPD_E_SYSTEM,
                     "opening file \"%s\": open %s: %s", path, path, reason);
}

/* A name beside `name` that nobody uses. */
static int choose_tmp_name(struct save_output *output, struct mcpd_error *err)
{
    char id[IDENT_SIZE];
    int rc = ident_generate(id, err);

    if (rc < 0)
        return rc;
    free(output->tmp_name);
    output->tmp_name = str_format("%.*s.tmp-%.12s", NAME_MAX - 20, output->name, id);
    return output->tmp_name ? 0 : error_no_memory(err, "an archive");
}

static int open_beside(struct save_output *output, const char *path, struct mcpd_error *err)
{
    int rc;

    output->fd = openat(output->dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, FILE_MODE);
    output->is_unnamed = output->fd >= 0;
    if (output->is_unnamed)
        return 0;
    rc = choose_tmp_name(output, err);
    if (rc < 0)
        return rc;
    output->fd = openat(output->dir_fd, output->tmp_name,
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    if (output->fd >= 0)
        return 0;
    free(TAKE_PTR(output->tmp_name));
    return refuse_path(path, err);
}

/* Splits the path and opens its folder. */
static int open_folder_of(struct save_output *output, const char *path, struct mcpd_error *err)
{
    const char *slash = strrchr(path, '/');
    CLEANUP_FREE char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");

    output->name = strdup(slash ? slash + 1 : path);
    if (!folder || !output->name)
        return error_no_memory(err, "an archive");
    output->dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return output->dir_fd < 0 ? refuse_path(path, err) : 0;
}

static int open_file(struct save_output *output, const char *path, struct mcpd_error *err)
{
    struct stat st;
    int rc;

    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        output->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return output->fd < 0 ? refuse_path(path, err) : 0;
    }
    rc = open_folder_of(output, path, err);
    if (rc == 0 && !*output->name) {
        errno = EISDIR;
        rc = refuse_path(path, err);
    }
    return rc < 0 ? rc : open_beside(output, path, err);
}

int save_output_file(const char *path, struct save_output **ret_output, struct mcpd_error *err)
{
    CLEANUP_SAVE_OUTPUT struct save_output *output = NULL;
    int rc = new_output(&output, err);

    if (rc < 0)
        return rc;
    output->owns_fd = true;
    rc = open_file(output, path, err);
    if (rc == 0)
        rc = tar_writer_new(write_tar, output, &output->tar, err);
    if (rc == 0)
        *ret_output = TAKE_PTR(output);
    return rc;
}

int save_output_folder(const char *path, struct save_output **ret_output, struct mcpd_error *err)
{
    CLEANUP_SAVE_OUTPUT struct save_output *output = NULL;
    int rc = new_output(&output, err);

    if (rc < 0)
        return rc;
    rc = fs_make_dirs(AT_FDCWD, path, FOLDER_MODE, &output->dir_fd, err);
    if (rc == 0)
        *ret_output = TAKE_PTR(output);
    return rc;
}

/* ------------------------------------------------------------------ members */

int save_output_make_folder(struct save_output *output, const char *name, struct mcpd_error *err)
{
    if (output->tar)
        return tar_writer_folder(output->tar, name, FOLDER_MODE, err);
    return fs_make_dirs(output->dir_fd, name, FOLDER_MODE, NULL, err);
}

int save_output_symlink(struct save_output *output, const char *name, const char *target,
                        struct mcpd_error *err)
{
    if (!output->tar)
        return error_set(err, MCPD_E_INTERNAL, "a link in a folder");
    return tar_writer_symlink(output->tar, name, target, err);
}

static int begin_file(struct save_output *output, const char *name, struct mcpd_error *err)
{
    int rc;

    free(output->name);
    output->name = strdup(name);
    if (!output->name)
        return error_no_memory(err, "an archive");
    rc = choose_tmp_name(output, err);
    if (rc < 0)
        return rc;
    output->fd = openat(output->dir_fd, output->tmp_name,
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    output->owns_fd = true;
    if (output->fd >= 0)
        return 0;
    rc = error_errno(err, "create '%s'", output->tmp_name);
    free(TAKE_PTR(output->tmp_name));
    return rc;
}

int save_output_begin(struct save_output *output, const char *name, mode_t mode, uint64_t size,
                      struct mcpd_error *err)
{
    return output->tar ? tar_writer_file(output->tar, name, mode, size, err)
                       : begin_file(output, name, err);
}

int save_output_data(void *context, const void *bytes, size_t count, struct mcpd_error *err)
{
    struct save_output *output = context;

    return output->tar ? tar_writer_data(output->tar, bytes, count, err)
                       : fs_write_all(output->fd, bytes, count, output->name, err);
}

int save_output_end(struct save_output *output, struct mcpd_error *err)
{
    if (output->tar)
        return 0;
    if (close(TAKE_FD(output->fd)) < 0)
        return error_errno(err, "write '%s'", output->name);
    if (renameat(output->dir_fd, output->tmp_name, output->dir_fd, output->name) < 0)
        return error_errno(err, "rename to '%s'", output->name);
    free(TAKE_PTR(output->tmp_name));
    return 0;
}

int save_output_text(struct save_output *output, const char *name, mode_t mode, const char *text,
                     size_t length, struct mcpd_error *err)
{
    int rc = save_output_begin(output, name, mode, length, err);

    if (rc == 0)
        rc = save_output_data(output, text, length, err);
    return rc < 0 ? rc : save_output_end(output, err);
}

/* ------------------------------------------------------------------ the end */

/* A file that has no name yet gets one. */
static int link_unnamed(struct save_output *output, struct mcpd_error *err)
{
    char path[FS_FD_PATH_SIZE];
    int rc;

    (void)fs_fd_path(output->fd, path);
    if (linkat(AT_FDCWD, path, output->dir_fd, output->name, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    if (errno != EEXIST)
        return error_errno(err, "give '%s' its name", output->name);
    rc = choose_tmp_name(output, err);
    if (rc < 0)
        return rc;
    if (linkat(AT_FDCWD, path, output->dir_fd, output->tmp_name, AT_SYMLINK_FOLLOW) < 0) {
        rc = error_errno(err, "give '%s' its name", output->name);
        free(TAKE_PTR(output->tmp_name));
        return rc;
    }
    return 0;
}

static int name_file(struct save_output *output, struct mcpd_error *err)
{
    int rc = output->is_unnamed ? link_unnamed(output, err) : 0;

    if (rc < 0 || !output->tmp_name)
        return rc;
    if (renameat(output->dir_fd, output->tmp_name, output->dir_fd, output->name) < 0)
        return error_errno(err, "rename to '%s'", output->name);
    free(TAKE_PTR(output->tmp_name));
    return 0;
}

int save_output_finish(struct save_output *output, bool sync, struct mcpd_error *err)
{
    int rc = output->tar ? tar_writer_finish(output->tar, err) : 0;

    if (rc < 0 || output->dir_fd < 0)
        return rc;
    if (sync && (output->tar ? fdatasync(output->fd) : syncfs(output->dir_fd)) < 0)
        return error_errno(err, "sync the archive");
    if (output->tar)
        rc = name_file(output, err);
    return rc < 0 || !sync ? rc : fs_sync_dir(output->dir_fd, err);
}
