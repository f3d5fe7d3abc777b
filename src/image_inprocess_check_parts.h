/* image_inprocess_check_parts.h - shared by image_inprocess_check.c, image_inprocess_repair.c and
 * image_inprocess_check_json.c. */
#ifndef IMAGE_INPROCESS_CHECK_PARTS_H
#define IMAGE_INPROCESS_CHECK_PARTS_H

#include "image_inprocess_check.h"
#include "oci/layer/check.h"

enum image_verdict {
    IMAGE_VERDICT_GOOD,
    IMAGE_VERDICT_DAMAGED,
    IMAGE_VERDICT_REPAIRED,
};

/* One image (one manifest) and where its parts are among the objects. */
struct image_subject {
    struct digest manifest_digest;
    struct digest config_digest; /* unset: the manifest cannot be read */
    struct digest *blobs;        /* owned, as the next; compressed layers and their diff_ids */
    size_t blob_count;
    struct digest *layers;
    size_t layer_count;
    char **names;                   /* owned */
    const struct store *additional; /* the read-only store that has it; NULL: our own; borrowed */
    bool is_wanted;                 /* to be looked at */
    enum image_verdict verdict;
    char *problem; /* of the documents, beyond their digests, or of the repair; owned */
};

struct image_check_run {
    struct mcpd_engine *engine;
    struct store store; /* the engine's, with our own warnings */
    const struct registry_options *options;
    struct check check;
    struct image_subject *subjects; /* owned */
    size_t subject_count;
    char **damaged_tags; /* owned: "NAME: why" */
    bool is_everything;  /* also what belongs to no image */
    int lock_fd;
};

/* Its documents, its blobs now; its layers are noted (check_layers). */
int image_check_look(struct image_check_run *run, struct image_subject *subject,
                     struct mcpd_error *err) MUST_CHECK;
/* Forgets what was found, for another look. */
void image_check_forget(struct image_check_run *run, struct image_subject *subject);
bool image_check_is_bad(const struct image_check_run *run, bool is_layer,
                        const struct digest *digest);
bool image_check_are_documents_bad(const struct image_check_run *run,
                                   const struct image_subject *subject);
bool image_check_is_damaged(const struct image_check_run *run, const struct image_subject *subject);

/* image_inprocess_repair.c: tries, and looks at everything of it again; sets the verdict. */
int image_repair(struct image_check_run *run, struct image_subject *subject,
                 struct mcpd_error *err) MUST_CHECK;

/* image_inprocess_check_json.c: the document of mcpd_verify; NULL without memory. */
json_t *image_check_json(const struct image_check_run *run);

#endif
