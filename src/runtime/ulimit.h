/* ulimit.h - names of the kernel's resource limits, and --ulimit. */
#ifndef RUNTIME_ULIMIT_H
#define RUNTIME_ULIMIT_H

#include "runtime/plan.h"

/* "NOFILE" for RLIMIT_NOFILE; "" when unknown. Static. */
const char *ulimit_name(int resource);
/* "nofile", "NOFILE", "RLIMIT_NOFILE"; negative when unknown. */
int ulimit_find(const char *name);
/* "nofile=1024:2048", "nofile=1024" (both), -1 and "unlimited" for no limit. */
int ulimit_parse(const char *text, struct plan_rlimit *ret_limit,
                 struct mcpd_error *err) MUST_CHECK;

#endif
