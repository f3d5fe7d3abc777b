/*
 * budget.c - see budget.h.
 *
 * Theory of operation: everything is decided on the numbers of usage.h, which are kept up to date
 * while blobs and images go. A blob is one unlink: whoever is killed behind it has an image that
 * lacks a compressed layer, as one whose layer was here before it came. An image goes by its names,
 * as with rmi; a collection that is never made is made by the next removal.
 */
#include "oci/budget.h"

#include "base/fault.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/str.h"

#include <string.h>

/* ---------------------------------------------------------------- what may go */

static bool may_trim(const struct usage_object *object, bool by_force)
{
    return object->kind == USAGE_BLOB && object->bytes > 0 &&
           (by_force ? object->is_spare : object->is_fetchable);
}

static uint64_t held_bytes(const struct usage *usage)
{
    uint64_t total = 0;

    for (size_t i = 0; i < usage->object_count; i++) {
        const struct usage_object *object = &usage->objects[i];

        total += object->image_count > 0 || object->is_pinned ? object->bytes : 0;
    }
    return total;
}

bool budget_can_fit(const struct budget *budget, const struct usage *usage)
{
    uint64_t total = 0;

    for (size_t i = 0; i < usage->object_count; i++) {
        const struct usage_object *object = &usage->objects[i];

        total += object->is_pinned && !may_trim(object, false) ? object->bytes : 0;
    }
    return total <= budget->max_bytes && budget->needed_bytes <= budget->max_bytes - total;
}

static uint64_t excess_bytes(const struct budget *budget, const struct usage *usage)
{
    uint64_t total = held_bytes(usage);

    if (__builtin_add_overflow(total, budget->needed_bytes, &total))
        return UINT64_MAX;
    return total > budget->max_bytes ? total - budget->max_bytes : 0;
}

bool budget_is_exceeded(const struct budget *budget, const struct usage *usage)
{
    return excess_bytes(budget, usage) > 0;
}

/* ---------------------------------------------------------------- compressed layers */

void trimming_done(struct trimming *trimming)
{
    strv_free(trimming->digests);
    *trimming = (struct trimming){0};
}

static int trim_blob(const struct store *store, struct usage_object *object,
                     struct trimming *trimming, struct mcpd_error *err)
{
    int rc = fs_unlink_if_exists(store->blobs_fd, digest_hex(&object->digest), err);

    FAULT_POINT("blob-trimmed");
    if (rc < 0)
        return rc;
    log_debug("store", "trimmed %s", object->digest.text);
    trimming->freed_bytes += object->bytes;
    object->bytes = 0;
    return strv_append(&trimming->digests, object->digest.text) < 0
               ? error_no_memory(err, "list of what was deleted")
               : 0;
}

int trim_image(const struct store *store, const struct usage_image *image, bool by_force,
               struct trimming *trimming, struct mcpd_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < image->object_count; i++) {
        struct usage_object *object = image->objects[i];

        if (may_trim(object, by_force)) {
            rc = trim_blob(store, object, trimming, err);
        } else if (object->kind == USAGE_BLOB && object->bytes > 0) {
            trimming->kept_count++;
            trimming->kept_bytes += object->bytes;
        }
    }
    return rc;
}

/* ---------------------------------------------------------------- images */

static int compare_uses(const void *a, const void *b)
{
    const struct usage_image *left = *(const struct usage_image *const *)a;
    const struct usage_image *right = *(const struct usage_image *const *)b;
    const struct timespec *l = &left->last_used, *r = &right->last_used;

    if (l->tv_sec != r->tv_sec)
        return l->tv_sec < r->tv_sec ? -1 : 1;
    if (l->tv_nsec != r->tv_nsec)
        return l->tv_nsec < r->tv_nsec ? -1 : 1;
    return digest_compare(&left->id, &right->id);
}

/* What becomes free with it. */
static uint64_t let_go(const struct usage_image *image)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < image->object_count; i++) {
        struct usage_object *object = image->objects[i];

        object->image_count--;
        bytes += object->image_count == 0 && !object->is_pinned ? object->bytes : 0;
    }
    return bytes;
}

/* All of them lose their names together. */
static int evict(const struct store *store, const struct budget *budget, struct usage *usage,
                 struct usage_image **order, bool *ret_collects, struct mcpd_error *err)
{
    CLEANUP_FREE struct digest *ids = calloc(usage->image_count + 1, sizeof(*ids));
    const uint64_t excess = excess_bytes(budget, usage);
    uint64_t freed_bytes = 0;
    size_t count = 0;
    int rc;

    if (!ids)
        return error_no_memory(err, "images");
    for (size_t i = 0; i < usage->image_count && freed_bytes < excess; i++) {
        if (order[i]->is_pinned)
            continue;
        freed_bytes += let_go(order[i]);
        ids[count++] = order[i]->id;
        order[i]->is_evicted = true;
    }
    if (count == 0)
        return 0;
    qsort(ids, count, sizeof(*ids), digest_compare);
    rc = store_remove_images(store, ids, count, NULL, err);
    FAULT_POINT("images-evicted");
    for (size_t i = 0; rc == 0 && i < usage->image_count; i++)
        if (order[i]->is_evicted)
            budget->evicted(budget->context, order[i]);
    *ret_collects = rc == 0;
    return rc;
}

static int make_room(const struct store *store, const struct budget *budget, struct usage *usage,
                     struct usage_image **order, bool *ret_collects, struct mcpd_error *err)
{
    CLEANUP_TRIMMING struct trimming trimming = {0};
    const uint64_t excess = excess_bytes(budget, usage);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < usage->image_count && trimming.freed_bytes < excess; i++)
        rc = trim_image(store, order[i], false, &trimming, err);
    if (rc == 0 && trimming.freed_bytes > 0)
        rc = fs_sync_dir(store->blobs_fd, err);
    return rc < 0 ? rc : evict(store, budget, usage, order, ret_collects, err);
}

int budget_make_room(const struct store *store, const struct budget *budget, struct usage *usage,
                     bool *ret_collects, struct mcpd_error *err)
{
    CLEANUP_FREE struct usage_image **order =
        calloc(usage->image_count + 1, sizeof(struct usage_image *));

    *ret_collects = false;
    if (!order)
        return error_no_memory(err, "images");
    for (size_t i = 0; i < usage->image_count; i++)
        order[i] = &usage->images[i];
    qsort(order, usage->image_count, sizeof(struct usage_image *), compare_uses);
    return make_room(store, budget, usage, order, ret_collects, err);
}
