/*
 * layer_source.c - see layer_source.h.
 *
 * Theory of operation. Decompressing and packing happen in a process of their own that writes into
 * a pipe: bytes of a foreign blob are decoded where nothing can be harmed, a user's files are read
 * in their user namespace, and a second processor has something to do while we hash and write.
 */
#include "oci/layer/layer_source.h"

#include "base/child.h"
#include "base/clock.h"
#include "base/fsutil.h"
#include "base/userns.h"
#include "oci/blobs.h"
#include "oci/layer/confine.h"
#include "oci/layer/inflate.h"
#include "oci/layer/pack.h"
#include "oci/layer/sha256.h"
#include "oci/tags.h"

#include <fcntl.h>
#include <string.h>

#define COPY_BYTES         (256u << 10)
#define PIPE_BYTES         (1 << 20)
#define REPORT_INTERVAL_MS 100

struct layer_copy {
    struct digest diff_id;
    struct digest blob;
};

/* ------------------------------------------------------------------ what there is */

void layer_catalogue_done(struct layer_catalogue *catalogue)
{
    free(catalogue->copies);
    catalogue->copies = NULL;
}

static int add_image(struct layer_catalogue *catalogue, const struct image *image,
                     struct mcpd_error *err)
{
    size_t count = catalogue->count + image->layer_count;
    struct layer_copy *copies = reallocarray(catalogue->copies, count + 1, sizeof(*copies));

    if (!copies)
        return error_no_memory(err, "layers");
    catalogue->copies = copies;
    for (size_t i = 0; i < image->layer_count; i++)
        if (blob_exists(catalogue->store, &image->layer_digests[i]))
            copies[catalogue->count++] =
                (struct layer_copy){image->config.diff_ids[i], image->layer_digests[i]};
    return 0;
}

/* What is damaged has nothing to give. */
static int add_manifest(struct layer_catalogue *catalogue, const struct digest *manifest_digest,
                        struct mcpd_error *err)
{
    struct mcpd_error problem = {0};
    struct image image;
    int rc = store_load_image(catalogue->store, manifest_digest, &image, &problem);

    if (rc == -MCPD_E_NO_MEMORY)
        return error_copy(err, &problem);
    if (rc < 0)
        return 0;
    rc = add_image(catalogue, &image, err);
    image_done(&image);
    return rc;
}

static int load_catalogue(struct layer_catalogue *catalogue, struct mcpd_error *err)
{
    CLEANUP(tag_list_done) struct tag_list list = {0};
    int rc;

    if (catalogue->is_loaded)
        return 0;
    rc = tags_list(catalogue->store, &list, err);
    /* Not image by image: names of one may lead to manifests with its layers in different forms. */
    for (size_t i = 0; i < list.count && rc == 0; i++)
        rc = add_manifest(catalogue, &list.tags[i].manifest_digest, err);
    catalogue->is_loaded = rc == 0;
    return rc;
}

/* A blob that unpacks to this layer; unset: there is none. */
static int find_blob(struct layer_catalogue *catalogue, const struct descriptor *descriptor,
                     const struct digest *diff_id, struct digest *ret_blob, struct mcpd_error *err)
{
    const struct digest *const first[] = {&descriptor->digest, diff_id};
    int rc;

    *ret_blob = (struct digest){0};
    for (size_t i = 0; i < ARRAY_SIZE(first); i++)
        if (blob_exists(catalogue->store, first[i])) {
            *ret_blob = *first[i];
            return 0;
        }
    rc = load_catalogue(catalogue, err);
    for (size_t i = 0; rc == 0 && i < catalogue->count; i++)
        if (digest_equal(&catalogue->copies[i].diff_id, diff_id)) {
            *ret_blob = catalogue->copies[i].blob;
            break;
        }
    return rc;
}

/* ------------------------------------------------------------------ streams */

struct stream {
    int fd;
    struct child child;
};

static void stream_done(struct stream *stream)
{
    cleanup_close_fd(&stream->fd);
    child_done(&stream->child);
}

/* What the child has to do. */
struct work {
    const struct store *store;
    const struct layer_source *source;
    int blob_fd;
    int output_fd;
    bool in_userns; /* asked before: inside of it nobody needs one */
};

static ssize_t read_blob(void *context, void *buffer, size_t size, struct mcpd_error *err)
{
    const struct work *work = context;
    ssize_t count;

    do
        count = read(work->blob_fd, buffer, size);
    while (count < 0 && errno == EINTR);
    return count < 0 ? error_errno(err, "read blob %s", work->source->blob.text) : count;
}

static int write_output(void *context, const void *bytes, size_t count, struct mcpd_error *err)
{
    const struct work *work = context;

    return fs_write_all(work->output_fd, bytes, count, "a layer", err);
}

static int inflate_blob(void *context, struct mcpd_error *err)
{
    struct work *work = context;
    const int kept[] = {work->blob_fd, work->output_fd, child_error_fd()};
    int rc = confine_descriptors(kept, ARRAY_SIZE(kept), err);

    if (rc == 0)
        rc = confine_decoder(err);
    if (rc == 0)
        rc = inflate_all(read_blob, work, write_output, work, err);
    return rc < 0 ? error_wrap(err, rc, "blob %s", work->source->blob.text) : 0;
}

static int pack_folder(void *context, struct mcpd_error *err)
{
    const struct work *work = context;
    const struct pack_options options = {
        .is_layer = true,
        .use_user_xattrs = work->in_userns,
        .tmp_fd = work->store->tmp_fd,
    };
    CLEANUP_FD int dir_fd = -1;
    char path[STORE_LAYER_PATH_SIZE];
    struct pack_result result;

    store_layer_path(&work->source->diff_id, path);
    dir_fd = openat(store_of_layer(work->store, &work->source->diff_id)->root_fd, path,
                    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return error_errno(err, "open %s", path);
    return pack_tree_fd(dir_fd, &options, work->output_fd, &result, err);
}

static int pack_layer(void *context, struct mcpd_error *err)
{
    return userns_run(pack_folder, context, err);
}

static int open_made(const struct store *store, const struct layer_source *source,
                     struct stream *stream, struct mcpd_error *err)
{
    struct work work = {
        .store = store, .source = source, .blob_fd = -1, .in_userns = userns_is_needed()};
    CLEANUP_FD int blob_fd = -1;
    CLEANUP_FD int write_fd = -1;
    uint64_t bytes = 0;
    int fds[2];
    int rc = 0;

    if (source->way == LAYER_WAY_INFLATE)
        rc = blob_open(store, &source->blob, &blob_fd, &bytes, err);
    if (rc < 0)
        return rc;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return error_errno(err, "pipe");
    stream->fd = fds[0];
    write_fd = fds[1];
    (void)fcntl(write_fd, F_SETPIPE_SZ, PIPE_BYTES);
    work.blob_fd = blob_fd;
    work.output_fd = write_fd;
    return child_start("mcpd: layer", source->way == LAYER_WAY_INFLATE ? inflate_blob : pack_layer,
                       &work, &stream->child, err);
}

static int open_stream(const struct store *store, const struct layer_source *source,
                       struct stream *stream, struct mcpd_error *err)
{
    uint64_t bytes = 0;

    *stream = (struct stream){.fd = -1, .child = CHILD_NONE};
    if (source->way != LAYER_WAY_BLOB)
        return open_made(store, source, stream, err);
    return blob_open(store, &source->blob, &stream->fd, &bytes, err);
}

/* ------------------------------------------------------------------ reading all of it */

struct copying {
    const struct layer_source *source;
    struct sha256 sha256;
    uint64_t done;
    int64_t reported_ms;
    const struct progress_sink *progress; /* NULL: nobody listens */
};

static void report(struct copying *copying)
{
    int64_t now_ms = clock_monotonic_ms();

    if (!copying->progress || (now_ms - copying->reported_ms < REPORT_INTERVAL_MS &&
                               copying->done < copying->source->size))
        return;
    copying->reported_ms = now_ms;
    progress_report(copying->progress, "save", copying->source->digest.text, copying->done,
                    copying->source->size);
}

static int pump(struct copying *copying, struct stream *stream, char *buffer,
                layer_write_function write, void *context, struct mcpd_error *err)
{
    for (;;) {
        ssize_t count = read(stream->fd, buffer, COPY_BYTES);
        int rc = 0;

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_errno(err, "read layer %s", copying->source->digest.text);
        if (count == 0)
            return stream->child.pid > 0 ? child_finish(&stream->child, err) : 0;
        sha256_update(&copying->sha256, buffer, (size_t)count);
        copying->done += (uint64_t)count;
        /* No more than was announced: what is too much is found by the digest. */
        if (write && copying->done <= copying->source->size)
            rc = write(context, buffer, (size_t)count, err);
        if (rc < 0)
            return rc;
        report(copying);
    }
}

/* write NULL: only *ret_digest and *ret_size. */
static int read_all(const struct store *store, const struct layer_source *source,
                    layer_write_function write, void *context, const struct progress_sink *progress,
                    struct digest *ret_digest, uint64_t *ret_size, struct mcpd_error *err)
{
    CLEANUP(stream_done) struct stream stream = {.fd = -1, .child = CHILD_NONE};
    struct copying copying = {.source = source, .progress = progress};
    CLEANUP_FREE char *buffer = malloc(COPY_BYTES);
    int rc = buffer ? sha256_init(&copying.sha256, err) : error_no_memory(err, "a layer");

    if (rc == 0)
        rc = open_stream(store, source, &stream, err);
    if (rc == 0)
        rc = pump(&copying, &stream, buffer, write, context, err);
    if (rc == 0)
        rc = sha256_finish(&copying.sha256, ret_digest, err);
    sha256_done(&copying.sha256);
    *ret_size = copying.done;
    return rc;
}

int layer_source_copy(const struct layer_catalogue *catalogue, const struct layer_source *source,
                      layer_write_function write, void *context,
                      const struct progress_sink *progress, struct mcpd_error *err)
{
    struct digest digest;
    uint64_t size = 0;
    int rc = read_all(catalogue->store, source, write, context, progress, &digest, &size, err);

    if (rc < 0)
        return rc;
    if (!digest_equal(&digest, &source->digest) || size != source->size)
        return error_set(err, MCPD_E_CORRUPT,
                         "a layer of the store is damaged: Digest did not match, expected %s, got "
                         "%s",
                         source->digest.text, digest.text);
    return 0;
}

/* ------------------------------------------------------------------ where it can be had */

static int not_there(const struct digest *digest, struct mcpd_error *err)
{
    return error_set(err, MCPD_E_NOT_FOUND,
                     "layer %s is in the store only unpacked (its blob was trimmed, or came packed "
                     "in another way): to have it, remove the image and pull it again",
                     digest->text);
}

/* Finds the length by making all of it once. */
static int measure(const struct layer_catalogue *catalogue, struct layer_source *source,
                   struct mcpd_error *err)
{
    struct digest digest;
    int rc = read_all(catalogue->store, source, NULL, NULL, NULL, &digest, &source->size, err);

    if (rc < 0)
        return rc;
    if (digest_equal(&digest, &source->diff_id))
        return 0;
    if (source->way == LAYER_WAY_PACK)
        return not_there(&source->diff_id, err);
    return error_set(err, MCPD_E_CORRUPT, "blob %s of the store is damaged", source->blob.text);
}

/* Written down when the layer was made; otherwise, and of what is packed, to be measured. */
static int find_length(const struct layer_catalogue *catalogue, struct layer_source *source,
                       struct mcpd_error *err)
{
    struct layer_sizes sizes = {0};

    if (source->way == LAYER_WAY_PACK ||
        store_layer_sizes(catalogue->store, &source->diff_id, &sizes, NULL) < 0 ||
        sizes.tar_bytes == 0)
        return measure(catalogue, source, err);
    source->size = sizes.tar_bytes;
    return 0;
}

static int look_at_blob(const struct layer_catalogue *catalogue, struct layer_source *source,
                        struct mcpd_error *err)
{
    CLEANUP_FD int fd = -1;
    unsigned char magic[4] = {0};
    int rc = blob_open(catalogue->store, &source->blob, &fd, &source->size, err);

    if (rc < 0)
        return rc;
    if (pread(fd, magic, sizeof(magic), 0) < 0)
        return error_errno(err, "read blob %s", source->blob.text);
    source->compression = inflate_compression_of(magic, sizeof(magic));
    return 0;
}

int layer_source_plain(struct layer_catalogue *catalogue, const struct descriptor *descriptor,
                       const struct digest *diff_id, struct layer_source *ret_source,
                       struct mcpd_error *err)
{
    struct layer_source source = {
        .way = LAYER_WAY_PACK,
        .diff_id = *diff_id,
        .digest = *diff_id,
    };
    int rc = find_blob(catalogue, descriptor, diff_id, &source.blob, err);

    if (rc < 0)
        return rc;
    if (digest_is_set(&source.blob))
        source.way = digest_equal(&source.blob, diff_id) ? LAYER_WAY_BLOB : LAYER_WAY_INFLATE;
    else if (!store_has_layer(catalogue->store, diff_id))
        return error_set(err, MCPD_E_NOT_FOUND, "layer %s is not in the store", diff_id->text);
    if (source.way == LAYER_WAY_BLOB)
        rc = look_at_blob(catalogue, &source, err);
    else
        rc = find_length(catalogue, &source, err);
    if (rc == 0)
        *ret_source = source;
    return rc;
}

int layer_source_stored(struct layer_catalogue *catalogue, const struct descriptor *descriptor,
                        const struct digest *diff_id, struct layer_source *ret_source,
                        struct mcpd_error *err)
{
    struct layer_source source = {
        .way = LAYER_WAY_BLOB,
        .blob = descriptor->digest,
        .diff_id = *diff_id,
        .digest = descriptor->digest,
    };
    int rc;

    if (!blob_exists(catalogue->store, &descriptor->digest))
        return layer_source_plain(catalogue, descriptor, diff_id, ret_source, err);
    rc = look_at_blob(catalogue, &source, err);
    if (rc == 0)
        *ret_source = source;
    return rc;
}
