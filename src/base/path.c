/* path.c - paths as text. */
#include "base/path.h"

#include <string.h>

bool path_last_name(const char *path, size_t *ret_start, size_t *ret_length)
{
    size_t end = strlen(path);
    size_t start;

    while (end > 0 && path[end - 1] == '/')
        end--;
    start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    *ret_start = start;
    *ret_length = end - start;
    if (end - start <= 2 && strncmp(path + start, "..", end - start) == 0)
        return false; /* "", "." or ".." */
    return true;
}

const char *path_below(const char *path, const char *root)
{
    size_t length = strlen(root);

    if (length <= 1 || strncmp(path, root, length) != 0 ||
        (path[length] != '\0' && path[length] != '/'))
        return path;
    return path[length] ? path + length : "/";
}
