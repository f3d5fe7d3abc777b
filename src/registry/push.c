/*
 * push.c - see push.h.
 *
 * Theory of operation:
 *   1. the shared lock of the store is taken: nothing that we found there disappears;
 *   2. documents and blobs to be brought are listed (push_plan.c), with what is known of where the
 *      registry has them already (copies.h);
 *   3. all blobs side by side: asked for, mounted from another repository, or sent (uploads.c);
 *   4. the manifests by their digests, and last of all what the name shall stand for: a reader of
 *      the registry sees a whole image or the one before;
 *   5. what is there now is remembered for the next push.
 * What was pulled is pushed to the byte, so it keeps its digest. Where something is to look
 * otherwise at the other end (push_format.c), its layers are packed on the way, in processes of
 * their own, and the manifest is written anew at the end.
 */
#include "registry/push.h"

#include "base/log.h"
#include "base/str.h"
#include "oci/copies.h"
#include "oci/storetmp.h"
#include "registry/push_format.h"
#include "registry/push_plan.h"
#include "registry/uploads.h"

#include <string.h>

#define ANSWER_MAX_BYTES (64u << 10)

struct push {
    const struct store *store;
    struct push_plan plan;
    struct push_look look;
    struct worker_pool pool;
    struct storetmp tmp; /* an empty folder for the packers */
    struct client client;
    struct upload *uploads; /* owned; one for each blob of the plan */
    size_t upload_count;
};

static void push_done(struct push *push)
{
    for (size_t i = 0; i < push->upload_count; i++)
        upload_done(&push->uploads[i]);
    free(push->uploads);
    client_done(&push->client);
    worker_pool_done(&push->pool);
    storetmp_done(&push->tmp);
    push_look_done(&push->look);
    push_plan_done(&push->plan);
}

/* ------------------------------------------------------------------ before the network */

/* Its own name, when nothing else is said. */
static int choose_destination(const struct image *image, const char *name,
                              struct reference *ret_destination, struct mcpd_error *err)
{
    char *const *names = image->names && image->names[0] ? image->names : image->digest_names;

    if (image->has_all_names || !names || !names[0])
        return error_set(err, MCPD_E_INVALID,
                         "%s is the id of an image: say where it is to be pushed to", name);
    return reference_parse(names[0], ret_destination, err);
}

static int check_destination(const struct push *push, const struct reference *destination,
                             struct mcpd_error *err)
{
    if (digest_is_set(&destination->digest) &&
        !digest_equal(&destination->digest, &push_plan_top(&push->plan)->digest))
        return error_set(err, MCPD_E_INVALID,
                         "Digest of source image's manifest would not match destination reference");
    return 0;
}

/* A repository of the same registry that is said to have the blob. */
static int find_mount(struct push *push, const struct copy *copy, struct upload *upload,
                      struct mcpd_error *err)
{
    const struct reference *destination = &push->client.reference;
    int rc = 0;

    if (copy)
        upload->mount_from = copy_path_on(copy, destination->domain, destination->path);
    if (upload->mount_from)
        rc = client_want(&push->client, upload->mount_from, "pull", err);
    if (rc != -MCPD_E_LIMIT)
        return rc;
    /* From so many repositories at once: the rest is sent. */
    upload->mount_from = NULL;
    return 0;
}

/* What is asked for before anything is packed: the result of an earlier time, or its own blob,
 * where that only is not here. NULL: nothing. */
static const struct copy *find_packed(const struct push *push, const struct push_item *item,
                                      const struct digest *own)
{
    const struct copy *packed = copies_find_packed(&item->copies, item->packing);
    char repository[REFERENCE_MAX_LENGTH + 1];

    if (!item->is_replaced)
        return packed;
    reference_format_repository(&push->client.reference, repository, sizeof(repository));
    return packed && strv_contains(packed->repositories, repository)
               ? packed
               : copies_find(&item->copies, own);
}

static int prepare_upload(struct push *push, size_t index, struct mcpd_error *err)
{
    const struct push_blob *blob = &push->plan.blobs[index];
    const struct push_item *item = &push->look.items[index];
    const struct digest *own = &blob->descriptor->digest;
    struct upload *upload = &push->uploads[index];
    const struct copy *copy;

    if (!item->is_packed) {
        upload_init(upload, &push->client, push->store, own, blob->descriptor->size);
        copy = copies_find(&item->copies, own);
    } else {
        copy = find_packed(push, item, own);
        upload_init(upload, &push->client, push->store, item->source, item->source_size);
        upload_init_packing(upload, &push->pool, push->tmp.dir_fd, &item->compression,
                            blob->diff_id, copy ? &copy->digest : NULL, copy ? copy->size : 0);
    }
    upload->is_config = !blob->diff_id;
    return find_mount(push, copy, upload, err);
}

static int prepare_uploads(struct push *push, struct mcpd_error *err)
{
    size_t count = push->plan.blob_count;
    int rc = 0;

    push->uploads = calloc(count + 1, sizeof(*push->uploads));
    if (!push->uploads)
        return error_no_memory(err, "a push");
    for (size_t i = 0; i < count && rc == 0; i++) {
        push->upload_count++;
        rc = prepare_upload(push, i, err);
    }
    return rc;
}

/* ------------------------------------------------------------------ documents */

static int read_document(void *context, uint64_t offset, void *buffer, size_t size,
                         size_t *ret_count, struct mcpd_error *err)
{
    const struct push_document *document = context;

    (void)err;
    memcpy(buffer, document->text + offset, size);
    *ret_count = size;
    return 0;
}

/* name: a tag or a digest. */
static int put_document(struct push *push, struct push_document *document, const char *name,
                        struct mcpd_error *err)
{
    CLEANUP_HTTP_TRANSFER struct http_transfer *transfer = NULL;
    CLEANUP_FREE char *path = str_format("manifests/%s", name);
    CLEANUP_FREE char *type = str_format("Content-Type: %s", document->type);
    const char *const headers[] = {type, NULL};
    const struct client_request request = {
        .method = HTTP_METHOD_PUT,
        .path = path,
        .headers = headers,
        .maximum_bytes = ANSWER_MAX_BYTES,
        .source = read_document,
        .source_context = document,
        .source_bytes = document->length,
        .is_repeatable = true,
    };
    const struct http_response *response = NULL;
    char repository[REFERENCE_MAX_LENGTH + 1];
    char what[REFERENCE_MAX_LENGTH + 256];
    int rc;

    if (!path || !type)
        return error_no_memory(err, "a request");
    reference_format_repository(&push->client.reference, repository, sizeof(repository));
    (void)snprintf(what, sizeof(what), "writing manifest: uploading manifest %s to %s", name,
                   repository);
    rc = client_call(&push->client, &request, what, &transfer, &response, err);
    if (rc == 0 && response->digest && !str_equal(response->digest, document->digest.text))
        return error_set(err, MCPD_E_PROTOCOL, "%s: the registry stored it as %.100s instead of %s",
                         what, response->digest, document->digest.text);
    return rc;
}

static int put_documents(struct push *push, struct mcpd_error *err)
{
    const struct reference *destination = &push->client.reference;
    struct push_plan *plan = &push->plan;
    bool has_index = plan->index.text != NULL;
    struct push_document *top = has_index ? &plan->index : &plan->manifests[0];
    int rc = 0;

    for (size_t i = 0; has_index && i < plan->manifest_count && rc == 0; i++)
        rc = put_document(push, &plan->manifests[i], plan->manifests[i].digest.text, err);
    if (rc == 0)
        rc = put_document(push, top, *destination->tag ? destination->tag : top->digest.text, err);
    if (rc == 0)
        progress_report(&push->client.progress, "manifest", top->digest.text, top->length,
                        top->length);
    return rc;
}

/* Only what is not here was replaced; who asked for another form knows. */
static void warn_of_replaced(const struct push *push)
{
    const struct registry_options *options = push->client.options;
    size_t count = 0;
    char line[200];

    for (size_t i = 0; i < push->plan.blob_count; i++)
        count += push->look.items[i].is_replaced &&
                 !digest_equal(&push->uploads[i].digest, &push->plan.blobs[i].descriptor->digest);
    if (count == 0 || !options->warn)
        return;
    (void)snprintf(line, sizeof(line),
                   "%zu of the layers are in the store only in another form than the image names: "
                   "they were packed anew, and the image has another digest there",
                   count);
    options->warn(options->warn_context, line);
}

static void remember(const struct push *push)
{
    char repository[REFERENCE_MAX_LENGTH + 1];
    char *repositories[] = {repository, NULL};

    reference_format_repository(&push->client.reference, repository, sizeof(repository));
    for (size_t i = 0; i < push->plan.blob_count; i++) {
        const struct push_item *item = &push->look.items[i];
        char packing[sizeof(item->packing)];
        const struct copy copy = {
            .digest = push->uploads[i].digest,
            .size = push->uploads[i].size,
            .packing = item->is_packed ? packing : NULL,
            .repositories = repositories,
        };
        struct mcpd_error problem = {0};

        memcpy(packing, item->packing, sizeof(packing));
        if (push->plan.blobs[i].diff_id &&
            copies_add(push->store, push->plan.blobs[i].diff_id, &copy, &problem) < 0)
            log_debug("registry", "%s", problem.message);
    }
}

/* ------------------------------------------------------------------ all of it */

/* What is to be pushed, and how it is to look there. An index goes with its manifests as they are.
 */
static int load_plan(struct push *push, const struct image *image,
                     const struct push_options *options, struct mcpd_error *err)
{
    const struct digest no_index = {0};
    int rc = push_plan_load(push->store, &image->manifest_digest, &image->index_digest, &push->plan,
                            err);

    if (rc == 0)
        rc = push_look_decide(push->store, &push->plan, options, &push->look, err);
    if (rc < 0 || !push->look.is_changed || !push->plan.index.text)
        return rc;
    push_look_done(&push->look);
    push_plan_done(&push->plan);
    rc = push_plan_load(push->store, &image->manifest_digest, &no_index, &push->plan, err);
    if (rc == 0)
        rc = push_look_decide(push->store, &push->plan, options, &push->look, err);
    return rc;
}

/* What one that was killed has left in tmp/ goes first. */
static int prepare_packing(struct push *push, struct mcpd_error *err)
{
    int rc = storetmp_sweep(push->store, err);

    if (rc == 0)
        rc = worker_pool_start(&push->pool, err);
    return rc < 0 ? rc : storetmp_create(push->store, "push", &push->tmp, err);
}

/* The pool of packers is forked before there are credentials in this process. */
static int begin(struct push *push, const char *image_name, const struct reference *destination,
                 const struct push_options *options, const struct registry_options *registry,
                 struct mcpd_error *err)
{
    CLEANUP(image_done) struct image image = {0};
    struct reference own;
    int rc = store_find_image(push->store, image_name, &image, err);

    if (rc == 0 && !destination) {
        rc = choose_destination(&image, image_name, &own, err);
        destination = &own;
    }
    if (rc == 0)
        rc = load_plan(push, &image, options, err);
    if (rc == 0 && !push->look.is_changed)
        rc = check_destination(push, destination, err);
    if (rc == 0 && push->look.needs_packing)
        rc = prepare_packing(push, err);
    if (rc == 0)
        rc = client_open(destination, registry, &push->client, err);
    if (rc < 0)
        return rc;
    client_set_context(&push->client, "%s", "");
    return client_want(&push->client, destination->path, "push", err);
}

static int send(struct push *push, struct mcpd_error *err)
{
    int rc = prepare_uploads(push, err);

    if (rc == 0)
        rc = uploads_run(&push->client, push->uploads, push->upload_count, err);
    if (rc == 0 && push->look.is_changed)
        rc = push_look_apply(&push->look, push->uploads, &push->plan, err);
    if (rc == 0)
        rc = check_destination(push, &push->client.reference, err);
    return rc == 0 ? put_documents(push, err) : rc;
}

int push_image(const struct store *store, const char *image, const struct reference *destination,
               const struct push_options *options, const struct registry_options *registry,
               struct digest *ret_digest, struct mcpd_error *err)
{
    CLEANUP(push_done)
    struct push push = {.store = store, .pool = WORKER_POOL_NONE, .tmp = STORETMP_NONE};
    CLEANUP_FD int lock_fd = -1;
    int rc = store_lock_shared(store, &lock_fd, err);

    if (rc == 0)
        rc = begin(&push, image, destination, options, registry, err);
    if (rc == 0)
        rc = send(&push, err);
    if (rc < 0)
        return rc;
    warn_of_replaced(&push);
    remember(&push);
    *ret_digest = push_plan_top(&push.plan)->digest;
    progress_report(&push.client.progress, "done", ret_digest->text, 0, 0);
    return 0;
}
