/*
 * contents_check.h - is an unpacked layer still what it was when it was made?
 */
#ifndef OCI_LAYER_CONTENTS_CHECK_H
#define OCI_LAYER_CONTENTS_CHECK_H

#include "base/error.h"
#include "oci/layer/contents.h"

#include <stddef.h>

/* path: relative to the layer's root, made fit for a message; what: "contents differ", ... Both
 * borrowed. */
typedef void (*contents_report_function)(void *context, const char *path, const char *what);

/*
 * Compares the folder with its list (contents_file.h), reading every file from the disk. Each
 * difference is reported and counted; a list or folder that cannot be read is one too. The total
 * is that of the list. Changes the working directory.
 */
int contents_check(int layer_fd, int record_fd, contents_report_function report, void *context,
                   struct contents_total *ret_total, size_t *ret_problem_count,
                   struct mcpd_error *err) MUST_CHECK;

#endif
