/*
 * copyroot.c - see copyroot.h.
 *
 * Theory of operation. Folder by folder, from the top: `merge` knows which layers have the folder
 * and are not hidden there, topmost first. It collects the names of all of them and sorts them by
 * name, then by layer, so that what decides about a name stands first. A folder goes on with those
 * layers below that have a folder there too, until one is opaque or has something else. So each
 * file is copied once, whatever the number of layers.
 *
 * Layers do not change, so paths below them are safe: every step of one was a folder when it was
 * listed. Open at a time: the layers' roots, one listing, and one target folder for each level.
 */
#include "runtime/copyroot.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/inode_map.h"
#include "base/str.h"
#include "runtime/copytree.h"

#define DEPTH_MAX 500

struct entry {
    char *name; /* owned */
    size_t layer;
};

struct entries {
    struct entry *list; /* owned */
    size_t count;
    size_t capacity;
};

struct job {
    const struct copyroot_request *request;
    struct copytree copytree;
    struct inode_map *links; /* of each layer: files with several links, to their place below */
    char **places;           /* where the first of their links is in the copy; owned, not a strv */
    size_t place_count;
    size_t place_capacity;
};

/* One folder of the result. */
struct folder {
    const char *path;     /* from the root, "" is that */
    const size_t *layers; /* that have it, topmost first */
    size_t layer_count;
    int to_fd;
    int depth;
};

static int merge(struct job *job, const struct folder *folder, struct mcpd_error *err);

static void job_done(struct job *job)
{
    for (size_t i = 0; job->links && i < job->request->layer_count; i++)
        inode_map_done(&job->links[i]);
    for (size_t i = 0; i < job->place_count; i++)
        free(job->places[i]);
    free(job->links);
    free(job->places);
}

/* ---------------------------------------------------------------- names */

static void entries_done(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        free(entries->list[i].name);
    free(entries->list);
}

static int add_entry(struct entries *entries, const char *name, size_t layer,
                     struct mcpd_error *err)
{
    if (entries->count == entries->capacity) {
        size_t capacity = entries->capacity ? 2 * entries->capacity : 32;
        struct entry *grown = reallocarray(entries->list, capacity, sizeof(*grown));

        if (!grown)
            return error_no_memory(err, "names");
        entries->list = grown;
        entries->capacity = capacity;
    }
    entries->list[entries->count].name = strdup(name);
    entries->list[entries->count].layer = layer;
    return entries->list[entries->count++].name ? 0 : error_no_memory(err, "names");
}

static int list_layer(const struct job *job, const char *path, size_t layer,
                      struct entries *entries, struct mcpd_error *err)
{
    int fd = openat(job->request->layer_fds[layer], *path ? path : ".",
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    CLEANUP_DIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    int rc = 0;

    if (!dir) {
        rc = error_errno(err, "read the folder '%s'", path);
        cleanup_close_fd(&fd);
        return rc;
    }
    for (errno = 0; rc == 0 && (entry = readdir(dir)); errno = 0)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = add_entry(entries, entry->d_name, layer, err);
    return rc == 0 && errno != 0 ? error_errno(err, "read the folder '%s'", path) : rc;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = a;
    const struct entry *right = b;
    int order = strcmp(left->name, right->name);

    return order ? order : (left->layer > right->layer) - (left->layer < right->layer);
}

/* ---------------------------------------------------------------- one name */

static bool is_whiteout(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static int look(const struct job *job, size_t layer, const char *path, struct stat *ret_stat,
                struct mcpd_error *err)
{
    if (fstatat(job->request->layer_fds[layer], path, ret_stat, AT_SYMLINK_NOFOLLOW) < 0)
        return error_errno(err, "stat '%s'", path);
    return 0;
}

static bool is_opaque(const struct job *job, int fd)
{
    const char *name = job->request->in_userns ? "user.overlay.opaque" : "trusted.overlay.opaque";
    char value = 0;

    return fgetxattr(fd, name, &value, 1) == 1 && value == 'y';
}

/* The layers that a folder goes on with. */
static int choose_layers(const struct job *job, const char *path, const struct entry *entries,
                         size_t count, size_t *layers, size_t *ret_count, struct mcpd_error *err)
{
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        CLEANUP_FD int fd = -1;
        struct stat st;
        int rc = look(job, entries[i].layer, path, &st, err);

        if (rc < 0)
            return rc;
        if (!S_ISDIR(st.st_mode))
            break;
        fd = openat(job->request->layer_fds[entries[i].layer], path,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return error_errno(err, "open '%s'", path);
        layers[(*ret_count)++] = entries[i].layer;
        if (is_opaque(job, fd))
            break;
    }
    return 0;
}

static int merge_below(struct job *job, const struct folder *above, const char *path,
                       const struct entry *entries, size_t count, const struct stat *st,
                       struct mcpd_error *err)
{
    CLEANUP_FREE size_t *layers = calloc(count, sizeof(*layers));
    const char *name = entries[0].name;
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    CLEANUP_FD int from_fd = openat(job->request->layer_fds[entries[0].layer], path, flags);
    CLEANUP_FD int to_fd = -1;
    struct folder folder = {.path = path, .layers = layers, .depth = above->depth + 1};
    int rc;

    if (!layers)
        return error_no_memory(err, "layers");
    if (folder.depth > DEPTH_MAX)
        return error_set(err, MCPD_E_LIMIT, "'%s' is deeper than %d folders", path, DEPTH_MAX);
    rc = choose_layers(job, path, entries, count, layers, &folder.layer_count, err);
    if (rc < 0)
        return rc;
    if (mkdirat(above->to_fd, name, 0700) < 0)
        return error_errno(err, "make '%s'", path);
    to_fd = openat(above->to_fd, name, flags);
    if (from_fd < 0 || to_fd < 0)
        return error_errno(err, "open '%s'", path);
    folder.to_fd = to_fd;
    rc = merge(job, &folder, err);
    return rc < 0 ? rc : copytree_attributes(&job->copytree, from_fd, to_fd, st, path, err);
}

static int remember_place(struct job *job, const struct stat *st, size_t layer, const char *path,
                          struct mcpd_error *err)
{
    if (job->place_count == job->place_capacity) {
        size_t capacity = job->place_capacity ? 2 * job->place_capacity : 64;
        char **grown = reallocarray(job->places, capacity, sizeof(*grown));

        if (!grown)
            return error_no_memory(err, "links");
        job->places = grown;
        job->place_capacity = capacity;
    }
    job->places[job->place_count] = strdup(path);
    if (!job->places[job->place_count] ||
        !inode_map_put(&job->links[layer], st->st_ino, job->place_count))
        return error_no_memory(err, "links");
    job->place_count++;
    return 0;
}

/* A second link of what is there already; false: there is none, or no more can be made. */
static bool link_again(const struct job *job, const struct folder *above, const struct stat *st,
                       const struct entry *entry)
{
    uint64_t place = 0;

    return inode_map_get(&job->links[entry->layer], st->st_ino, &place) &&
           linkat(job->request->to_fd, job->places[place], above->to_fd, entry->name, 0) == 0;
}

static int copy_leaf(struct job *job, const struct folder *above, const char *path,
                     const struct entry *entry, const struct stat *st, struct mcpd_error *err)
{
    int rc;

    if (st->st_nlink > 1 && link_again(job, above, st, entry))
        return 0;
    rc = copytree_entry(&job->copytree, job->request->layer_fds[entry->layer], path, above->to_fd,
                        entry->name, st, err);
    if (rc == 0 && st->st_nlink > 1)
        rc = remember_place(job, st, entry->layer, path, err);
    return rc;
}

/* entries: all of one name. */
static int merge_name(struct job *job, const struct folder *above, const struct entry *entries,
                      size_t count, struct mcpd_error *err)
{
    CLEANUP_FREE char *path =
        str_format("%s%s%s", above->path, *above->path ? "/" : "", entries[0].name);
    struct stat st;
    int rc;

    if (!path)
        return error_no_memory(err, "path");
    if (strlen(path) >= PATH_MAX)
        return error_set(err, MCPD_E_LIMIT, "a path in the image is longer than %d bytes",
                         PATH_MAX - 1);
    rc = look(job, entries[0].layer, path, &st, err);
    if (rc < 0 || is_whiteout(&st))
        return rc;
    if (S_ISDIR(st.st_mode))
        return merge_below(job, above, path, entries, count, &st, err);
    return copy_leaf(job, above, path, &entries[0], &st, err);
}

/* ---------------------------------------------------------------- one folder */

static int merge(struct job *job, const struct folder *folder, struct mcpd_error *err)
{
    CLEANUP(entries_done) struct entries entries = {0};
    size_t length;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < folder->layer_count; i++)
        rc = list_layer(job, folder->path, folder->layers[i], &entries, err);
    if (rc == 0 && entries.count > 1)
        qsort(entries.list, entries.count, sizeof(*entries.list), compare_entries);
    for (size_t i = 0; rc == 0 && i < entries.count; i += length) {
        length = 1;
        while (i + length < entries.count &&
               strcmp(entries.list[i].name, entries.list[i + length].name) == 0)
            length++;
        rc = merge_name(job, folder, &entries.list[i], length, err);
    }
    return rc;
}

static int copy_root(struct job *job, const size_t *layers, struct mcpd_error *err)
{
    const struct copyroot_request *request = job->request;
    const struct folder root = {
        .path = "",
        .layers = layers,
        .layer_count = request->layer_count,
        .to_fd = request->to_fd,
    };
    struct stat st;
    int rc = merge(job, &root, err);

    if (rc < 0 || request->layer_count == 0)
        return rc;
    if (fstat(request->layer_fds[0], &st) < 0)
        return error_errno(err, "stat a layer");
    return copytree_attributes(&job->copytree, request->layer_fds[0], request->to_fd, &st, "/",
                               err);
}

int copyroot_make(const struct copyroot_request *request, struct mcpd_error *err)
{
    CLEANUP(job_done)
    struct job job = {
        .request = request,
        .copytree = {.in_userns = request->in_userns},
    };
    CLEANUP_FREE size_t *layers = calloc(request->layer_count + 1, sizeof(*layers));

    job.links = calloc(request->layer_count + 1, sizeof(*job.links));
    if (!layers || !job.links)
        return error_no_memory(err, "layers");
    for (size_t i = 0; i < request->layer_count; i++)
        layers[i] = i;
    return copy_root(&job, layers, err);
}
