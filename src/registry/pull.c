/*
 * pull.c - see pull.h.
 *
 * Theory of operation:
 *   1. the worker pool is forked, before there are credentials in this process;
 *   2. the shared lock of the store is taken: nothing that we find there disappears;
 *   3. manifest, platform, config (resolve.c) from the first source that has them (sources.c),
 *      repeated when the network fails;
 *   4. within a budget, room is made, or the image is refused (store_make_room);
 *   5. all missing layers at once: one loop moves downloads and workers (downloads.c, ingest.c);
 *   6. now that it is known what they take, the budget is asked again;
 *   7. one commit makes blobs and layers visible and writes the tag.
 * Killed at any point, what was downloaded stays in images/partial and is taken up by the next
 * pull, or by one that waits for it; what was half unpacked is swept by whichever comes next.
 */
#include "registry/pull.h"

#include "base/log.h"
#include "base/str.h"
#include "oci/copies.h"
#include "oci/layer/ingest.h"
#include "oci/partials.h"
#include "oci/registriesconf.h"
#include "oci/storetmp.h"
#include "registry/downloads.h"
#include "registry/sources.h"

#include <sys/statvfs.h>

/* Better before the first byte than after the last but one. */
static int check_space(const struct store *store, const struct ingest *ingest,
                       struct mcpd_error *err)
{
    uint64_t needed = ingest_missing_bytes(ingest);
    struct statvfs fs;
    uint64_t free_bytes;
    char need_text[32], free_text[32];

    if (fstatvfs(store->root_fd, &fs) < 0)
        return error_errno(err, "ask for free space of %s", store->path);
    free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (needed <= free_bytes)
        return 0;
    str_format_bytes(needed, need_text, sizeof(need_text));
    str_format_bytes(free_bytes, free_text, sizeof(free_text));
    return error_set(err, MCPD_E_NO_SPACE,
                     "no space left on device: the layers need at least %s, %s has %s", need_text,
                     store->path, free_text);
}

/* What stays the same whatever source is asked. */
struct pull {
    const struct store *store;
    const struct reference *reference; /* the name it gets here */
    const struct registry_options *options;
    struct worker_pool pool;
    int lock_fd; /* the store's, shared */
    struct registriesconf conf;
    struct registriesconf_sources sources;
};

static void pull_done(struct pull *pull)
{
    cleanup_close_fd(&pull->lock_fd);
    worker_pool_done(&pull->pool);
    registriesconf_sources_done(&pull->sources);
    registriesconf_done(&pull->conf);
}

static int commit(const struct pull *pull, struct ingest *ingest, const struct resolved *resolved,
                  struct mcpd_error *err)
{
    const struct resolved_document *const found[] = {
        &resolved->config_text,
        &resolved->manifest_text,
        &resolved->index,
    };
    struct commit_document documents[ARRAY_SIZE(found)];
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_SIZE(found); i++)
        if (found[i]->text)
            documents[count++] = (struct commit_document){
                .digest = found[i]->digest,
                .text = found[i]->text,
                .length = found[i]->length,
            };
    return ingest_commit(ingest, documents, count, &resolved->manifest_text.digest,
                         &resolved->index.digest, pull->reference, err);
}

/* A later push to the same registry need not send them. Of a mirror too: it was asked. */
static void remember(const struct pull *pull, const struct client *client,
                     const struct resolved *resolved)
{
    char repository[REFERENCE_MAX_LENGTH + 1];

    reference_format_repository(&client->reference, repository, sizeof(repository));
    copies_remember(pull->store, &resolved->document.manifest, &resolved->config, repository);
}

/* Of the layers that are not here, compressed: what they take unpacked is at least as much. */
static uint64_t missing_bytes(const struct store *store, const struct resolved *resolved)
{
    const struct manifest *manifest = &resolved->document.manifest;
    uint64_t total = 0;

    for (size_t i = 0; i < manifest->layer_count && i < resolved->config.diff_id_count; i++)
        if (!store_has_layer(store, &resolved->config.diff_ids[i]) &&
            __builtin_add_overflow(total, manifest->layers[i].size, &total))
            return UINT64_MAX;
    return total;
}

static int make_room(const struct pull *pull, const struct resolved *resolved, uint64_t bytes,
                     bool is_last_look, struct mcpd_error *err)
{
    const struct store_room_request request = {
        .image_ids = &resolved->config_text.digest,
        .image_count = 1,
        .layers = resolved->config.diff_ids,
        .layer_count = resolved->config.diff_id_count,
        .bytes = bytes,
        .is_last_look = is_last_look,
    };

    return store_make_room(pull->store, pull->lock_fd, &request, err);
}

static int pull_layers(const struct pull *pull, struct client *client,
                       const struct resolved *resolved, struct mcpd_error *err)
{
    CLEANUP_INGEST struct ingest *ingest = NULL;
    const struct progress_sink *progress = &client->progress;
    int rc = make_room(pull, resolved, missing_bytes(pull->store, resolved), false, err);

    if (rc == 0)
        rc = ingest_new(pull->store, &pull->pool, &resolved->document.manifest, &resolved->config,
                        progress, &ingest, err);
    if (rc == 0)
        rc = check_space(pull->store, ingest, err);
    if (rc == 0)
        rc = downloads_run(client, ingest, err);
    if (rc == 0)
        rc = make_room(pull, resolved, ingest_unpacked_bytes(ingest), true, err);
    if (rc < 0)
        return rc;
    progress_report(progress, "manifest", resolved->manifest_text.digest.text,
                    resolved->manifest_text.length, resolved->manifest_text.length);
    rc = commit(pull, ingest, resolved, err);
    if (rc == 0)
        remember(pull, client, resolved);
    return rc;
}

/* Another source, which must know this very image; asking finds out how it is spoken to. */
static int turn_to(const struct pull *pull, size_t index, const struct resolved *resolved,
                   struct client *client, struct mcpd_error *err)
{
    CLEANUP_RESOLVED struct resolved again = {0};
    struct registriesconf_source source = pull->sources.list[index];
    int rc;

    source.reference.digest = resolved->manifest_text.digest;
    client_done(client);
    *client = (struct client){0};
    rc = client_open_source(&source, pull->options, client, err);
    return rc < 0 ? rc : resolve_image(client, pull->store, &again, err);
}

/* A source that had the manifest may have lost a layer: the next one goes on where it stopped. */
static int pull_from_sources(const struct pull *pull, struct client *client, size_t index,
                             const struct resolved *resolved, struct mcpd_error *err)
{
    struct mcpd_error problem = {0};
    int rc = pull_layers(pull, client, resolved, &problem);

    while (rc < 0 && sources_may_help(rc) && ++index < pull->sources.count) {
        log_debug("registries", "%s: %s", client->shown_name, problem.message);
        rc = turn_to(pull, index, resolved, client, &problem);
        if (rc == 0)
            rc = pull_layers(pull, client, resolved, &problem);
    }
    return rc < 0 ? error_copy(err, &problem) : 0;
}

static int pull_resolved(const struct pull *pull, struct digest *ret_id, struct mcpd_error *err)
{
    CLEANUP_CLIENT struct client client = {0};
    CLEANUP_RESOLVED struct resolved resolved = {0};
    const struct progress_sink progress = {pull->options->user.progress,
                                           pull->options->user.progress_context};
    char name[REFERENCE_MAX_LENGTH + 1];
    size_t index = 0;
    int rc;

    reference_format(pull->reference, name, sizeof(name));
    progress_report(&progress, "resolve", name, 0, 0);
    rc = sources_resolve(&pull->sources, pull->store, pull->reference, pull->options, &client,
                         &index, &resolved, err);
    if (rc == 0)
        rc = pull_from_sources(pull, &client, index, &resolved, err);
    resolve_forget_config(pull->store, &resolved);
    if (rc < 0)
        return rc;
    *ret_id = resolved.config_text.digest;
    progress_report(&progress, "done", ret_id->text, 0, 0);
    return 0;
}

/* podman's words for an image that cannot be had. */
static int wrap(const struct reference *reference, int rc, struct mcpd_error *err)
{
    char name[REFERENCE_MAX_LENGTH + 1];

    client_format_name(reference, name, sizeof(name));
    return error_wrap(err, rc, "initializing source docker://%s", name);
}

int pull_image(const struct store *store, const struct reference *reference,
               const struct registry_options *options, struct digest *ret_id,
               struct mcpd_error *err)
{
    CLEANUP(pull_done)
    struct pull pull = {
        .store = store,
        .reference = reference,
        .options = options,
        .pool = WORKER_POOL_NONE,
        .lock_fd = -1,
    };
    uint64_t swept_bytes = 0;
    int rc = worker_pool_start(&pull.pool, err);

    if (rc == 0)
        rc = registriesconf_load(&pull.conf, err);
    if (rc < 0)
        return rc;
    rc = registriesconf_sources(&pull.conf, reference, &pull.sources, err);
    if (rc < 0)
        return wrap(reference, rc, err);
    rc = storetmp_sweep(store, err);
    if (rc == 0)
        rc = partials_sweep(store, &swept_bytes, err);
    if (rc == 0)
        rc = store_lock_shared(store, &pull.lock_fd, err);
    if (rc == 0)
        rc = pull_resolved(&pull, ret_id, err);
    /* What a killed one has left that we have waited for; if it cannot be removed, the next one
     * says so. */
    (void)!storetmp_sweep(store, NULL);
    return rc;
}
