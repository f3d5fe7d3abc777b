/*
 * image_inprocess_check.c - see image_inprocess_check.h.
 *
 * Theory of operation. Under the store's shared lock, so that nothing is removed meanwhile:
 *   1. the tags say which images there are; each leads to objects (a manifest, a config, blobs,
 *      unpacked layers), which check.h looks at, each once;
 *   2. images with a damaged object are repaired one after the other (registry/repair.h) and
 *      looked at again;
 *   3. what was found becomes a document.
 */
#include "image_inprocess_check_parts.h"

#include "base/fsutil.h"
#include "base/jsonx.h"
#include "base/str.h"
#include "oci/additional.h"
#include "oci/tags.h"

#include <string.h>

static void subject_done(struct image_subject *subject)
{
    free(subject->blobs);
    free(subject->layers);
    strv_free(subject->names);
    free(subject->problem);
}

static void run_done(struct image_check_run *run)
{
    for (size_t i = 0; i < run->subject_count; i++)
        subject_done(&run->subjects[i]);
    free(run->subjects);
    strv_free(run->damaged_tags);
    check_done(&run->check);
    cleanup_close_fd(&run->lock_fd);
}

/* ------------------------------------------------------------------ which images */

/* A tag that cannot be read is damage, too. */
static void keep_warning(void *context, const char *message)
{
    struct image_check_run *run = context;

    if (strv_append(&run->damaged_tags, message) < 0)
        run->engine->warn(run->engine->warn_context, message);
}

/* Tags of one manifest stand together. */
static int add_tag(struct image_check_run *run, const struct store *additional,
                   const struct tag *tag, struct mcpd_error *err)
{
    struct image_subject *subject =
        run->subject_count > 0 ? &run->subjects[run->subject_count - 1] : NULL;

    if (!subject || subject->additional != additional ||
        !digest_equal(&subject->manifest_digest, &tag->manifest_digest)) {
        subject = &run->subjects[run->subject_count++];
        subject->manifest_digest = tag->manifest_digest;
        subject->additional = additional;
    }
    return tag->kind != TAG_KIND_UNTAGGED && strv_append(&subject->names, tag->name) < 0
               ? error_no_memory(err, "names of images")
               : 0;
}

static bool has_subject(const struct image_check_run *run, size_t count,
                        const struct digest *manifest_digest)
{
    for (size_t i = 0; i < count; i++)
        if (digest_equal(&run->subjects[i].manifest_digest, manifest_digest))
            return true;
    return false;
}

/* additional: whose they are; NULL: ours. What we have ourselves is ours. */
static int load_subjects_of(struct image_check_run *run, const struct store *additional,
                            struct mcpd_error *err)
{
    CLEANUP_TAG_LIST struct tag_list list = {0};
    struct image_subject *grown;
    size_t own_count = run->subject_count;
    int rc = tags_list(additional ? additional : &run->store, &list, err);

    if (rc < 0)
        return rc;
    grown = reallocarray(run->subjects, own_count + list.count + 1, sizeof(*grown));
    if (!grown)
        return error_no_memory(err, "images");
    memset(grown + own_count, 0, (list.count + 1) * sizeof(*grown));
    run->subjects = grown;
    for (size_t i = 0; rc == 0 && i < list.count; i++)
        if (!has_subject(run, own_count, &list.tags[i].manifest_digest))
            rc = add_tag(run, additional, &list.tags[i], err);
    return rc;
}

static int load_subjects(struct image_check_run *run, struct mcpd_error *err)
{
    int rc = load_subjects_of(run, NULL, err);

    for (size_t i = 0; rc == 0 && i < additional_count(&run->store); i++)
        rc = load_subjects_of(run, additional_get(&run->store, i), err);
    return rc;
}

/* The manifest that a name or an id leads to, of a damaged image as well. */
static int find_manifest(const struct image_check_run *run, const char *name,
                         struct digest *ret_digest, struct mcpd_error *err)
{
    char file_name[TAGS_NAME_SIZE];
    struct reference reference;
    struct image image;
    struct tag tag = {0};
    int rc = store_find_image(&run->store, name, &image, err);

    if (rc == 0) {
        *ret_digest = image.manifest_digest;
        image_done(&image);
        return 0;
    }
    if (rc != -MCPD_E_CORRUPT)
        return rc;
    rc = reference_parse(name, &reference, err);
    if (rc == 0)
        rc = tags_file_name(&reference, file_name, err);
    if (rc == 0)
        rc = tags_read(&run->store, file_name, &tag, err);
    if (rc == 0)
        *ret_digest = tag.manifest_digest;
    return rc;
}

static int want(struct image_check_run *run, const char *name, struct mcpd_error *err)
{
    struct digest digest;
    int rc = find_manifest(run, name, &digest, err);

    for (size_t i = 0; rc == 0 && i < run->subject_count; i++)
        if (digest_equal(&run->subjects[i].manifest_digest, &digest)) {
            run->subjects[i].is_wanted = true;
            return 0;
        }
    return rc < 0 ? rc : error_set(err, MCPD_E_NOT_FOUND, "%s: image not known", name);
}

static int choose(struct image_check_run *run, const char *const *images, struct mcpd_error *err)
{
    int rc = 0;

    for (size_t i = 0; i < run->subject_count && run->is_everything; i++)
        run->subjects[i].is_wanted = true;
    for (size_t i = 0; rc == 0 && images && images[i]; i++)
        rc = want(run, images[i], err);
    return rc;
}

/* ------------------------------------------------------------------ looking */

static int copy_digests(const struct image *image, struct image_subject *subject,
                        struct mcpd_error *err)
{
    size_t count = image->layer_count;

    subject->blobs = calloc(count + 1, sizeof(*subject->blobs));
    subject->layers = calloc(count + 1, sizeof(*subject->layers));
    if (!subject->blobs || !subject->layers)
        return error_no_memory(err, "layers");
    for (size_t i = 0; i < count; i++) {
        subject->blobs[i] = image->layer_digests[i];
        subject->layers[i] = image->config.diff_ids[i];
    }
    subject->blob_count = subject->layer_count = count;
    return 0;
}

/* Damage beyond a wrong digest: a document that is none. */
static int keep_problem(struct image_subject *subject, const struct mcpd_error *problem,
                        struct mcpd_error *err)
{
    if (problem->code == MCPD_E_NO_MEMORY)
        return error_copy(err, problem);
    subject->problem = strdup(problem->message);
    return subject->problem ? 0 : error_no_memory(err, "images");
}

/* The documents lead to the rest, if they are good. */
static int look_at_rest(struct image_check_run *run, struct image_subject *subject,
                        struct mcpd_error *err)
{
    const struct check_object *object = NULL;
    struct mcpd_error problem = {0};
    struct image image = {0};
    int rc = store_load_image(&run->store, &subject->manifest_digest, &image, &problem);

    if (rc < 0)
        return keep_problem(subject, &problem, err);
    rc = copy_digests(&image, subject, err);
    for (size_t i = 0; rc == 0 && i < subject->blob_count; i++) {
        rc = check_blob(&run->check, CHECK_KIND_BLOB, &subject->blobs[i], image.layer_sizes[i],
                        &object, err);
        if (rc == 0)
            rc = check_note_layer(&run->check, &subject->layers[i], err);
    }
    image_done(&image);
    return rc;
}

static int look_at_config(struct image_check_run *run, struct image_subject *subject,
                          const struct check_object **ret_object, struct mcpd_error *err)
{
    CLEANUP(manifest_document_done) struct manifest_document document = {0};
    struct mcpd_error problem = {0};
    int rc = store_load_manifest(&run->store, &subject->manifest_digest, &document, &problem);

    if (rc < 0)
        return keep_problem(subject, &problem, err);
    subject->config_digest = document.manifest.config.digest;
    return check_blob(&run->check, CHECK_KIND_CONFIG, &subject->config_digest,
                      document.manifest.config.size, ret_object, err);
}

int image_check_look(struct image_check_run *run, struct image_subject *subject,
                     struct mcpd_error *err)
{
    const struct check_object *manifest = NULL;
    const struct check_object *config = NULL;
    int rc =
        check_blob(&run->check, CHECK_KIND_MANIFEST, &subject->manifest_digest, 0, &manifest, err);

    if (rc == 0 && manifest->problem_count == 0)
        rc = look_at_config(run, subject, &config, err);
    if (rc == 0 && config && config->problem_count == 0)
        rc = look_at_rest(run, subject, err);
    return rc;
}

static int visit_blob(int dir_fd, const char *name, unsigned char type, void *context,
                      struct mcpd_error *err)
{
    struct image_check_run *run = context;
    const struct check_object *object = NULL;
    struct digest digest;

    (void)dir_fd;
    (void)type;
    return digest_parse_hex(name, &digest)
               ? check_blob(&run->check, CHECK_KIND_OTHER, &digest, 0, &object, err)
               : 0;
}

static int visit_layer(int dir_fd, const char *name, unsigned char type, void *context,
                       struct mcpd_error *err)
{
    struct image_check_run *run = context;
    struct digest digest;

    (void)dir_fd;
    (void)type;
    return digest_parse_hex(name, &digest) ? check_note_layer(&run->check, &digest, err) : 0;
}

/* What belongs to no image, and what belongs to one whose documents do not lead there. */
static int look_at_others(struct image_check_run *run, struct mcpd_error *err)
{
    int rc = fs_visit_dir(run->store.blobs_fd, ".", visit_blob, run, err);

    return rc < 0 ? rc : fs_visit_dir(run->store.layers_fd, ".", visit_layer, run, err);
}

/* ------------------------------------------------------------------ the verdict */

bool image_check_is_bad(const struct image_check_run *run, bool is_layer,
                        const struct digest *digest)
{
    const struct check_object *object =
        digest_is_set(digest) ? check_find(&run->check, is_layer, digest) : NULL;

    return object && object->problem_count > 0;
}

static bool has_bad(const struct image_check_run *run, bool is_layer, const struct digest *digests,
                    size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (image_check_is_bad(run, is_layer, &digests[i]))
            return true;
    return false;
}

bool image_check_are_documents_bad(const struct image_check_run *run,
                                   const struct image_subject *subject)
{
    return subject->problem || image_check_is_bad(run, false, &subject->manifest_digest) ||
           image_check_is_bad(run, false, &subject->config_digest);
}

bool image_check_is_damaged(const struct image_check_run *run, const struct image_subject *subject)
{
    return image_check_are_documents_bad(run, subject) ||
           has_bad(run, false, subject->blobs, subject->blob_count) ||
           has_bad(run, true, subject->layers, subject->layer_count);
}

void image_check_forget(struct image_check_run *run, struct image_subject *subject)
{
    check_forget(&run->check, false, &subject->manifest_digest);
    if (digest_is_set(&subject->config_digest))
        check_forget(&run->check, false, &subject->config_digest);
    for (size_t i = 0; i < subject->blob_count; i++)
        check_forget(&run->check, false, &subject->blobs[i]);
    for (size_t i = 0; i < subject->layer_count; i++)
        check_forget(&run->check, true, &subject->layers[i]);
    free(TAKE_PTR(subject->blobs));
    free(TAKE_PTR(subject->layers));
    free(TAKE_PTR(subject->problem));
    subject->config_digest = (struct digest){0};
    subject->blob_count = subject->layer_count = 0;
}

/* ------------------------------------------------------------------ all together */

static int look_at_all(struct image_check_run *run, struct mcpd_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < run->subject_count; i++)
        if (run->subjects[i].is_wanted)
            rc = image_check_look(run, &run->subjects[i], err);
    if (rc == 0 && run->is_everything)
        rc = look_at_others(run, err);
    return rc < 0 ? rc : check_layers(&run->check, err);
}

static int judge(struct image_check_run *run, bool repair, struct mcpd_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < run->subject_count; i++) {
        struct image_subject *subject = &run->subjects[i];

        if (!subject->is_wanted || !image_check_is_damaged(run, subject))
            continue;
        subject->verdict = IMAGE_VERDICT_DAMAGED;
        if (repair)
            rc = image_repair(run, subject, err);
    }
    return rc;
}

int image_check(struct mcpd_engine *engine, const char *const *images, bool repair,
                const struct registry_options *options, json_t **ret_object, struct mcpd_error *err)
{
    CLEANUP(run_done)
    struct image_check_run run = {
        .engine = engine,
        .store = engine->store,
        .options = options,
        .is_everything = !images || !images[0],
        .lock_fd = -1,
    };
    int rc;

    run.store.warn = keep_warning;
    run.store.warn_context = &run;
    check_init(&run.store, &run.check);
    rc = store_lock_shared(&run.store, &run.lock_fd, err);
    if (rc == 0)
        rc = load_subjects(&run, err);
    if (rc == 0)
        rc = choose(&run, images, err);
    if (rc == 0)
        rc = look_at_all(&run, err);
    if (rc == 0)
        rc = judge(&run, repair, err);
    if (rc < 0)
        return rc;
    *ret_object = image_check_json(&run);
    return *ret_object ? 0 : error_no_memory(err, "what was found");
}
