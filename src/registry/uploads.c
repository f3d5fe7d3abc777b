/* uploads.c - see uploads.h. */
#include "registry/uploads.h"

#include "base/clock.h"
#include "base/str.h"

#include <string.h>

/* The first request of all, until it has an answer. */
static int probe(struct client *client, struct upload *upload, struct mcpd_error *err)
{
    CLEANUP_HTTP_TRANSFER struct http_transfer *transfer = NULL;
    CLEANUP_FREE char *path = str_format("blobs/%s", upload->digest.text);
    const struct client_request request = {.method = HTTP_METHOD_HEAD, .path = path};
    const struct http_response *response = NULL;
    struct mcpd_error problem = {0};
    int rc;

    if (!path)
        return error_no_memory(err, "a request");
    upload_describe_check(client, upload);
    client_set_context(client, UPLOAD_CHECK_CONTEXT, upload->digest.text);
    rc = client_call(client, &request, upload->what, &transfer, &response, &problem);
    if (rc < 0 && rc != -MCPD_E_NOT_FOUND)
        return client_wrap(client, error_copy(err, &problem), err);
    client_set_context(client, "%s", "");
    return upload_take_check(upload, client, rc == 0, err);
}

struct loop {
    struct client *client;
    struct upload *uploads;
    size_t count;
    unsigned int active;
    bool is_done;
};

/* Ends a request, begins the next one. *timeout_ms becomes shorter when a pause ends earlier. */
static int move_on(struct loop *loop, struct upload *upload, int *timeout_ms,
                   struct mcpd_error *err)
{
    int64_t pause_ms;
    int rc = 0;

    if (upload->transfer && http_is_done(upload->transfer)) {
        loop->active--;
        *timeout_ms = 0; /* somebody may wait for its place */
        rc = upload_finish(upload, loop->client, err);
    }
    if (rc < 0 || upload->state == UPLOAD_STATE_DONE)
        return rc;
    loop->is_done = false;
    pause_ms = upload->not_before_ms - clock_monotonic_ms();
    if (upload->transfer || loop->active >= UPLOADS_AT_ONCE)
        return 0;
    if (pause_ms > 0) {
        if (*timeout_ms < 0 || pause_ms < *timeout_ms)
            *timeout_ms = (int)pause_ms;
        return 0;
    }
    loop->active++;
    return upload_start(upload, loop->client, err);
}

int uploads_run(struct client *client, struct upload *uploads, size_t count, struct mcpd_error *err)
{
    struct loop loop = {.client = client, .uploads = uploads, .count = count};
    int rc = count > 0 ? probe(client, &uploads[0], err) : 0;

    while (rc == 0 && !loop.is_done) {
        int timeout_ms = -1;

        loop.is_done = true;
        for (size_t i = 0; i < count && rc == 0; i++)
            rc = move_on(&loop, &uploads[i], &timeout_ms, err);
        if (rc == 0 && !loop.is_done)
            rc = http_wait(client->http, NULL, 0, timeout_ms, err);
    }
    return rc;
}
