/*
 * ingest.c - see ingest.h: the layers of one image, or of several, together.
 *
 * Theory of operation. Every layer runs through WAITING, FETCHING, FETCHED, DONE; ingest_step moves
 * each as far as it goes. The locks of the partial files are taken in the order of the digests, and
 * none before the one in front of it: two processes that pull images with common layers can then
 * wait for each other's layers without a deadlock, and each layer is downloaded once. A lock is
 * held until the image is committed (or given up), because only then the blob has its name.
 *
 * The largest layers come first: what is left alone at the end should be small.
 */
#include "oci/layer/ingest.h"

#include "base/str.h"
#include "oci/layer/implied.h"
#include "oci/layer/ingest_layer.h"

#include <signal.h>
#include <string.h>

#define LOCK_POLL_MS 100

struct ingest {
    const struct store *store;
    struct ingest_image *images; /* owned array */
    size_t image_count;
    struct ingest_layer *layers; /* owned; largest first */
    size_t count;
    struct ingest_layer **lock_order; /* owned array */
    size_t next_lock;                 /* of lock_order */
    unsigned int worker_limit;
    struct sigaction old_sigpipe;
};

/* ------------------------------------------------------------------ making it */

static int compare_sizes(const void *a, const void *b)
{
    const struct ingest_layer *left = a, *right = b;

    if (left->descriptor->size != right->descriptor->size)
        return left->descriptor->size < right->descriptor->size ? 1 : -1;
    return strcmp(left->descriptor->digest.text, right->descriptor->digest.text);
}

static int compare_digests(const void *a, const void *b)
{
    const struct ingest_layer *const *left = a, *const *right = b;

    return strcmp((*left)->descriptor->digest.text, (*right)->descriptor->digest.text);
}

/* The same layer may stand in an image several times, or in several images: it is one piece of
 * work. *ret_is_new tells. */
static int check_twice(const struct ingest *ingest, const struct descriptor *descriptor,
                       const struct digest *diff_id, bool *ret_is_new, struct mcpd_error *err)
{
    *ret_is_new = true;
    for (size_t i = 0; i < ingest->count; i++) {
        const struct ingest_layer *other = &ingest->layers[i];
        bool is_same_blob = digest_equal(&other->descriptor->digest, &descriptor->digest);

        if (is_same_blob && !digest_equal(&other->diff_id, diff_id))
            return error_set(err, MCPD_E_CORRUPT,
                             "layer %s stands twice in the manifest, with different contents in "
                             "the config",
                             descriptor->digest.text);
        if (is_same_blob || digest_equal(&other->diff_id, diff_id))
            *ret_is_new = false;
    }
    return 0;
}

static int add_layers(struct ingest *ingest, const struct worker_pool *pool,
                      const struct manifest *manifest, const struct imageconfig *config,
                      const struct progress_sink *progress, struct mcpd_error *err)
{
    for (size_t i = 0; i < manifest->layer_count; i++) {
        const struct descriptor *descriptor = &manifest->layers[i];
        struct ingest_layer *layer = &ingest->layers[ingest->count];
        bool is_new = false;
        int rc = check_twice(ingest, descriptor, &config->diff_ids[i], &is_new, err);

        if (rc < 0)
            return rc;
        if (!is_new)
            continue;
        ingest_layer_init(layer);
        layer->store = ingest->store;
        layer->pool = pool;
        layer->progress = progress;
        layer->descriptor = descriptor;
        layer->diff_id = config->diff_ids[i];
        ingest->count++;
        if (store_has_layer(ingest->store, &layer->diff_id)) {
            layer->state = INGEST_STATE_DONE;
            progress_report(progress, "exists", descriptor->digest.text, descriptor->size,
                            descriptor->size);
        }
    }
    return 0;
}

static void ignore_sigpipe(struct ingest *ingest)
{
    struct sigaction ignore;

    memset(&ignore, 0, sizeof(ignore));
    ignore.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &ignore, &ingest->old_sigpipe);
}

static int check_image(const struct ingest_image *image, struct mcpd_error *err)
{
    if (image->manifest->layer_count == image->config->diff_id_count)
        return 0;
    return error_set(err, MCPD_E_CORRUPT,
                     "the manifest has %zu layers, but the config speaks of %zu",
                     image->manifest->layer_count, image->config->diff_id_count);
}

static int add_images(struct ingest *ingest, const struct worker_pool *pool,
                      const struct progress_sink *progress, struct mcpd_error *err)
{
    size_t count = 0;

    for (size_t i = 0; i < ingest->image_count; i++)
        count += ingest->images[i].manifest->layer_count;
    ingest->layers = calloc(count + 1, sizeof(*ingest->layers));
    ingest->lock_order = calloc(count + 1, sizeof(struct ingest_layer *));
    if (!ingest->layers || !ingest->lock_order)
        return error_no_memory(err, "layers");
    for (size_t i = 0; i < ingest->image_count; i++) {
        const struct ingest_image *image = &ingest->images[i];
        int rc = check_image(image, err);

        if (rc == 0)
            rc = add_layers(ingest, pool, image->manifest, image->config, progress, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int ingest_new_images(const struct store *store, const struct worker_pool *pool,
                      const struct ingest_image *images, size_t image_count,
                      const struct progress_sink *progress, struct ingest **ret_ingest,
                      struct mcpd_error *err)
{
    CLEANUP_INGEST struct ingest *ingest = calloc(1, sizeof(*ingest));
    int rc;

    if (!ingest)
        return error_no_memory(err, "layers");
    ignore_sigpipe(ingest);
    ingest->store = store;
    ingest->worker_limit = worker_limit();
    ingest->images = calloc(image_count + 1, sizeof(*images));
    if (!ingest->images)
        return error_no_memory(err, "layers");
    if (image_count > 0)
        memcpy(ingest->images, images, image_count * sizeof(*images));
    ingest->image_count = image_count;
    rc = add_images(ingest, pool, progress, err);
    if (rc < 0)
        return rc;
    qsort(ingest->layers, ingest->count, sizeof(*ingest->layers), compare_sizes);
    for (size_t i = 0; i < ingest->count; i++)
        ingest->lock_order[i] = &ingest->layers[i];
    qsort(ingest->lock_order, ingest->count, sizeof(struct ingest_layer *), compare_digests);
    *ret_ingest = TAKE_PTR(ingest);
    return 0;
}

int ingest_new(const struct store *store, const struct worker_pool *pool,
               const struct manifest *manifest, const struct imageconfig *config,
               const struct progress_sink *progress, struct ingest **ret_ingest,
               struct mcpd_error *err)
{
    const struct ingest_image image = {manifest, config};

    return ingest_new_images(store, pool, &image, 1, progress, ret_ingest, err);
}

void ingest_mark_damage(struct ingest *ingest, const struct ingest_damage *damage)
{
    for (size_t i = 0; i < ingest->count; i++) {
        struct ingest_layer *layer = &ingest->layers[i];
        bool wants_blob =
            digest_is_in(damage->blobs, damage->blob_count, &layer->descriptor->digest);

        layer->replaces = digest_is_in(damage->layers, damage->layer_count, &layer->diff_id);
        layer->is_blob_only = layer->state == INGEST_STATE_DONE && !layer->replaces && wants_blob;
        if (layer->replaces || layer->is_blob_only)
            layer->state = INGEST_STATE_WAITING;
    }
}

static void set_streamed(struct ingest *ingest, bool is_streamed)
{
    for (size_t i = 0; i < ingest->count; i++)
        ingest->layers[i].is_streamed = is_streamed;
}

void ingest_set_stream(struct ingest *ingest)
{
    set_streamed(ingest, true);
}

void ingest_free(struct ingest *ingest)
{
    if (!ingest)
        return;
    for (size_t i = 0; i < ingest->count; i++)
        worker_end_input(&ingest->layers[i].worker);
    for (size_t i = 0; i < ingest->count; i++)
        ingest_layer_done(&ingest->layers[i]);
    (void)sigaction(SIGPIPE, &ingest->old_sigpipe, NULL);
    free(ingest->lock_order);
    free(ingest->layers);
    free(ingest->images);
    free(ingest);
}

/* ------------------------------------------------------------------ looking at it */

size_t ingest_count(const struct ingest *ingest)
{
    return ingest->count;
}

struct ingest_layer *ingest_layer(struct ingest *ingest, size_t index)
{
    return &ingest->layers[index];
}

enum ingest_state ingest_state(const struct ingest_layer *layer)
{
    return layer->state;
}

const struct descriptor *ingest_descriptor(const struct ingest_layer *layer)
{
    return layer->descriptor;
}

uint64_t ingest_length(const struct ingest_layer *layer)
{
    return layer->length;
}

bool ingest_is_done(const struct ingest *ingest)
{
    for (size_t i = 0; i < ingest->count; i++)
        if (ingest->layers[i].state != INGEST_STATE_DONE)
            return false;
    return true;
}

uint64_t ingest_missing_bytes(const struct ingest *ingest)
{
    uint64_t total = 0;

    for (size_t i = 0; i < ingest->count; i++) {
        const struct ingest_layer *layer = &ingest->layers[i];
        bool is_missing =
            layer->state == INGEST_STATE_WAITING || layer->state == INGEST_STATE_FETCHING;
        uint64_t left = is_missing ? layer->descriptor->size - layer->length : 0;

        total = left > UINT64_MAX - total ? UINT64_MAX : total + left;
    }
    return total;
}

uint64_t ingest_unpacked_bytes(const struct ingest *ingest)
{
    uint64_t total = 0;

    for (size_t i = 0; i < ingest->count; i++)
        if (ingest->layers[i].is_unpacked)
            total += ingest->layers[i].result.disk_bytes;
    return total;
}

static bool has_new_blob(const struct ingest_layer *layer)
{
    return !layer->is_stored_blob &&
           (layer->is_unpacked || (layer->is_blob_only && layer->fd >= 0));
}

uint64_t ingest_blob_bytes(const struct ingest *ingest)
{
    uint64_t total = 0;

    for (size_t i = 0; i < ingest->count; i++)
        if (has_new_blob(&ingest->layers[i]))
            total += ingest->layers[i].length;
    return total;
}

size_t ingest_poll(struct ingest *ingest, struct pollfd *fds, int *ret_timeout_ms)
{
    size_t count = 0;

    *ret_timeout_ms = -1;
    for (size_t i = 0; i < ingest->count; i++) {
        const struct ingest_layer *layer = &ingest->layers[i];

        if (layer->state == INGEST_STATE_WAITING)
            *ret_timeout_ms = LOCK_POLL_MS;
        if (!ingest_layer_has_worker(layer) || count + 2 > INGEST_POLL_MAX)
            continue;
        fds[count++] = (struct pollfd){.fd = layer->worker.result_fd, .events = POLLIN};
        if (layer->worker.input_fd >= 0 && layer->fed < layer->length)
            fds[count++] = (struct pollfd){.fd = layer->worker.input_fd, .events = POLLOUT};
    }
    return count;
}

/* ------------------------------------------------------------------ moving it on */

static int claim_next(struct ingest *ingest, struct mcpd_error *err)
{
    for (; ingest->next_lock < ingest->count; ingest->next_lock++) {
        struct ingest_layer *layer = ingest->lock_order[ingest->next_lock];
        bool is_busy = false;
        int rc = 0;

        if (layer->state == INGEST_STATE_WAITING)
            rc = ingest_layer_claim(layer, &is_busy, err);
        if (rc < 0)
            return rc;
        if (is_busy)
            return 0;
    }
    return 0;
}

/* A layer that was begun again waits for its lock out of turn. */
static int claim_again(struct ingest *ingest, struct ingest_layer *layer, struct mcpd_error *err)
{
    bool is_busy = false;

    if (layer->state != INGEST_STATE_WAITING || ingest->next_lock < ingest->count)
        return 0;
    return ingest_layer_claim(layer, &is_busy, err);
}

static bool has_result(const struct ingest_layer *layer)
{
    struct pollfd fd = {.fd = layer->worker.result_fd, .events = POLLIN};

    return layer->worker.result_fd >= 0 && poll(&fd, 1, 0) > 0;
}

static int step_layer(struct ingest *ingest, struct ingest_layer *layer, struct mcpd_error *err)
{
    int rc = claim_again(ingest, layer, err);

    if (rc == 0 && layer->state == INGEST_STATE_FETCHING &&
        layer->length == layer->descriptor->size)
        rc = ingest_layer_verify(layer, err);
    if (rc == 0)
        rc = ingest_layer_feed(layer, err);
    if (rc == 0 && has_result(layer))
        rc = ingest_layer_collect(layer, err);
    return rc;
}

static int start_workers(struct ingest *ingest, struct mcpd_error *err)
{
    unsigned int active = 0;

    for (size_t i = 0; i < ingest->count; i++)
        active += ingest_layer_has_worker(&ingest->layers[i]);
    for (size_t i = 0; i < ingest->count && active < ingest->worker_limit; i++) {
        struct ingest_layer *layer = &ingest->layers[i];
        int rc;

        if (!ingest_layer_wants_worker(layer))
            continue;
        rc = ingest_layer_start_worker(layer, err);
        if (rc == 0)
            rc = ingest_layer_feed(layer, err);
        if (rc < 0)
            return rc;
        active++;
    }
    return 0;
}

int ingest_step(struct ingest *ingest, struct mcpd_error *err)
{
    int rc = claim_next(ingest, err);

    for (size_t i = 0; i < ingest->count && rc == 0; i++)
        rc = step_layer(ingest, &ingest->layers[i], err);
    return rc < 0 ? rc : start_workers(ingest, err);
}

/* ------------------------------------------------------------------ making it visible */

/* The new layer of a diff_id; NULL when it was in the store. */
static struct ingest_layer *find_new(struct ingest *ingest, const struct digest *diff_id)
{
    for (size_t i = 0; i < ingest->count; i++)
        if (ingest->layers[i].is_unpacked && digest_equal(&ingest->layers[i].diff_id, diff_id))
            return &ingest->layers[i];
    return NULL;
}

/* Of layers that several images share the first image decides. */
static int adopt_implied(struct ingest *ingest, const struct imageconfig *config,
                         struct mcpd_error *err)
{
    CLEANUP_FREE struct implied_layer *layers = calloc(config->diff_id_count + 1, sizeof(*layers));
    bool is_needed = false;

    if (!layers)
        return error_no_memory(err, "layers");
    for (size_t i = 0; i < config->diff_id_count; i++) {
        struct ingest_layer *layer = find_new(ingest, &config->diff_ids[i]);

        layers[i].root_fd = ingest->store->root_fd;
        if (!layer) {
            layers[i].root_fd = store_of_layer(ingest->store, &config->diff_ids[i])->root_fd;
            store_layer_path(&config->diff_ids[i], layers[i].path);
            continue;
        }
        (void)snprintf(layers[i].path, sizeof(layers[i].path), "tmp/%s/fs", layer->tmp.name);
        if (layer->is_adopted)
            continue;
        layer->is_adopted = true;
        layers[i].paths = layer->result.implied;
        layers[i].bytes = layer->result.implied_bytes;
        is_needed |= layers[i].bytes > 0;
    }
    return is_needed ? implied_adopt(layers, config->diff_id_count, err) : 0;
}

int ingest_commit_images(struct ingest *ingest, const struct commit_document *documents,
                         size_t document_count, const struct store_name *names, size_t name_count,
                         struct mcpd_error *err)
{
    CLEANUP_FREE struct commit_layer *layers = calloc(ingest->count + 1, sizeof(*layers));
    CLEANUP_FREE struct digest *partials = calloc(ingest->count + 1, sizeof(*partials));
    struct commit commit = {
        .layers = layers,
        .partials = partials,
        .documents = documents,
        .document_count = document_count,
        .manifest_digest = names[0].manifest_digest,
        .index_digest = names[0].index_digest,
        .name = names[0].name,
        .further = names + 1,
        .further_count = name_count - 1,
    };

    int rc = 0;

    if (!layers || !partials)
        return error_no_memory(err, "layers");
    for (size_t i = 0; i < ingest->image_count; i++) {
        rc = adopt_implied(ingest, ingest->images[i].config, err);

        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < ingest->count; i++) {
        const struct ingest_layer *layer = &ingest->layers[i];

        if (layer->state != INGEST_STATE_DONE)
            return error_set(err, MCPD_E_INTERNAL, "layer %s is not finished",
                             layer->descriptor->digest.text);
        if (layer->is_unpacked)
            layers[commit.layer_count++] = (struct commit_layer){
                .tmp_name = layer->tmp.name,
                .diff_id = layer->diff_id,
                .sizes = {layer->result.file_bytes, layer->result.disk_bytes,
                          layer->result.tar_bytes},
                .replaces = layer->replaces,
            };
        if (has_new_blob(layer))
            partials[commit.partial_count++] = layer->descriptor->digest;
    }
    rc = store_commit(ingest->store, &commit, err);
    /* What was a partial file has its name as a blob now. */
    if (rc == 0)
        set_streamed(ingest, false);
    return rc;
}

int ingest_commit(struct ingest *ingest, const struct commit_document *documents,
                  size_t document_count, const struct digest *manifest_digest,
                  const struct digest *index_digest, const struct reference *name,
                  struct mcpd_error *err)
{
    const struct store_name names[] = {{name, *manifest_digest, *index_digest}};

    return ingest_commit_images(ingest, documents, document_count, names, ARRAY_SIZE(names), err);
}
