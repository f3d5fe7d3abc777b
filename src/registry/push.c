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
 * What was pulled is pushed to the byte, so it keeps its digest.
 */
#include "registry/push.h"

#include "base/str.h"
#include "oci/copies.h"
#include "registry/push_plan.h"
#include "registry/uploads.h"

#include <string.h>

#define ANSWER_MAX_BYTES (64u << 10)

struct push {
    const struct store *store;
    struct push_plan plan;
    struct client client;
    struct upload *uploads; /* owned; one for each blob of the plan */
    size_t upload_count;
    struct copies *copies; /* owned; of the same index */
};

static void push_done(struct push *push)
{
    for (size_t i = 0; i < push->upload_count; i++) {
        upload_done(&push->uploads[i]);
        copies_done(&push->copies[i]);
    }
    free(push->uploads);
    free(push->copies);
    client_done(&push->client);
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

static int check_destination(const struct reference *destination, const struct push_plan *plan,
                             struct mcpd_error *err)
{
    if (digest_is_set(&destination->digest) &&
        !digest_equal(&destination->digest, &push_plan_top(plan)->digest))
        return error_set(err, MCPD_E_INVALID,
                         "Digest of source image's manifest would not match destination reference");
    return 0;
}

/* A repository of the same registry that is said to have the layer. */
static int find_mount(struct push *push, size_t index, struct mcpd_error *err)
{
    const struct push_blob *blob = &push->plan.blobs[index];
    const struct reference *destination = &push->client.reference;
    struct upload *upload = &push->uploads[index];
    const struct copy *copy;
    int rc = 0;

    if (!blob->diff_id)
        return 0;
    copies_load(push->store, blob->diff_id, &push->copies[index]);
    copy = copies_find(&push->copies[index], &upload->digest);
    if (copy)
        upload->mount_from = copy_path_on(copy, destination->domain, destination->path);
    if (upload->mount_from)
        rc = client_want(&push->client, upload->mount_from, "pull", err);
    /* From so many repositories at once: the rest is sent. */
    if (rc == -MCPD_E_LIMIT)
        upload->mount_from = NULL;
    return rc == -MCPD_E_LIMIT ? 0 : rc;
}

static int prepare_uploads(struct push *push, struct mcpd_error *err)
{
    size_t count = push->plan.blob_count;

    push->uploads = calloc(count + 1, sizeof(*push->uploads));
    push->copies = calloc(count + 1, sizeof(*push->copies));
    if (!push->uploads || !push->copies)
        return error_no_memory(err, "a push");
    for (size_t i = 0; i < count; i++) {
        const struct push_blob *blob = &push->plan.blobs[i];
        struct upload *upload = &push->uploads[push->upload_count++];
        int rc;

        upload_init(upload, &push->client, push->store, &blob->descriptor->digest,
                    blob->descriptor->size);
        upload->is_config = !blob->diff_id;
        rc = find_mount(push, i, err);
        if (rc < 0)
            return rc;
    }
    return 0;
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

static const char *media_type_of(const struct push_document *document)
{
    const char *name = document->document.kind == MANIFEST_KIND_INDEX
                           ? document->document.index.media_type
                           : document->document.manifest.media_type;
    const struct mediatype *type = mediatype_find(name);

    /* From our table: what a document calls itself does not go into a header. */
    return type ? type->name : MEDIATYPE_OCI_MANIFEST;
}

/* name: a tag or a digest. */
static int put_document(struct push *push, struct push_document *document, const char *name,
                        struct mcpd_error *err)
{
    CLEANUP_HTTP_TRANSFER struct http_transfer *transfer = NULL;
    CLEANUP_FREE char *path = str_format("manifests/%s", name);
    CLEANUP_FREE char *type = str_format("Content-Type: %s", media_type_of(document));
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

static void remember(const struct push *push)
{
    char repository[REFERENCE_MAX_LENGTH + 1];

    reference_format_repository(&push->client.reference, repository, sizeof(repository));
    for (size_t i = 0; i < push->plan.manifest_count; i++)
        copies_remember(push->store, &push->plan.manifests[i].document.manifest,
                        &push->plan.manifests[i].config, repository);
}

/* ------------------------------------------------------------------ all of it */

static int load(struct push *push, const char *image_name, const struct reference *destination,
                const struct registry_options *options, struct mcpd_error *err)
{
    CLEANUP(image_done) struct image image = {0};
    const struct digest no_index = {0};
    struct reference own;
    int rc = store_find_image(push->store, image_name, &image, err);

    if (rc == 0 && !destination) {
        rc = choose_destination(&image, image_name, &own, err);
        destination = &own;
    }
    if (rc == 0)
        rc = push_plan_load(push->store, &image.manifest_digest, &no_index, &push->plan, err);
    if (rc == 0)
        rc = check_destination(destination, &push->plan, err);
    if (rc == 0)
        rc = client_open(destination, options, &push->client, err);
    if (rc < 0)
        return rc;
    client_set_context(&push->client, "%s", "");
    return client_want(&push->client, destination->path, "push", err);
}

int push_image(const struct store *store, const char *image, const struct reference *destination,
               const struct registry_options *options, struct digest *ret_digest,
               struct mcpd_error *err)
{
    CLEANUP(push_done) struct push push = {.store = store};
    CLEANUP_FD int lock_fd = -1;
    int rc = store_lock_shared(store, &lock_fd, err);

    if (rc == 0)
        rc = load(&push, image, destination, options, err);
    if (rc == 0)
        rc = prepare_uploads(&push, err);
    if (rc == 0)
        rc = uploads_run(&push.client, push.uploads, push.upload_count, err);
    if (rc == 0)
        rc = put_documents(&push, err);
    if (rc < 0)
        return rc;
    remember(&push);
    *ret_digest = push_plan_top(&push.plan)->digest;
    progress_report(&push.client.progress, "done", ret_digest->text, 0, 0);
    return 0;
}
