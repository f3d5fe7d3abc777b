/* filter.h - ps --filter and images --filter over podman's documents. */
#ifndef CLI_FILTER_H
#define CLI_FILTER_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* What ps documents lack and the filter "volume" looks at: Mounts of the inspect document. */
#define FILTER_MOUNTS "MountPoints"

/*
 * The documents that pass, in their order; new reference. filters: "key=value", NULL is the empty
 * list. Values of one key are alternatives (labels: all of them), different keys must all pass.
 * before and since look their object up in `documents`, so hand in all of them. INVALID: no such
 * filter; NOT_FOUND: no such container or image behind before, since.
 */
int filter_containers(json_t *documents, const char *const *filters, json_t **ret_passed,
                      struct mcpd_error *err) MUST_CHECK;
int filter_images(json_t *documents, const char *const *filters, json_t **ret_passed,
                  struct mcpd_error *err) MUST_CHECK;

/* The keys, in order; NULL behind the last. */
const char *filter_container_key(size_t index);
const char *filter_image_key(size_t index);

/* Does an image have this name: in full, without its host, path or tag, with * and ? (podman's
 * reference filter). */
bool filter_image_matches(const json_t *image, const char *pattern);

#endif
