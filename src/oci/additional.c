/*
 * additional.c - see additional.h.
 *
 * Theory of operation. The paths are kept when an engine is opened; the folders are opened by the
 * first who does not find something in our own store, so that a start of an image of ours costs
 * nothing. One that is missing, damaged or not to be trusted is a warning, once, and then as if it
 * had not been named.
 */
#include "oci/additional.h"

#include "base/fsutil.h"
#include "base/str.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct additional {
    char **paths; /* as named */
    bool is_opened;
    char *problems[ADDITIONAL_MAX]; /* of the paths; NULL: good */
    struct store stores[ADDITIONAL_MAX];
    size_t count; /* of the stores */
};

int additional_set(struct store *store, char *const *paths, struct mcpd_error *err)
{
    struct additional *additional;

    if (!paths || !paths[0])
        return 0;
    additional = calloc(1, sizeof(*additional));
    if (!additional)
        return error_no_memory(err, "additional stores");
    store->additional = additional;
    for (; *paths; paths++)
        if (!strv_contains(additional->paths, *paths) &&
            strv_append(&additional->paths, *paths) < 0)
            return error_no_memory(err, "additional stores");
    if (strv_length(additional->paths) > ADDITIONAL_MAX)
        return error_set(err, MCPD_E_LIMIT, "more than %d additional stores", ADDITIONAL_MAX);
    return 0;
}

void additional_done(struct store *store)
{
    struct additional *additional = store->additional;

    if (!additional)
        return;
    store->additional = NULL;
    for (size_t i = 0; i < additional->count; i++)
        store_done(&additional->stores[i]);
    for (size_t i = 0; i < ARRAY_SIZE(additional->problems); i++)
        free(additional->problems[i]);
    strv_free(additional->paths);
    free(additional);
}

/* ---------------------------------------------------------------- opening */

static int check_owner(const char *path, int fd, struct mcpd_error *err)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && st.st_uid == 0 && geteuid() != 0)
        return error_set(err, MCPD_E_DENIED,
                         "'%s' was made by root: in an ordinary user's containers all of its files "
                         "would be nobody's; use one that this user has made",
                         path);
    return fs_check_own_folder(path, fd, err);
}

static int open_folder(const struct store *store, const char *name, int *ret_fd,
                       struct mcpd_error *err)
{
    CLEANUP_FREE char *path = str_format("%s/%s", store->path, name);
    CLEANUP_FD int fd =
        openat(store->root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int rc;

    if (!path)
        return error_no_memory(err, "additional stores");
    if (fd < 0)
        return error_errno(err, "open folder '%s'", path);
    rc = check_owner(path, fd, err);
    if (rc == 0)
        *ret_fd = TAKE_FD(fd);
    return rc;
}

/* What is open already goes with store_done. */
static int open_one(const char *path, struct store *store, struct mcpd_error *err)
{
    int rc;

    store->path = strdup(path);
    if (!store->path)
        return error_no_memory(err, "additional stores");
    rc = fs_open_dir(AT_FDCWD, path, &store->root_fd, err);
    if (rc == 0)
        rc = check_owner(path, store->root_fd, err);
    if (rc == 0)
        rc = open_folder(store, "layers", &store->layers_fd, err);
    if (rc == 0)
        rc = open_folder(store, "images/tags", &store->tags_fd, err);
    if (rc == 0)
        rc = open_folder(store, "images/blobs/sha256", &store->blobs_fd, err);
    return rc;
}

/* Is it our own store, or one that is open already? */
static bool is_known(const struct store *store, const struct additional *additional, int root_fd)
{
    struct stat st;
    struct stat other;

    if (fstat(root_fd, &st) < 0)
        return false;
    for (size_t i = 0; i <= additional->count; i++) {
        int fd = i < additional->count ? additional->stores[i].root_fd : store->root_fd;

        if (fstat(fd, &other) == 0 && other.st_dev == st.st_dev && other.st_ino == st.st_ino)
            return true;
    }
    return false;
}

static void open_all(const struct store *store, struct additional *additional)
{
    additional->is_opened = true;
    for (size_t i = 0; additional->paths && additional->paths[i]; i++) {
        struct store *opened = &additional->stores[additional->count];
        struct mcpd_error problem = {0};

        *opened = (struct store)STORE_NONE;
        if (open_one(additional->paths[i], opened, &problem) < 0) {
            additional->problems[i] = strdup(problem.message);
            store_warn(store, "additional store left out", &problem);
            store_done(opened);
        } else if (is_known(store, additional, opened->root_fd)) {
            store_done(opened);
        } else {
            opened->warn = store->warn;
            opened->warn_context = store->warn_context;
            additional->count++;
        }
    }
}

/* ---------------------------------------------------------------- looking */

size_t additional_count(const struct store *store)
{
    struct additional *additional = store->additional;

    if (!additional)
        return 0;
    if (!additional->is_opened)
        open_all(store, additional);
    return additional->count;
}

const struct store *additional_get(const struct store *store, size_t index)
{
    return &store->additional->stores[index];
}

bool additional_describe(const struct store *store, size_t index, const char **ret_path,
                         const char **ret_problem)
{
    struct additional *additional = store->additional;

    (void)additional_count(store);
    if (!additional || index >= strv_length(additional->paths))
        return false;
    *ret_path = additional->paths[index];
    *ret_problem = additional->problems[index];
    return true;
}
