/*
 * lock.h - kernel locks on files: gone with their holder, never stale. Open file description
 * locks (fcntl), which flock(1) does not see.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include "base/error.h"

#include <stdbool.h>

enum lock_kind {
    LOCK_KIND_SHARED,
    LOCK_KIND_EXCLUSIVE,
};

/* Creates the file when missing (0600) and waits up to timeout_ms (< 0: for ever, 0: not at all;
 * -MCPD_E_TIMEOUT); -MCPD_E_UNSUPPORTED on a file system without locks; -MCPD_E_CORRUPT when
 * something else than a file is there. The lock lives as long as
 * the returned descriptor (open for reading and writing) and its copies. */
int lock_take(int dir_fd, const char *name, enum lock_kind kind, int timeout_ms, int *ret_fd,
              struct mcpd_error *err) MUST_CHECK;
/* Another kind of lock on a descriptor of lock_take; the old one stays until the new one is there,
 * so two that want to become exclusive wait for each other until the time is over. */
int lock_convert(int fd, enum lock_kind kind, int timeout_ms, struct mcpd_error *err) MUST_CHECK;
/* Is somebody holding it? An absent file is not held. Only asks, so it disturbs nobody. */
int lock_is_held(int dir_fd, const char *name, bool *ret_is_held,
                 struct mcpd_error *err) MUST_CHECK;

#endif
