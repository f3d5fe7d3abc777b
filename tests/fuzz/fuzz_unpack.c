/*
 * fuzz_unpack.c - libFuzzer target: any bytes as a layer (compressed or not), unpacked into a fresh
 * folder. Whatever they are, nothing appears beside that folder, and its neighbour stays as it is.
 */
#include "fuzz.h"

#include "base/cleanup.h"
#include "base/fsutil.h"
#include "oci/layer/unpack.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

struct fuzz_input {
    const char *next;
    size_t left;
};

static ssize_t read_input(void *context, void *buffer, size_t size, struct mcpd_error *err)
{
    struct fuzz_input *input = context;
    size_t count = input->left < size ? input->left : size;

    (void)err;
    memcpy(buffer, input->next, count);
    input->next += count;
    input->left -= count;
    return (ssize_t)count;
}

static int count_name(int dir_fd, const char *name, unsigned char type, void *context,
                      struct mcpd_error *err)
{
    (void)dir_fd;
    (void)type;
    (void)err;
    *(unsigned int *)context += strcmp(name, "fs") == 0       ? 1
                                : strcmp(name, "victim") == 0 ? 10
                                                              : 100;
    return 0;
}

static void check_victim(int place_fd)
{
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    unsigned int names = 0;
    struct stat st;

    FUZZ_CHECK(fs_read_file(place_fd, "victim", 100, &text, &length, NULL) == 0);
    FUZZ_CHECK(strcmp(text, "untouched") == 0);
    FUZZ_CHECK(fstatat(place_fd, "victim", &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_nlink == 1);
    FUZZ_CHECK(fs_visit_dir(place_fd, ".", count_name, &names, NULL) == 0 && names == 11);
}

static bool accepts(const char *text, size_t length)
{
    /* As in a user namespace: no devices, owners left alone, so that it runs as anybody. */
    const struct unpack_options options = {
        .is_in_userns = true,
        .ignore_owners = true,
        .max_entries = 1000,
    };
    struct fuzz_input input = {text, length};
    struct unpack_result result = {0};
    char place[] = "/tmp/mcpd-fuzz-XXXXXX";
    int place_fd, fs_fd, rc;

    (void)umask(0);
    FUZZ_CHECK(mkdtemp(place) != NULL);
    place_fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    FUZZ_CHECK(place_fd >= 0 && mkdirat(place_fd, "fs", 0755) == 0);
    FUZZ_CHECK(fs_write_file(place_fd, "victim", "untouched", 9, 0666, 0, NULL) == 0);
    fs_fd = openat(place_fd, "fs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    FUZZ_CHECK(fs_fd >= 0);
    rc = unpack_layer(read_input, &input, fs_fd, &options, &result, NULL);
    unpack_result_done(&result);
    check_victim(place_fd);
    (void)close(fs_fd);
    (void)close(place_fd);
    FUZZ_CHECK(fs_remove_tree(AT_FDCWD, place, NULL) == 0);
    return rc == 0;
}

FUZZ_TARGET(1u << 20)
