/*
 * pack_walk.c - see pack_walk.h.
 *
 * Theory of operation. A level of the stack is an open folder with a sorted batch of its names.
 * When a batch is used up and the folder had more, the next one is gathered: the smallest names
 * behind the last one. Gathering keeps at most as many bytes as the level may have; when they are
 * full, the larger half is forgotten and only names below it are of interest from then on. A level
 * may have half of what is left for all, and never less than a few hundred names.
 */
#include "oci/layer/pack_walk.h"

#include "base/fsutil.h"
#include "oci/layer/pack.h"
#include "oci/layer/unpack_policy.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#define NAMES_MAX_BYTES (16u << 20)
#define LEVEL_MIN_BYTES (32u << 10)

struct level {
    int fd;
    size_t path_length; /* of walk->path up to and with this folder */
    char **names;       /* the batch: sorted, each on the heap */
    size_t count;
    size_t capacity;
    size_t next;
    size_t bytes; /* what the names take */
    size_t max_bytes;
    char last[NAME_MAX + 1];  /* of the batch before; empty: this is the first */
    char bound[NAME_MAX + 1]; /* names from here on were left out; empty: none */
};

struct pack_walk {
    pack_visit_function visit;
    void *context;
    struct level *levels; /* owned */
    size_t depth;
    size_t capacity;
    size_t names_max_bytes;
    char path[UNPACK_PATH_SIZE];
};

/* ------------------------------------------------------------------ a batch of names */

static size_t bytes_of(const char *name)
{
    return strlen(name) + 1 + 2 * sizeof(char *); /* malloc's own too */
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Forgets the names from `first` on. */
static void drop_names(struct level *level, size_t first)
{
    for (size_t i = first; i < level->count; i++) {
        level->bytes -= bytes_of(level->names[i]);
        free(level->names[i]);
    }
    level->count = first;
}

static int add_name(struct level *level, const char *name, struct mcpd_error *err)
{
    if (level->count == level->capacity) {
        size_t capacity = level->capacity ? 2 * level->capacity : 32;
        char **names = reallocarray(level->names, capacity, sizeof(char *));

        if (!names)
            return error_no_memory(err, "names of a folder");
        level->names = names;
        level->capacity = capacity;
    }
    level->names[level->count] = strdup(name);
    if (!level->names[level->count])
        return error_no_memory(err, "names of a folder");
    level->bytes += bytes_of(name);
    level->count++;
    if (level->bytes <= level->max_bytes)
        return 0;
    qsort(level->names, level->count, sizeof(char *), compare_names);
    (void)snprintf(level->bound, sizeof(level->bound), "%s", level->names[level->count / 2]);
    drop_names(level, level->count / 2);
    return 0;
}

static int take_name(int dir_fd, const char *name, unsigned char type, void *context,
                     struct mcpd_error *err)
{
    struct level *level = context;

    (void)dir_fd;
    (void)type;
    if ((*level->last && strcmp(name, level->last) <= 0) ||
        (*level->bound && strcmp(name, level->bound) >= 0))
        return 0;
    return add_name(level, name, err);
}

/* Empty when there is no further one. */
static int gather(struct level *level, struct mcpd_error *err)
{
    int rc;

    if (level->count > 0)
        (void)snprintf(level->last, sizeof(level->last), "%s", level->names[level->count - 1]);
    drop_names(level, 0);
    level->next = 0;
    level->bound[0] = '\0';
    rc = fs_visit_dir(level->fd, ".", take_name, level, err);
    if (rc == 0 && level->count > 1)
        qsort(level->names, level->count, sizeof(char *), compare_names);
    return rc;
}

/* ------------------------------------------------------------------ the stack */

/* What a further level may use for its names. */
static size_t level_max_bytes(const struct pack_walk *walk)
{
    size_t left = walk->names_max_bytes;

    for (size_t i = 0; i < walk->depth; i++)
        left -= walk->levels[i].bytes < left ? walk->levels[i].bytes : left;
    return left / 2 > LEVEL_MIN_BYTES ? left / 2 : LEVEL_MIN_BYTES;
}

/* Takes the descriptor over, also on failure. */
static int push(struct pack_walk *walk, int fd, size_t path_length, struct mcpd_error *err)
{
    size_t max_bytes = level_max_bytes(walk);
    struct level *level;

    if (walk->depth == walk->capacity) {
        size_t capacity = walk->capacity ? 2 * walk->capacity : 16;
        struct level *levels = reallocarray(walk->levels, capacity, sizeof(*levels));

        if (!levels) {
            (void)close(fd);
            return error_no_memory(err, "a tree");
        }
        walk->levels = levels;
        walk->capacity = capacity;
    }
    level = &walk->levels[walk->depth++];
    *level = (struct level){.fd = fd, .path_length = path_length, .max_bytes = max_bytes};
    return gather(level, err);
}

static void pop(struct pack_walk *walk)
{
    struct level *level = &walk->levels[--walk->depth];

    drop_names(level, 0);
    free(level->names);
    (void)close(level->fd);
}

/* ------------------------------------------------------------------ the walk */

/* walk->path becomes that of a name in the folder at the top. */
static int set_path(struct pack_walk *walk, const char *name, size_t *ret_length,
                    struct mcpd_error *err)
{
    size_t length = walk->levels[walk->depth - 1].path_length;
    int count = snprintf(walk->path + length, sizeof(walk->path) - length, "%s%s",
                         length > 0 ? "/" : "", name);

    if ((size_t)count >= sizeof(walk->path) - length)
        return error_set(err, MCPD_E_LIMIT, "a path of more than %d bytes", UNPACK_PATH_SIZE - 1);
    *ret_length = length + (size_t)count;
    return 0;
}

static int enter(struct pack_walk *walk, int dir_fd, const char *name, size_t path_length,
                 struct mcpd_error *err)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    int rc;

    if (fd < 0 && errno == ENOENT) /* removed since its folder was read */
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        rc = unpack_policy_errno("open folder", walk->path, err);
    else if (walk->depth > PACK_MAX_DEPTH)
        rc = error_set(err, MCPD_E_LIMIT, "folders lie more than %d deep in each other",
                       PACK_MAX_DEPTH);
    else
        rc = walk->visit(walk->context, dir_fd, name, walk->path, fd, &st, err);
    if (rc < 0) {
        cleanup_close_fd(&fd);
        return rc;
    }
    return push(walk, fd, path_length, err);
}

static int step(struct pack_walk *walk, struct mcpd_error *err)
{
    struct level *level = &walk->levels[walk->depth - 1];
    const char *name = level->names[level->next++];
    int dir_fd = level->fd;
    size_t path_length = 0;
    struct stat st;
    int rc = set_path(walk, name, &path_length, err);

    if (rc < 0)
        return rc;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : unpack_policy_errno("stat", walk->path, err);
    if (S_ISDIR(st.st_mode))
        return enter(walk, dir_fd, name, path_length, err);
    return walk->visit(walk->context, dir_fd, name, walk->path, -1, &st, err);
}

static int walk_all(struct pack_walk *walk, struct mcpd_error *err)
{
    int rc = 0;

    while (rc == 0 && walk->depth > 0) {
        struct level *level = &walk->levels[walk->depth - 1];

        if (level->next < level->count)
            rc = step(walk, err);
        else if (*level->bound)
            rc = gather(level, err);
        else
            pop(walk);
    }
    return rc;
}

int pack_walk(int dir_fd, size_t names_max_bytes, pack_visit_function visit, void *context,
              struct mcpd_error *err)
{
    struct pack_walk *walk = calloc(1, sizeof(*walk));
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc;

    if (!walk || fd < 0) {
        rc = walk ? error_errno(err, "open a folder") : error_no_memory(err, "a tree");
        cleanup_close_fd(&fd);
        free(walk);
        return rc;
    }
    walk->visit = visit;
    walk->context = context;
    walk->names_max_bytes = names_max_bytes > 0 ? names_max_bytes : NAMES_MAX_BYTES;
    rc = push(walk, fd, 0, err);
    if (rc == 0)
        rc = walk_all(walk, err);
    while (walk->depth > 0)
        pop(walk);
    free(walk->levels);
    free(walk);
    return rc;
}
