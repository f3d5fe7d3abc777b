/* sha256.c - see sha256.h. The only place that knows how libcrypto hashes. */
#include "oci/layer/sha256.h"

#include <openssl/evp.h>

#define FILE_CHUNK_BYTES (256u << 10)

int sha256_init(struct sha256 *sha256, struct mcpd_error *err)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(context);
        return error_set(err, MCPD_E_INTERNAL, "libcrypto offers no SHA-256");
    }
    *sha256 = (struct sha256){.context = context};
    return 0;
}

void sha256_update(struct sha256 *sha256, const void *bytes, size_t count)
{
    if (EVP_DigestUpdate(sha256->context, bytes, count) != 1)
        sha256->is_failed = 1;
}

int sha256_finish(struct sha256 *sha256, struct digest *ret_digest, struct mcpd_error *err)
{
    uint8_t sum[EVP_MAX_MD_SIZE];
    unsigned int length = 0;

    if (EVP_DigestFinal_ex(sha256->context, sum, &length) != 1 || length != 32 || sha256->is_failed)
        return error_set(err, MCPD_E_INTERNAL, "libcrypto failed to compute a SHA-256");
    digest_from_sha256(sum, ret_digest);
    return 0;
}

void sha256_done(struct sha256 *sha256)
{
    EVP_MD_CTX_free(sha256->context);
    sha256->context = NULL;
}

int sha256_of_bytes(const void *bytes, size_t count, struct digest *ret_digest,
                    struct mcpd_error *err)
{
    CLEANUP_SHA256 struct sha256 sha256 = {0};
    int rc = sha256_init(&sha256, err);

    if (rc < 0)
        return rc;
    sha256_update(&sha256, bytes, count);
    return sha256_finish(&sha256, ret_digest, err);
}

int sha256_update_file(struct sha256 *sha256, int fd, uint64_t offset, uint64_t end,
                       struct mcpd_error *err)
{
    CLEANUP_FREE char *chunk = malloc(FILE_CHUNK_BYTES);

    if (!chunk)
        return error_no_memory(err, "hash of a file");
    while (offset < end) {
        uint64_t left = end - offset;
        size_t want = left < FILE_CHUNK_BYTES ? (size_t)left : FILE_CHUNK_BYTES;
        ssize_t count = pread(fd, chunk, want, (off_t)offset);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_errno(err, "read a file to hash it");
        if (count == 0)
            return error_set(err, MCPD_E_CORRUPT, "a file became shorter while it was hashed");
        sha256_update(sha256, chunk, (size_t)count);
        offset += (uint64_t)count;
    }
    return 0;
}
