/*
 * engine.h - what an engine holds. Internal to the files directly in src/.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include "mcpd.h"
#include "oci/store.h"
#include "oci/storeconf.h"
#include "runtime/container.h"

struct mcpd_engine {
    struct store store;
    struct container_root containers;
    struct storeconf conf;    /* mcpd.conf */
    char *root;               /* absolute, owned */
    char *runroot;            /* absolute, owned */
    char **additional_stores; /* absolute, owned: all that were named */
    bool has_swept;           /* once is enough for one engine */
    bool collects_later;      /* mcpd_collect_later */
    char *program;            /* the mcpd binary, absolute, owned; NULL: not found */
    bool is_program; /* we are that binary, for one command: monitors may be our children */
    void (*warn)(void *context, const char *message); /* never NULL */
    void *warn_context;
};

/* mcpd_open; is_helper: the options have all additional stores, none of mcpd.conf come to them. */
int engine_open(const struct mcpd_engine_options *options, bool is_helper,
                struct mcpd_engine **ret_engine, struct mcpd_error *err) MUST_CHECK;
/* By name, id or unique prefix. The caller calls container_done. */
int engine_load_container(const struct mcpd_engine *engine, const char *name,
                          struct container *ret_container, struct mcpd_error *err) MUST_CHECK;
/* What a stop waits before it kills; timeout_s < 0: as the container has it. */
int engine_stop_timeout_ms(const struct container *container, int timeout_s);
/* image_local.c: what a pull policy says without asking a registry. *ret_is_settled: nothing is to
 * be pulled, and *ret_id is set (owned by the caller). NEVER of an image that is not here:
 * NOT_FOUND. */
int engine_pull_locally(struct mcpd_engine *engine, const char *image, enum mcpd_pull_policy policy,
                        bool *ret_is_settled, char **ret_id, struct mcpd_error *err) MUST_CHECK;
/* The document as text, owned by the caller; takes over the reference, which may be NULL (no
 * memory). */
int engine_json_text(json_t *json, const char *what, char **ret_text,
                     struct mcpd_error *err) MUST_CHECK;

/* engine_space.c: from now on whoever adds an image asks for room in the budget. */
void engine_begin_budget(struct mcpd_engine *engine);
/* When they are there: what must go goes now; these images stay. What goes wrong is a warning. */
void engine_keep_budget(const struct mcpd_engine *engine, const struct digest *image_ids,
                        size_t image_count);

/* `internal image-helper`: image_inprocess.c does the work, image_helper.c only says that it
 * cannot. Returns the exit status. */
int image_helper_main(int argc, char **argv);

#endif
