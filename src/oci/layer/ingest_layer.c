/*
 * ingest_layer.c - one layer: the partial file, the running digest, the worker.
 *
 * Theory of operation. Bytes go to the partial file and into the compressed digest; the worker is
 * fed from the file with sendfile(2), so its speed and the network's do not touch each other and
 * nothing is buffered in memory. The worker's input ends only after the digest was verified, and
 * what it has made becomes visible only by ingest_commit.
 *
 * Bytes of an earlier attempt (a partial of a machine that lost power, a blob that rotted) or of
 * two transfers (whose content was exchanged in between) may be wrong. When a digest does not match
 * and such bytes are among ours, the layer is begun again from nothing, once. For the same reason a
 * worker's complaint about damaged data waits for the digest: if that is wrong too, the transfer is
 * to blame and not the image.
 */
#include "oci/layer/ingest_layer.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/fsutil.h"
#include "oci/blobs.h"
#include "oci/layer/contents_file.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#define FEED_CHUNK_BYTES   (1u << 20)
#define REPORT_INTERVAL_MS 100

static const struct worker no_worker = WORKER_NONE;

void ingest_layer_init(struct ingest_layer *layer)
{
    static const struct storetmp no_tmp = STORETMP_NONE;

    *layer = (struct ingest_layer){.fd = -1, .tmp = no_tmp, .worker = no_worker};
}

static void drop_worker(struct ingest_layer *layer)
{
    worker_done(&layer->worker);
    storetmp_done(&layer->tmp);
    layer->fed = 0;
    layer->is_unpacked = false;
    layer->worker_error.code = 0;
    unpack_result_done(&layer->result);
}

static void report(struct ingest_layer *layer, const char *operation)
{
    progress_report(layer->progress, operation, layer->descriptor->digest.text, layer->length,
                    layer->descriptor->size);
}

void ingest_layer_done(struct ingest_layer *layer)
{
    drop_worker(layer);
    sha256_done(&layer->sha256);
    /* The lock is still held: nobody else is writing there. */
    if (layer->fd >= 0 && !layer->is_stored_blob &&
        (layer->is_streamed || (layer->length == 0 && layer->state == INGEST_STATE_FETCHING)))
        (void)unlinkat(layer->store->partial_fd, digest_hex(&layer->descriptor->digest), 0);
    cleanup_close_fd(&layer->fd);
    layer->fd = -1;
}

/* ------------------------------------------------------------------ claiming it */

/* Another process has brought the blob, or it was here from the start: only unpack it. */
static int use_stored_blob(struct ingest_layer *layer, struct mcpd_error *err)
{
    int rc;

    layer->is_stored_blob = true;
    if (layer->is_blob_only) {
        layer->state = INGEST_STATE_DONE;
        return 0;
    }
    rc = blob_open(layer->store, &layer->descriptor->digest, &layer->fd, &layer->length, err);

    if (rc < 0)
        return rc;
    layer->has_old_bytes = true;
    layer->state = INGEST_STATE_FETCHED;
    report(layer, "exists");
    return 0;
}

/* What an earlier attempt left is taken up; it counts in the digest like fresh bytes. */
static int use_partial(struct ingest_layer *layer, struct mcpd_error *err)
{
    int rc;

    if (layer->length > layer->descriptor->size || (layer->is_streamed && layer->length > 0)) {
        if (ftruncate(layer->fd, 0) < 0)
            return error_errno(err, "truncate a partial download");
        layer->length = 0;
    }
    sha256_done(&layer->sha256);
    rc = sha256_init(&layer->sha256, err);
    if (rc == 0)
        rc = sha256_update_file(&layer->sha256, layer->fd, 0, layer->length, err);
    if (rc < 0)
        return rc;
    layer->is_stored_blob = false;
    layer->has_old_bytes = layer->length > 0;
    layer->state = INGEST_STATE_FETCHING;
    report(layer, "download");
    return 0;
}

int ingest_layer_claim(struct ingest_layer *layer, bool *ret_is_busy, struct mcpd_error *err)
{
    struct mcpd_error problem = {0};
    int rc = blob_partial_open(layer->store, &layer->descriptor->digest, 0, &layer->fd,
                               &layer->length, &problem);

    *ret_is_busy = rc == -MCPD_E_TIMEOUT;
    if (*ret_is_busy)
        return 0;
    if (rc < 0)
        return error_copy(err, &problem);
    if (!layer->replaces && !layer->is_blob_only &&
        store_has_layer(layer->store, &layer->diff_id)) {
        if (layer->fd >= 0 && layer->length == 0)
            rc = blob_partial_remove(layer->store, &layer->descriptor->digest, err);
        cleanup_close_fd(&layer->fd);
        layer->fd = -1;
        layer->state = INGEST_STATE_DONE;
        report(layer, "exists");
        return rc;
    }
    return layer->fd < 0 ? use_stored_blob(layer, err) : use_partial(layer, err);
}

/* ------------------------------------------------------------------ the bytes */

int ingest_write(struct ingest_layer *layer, const void *bytes, size_t count,
                 struct mcpd_error *err)
{
    const struct descriptor *descriptor = layer->descriptor;
    const char *next = bytes;
    int64_t now_ms;

    if (count > descriptor->size - layer->length)
        return error_set(err, MCPD_E_CORRUPT, "blob %s is larger than the manifest says",
                         descriptor->digest.text);
    sha256_update(&layer->sha256, bytes, count);
    while (count > 0) {
        ssize_t written = pwrite(layer->fd, next, count, (off_t)layer->length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_errno(err, "write blob %s", descriptor->digest.text);
        next += written;
        count -= (size_t)written;
        layer->length += (uint64_t)written;
        FAULT_POINT("partial-written");
    }
    now_ms = clock_monotonic_ms();
    if (now_ms - layer->reported_ms >= REPORT_INTERVAL_MS || layer->length == descriptor->size) {
        layer->reported_ms = now_ms;
        report(layer, "download");
    }
    return 0;
}

void ingest_continue(struct ingest_layer *layer)
{
    layer->has_old_bytes = true;
}

static bool may_restart(const struct ingest_layer *layer)
{
    return layer->has_old_bytes && !layer->was_restarted;
}

/* Throws away what is here; the owner brings everything. */
static int restart(struct ingest_layer *layer, struct mcpd_error *err)
{
    const char *name = digest_hex(&layer->descriptor->digest);
    bool is_busy = false;
    int rc;

    drop_worker(layer);
    if (!layer->is_stored_blob) {
        if (ftruncate(layer->fd, 0) < 0)
            return error_errno(err, "truncate a partial download");
        layer->length = 0;
        rc = use_partial(layer, err);
    } else {
        cleanup_close_fd(&layer->fd);
        layer->fd = -1;
        if (unlinkat(layer->store->blobs_fd, name, 0) < 0 && errno != ENOENT)
            return error_errno(err, "remove the damaged blob %s", name);
        /* Busy: somebody else had the same idea and brings it. */
        layer->state = INGEST_STATE_WAITING;
        rc = ingest_layer_claim(layer, &is_busy, err);
    }
    layer->was_restarted = true;
    return rc;
}

int ingest_layer_verify(struct ingest_layer *layer, struct mcpd_error *err)
{
    const struct digest *expected = &layer->descriptor->digest;
    struct digest digest;
    int rc = sha256_finish(&layer->sha256, &digest, err);

    if (rc < 0)
        return rc;
    if (!digest_equal(&digest, expected)) {
        if (may_restart(layer))
            return restart(layer, err);
        rc = blob_partial_remove(layer->store, expected, err);
        if (rc < 0)
            return rc;
        return error_set(err, MCPD_E_CORRUPT, "Digest did not match, expected %s, got %s",
                         expected->text, digest.text);
    }
    if (layer->worker_error.code != 0)
        return error_copy(err, &layer->worker_error);
    layer->state = layer->is_blob_only ? INGEST_STATE_DONE : INGEST_STATE_FETCHED;
    FAULT_POINT("blob-verified");
    return 0;
}

/* ------------------------------------------------------------------ the worker */

bool ingest_layer_has_worker(const struct ingest_layer *layer)
{
    return layer->worker.result_fd >= 0;
}

bool ingest_layer_wants_worker(const struct ingest_layer *layer)
{
    return !ingest_layer_has_worker(layer) && layer->worker_error.code == 0 &&
           !layer->is_blob_only &&
           (layer->state == INGEST_STATE_FETCHED ||
            (layer->state == INGEST_STATE_FETCHING && layer->length > 0));
}

int ingest_layer_start_worker(struct ingest_layer *layer, struct mcpd_error *err)
{
    CLEANUP_FD int fs_fd = -1;
    CLEANUP_FD int contents_fd = -1;
    int rc = storetmp_create(layer->store, "layer", &layer->tmp, err);

    if (rc == 0)
        rc = fs_make_dir(layer->tmp.dir_fd, "fs", 0755, &fs_fd, err);
    if (rc == 0 && fchmod(fs_fd, 0755) < 0)
        rc = error_errno(err, "set the mode of a layer's folder");
    if (rc < 0)
        return rc;
    contents_fd = openat(layer->tmp.dir_fd, CONTENTS_FILE_NAME,
                         O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (contents_fd < 0)
        return error_errno(err, "create a list of contents");
    rc = worker_start(layer->pool, fs_fd, contents_fd, layer->tmp.lock_fd, &layer->worker, err);
    return rc;
}

int ingest_layer_feed(struct ingest_layer *layer, struct mcpd_error *err)
{
    if (layer->worker.input_fd < 0)
        return 0;
    while (layer->fed < layer->length) {
        uint64_t left = layer->length - layer->fed;
        off_t offset = (off_t)layer->fed;
        ssize_t count = sendfile(layer->worker.input_fd, layer->fd, &offset,
                                 left < FEED_CHUNK_BYTES ? (size_t)left : FEED_CHUNK_BYTES);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN)
            return 0;
        /* It has given up; its result says why. */
        if (count < 0 && errno == EPIPE) {
            worker_end_input(&layer->worker);
            return 0;
        }
        if (count < 0)
            return error_errno(err, "feed layer %s", layer->descriptor->digest.text);
        if (count == 0)
            return error_set(err, MCPD_E_CORRUPT, "blob %s became shorter",
                             layer->descriptor->digest.text);
        layer->fed += (uint64_t)count;
    }
    if (layer->state == INGEST_STATE_FETCHED)
        worker_end_input(&layer->worker);
    return 0;
}

static int check_diff_id(const struct ingest_layer *layer, struct mcpd_error *err)
{
    if (digest_equal(&layer->result.diff_id, &layer->diff_id))
        return 0;
    return error_set(err, MCPD_E_CORRUPT, "its contents are %s, the image's config says %s",
                     layer->result.diff_id.text, layer->diff_id.text);
}

/* May it be the fault of the bytes, and the digest will tell? Damage always may; what else a worker
 * finds wrong with contents only when some bytes are of doubtful origin. */
static bool waits_for_digest(const struct ingest_layer *layer, int rc)
{
    return layer->state == INGEST_STATE_FETCHING &&
           (rc == -MCPD_E_CORRUPT ||
            (layer->has_old_bytes && (rc == -MCPD_E_LIMIT || rc == -MCPD_E_UNSUPPORTED)));
}

int ingest_layer_collect(struct ingest_layer *layer, struct mcpd_error *err)
{
    struct mcpd_error problem = {0};
    int rc = worker_finish(&layer->worker, &layer->result, &problem);

    worker_done(&layer->worker);
    if (rc == 0)
        rc = check_diff_id(layer, &problem);
    if (rc == 0) {
        layer->state = INGEST_STATE_DONE;
        layer->is_unpacked = true;
        FAULT_POINT("layer-verified");
        report(layer, "unpack");
        return 0;
    }
    storetmp_done(&layer->tmp);
    if (waits_for_digest(layer, rc)) {
        layer->worker_error = problem;
        return 0;
    }
    if (rc == -MCPD_E_CORRUPT && layer->is_stored_blob && may_restart(layer))
        return restart(layer, err);
    rc = error_copy(err, &problem);
    return error_wrap(err, rc, "layer %s", layer->descriptor->digest.text);
}
