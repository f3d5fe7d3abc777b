/* layerstores.c - see layerstores.h. */
#include "runtime/layerstores.h"

#include <fcntl.h>

#include "base/fsutil.h"
#include "base/log.h"

void layerstores_open(const struct plan *plan, int root_fd, struct layerstores *ret_stores)
{
    struct layerstores stores = {.root_fd = root_fd};

    for (char **path = plan->layer_stores; path && *path && stores.count < ADDITIONAL_MAX; path++) {
        struct mcpd_error problem = {0};
        int fd = -1;

        if (fs_open_dir(AT_FDCWD, *path, &fd, &problem) < 0 ||
            fs_check_own_folder(*path, fd, &problem) < 0) {
            log_debug("launch", "additional store: %s", problem.message);
            cleanup_close_fd(&fd);
            fd = -1;
        }
        stores.fds[stores.count++] = fd;
    }
    *ret_stores = stores;
}

void layerstores_done(struct layerstores *stores)
{
    for (size_t i = 0; i < stores->count; i++)
        cleanup_close_fd(&stores->fds[i]);
    stores->count = 0;
}

int layerstores_of(const struct layerstores *stores, const struct digest *diff_id)
{
    char layer[STORE_LAYER_PATH_SIZE];

    if (stores->count == 0)
        return stores->root_fd;
    store_layer_path(diff_id, layer);
    if (fs_exists(stores->root_fd, layer))
        return stores->root_fd;
    for (size_t i = 0; i < stores->count; i++)
        if (stores->fds[i] >= 0 && fs_exists(stores->fds[i], layer))
            return stores->fds[i];
    return stores->root_fd;
}
