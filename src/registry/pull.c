/*
 * pull.c - see pull.h.
 *
 * Theory of operation:
 *   1. the worker pool is forked, before there are credentials in this process;
 *   2. the shared lock of the store is taken: nothing that we find there disappears;
 *   3. manifest, platform, config (resolve.c), repeated when the network fails;
 *   4. all missing layers at once: one loop moves downloads and workers (downloads.c, ingest.c);
 *   5. one commit makes blobs and layers visible and writes the tag.
 * Killed at any point, what was downloaded stays in images/partial and is taken up by the next
 * pull.
 */
#include "registry/pull.h"

#include "base/str.h"
#include "oci/copies.h"
#include "oci/layer/ingest.h"
#include "oci/storetmp.h"
#include "registry/downloads.h"
#include "registry/resolve.h"

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

static int commit(struct ingest *ingest, const struct resolved *resolved,
                  const struct reference *reference, struct mcpd_error *err)
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
    return ingest_commit(ingest, documents, count, &resolved->manifest_text.digest, reference, err);
}

/* A later push to the same registry need not send them. */
static void remember(const struct store *store, const struct resolved *resolved,
                     const struct reference *reference)
{
    char repository[REFERENCE_MAX_LENGTH + 1];

    reference_format_repository(reference, repository, sizeof(repository));
    copies_remember(store, &resolved->document.manifest, &resolved->config, repository);
}

static int pull_layers(const struct store *store, const struct worker_pool *pool,
                       struct client *client, const struct resolved *resolved,
                       struct mcpd_error *err)
{
    CLEANUP_INGEST struct ingest *ingest = NULL;
    const struct progress_sink *progress = &client->progress;
    int rc = ingest_new(store, pool, &resolved->document.manifest, &resolved->config, progress,
                        &ingest, err);

    if (rc == 0)
        rc = check_space(store, ingest, err);
    if (rc == 0)
        rc = downloads_run(client, ingest, err);
    if (rc < 0)
        return rc;
    progress_report(progress, "manifest", resolved->manifest_text.digest.text,
                    resolved->manifest_text.length, resolved->manifest_text.length);
    rc = commit(ingest, resolved, &client->reference, err);
    if (rc == 0)
        remember(store, resolved, &client->reference);
    return rc;
}

int pull_image(const struct store *store, const struct reference *reference,
               const struct registry_options *options, struct digest *ret_id,
               struct mcpd_error *err)
{
    CLEANUP_WORKER_POOL struct worker_pool pool = WORKER_POOL_NONE;
    CLEANUP_CLIENT struct client client = {0};
    CLEANUP_RESOLVED struct resolved resolved = {0};
    CLEANUP_FD int lock_fd = -1;
    char name[REFERENCE_MAX_LENGTH + 1];
    int rc = worker_pool_start(&pool, err);

    reference_format(reference, name, sizeof(name));
    if (rc == 0)
        rc = storetmp_sweep(store, err);
    if (rc == 0)
        rc = store_lock_shared(store, &lock_fd, err);
    if (rc == 0)
        rc = client_open(reference, options, &client, err);
    if (rc == 0)
        progress_report(&client.progress, "resolve", name, 0, 0);
    if (rc == 0)
        rc = resolve_image(&client, &resolved, err);
    if (rc == 0)
        rc = pull_layers(store, &pool, &client, &resolved, err);
    if (rc < 0)
        return rc;
    *ret_id = resolved.config_text.digest;
    progress_report(&client.progress, "done", ret_id->text, 0, 0);
    return 0;
}
