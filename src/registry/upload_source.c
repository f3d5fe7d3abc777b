/* upload_source.c - see upload_source.h. */
#include "registry/upload_source.h"

#include "oci/blobs.h"
#include "registry/http.h"

#include <string.h>

#define WINDOW UPLOAD_SOURCE_WINDOW_BYTES

void upload_source_init(struct upload_source *source, const struct store *store,
                        const struct digest *digest, uint64_t size)
{
    *source = (struct upload_source){
        .store = store,
        .digest = digest,
        .size = size,
        .fd = -1,
        .packer = PACKER_NONE,
    };
}

void upload_source_close(struct upload_source *source)
{
    cleanup_close_fd(&source->fd);
    source->fd = -1;
    packer_done(&source->packer);
    free(TAKE_PTR(source->window));
    source->end = 0;
    source->is_ended = false;
}

static int open_blob(struct upload_source *source, struct mcpd_error *err)
{
    uint64_t size = 0;
    int rc = blob_open(source->store, source->digest, &source->fd, &size, err);

    if (rc == 0 && size != source->size)
        return error_set(err, MCPD_E_CORRUPT, "blob %s of the store has %llu bytes instead of %llu",
                         source->digest->text, (unsigned long long)size,
                         (unsigned long long)source->size);
    return rc;
}

static int read_file(struct upload_source *source, uint64_t offset, void *buffer, size_t size,
                     size_t *ret_count, struct mcpd_error *err)
{
    ssize_t count;
    int rc = source->fd < 0 ? open_blob(source, err) : 0;

    if (rc < 0)
        return rc;
    do
        count = pread(source->fd, buffer, size, (off_t)offset);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return error_errno(err, "read a blob");
    if (count == 0)
        return error_set(err, MCPD_E_CORRUPT, "a blob of the store is shorter than it was");
    *ret_count = (size_t)count;
    return 0;
}

/* ------------------------------------------------------------------ packed */

static int start_packing(struct upload_source *source, struct mcpd_error *err)
{
    int rc;

    upload_source_close(source);
    source->window = malloc(WINDOW);
    if (!source->window)
        return error_no_memory(err, "a layer");
    rc = open_blob(source, err);
    return rc < 0 ? rc
                  : packer_start(source->pool, source->fd, source->empty_fd, &source->options,
                                 &source->packer, err);
}

static int end_packing(struct upload_source *source, struct mcpd_error *err)
{
    int rc = packer_finish(&source->packer, &source->result, err);

    if (rc < 0)
        return error_wrap(err, rc, "packing layer %s", source->digest->text);
    source->is_ended = true;
    cleanup_close_fd(&source->packer.output_fd);
    source->packer.output_fd = -1;
    return 0;
}

/* The next bytes into the window, over the oldest ones. *ret_count is 0 when there are none yet,
 * and at the end. */
static int take(struct upload_source *source, size_t *ret_count, struct mcpd_error *err)
{
    size_t at = (size_t)(source->end % WINDOW);
    ssize_t count;

    *ret_count = 0;
    if (source->is_ended)
        return 0;
    do
        count = read(source->packer.output_fd, source->window + at, WINDOW - at);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return errno == EAGAIN ? 0 : error_errno(err, "read a layer");
    if (count == 0)
        return end_packing(source, err);
    source->end += (uint64_t)count;
    *ret_count = (size_t)count;
    return 0;
}

static int read_packed(struct upload_source *source, uint64_t offset, char *buffer, size_t size,
                       size_t *ret_count, struct mcpd_error *err)
{
    bool is_lost = source->end > WINDOW && offset < source->end - WINDOW;
    size_t at = (size_t)(offset % WINDOW), count = 1;
    int rc = !source->window || is_lost ? start_packing(source, err) : 0;

    while (rc == 0 && source->end <= offset && count > 0)
        rc = take(source, &count, err);
    if (rc < 0)
        return rc;
    source->is_waiting = source->end <= offset && !source->is_ended;
    if (source->end <= offset) {
        *ret_count = source->is_ended ? 0 : HTTP_SOURCE_LATER;
        return 0;
    }
    count = (size_t)(source->end - offset);
    count = count < WINDOW - at ? count : WINDOW - at;
    *ret_count = count < size ? count : size;
    memcpy(buffer, source->window + at, *ret_count);
    return 0;
}

int upload_source_fill(struct upload_source *source, bool *ret_is_ready, struct mcpd_error *err)
{
    size_t count = 1;
    int rc = source->window ? 0 : start_packing(source, err);

    while (rc == 0 && count > 0 && source->end < WINDOW)
        rc = take(source, &count, err);
    *ret_is_ready = source->is_ended || source->end >= WINDOW;
    source->is_waiting = !*ret_is_ready;
    return rc;
}

int upload_source_fd(const struct upload_source *source)
{
    return source->is_waiting ? source->packer.output_fd : -1;
}

int upload_source_read(void *context, uint64_t offset, void *buffer, size_t size, size_t *ret_count,
                       struct mcpd_error *err)
{
    struct upload_source *source = context;

    return source->pool ? read_packed(source, offset, buffer, size, ret_count, err)
                        : read_file(source, offset, buffer, size, ret_count, err);
}
