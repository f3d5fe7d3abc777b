/* path.h - paths as text. */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* Where the last name of a path stands; slashes behind it do not count. False when that is nothing
 * that could be made, renamed or removed: "", "/", ".", "..", "a/..". */
bool path_last_name(const char *path, size_t *ret_start, size_t *ret_length);
/* `path` as it is called below `root` ("/a/b" below "/a" is "/b"); itself where it lies elsewhere,
 * or root is "/". Both absolute and clean. Borrowed. */
const char *path_below(const char *path, const char *root);

#endif
