/*
 * save_output.h - where an archive goes: into a stream, into a file that appears when it is whole,
 * or as files into a folder.
 */
#ifndef OCI_LAYER_SAVE_OUTPUT_H
#define OCI_LAYER_SAVE_OUTPUT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct save_output; /* heap; save_output_free */

/* fd stays the caller's. */
int save_output_stream(int fd, struct save_output **ret_output, struct mcpd_error *err) MUST_CHECK;
/* See output_file.h. */
int save_output_file(const char *path, struct save_output **ret_output,
                     struct mcpd_error *err) MUST_CHECK;
/* Made when missing. */
int save_output_folder(const char *path, struct save_output **ret_output,
                       struct mcpd_error *err) MUST_CHECK;
/* Gives up what is not finished: of a file nothing is left. NULL is fine. */
void save_output_free(struct save_output *output);
#define CLEANUP_SAVE_OUTPUT CLEANUP(cleanup_save_output)

bool save_output_is_folder(const struct save_output *output);
/* The folder's descriptor, borrowed; -1: it is none. */
int save_output_dir_fd(const struct save_output *output);

int save_output_make_folder(struct save_output *output, const char *name,
                            struct mcpd_error *err) MUST_CHECK;
int save_output_text(struct save_output *output, const char *name, mode_t mode, const char *text,
                     size_t length, struct mcpd_error *err) MUST_CHECK;
/* Only in a tar. */
int save_output_symlink(struct save_output *output, const char *name, const char *target,
                        struct mcpd_error *err) MUST_CHECK;
/* Begin, the announced number of bytes, end. context: the output (a sink of layers). */
int save_output_begin(struct save_output *output, const char *name, mode_t mode, uint64_t size,
                      struct mcpd_error *err) MUST_CHECK;
int save_output_data(void *context, const void *bytes, size_t count,
                     struct mcpd_error *err) MUST_CHECK;
int save_output_end(struct save_output *output, struct mcpd_error *err) MUST_CHECK;

/* All is written. sync: and a file is on the disk. */
int save_output_finish(struct save_output *output, bool sync, struct mcpd_error *err) MUST_CHECK;

static inline void cleanup_save_output(struct save_output **output)
{
    save_output_free(*output);
}

#endif
