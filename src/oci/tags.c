/*
 * tags.c - names of images as files.
 *
 * The file name is the reference itself, so that looking one up is opening one file, whatever the
 * number of images. A name in the folder that is not exactly what tags_file_name makes of it is not
 * ours and is never used.
 */
#include "oci/tags.h"

#include "base/fsutil.h"
#include "base/jsonx.h"
#include "base/lock.h"
#include "base/str.h"
#include "oci/tags_batch.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define TAG_MAX_BYTES 4096
#define LOCK_NAME     ".lock"

/* ---------------------------------------------------------------- file names */

static int encode(const char *text, char buffer[TAGS_NAME_SIZE])
{
    size_t end = 0;

    for (const char *c = text; *c; c++) {
        bool is_special = *c == '/' || *c == '%';

        if (end + (is_special ? 3 : 1) >= TAGS_NAME_SIZE)
            return -MCPD_E_LIMIT;
        if (is_special)
            end += (size_t)snprintf(buffer + end, 4, "%%%02X", (unsigned int)*c);
        else
            buffer[end++] = *c;
    }
    buffer[end] = '\0';
    return 0;
}

/* The name of the digest form is without the tag: what was asked for by digest is exactly that. */
void tags_format(const struct reference *name, char *buffer, size_t size)
{
    struct reference plain = *name;

    if (digest_is_set(&plain.digest))
        plain.tag[0] = '\0';
    reference_format(&plain, buffer, size);
}

int tags_file_name(const struct reference *name, char buffer[TAGS_NAME_SIZE],
                   struct mcpd_error *err)
{
    char text[REFERENCE_MAX_LENGTH + 1];

    tags_format(name, text, sizeof(text));
    if (encode(text, buffer) < 0)
        return error_set(err, MCPD_E_LIMIT,
                         "%s: the name is too long to be stored (%d bytes, each '/' takes 3)", text,
                         TAGS_NAME_SIZE - 1);
    return 0;
}

void tags_untagged_file_name(const struct digest *manifest_digest, char buffer[TAGS_NAME_SIZE])
{
    (void)snprintf(buffer, TAGS_NAME_SIZE, "@%s", manifest_digest->text);
}

/* The readable name of a file, NULL (INVALID) when no reference is stored like that. */
static int decode(const char *file_name, struct tag *tag, struct mcpd_error *err)
{
    char text[TAGS_NAME_SIZE];
    char again[TAGS_NAME_SIZE];
    struct reference reference;
    size_t end = 0;

    for (const char *c = file_name; *c && end < sizeof(text) - 1; c++) {
        bool is_slash = str_has_prefix(c, "%2F");

        text[end++] = (char)(is_slash ? '/' : *c);
        c += is_slash ? 2 : 0;
    }
    text[end] = '\0';
    if (reference_parse(text, &reference, err) < 0 || tags_file_name(&reference, again, err) < 0 ||
        !str_equal(again, file_name))
        return error_set(err, MCPD_E_INVALID, "not the name of an image");
    tag->kind = digest_is_set(&reference.digest) ? TAG_KIND_DIGEST : TAG_KIND_NAME;
    tag->name = strdup(text);
    return tag->name ? 0 : error_no_memory(err, "tag");
}

/* ---------------------------------------------------------------- one tag */

/* An absent one stays unset. */
static int get_digest(const json_t *json, const char *key, struct digest *digest,
                      struct mcpd_error *err)
{
    const char *text = NULL;
    int rc = jsonx_get_string(json, key, "tag", &text, err);

    return rc < 0 || !text ? rc : digest_parse(text, digest, err);
}

static int parse_tag(const json_t *json, const char *file_name, struct tag *tag,
                     struct mcpd_error *err)
{
    struct tag found = {.kind = tag->kind, .name = tag->name};
    int rc = get_digest(json, "manifest", &found.manifest_digest, err);

    if (rc == 0 && !digest_is_set(&found.manifest_digest))
        rc = error_set(err, MCPD_E_CORRUPT, "no manifest");
    if (rc == 0)
        rc = get_digest(json, "image", &found.image_id, err);
    if (rc == 0)
        rc = get_digest(json, "index", &found.index_digest, err);
    if (rc == 0)
        rc = jsonx_get_bool(json, "further", "tag", &found.is_further, err);
    if (rc < 0)
        return error_wrap(err, -MCPD_E_CORRUPT, "images/tags/%s", file_name);
    *tag = found;
    return 0;
}

/* batch: what is changing together, NULL: nothing. */
static int read_tag_of(const struct store *store, const json_t *batch, const char *file_name,
                       struct tag *tag, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *json = json_incref(json_object_get(batch, file_name));
    int rc = 0;

    if (json_is_null(json))
        return error_set(err, MCPD_E_NOT_FOUND, "images/tags/%s was removed", file_name);
    if (!json)
        rc = jsonx_load(store->tags_fd, file_name, TAG_MAX_BYTES, &json, err);
    if (rc == -MCPD_E_LIMIT)
        return error_wrap(err, -MCPD_E_CORRUPT, "images/tags");
    return rc < 0 ? rc : parse_tag(json, file_name, tag, err);
}

int tags_read(const struct store *store, const char *file_name, struct tag *tag,
              struct mcpd_error *err)
{
    CLEANUP_JSON json_t *batch = NULL;
    int rc = tags_batch_load(store, &batch, err);

    return rc < 0 ? rc : read_tag_of(store, batch, file_name, tag, err);
}

json_t *tags_to_json(const struct tag *tag)
{
    CLEANUP_JSON json_t *json = json_pack("{s:s}", "manifest", tag->manifest_digest.text);
    int failed = !json;

    if (digest_is_set(&tag->image_id))
        failed |= json_object_set_new(json, "image", json_string(tag->image_id.text));
    if (digest_is_set(&tag->index_digest))
        failed |= json_object_set_new(json, "index", json_string(tag->index_digest.text));
    if (tag->is_further)
        failed |= json_object_set_new(json, "further", json_true());
    return failed ? NULL : TAKE_PTR(json);
}

int tags_write(const struct store *store, const char *file_name, const struct tag *tag,
               struct mcpd_error *err)
{
    CLEANUP_JSON json_t *json = tags_to_json(tag);

    if (!json)
        return error_no_memory(err, "tag");
    return jsonx_save(store->tags_fd, file_name, json, FS_WRITE_SYNC, err);
}

int tags_remove(const struct store *store, const char *file_name, struct mcpd_error *err)
{
    return fs_unlink_if_exists(store->tags_fd, file_name, err);
}

int tags_sync(const struct store *store, struct mcpd_error *err)
{
    return fs_sync_dir(store->tags_fd, err);
}

int tags_lock(const struct store *store, int *ret_fd, struct mcpd_error *err)
{
    CLEANUP_FD int fd = -1;
    int rc = lock_take(store->tags_fd, LOCK_NAME, LOCK_KIND_EXCLUSIVE, -1, &fd, err);

    if (rc == 0)
        rc = tags_batch_finish(store, err);
    if (rc < 0)
        return rc;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

/* ---------------------------------------------------------------- all tags */

void tag_list_done(struct tag_list *list)
{
    int saved_errno = errno;

    for (size_t i = 0; i < list->count; i++)
        free(list->tags[i].name);
    free(list->tags);
    *list = (struct tag_list){0};
    errno = saved_errno;
}

struct listing {
    const struct store *store;
    json_t *batch; /* owned; NULL: none */
    struct tag_list list;
    size_t capacity;
};

/* For a tag of a store that did not write them yet. */
static void look_up_image_id(const struct store *store, struct tag *tag)
{
    CLEANUP(manifest_document_done) struct manifest_document document = {0};

    if (store_load_manifest(store, &tag->manifest_digest, &document, NULL) == 0)
        tag->image_id = document.manifest.config.digest;
}

static int read_tag(const struct listing *listing, const char *file_name, struct tag *tag,
                    struct mcpd_error *err)
{
    const struct store *store = listing->store;
    struct stat st;
    int rc = read_tag_of(store, listing->batch, file_name, tag, err);

    if (rc < 0)
        return rc;
    if (!digest_is_set(&tag->image_id))
        look_up_image_id(store, tag);
    if (fstatat(store->tags_fd, file_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        tag->written = st.st_mtim;
    if (file_name[0] != '@')
        return decode(file_name, tag, err);
    if (!str_equal(file_name + 1, tag->manifest_digest.text))
        return error_set(err, MCPD_E_CORRUPT, "does not hold its own digest");
    tag->kind = TAG_KIND_UNTAGGED;
    tag->name = strdup(file_name);
    return tag->name ? 0 : error_no_memory(err, "tag");
}

static int append(struct listing *listing, const struct tag *tag, struct mcpd_error *err)
{
    struct tag_list *list = &listing->list;

    if (list->count == listing->capacity) {
        size_t capacity = listing->capacity ? listing->capacity * 2 : 16;
        struct tag *tags = reallocarray(list->tags, capacity, sizeof(*tags));

        if (!tags)
            return error_no_memory(err, "tags");
        list->tags = tags;
        listing->capacity = capacity;
    }
    list->tags[list->count++] = *tag;
    return 0;
}

static int add_tag(struct listing *listing, const char *name, struct mcpd_error *err)
{
    struct mcpd_error problem = {0};
    struct tag tag = {0};
    int rc = read_tag(listing, name, &tag, &problem);

    if (rc == -MCPD_E_NO_MEMORY)
        return error_copy(err, &problem);
    if (rc == -MCPD_E_NOT_FOUND) /* removed since we read the folder */
        return 0;
    if (rc < 0) {
        store_warn(listing->store, name, &problem);
        return 0;
    }
    rc = append(listing, &tag, err);
    if (rc < 0)
        free(tag.name);
    return rc;
}

static int visit_tag(int dir_fd, const char *name, unsigned char type, void *context,
                     struct mcpd_error *err)
{
    struct listing *listing = context;

    (void)dir_fd;
    (void)type;
    if (name[0] == '.' || json_object_get(listing->batch, name))
        return 0;
    return add_tag(listing, name, err);
}

static int add_batch(struct listing *listing, struct mcpd_error *err)
{
    const char *name;
    json_t *value;

    json_object_foreach(listing->batch, name, value) {
        int rc = json_is_null(value) ? 0 : add_tag(listing, name, err);

        if (rc < 0)
            return rc;
    }
    return 0;
}

bool tags_is_same_image(const struct tag *a, const struct tag *b)
{
    return digest_equal(&a->manifest_digest, &b->manifest_digest) ||
           (digest_is_set(&a->image_id) && digest_equal(&a->image_id, &b->image_id));
}

static int compare_tags(const void *a, const void *b)
{
    const struct tag *left = a;
    const struct tag *right = b;
    int order = digest_compare(&left->image_id, &right->image_id);

    if (order == 0)
        order = digest_compare(&left->manifest_digest, &right->manifest_digest);
    if (order == 0)
        order = (int)left->kind - (int)right->kind;
    return order ? order : strcmp(left->name, right->name);
}

int tags_list(const struct store *store, struct tag_list *ret_list, struct mcpd_error *err)
{
    struct listing listing = {.store = store};
    int rc = tags_batch_load(store, &listing.batch, err);

    if (rc == 0)
        rc = fs_visit_dir(store->tags_fd, ".", visit_tag, &listing, err);
    if (rc == 0)
        rc = add_batch(&listing, err);
    json_decref(listing.batch);
    if (rc < 0) {
        tag_list_done(&listing.list);
        return rc;
    }
    if (listing.list.count > 1)
        qsort(listing.list.tags, listing.list.count, sizeof(struct tag), compare_tags);
    *ret_list = listing.list;
    return 0;
}

size_t tags_repository_length(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash ? (size_t)(slash - name) + strcspn(slash, ":@") : 0;
}

static bool is_of_same_image(const struct tag *a, const struct tag *b)
{
    return digest_equal(&a->image_id, &b->image_id) &&
           (digest_is_set(&a->image_id) || digest_equal(&a->manifest_digest, &b->manifest_digest));
}

size_t tags_group_length(const struct tag_list *list, size_t first)
{
    const struct tag *tag = &list->tags[first];
    size_t next = first + 1;

    while (next < list->count && is_of_same_image(tag, &list->tags[next]))
        next++;
    return next - first;
}

int tags_listed_file_name(const struct tag *tag, char buffer[TAGS_NAME_SIZE],
                          struct mcpd_error *err)
{
    if (encode(tag->name, buffer) < 0)
        return error_set(err, MCPD_E_LIMIT, "%s: the name is too long", tag->name);
    return 0;
}

bool tags_is_current(const struct store *store, const struct tag *tag)
{
    char file_name[TAGS_NAME_SIZE];
    struct tag now = {0};

    return encode(tag->name, file_name) == 0 && tags_read(store, file_name, &now, NULL) == 0 &&
           digest_equal(&now.manifest_digest, &tag->manifest_digest);
}

int tags_remove_listed(const struct store *store, const struct tag *tag, struct mcpd_error *err)
{
    char file_name[TAGS_NAME_SIZE];
    int rc = tags_listed_file_name(tag, file_name, err);

    return rc < 0 ? rc : tags_remove(store, file_name, err);
}
