/*
 * resolve.c - see resolve.h.
 *
 * Theory of operation: GET manifests/TAG with all four media types in Accept. An index leads to the
 * entry of the wanted platform (an index in an index at most twice), that to the manifest, that to
 * the config. What was asked for by digest must have that digest; what was asked for by tag gets
 * the digest of its bytes, which must be the one the registry claims, if it claims one.
 */
#include "registry/resolve.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "oci/blobs.h"
#include "oci/layer/sha256.h"

#include <string.h>

#define MAX_INDEX_DEPTH 2
#define WHAT_SIZE       1024
#define CONFIG_POLL_MS  20

static const char *const accept_headers[] = {
    "Accept: " MEDIATYPE_OCI_INDEX ", " MEDIATYPE_DOCKER_LIST ", " MEDIATYPE_OCI_MANIFEST
    ", " MEDIATYPE_DOCKER_MANIFEST,
    NULL,
};

static void document_done(struct resolved_document *document)
{
    free(document->text);
    *document = (struct resolved_document){0};
}

void resolved_done(struct resolved *resolved)
{
    document_done(&resolved->index);
    document_done(&resolved->manifest_text);
    document_done(&resolved->config_text);
    manifest_document_done(&resolved->document);
    imageconfig_done(&resolved->config);
}

/* Takes the text over, also on failure. expected: NULL when only a tag is known. */
static int take_text(char *text, size_t length, const struct digest *expected,
                     struct resolved_document *ret_document, struct mcpd_error *err)
{
    CLEANUP_FREE char *owned = text;
    struct digest digest;
    int rc = sha256_of_bytes(text, length, &digest, err);

    if (rc < 0)
        return rc;
    if (expected && !digest_equal(expected, &digest))
        return error_set(err, MCPD_E_CORRUPT, "Digest did not match, expected %s, got %s",
                         expected->text, digest.text);
    *ret_document = (struct resolved_document){
        .text = TAKE_PTR(owned),
        .length = length,
        .digest = digest,
    };
    return 0;
}

/* Copies a body out of its transfer and checks it. */
static int take_document(const struct http_response *response, const struct digest *expected,
                         struct resolved_document *ret_document, struct mcpd_error *err)
{
    size_t length = response->body.length;
    char *text = malloc(length + 1);

    if (!text)
        return error_no_memory(err, "a document");
    memcpy(text, buf_text(&response->body), length);
    text[length] = '\0';
    return take_text(text, length, expected, ret_document, err);
}

/* ------------------------------------------------------------------ manifests */

/* The path of a manifest, by digest or by the reference's tag (digest NULL), and what to call it in
 * messages. */
static int name_manifest(const struct client *client, const struct digest *digest, char **ret_path,
                         char *what, size_t size, struct mcpd_error *err)
{
    const char *name = digest ? digest->text : client->reference.tag;
    char repository[REFERENCE_MAX_LENGTH + 1];

    reference_format_repository(&client->reference, repository, sizeof(repository));
    (void)snprintf(what, size, "reading manifest %s in %s", name, repository);
    *ret_path = str_format("manifests/%s", name);
    return *ret_path ? 0 : error_no_memory(err, "a request");
}

static const struct digest *wanted_digest(const struct client *client)
{
    return digest_is_set(&client->reference.digest) ? &client->reference.digest : NULL;
}

/* By digest, or by the reference's tag (digest NULL). */
static int fetch_manifest(struct client *client, const struct digest *digest,
                          struct resolved_document *ret_text,
                          struct manifest_document *ret_document, struct mcpd_error *err)
{
    CLEANUP_HTTP_TRANSFER struct http_transfer *transfer = NULL;
    CLEANUP_FREE char *path = NULL;
    const struct http_response *response = NULL;
    char what[WHAT_SIZE];
    int rc = name_manifest(client, digest, &path, what, sizeof(what), err);

    if (rc == 0)
        rc = client_get(client, HTTP_METHOD_GET, path, accept_headers, MANIFEST_MAX_BYTES, what,
                        &transfer, &response, err);
    if (rc < 0)
        return rc;
    rc = take_document(response, digest, ret_text, err);
    if (rc == 0)
        rc = manifest_parse(ret_text->text, ret_text->length, response->content_type, ret_document,
                            err);
    return rc < 0 ? error_wrap(err, rc, "%s", what) : 0;
}

static int wanted_platform(const struct client *client, struct platform *ret_platform,
                           struct mcpd_error *err)
{
    if (client->options->user.platform)
        return platform_parse(client->options->user.platform, ret_platform, err);
    platform_of_machine(ret_platform);
    return 0;
}

/* Goes from an index to the manifest of the wanted platform. */
static int descend(struct client *client, struct resolved *resolved, struct mcpd_error *err)
{
    struct platform wanted;
    int rc = wanted_platform(client, &wanted, err);

    for (int depth = 0; rc == 0 && resolved->document.kind == MANIFEST_KIND_INDEX; depth++) {
        const struct descriptor *entry = NULL;
        struct digest digest;

        if (depth == MAX_INDEX_DEPTH)
            return error_set(err, MCPD_E_PROTOCOL, "indexes lie too deep in each other");
        rc = manifest_index_choose(&resolved->document.index, &wanted, &entry, err);
        if (rc < 0)
            return rc;
        digest = entry->digest;
        manifest_document_done(&resolved->document);
        resolved->document = (struct manifest_document){0};
        if (!resolved->index.text) {
            resolved->index = resolved->manifest_text;
            resolved->manifest_text = (struct resolved_document){0};
        }
        document_done(&resolved->manifest_text);
        rc = fetch_manifest(client, &digest, &resolved->manifest_text, &resolved->document, err);
    }
    return rc;
}

/* ------------------------------------------------------------------ the config */

/* From the registry. */
static int download_config(struct client *client, const struct descriptor *config,
                           struct resolved_document *ret_document, struct mcpd_error *err)
{
    CLEANUP_HTTP_TRANSFER struct http_transfer *transfer = NULL;
    CLEANUP_FREE char *path = str_format("blobs/%s", config->digest.text);
    const struct http_response *response = NULL;
    char what[200];
    int rc;

    if (!path)
        return error_no_memory(err, "a request");
    (void)snprintf(what, sizeof(what), "reading config blob %s", config->digest.text);
    rc = client_get(client, HTTP_METHOD_GET, path, NULL, (size_t)config->size, what, &transfer,
                    &response, err);
    return rc < 0 ? rc : take_document(response, &config->digest, ret_document, err);
}

/* The lock of its partial file; whoever holds it is fetching the same. */
static int lock_config(struct client *client, const struct store *store,
                       const struct digest *digest, int *ret_fd, uint64_t *ret_length,
                       struct mcpd_error *err)
{
    for (;;) {
        struct mcpd_error problem = {0};
        int rc = blob_partial_open(store, digest, 0, ret_fd, ret_length, &problem);

        if (rc != -MCPD_E_TIMEOUT)
            return rc < 0 ? error_copy(err, &problem) : 0;
        rc = http_pause(client->http, CONFIG_POLL_MS, err);
        if (rc < 0)
            return rc;
    }
}

/* From the store, or what another process has left (fd); a damaged one is as good as none. */
static bool find_config(const struct store *store, const struct descriptor *config, int fd,
                        uint64_t length, struct resolved_document *ret_document)
{
    char *text = NULL;
    size_t count = 0;
    int rc = -MCPD_E_NOT_FOUND;

    if (fd < 0)
        rc = blob_read(store, &config->digest, (size_t)config->size, &text, &count, NULL);
    else if (length == config->size)
        rc = fs_read_fd(fd, "config", (size_t)config->size, &text, &count, NULL);
    return rc == 0 && take_text(text, count, &config->digest, ret_document, NULL) == 0;
}

static int share_config(struct client *client, const struct store *store,
                        const struct descriptor *config, struct resolved_document *ret_document,
                        struct mcpd_error *err)
{
    CLEANUP_FD int fd = -1;
    uint64_t length = 0;
    int rc = lock_config(client, store, &config->digest, &fd, &length, err);

    if (rc < 0)
        return rc;
    if (find_config(store, config, fd, length, ret_document))
        return 0;
    rc = download_config(client, config, ret_document, err);
    if (rc < 0 && fd >= 0)
        (void)!blob_partial_remove(store, &config->digest, NULL);
    /* Only a service for others: a full disk shows soon enough. */
    if (rc == 0 && fd >= 0 && ftruncate(fd, 0) == 0)
        (void)!pwrite(fd, ret_document->text, ret_document->length, 0);
    return rc;
}

static int fetch_config(struct client *client, const struct store *store, struct resolved *resolved,
                        struct mcpd_error *err)
{
    const struct descriptor *config = &resolved->document.manifest.config;
    int rc;

    if (config->size > IMAGECONFIG_MAX_BYTES)
        return error_set(err, MCPD_E_LIMIT, "the image's config is larger than 4 MiB");
    rc = share_config(client, store, config, &resolved->config_text, err);
    if (rc == 0)
        rc = imageconfig_parse(resolved->config_text.text, resolved->config_text.length,
                               &resolved->config, err);
    if (rc < 0)
        return rc;
    progress_report(&client->progress, "config", config->digest.text, config->size, config->size);
    return 0;
}

void resolve_forget_config(const struct store *store, const struct resolved *resolved)
{
    if (resolved->config_text.text)
        (void)!blob_partial_remove(store, &resolved->config_text.digest, NULL);
}

int resolve_image(struct client *client, const struct store *store, struct resolved *ret_resolved,
                  struct mcpd_error *err)
{
    CLEANUP_RESOLVED struct resolved resolved = {0};
    int rc = fetch_manifest(client, wanted_digest(client), &resolved.manifest_text,
                            &resolved.document, err);

    if (rc == 0)
        rc = descend(client, &resolved, err);
    if (rc == 0)
        rc = manifest_check_runnable(&resolved.document.manifest, err);
    if (rc == 0)
        rc = fetch_config(client, store, &resolved, err);
    if (rc < 0) {
        resolve_forget_config(store, &resolved);
        return client_wrap(client, rc, err);
    }
    *ret_resolved = resolved;
    resolved = (struct resolved){0};
    return 0;
}

int resolve_document(struct client *client, struct resolved_document *ret_document,
                     struct mcpd_error *err)
{
    CLEANUP(manifest_document_done) struct manifest_document unused = {0};

    return fetch_manifest(client, wanted_digest(client), ret_document, &unused, err);
}

int resolve_head(struct client *client, struct mcpd_error *err)
{
    CLEANUP_HTTP_TRANSFER struct http_transfer *transfer = NULL;
    CLEANUP_FREE char *path = NULL;
    const struct http_response *response = NULL;
    char what[WHAT_SIZE];
    int rc = name_manifest(client, wanted_digest(client), &path, what, sizeof(what), err);

    if (rc == 0)
        rc = client_get(client, HTTP_METHOD_HEAD, path, accept_headers, 0, what, &transfer,
                        &response, err);
    /* Any web page can be there. */
    if (rc == 0 && !mediatype_find(response->content_type))
        return error_set(err, MCPD_E_PROTOCOL, "%s: the answer is no manifest", what);
    return rc;
}
