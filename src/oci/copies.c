/* copies.c - see copies.h. */
#include "oci/copies.h"

#include "base/jsonx.h"
#include "base/log.h"
#include "base/str.h"
#include "oci/blobs.h"

#include <string.h>

#define FILE_NAME      "copies.json"
#define FILE_MAX_BYTES (64u << 10)
#define PATH_SIZE      96

static void file_path(const struct digest *diff_id, char buffer[PATH_SIZE])
{
    (void)snprintf(buffer, PATH_SIZE, "%s/" FILE_NAME, digest_hex(diff_id));
}

static void copy_done(struct copy *copy)
{
    free(copy->packing);
    strv_free(copy->repositories);
    *copy = (struct copy){0};
}

void copies_done(struct copies *copies)
{
    for (size_t i = 0; i < copies->count; i++)
        copy_done(&copies->list[i]);
    free(copies->list);
    *copies = (struct copies){0};
}

/* ------------------------------------------------------------------ reading */

/* *copy is zeroed by the caller, who also cleans up after a failure. */
static int read_copy(const json_t *object, struct copy *copy)
{
    const char *digest = NULL;
    int rc = jsonx_get_string(object, "digest", FILE_NAME, &digest, NULL);

    if (rc == 0)
        rc = digest_parse(digest ? digest : "", &copy->digest, NULL);
    if (rc == 0)
        rc = jsonx_get_u64(object, "size", FILE_NAME, &copy->size, NULL);
    if (rc == 0)
        rc = jsonx_dup_string(object, "packing", FILE_NAME, &copy->packing, NULL);
    if (rc == 0)
        rc = jsonx_get_strv(object, "in", FILE_NAME, &copy->repositories, NULL);
    return rc;
}

void copies_load(const struct store *store, const struct digest *diff_id, struct copies *ret_copies)
{
    CLEANUP_COPIES struct copies copies = {0};
    CLEANUP_JSON json_t *json = NULL;
    json_t *list = NULL;
    char path[PATH_SIZE];
    size_t count;

    *ret_copies = (struct copies){0};
    file_path(diff_id, path);
    if (jsonx_load(store_of_layer(store, diff_id)->layers_fd, path, FILE_MAX_BYTES, &json, NULL) <
            0 ||
        jsonx_get_array(json, "copies", FILE_NAME, &list, NULL) < 0)
        return;
    count = json_array_size(list);
    copies.list = calloc(count + 1, sizeof(*copies.list));
    for (size_t i = 0; i < count && copies.list; i++)
        if (read_copy(json_array_get(list, i), &copies.list[copies.count++]) < 0)
            return;
    *ret_copies = copies;
    copies = (struct copies){0};
}

const struct copy *copies_find(const struct copies *copies, const struct digest *digest)
{
    for (size_t i = 0; i < copies->count; i++)
        if (digest_equal(&copies->list[i].digest, digest))
            return &copies->list[i];
    return NULL;
}

const struct copy *copies_find_packed(const struct copies *copies, const char *packing)
{
    for (size_t i = copies->count; i > 0; i--)
        if (str_equal(copies->list[i - 1].packing, packing))
            return &copies->list[i - 1];
    return NULL;
}

const struct copy *copies_find_stored(const struct copies *copies, const struct store *store)
{
    for (size_t i = 0; i < copies->count; i++)
        if (blob_exists(store, &copies->list[i].digest))
            return &copies->list[i];
    return NULL;
}

const char *copy_path_on(const struct copy *copy, const char *host, const char *except)
{
    size_t length = strlen(host);

    for (size_t i = strv_length(copy->repositories); i > 0; i--) {
        const char *repository = copy->repositories[i - 1];

        if (str_has_prefix(repository, host) && repository[length] == '/' &&
            strcmp(repository + length + 1, except) != 0)
            return repository + length + 1;
    }
    return NULL;
}

static bool has_all(const struct store *store, const struct digest *diff_ids,
                    const struct digest *blobs, size_t count, const char *repository)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP_COPIES struct copies copies = {0};
        const struct copy *copy;

        copies_load(store, &diff_ids[i], &copies);
        copy = copies_find(&copies, &blobs[i]);
        if (!copy || !strv_contains(copy->repositories, repository))
            return false;
    }
    return true;
}

bool copies_find_source(const struct store *store, const struct digest *diff_ids,
                        const struct digest *blobs, size_t count, struct reference *ret_source)
{
    CLEANUP_COPIES struct copies copies = {0};
    const struct copy *copy;

    if (count == 0)
        return false;
    copies_load(store, &diff_ids[0], &copies);
    copy = copies_find(&copies, &blobs[0]);
    for (size_t i = copy ? strv_length(copy->repositories) : 0; i > 0; i--)
        if (has_all(store, diff_ids, blobs, count, copy->repositories[i - 1]) &&
            reference_parse(copy->repositories[i - 1], ret_source, NULL) == 0)
            return true;
    return false;
}

/* ------------------------------------------------------------------ writing */

static json_t *copy_json(const struct copy *copy)
{
    json_t *object = json_pack("{s:s, s:I, s:o}", "digest", copy->digest.text, "size",
                               (json_int_t)copy->size, "in", jsonx_strv(copy->repositories));

    if (object && copy->packing)
        (void)json_object_set_new(object, "packing", jsonx_string(copy->packing));
    return object;
}

/* The last `maximum` of a vector are kept. */
static int append_repository(char ***repositories, const char *repository)
{
    size_t count = strv_length(*repositories);

    if (count >= COPIES_MAX_REPOSITORIES) {
        free((*repositories)[0]);
        memmove(*repositories, *repositories + 1, count * sizeof(char *));
    }
    return strv_append(repositories, repository);
}

static int append_copy(struct copies *copies, const struct copy *copy)
{
    struct copy *grown;
    struct copy new = {.digest = copy->digest, .size = copy->size};

    if (copies->count >= COPIES_MAX) {
        copy_done(&copies->list[0]);
        copies->count--;
        memmove(copies->list, copies->list + 1, copies->count * sizeof(*copies->list));
    }
    grown = reallocarray(copies->list, copies->count + 1, sizeof(*grown));
    if (!grown)
        return -MCPD_E_NO_MEMORY;
    copies->list = grown;
    new.packing = copy->packing ? strdup(copy->packing) : NULL;
    new.repositories = strv_copy(copy->repositories);
    grown[copies->count++] = new;
    return new.repositories && !copy->packing == !new.packing ? 0 : -MCPD_E_NO_MEMORY;
}

/* *ret_is_new: there is something to write. */
static int merge(struct copies *copies, const struct copy *copy, bool *ret_is_new)
{
    const char *repository = copy->repositories ? copy->repositories[0] : NULL;
    struct copy *known = NULL;

    for (size_t i = 0; i < copies->count && !known; i++)
        if (digest_equal(&copies->list[i].digest, &copy->digest))
            known = &copies->list[i];
    *ret_is_new = !known || (repository && !strv_contains(known->repositories, repository));
    if (!*ret_is_new)
        return 0;
    return known ? append_repository(&known->repositories, repository) : append_copy(copies, copy);
}

int copies_add(const struct store *store, const struct digest *diff_id, const struct copy *copy,
               struct mcpd_error *err)
{
    CLEANUP_COPIES struct copies copies = {0};
    CLEANUP_JSON json_t *json = NULL;
    char path[PATH_SIZE];
    json_t *list;
    bool is_new = false;
    int rc;

    copies_load(store, diff_id, &copies);
    rc = merge(&copies, copy, &is_new);
    if (rc < 0)
        return error_no_memory(err, FILE_NAME);
    if (!is_new)
        return 0;
    list = json_array();
    json = json_pack("{s:o}", "copies", list);
    for (size_t i = 0; json && i < copies.count; i++)
        if (json_array_append_new(list, copy_json(&copies.list[i])) < 0)
            return error_no_memory(err, FILE_NAME);
    if (!json)
        return error_no_memory(err, FILE_NAME);
    file_path(diff_id, path);
    return jsonx_save(store->layers_fd, path, json, 0, err);
}

void copies_remember(const struct store *store, const struct manifest *manifest,
                     const struct imageconfig *config, const char *repository)
{
    CLEANUP_FREE char *name = repository ? strdup(repository) : NULL;
    char *repositories[] = {name, NULL};

    for (size_t i = 0;
         !name == !repository && i < manifest->layer_count && i < config->diff_id_count; i++) {
        const struct copy copy = {
            .digest = manifest->layers[i].digest,
            .size = manifest->layers[i].size,
            .repositories = repositories,
        };
        struct mcpd_error problem = {0};

        if (copies_add(store, &config->diff_ids[i], &copy, &problem) < 0)
            log_debug("store", "%s", problem.message);
    }
}
