/*
 * userns.h - user namespaces for ordinary users: id maps from /etc/subuid and /etc/subgid,
 * written by newuidmap and newgidmap, and a child that works inside such a namespace.
 *
 * Map of a user: inside 0 is the user; inside 1.. are the subordinate ranges, one after another.
 */
#ifndef BASE_USERNS_H
#define BASE_USERNS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define USERNS_MAX_RANGES 32

struct userns_range {
    uint32_t inside;
    uint32_t outside;
    uint32_t count;
};

struct userns_map {
    struct userns_range uids[USERNS_MAX_RANGES];
    size_t uid_count;
    struct userns_range gids[USERNS_MAX_RANGES];
    size_t gid_count;
};

/* geteuid() != 0: then foreign owners need a user namespace. */
bool userns_is_needed(void);

/* The calling user's map. No sub-ids gives the single-id map (uid_count == 1). Malformed or
 * overlapping ranges are skipped; lines are matched by user name and by number. */
int userns_load_map(struct userns_map *ret_map, struct mcpd_error *err) MUST_CHECK;

/* Writes the maps of a process in a fresh user namespace: newuidmap and newgidmap side by side
 * when there are sub-ids, /proc/PID/{setgroups,uid_map,gid_map} otherwise. */
int userns_write_maps(pid_t pid, const struct userns_map *map, struct mcpd_error *err) MUST_CHECK;

/*
 * Runs `work` in a forked child, inside a user namespace with the user's map (uid and gid 0 inside)
 * when one is needed, and directly in this process for root. The child's error comes back whole.
 * Descriptors stay shared; memory does not: results travel through descriptors.
 */
typedef int (*userns_work_function)(void *context, struct mcpd_error *err);
int userns_run(userns_work_function work, void *context, struct mcpd_error *err) MUST_CHECK;

/* fs_remove_tree that also gets at files of subordinate ids. */
int userns_remove_tree(int dir_fd, const char *path, struct mcpd_error *err) MUST_CHECK;

#endif
