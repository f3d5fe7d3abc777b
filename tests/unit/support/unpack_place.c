/* unpack_place.c - see unpack_place.h. Failures end the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/unpack_place.h"

#include "base/fsutil.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

bool unpack_place_is_root(void)
{
    return geteuid() == 0;
}

int unpack_place_setup(void **state)
{
    struct unpack_place *place = calloc(1, sizeof(*place));

    assert_non_null(place);
    (void)snprintf(place->path, sizeof(place->path), "/var/tmp/mcpd-unit-XXXXXX");
    assert_non_null(mkdtemp(place->path));
    place->fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(place->fd, "fs", 0755), 0);
    place->fs_fd = openat(place->fd, "fs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(fs_write_file(place->fd, "victim", "untouched", 9, 0666, 0, NULL), 0);
    layer_tar_init(&place->tar);
    place->options.ignore_owners = !unpack_place_is_root();
    place->options.is_in_userns = !unpack_place_is_root();
    (void)umask(0);
    *state = place;
    return 0;
}

int unpack_place_teardown(void **state)
{
    struct unpack_place *place = *state;
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    struct stat st;

    /* Whatever the test did: the neighbour of the layer's folder is as before. */
    assert_int_equal(fs_read_file(place->fd, "victim", 100, &text, &length, NULL), 0);
    assert_string_equal(text, "untouched");
    assert_int_equal(fstatat(place->fd, "victim", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(st.st_nlink, 1);
    (void)close(place->fd);
    (void)close(place->fs_fd);
    assert_int_equal(fs_remove_tree(AT_FDCWD, place->path, NULL), 0);
    unpack_result_done(&place->result);
    layer_tar_done(&place->tar);
    free(place);
    return 0;
}

static ssize_t read_tar(void *context, void *buffer, size_t size, struct mcpd_error *err)
{
    struct buf *rest = context;
    size_t count = rest->length < size ? rest->length : size;

    (void)err;
    if (count == 0)
        return 0;
    memcpy(buffer, rest->data, count);
    rest->data += count;
    rest->length -= count;
    return (ssize_t)count;
}

int unpack_place_try_bytes(struct unpack_place *place, const struct buf *bytes)
{
    struct buf rest = *bytes;

    unpack_result_done(&place->result);
    return unpack_layer(read_tar, &rest, place->fs_fd, &place->options, &place->result,
                        &place->error);
}

int unpack_place_try(struct unpack_place *place)
{
    layer_tar_end(&place->tar);
    return unpack_place_try_bytes(place, &place->tar.bytes);
}

void unpack_place_unpack(struct unpack_place *place)
{
    if (unpack_place_try(place) < 0)
        fail_msg("%s", place->error.message);
    assert_true(digest_equal(
        &place->result.diff_id,
        &(struct digest[]){layer_tar_digest(place->tar.bytes.data, place->tar.bytes.length)}[0]));
    assert_int_equal(place->result.tar_bytes, place->tar.bytes.length);
}

struct stat unpack_place_look(const struct unpack_place *place, const char *path)
{
    struct stat st = {0};

    if (fstatat(place->fs_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        fail_msg("%s is not there", path);
    return st;
}

void unpack_place_has_text(const struct unpack_place *place, const char *path, const char *expected)
{
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;

    assert_int_equal(fs_read_file(place->fs_fd, path, 1u << 20, &text, &length, NULL), 0);
    assert_string_equal(text, expected);
}

bool unpack_place_is_whiteout(const struct unpack_place *place, const char *path)
{
    struct stat st = unpack_place_look(place, path);

    return S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0);
}

bool unpack_place_is_opaque(const struct unpack_place *place, const char *path)
{
    const char *name =
        place->options.is_in_userns ? "user.overlay.opaque" : "trusted.overlay.opaque";
    CLEANUP_FD int fd = openat(place->fs_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char value[2];

    return fd >= 0 && fgetxattr(fd, name, value, sizeof(value)) == 1 && value[0] == 'y';
}
