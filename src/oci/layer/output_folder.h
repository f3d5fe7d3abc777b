/*
 * output_folder.h - a folder that appears under its name when everything is in it.
 *
 * One that is there already is opened as it is: whoever adds to it puts each file in its place when
 * that is whole (output_file.h), and last the one that names the others.
 */
#ifndef OCI_LAYER_OUTPUT_FOLDER_H
#define OCI_LAYER_OUTPUT_FOLDER_H

#include "base/error.h"

struct output_folder {
    int fd;         /* to write below; -1: none */
    int parent_fd;  /* of a new one; -1: it was there */
    char *name;     /* in the parent */
    char *tmp_name; /* until it is whole */
};
#define OUTPUT_FOLDER_NONE         \
    {                              \
        .fd = -1, .parent_fd = -1, \
    }

/* Folders above it are made when missing, and stay. */
int output_folder_open(const char *path, struct output_folder *ret_folder,
                       struct mcpd_error *err) MUST_CHECK;
/* It is whole. Another one that has come under its name meanwhile stays: a failure. */
int output_folder_finish(struct output_folder *folder, struct mcpd_error *err) MUST_CHECK;
/* Of a new one that is not finished nothing is left. Fine on OUTPUT_FOLDER_NONE. */
void output_folder_done(struct output_folder *folder);

#endif
