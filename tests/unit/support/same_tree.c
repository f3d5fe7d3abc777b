/* same_tree.c - see same_tree.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/same_tree.h"

#include "base/fsutil.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define MAX_LINKS 4096

struct pair {
    ino_t left, right;
};

struct compare {
    struct pair links[MAX_LINKS];
    size_t link_count;
};

static int add_name(int dir_fd, const char *name, unsigned char type, void *context,
                    struct mcpd_error *err)
{
    return strv_append(context, name);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **sorted_names(int fd)
{
    char **names = NULL;

    assert_int_equal(fs_visit_dir(fd, ".", add_name, &names, NULL), 0);
    if (names)
        qsort(names, strv_length(names), sizeof(char *), by_text);
    return names;
}

static void same_xattrs(int left_fd, int right_fd, const char *path)
{
    char left[4096], right[4096], value[2][4096];
    ssize_t left_size = flistxattr(left_fd, left, sizeof(left));
    ssize_t right_size = flistxattr(right_fd, right, sizeof(right));

    if (left_size != right_size)
        fail_msg("%s: attributes of %zd and %zd bytes", path, left_size, right_size);
    for (const char *name = left; name < left + left_size; name += strlen(name) + 1) {
        ssize_t size = fgetxattr(left_fd, name, value[0], sizeof(value[0]));

        if (fgetxattr(right_fd, name, value[1], sizeof(value[1])) != size ||
            (size > 0 && memcmp(value[0], value[1], (size_t)size) != 0))
            fail_msg("%s: attribute %s", path, name);
    }
}

static void same_contents(int left_fd, int right_fd, const struct stat *st, const char *path)
{
    char left[65536], right[65536];

    for (off_t offset = 0; offset < st->st_size; offset += (off_t)sizeof(left)) {
        ssize_t count = pread(left_fd, left, sizeof(left), offset);

        if (pread(right_fd, right, sizeof(right), offset) != count ||
            memcmp(left, right, (size_t)count) != 0)
            fail_msg("%s: contents", path);
    }
}

static void same_links(struct compare *compare, const struct stat *left, const struct stat *right,
                       const char *path)
{
    for (size_t i = 0; i < compare->link_count; i++) {
        const struct pair *pair = &compare->links[i];

        if ((pair->left == left->st_ino) != (pair->right == right->st_ino))
            fail_msg("%s: hard links", path);
        if (pair->left == left->st_ino)
            return;
    }
    assert_true(compare->link_count < MAX_LINKS);
    compare->links[compare->link_count++] = (struct pair){left->st_ino, right->st_ino};
}

static void same_stat(const struct stat *left, const struct stat *right, const char *path)
{
    if (left->st_mode != right->st_mode)
        fail_msg("%s: mode %o and %o", path, left->st_mode, right->st_mode);
    if (left->st_uid != right->st_uid || left->st_gid != right->st_gid)
        fail_msg("%s: owner %u:%u and %u:%u", path, left->st_uid, left->st_gid, right->st_uid,
                 right->st_gid);
    if (left->st_mtim.tv_sec != right->st_mtim.tv_sec ||
        left->st_mtim.tv_nsec != right->st_mtim.tv_nsec)
        fail_msg("%s: time %lld.%09ld and %lld.%09ld", path, (long long)left->st_mtim.tv_sec,
                 left->st_mtim.tv_nsec, (long long)right->st_mtim.tv_sec, right->st_mtim.tv_nsec);
    if (!S_ISDIR(left->st_mode) && left->st_nlink != right->st_nlink)
        fail_msg("%s: %zu and %zu links", path, (size_t)left->st_nlink, (size_t)right->st_nlink);
    if (S_ISREG(left->st_mode) && left->st_size != right->st_size)
        fail_msg("%s: %lld and %lld bytes", path, (long long)left->st_size,
                 (long long)right->st_size);
    if ((S_ISCHR(left->st_mode) || S_ISBLK(left->st_mode)) && left->st_rdev != right->st_rdev)
        fail_msg("%s: device", path);
}

static void same_entry(struct compare *compare, int left_fd, int right_fd, const char *name,
                       const char *path);

static void same_folder(struct compare *compare, int left_fd, int right_fd, const char *path)
{
    CLEANUP_STRV char **left = sorted_names(left_fd);
    CLEANUP_STRV char **right = sorted_names(right_fd);
    size_t count = strv_length(left);

    for (size_t i = 0; i < count || i < strv_length(right); i++) {
        CLEANUP_FREE char *below = NULL;

        if (i >= count || i >= strv_length(right) || strcmp(left[i], right[i]) != 0)
            fail_msg("%s: '%s' and '%s'", path, i < count ? left[i] : "nothing",
                     i < strv_length(right) ? right[i] : "nothing");
        below = str_format("%s/%s", path, left[i]);
        same_entry(compare, left_fd, right_fd, left[i], below);
    }
}

static void same_opened(struct compare *compare, int left_fd, int right_fd, const struct stat *st,
                        const char *path)
{
    same_xattrs(left_fd, right_fd, path);
    if (S_ISDIR(st->st_mode))
        same_folder(compare, left_fd, right_fd, path);
    else
        same_contents(left_fd, right_fd, st, path);
}

static void same_entry(struct compare *compare, int left_fd, int right_fd, const char *name,
                       const char *path)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    struct stat left, right;

    assert_int_equal(fstatat(left_fd, name, &left, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(fstatat(right_fd, name, &right, AT_SYMLINK_NOFOLLOW), 0);
    if (S_ISCHR(left.st_mode) && left.st_rdev == makedev(0, 0) && right.st_rdev == left.st_rdev)
        return;
    same_stat(&left, &right, path);
    if (!S_ISDIR(left.st_mode) && left.st_nlink > 1)
        same_links(compare, &left, &right, path);
    if (S_ISLNK(left.st_mode)) {
        char targets[2][4096] = {{0}};

        assert_true(readlinkat(left_fd, name, targets[0], sizeof(targets[0]) - 1) > 0);
        assert_true(readlinkat(right_fd, name, targets[1], sizeof(targets[1]) - 1) > 0);
        assert_string_equal(targets[0], targets[1]);
    } else if (S_ISREG(left.st_mode) || S_ISDIR(left.st_mode)) {
        CLEANUP_FD int left_entry = openat(left_fd, name, flags);
        CLEANUP_FD int right_entry = openat(right_fd, name, flags);

        assert_true(left_entry >= 0 && right_entry >= 0);
        same_opened(compare, left_entry, right_entry, &left, path);
    }
}

void same_tree(int left_fd, int right_fd)
{
    struct compare *compare = calloc(1, sizeof(*compare));

    assert_non_null(compare);
    same_entry(compare, left_fd, right_fd, ".", "");
    free(compare);
}
