/* progress.h - how the image half tells what it is doing: mcpd_types.h's progress events. */
#ifndef OCI_LAYER_PROGRESS_H
#define OCI_LAYER_PROGRESS_H

#include "mcpd_types.h"

#include <stdint.h>

struct progress_sink {
    mcpd_progress_function function; /* NULL: nobody listens */
    void *context;
};

static inline void progress_report(const struct progress_sink *sink, const char *operation,
                                   const char *id, uint64_t current_bytes, uint64_t total_bytes)
{
    const struct mcpd_progress event = {
        .operation = operation,
        .id = id,
        .current_bytes = current_bytes,
        .total_bytes = total_bytes,
    };

    if (sink->function)
        sink->function(sink->context, &event);
}

#endif
