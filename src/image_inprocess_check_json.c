/* image_inprocess_check_json.c - what a check found, as a document. */
#include "image_inprocess_check_parts.h"

#include "base/jsonx.h"
#include "base/str.h"

static int add_problem(json_t *problems, const char *kind, const char *digest, const char *path,
                       const char *what)
{
    json_t *problem =
        json_pack("{s:s, s:s, s:o}", "Kind", kind, "Digest", digest, "Problem", jsonx_string(what));

    if (problem && path)
        (void)json_object_set_new(problem, "Path", jsonx_string(path));
    return json_array_append_new(problems, problem);
}

static int add_object(json_t *problems, const struct check_object *object)
{
    const char *kind = object ? check_kind_name(object->kind) : "";
    int failed = 0;

    for (size_t i = 0; object && i < object->finding_count; i++)
        failed |= add_problem(problems, kind, object->digest.text, object->findings[i].path,
                              object->findings[i].what);
    if (object && object->problem_count > object->finding_count) {
        CLEANUP_FREE char *more =
            str_format("%zu more", object->problem_count - object->finding_count);

        failed |= add_problem(problems, kind, object->digest.text, NULL, more ? more : "more");
    }
    return failed;
}

static json_t *problems_json(const struct image_check_run *run, const struct image_subject *subject)
{
    CLEANUP_JSON json_t *problems = json_array();
    const struct check *check = &run->check;
    int failed = !problems;

    failed |= add_object(problems, check_find(check, false, &subject->manifest_digest));
    if (digest_is_set(&subject->config_digest))
        failed |= add_object(problems, check_find(check, false, &subject->config_digest));
    for (size_t i = 0; i < subject->blob_count; i++)
        failed |= add_object(problems, check_find(check, false, &subject->blobs[i]));
    for (size_t i = 0; i < subject->layer_count; i++)
        failed |= add_object(problems, check_find(check, true, &subject->layers[i]));
    if (subject->problem)
        failed |=
            add_problem(problems, "image", subject->manifest_digest.text, NULL, subject->problem);
    return failed ? NULL : TAKE_PTR(problems);
}

static json_t *subject_json(const struct image_check_run *run, const struct image_subject *subject)
{
    static const char *const verdicts[] = {"good", "damaged", "repaired"};
    json_t *id = digest_is_set(&subject->config_digest)
                     ? json_string(digest_hex(&subject->config_digest))
                     : json_null();

    return json_pack("{s:o, s:o, s:s, s:s, s:o}", "Names", jsonx_strv(subject->names), "Id", id,
                     "Digest", subject->manifest_digest.text, "Status", verdicts[subject->verdict],
                     "Problems", problems_json(run, subject));
}

static bool is_part(const struct image_subject *subject, const struct check_object *object)
{
    if (object->kind == CHECK_KIND_LAYER)
        return digest_is_in(subject->layers, subject->layer_count, &object->digest);
    return digest_equal(&subject->manifest_digest, &object->digest) ||
           digest_equal(&subject->config_digest, &object->digest) ||
           digest_is_in(subject->blobs, subject->blob_count, &object->digest);
}

static bool is_unused(const struct image_check_run *run, const struct check_object *object)
{
    for (size_t i = 0; i < run->subject_count; i++)
        if (is_part(&run->subjects[i], object))
            return false;
    return true;
}

/* Of no image, and names that cannot be read. */
static json_t *others_json(const struct image_check_run *run)
{
    CLEANUP_JSON json_t *problems = json_array();
    int failed = !problems;

    if (!run->is_everything)
        return TAKE_PTR(problems);
    for (size_t i = 0; run->damaged_tags && run->damaged_tags[i]; i++)
        failed |= add_problem(problems, "tag", "", NULL, run->damaged_tags[i]);
    for (size_t i = 0; i < run->check.count; i++)
        if (run->check.objects[i]->problem_count > 0 && is_unused(run, run->check.objects[i]))
            failed |= add_object(problems, run->check.objects[i]);
    return failed ? NULL : TAKE_PTR(problems);
}

static json_t *images_json(const struct image_check_run *run)
{
    CLEANUP_JSON json_t *images = json_array();
    int failed = !images;

    for (size_t i = 0; i < run->subject_count; i++)
        if (run->subjects[i].is_wanted)
            failed |= json_array_append_new(images, subject_json(run, &run->subjects[i]));
    return failed ? NULL : TAKE_PTR(images);
}

json_t *image_check_json(const struct image_check_run *run)
{
    json_int_t blobs = 0, layers = 0, bytes = 0;

    for (size_t i = 0; i < run->check.count; i++) {
        const struct check_object *object = run->check.objects[i];

        *(object->kind == CHECK_KIND_LAYER ? &layers : &blobs) += 1;
        bytes += (json_int_t)object->bytes;
    }
    return json_pack("{s:o, s:o, s:I, s:I, s:I}", "Images", images_json(run), "Others",
                     others_json(run), "Blobs", blobs, "Layers", layers, "Bytes", bytes);
}
