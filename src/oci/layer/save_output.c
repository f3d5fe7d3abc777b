/* save_output.c - see save_output.h. */
#include "oci/layer/save_output.h"

#include "base/fsutil.h"
#include "oci/layer/output_file.h"
#include "oci/layer/output_folder.h"
#include "oci/layer/tar_writer.h"

#define FOLDER_MODE 0755

struct save_output {
    struct tar_writer *tar;  /* NULL: a folder */
    int stream_fd;           /* borrowed; -1: `file` */
    struct output_file file; /* of the tar, or the one of the folder that is being written */
    struct output_folder folder;
};

static int write_tar(void *context, const void *bytes, size_t count, struct mcpd_error *err)
{
    const struct save_output *output = context;

    return fs_write_all(output->stream_fd >= 0 ? output->stream_fd : output->file.fd, bytes, count,
                        "the archive", err);
}

static int new_output(struct save_output **ret_output, struct mcpd_error *err)
{
    static const struct output_file no_file = OUTPUT_FILE_NONE;
    static const struct output_folder no_folder = OUTPUT_FOLDER_NONE;
    struct save_output *output = calloc(1, sizeof(*output));

    if (!output)
        return error_no_memory(err, "an archive");
    output->stream_fd = -1;
    output->file = no_file;
    output->folder = no_folder;
    *ret_output = output;
    return 0;
}

void save_output_free(struct save_output *output)
{
    if (!output)
        return;
    tar_writer_free(output->tar);
    output_file_done(&output->file);
    output_folder_done(&output->folder);
    free(output);
}

bool save_output_is_folder(const struct save_output *output)
{
    return output->folder.fd >= 0;
}

int save_output_dir_fd(const struct save_output *output)
{
    return output->folder.fd;
}

/* ------------------------------------------------------------------ opening */

int save_output_stream(int fd, struct save_output **ret_output, struct mcpd_error *err)
{
    CLEANUP_SAVE_OUTPUT struct save_output *output = NULL;
    int rc = new_output(&output, err);

    if (rc < 0)
        return rc;
    output->stream_fd = fd;
    rc = tar_writer_new(write_tar, output, &output->tar, err);
    if (rc == 0)
        *ret_output = TAKE_PTR(output);
    return rc;
}

int save_output_file(const char *path, struct save_output **ret_output, struct mcpd_error *err)
{
    CLEANUP_SAVE_OUTPUT struct save_output *output = NULL;
    int rc = new_output(&output, err);

    if (rc == 0)
        rc = output_file_open(path, &output->file, err);
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

    if (rc == 0)
        rc = output_folder_open(path, &output->folder, err);
    if (rc == 0)
        *ret_output = TAKE_PTR(output);
    return rc;
}

/* ------------------------------------------------------------------ members */

int save_output_make_folder(struct save_output *output, const char *name, struct mcpd_error *err)
{
    if (output->tar)
        return tar_writer_folder(output->tar, name, FOLDER_MODE, err);
    return fs_make_dirs(output->folder.fd, name, FOLDER_MODE, NULL, err);
}

int save_output_symlink(struct save_output *output, const char *name, const char *target,
                        struct mcpd_error *err)
{
    if (!output->tar)
        return error_set(err, MCPD_E_INTERNAL, "a link in a folder");
    return tar_writer_symlink(output->tar, name, target, err);
}

int save_output_begin(struct save_output *output, const char *name, mode_t mode, uint64_t size,
                      struct mcpd_error *err)
{
    return output->tar ? tar_writer_file(output->tar, name, mode, size, err)
                       : output_file_open_at(output->folder.fd, name, &output->file, err);
}

int save_output_data(void *context, const void *bytes, size_t count, struct mcpd_error *err)
{
    struct save_output *output = context;

    return output->tar ? tar_writer_data(output->tar, bytes, count, err)
                       : fs_write_all(output->file.fd, bytes, count, "a file of the folder", err);
}

int save_output_end(struct save_output *output, struct mcpd_error *err)
{
    int rc;

    if (output->tar)
        return 0;
    rc = output_file_finish(&output->file, false, err);
    output_file_done(&output->file);
    return rc;
}

int save_output_text(struct save_output *output, const char *name, mode_t mode, const char *text,
                     size_t length, struct mcpd_error *err)
{
    int rc = save_output_begin(output, name, mode, length, err);

    if (rc == 0)
        rc = save_output_data(output, text, length, err);
    return rc < 0 ? rc : save_output_end(output, err);
}

int save_output_finish(struct save_output *output, bool sync, struct mcpd_error *err)
{
    int rc;

    if (!output->tar)
        return output_folder_finish(&output->folder, err);
    rc = tar_writer_finish(output->tar, err);
    return rc < 0 || output->stream_fd >= 0 ? rc : output_file_finish(&output->file, sync, err);
}
