/* image_local.c - see image_local.h. */
#include "image_local.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int image_pull_locally(struct mcpd_engine *engine, const char *image, enum mcpd_pull_policy policy,
                       bool *ret_is_settled, char **ret_id, struct mcpd_error *err)
{
    struct image found;
    int rc;

    *ret_is_settled = false;
    if (policy == MCPD_PULL_ALWAYS || policy == MCPD_PULL_NEWER)
        return 0;
    rc = store_find_image(&engine->store, image, &found, err);
    if (rc == -MCPD_E_NOT_FOUND && policy == MCPD_PULL_MISSING)
        return 0;
    if (rc < 0)
        return rc;
    *ret_id = strdup(digest_hex(&found.id));
    image_done(&found);
    *ret_is_settled = *ret_id != NULL;
    return *ret_id ? 0 : error_no_memory(err, "an image's id");
}

int image_open_archive(const char *path, int *ret_own_fd, int *ret_fd, struct mcpd_error *err)
{
    *ret_own_fd = -1;
    *ret_fd = STDIN_FILENO;
    if (!path)
        return 0;
    *ret_own_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    *ret_fd = *ret_own_fd;
    return *ret_own_fd < 0 ? error_errno(err, "open %s", path) : 0;
}
