/*
 * output_file.h - a file that appears under its name when it is whole.
 *
 * A path that is no plain file (a pipe, a device) is written to as it is. What is there already is
 * replaced at the end.
 */
#ifndef OCI_LAYER_OUTPUT_FILE_H
#define OCI_LAYER_OUTPUT_FILE_H

#include "base/error.h"

#include <stdbool.h>

struct output_file {
    int fd;         /* to be written to; -1: none */
    int dir_fd;     /* its folder; -1: written directly */
    char *name;     /* in it */
    char *tmp_name; /* until it is whole; NULL: it has none */
};
#define OUTPUT_FILE_NONE        \
    {                           \
        .fd = -1, .dir_fd = -1, \
    }

/* Text of errors as podman's: `opening file "x": open x: no such file or directory`. */
int output_file_open(const char *path, struct output_file *ret_file,
                     struct mcpd_error *err) MUST_CHECK;
/* The same below a folder. */
int output_file_open_at(int dir_fd, const char *name, struct output_file *ret_file,
                        struct mcpd_error *err) MUST_CHECK;
/* It is whole. sync: and on the disk. */
int output_file_finish(struct output_file *file, bool sync, struct mcpd_error *err) MUST_CHECK;
/* Of a file that is not finished nothing is left. Fine on OUTPUT_FILE_NONE. */
void output_file_done(struct output_file *file);
#define CLEANUP_OUTPUT_FILE CLEANUP(output_file_done)

/* For what is to be `name`: one beside it that nobody uses. Replaces *ret_name, which is owned. */
int output_file_choose_tmp_name(const char *name, char **ret_name,
                                struct mcpd_error *err) MUST_CHECK;

#endif
