/*
 * fuzz_archive.c - libFuzzer target: any bytes as a plain tar with images in it (docker-archive,
 * oci-archive, the folders of both), up to what is known before a layer is looked at.
 */
#include "fuzz.h"

#include "base/str.h"
#include "oci/layer/archive_images.h"
#include "oci/layer/sha256.h"

#include <sys/mman.h>
#include <unistd.h>

static void check_image(const struct archive_file *file, const struct archive_image *image)
{
    const struct manifest *manifest = &image->document.manifest;
    struct digest digest;

    FUZZ_CHECK(image->document.kind == MANIFEST_KIND_IMAGE);
    FUZZ_CHECK(sha256_of_bytes(image->config_text, image->config_length, &digest, NULL) == 0);
    FUZZ_CHECK(digest_equal(&digest, &manifest->config.digest));
    FUZZ_CHECK(sha256_of_bytes(image->manifest_text, image->manifest_length, &digest, NULL) == 0);
    FUZZ_CHECK(digest_equal(&digest, &image->manifest_digest));
    FUZZ_CHECK(!image->is_docker || manifest->layer_count == image->config.diff_id_count);
    for (size_t i = 0; i < manifest->layer_count; i++) {
        const struct archive_member *member = image->members[i];
        char byte;

        FUZZ_CHECK(member || !image->is_docker);
        FUZZ_CHECK(!member || (member >= file->members && member < file->members + file->count));
        if (member && member->size > 0)
            (void)!archive_file_pread(file, member, member->size - 1, &byte, 1, NULL);
    }
}

static bool accepts_file(int fd)
{
    static const struct platform platform = {.os = "linux", .architecture = "amd64"};
    CLEANUP_ARCHIVE_FILE struct archive_file file = {.fd = -1};
    CLEANUP_ARCHIVE_IMAGES struct archive_images images = {0};

    if (archive_file_open(fd, -1, &file, NULL) < 0 ||
        archive_images_read(&file, &platform, &images, NULL) < 0)
        return false;
    FUZZ_CHECK(images.count > 0 && images.count <= ARCHIVE_MAX_IMAGES);
    for (size_t i = 0; i < images.count; i++)
        check_image(&file, &images.items[i]);
    return true;
}

static bool accepts(const char *text, size_t length)
{
    bool is_accepted = false;
    int fd;

    /* Anything else is first decompressed, by a process that fuzz_unpack stands for. */
    if (length < 512 || memcmp(text + 257, "ustar", 5) != 0)
        return false;
    fd = memfd_create("archive", MFD_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && write(fd, text, length) == (ssize_t)length);
    FUZZ_CHECK(lseek(fd, 0, SEEK_SET) == 0);
    is_accepted = accepts_file(fd);
    (void)close(fd);
    return is_accepted;
}

FUZZ_TARGET(1u << 17)
