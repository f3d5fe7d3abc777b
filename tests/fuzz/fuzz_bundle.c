/*
 * fuzz_bundle.c - libFuzzer target: any bytes as a bundle, up to what is known before a layer is
 * looked at, and then to its end.
 */
#include "fuzz.h"

#include "base/str.h"
#include "oci/layer/bundle.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMBER_MAX_BYTES (1u << 20)

static bool is_layer(const struct bundle *bundle, const struct bundle_need *need)
{
    for (size_t i = 0; i < bundle->images.count; i++) {
        const struct manifest *manifest = &bundle->images.items[i].document.manifest;

        for (size_t j = 0; j < manifest->layer_count; j++)
            if (digest_equal(&manifest->layers[j].digest, &need->digest))
                return true;
    }
    return false;
}

/* What follows the documents: members end, one behind the other, or are refused. */
static void read_on(struct bundle_stream *stream)
{
    const char *name = "";
    uint64_t size = 0;

    while (bundle_stream_next(stream, &name, &size, NULL) == 0 && name) {
        char buffer[512];
        uint64_t length = 0;
        ssize_t count = 1;

        while (count > 0 && length < MEMBER_MAX_BYTES) {
            count = bundle_stream_read(stream, buffer, sizeof(buffer), NULL);
            length += count > 0 ? (uint64_t)count : 0;
        }
        FUZZ_CHECK(count != 0 || length == size);
    }
}

static bool accepts_stream(int fd)
{
    static int tmp_fd = -1;
    CLEANUP_BUNDLE struct bundle bundle = BUNDLE_NONE;

    if (tmp_fd < 0)
        tmp_fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    FUZZ_CHECK(tmp_fd >= 0);
    if (bundle_open(fd, tmp_fd, NULL, &bundle, NULL) < 0)
        return false;
    FUZZ_CHECK(bundle.images.count > 0 && bundle.images.count <= ARCHIVE_MAX_IMAGES);
    FUZZ_CHECK(bundle.signature.length <= BUNDLE_SIGNATURE_MAX);
    for (size_t i = 0; i < bundle.index.need_count; i++)
        FUZZ_CHECK(is_layer(&bundle, &bundle.index.needs[i]));
    read_on(bundle.stream);
    return true;
}

static bool accepts(const char *text, size_t length)
{
    bool is_accepted = false;
    int fd = memfd_create("bundle", MFD_CLOEXEC);

    FUZZ_CHECK(fd >= 0 && write(fd, text, length) == (ssize_t)length);
    FUZZ_CHECK(lseek(fd, 0, SEEK_SET) == 0);
    is_accepted = accepts_stream(fd);
    (void)close(fd);
    return is_accepted;
}

FUZZ_TARGET(1u << 17)
