/* exec.h - a further process in a running container, as the client's own child. */
#ifndef RUNTIME_EXEC_H
#define RUNTIME_EXEC_H

#include "mcpd_types.h"
#include "runtime/container.h"
#include "runtime/spec.h"

struct exec_request {
    const struct container_root *root;
    const struct container *container;
    const struct mcpd_exec_options *options;
    const struct spec_host *host;
    const struct mcpd_streams *streams; /* NULL with options->detach */
};

/* STATE: it does not run. With detach nothing is waited for and *ret_result stays as it is. */
int exec_run(const struct exec_request *request, struct mcpd_attach_result *ret_result,
             struct mcpd_error *err) MUST_CHECK;

#endif
