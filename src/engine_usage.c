/*
 * engine_usage.c - what images and containers take on the disk.
 *
 * A container's files may belong to other users than ours: they are measured where their owners are
 * known (userns_run), all in one go, and the numbers come back through shared memory.
 */
#include "engine_users.h"

#include <string.h>
#include <sys/mman.h>

#include "base/fsutil.h"
#include "base/str.h"
#include "base/userns.h"

/* --- containers -------------------------------------------------------------------------------
 */

struct measuring {
    const struct mcpd_engine *engine;
    const struct container *containers;
    size_t count;
    uint64_t *bytes; /* shared with the process that measures */
};

/* One that was removed meanwhile, or never ran, has written nothing. */
static int measure(void *context, struct mcpd_error *err)
{
    const struct measuring *measuring = context;

    for (size_t i = 0; i < measuring->count; i++) {
        CLEANUP_FREE char *path = str_format("%s/upper", measuring->containers[i].id);
        struct mcpd_error problem = {0};
        int rc;

        if (!path)
            return error_no_memory(err, "path");
        rc = fs_tree_disk_bytes(measuring->engine->containers.containers_fd, path,
                                &measuring->bytes[i], &problem);
        if (rc < 0 && rc != -MCPD_E_NOT_FOUND)
            return error_copy(err, &problem);
    }
    return 0;
}

/* ret_bytes: room for each of them. */
static int measure_containers(const struct mcpd_engine *engine, const struct container *containers,
                              size_t count, uint64_t *ret_bytes, struct mcpd_error *err)
{
    size_t length = (count + 1) * sizeof(*ret_bytes);
    uint64_t *shared =
        mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct measuring measuring = {engine, containers, count, shared};
    int rc;

    if (shared == MAP_FAILED)
        return error_no_memory(err, "sizes of containers");
    rc = count > 0 ? userns_run(measure, &measuring, err) : 0;
    if (rc == 0)
        memcpy(ret_bytes, shared, count * sizeof(*ret_bytes));
    (void)munmap(shared, length);
    return rc;
}

int mcpd_container_bytes(struct mcpd_engine *engine, const char *name, uint64_t *ret_bytes,
                         struct mcpd_error *err)
{
    struct container container;
    int rc = engine_load_container(engine, name, &container, err);

    if (rc < 0)
        return rc;
    rc = measure_containers(engine, &container, 1, ret_bytes, err);
    container_done(&container);
    return rc;
}

static int containers_json(const struct mcpd_engine *engine, const struct users *users,
                           json_t *object, struct mcpd_error *err)
{
    CLEANUP_FREE uint64_t *bytes = calloc(users->count + 1, sizeof(*bytes));
    json_t *array = json_array();
    int failed = json_object_set_new(object, "Containers", array);
    int rc = bytes && !failed
                 ? measure_containers(engine, users->containers, users->count, bytes, err)
                 : error_no_memory(err, "disk usage");

    for (size_t i = 0; rc == 0 && i < users->count; i++) {
        json_t *json = container_list_json(&users->containers[i]);

        failed |= json_object_set_new(json, "SizeRw", json_integer((json_int_t)bytes[i]));
        failed |= json_array_append_new(array, json);
    }
    return rc == 0 && failed ? error_no_memory(err, "disk usage") : rc;
}

/* --- images -----------------------------------------------------------------------------------
 */

static json_t *image_json(const struct mcpd_engine *engine, const struct usage *usage,
                          const struct users *users, const struct image *image)
{
    const struct usage_image *found = usage_find_image(usage, &image->id);
    json_t *json = image_list_json(&engine->store, image, users_count_of(users, &image->id));
    uint64_t shared_bytes = 0;
    uint64_t bytes = found ? usage_image_bytes(found, &shared_bytes) : 0;
    int failed = json_object_set_new(json, "Size", json_integer((json_int_t)bytes));

    failed |= json_object_set_new(json, "SharedSize", json_integer((json_int_t)shared_bytes));
    failed |=
        json_object_set_new(json, "UniqueSize", json_integer((json_int_t)(bytes - shared_bytes)));
    if (!failed)
        return json;
    json_decref(json);
    return NULL;
}

static int images_json(const struct mcpd_engine *engine, const struct usage *usage,
                       const struct users *users, json_t *object, struct mcpd_error *err)
{
    json_t *array = json_array();
    int failed = json_object_set_new(object, "Images", array);
    struct image *images = NULL;
    size_t count = 0;
    int rc = store_list_images(&engine->store, &images, &count, err);

    for (size_t i = 0; rc == 0 && !failed && i < count; i++)
        failed |= json_array_append_new(array, image_json(engine, usage, users, &images[i]));
    store_free_images(images, count);
    return rc == 0 && failed ? error_no_memory(err, "disk usage") : rc;
}

static int sums_json(const struct mcpd_engine *engine, const struct usage *usage, json_t *object,
                     struct mcpd_error *err)
{
    const uint64_t total = usage_total_bytes(usage);
    json_t *sums = json_pack(
        "{s:I, s:I, s:[], s:{s:I, s:I, s:I, s:I, s:I}}", "ImagesSize", (json_int_t)total,
        "ImagesReclaimable", (json_int_t)(total - usage_pinned_bytes(usage)), "Volumes", "Store",
        "Layers", (json_int_t)usage_kind_bytes(usage, USAGE_LAYER), "Blobs",
        (json_int_t)usage_kind_bytes(usage, USAGE_BLOB), "Documents",
        (json_int_t)usage_kind_bytes(usage, USAGE_DOCUMENT), "Partial",
        (json_int_t)usage->partial_bytes, "Budget", (json_int_t)engine->conf.max_size_bytes);

    return json_object_update_new(object, sums) < 0 ? error_no_memory(err, "disk usage") : 0;
}

int mcpd_disk_usage_json(struct mcpd_engine *engine, char **ret_object, struct mcpd_error *err)
{
    CLEANUP_USERS struct users users = {0};
    CLEANUP_USERS_NEEDS struct users_needs needs = {0};
    CLEANUP_USAGE struct usage usage = {0};
    CLEANUP_JSON json_t *object = json_object();
    int rc = users_load(engine, &users, err);

    if (rc == 0)
        rc = users_needs(&users, &needs, err);
    if (rc == 0)
        rc = users_load_usage(engine, &needs, &usage, err);
    if (rc == 0)
        rc = images_json(engine, &usage, &users, object, err);
    if (rc == 0)
        rc = containers_json(engine, &users, object, err);
    if (rc == 0)
        rc = sums_json(engine, &usage, object, err);
    return rc < 0 ? rc : engine_json_text(TAKE_PTR(object), "disk usage", ret_object, err);
}
