/* rlimit.h - resource limits of the container's processes, as far as this host lets us set them. */
#ifndef RUNTIME_RLIMIT_H
#define RUNTIME_RLIMIT_H

#include "runtime/plan.h"

/* Raising beyond the host's own limit is best effort: as high as it goes. */
int rlimit_apply(const struct plan_rlimit *limits, size_t count, struct mcpd_error *err) MUST_CHECK;

#endif
