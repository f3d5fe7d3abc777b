/* container_list.c - all records, oldest first. */
#include "runtime/container_parts.h"

#include <string.h>

#include "base/fsutil.h"
#include "base/str.h"

struct listing {
    const struct container_root *root;
    void (*warn)(void *context, const char *message);
    void *warn_context;
    struct container *containers; /* owned */
    size_t count;
    size_t capacity;
};

static int grow(struct listing *listing, struct mcpd_error *err)
{
    size_t capacity = listing->capacity ? 2 * listing->capacity : 16;
    struct container *grown;

    if (listing->count < listing->capacity)
        return 0;
    grown = reallocarray(listing->containers, capacity, sizeof(*grown));
    if (!grown)
        return error_no_memory(err, "list of containers");
    listing->containers = grown;
    listing->capacity = capacity;
    return 0;
}

static int visit(int dir_fd, const char *name, unsigned char type, void *context,
                 struct mcpd_error *err)
{
    struct listing *listing = context;
    struct mcpd_error problem = {0};
    int rc;

    (void)dir_fd;
    (void)type;
    if (!container_is_id(name))
        return 0;
    rc = grow(listing, err);
    if (rc < 0)
        return rc;
    rc = container_load(listing->root, name, &listing->containers[listing->count], &problem);
    if (rc == 0) {
        /* Hundreds of containers are more than the descriptors a process may have. */
        cleanup_close_fd(&listing->containers[listing->count].dir_fd);
        listing->containers[listing->count++].dir_fd = -1;
    } else if (rc == -MCPD_E_NO_MEMORY) {
        return error_copy(err, &problem);
    } else if (rc != -MCPD_E_NOT_FOUND && listing->warn) { /* NOT_FOUND: removed meanwhile */
        listing->warn(listing->warn_context, problem.message);
    }
    return 0;
}

static int compare_age(const void *a, const void *b)
{
    const struct container *first = a;
    const struct container *second = b;

    if (first->plan.created_unix_ns != second->plan.created_unix_ns)
        return first->plan.created_unix_ns < second->plan.created_unix_ns ? -1 : 1;
    return strcmp(first->id, second->id);
}

int container_list(const struct container_root *root, void (*warn)(void *, const char *),
                   void *warn_context, struct container **ret_containers, size_t *ret_count,
                   struct mcpd_error *err)
{
    struct listing listing = {.root = root, .warn = warn, .warn_context = warn_context};
    int rc = fs_visit_dir(root->containers_fd, ".", visit, &listing, err);

    if (rc < 0) {
        container_list_free(listing.containers, listing.count);
        return rc;
    }
    if (listing.count > 1)
        qsort(listing.containers, listing.count, sizeof(*listing.containers), compare_age);
    *ret_containers = listing.containers;
    *ret_count = listing.count;
    return 0;
}

void container_list_free(struct container *containers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        container_done(&containers[i]);
    free(containers);
}
