/*
 * fsutil.h - files and folders, always relative to a directory descriptor.
 * AT_FDCWD is accepted everywhere. Text of errors names the path.
 */
#ifndef BASE_FSUTIL_H
#define BASE_FSUTIL_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Whole small file; -MCPD_E_LIMIT when larger than maximum. NUL-terminated, owned by the caller. */
int fs_read_file(int dir_fd, const char *path, size_t maximum, char **ret_text, size_t *ret_length,
                 struct mcpd_error *err) MUST_CHECK;
/* The same of what has to be a file: CORRUPT when something else is there, which is never waited
 * for. */
int fs_read_regular(int dir_fd, const char *path, size_t maximum, char **ret_text,
                    size_t *ret_length, struct mcpd_error *err) MUST_CHECK;
int fs_read_fd(int fd, const char *what, size_t maximum, char **ret_text, size_t *ret_length,
               struct mcpd_error *err) MUST_CHECK;

enum fs_write_flags {
    FS_WRITE_SYNC = 1 << 0,      /* fsync file and folder: it survives a power cut */
    FS_WRITE_EXCLUSIVE = 1 << 1, /* -MCPD_E_CONFLICT when the name exists (linkat, not rename) */
};
/* Atomic: written under a temporary name in the same folder, then renamed. */
int fs_write_file(int dir_fd, const char *path, const void *bytes, size_t count, mode_t mode,
                  unsigned int flags, struct mcpd_error *err) MUST_CHECK;
/* write(2) until all is out. */
int fs_write_all(int fd, const void *bytes, size_t count, const char *what,
                 struct mcpd_error *err) MUST_CHECK;

/* One folder that may exist already; -MCPD_E_INVALID when it is something else. Opened
 * O_DIRECTORY|O_NOFOLLOW. */
int fs_make_dir(int dir_fd, const char *path, mode_t mode, int *ret_fd,
                struct mcpd_error *err) MUST_CHECK;
/* mkdir -p; ret_fd may be NULL. */
int fs_make_dirs(int dir_fd, const char *path, mode_t mode, int *ret_fd,
                 struct mcpd_error *err) MUST_CHECK;
/* Is the folder behind fd, opened by this path, ours alone to change: not another user's, not open
 * to everybody, not found by a link of another user (root's links are good)? DENIED else. */
int fs_check_own_folder(const char *path, int fd, struct mcpd_error *err) MUST_CHECK;
int fs_open_dir(int dir_fd, const char *path, int *ret_fd, struct mcpd_error *err) MUST_CHECK;

/* A new folder "<prefix><random>" with mode 0700; name is at least 32 bytes longer than prefix. */
int fs_make_temp_dir(int dir_fd, const char *prefix, char *ret_name, size_t name_size, int *ret_fd,
                     struct mcpd_error *err) MUST_CHECK;

/* rm -rf that never follows a link and never leaves the file system; absent is success.
 * Depth is not limited by the stack or by open descriptors. */
int fs_remove_tree(int dir_fd, const char *path, struct mcpd_error *err) MUST_CHECK;
int fs_unlink_if_exists(int dir_fd, const char *path, struct mcpd_error *err) MUST_CHECK;

int fs_sync_dir(int dir_fd, struct mcpd_error *err) MUST_CHECK;

/* Calls visit for each name but "." and ".."; stops at the first negative return and passes it on.
 */
typedef int (*fs_visit_function)(int dir_fd, const char *name, unsigned char type, void *context,
                                 struct mcpd_error *err);
int fs_visit_dir(int dir_fd, const char *path, fs_visit_function visit, void *context,
                 struct mcpd_error *err) MUST_CHECK;

bool fs_exists(int dir_fd, const char *path); /* no link is followed */
/* What a file takes on the disk: less than its length when it has holes. */
static inline uint64_t fs_disk_bytes(const struct stat *st)
{
    return (uint64_t)st->st_blocks * 512;
}
/* The same of all that is below a folder and of itself, hard links once, other file systems left
 * out. NOT_FOUND when there is none. */
int fs_tree_disk_bytes(int dir_fd, const char *path, uint64_t *ret_bytes,
                       struct mcpd_error *err) MUST_CHECK;

/* "/proc/self/fd/N" for calls that want a path; buffer of FS_FD_PATH_SIZE. */
#define FS_FD_PATH_SIZE 32
const char *fs_fd_path(int fd, char buffer[FS_FD_PATH_SIZE]);
/* SYSTEM when such a path leads nowhere; for those who would take that for something else. */
int fs_check_proc(struct mcpd_error *err) MUST_CHECK;
/* The path behind a descriptor, owned by the caller. */
int fs_path_of_fd(int fd, char **ret_path, struct mcpd_error *err) MUST_CHECK;

#endif
