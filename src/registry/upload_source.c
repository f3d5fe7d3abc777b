/* upload_source.c - see upload_source.h. */
#include "registry/upload_source.h"

#include "oci/blobs.h"

void upload_source_close(struct upload_source *source)
{
    cleanup_close_fd(&source->fd);
    source->fd = -1;
}

static int open_source(struct upload_source *source, struct mcpd_error *err)
{
    uint64_t size = 0;
    int rc = blob_open(source->store, source->digest, &source->fd, &size, err);

    if (rc == 0 && size != source->size)
        return error_set(err, MCPD_E_CORRUPT, "blob %s of the store has %llu bytes instead of %llu",
                         source->digest->text, (unsigned long long)size,
                         (unsigned long long)source->size);
    return rc;
}

int upload_source_read(void *context, uint64_t offset, void *buffer, size_t size, size_t *ret_count,
                       struct mcpd_error *err)
{
    struct upload_source *source = context;
    ssize_t count;
    int rc = source->fd < 0 ? open_source(source, err) : 0;

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
