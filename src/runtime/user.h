/*
 * user.h - who the container's process runs as, from the container's own /etc/passwd and
 * /etc/group. Never NSS: the files belong to a stranger, and so would its libraries.
 */
#ifndef RUNTIME_USER_H
#define RUNTIME_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

struct user {
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* supplementary; owned */
    size_t group_count;
    char *home; /* "/" when unknown; owned */
};
#define USER_NONE                                                          \
    {                                                                      \
        .uid = 0, .gid = 0, .groups = NULL, .group_count = 0, .home = NULL \
    }
void user_done(struct user *user);

/* spec: "user[:group]", names or numbers, "" is root. Numbers need no entry; an unknown name is
 * USER_NOT_FOUND with podman's text. group_add: names or numbers, NULL fine. */
int user_resolve(int root_fd, const char *spec, char *const *group_add, struct user *ret_user,
                 struct mcpd_error *err) MUST_CHECK;
/* The same from the texts of the files. */
int user_resolve_texts(const char *passwd, const char *group, const char *spec,
                       char *const *group_add, struct user *ret_user,
                       struct mcpd_error *err) MUST_CHECK;

/* The text of /etc/passwd with a line for a user that is a number and has none; NULL: no need,
 * or no such file. Owned by the caller. */
int user_passwd_with(int root_fd, const char *spec, char **ret_text,
                     struct mcpd_error *err) MUST_CHECK;
/* The same from the texts of the files. */
int user_passwd_texts_with(const char *passwd, const char *group, const char *spec, char **ret_text,
                           struct mcpd_error *err) MUST_CHECK;

/* In a user namespace that we have just come into: its root, in no group of the host. */
int user_become_root(struct mcpd_error *err) MUST_CHECK;

/* Changes this process. In a user namespace that has one id only, groups cannot be set and stay. */
int user_become(const struct user *user, bool in_userns, struct mcpd_error *err) MUST_CHECK;

#endif
