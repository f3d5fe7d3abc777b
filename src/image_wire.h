/*
 * image_wire.h - what the thin program and its image helper say to each other: one JSON request on
 * the helper's stdin, then JSON lines on its stdout: {"progress":{..}}, {"warning":".."}, and at
 * last {"result":{..}} or {"error":{..}}.
 */
#ifndef IMAGE_WIRE_H
#define IMAGE_WIRE_H

#include "base/error.h"
#include "mcpd.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define IMAGE_WIRE_MAX_BYTES (4u << 20) /* of a request, of a line */

enum image_call {
    IMAGE_CALL_PULL,
    IMAGE_CALL_LOAD,
    IMAGE_CALL_PUSH,
    IMAGE_CALL_EXISTS,
    IMAGE_CALL_VERIFY,
    IMAGE_CALL_MANIFEST,
    IMAGE_CALL_LOGIN,
    IMAGE_CALL_LOGIN_USER,
    IMAGE_CALL_LOGOUT,
    IMAGE_CALL_BUILD,
    IMAGE_CALL_SAVE,
    IMAGE_CALL_EXPORT,
    IMAGE_CALL_BUNDLE_APPLY,
    IMAGE_CALL_BUNDLE_INSPECT,
};

/* Strings are borrowed: from the caller when it is written, from the document when it is read.
 * Lists are the caller's when it is written; read ones go with image_request_done. */
struct image_request {
    enum image_call call;
    const char *root;
    const char *runroot;
    const char *program;
    const char *image;            /* a registry for LOGIN and its like */
    const char *destination;      /* PUSH */
    const char *container;        /* EXPORT */
    const char *path;             /* SAVE, EXPORT; NULL: descriptor 3, as for what is read */
    char **stores;                /* additional ones, all of them */
    char **images;                /* VERIFY, SAVE */
    char **since;                 /* SAVE */
    const char *sign_by;          /* SAVE */
    const char *verify_key;       /* BUNDLE_APPLY */
    bool repair;                  /* VERIFY */
    uint64_t save_format;         /* SAVE: enum mcpd_save_format */
    bool several_images;          /* SAVE */
    enum mcpd_pull_policy policy; /* PULL */
    struct mcpd_registry_options registry;
    struct mcpd_push_options push; /* PUSH; but for its registry, which is the one above */
    struct mcpd_build_options build;
};

/* Compact text, owned by the caller. */
int image_request_format(const struct image_request *request, char **ret_text,
                         struct mcpd_error *err) MUST_CHECK;
/* *ret_document holds the strings. */
int image_request_parse(const char *text, size_t length, struct image_request *ret_request,
                        json_t **ret_document, struct mcpd_error *err) MUST_CHECK;
void image_request_done(struct image_request *request);

/* What a line says; NULL without memory. New references. */
json_t *image_wire_progress(const struct mcpd_progress *progress);
json_t *image_wire_error(const struct mcpd_error *error);

/* Hands a line on: progress and warnings to the functions, which may be NULL; *ret_result becomes a
 * new reference when the line is the result. An error is returned as it was there. */
struct image_listener {
    mcpd_progress_function progress;
    void *progress_context;
    void (*warn)(void *context, const char *message);
    void *warn_context;
};
int image_wire_take_line(const char *line, size_t length, const struct image_listener *listener,
                         json_t **ret_result, struct mcpd_error *err) MUST_CHECK;

#endif
