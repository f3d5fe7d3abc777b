/*
 * image_inprocess_refetch.c - compressed layers that were trimmed come back for who needs their
 * very bytes: a push to a registry that lacks them, a save.
 */
#include "image_inprocess_check.h"

#include "base/log.h"
#include "oci/blobs.h"
#include "oci/copies.h"
#include "registry/repair.h"

static int replaces_nothing(void *context, struct mcpd_error *err)
{
    (void)context;
    (void)err;
    return 0;
}

/* The missing ones of an image; how many. */
static size_t find_missing(const struct store *store, const struct image *image,
                           struct digest *diff_ids, struct digest *blobs)
{
    size_t count = 0;

    for (size_t i = 0; i < image->layer_count; i++) {
        if (blob_exists(store, &image->layer_digests[i]))
            continue;
        diff_ids[count] = image->config.diff_ids[i];
        blobs[count++] = image->layer_digests[i];
    }
    return count;
}

static int refetch(const struct store *store, const struct image *image,
                   const struct registry_options *options, bool *ret_is_fetched,
                   struct mcpd_error *err)
{
    CLEANUP_FREE struct digest *diff_ids = calloc(image->layer_count + 1, sizeof(*diff_ids));
    CLEANUP_FREE struct digest *blobs = calloc(image->layer_count + 1, sizeof(*blobs));
    struct reference source;
    struct repair repair = {.manifest_digest = image->manifest_digest,
                            .source = &source,
                            .before_replace = replaces_nothing};
    size_t count;

    if (!diff_ids || !blobs)
        return error_no_memory(err, "layers");
    count = find_missing(store, image, diff_ids, blobs);
    if (count == 0 || !copies_find_source(store, diff_ids, blobs, count, &source))
        return 0;
    log_debug("store", "%zu trimmed layers of %s are fetched again from %s/%s", count,
              image->id.text, source.domain, source.path);
    repair.damage = (struct ingest_damage){.blobs = blobs, .blob_count = count};
    *ret_is_fetched = true;
    return repair_image(store, &repair, options, err);
}

int image_refetch(const struct mcpd_engine *engine, const char *const *images,
                  const struct mcpd_registry_options *user, bool *ret_is_fetched,
                  struct mcpd_error *err)
{
    /* What was said about another registry, who we are and how far it is trusted, is not for the
     * one that is asked here. */
    const struct registry_options options = {
        .user = {.auth_file = user->auth_file,
                 .retry_count = user->retry_count,
                 .retry_delay_ms = user->retry_delay_ms,
                 .cancel_fd = user->cancel_fd,
                 .progress = user->progress,
                 .progress_context = user->progress_context},
        .warn = engine->warn,
        .warn_context = engine->warn_context,
    };
    CLEANUP_FD int lock_fd = -1;
    int rc = store_lock_shared(&engine->store, &lock_fd, err);

    *ret_is_fetched = false;
    for (size_t i = 0; rc == 0 && images[i]; i++) {
        struct image image;

        rc = store_find_image(&engine->store, images[i], &image, err);
        if (rc < 0)
            return rc;
        rc = refetch(&engine->store, &image, &options, ret_is_fetched, err);
        image_done(&image);
    }
    return rc;
}
