/*
 * init_main.h - the child's side of launch_start. Internal to launch.c and init.c.
 */
#ifndef RUNTIME_INIT_MAIN_H
#define RUNTIME_INIT_MAIN_H

#include "runtime/init.h"
#include "runtime/seccomp.h"

struct init_job {
    const struct launch_request *request;
    const struct cgroup *cgroup;
    const struct seccomp_filter *filter;
    bool is_in_unified; /* born into the v2 group */
    bool in_userns;
    int outside_root_fd; /* "/" before the clone */
    int report_fd;       /* handshake.h */
    int report_read_fd;  /* the parent's end: closed, so that its end is noticed */
    int go_fd;           /* in_userns: one byte when the id maps are written; else -1 */
};

/* Everything between clone and exec. */
void init_main(const struct init_job *job) __attribute__((noreturn));

#endif
