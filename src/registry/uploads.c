/* uploads.c - see uploads.h. */
#include "registry/uploads.h"

#include "base/clock.h"
#include "base/str.h"

#include <poll.h>
#include <unistd.h>

#define PACKERS_MAX 4

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
    unsigned int active;  /* requests */
    unsigned int packing; /* packers; limit_packers at most */
    unsigned int packer_limit;
    struct pollfd fds[PACKERS_MAX];
    size_t fd_count;
    int timeout_ms;
    bool is_done;
};

/* What it makes can be waited for. */
static void watch(struct loop *loop, const struct upload *upload)
{
    int fd = upload_source_fd(&upload->source);

    if (fd >= 0 && loop->fd_count < ARRAY_SIZE(loop->fds))
        loop->fds[loop->fd_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static int pack(struct loop *loop, struct upload *upload, struct mcpd_error *err)
{
    bool is_ready = false;
    int rc;

    if (!upload->source.window && loop->packing >= loop->packer_limit)
        return 0;
    loop->packing += !upload->source.window;
    rc = upload_pack(upload, &is_ready, err);
    if (rc == 0 && is_ready)
        loop->timeout_ms = 0;
    else if (rc == 0)
        watch(loop, upload);
    return rc;
}

/* A request whose bytes are still being made may have been waiting for these. */
static void feed(struct loop *loop, struct upload *upload)
{
    struct pollfd ready = {.fd = upload_source_fd(&upload->source), .events = POLLIN};

    if (ready.fd < 0)
        return;
    if (poll(&ready, 1, 0) > 0)
        http_resume(upload->transfer);
    watch(loop, upload);
}

static int end_request(struct loop *loop, struct upload *upload, struct mcpd_error *err)
{
    bool was_packing = upload->source.window != NULL;
    int rc;

    loop->active--;
    loop->timeout_ms = 0; /* somebody may wait for its place */
    rc = upload_finish(upload, loop->client, err);
    if (was_packing && !upload->source.window)
        loop->packing--;
    return rc;
}

static int begin_request(struct loop *loop, struct upload *upload, struct mcpd_error *err)
{
    int64_t pause_ms = upload->not_before_ms - clock_monotonic_ms();

    if (loop->active >= UPLOADS_AT_ONCE)
        return 0;
    if (pause_ms > 0) {
        if (loop->timeout_ms < 0 || pause_ms < loop->timeout_ms)
            loop->timeout_ms = (int)pause_ms;
        return 0;
    }
    loop->active++;
    return upload_start(upload, loop->client, err);
}

/* Ends what is done, begins what comes next. */
static int move_on(struct loop *loop, struct upload *upload, struct mcpd_error *err)
{
    int rc = 0;

    if (upload->transfer && http_is_done(upload->transfer))
        rc = end_request(loop, upload, err);
    if (rc < 0 || upload->state == UPLOAD_STATE_DONE)
        return rc;
    loop->is_done = false;
    if (upload->transfer) {
        feed(loop, upload);
        return 0;
    }
    if (upload->state == UPLOAD_STATE_PACK)
        return pack(loop, upload, err);
    return begin_request(loop, upload, err);
}

static unsigned int packer_limit(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);

    return count < 2 ? 2 : count > PACKERS_MAX ? PACKERS_MAX : (unsigned int)count;
}

/* The first one that can be asked for: at least the config can. */
static struct upload *choose_probe(struct upload *uploads, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (uploads[i].state == UPLOAD_STATE_CHECK)
            return &uploads[i];
    return NULL;
}

int uploads_run(struct client *client, struct upload *uploads, size_t count, struct mcpd_error *err)
{
    struct loop loop = {
        .client = client,
        .uploads = uploads,
        .count = count,
        .packer_limit = packer_limit(),
    };
    struct upload *first = choose_probe(uploads, count);
    int rc = first ? probe(client, first, err) : 0;

    while (rc == 0 && !loop.is_done) {
        loop.is_done = true;
        loop.fd_count = 0;
        loop.timeout_ms = -1;
        for (size_t i = 0; i < count && rc == 0; i++)
            rc = move_on(&loop, &uploads[i], err);
        if (rc == 0 && !loop.is_done)
            rc = http_wait(client->http, loop.fds, loop.fd_count, loop.timeout_ms, err);
    }
    return rc;
}
