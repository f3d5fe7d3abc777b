/*
 * bundle.c - see bundle.h.
 *
 * Theory of operation. index.json says how many documents follow it. They are copied into an
 * unnamed file, which is then an archive like any other, but for its layers: archive_images.c reads
 * it, with all its checks. So the order of a bundle is more than a habit, and a tar in another
 * order is no bundle. A wrong number of documents is harmless: with one too few the images are not
 * complete, with one too many a layer is taken for one and found too large or missing.
 *
 * The signature stands in front of index.json and is verified before any of that is understood.
 */
#include "oci/layer/bundle.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "oci/blobs.h"
#include "oci/layer/archive_names.h"
#include "oci/platform.h"

#include <string.h>

#define LAYOUT_NAME      "oci-layout"
#define LAYOUT_MAX_BYTES 4096
#define BLOBS            "blobs/sha256/"
#define COPY_BYTES       (64u << 10)

void bundle_done(struct bundle *bundle)
{
    archive_images_done(&bundle->images);
    bundle_index_done(&bundle->index);
    archive_file_done(&bundle->head);
    bundle_stream_free(bundle->stream);
    bundle->stream = NULL;
}

bool bundle_parse_blob_name(const char *name, struct digest *ret_digest)
{
    return str_has_prefix(name, BLOBS) && digest_parse_hex(name + strlen(BLOBS), ret_digest);
}

const struct bundle_need *bundle_find_need(const struct bundle *bundle, const struct digest *digest)
{
    for (size_t i = 0; i < bundle->index.need_count; i++)
        if (digest_equal(&bundle->index.needs[i].digest, digest))
            return &bundle->index.needs[i];
    return NULL;
}

bool bundle_has_need(const struct store *store, const struct bundle_need *need)
{
    return store_has_layer(store, &need->diff_id) || blob_exists(store, &need->digest);
}

/* ------------------------------------------------------------------ the documents */

static int copy_document(struct bundle *bundle, const char *name, uint64_t size, uint64_t maximum,
                         struct mcpd_error *err)
{
    char buffer[COPY_BYTES];
    ssize_t count = 1;
    int rc = size <= maximum ? archive_file_add(&bundle->head, name, size, err)
                             : error_set(err, MCPD_E_LIMIT, "%s of the bundle is too large", name);

    while (rc == 0 && count > 0) {
        count = bundle_stream_read(bundle->stream, buffer, sizeof(buffer), err);
        rc = count < 0 ? (int)count
                       : fs_write_all(bundle->head.fd, buffer, (size_t)count,
                                      "a copy of the bundle's documents", err);
    }
    return rc;
}

static int take_index(struct bundle *bundle, uint64_t size, const struct bundle_key *key,
                      struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    int rc = copy_document(bundle, BUNDLE_INDEX_NAME, size, BUNDLE_MAX_INDEX, err);

    if (rc < 0)
        return rc;
    archive_file_sort(&bundle->head);
    rc = archive_file_read(&bundle->head, archive_file_find(&bundle->head, BUNDLE_INDEX_NAME),
                           BUNDLE_MAX_INDEX, &text, &length, err);
    if (rc == 0 && key)
        rc = bundle_key_verify(key, text, length, &bundle->signature, err);
    return rc < 0 ? rc : bundle_index_parse(text, length, &bundle->index, err);
}

static int take_signature(struct bundle *bundle, uint64_t size, struct mcpd_error *err)
{
    struct bundle_signature *signature = &bundle->signature;
    ssize_t count = 1;

    if (size == 0 || size > sizeof(signature->bytes) || signature->length > 0)
        return error_set(err, MCPD_E_CORRUPT, "the bundle's signature is none");
    while (count > 0 && signature->length < size) {
        count = bundle_stream_read(bundle->stream, signature->bytes + signature->length,
                                   sizeof(signature->bytes) - signature->length, err);
        signature->length += count > 0 ? (size_t)count : 0;
    }
    return count < 0 ? (int)count : 0;
}

static int take_layout(struct bundle *bundle, uint64_t size, struct mcpd_error *err)
{
    if (bundle->head.count > 0)
        return error_set(err, MCPD_E_CORRUPT, "the bundle has its " LAYOUT_NAME " twice");
    return copy_document(bundle, LAYOUT_NAME, size, LAYOUT_MAX_BYTES, err);
}

/* oci-layout, the signature, index.json. */
static int read_first(struct bundle *bundle, const struct bundle_key *key, struct mcpd_error *err)
{
    for (;;) {
        const char *name = NULL;
        uint64_t size = 0;
        int rc = bundle_stream_next(bundle->stream, &name, &size, err);

        if (rc < 0)
            return rc;
        if (str_equal(name, BUNDLE_INDEX_NAME))
            return take_index(bundle, size, key, err);
        if (str_equal(name, LAYOUT_NAME))
            rc = take_layout(bundle, size, err);
        else if (str_equal(name, BUNDLE_SIGNATURE_NAME))
            rc = take_signature(bundle, size, err);
        else
            rc = error_set(err, MCPD_E_UNSUPPORTED,
                           "no bundle: it does not begin with its index.json (`load` takes "
                           "archives of other programs)");
        if (rc < 0)
            return rc;
    }
}

static int read_documents(struct bundle *bundle, struct mcpd_error *err)
{
    uint64_t left = ARCHIVE_MAX_DOCUMENT_BYTES;

    for (size_t i = 0; i < bundle->index.document_count; i++) {
        const char *name = NULL;
        struct digest digest;
        uint64_t size = 0;
        int rc = bundle_stream_next(bundle->stream, &name, &size, err);

        if (rc < 0)
            return rc;
        if (!name)
            return error_set(err, MCPD_E_CORRUPT, "the bundle ends before its layers");
        if (!bundle_parse_blob_name(name, &digest))
            return error_set(err, MCPD_E_CORRUPT,
                             "the bundle has another file among its documents");
        rc = copy_document(bundle, name, size, left, err);
        if (rc < 0)
            return rc;
        left -= size;
    }
    archive_file_sort(&bundle->head);
    return 0;
}

/* ------------------------------------------------------------------ what they say */

static bool is_of_image(const struct archive_image *image, const struct bundle_need *need)
{
    const struct manifest *manifest = &image->document.manifest;

    for (size_t i = 0; i < manifest->layer_count && i < image->config.diff_id_count; i++)
        if (digest_equal(&manifest->layers[i].digest, &need->digest) &&
            digest_equal(&image->config.diff_ids[i], &need->diff_id) &&
            manifest->layers[i].size == need->size)
            return true;
    return false;
}

static int check_needs(const struct bundle *bundle, struct mcpd_error *err)
{
    for (size_t i = 0; i < bundle->index.need_count; i++) {
        bool is_good = false;

        for (size_t j = 0; j < bundle->images.count && !is_good; j++)
            is_good = is_of_image(&bundle->images.items[j], &bundle->index.needs[i]);
        if (!is_good)
            return error_set(err, MCPD_E_CORRUPT,
                             "the bundle says that it needs %s, which is no layer of its images",
                             bundle->index.needs[i].digest.text);
    }
    return 0;
}

/* Which of two images a name would lead to must not be left to the reader. */
static int check_names_of(const struct archive_image *image, char *const *others, char ***names,
                          struct mcpd_error *err)
{
    for (size_t i = 0; image->names && image->names[i]; i++) {
        char text[REFERENCE_MAX_LENGTH + 1];
        struct reference reference;
        int rc = archive_names_parse(image->names[i], image->is_docker, &reference, err);

        if (rc < 0)
            return rc;
        reference_format(&reference, text, sizeof(text));
        if (strv_contains(others, text))
            return error_set(err, MCPD_E_CORRUPT, "the bundle gives two images the name %s", text);
        if (strv_append(names, text) < 0)
            return error_no_memory(err, "names");
    }
    return 0;
}

static int check_names(const struct archive_images *images, struct mcpd_error *err)
{
    CLEANUP_STRV char **seen = NULL;
    int rc = 0;

    for (size_t i = 0; i < images->count && rc == 0; i++) {
        CLEANUP_STRV char **names = NULL;

        rc = check_names_of(&images->items[i], seen, &names, err);
        for (size_t j = 0; names && names[j] && rc == 0; j++)
            rc = strv_append(&seen, names[j]) < 0 ? error_no_memory(err, "names") : 0;
    }
    return rc;
}

int bundle_open(int fd, int tmp_fd, const struct bundle_key *key, struct bundle *ret_bundle,
                struct mcpd_error *err)
{
    static const struct bundle none = BUNDLE_NONE;
    CLEANUP_BUNDLE struct bundle bundle = BUNDLE_NONE;
    struct platform platform;
    int rc = bundle_stream_open(fd, &bundle.stream, err);

    platform_of_machine(&platform);
    if (rc == 0)
        rc = archive_file_create(tmp_fd, &bundle.head, err);
    if (rc == 0)
        rc = read_first(&bundle, key, err);
    if (rc == 0)
        rc = read_documents(&bundle, err);
    if (rc == 0)
        rc = archive_images_read(&bundle.head, &platform, &bundle.images, err);
    if (rc == 0)
        rc = check_needs(&bundle, err);
    if (rc == 0)
        rc = check_names(&bundle.images, err);
    if (rc < 0)
        return rc;
    *ret_bundle = bundle;
    bundle = none;
    return 0;
}
