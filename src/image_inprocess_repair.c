/*
 * image_inprocess_repair.c - the damaged parts of one image are made again.
 *
 * A layer is replaced only while nobody stands on it: the store's lock is made exclusive for that
 * moment, so that no container is made, and the lock of each container of the layer is held, so
 * that none starts. A running one makes the repair fail.
 */
#include "image_inprocess_check_parts.h"

#include "base/fsutil.h"
#include "base/lock.h"
#include "base/str.h"
#include "oci/blobs.h"
#include "oci/copies.h"
#include "registry/repair.h"

#include <string.h>

#define LOCK_WAIT_MS 10000
#define LOCKS_MAX    256

struct replacement {
    struct image_check_run *run;
    const struct ingest_damage *damage;
    int lock_fds[LOCKS_MAX]; /* of containers that stand on the layers */
    size_t lock_count;
};

static void replacement_done(struct replacement *replacement)
{
    struct mcpd_error ignored;

    for (size_t i = 0; i < replacement->lock_count; i++)
        (void)close(replacement->lock_fds[i]);
    (void)!lock_convert(replacement->run->lock_fd, LOCK_KIND_SHARED, -1, &ignored);
}

static bool stands_on(const struct container *container, const struct ingest_damage *damage)
{
    for (size_t i = 0; i < container->plan.layer_count; i++)
        for (size_t j = 0; j < damage->layer_count; j++)
            if (digest_equal(&container->plan.layers[i], &damage->layers[j]))
                return true;
    return false;
}

static int hold_container(struct replacement *replacement, const struct container *container,
                          struct mcpd_error *err)
{
    CLEANUP_FD int dir_fd = -1;
    const struct container_root *root = &replacement->run->engine->containers;
    int *lock_fd = &replacement->lock_fds[replacement->lock_count];
    int rc = -MCPD_E_TIMEOUT;

    if (replacement->lock_count >= LOCKS_MAX)
        return error_set(err, MCPD_E_LIMIT, "more than %d containers use it", LOCKS_MAX);
    if (!container_is_active(container->state.status)) {
        rc = fs_open_dir(root->containers_fd, container->id, &dir_fd, err);
        if (rc == 0)
            rc = container_lock(root, container->id, dir_fd, 0, lock_fd, err);
    }
    if (rc == -MCPD_E_TIMEOUT)
        return error_set(err, MCPD_E_STATE,
                         "the container %s is running on a damaged layer; stop it first",
                         container->plan.name ? container->plan.name : container->id);
    replacement->lock_count += rc == 0;
    return rc;
}

static int hold_containers(void *context, struct mcpd_error *err)
{
    struct replacement *replacement = context;
    struct image_check_run *run = replacement->run;
    struct container *containers = NULL;
    size_t count = 0;
    int rc;

    if (replacement->damage->layer_count == 0)
        return 0;
    rc = lock_convert(run->lock_fd, LOCK_KIND_EXCLUSIVE, LOCK_WAIT_MS, err);
    if (rc == -MCPD_E_TIMEOUT)
        return error_set(err, MCPD_E_TIMEOUT,
                         "an image is being pulled or loaded; try again when that is done");
    if (rc == 0)
        rc = container_list(&run->engine->containers, run->engine->warn, run->engine->warn_context,
                            &containers, &count, err);
    for (size_t i = 0; rc == 0 && i < count; i++)
        if (stands_on(&containers[i], replacement->damage))
            rc = hold_container(replacement, &containers[i], err);
    container_list_free(containers, count);
    return rc;
}

/* Any of its names from a registry, or where its layers came from; false when there is none. */
static bool find_source(const struct image_check_run *run, const struct image_subject *subject,
                        struct reference *ret_source)
{
    for (size_t i = 0; subject->names && subject->names[i]; i++)
        if (reference_parse(subject->names[i], ret_source, NULL) == 0 &&
            strcmp(ret_source->domain, "localhost") != 0)
            return true;
    return copies_find_source(&run->store, subject->layers, subject->blobs, subject->layer_count,
                              ret_source);
}

/* What is bad, and where it can be had. */
struct plan_of_repair {
    struct digest *local_layers; /* owned, as the next two; their compressed blobs are good */
    size_t local_layer_count;
    struct digest *layers;
    size_t layer_count;
    struct digest *blobs;
    size_t blob_count;
    bool needs_registry;
};

static void plan_of_repair_done(struct plan_of_repair *plan)
{
    free(plan->local_layers);
    free(plan->layers);
    free(plan->blobs);
}

static int make_plan(const struct image_check_run *run, const struct image_subject *subject,
                     struct plan_of_repair *plan, struct mcpd_error *err)
{
    size_t room = subject->layer_count + 1;

    plan->local_layers = calloc(room, sizeof(*plan->local_layers));
    plan->layers = calloc(room, sizeof(*plan->layers));
    plan->blobs = calloc(room, sizeof(*plan->blobs));
    if (!plan->local_layers || !plan->layers || !plan->blobs)
        return error_no_memory(err, "repair");
    for (size_t i = 0; i < subject->layer_count; i++) {
        bool is_blob_bad = image_check_is_bad(run, false, &subject->blobs[i]);
        bool is_local = !is_blob_bad && blob_is_own(&run->store, &subject->blobs[i]);

        if (is_blob_bad)
            plan->blobs[plan->blob_count++] = subject->blobs[i];
        if (!image_check_is_bad(run, true, &subject->layers[i]))
            continue;
        if (is_local)
            plan->local_layers[plan->local_layer_count++] = subject->layers[i];
        else
            plan->layers[plan->layer_count++] = subject->layers[i];
    }
    plan->needs_registry = image_check_are_documents_bad(run, subject) || plan->blob_count > 0 ||
                           plan->layer_count > 0;
    return 0;
}

static int run_repair(struct image_check_run *run, const struct repair *asked,
                      struct mcpd_error *err)
{
    struct repair repair = *asked;
    struct replacement replacement = {.run = run, .damage = &asked->damage};
    int rc;

    repair.before_replace = hold_containers;
    repair.context = &replacement;
    rc = repair_image(&run->store, &repair, run->options, err);
    replacement_done(&replacement);
    return rc;
}

/* First what can be made without a registry, which may be out of reach. */
static int repair_subject(struct image_check_run *run, struct image_subject *subject,
                          struct mcpd_error *err)
{
    CLEANUP(plan_of_repair_done) struct plan_of_repair plan = {0};
    struct reference source;
    struct repair repair = {.manifest_digest = subject->manifest_digest};
    int rc = make_plan(run, subject, &plan, err);

    if (rc == 0 && plan.local_layer_count > 0 && !image_check_are_documents_bad(run, subject)) {
        repair.damage = (struct ingest_damage){.layers = plan.local_layers,
                                               .layer_count = plan.local_layer_count};
        rc = run_repair(run, &repair, err);
    }
    if (rc < 0 || !plan.needs_registry)
        return rc;
    if (!find_source(run, subject, &source))
        return error_set(err, MCPD_E_NOT_FOUND,
                         "it did not come from a registry and cannot be fetched again; load it "
                         "again");
    repair.source = &source;
    repair.damage = (struct ingest_damage){.layers = plan.layers,
                                           .layer_count = plan.layer_count,
                                           .blobs = plan.blobs,
                                           .blob_count = plan.blob_count};
    return run_repair(run, &repair, err);
}

/* Tries, and looks at everything of the image again. *ret_problem: an empty message when the repair
 * went well, whatever it has mended. */
static int attempt(struct image_check_run *run, struct image_subject *subject,
                   struct mcpd_error *ret_problem, struct mcpd_error *err)
{
    int rc = repair_subject(run, subject, ret_problem);

    if (rc == 0)
        ret_problem->message[0] = '\0';
    image_check_forget(run, subject);
    rc = image_check_look(run, subject, err);
    return rc < 0 ? rc : check_layers(&run->check, err);
}

int image_repair(struct image_check_run *run, struct image_subject *subject, struct mcpd_error *err)
{
    struct mcpd_error problem = {0};
    int rc;

    if (subject->additional) {
        free(subject->problem);
        subject->problem = str_format("not repaired: it lies in the read-only store '%s'",
                                      subject->additional->path);
        return subject->problem ? 0 : error_no_memory(err, "repair");
    }
    rc = attempt(run, subject, &problem, err);
    /* A manifest that is good again leads to layers that were not known before. */
    if (rc == 0 && problem.message[0] == '\0' && image_check_is_damaged(run, subject))
        rc = attempt(run, subject, &problem, err);
    if (rc < 0)
        return rc;
    subject->verdict =
        image_check_is_damaged(run, subject) ? IMAGE_VERDICT_DAMAGED : IMAGE_VERDICT_REPAIRED;
    if (problem.message[0] == '\0' || subject->verdict != IMAGE_VERDICT_DAMAGED)
        return 0;
    free(subject->problem);
    subject->problem = str_format("not repaired: %s", problem.message);
    return subject->problem ? 0 : error_no_memory(err, "repair");
}
