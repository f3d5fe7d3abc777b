/*
 * selfexe.h - run mcpd so that no container can ever write to the file it runs from.
 */
#ifndef RUNTIME_SELFEXE_H
#define RUNTIME_SELFEXE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/error.h"

/* `program` for execveat: as root on a detached read-only mount; as a user who could write to the
 * file a sealed copy in memory. *ret_fd stays -1 when it is safe as it is, or on kernels that can
 * do neither: execute the path then. Behind such a descriptor /proc/self/exe does not name the
 * file's path any more; with hides_path that is worth a copy by itself. */
int selfexe_open_protected(const char *program, bool hides_path, int *ret_fd,
                           struct mcpd_error *err) MUST_CHECK;

/* Is the executable of this process safe from a container that gets hold of /proc/self/exe? */
bool selfexe_is_protected(void);

/* The executable of this process. With the host's /proc. */
int selfexe_stat(struct stat *ret_stat, struct mcpd_error *err) MUST_CHECK;

#endif
