/*
 * fuzz_contents.c - libFuzzer target: any bytes as the list of what a layer holds. A list that is
 * taken has an end, and adds up to what that says.
 */
#include "fuzz.h"

#include "oci/layer/contents_file.h"

#include <sys/mman.h>
#include <unistd.h>

static bool accepts(const char *text, size_t length)
{
    struct contents_reader reader;
    uint64_t entries = 0;
    bool is_end = false;
    int rc = 0;
    int fd = memfd_create("contents", MFD_CLOEXEC);

    FUZZ_CHECK(fd >= 0 && write(fd, text, length) == (ssize_t)length);
    FUZZ_CHECK(lseek(fd, 0, SEEK_SET) == 0);
    contents_reader_init(&reader, fd);
    while (rc == 0 && !is_end) {
        struct contents_entry entry;

        rc = contents_reader_next(&reader, &entry, &is_end, NULL);
        if (rc == 0 && !is_end) {
            entries++;
            FUZZ_CHECK(strlen(entry.path) < length && entry.mode <= 07777);
            FUZZ_CHECK(contents_compare(&entry, &entry) == 0);
        }
    }
    FUZZ_CHECK(rc < 0 || reader.total.entries == entries);
    contents_reader_done(&reader);
    (void)close(fd);
    return rc == 0;
}

FUZZ_TARGET(1u << 20)
