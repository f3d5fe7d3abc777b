/*
 * spec.h - options and image configuration become one decided plan. Checks everything that can be
 * checked without touching the system; texts as podman's (FEATURES 3.2). No system calls but
 * reading env files.
 */
#ifndef RUNTIME_SPEC_H
#define RUNTIME_SPEC_H

#include "mcpd_types.h"
#include "oci/store.h"
#include "runtime/plan.h"

/* What of the host the decision depends on, so that it stays pure and testable. NULL is fine where
 * nothing asks for it. */
struct spec_host {
    bool is_rootless;
    const char *const *environment; /* of the caller, for -e KEY; "K=V" */
    const char *id;                 /* of the container to be: 64 hex digits */
    int64_t now_unix_ns;
    const char *hostname;    /* the host's own, for --network host */
    const char *current_dir; /* absolute; where a relative bind source starts */
};

int spec_build(const struct mcpd_create_options *options, const struct image *image,
               const struct spec_host *host, struct plan *ret_plan,
               struct mcpd_error *err) MUST_CHECK;
/* The one check that needs the system: bind sources exist (`statfs /x: no such file or directory`),
 * devices are devices; notes which of them are files. */
int spec_check_sources(struct plan *plan, struct mcpd_error *err) MUST_CHECK;

/* False: a log option ("key=value") without effect here. */
bool spec_log_is_known(const char *option);

/* Pieces that exec uses too. */
int spec_exec_process(const struct plan *plan, const struct mcpd_exec_options *options,
                      const struct spec_host *host, struct plan_process *ret_process,
                      struct mcpd_error *err) MUST_CHECK;
void plan_process_done(struct plan_process *process);

#endif
