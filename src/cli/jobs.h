/* jobs.h - the same work for many names at once, in a process each, with results in order. */
#ifndef CLI_JOBS_H
#define CLI_JOBS_H

#include "cli/cli.h"

typedef int (*jobs_function)(struct cli *cli, const char *name, void *context,
                             struct mcpd_error *err);
typedef void (*jobs_report)(struct cli *cli, const char *name, int rc, const struct mcpd_error *err,
                            void *context);

/* Calls `function` for every name and `report` with what it returned, here and in the order of the
 * names. What the function prints comes when it happens. A single name needs no process. */
void jobs_run(struct cli *cli, char *const *names, jobs_function function, void *function_context,
              jobs_report report, void *report_context);

#endif
