/* pathclean.c - a path in its shortest form, by its text alone (links are not looked at). */
#include "runtime/pathclean.h"

#include <string.h>

char *pathclean(const char *path)
{
    char *clean = malloc(strlen(path) + 2);
    size_t length = 0;

    if (!clean)
        return NULL;
    while (*path != '\0') {
        size_t name_length = strcspn(path, "/");

        if (name_length == 2 && memcmp(path, "..", 2) == 0) {
            while (length > 0 && clean[--length] != '/')
                ;
        } else if (name_length > 0 && !(name_length == 1 && *path == '.')) {
            clean[length++] = '/';
            memcpy(clean + length, path, name_length);
            length += name_length;
        }
        path += name_length;
        path += *path == '/';
    }
    if (length == 0)
        clean[length++] = '/';
    clean[length] = '\0';
    return clean;
}

size_t pathclean_depth(const char *path)
{
    size_t depth = 0;

    for (const char *c = path; *c != '\0'; c++)
        depth += *c == '/' && c[1] != '\0';
    return depth;
}
