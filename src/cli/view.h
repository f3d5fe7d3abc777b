/*
 * view.h - containers and images as people read them: podman's column values made from podman's
 * JSON.
 *
 * A view is the document itself plus the fields that podman's templates know and its JSON does not
 * (RunningFor, Repository, ...); some fields become text (Names, Ports, Command). Tables, templates
 * and sorting work on views.
 */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

#define VIEW_SHORT_ID 12
/* What ps documents lack and views of containers make use of: Created of the inspect document. */
#define VIEW_CREATED_TIME "CreatedTime"

/* New reference, NULL without memory. full: nothing is cut (--no-trunc). */
json_t *view_container(json_t *container, bool full);

/* One view for each name of the image, or one without a name. New reference to an array. */
json_t *view_image(json_t *image, bool full);

/* A step of `history`. New reference. human: its age, else its time. */
json_t *view_step(json_t *step, bool full, bool human);

/* A new array with the elements in ascending order of a member (numbers or text; ties keep their
 * order). */
json_t *view_sorted(json_t *array, const char *member, bool descending);

/* Cuts "host/path:tag" before its tag; "host:5000/path" has none. The length of the name without
 * tag and digest. */
size_t view_repository_length(const char *name);

/* Text of a string member, "" when it is none. Borrowed. */
const char *view_text(const json_t *object, const char *member);

#endif
