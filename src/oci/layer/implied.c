/* implied.c - see implied.h. In the user namespace of an ordinary user, whose files they are. */
#include "oci/layer/implied.h"

#include "base/fault.h"
#include "base/fsutil.h"
#include "base/saferoot.h"
#include "base/userns.h"
#include "oci/layer/contents_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct work {
    const struct implied_layer *layers;
    size_t count;
};

static int open_layer(const struct work *work, size_t index, struct mcpd_error *err)
{
    int fd = openat(work->layers[index].root_fd, work->layers[index].path,
                    O_PATH | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? error_errno(err, "open %s", work->layers[index].path) : fd;
}

/* What the layers below `index` say. A file or a whiteout there ends the search. */
static int find_below(const struct work *work, size_t index, const char *path, struct stat *ret_st,
                      bool *ret_is_found, struct mcpd_error *err)
{
    *ret_is_found = false;
    while (index-- > 0) {
        CLEANUP_FD int layer_fd = open_layer(work, index, err);
        CLEANUP_FD int fd = -1;

        if (layer_fd < 0)
            return layer_fd;
        fd = saferoot_open(layer_fd, path, O_PATH | O_NOFOLLOW, 0, NULL);
        if (fd < 0 && errno == ENOENT)
            continue;
        *ret_is_found = fd >= 0 && fstat(fd, ret_st) == 0 && S_ISDIR(ret_st->st_mode);
        return 0;
    }
    return 0;
}

static int adopt(int layer_fd, const char *path, const struct stat *st, struct mcpd_error *err)
{
    const struct timespec times[2] = {st->st_mtim, st->st_mtim};
    CLEANUP_FD int fd = saferoot_open(layer_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, NULL);

    /* Replaced by a later entry of its layer. */
    if (fd < 0)
        return 0;
    if (fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0 ||
        futimens(fd, times) < 0)
        return error_errno(err, "take over the attributes of a folder");
    return 0;
}

/* The list of what the layer holds lies beside it. */
static int refresh_list(int layer_fd, const struct implied_layer *layer, struct mcpd_error *err)
{
    CLEANUP_FD int dir_fd = -1;
    int rc = fs_open_dir(layer_fd, "..", &dir_fd, err);

    FAULT_POINT("folders-adopted");
    return rc < 0 ? rc : contents_file_refresh(dir_fd, layer->paths, layer->bytes, err);
}

static int adopt_layer(const struct work *work, size_t index, struct mcpd_error *err)
{
    const struct implied_layer *layer = &work->layers[index];
    CLEANUP_FD int layer_fd = open_layer(work, index, err);

    if (layer_fd < 0)
        return layer_fd;
    for (size_t at = 0; at < layer->bytes; at += strlen(layer->paths + at) + 1) {
        struct stat st;
        bool is_found = false;
        int rc = find_below(work, index, layer->paths + at, &st, &is_found, err);

        if (rc == 0 && is_found)
            rc = adopt(layer_fd, layer->paths + at, &st, err);
        if (rc < 0)
            return rc;
    }
    return refresh_list(layer_fd, layer, err);
}

/* Bottom first: what one layer has taken over is there for the next. */
static int adopt_all(void *context, struct mcpd_error *err)
{
    const struct work *work = context;

    for (size_t i = 1; i < work->count; i++) {
        int rc = work->layers[i].bytes > 0 ? adopt_layer(work, i, err) : 0;

        if (rc < 0)
            return rc;
    }
    return 0;
}

int implied_adopt(const struct implied_layer *layers, size_t count, struct mcpd_error *err)
{
    struct work work = {.layers = layers, .count = count};

    return userns_run(adopt_all, &work, err);
}
