/* blobs.c - the content-addressed files of the store: look, open, give a finished one its name. */
#include "oci/blobs.h"

#include "base/fault.h"
#include "base/fsutil.h"
#include "base/lock.h"
#include "oci/additional.h"

#include <fcntl.h>
#include <sys/stat.h>

void blob_path(const struct digest *digest, char buffer[BLOB_PATH_SIZE])
{
    (void)snprintf(buffer, BLOB_PATH_SIZE, "images/blobs/sha256/%s", digest_hex(digest));
}

bool blob_is_own(const struct store *store, const struct digest *digest)
{
    return digest_is_set(digest) && fs_exists(store->blobs_fd, digest_hex(digest));
}

bool blob_exists(const struct store *store, const struct digest *digest)
{
    if (blob_is_own(store, digest))
        return true;
    for (size_t i = 0; i < additional_count(store); i++)
        if (blob_is_own(additional_get(store, i), digest))
            return true;
    return false;
}

/* O_NONBLOCK: should a pipe ever lie there, we do not wait for its writer. */
static int open_own(const struct store *store, const struct digest *digest)
{
    return openat(store->blobs_fd, digest_hex(digest),
                  O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
}

static int open_blob(const struct store *store, const struct digest *digest, int *ret_fd,
                     struct mcpd_error *err)
{
    int fd = open_own(store, digest);

    for (size_t i = 0; fd < 0 && errno == ENOENT && i < additional_count(store); i++) {
        fd = open_own(additional_get(store, i), digest);
        errno = fd < 0 ? ENOENT : errno; /* what cannot be read there is not there */
    }
    if (fd < 0 && errno == ENOENT)
        return error_set(err, MCPD_E_NOT_FOUND, "blob %s is not in the store", digest->text);
    if (fd < 0)
        return error_errno(err, "open blob %s", digest->text);
    *ret_fd = fd;
    return 0;
}

int blob_open(const struct store *store, const struct digest *digest, int *ret_fd,
              uint64_t *ret_bytes, struct mcpd_error *err)
{
    CLEANUP_FD int fd = -1;
    struct stat st;
    int rc = open_blob(store, digest, &fd, err);

    if (rc < 0)
        return rc;
    if (fstat(fd, &st) < 0)
        return error_errno(err, "stat blob %s", digest->text);
    if (!S_ISREG(st.st_mode))
        return error_set(err, MCPD_E_CORRUPT, "blob %s is not a file", digest->text);
    *ret_fd = TAKE_FD(fd);
    *ret_bytes = (uint64_t)st.st_size;
    return 0;
}

int blob_read(const struct store *store, const struct digest *digest, size_t maximum,
              char **ret_text, size_t *ret_length, struct mcpd_error *err)
{
    CLEANUP_FD int fd = -1;
    int rc = open_blob(store, digest, &fd, err);

    if (rc < 0)
        return rc;
    return fs_read_fd(fd, digest->text, maximum, ret_text, ret_length, err);
}

int blob_partial_open(const struct store *store, const struct digest *digest, int timeout_ms,
                      int *ret_fd, uint64_t *ret_length, struct mcpd_error *err)
{
    const char *name = digest_hex(digest);
    CLEANUP_FD int fd = -1;
    struct stat st;
    int rc = lock_take(store->partial_fd, name, LOCK_KIND_EXCLUSIVE, timeout_ms, &fd, err);

    if (rc < 0)
        return error_wrap(err, rc, "images/partial");
    FAULT_POINT("partial-locked");
    /* Whom we waited for has finished; what we hold is a new, empty file. */
    if (blob_is_own(store, digest)) {
        *ret_fd = -1;
        *ret_length = 0;
        return fs_unlink_if_exists(store->partial_fd, name, err);
    }
    if (fstat(fd, &st) < 0)
        return error_errno(err, "stat images/partial/%s", name);
    if (!S_ISREG(st.st_mode))
        return error_set(err, MCPD_E_CORRUPT, "images/partial/%s is not a file", name);
    *ret_fd = TAKE_FD(fd);
    *ret_length = (uint64_t)st.st_size;
    return 0;
}

int blob_partial_remove(const struct store *store, const struct digest *digest,
                        struct mcpd_error *err)
{
    return fs_unlink_if_exists(store->partial_fd, digest_hex(digest), err);
}

int blob_publish(const struct store *store, int dir_fd, const char *name,
                 const struct digest *digest, struct mcpd_error *err)
{
    if (renameat(dir_fd, name, store->blobs_fd, digest_hex(digest)) < 0)
        return error_errno(err, "rename to images/blobs/sha256/%s", digest_hex(digest));
    FAULT_POINT("blob-published");
    return 0;
}
