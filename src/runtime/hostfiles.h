/*
 * hostfiles.h - hosts, hostname and resolv.conf of a container, in its folder on the host; mount.c
 * binds them below /etc.
 */
#ifndef RUNTIME_HOSTFILES_H
#define RUNTIME_HOSTFILES_H

#include "runtime/plan.h"

/* Names in the container's folder; inside they are "/etc/<name>". NULL-terminated. */
extern const char *const hostfiles_names[];

/* Before every launch. */
int hostfiles_write(const struct plan *plan, int dir_fd, struct mcpd_error *err) MUST_CHECK;

/* One of them; whatever our umask says, everybody may read it. */
int hostfiles_write_one(int dir_fd, const char *name, const char *text,
                        struct mcpd_error *err) MUST_CHECK;

/* The text of hosts, from the host's own (NULL: none); owned by the caller, NULL without memory. */
char *hostfiles_format_hosts(const struct plan *plan, const char *host_hosts) MUST_CHECK;

#endif
