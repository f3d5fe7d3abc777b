/*
 * downloads.c - see downloads.h.
 *
 * Theory of operation: a layer in state FETCHING has a transfer, or is waiting for a slot or for
 * the end of a pause. A transfer that breaks is followed by one that begins where the bytes end
 * (Range, always closed: some registries answer 416 to an open one). A server that ignores the
 * range sends everything, and we step over what we have; one that does not like it (416), or sends
 * another range than we asked for, is asked for everything. What two transfers have brought may be
 * pieces of two contents: ingest is told, and begins again when the digest does not fit. Attempts
 * that bring a good piece (1 MiB) are not counted against the limit.
 */
#include "registry/downloads.h"

#include "base/clock.h"
#include "oci/manifest.h"

#include <stdlib.h>

#define GOOD_PIECE_BYTES (1u << 20)

struct download {
    struct ingest_layer *layer;
    struct http_transfer *transfer; /* NULL: none under way */
    uint64_t offset;                /* the transfer was to begin here */
    uint64_t skip;                  /* bytes of it to step over */
    uint64_t length_before;         /* bytes we had when it began */
    uint64_t length_after;          /* and with what it has brought */
    unsigned int attempt;
    unsigned int generation; /* of the token it was asked with */
    int64_t not_before_ms;
    bool no_range;
    bool is_wrong_range; /* the transfer answered with another one than was asked for */
    bool is_renewed;     /* a 401 was answered once since the last bytes came */
};

struct downloads {
    struct client *client;
    struct ingest *ingest;
    struct download *list; /* one per layer; owned */
    size_t count;
    unsigned int active;
};

static void downloads_done(struct downloads *downloads)
{
    for (size_t i = 0; i < downloads->count; i++)
        http_transfer_free(downloads->list[i].transfer);
    free(downloads->list);
}

/* ------------------------------------------------------------------ bytes */

static int begin(void *context, const struct http_response *response, struct mcpd_error *err)
{
    struct download *download = context;
    uint64_t first = 0;

    if (response->status == 206)
        first = response->has_content_range ? response->range_first : download->offset;
    download->is_wrong_range = first > download->length_before;
    if (download->is_wrong_range)
        return error_set(err, MCPD_E_PROTOCOL, "the registry left out bytes of the range");
    download->skip = download->length_before - first;
    return 0;
}

static int sink(void *context, const void *bytes, size_t count, struct mcpd_error *err)
{
    struct download *download = context;
    size_t skipped = download->skip < count ? (size_t)download->skip : count;
    int rc;

    download->skip -= skipped;
    if (skipped == count)
        return 0;
    rc = ingest_write(download->layer, (const char *)bytes + skipped, count - skipped, err);
    download->length_after = ingest_length(download->layer);
    return rc;
}

static int start(struct downloads *downloads, struct download *download, struct mcpd_error *err)
{
    const struct descriptor *descriptor = ingest_descriptor(download->layer);
    int rc;

    download->length_before = ingest_length(download->layer);
    download->length_after = download->length_before;
    download->offset = download->no_range ? 0 : download->length_before;
    download->skip = 0;
    download->generation = downloads->client->auth.generation;
    download->is_wrong_range = false;
    if (download->length_before > 0)
        ingest_continue(download->layer);
    rc = client_start_blob(downloads->client, &descriptor->digest, download->offset,
                           descriptor->size, begin, sink, download, &download->transfer, err);
    if (rc == 0)
        downloads->active++;
    return rc;
}

/* ------------------------------------------------------------------ the end of a transfer */

/* Another attempt after a pause, or the end of everything. problem: why. */
static int retry(struct downloads *downloads, struct download *download,
                 const struct mcpd_error *problem, struct mcpd_error *err)
{
    unsigned int delay_ms = 0;

    if (!client_retry(downloads->client, &download->attempt, problem, &delay_ms))
        return error_copy(err, problem);
    download->not_before_ms = clock_monotonic_ms() + delay_ms;
    return 0;
}

/* 0: it went well, or may go on at once; else why it did not. */
static int judge_status(struct downloads *downloads, struct download *download,
                        const struct http_response *response, struct mcpd_error *err)
{
    const struct descriptor *descriptor = ingest_descriptor(download->layer);
    bool is_success = response->status == 200 || response->status == 206;

    if (is_success && download->length_after == descriptor->size)
        return 0;
    if (is_success) {
        downloads->client->last = retry_of_failure(HTTP_FAILURE_BROKEN);
        return error_set(err, MCPD_E_NETWORK, "unexpected EOF: got %llu of %llu bytes",
                         (unsigned long long)download->length_after,
                         (unsigned long long)descriptor->size);
    }
    if (response->status == 416 && download->offset > 0) {
        download->no_range = true;
        return 0;
    }
    if (response->status == 401 && !response->is_foreign && !download->is_renewed) {
        int rc = client_renew(downloads->client, response, download->generation,
                              &download->is_renewed, err);

        if (rc < 0 || download->is_renewed)
            return rc;
    }
    return client_judge_status(downloads->client, response, "registry", err);
}

static int finish(struct downloads *downloads, struct download *download, struct mcpd_error *err)
{
    CLEANUP_HTTP_TRANSFER struct http_transfer *transfer = TAKE_PTR(download->transfer);
    const struct http_response *response = NULL;
    struct mcpd_error problem = {0};
    int rc = 0;

    downloads->active--;
    if (download->length_after - download->length_before >= GOOD_PIECE_BYTES) {
        download->attempt = 0;
        download->is_renewed = false;
    }
    if (download->is_wrong_range && !download->no_range) {
        download->no_range = true;
        return 0;
    }
    if (http_result(transfer, &response, &problem) < 0)
        rc = client_judge_failure(downloads->client, transfer, &problem);
    else
        rc = judge_status(downloads, download, response, &problem);
    if (rc == 0)
        return 0;
    rc = error_wrap(&problem, rc, "reading blob %s",
                    ingest_descriptor(download->layer)->digest.text);
    return rc < 0 ? retry(downloads, download, &problem, err) : 0;
}

/* ------------------------------------------------------------------ the loop */

/* Ends and begins transfers. *timeout_ms becomes shorter when a pause ends earlier. */
static int manage(struct downloads *downloads, int *timeout_ms, struct mcpd_error *err)
{
    for (size_t i = 0; i < downloads->count; i++) {
        struct download *download = &downloads->list[i];
        int64_t pause_ms;
        int rc = 0;

        if (download->transfer && http_is_done(download->transfer)) {
            rc = finish(downloads, download, err);
            *timeout_ms = 0; /* the layer may be complete: look again at once */
        }
        if (rc < 0)
            return rc;
        if (download->transfer || ingest_state(download->layer) != INGEST_STATE_FETCHING ||
            ingest_length(download->layer) == ingest_descriptor(download->layer)->size)
            continue;
        pause_ms = download->not_before_ms - clock_monotonic_ms();
        if (pause_ms > 0 && (*timeout_ms < 0 || pause_ms < *timeout_ms))
            *timeout_ms = (int)pause_ms;
        if (pause_ms <= 0 && downloads->active < DOWNLOADS_AT_ONCE)
            rc = start(downloads, download, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int run(struct downloads *downloads, struct mcpd_error *err)
{
    for (;;) {
        struct pollfd fds[INGEST_POLL_MAX];
        size_t fd_count;
        int timeout_ms = -1;
        int rc = ingest_step(downloads->ingest, err);

        if (rc < 0 || ingest_is_done(downloads->ingest))
            return rc;
        fd_count = ingest_poll(downloads->ingest, fds, &timeout_ms);
        rc = manage(downloads, &timeout_ms, err);
        if (rc == 0)
            rc = http_wait(downloads->client->http, fds, fd_count, timeout_ms, err);
        if (rc < 0)
            return rc;
    }
}

int downloads_run(struct client *client, struct ingest *ingest, struct mcpd_error *err)
{
    CLEANUP(downloads_done) struct downloads downloads = {.client = client, .ingest = ingest};

    downloads.list = calloc(ingest_count(ingest) + 1, sizeof(*downloads.list));
    if (!downloads.list)
        return error_no_memory(err, "layers");
    for (size_t i = 0; i < ingest_count(ingest); i++)
        downloads.list[downloads.count++].layer = ingest_layer(ingest, i);
    return run(&downloads, err);
}
