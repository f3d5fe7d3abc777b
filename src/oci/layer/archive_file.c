/*
 * archive_file.c - see archive_file.h. libarchive walks over the headers once; the contents are
 * read later, where the index says, without it. A file of a folder is opened anew for each piece:
 * there may be more of them than descriptors.
 */
#include "oci/layer/archive_file.h"

#include "base/fsutil.h"
#include "base/saferoot.h"
#include "base/str.h"
#include "oci/layer/archive_spool.h"
#include "oci/layer/sha256.h"
#include "oci/layer/unpack_policy.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define READ_BYTES (128u << 10)
#define HASH_BYTES (1u << 20)
#define BLOBS      "blobs/sha256"
#define MAX_LINKS  8

void archive_file_done(struct archive_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        free(file->members[i].name);
        free(file->members[i].link);
    }
    free(file->members);
    cleanup_close_fd(&file->fd);
    *file = (struct archive_file){.fd = -1};
}

/* ------------------------------------------------------------------ getting a plain file */

/* A regular file that begins like a tar can be used as it is. */
static bool is_plain_tar(int fd)
{
    char block[512];

    return lseek(fd, 0, SEEK_CUR) == 0 && pread(fd, block, sizeof(block), 0) == sizeof(block) &&
           memcmp(block + 257, "ustar", 5) == 0;
}

/* ------------------------------------------------------------------ the index */

struct reader {
    int fd;
    off_t position;
    char buffer[READ_BYTES];
};

static la_ssize_t read_callback(struct archive *archive, void *context, const void **ret_bytes)
{
    struct reader *reader = context;
    ssize_t count;

    do
        count = pread(reader->fd, reader->buffer, sizeof(reader->buffer), reader->position);
    while (count < 0 && errno == EINTR);
    if (count < 0) {
        archive_set_error(archive, errno, "%s", strerrordesc_np(errno));
        return ARCHIVE_FATAL;
    }
    reader->position += count;
    *ret_bytes = reader->buffer;
    return count;
}

static la_int64_t skip_callback(struct archive *archive, void *context, la_int64_t count)
{
    struct reader *reader = context;

    (void)archive;
    reader->position += count;
    return count;
}

/* Owned by the caller; NULL without memory. "./a//b" -> "a/b"; ".." goes up, and stops at the top.
 */
static char *normalise(const char *folder, const char *path)
{
    CLEANUP_FREE char *full = str_format("%s/%s", *path == '/' ? "" : folder, path);
    CLEANUP_STRV char **names = full ? strv_split(full, '/') : NULL;
    size_t count = 0;

    /* Kept ones move to the front; every name is in the vector once, so it can be freed. */
    for (size_t i = 0; names && names[i]; i++) {
        char *name = names[i];
        bool is_up = strcmp(name, "..") == 0;

        names[i] = NULL;
        if (is_up && count > 0) {
            free(names[--count]);
            names[count] = NULL;
        }
        if (is_up || *name == '\0' || strcmp(name, ".") == 0)
            free(name);
        else
            names[count++] = name;
    }
    return names ? strv_join(names, "/") : NULL;
}

static int add_member(struct archive_file *file, struct archive_entry *entry, uint64_t offset,
                      struct mcpd_error *err)
{
    const char *path = archive_entry_pathname(entry);
    const char *hardlink = archive_entry_hardlink(entry);
    const char *symlink = archive_entry_symlink(entry);
    struct archive_member *member = &file->members[file->count];
    const char *slash;
    CLEANUP_FREE char *folder = NULL;

    if (!path || (archive_entry_filetype(entry) != AE_IFREG && !hardlink && !symlink))
        return 0;
    *member = (struct archive_member){
        .name = normalise("", path),
        .offset = offset,
        .size = (uint64_t)archive_entry_size(entry),
    };
    if (!member->name)
        return error_no_memory(err, "the archive's index");
    file->count++;
    slash = strrchr(member->name, '/');
    folder = strndup(member->name, slash ? (size_t)(slash - member->name) : 0);
    if (hardlink)
        member->link = normalise("", hardlink);
    else if (symlink && folder)
        member->link = normalise(folder, symlink);
    if (!folder || ((hardlink || symlink) && !member->link))
        return error_no_memory(err, "the archive's index");
    /* Contents with holes lie elsewhere; nobody writes archives of images that way. */
    if (archive_entry_sparse_count(entry) > 0)
        return error_set(err, MCPD_E_UNSUPPORTED, "the archive has sparse members");
    return 0;
}

static int grow(struct archive_file *file, struct mcpd_error *err)
{
    size_t capacity = file->capacity ? file->capacity * 2 : 64;
    struct archive_member *members;

    if (file->count < file->capacity)
        return 0;
    if (file->count >= ARCHIVE_FILE_MAX_MEMBERS)
        return error_set(err, MCPD_E_LIMIT, "the archive has more than %d members",
                         ARCHIVE_FILE_MAX_MEMBERS);
    members = reallocarray(file->members, capacity, sizeof(*members));
    if (!members)
        return error_no_memory(err, "the archive's index");
    file->members = members;
    file->capacity = capacity;
    return 0;
}

static int refuse(struct archive *archive, struct mcpd_error *err)
{
    char shown[200];
    const char *text = archive_error_string(archive);

    if (text && strcmp(text, "Unrecognized archive format") == 0)
        return error_set(err, MCPD_E_CORRUPT, "not a tar archive");
    unpack_policy_show(text ? text : "damaged", shown, sizeof(shown));
    return error_set(err, MCPD_E_CORRUPT, "a damaged tar archive: %s", shown);
}

/* Contents are skipped, not read: nobody has noticed yet that they go on behind the end. */
static int check_end(const struct archive_file *file, struct mcpd_error *err)
{
    struct stat st;

    if (fstat(file->fd, &st) < 0)
        return error_errno(err, "ask for the length of the archive");
    for (size_t i = 0; i < file->count; i++) {
        const struct archive_member *member = &file->members[i];

        if (member->offset + member->size > (uint64_t)st.st_size)
            return error_set(err, MCPD_E_CORRUPT, "the archive ends in the middle of %s",
                             member->name);
    }
    return 0;
}

static int index_entries(struct archive_file *file, struct archive *archive, struct mcpd_error *err)
{
    for (;;) {
        struct archive_entry *entry = NULL;
        int code = archive_read_next_header(archive, &entry);
        int rc;

        if (code == ARCHIVE_EOF)
            return 0;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
            return refuse(archive, err);
        rc = grow(file, err);
        if (rc == 0)
            /* The reader has consumed the header and nothing of the contents. */
            rc = add_member(file, entry, (uint64_t)archive_filter_bytes(archive, 0), err);
        if (rc < 0)
            return rc;
    }
}

static int compare_members(const void *a, const void *b)
{
    const struct archive_member *left = a, *right = b;
    int order = strcmp(left->name, right->name);

    /* The last one of a name counts, as in a tar that is unpacked. */
    if (order == 0)
        return left->offset < right->offset ? 1 : left->offset > right->offset ? -1 : 0;
    return order;
}

void archive_file_sort(struct archive_file *file)
{
    if (file->count > 0)
        qsort(file->members, file->count, sizeof(*file->members), compare_members);
}

static int make_index(struct archive_file *file, struct mcpd_error *err)
{
    CLEANUP_FREE struct reader *reader = malloc(sizeof(*reader));
    struct archive *archive = archive_read_new();
    int rc;

    if (!reader || !archive) {
        (void)archive_read_free(archive);
        return error_no_memory(err, "the archive's index");
    }
    reader->fd = file->fd;
    reader->position = 0;
    if (archive_read_support_format_tar(archive) != ARCHIVE_OK ||
        archive_read_set_read_callback(archive, read_callback) != ARCHIVE_OK ||
        archive_read_set_skip_callback(archive, skip_callback) != ARCHIVE_OK ||
        archive_read_set_callback_data(archive, reader) != ARCHIVE_OK ||
        archive_read_open1(archive) != ARCHIVE_OK)
        rc = refuse(archive, err);
    else
        rc = index_entries(file, archive, err);
    if (rc == 0)
        rc = check_end(file, err);
    (void)archive_read_free(archive);
    if (rc == 0)
        archive_file_sort(file);
    return rc;
}

/* ------------------------------------------------------------------ a folder */

struct folder {
    struct archive_file *file;
    const char *prefix; /* "", or with its slash */
};

static int add_file(int dir_fd, const char *name, unsigned char type, void *context,
                    struct mcpd_error *err)
{
    struct folder *folder = context;
    struct archive_file *file = folder->file;
    struct stat st;
    int rc;

    (void)type;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return 0;
    rc = grow(file, err);
    if (rc < 0)
        return rc;
    file->members[file->count] = (struct archive_member){
        .name = str_format("%s%s", folder->prefix, name),
        .size = (uint64_t)st.st_size,
    };
    if (!file->members[file->count].name)
        return error_no_memory(err, "the folder's index");
    file->count++;
    return 0;
}

static int index_folder(struct archive_file *file, struct mcpd_error *err)
{
    struct folder folder = {.file = file, .prefix = ""};
    int rc = fs_visit_dir(file->fd, ".", add_file, &folder, err);

    folder.prefix = BLOBS "/";
    if (rc == 0 && fs_exists(file->fd, BLOBS))
        rc = fs_visit_dir(file->fd, BLOBS, add_file, &folder, err);
    if (rc == 0)
        archive_file_sort(file);
    return rc;
}

/* ------------------------------------------------------------------ either */

static bool is_folder(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

int archive_file_open(int input_fd, int tmp_fd, struct archive_file *ret_file,
                      struct mcpd_error *err)
{
    CLEANUP_ARCHIVE_FILE struct archive_file file = {.fd = -1, .is_folder = is_folder(input_fd)};
    int rc = 0;

    if (file.is_folder || is_plain_tar(input_fd)) {
        file.fd = fcntl(input_fd, F_DUPFD_CLOEXEC, 0);
        if (file.fd < 0)
            rc = error_errno(err, "duplicate a descriptor");
    } else {
        rc = archive_spool(input_fd, tmp_fd, &file.fd, err);
    }
    if (rc == 0)
        rc = file.is_folder ? index_folder(&file, err) : make_index(&file, err);
    if (rc < 0)
        return rc;
    *ret_file = file;
    file = (struct archive_file){.fd = -1};
    return 0;
}

/* ------------------------------------------------------------------ put together */

int archive_file_create(int tmp_fd, struct archive_file *ret_file, struct mcpd_error *err)
{
    int fd = openat(tmp_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0)
        return error_errno(err, "make an unnamed file in the store");
    *ret_file = (struct archive_file){.fd = fd};
    return 0;
}

int archive_file_add(struct archive_file *file, const char *name, uint64_t size,
                     struct mcpd_error *err)
{
    off_t end = lseek(file->fd, 0, SEEK_CUR);
    int rc = end < 0 ? error_errno(err, "ask for a place in a file") : grow(file, err);

    if (rc < 0)
        return rc;
    file->members[file->count] =
        (struct archive_member){.name = normalise("", name), .offset = (uint64_t)end, .size = size};
    if (!file->members[file->count].name)
        return error_no_memory(err, "the archive's index");
    file->count++;
    return 0;
}

/* ------------------------------------------------------------------ using it */

static const struct archive_member *find_exactly(const struct archive_file *file, const char *name)
{
    size_t low = 0, high = file->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(file->members[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < file->count && strcmp(file->members[low].name, name) == 0 ? &file->members[low]
                                                                           : NULL;
}

const struct archive_member *archive_file_find(const struct archive_file *file, const char *name)
{
    CLEANUP_FREE char *clean = normalise("", name);
    const struct archive_member *member = clean ? find_exactly(file, clean) : NULL;

    for (int i = 0; member && member->link; i++)
        member = i < MAX_LINKS ? find_exactly(file, member->link) : NULL;
    return member;
}

bool archive_file_has_twice(const struct archive_file *file, const char *name)
{
    CLEANUP_FREE char *clean = normalise("", name);
    const struct archive_member *member = clean ? find_exactly(file, clean) : NULL;

    return member && member + 1 < file->members + file->count &&
           strcmp(member[1].name, member->name) == 0;
}

ssize_t archive_file_pread(const struct archive_file *file, const struct archive_member *member,
                           uint64_t offset, void *buffer, size_t size, struct mcpd_error *err)
{
    uint64_t left = offset < member->size ? member->size - offset : 0;
    CLEANUP_FD int own_fd = -1;
    ssize_t count;

    if (size > left)
        size = (size_t)left;
    if (file->is_folder) {
        own_fd = saferoot_open(file->fd, member->name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0, err);
        if (own_fd < 0)
            return own_fd;
    }
    do
        count = pread(file->is_folder ? own_fd : file->fd, buffer, size,
                      (off_t)(member->offset + offset));
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return error_errno(err, "read %s of the archive", member->name);
    if (count == 0 && size > 0)
        return error_set(err, MCPD_E_CORRUPT, "the archive ends in the middle of %s", member->name);
    return count;
}

int archive_file_read(const struct archive_file *file, const struct archive_member *member,
                      size_t maximum, char **ret_text, size_t *ret_length, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;

    if (member->size > maximum)
        return error_set(err, MCPD_E_LIMIT, "%s of the archive is larger than %zu bytes",
                         member->name, maximum);
    text = malloc((size_t)member->size + 1);
    if (!text)
        return error_no_memory(err, "a document");
    while (length < member->size) {
        ssize_t count = archive_file_pread(file, member, length, text + length,
                                           (size_t)member->size - length, err);

        if (count < 0)
            return (int)count;
        length += (size_t)count;
    }
    text[length] = '\0';
    *ret_text = TAKE_PTR(text);
    *ret_length = length;
    return 0;
}

int archive_file_hash(const struct archive_file *file, const struct archive_member *member,
                      struct digest *ret_digest, struct mcpd_error *err)
{
    CLEANUP_SHA256 struct sha256 sha256 = {0};
    CLEANUP_FREE char *buffer = malloc(HASH_BYTES);
    uint64_t done = 0;
    int rc;

    if (!buffer)
        return error_no_memory(err, "a digest");
    rc = sha256_init(&sha256, err);
    while (rc == 0 && done < member->size) {
        ssize_t count = archive_file_pread(file, member, done, buffer, HASH_BYTES, err);

        if (count < 0)
            return (int)count;
        sha256_update(&sha256, buffer, (size_t)count);
        done += (uint64_t)count;
    }
    return rc < 0 ? rc : sha256_finish(&sha256, ret_digest, err);
}
