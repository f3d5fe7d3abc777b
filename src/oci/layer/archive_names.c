/* archive_names.c - see archive_names.h. */
#include "oci/layer/archive_names.h"

#include "base/str.h"
#include "oci/layer/unpack_policy.h"

#include <string.h>

/* What is committed, put together image by image. */
struct commit_list {
    struct commit_document *documents;
    size_t document_count;
    struct store_name *names;
    size_t name_count;
    struct reference *references; /* of the names; never moved */
    size_t reference_count;
    char **visible;
};

static void commit_list_done(struct commit_list *list)
{
    free(list->documents);
    free(list->names);
    free(list->references);
    strv_free(list->visible);
}

/* podman refuses the archive as well, with the same words for the name. */
static int refuse_name(const char *text, const struct mcpd_error *problem, struct mcpd_error *err)
{
    char shown[200];

    unpack_policy_show(text, shown, sizeof(shown));
    return error_set(err, MCPD_E_CORRUPT, "invalid name \"%s\": %s", shown, problem->message);
}

int archive_names_parse(const char *text, bool is_docker, struct reference *ret_name,
                        struct mcpd_error *err)
{
    struct mcpd_error problem = {0};
    CLEANUP_FREE char *local = str_format("localhost/%s", text);
    size_t first = strcspn(text, "/");
    bool has_host = text[first] == '/' && (memchr(text, '.', first) || memchr(text, ':', first) ||
                                           (first == 9 && strncmp(text, "localhost", 9) == 0));

    if (!local)
        return error_no_memory(err, "names");
    return reference_parse(is_docker || has_host ? text : local, ret_name, &problem) < 0
               ? refuse_name(text, &problem, err)
               : 0;
}

int archive_names_check(const struct archive_images *images, struct mcpd_error *err)
{
    struct reference reference;
    int rc = 0;

    for (size_t i = 0; i < images->count; i++) {
        const struct archive_image *image = &images->items[i];

        for (size_t j = 0; image->names && image->names[j] && rc == 0; j++)
            rc = archive_names_parse(image->names[j], image->is_docker, &reference, err);
    }
    return rc;
}

static int add_visible(struct commit_list *list, const char *name, struct mcpd_error *err)
{
    if (strv_contains(list->visible, name))
        return 0;
    return strv_append(&list->visible, name) < 0 ? error_no_memory(err, "names") : 0;
}

static int add_image(struct commit_list *list, const struct archive_image *image,
                     struct mcpd_error *err)
{
    const struct digest *config = &image->document.manifest.config.digest;
    size_t before = list->name_count;

    list->documents[list->document_count++] = (struct commit_document){
        .digest = *config, .text = image->config_text, .length = image->config_length};
    list->documents[list->document_count++] = (struct commit_document){
        image->manifest_digest, image->manifest_text, image->manifest_length};
    if (image->index_text)
        list->documents[list->document_count++] =
            (struct commit_document){image->index_digest, image->index_text, image->index_length};
    for (size_t i = 0; image->names && image->names[i]; i++) {
        struct reference *reference = &list->references[list->reference_count];
        char shown[REFERENCE_MAX_LENGTH + 1];
        int rc = archive_names_parse(image->names[i], image->is_docker, reference, err);

        if (rc < 0)
            return rc;
        reference_format(reference, shown, sizeof(shown));
        rc = add_visible(list, shown, err);
        if (rc < 0)
            return rc;
        list->reference_count++;
        list->names[list->name_count++] =
            (struct store_name){reference, image->manifest_digest, image->index_digest};
    }
    if (list->name_count > before)
        return 0;
    list->names[list->name_count++] =
        (struct store_name){NULL, image->manifest_digest, image->index_digest};
    return add_visible(list, config->text, err);
}

static int allocate(struct commit_list *list, const struct archive_images *images,
                    struct mcpd_error *err)
{
    size_t names = 0;

    for (size_t i = 0; i < images->count; i++)
        names += strv_length(images->items[i].names);
    list->documents = calloc(3 * images->count + 1, sizeof(*list->documents));
    list->names = calloc(names + images->count + 1, sizeof(*list->names));
    list->references = calloc(names + 1, sizeof(*list->references));
    return list->documents && list->names && list->references ? 0 : error_no_memory(err, "names");
}

int archive_names_commit(struct ingest *ingest, const struct archive_images *images,
                         const struct progress_sink *progress, char ***ret_names,
                         struct mcpd_error *err)
{
    CLEANUP(commit_list_done) struct commit_list list = {0};
    int rc = allocate(&list, images, err);

    for (size_t i = 0; i < images->count && rc == 0; i++) {
        const struct archive_image *image = &images->items[i];

        progress_report(progress, "config", image->document.manifest.config.digest.text,
                        image->config_length, image->config_length);
        progress_report(progress, "manifest", image->manifest_digest.text, image->manifest_length,
                        image->manifest_length);
        rc = add_image(&list, image, err);
    }
    if (rc == 0)
        rc = ingest_commit_images(ingest, list.documents, list.document_count, list.names,
                                  list.name_count, err);
    if (rc < 0)
        return rc;
    progress_report(progress, "done", list.visible ? list.visible[0] : "", 0, 0);
    *ret_names = TAKE_PTR(list.visible);
    return 0;
}
