/* pathclean.h - a path in its shortest form, by its text alone. */
#ifndef RUNTIME_PATHCLEAN_H
#define RUNTIME_PATHCLEAN_H

#include "base/cleanup.h"

#include <stddef.h>

/* Absolute paths: no "//", "." or ".." and no slash at the end. Owned by the caller, NULL without
 * memory. */
char *pathclean(const char *path) MUST_CHECK;
/* How many names a clean path has: 0 for "/". */
size_t pathclean_depth(const char *path);

#endif
