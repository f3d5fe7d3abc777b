/*
 * commit.c - from finished pieces under temporary names to an image with a name.
 *
 * Theory of operation. Power may fail between any two system calls, and afterwards every name must
 * lead to whole data. A rename may reach the disk long before the data it names, so:
 *
 *   1. all data is written under temporary names: layers below tmp/, downloads in images/partial/,
 *      manifest, config and the layers' descriptions here;
 *   2. one syncfs brings all of it to the disk, whatever the number of files;
 *   3. blobs, then layers, are renamed into place;
 *   4. the folders that hold the new names are synced;
 *   5. the tag is written: synced file, rename, synced folder; several of them in one instant
 *      (tags_batch.h).
 *
 * Cut before 5, nothing but unused, whole objects are left: the next pull takes them up,
 * store_collect removes them. Removing goes the other way round: the tag first, synced, then
 * what it named. Step 4 is done even when this commit renamed nothing: the blob that we found
 * may have been renamed by a process that has not come to its own step 4.
 */
#include "oci/commit.h"

#include "base/fault.h"
#include "base/fsutil.h"
#include "oci/blobs.h"
#include "oci/layers.h"
#include "oci/storetmp.h"

#include <string.h>
#include <unistd.h>

/* Here, and not only in an additional store: that one may go, and we would not know what our image
 * was. Also false for a damaged one, which is then replaced. */
static bool is_there(const struct store *store, const struct commit_document *document)
{
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;

    return blob_is_own(store, &document->digest) &&
           blob_read(store, &document->digest, document->length, &text, &length, NULL) == 0 &&
           length == document->length && memcmp(text, document->text, length) == 0;
}

static int write_documents(const struct store *store, const struct commit *commit,
                           const struct storetmp *tmp, size_t *ret_new_count,
                           struct mcpd_error *err)
{
    for (size_t i = 0; i < commit->document_count; i++) {
        const struct commit_document *document = &commit->documents[i];
        int rc;

        if (is_there(store, document))
            continue;
        rc = fs_write_file(tmp->dir_fd, digest_hex(&document->digest), document->text,
                           document->length, 0600, 0, err);
        if (rc < 0)
            return rc;
        (*ret_new_count)++;
    }
    return 0;
}

static int publish_documents(const struct store *store, const struct commit *commit,
                             const struct storetmp *tmp, struct mcpd_error *err)
{
    for (size_t i = 0; i < commit->document_count; i++) {
        const struct digest *digest = &commit->documents[i].digest;
        int rc;

        if (!fs_exists(tmp->dir_fd, digest_hex(digest)))
            continue;
        rc = blob_publish(store, tmp->dir_fd, digest_hex(digest), digest, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int describe_layers(const struct store *store, const struct commit *commit,
                           struct mcpd_error *err)
{
    for (size_t i = 0; i < commit->layer_count; i++) {
        const struct commit_layer *layer = &commit->layers[i];
        int rc = layers_describe(store, layer->tmp_name, &layer->diff_id, &layer->sizes, err);

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Blobs first: a layer that is there is never fetched again, and a blob that waited for its name
 * behind it would wait for ever. */
static int publish_partials_and_layers(const struct store *store, const struct commit *commit,
                                       struct mcpd_error *err)
{
    for (size_t i = 0; i < commit->partial_count; i++) {
        const struct digest *digest = &commit->partials[i];
        int rc = blob_publish(store, store->partial_fd, digest_hex(digest), digest, err);

        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < commit->layer_count; i++) {
        const struct commit_layer *layer = &commit->layers[i];
        int rc = layers_publish(store, layer->tmp_name, &layer->diff_id, layer->replaces, err);

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Steps 1 to 4. */
static int publish_content(const struct store *store, const struct commit *commit,
                           struct mcpd_error *err)
{
    CLEANUP_STORETMP struct storetmp tmp = STORETMP_NONE;
    size_t new_count = commit->layer_count + commit->partial_count;
    int rc = storetmp_create(store, "commit", &tmp, err);

    if (rc == 0)
        rc = write_documents(store, commit, &tmp, &new_count, err);
    if (rc == 0)
        rc = describe_layers(store, commit, err);
    FAULT_POINT("content-written");
    if (rc == 0 && new_count > 0 && syncfs(store->root_fd) < 0)
        return error_errno(err, "sync the store");
    FAULT_POINT("content-synced");
    if (rc == 0)
        rc = publish_partials_and_layers(store, commit, err);
    if (rc == 0)
        rc = publish_documents(store, commit, &tmp, err);
    FAULT_POINT("content-published");
    if (rc == 0)
        rc = fs_sync_dir(store->layers_fd, err);
    if (rc == 0)
        rc = fs_sync_dir(store->blobs_fd, err);
    FAULT_POINT("folders-synced");
    return rc;
}

static int give_names(const struct store *store, const struct commit *commit,
                      struct mcpd_error *err)
{
    size_t count = 1 + commit->further_count;
    CLEANUP_FREE struct store_name *names = calloc(count, sizeof(*names));

    if (!names)
        return error_no_memory(err, "names of images");
    names[0] = (struct store_name){commit->name, commit->manifest_digest, commit->index_digest};
    memcpy(names + 1, commit->further, commit->further_count * sizeof(*names));
    return store_tag_all(store, names, count, err);
}

int store_commit(const struct store *store, const struct commit *commit, struct mcpd_error *err)
{
    int rc = publish_content(store, commit, err);

    if (rc < 0)
        return rc;
    return commit->further_count > 0 ? give_names(store, commit, err)
                                     : store_tag(store, commit->name, &commit->manifest_digest,
                                                 &commit->index_digest, err);
}
