/*
 * upload.c - see upload.h.
 *
 * Theory of operation:
 *
 *   CHECK ─200─────────────────────────────────────────> DONE
 *     └404─> BEGIN ─201 (mounted)──────────────────────> DONE
 *              └202─> SEND ... SEND ─202─> FINISH ─201─> DONE
 *                       │ 416, 5xx, cut      │ 5xx, cut
 *                       v                    v
 *                      ASK ─204─> SEND      CHECK ─404─> ASK
 *
 * What is packed starts with PACK: until all of it is there, if it is small, and then like any
 * other blob; else until the first megabytes are there, and is sent in one PATCH of unknown length.
 * A small blob goes from BEGIN to FINISH, with its bytes in the PUT. A large one is sent as one
 * PATCH of all that is left, as docker does it (some registries take no more than one), or of less
 * once the registry has called that too much (413). After a cut we believe nobody but the registry:
 * ASK tells how much has arrived, and whether there is still a place at all; if not, the upload
 * begins anew. After a cut in FINISH, and when a place has gone, the blob may be there already,
 * hence CHECK.
 *
 * Attempts are counted as for downloads: a megabyte more than ever before makes up for them.
 */
#include "registry/upload.h"

#include "base/clock.h"
#include "base/str.h"
#include "oci/blobs.h"
#include "registry/upload_place.h"

#include <stdlib.h>
#include <string.h>

#define MONOLITHIC_BYTES (4u << 20)  /* at most, in one PUT */
#define PIECE_BYTES      (64u << 20) /* once all at once was too much */
#define PIECE_MINIMUM    (1u << 20)
#define GOOD_PIECE_BYTES (1u << 20)
#define ANSWER_MAX_BYTES (64u << 10)
#define FINISH_TIMEOUT_S 300 /* a registry may hash all of it before it answers */

static const char *const blob_headers[] = {"Content-Type: application/octet-stream", NULL};

void upload_init(struct upload *upload, const struct client *client, const struct store *store,
                 const struct digest *digest, uint64_t size)
{
    *upload = (struct upload){
        .digest = *digest,
        .size = size,
        .name = digest->text,
        .state = UPLOAD_STATE_CHECK,
        .piece_limit = UINT64_MAX,
        .progress = &client->progress,
        .is_here = blob_exists(store, digest),
    };
    upload_source_init(&upload->source, store, digest, size);
}

static void forget_result(struct upload *upload)
{
    upload->digest = (struct digest){0};
    upload->size = UPLOAD_SIZE_UNKNOWN;
}

void upload_init_packing(struct upload *upload, const struct worker_pool *pool, int empty_fd,
                         const struct compressor_options *options, const struct digest *diff_id,
                         const struct digest *known, uint64_t known_size)
{
    upload->source.pool = pool;
    upload->source.empty_fd = empty_fd;
    upload->source.options = *options;
    upload->diff_id = diff_id;
    upload->name = diff_id->text;
    upload->state = known ? UPLOAD_STATE_CHECK : UPLOAD_STATE_PACK;
    forget_result(upload);
    if (known) {
        upload->digest = *known;
        upload->size = known_size;
    }
}

void upload_done(struct upload *upload)
{
    http_transfer_free(TAKE_PTR(upload->transfer));
    upload_source_close(&upload->source);
    free(TAKE_PTR(upload->place));
}

static void report(const struct upload *upload, const char *operation, uint64_t bytes)
{
    progress_report(upload->progress, upload->is_config ? "config" : operation, upload->name, bytes,
                    upload->size == UPLOAD_SIZE_UNKNOWN ? 0 : upload->size);
}

/* ------------------------------------------------------------------ requests */

static void describe(struct upload *upload, const char *doing)
{
    (void)snprintf(upload->what, sizeof(upload->what), "writing blob %s: %s", upload->name, doing);
}

void upload_describe_check(const struct client *client, struct upload *upload)
{
    char repository[REFERENCE_MAX_LENGTH + 1];

    reference_format_repository(&client->reference, repository, sizeof(repository));
    (void)snprintf(upload->what, sizeof(upload->what), "checking whether a blob %s exists in %s",
                   upload->digest.text, repository);
    report(upload, "upload", 0);
}

/* Bytes of the source from the present offset on. */
static int read_piece(void *context, uint64_t offset, void *buffer, size_t size, size_t *ret_count,
                      struct mcpd_error *err)
{
    struct upload *upload = context;
    uint64_t start = upload->offset + offset;
    int rc = upload_source_read(&upload->source, start, buffer, size, ret_count, err);

    if (rc == 0 && *ret_count != HTTP_SOURCE_LATER)
        report(upload, "upload", start + *ret_count);
    return rc;
}

static int start_check(struct upload *upload, struct client *client, struct mcpd_error *err)
{
    CLEANUP_FREE char *path = str_format("blobs/%s", upload->digest.text);
    const struct client_request request = {.method = HTTP_METHOD_HEAD, .path = path};

    if (!path)
        return error_no_memory(err, "a request");
    upload_describe_check(client, upload);
    return client_start(client, &request, &upload->transfer, err);
}

static int start_begin(struct upload *upload, struct client *client, struct mcpd_error *err)
{
    CLEANUP_FREE char *path =
        upload->mount_from
            ? str_format("blobs/uploads/?mount=%s&from=%s", upload->digest.text, upload->mount_from)
            : strdup("blobs/uploads/");
    const struct client_request request = {
        .method = HTTP_METHOD_POST,
        .path = path,
        .maximum_bytes = ANSWER_MAX_BYTES,
    };

    if (!path)
        return error_no_memory(err, "a request");
    describe(upload, "initiating layer upload");
    return client_start(client, &request, &upload->transfer, err);
}

static int start_send(struct upload *upload, struct client *client, struct mcpd_error *err)
{
    bool is_open = upload->size == UPLOAD_SIZE_UNKNOWN;
    uint64_t left = upload->size - upload->offset;
    CLEANUP_FREE char *range = NULL;
    const char *headers[] = {blob_headers[0], NULL, NULL};
    struct client_request request = {
        .method = HTTP_METHOD_PATCH,
        .url = upload->place,
        .headers = headers,
        .maximum_bytes = ANSWER_MAX_BYTES,
        .source = read_piece,
        .source_context = upload,
        .is_fresh = upload->is_fresh,
        .stall_timeout_s = FINISH_TIMEOUT_S,
    };

    upload->piece_bytes = left < upload->piece_limit ? left : upload->piece_limit;
    request.source_bytes = is_open ? HTTP_LENGTH_UNKNOWN : upload->piece_bytes;
    if (!is_open && upload->piece_bytes < upload->size) {
        range = str_format("Content-Range: %llu-%llu", (unsigned long long)upload->offset,
                           (unsigned long long)(upload->offset + upload->piece_bytes - 1));
        if (!range)
            return error_no_memory(err, "a request");
        headers[1] = range;
    }
    describe(upload, "uploading layer chunked");
    return client_start(client, &request, &upload->transfer, err);
}

static int start_finish(struct upload *upload, struct client *client, struct mcpd_error *err)
{
    CLEANUP_FREE char *url = upload_place_with_digest(upload->place, &upload->digest);
    const struct client_request request = {
        .method = HTTP_METHOD_PUT,
        .url = url,
        .headers = blob_headers,
        .maximum_bytes = ANSWER_MAX_BYTES,
        .source = upload->offset < upload->size ? read_piece : NULL,
        .source_context = upload,
        .source_bytes = upload->size - upload->offset,
        .is_repeatable = true,
        .stall_timeout_s = FINISH_TIMEOUT_S,
    };

    if (!url)
        return error_no_memory(err, "a request");
    describe(upload, "uploading layer");
    return client_start(client, &request, &upload->transfer, err);
}

static int start_ask(struct upload *upload, struct client *client, struct mcpd_error *err)
{
    const struct client_request request = {
        .method = HTTP_METHOD_GET,
        .url = upload->place,
        .maximum_bytes = ANSWER_MAX_BYTES,
    };

    describe(upload, "asking how much has arrived");
    return client_start(client, &request, &upload->transfer, err);
}

int upload_start(struct upload *upload, struct client *client, struct mcpd_error *err)
{
    upload->generation = client->auth.generation;
    switch (upload->state) {
    case UPLOAD_STATE_CHECK:
        return start_check(upload, client, err);
    case UPLOAD_STATE_BEGIN:
        return start_begin(upload, client, err);
    case UPLOAD_STATE_SEND:
        return start_send(upload, client, err);
    case UPLOAD_STATE_FINISH:
        return start_finish(upload, client, err);
    case UPLOAD_STATE_ASK:
        return start_ask(upload, client, err);
    case UPLOAD_STATE_PACK:
    case UPLOAD_STATE_DONE:
        break;
    }
    return error_set(err, MCPD_E_INTERNAL, "an upload is started that has nothing to ask");
}

/* ------------------------------------------------------------------ what is packed */

/* All of it has come out. */
static int settle(struct upload *upload, struct mcpd_error *err)
{
    const struct packer_result *result = &upload->source.result;

    if (!upload->source.pool || !upload->source.is_ended || upload->size != UPLOAD_SIZE_UNKNOWN)
        return 0;
    if (!digest_equal(&result->diff_id, upload->diff_id))
        return error_set(err, MCPD_E_CORRUPT,
                         "a layer of the store is damaged: its tar should be %s and is %s",
                         upload->diff_id->text, result->diff_id.text);
    upload->digest = result->digest;
    upload->size = result->bytes;
    return 0;
}

/* A small layer is done before anything is sent: it can be asked for. */
int upload_pack(struct upload *upload, bool *ret_is_ready, struct mcpd_error *err)
{
    int rc = upload_source_fill(&upload->source, ret_is_ready, err);

    if (rc == 0)
        rc = settle(upload, err);
    if (rc < 0 || !*ret_is_ready)
        return rc;
    upload->state = upload->size == UPLOAD_SIZE_UNKNOWN ? UPLOAD_STATE_BEGIN : UPLOAD_STATE_CHECK;
    report(upload, "upload", 0);
    return 0;
}

/* Is it to be packed, and has that not begun? */
static bool must_pack(const struct upload *upload)
{
    return upload->source.pool && !upload->source.window;
}

/* ------------------------------------------------------------------ answers */

static void finish_well(struct upload *upload, bool was_sent)
{
    upload->state = UPLOAD_STATE_DONE;
    upload_source_close(&upload->source);
    report(upload, was_sent ? "upload" : "exists", upload->size);
}

/* It has no place there any more: from the beginning. */
static int start_over(struct upload *upload, struct client *client, struct mcpd_error *err)
{
    free(TAKE_PTR(upload->place));
    upload->offset = 0;
    upload->was_resumed = false;
    /* It may be gone because it is done. */
    upload->state = digest_is_set(&upload->digest) ? UPLOAD_STATE_CHECK : UPLOAD_STATE_BEGIN;
    client->last = (struct retry_reason){.is_retryable = true};
    return error_set(err, MCPD_E_PROTOCOL, "%s: the registry has lost the upload", upload->what);
}

/* How much has arrived has to be found out. */
static int ask_again(struct upload *upload, struct client *client, const char *why,
                     struct mcpd_error *err)
{
    upload->state = UPLOAD_STATE_ASK;
    client->last = (struct retry_reason){.is_retryable = true};
    return error_set(err, MCPD_E_PROTOCOL, "%s: %s", upload->what, why);
}

/* Where the next request goes to: a new Location, or where this one went. */
static int take_place(struct upload *upload, const struct http_response *response,
                      struct mcpd_error *err)
{
    CLEANUP_FREE char *location = NULL;
    char *url = NULL;
    int rc = http_copy_header(upload->transfer, "Location", &location, err);

    if (rc < 0 || (!location && upload->place))
        return rc;
    rc = upload_place_parse(response->url, location, &url, err);
    if (rc < 0)
        return error_wrap(err, rc, "%s", upload->what);
    free(upload->place);
    upload->place = url;
    return 0;
}

/* What an answer to SEND or ASK says: where to go on, and how much has arrived. *ret_is_said is
 * false when it has no Range that makes sense. */
static int take_progress(struct upload *upload, const struct http_response *response,
                         bool *ret_is_said, uint64_t *ret_bytes, struct mcpd_error *err)
{
    CLEANUP_FREE char *range = NULL;
    int rc = take_place(upload, response, err);

    if (rc == 0)
        rc = settle(upload, err);
    if (rc == 0)
        rc = http_copy_header(upload->transfer, "Range", &range, err);
    *ret_is_said = rc == 0 && upload_range_parse(range, ret_bytes);
    return rc;
}

static void go_on_from(struct upload *upload, uint64_t offset)
{
    if (offset >= upload->best_offset + GOOD_PIECE_BYTES) {
        upload->best_offset = offset;
        upload->attempt = 0;
    }
    upload->offset = offset;
    upload->state = offset == upload->size ? UPLOAD_STATE_FINISH : UPLOAD_STATE_SEND;
    report(upload, "upload", offset);
}

int upload_take_check(struct upload *upload, struct client *client, bool is_there,
                      struct mcpd_error *err)
{
    char repository[REFERENCE_MAX_LENGTH + 1];

    if (is_there) {
        finish_well(upload, false);
        return 0;
    }
    if (!upload->is_here && !upload->mount_from) {
        reference_format_repository(&client->reference, repository, sizeof(repository));
        return error_set(err, MCPD_E_STATE,
                         "blob %s is neither in %s nor in the store any more: remove the image and "
                         "pull it again before it is pushed",
                         upload->digest.text, repository);
    }
    if (upload->mount_from || !must_pack(upload)) {
        upload->state = upload->place ? UPLOAD_STATE_ASK : UPLOAD_STATE_BEGIN;
        return 0;
    }
    forget_result(upload);
    upload->state = UPLOAD_STATE_PACK;
    return 0;
}

static int take_begin(struct upload *upload, struct client *client,
                      const struct http_response *response, struct mcpd_error *err)
{
    int rc;

    if (response->status == 201 && upload->mount_from) {
        finish_well(upload, false);
        return 0;
    }
    upload->mount_from = NULL;
    if (!upload->is_here || must_pack(upload))
        return upload_take_check(upload, client, false, err);
    rc = take_place(upload, response, err);
    if (rc < 0)
        return rc;
    upload->offset = 0;
    upload->state = upload->size <= MONOLITHIC_BYTES ? UPLOAD_STATE_FINISH : UPLOAD_STATE_SEND;
    return 0;
}

static int take_send(struct upload *upload, struct client *client,
                     const struct http_response *response, struct mcpd_error *err)
{
    bool was_open = upload->size == UPLOAD_SIZE_UNKNOWN;
    uint64_t sent_to, arrived = 0;
    bool is_said = false;
    int rc = take_progress(upload, response, &is_said, &arrived, err);

    if (rc < 0)
        return rc;
    if (upload->size == UPLOAD_SIZE_UNKNOWN)
        return ask_again(upload, client, "an answer before the end", err);
    sent_to = was_open ? upload->size : upload->offset + upload->piece_bytes;
    if (!is_said || arrived == 0)
        arrived = sent_to;
    /* Nothing more: only right when there was nothing left. */
    if (arrived > sent_to || arrived < upload->offset ||
        (arrived == upload->offset && arrived != upload->size))
        return start_over(upload, client, err);
    go_on_from(upload, arrived);
    return 0;
}

static int take_ask(struct upload *upload, struct client *client,
                    const struct http_response *response, struct mcpd_error *err)
{
    uint64_t arrived = 0;
    bool is_said = false;
    int rc = take_progress(upload, response, &is_said, &arrived, err);

    if (rc < 0)
        return rc;
    if (!is_said || arrived > upload->size)
        return start_over(upload, client, err);
    upload->was_resumed = true;
    go_on_from(upload, arrived);
    return 0;
}

static int take_finish(struct upload *upload, const struct http_response *response,
                       struct mcpd_error *err)
{
    if (response->digest && !str_equal(response->digest, upload->digest.text))
        return error_set(err, MCPD_E_PROTOCOL, "%s: the registry stored it as %.100s", upload->what,
                         response->digest);
    finish_well(upload, true);
    return 0;
}

static int take_success(struct upload *upload, struct client *client,
                        const struct http_response *response, struct mcpd_error *err)
{
    upload->is_renewed = false;
    if (upload->state == UPLOAD_STATE_SEND)
        upload->is_fresh = false;
    switch (upload->state) {
    case UPLOAD_STATE_CHECK:
        return upload_take_check(upload, client, true, err);
    case UPLOAD_STATE_BEGIN:
        return take_begin(upload, client, response, err);
    case UPLOAD_STATE_SEND:
        return take_send(upload, client, response, err);
    case UPLOAD_STATE_FINISH:
        return take_finish(upload, response, err);
    case UPLOAD_STATE_ASK:
        return take_ask(upload, client, response, err);
    case UPLOAD_STATE_PACK:
    case UPLOAD_STATE_DONE:
        break;
    }
    return 0;
}

/* ------------------------------------------------------------------ what goes wrong */

/* After a cut or a busy server: what is to be done when we are back. */
static void come_back(struct upload *upload)
{
    /* By a new connection then: a kept one may have been closed. */
    upload->is_fresh = upload->is_fresh || upload->state == UPLOAD_STATE_SEND;
    if (upload->state == UPLOAD_STATE_SEND)
        upload->state = UPLOAD_STATE_ASK;
    else if (upload->state == UPLOAD_STATE_FINISH)
        upload->state = UPLOAD_STATE_CHECK;
}

/* Sent in less at a time from now on, if that is possible. */
static bool make_smaller(struct upload *upload)
{
    uint64_t sent = upload->state == UPLOAD_STATE_FINISH ? upload->size : upload->piece_bytes;

    if (sent <= PIECE_MINIMUM || upload->size == UPLOAD_SIZE_UNKNOWN)
        return false;
    upload->piece_limit = sent > 2 * PIECE_BYTES ? PIECE_BYTES : sent / 2;
    if (upload->piece_limit < PIECE_MINIMUM)
        upload->piece_limit = PIECE_MINIMUM;
    upload->state = UPLOAD_STATE_ASK;
    return true;
}

/* A PATCH that met a connection which had been closed: no attempt of its own. */
static bool is_only_stale(const struct upload *upload, const struct http_transfer *transfer)
{
    return http_failure_of(transfer) == HTTP_FAILURE_STALE && !upload->is_fresh;
}

static bool is_gone(const struct upload *upload, int status)
{
    if (!upload->place)
        return false;
    if (upload->state == UPLOAD_STATE_ASK)
        return status == 400 || status == 404 || status == 405 || status == 410 || status == 501;
    return status == 404 || status == 410 || (status == 400 && upload->was_resumed);
}

/* Returns 0 when it may go on at once. */
static int take_refusal(struct upload *upload, struct client *client,
                        const struct http_response *response, struct mcpd_error *err)
{
    int status = response->status;
    bool is_sending = upload->state == UPLOAD_STATE_SEND || upload->state == UPLOAD_STATE_FINISH;
    int rc;

    if (upload->state == UPLOAD_STATE_CHECK && status == 404)
        return upload_take_check(upload, client, false, err);
    if (upload->state == UPLOAD_STATE_BEGIN && upload->mount_from && status >= 400 &&
        status < 500 && status != 429) {
        upload->mount_from = NULL; /* not from there, then */
        return upload_take_check(upload, client, false, err);
    }
    if (is_sending && status == 413 && make_smaller(upload))
        return 0;
    if (is_sending && status == 416)
        return ask_again(upload, client, "range not satisfiable", err);
    if (is_gone(upload, status))
        return start_over(upload, client, err);
    rc = client_judge_status(client, response, upload->what, err);
    come_back(upload);
    return rc;
}

static int take_response(struct upload *upload, struct client *client,
                         const struct http_response *response, struct mcpd_error *err)
{
    if (response->status >= 200 && response->status < 300)
        return take_success(upload, client, response, err);
    if (response->status == 401 && !response->is_foreign && !upload->is_renewed) {
        int rc = client_renew(client, response, upload->generation, &upload->is_renewed, err);

        if (rc < 0)
            return error_wrap(err, rc, "%s", upload->what);
        if (upload->is_renewed)
            return 0;
    }
    return take_refusal(upload, client, response, err);
}

int upload_finish(struct upload *upload, struct client *client, struct mcpd_error *err)
{
    CLEANUP_HTTP_TRANSFER struct http_transfer *transfer = upload->transfer;
    const struct http_response *response = NULL;
    struct mcpd_error problem = {0};
    unsigned int delay_ms = 0;
    bool is_check = upload->state == UPLOAD_STATE_CHECK;
    int rc;

    client->last = (struct retry_reason){0};
    if (http_result(transfer, &response, &problem) < 0) {
        rc = client_judge_failure(client, transfer, &problem);
        rc = is_only_stale(upload, transfer) ? 0 : error_wrap(&problem, rc, "%s", upload->what);
        come_back(upload);
    } else {
        rc = take_response(upload, client, response, &problem);
    }
    upload->transfer = NULL;
    if (rc == 0)
        return 0;
    if (is_check)
        rc = error_wrap(&problem, rc, UPLOAD_CHECK_CONTEXT, upload->digest.text);
    if (!client_retry(client, &upload->attempt, &problem, &delay_ms))
        return error_copy(err, &problem);
    upload->not_before_ms = clock_monotonic_ms() + delay_ms;
    return 0;
}
