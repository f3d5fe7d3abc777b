/* targets.h - the containers a command is to act on: by name, --all, --latest, --filter or
 * --cidfile. */
#ifndef CLI_TARGETS_H
#define CLI_TARGETS_H

#include "cli/cli.h"
#include "cli/jobs.h"

#include <jansson.h>

/* What the options of stop, kill, rm, start and others say; unused members stay zero. */
struct target_values {
    bool all;
    bool latest;
    bool ignore; /* a missing one is no error */
    const char *const *filters;
    const char *const *cid_files;
};

/* Rows into a `struct target_values` that starts at base. Commands disagree about the letters. */
#define TARGET_AT(base, member)            ((base) + offsetof(struct target_values, member))
#define TARGET_ROW_ALL(base, letter, help) OPT(letter, "all", "", FLAG, TARGET_AT(base, all), help)
#define TARGET_ROW_LATEST(base) \
    OPT('l', "latest", "", FLAG, TARGET_AT(base, latest), "The container that was made last")
#define TARGET_ROW_IGNORE(base) \
    OPT('i', "ignore", "", FLAG, TARGET_AT(base, ignore), "A missing container is no error")
#define TARGET_ROW_FILTER(base, letter)                                                          \
    OPT(letter, "filter", "KEY=VALUE", WORDS, TARGET_AT(base, filters), "Containers that match", \
        .takes = OPT_TAKES_CONTAINER_FILTER)
#define TARGET_ROW_CIDFILE(base) \
    OPT(0, "cidfile", "FILE", LIST, TARGET_AT(base, cid_files), "Read a container's id from a file")

enum targets_scope {
    TARGETS_RUNNING, /* --all means those that run */
    TARGETS_ANY,
};

/* Names as given, ids for those found by an option. INVALID: nothing asked for, or --all with
 * names. Owned by the caller (strv_free). */
int targets_find(struct cli *cli, const struct target_values *values, char *const *arguments,
                 enum targets_scope scope, char ***ret_names, struct mcpd_error *err) MUST_CHECK;

enum targets_order {
    TARGETS_IN_TURN,
    TARGETS_AT_ONCE, /* each in a process of its own (jobs.h): what takes time of waiting */
};

/* Acts on every target; prints, in the order of the targets, the name of each that went well and
 * the failure of each other. Returns the exit status of the first failure. */
int targets_each(struct cli *cli, const struct target_values *values, char *const *arguments,
                 enum targets_scope scope, enum targets_order order, jobs_function function,
                 void *context);

/* All containers, oldest first, as podman's ps documents; new reference. */
int targets_list(struct cli *cli, bool all, json_t **ret_containers,
                 struct mcpd_error *err) MUST_CHECK;
/* Those of all that pass the filters (filter.h). */
int targets_list_filtered(struct cli *cli, const char *const *filters, json_t **ret_containers,
                          struct mcpd_error *err) MUST_CHECK;
/* Gives each of them VIEW_CREATED_TIME (view.h), at the price of a look at each record. */
void targets_add_created_times(const struct cli *cli, json_t *containers);
/* All images. */
int targets_list_images(struct cli *cli, json_t **ret_images, struct mcpd_error *err) MUST_CHECK;

#endif
