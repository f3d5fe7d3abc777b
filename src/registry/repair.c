/*
 * repair.c - see repair.h.
 *
 * Theory of operation. A repair is a pull in which the store says what is missing instead of the
 * registry. The manifest is known by its digest. What is made is published as a pull publishes it
 * (commit.c), except that a damaged layer changes places with the new one in one rename: before and
 * after it an image has all its layers.
 */
#include "registry/repair.h"

#include "base/fsutil.h"
#include "oci/blobs.h"
#include "oci/layer/worker.h"
#include "registry/downloads.h"
#include "registry/resolve.h"

#include <poll.h>

/* ------------------------------------------------------------------ documents */

static int read_document(const struct store *store, const struct digest *digest, size_t maximum,
                         struct resolved_document *document, struct mcpd_error *err)
{
    document->digest = *digest;
    return blob_read(store, digest, maximum, &document->text, &document->length, err);
}

/* Both are good: the caller has hashed them. */
static int read_documents(const struct store *store, const struct digest *manifest_digest,
                          struct resolved *resolved, struct mcpd_error *err)
{
    struct resolved_document *manifest = &resolved->manifest_text;
    struct resolved_document *config = &resolved->config_text;
    int rc = read_document(store, manifest_digest, MANIFEST_MAX_BYTES, manifest, err);

    if (rc == 0)
        rc = manifest_parse(manifest->text, manifest->length, NULL, &resolved->document, err);
    if (rc == 0)
        rc = read_document(store, &resolved->document.manifest.config.digest, IMAGECONFIG_MAX_BYTES,
                           config, err);
    return rc < 0 ? rc : imageconfig_parse(config->text, config->length, &resolved->config, err);
}

static int fetch_documents(struct client *client, const struct store *store,
                           const struct digest *manifest_digest, struct resolved *ret_resolved,
                           struct mcpd_error *err)
{
    client->reference.digest = *manifest_digest;
    return resolve_image(client, store, ret_resolved, err);
}

/* ------------------------------------------------------------------ layers */

/* Without a registry: only what can be made from blobs that are here. */
static int run_locally(struct ingest *ingest, struct mcpd_error *err)
{
    for (;;) {
        struct pollfd fds[INGEST_POLL_MAX];
        int timeout_ms = -1;
        nfds_t count;
        int rc = ingest_step(ingest, err);

        if (rc < 0 || ingest_is_done(ingest))
            return rc;
        for (size_t i = 0; i < ingest_count(ingest); i++)
            if (ingest_state(ingest_layer(ingest, i)) == INGEST_STATE_FETCHING)
                return error_set(err, MCPD_E_NOT_FOUND, "the compressed layer is not here");
        count = ingest_poll(ingest, fds, &timeout_ms);
        if (poll(fds, count, timeout_ms) < 0 && errno != EINTR)
            return error_errno(err, "poll");
    }
}

static int remove_blobs(const struct store *store, const struct ingest_damage *damage,
                        struct mcpd_error *err)
{
    for (size_t i = 0; i < damage->blob_count; i++) {
        int rc = fs_unlink_if_exists(store->blobs_fd, digest_hex(&damage->blobs[i]), err);

        if (rc < 0)
            return rc;
    }
    return 0;
}

static int repair_layers(const struct store *store, const struct repair *repair,
                         const struct worker_pool *pool, struct client *client,
                         const struct resolved *resolved, const struct progress_sink *progress,
                         struct mcpd_error *err)
{
    const struct commit_document documents[] = {
        {resolved->config_text.digest, resolved->config_text.text, resolved->config_text.length},
        {resolved->manifest_text.digest, resolved->manifest_text.text,
         resolved->manifest_text.length},
    };
    CLEANUP_INGEST struct ingest *ingest = NULL;
    int rc = ingest_new(store, pool, &resolved->document.manifest, &resolved->config, progress,
                        &ingest, err);

    if (rc < 0)
        return rc;
    ingest_mark_damage(ingest, &repair->damage);
    rc = client ? downloads_run(client, ingest, err) : run_locally(ingest, err);
    if (rc == 0)
        rc = repair->before_replace(repair->context, err);
    return rc < 0 ? rc
                  : ingest_commit(ingest, documents, ARRAY_SIZE(documents),
                                  &repair->manifest_digest, &resolved->index.digest, NULL, err);
}

int repair_image(const struct store *store, const struct repair *repair,
                 const struct registry_options *options, struct mcpd_error *err)
{
    const struct progress_sink progress = {options->user.progress, options->user.progress_context};
    CLEANUP_WORKER_POOL struct worker_pool pool = WORKER_POOL_NONE;
    CLEANUP_CLIENT struct client client = {0};
    CLEANUP_RESOLVED struct resolved resolved = {0};
    int rc = worker_pool_start(&pool, err);

    if (rc == 0)
        rc = remove_blobs(store, &repair->damage, err);
    if (rc == 0 && repair->source)
        rc = client_open(repair->source, options, &client, err);
    if (rc == 0 && repair->source)
        rc = fetch_documents(&client, store, &repair->manifest_digest, &resolved, err);
    else if (rc == 0)
        rc = read_documents(store, &repair->manifest_digest, &resolved, err);
    if (rc == 0)
        rc = repair_layers(store, repair, &pool, repair->source ? &client : NULL, &resolved,
                           &progress, err);
    resolve_forget_config(store, &resolved);
    return rc;
}
