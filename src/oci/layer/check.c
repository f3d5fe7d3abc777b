/*
 * check.c - see check.h.
 *
 * Theory of operation. Layers are read where their owners are known: by root here, by an ordinary
 * user in the user namespace, which is another process. What it finds comes back through a file in
 * memory: for each layer a header, then its findings, each two strings with their NUL.
 */
#include "oci/layer/check.h"

#include "base/fsutil.h"
#include "base/jsonx.h"
#include "base/str.h"
#include "base/userns.h"
#include "oci/blobs.h"
#include "oci/layer/contents_check.h"
#include "oci/layer/contents_file.h"
#include "oci/layer/sha256.h"
#include "oci/layers.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define RESULTS_MAX_BYTES (256u << 20)

const char *check_kind_name(enum check_kind kind)
{
    static const char *const names[] = {
        [CHECK_KIND_MANIFEST] = "manifest", [CHECK_KIND_CONFIG] = "config",
        [CHECK_KIND_BLOB] = "blob",         [CHECK_KIND_LAYER] = "layer",
        [CHECK_KIND_OTHER] = "blob",
    };

    return names[kind];
}

/* ------------------------------------------------------------------ objects */

static void object_free(struct check_object *object)
{
    for (size_t i = 0; i < object->finding_count; i++) {
        free(object->findings[i].path);
        free(object->findings[i].what);
    }
    free(object->findings);
    free(object);
}

void check_init(const struct store *store, struct check *ret_check)
{
    *ret_check = (struct check){.store = store};
}

void check_done(struct check *check)
{
    int saved_errno = errno;

    for (size_t i = 0; i < check->count; i++)
        object_free(check->objects[i]);
    free(check->objects);
    *check = (struct check){0};
    errno = saved_errno;
}

static int compare(const struct check_object *object, bool is_layer, const struct digest *digest)
{
    bool object_is_layer = object->kind == CHECK_KIND_LAYER;

    if (object_is_layer != is_layer)
        return object_is_layer ? 1 : -1;
    return digest_compare(&object->digest, digest);
}

/* Where it is, or would be. */
static size_t find_place(const struct check *check, bool is_layer, const struct digest *digest)
{
    size_t first = 0, end = check->count;

    while (first < end) {
        size_t middle = first + (end - first) / 2;

        if (compare(check->objects[middle], is_layer, digest) < 0)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static struct check_object *find(const struct check *check, bool is_layer,
                                 const struct digest *digest)
{
    size_t place = find_place(check, is_layer, digest);

    return place < check->count && compare(check->objects[place], is_layer, digest) == 0
               ? check->objects[place]
               : NULL;
}

const struct check_object *check_find(const struct check *check, bool is_layer,
                                      const struct digest *digest)
{
    return find(check, is_layer, digest);
}

void check_forget(struct check *check, bool is_layer, const struct digest *digest)
{
    size_t place = find_place(check, is_layer, digest);

    if (!find(check, is_layer, digest))
        return;
    object_free(check->objects[place]);
    check->count--;
    memmove(check->objects + place, check->objects + place + 1,
            (check->count - place) * sizeof(struct check_object *));
}

static int add(struct check *check, enum check_kind kind, const struct digest *digest,
               struct check_object **ret_object, struct mcpd_error *err)
{
    size_t place = find_place(check, kind == CHECK_KIND_LAYER, digest);
    struct check_object **objects =
        reallocarray(check->objects, check->count + 1, sizeof(struct check_object *));
    struct check_object *object = calloc(1, sizeof(*object));

    if (objects)
        check->objects = objects;
    if (!objects || !object) {
        free(object);
        return error_no_memory(err, "checking the store");
    }
    object->kind = kind;
    object->digest = *digest;
    memmove(objects + place + 1, objects + place,
            (check->count - place) * sizeof(struct check_object *));
    objects[place] = object;
    check->count++;
    *ret_object = object;
    return 0;
}

/* path: NULL or "": the object as a whole. */
static int add_finding(struct check_object *object, const char *path, const char *what,
                       struct mcpd_error *err)
{
    struct check_finding *findings;

    object->problem_count++;
    if (object->finding_count >= CHECK_FINDINGS_MAX)
        return 0;
    findings = reallocarray(object->findings, object->finding_count + 1, sizeof(*findings));
    if (!findings)
        return error_no_memory(err, "checking the store");
    object->findings = findings;
    findings += object->finding_count++;
    findings->path = path && *path ? strdup(path) : NULL;
    findings->what = strdup(what);
    return findings->what && (!path || !*path || findings->path)
               ? 0
               : error_no_memory(err, "checking the store");
}

/* ------------------------------------------------------------------ blobs */

static int hash_blob(int fd, uint64_t bytes, struct digest *ret_digest, struct mcpd_error *err)
{
    CLEANUP_SHA256 struct sha256 sha256 = {0};
    int rc = sha256_init(&sha256, err);

    /* What is in memory may be better than what is on the disk. */
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    if (rc == 0)
        rc = sha256_update_file(&sha256, fd, 0, bytes, err);
    return rc < 0 ? rc : sha256_finish(&sha256, ret_digest, err);
}

static int look_at_blob(const struct check *check, struct check_object *object, uint64_t size,
                        struct mcpd_error *err)
{
    CLEANUP_FD int fd = -1;
    struct mcpd_error problem = {0};
    struct digest digest;
    char what[200];
    int rc = blob_open(check->store, &object->digest, &fd, &object->bytes, &problem);

    if (rc == -MCPD_E_NOT_FOUND)
        return object->kind == CHECK_KIND_BLOB ? 0 : add_finding(object, NULL, "is missing", err);
    if (rc == 0 && size > 0 && object->bytes != size) {
        (void)snprintf(what, sizeof(what), "has %llu bytes instead of %llu",
                       (unsigned long long)object->bytes, (unsigned long long)size);
        return add_finding(object, NULL, what, err);
    }
    if (rc == 0)
        rc = hash_blob(fd, object->bytes, &digest, &problem);
    if (rc == -MCPD_E_NO_MEMORY || rc == -MCPD_E_INTERNAL)
        return error_copy(err, &problem);
    if (rc < 0)
        return add_finding(object, NULL, problem.message, err);
    if (digest_equal(&digest, &object->digest))
        return 0;
    (void)snprintf(what, sizeof(what), "contents differ: they are %s", digest.text);
    return add_finding(object, NULL, what, err);
}

int check_blob(struct check *check, enum check_kind kind, const struct digest *digest,
               uint64_t size, const struct check_object **ret_object, struct mcpd_error *err)
{
    struct check_object *object = find(check, false, digest);
    int rc = 0;

    if (!object) {
        rc = add(check, kind, digest, &object, err);
        if (rc == 0)
            rc = look_at_blob(check, object, size, err);
    }
    if (rc == 0)
        *ret_object = object;
    return rc;
}

/* ------------------------------------------------------------------ layers, where they are read */

struct layer_header {
    size_t problem_count;
    size_t finding_count;
    uint64_t bytes;
};

struct layer_look {
    struct buf findings; /* path and what, each with its NUL */
    struct layer_header header;
};

static void note(void *context, const char *path, const char *what)
{
    struct layer_look *look = context;

    look->header.problem_count++;
    if (look->header.finding_count >= CHECK_FINDINGS_MAX)
        return;
    look->header.finding_count++;
    (void)buf_append(&look->findings, path, strlen(path) + 1);
    (void)buf_append(&look->findings, what, strlen(what) + 1);
}

/* Negative: a finding says why. */
static int open_part(const struct store *store, const struct digest *diff_id, const char *name,
                     int flags, struct layer_look *look)
{
    const struct store *home = store_of_layer(store, diff_id);
    char path[STORE_LAYER_PATH_SIZE];
    char what[160];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", digest_hex(diff_id), name);
    fd = openat(home->layers_fd, path, flags | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        (void)snprintf(what, sizeof(what), "'%s' cannot be opened: %s", name,
                       strerrordesc_np(errno));
        note(look, "", what);
    }
    return fd;
}

static void look_at_description(const struct store *store, const struct digest *diff_id,
                                const struct contents_total *total, struct layer_look *look)
{
    const struct layer_sizes sizes = {total->bytes, total->disk_bytes, total->tar_bytes};
    struct mcpd_error problem = {0};

    if (look->header.problem_count == 0 &&
        layers_check_description(store, diff_id, &sizes, &problem) < 0)
        note(look, "", problem.message);
}

static int look_at_layer(const struct store *store, const struct digest *diff_id, int results_fd,
                         struct mcpd_error *err)
{
    struct layer_look look = {0};
    CLEANUP_FD int fs_fd = -1;
    CLEANUP_FD int list_fd = -1;
    struct contents_total total = {0};
    size_t ignored_count = 0;
    int rc = 0;

    buf_init(&look.findings, RESULTS_MAX_BYTES);
    fs_fd = open_part(store, diff_id, "fs", O_DIRECTORY, &look);
    list_fd = fs_fd >= 0 ? open_part(store, diff_id, CONTENTS_FILE_NAME, 0, &look) : -1;
    if (list_fd >= 0)
        rc = contents_check(fs_fd, list_fd, note, &look, &total, &ignored_count, err);
    look.header.bytes = total.bytes;
    look_at_description(store, diff_id, &total, &look);
    if (rc == 0)
        rc = buf_check(&look.findings, "what was found", err);
    if (rc == 0)
        rc = fs_write_all(results_fd, &look.header, sizeof(look.header), "results", err);
    if (rc == 0)
        rc = fs_write_all(results_fd, buf_text(&look.findings), look.findings.length, "results",
                          err);
    buf_done(&look.findings);
    return rc;
}

struct layers_work {
    const struct check *check;
    int results_fd;
};

static int look_at_layers(void *context, struct mcpd_error *err)
{
    const struct layers_work *work = context;
    CLEANUP_FD int cwd_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < work->check->count; i++)
        if (work->check->objects[i]->is_due)
            rc = look_at_layer(work->check->store, &work->check->objects[i]->digest,
                               work->results_fd, err);
    if (cwd_fd >= 0 && fchdir(cwd_fd) < 0 && rc == 0)
        rc = error_errno(err, "go back to the working directory");
    return rc;
}

/* ------------------------------------------------------------------ layers, here */

int check_note_layer(struct check *check, const struct digest *diff_id, struct mcpd_error *err)
{
    struct check_object *object = find(check, true, diff_id);
    int rc;

    if (object)
        return 0;
    rc = add(check, CHECK_KIND_LAYER, diff_id, &object, err);
    if (rc == 0)
        object->is_due = true;
    return rc;
}

/* One string with its NUL; NULL: there is none. Moves *next. */
static const char *take_string(const char **next, const char *end)
{
    const char *text = *next;
    const char *nul = memchr(text, '\0', (size_t)(end - text));

    *next = nul ? nul + 1 : end;
    return nul ? text : NULL;
}

static int take_layer(struct check_object *object, const char **next, const char *end,
                      struct mcpd_error *err)
{
    struct layer_header header;

    if ((size_t)(end - *next) < sizeof(header))
        return error_set(err, MCPD_E_INTERNAL, "a result is missing");
    memcpy(&header, *next, sizeof(header));
    *next += sizeof(header);
    object->bytes = header.bytes;
    object->is_due = false;
    for (size_t i = 0; i < header.finding_count; i++) {
        const char *path = take_string(next, end);
        const char *what = path ? take_string(next, end) : NULL;
        int rc;

        if (!what)
            return error_set(err, MCPD_E_INTERNAL, "a result is cut off");
        rc = add_finding(object, path, what, err);
        if (rc < 0)
            return rc;
    }
    object->problem_count = header.problem_count;
    return 0;
}

int check_layers(struct check *check, struct mcpd_error *err)
{
    CLEANUP_FD int results_fd = memfd_create("mcpd: results", MFD_CLOEXEC);
    struct layers_work work = {.check = check, .results_fd = results_fd};
    CLEANUP_FREE char *results = NULL;
    const char *next;
    size_t length = 0;
    int rc;

    if (results_fd < 0)
        return error_errno(err, "memfd_create");
    rc = userns_run(look_at_layers, &work, err);
    if (rc == 0 && lseek(results_fd, 0, SEEK_SET) < 0)
        rc = error_errno(err, "lseek");
    if (rc == 0)
        rc = fs_read_fd(results_fd, "results", RESULTS_MAX_BYTES, &results, &length, err);
    next = results;
    for (size_t i = 0; rc == 0 && i < check->count; i++)
        if (check->objects[i]->is_due)
            rc = take_layer(check->objects[i], &next, results + length, err);
    return rc;
}
