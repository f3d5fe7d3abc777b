/*
 * user.c - who the container's process runs as.
 *
 * The rules are podman's: the first entry that fits counts; a numeric user takes group and home
 * from the entry with that number; supplementary groups are those that list the user's name, unless
 * a group was given; a spec that is not empty adds the primary group to them. Unlike others, a line
 * that is not whole (no name, a number that is none or out of range) is no user and no group, and
 * never counts as number 0.
 */
#include "runtime/user.h"

#include <grp.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/saferoot.h"
#include "base/str.h"

#define FILE_MAX_BYTES ((size_t)4 * 1024 * 1024)
#define ID_MAX         INT32_MAX
#define NUMBER_SIZE    11 /* digits of the largest id and NUL */
#define FIELDS_MAX     7

/* Part of a file; not terminated. */
struct slice {
    const char *start;
    size_t length;
};

struct entry {
    struct slice fields[FIELDS_MAX];
    size_t field_count;
};

static struct slice slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static bool slice_equals(struct slice a, struct slice b)
{
    return a.length == b.length && memcmp(a.start, b.start, a.length) == 0;
}

/* Decimal, nothing else. */
static bool slice_to_id(struct slice slice, uint32_t *ret_id)
{
    char text[NUMBER_SIZE];

    if (slice.length == 0 || slice.length >= sizeof(text))
        return false;
    memcpy(text, slice.start, slice.length);
    text[slice.length] = '\0';
    return str_to_u32(text, ID_MAX, ret_id) == 0;
}

static bool is_numeric(struct slice slice)
{
    for (size_t i = 0; i < slice.length; i++)
        if (slice.start[i] < '0' || slice.start[i] > '9')
            return false;
    return slice.length > 0;
}

/* Cuts the next part off at a separator. */
static struct slice cut(struct slice *rest, char separator)
{
    const char *end = memchr(rest->start, separator, rest->length);
    struct slice part = {rest->start, end ? (size_t)(end - rest->start) : rest->length};
    size_t skip = part.length + (end ? 1 : 0);

    rest->start += skip;
    rest->length -= skip;
    return part;
}

/* The next line of a passwd or group file with at least `minimum` fields and a name. */
static bool next_entry(struct slice *file, size_t minimum, struct entry *ret_entry)
{
    while (file->length > 0) {
        struct slice line = cut(file, '\n');

        ret_entry->field_count = 0;
        while (line.length > 0 && ret_entry->field_count < FIELDS_MAX)
            ret_entry->fields[ret_entry->field_count++] = cut(&line, ':');
        if (ret_entry->field_count >= minimum && ret_entry->fields[0].length > 0)
            return true;
    }
    return false;
}

/* --- passwd ------------------------------------------------------------------------------ */

struct account {
    struct slice name;
    uint32_t uid;
    uint32_t gid;
    struct slice home;
};

/* By number when `uid` is not NULL, else by name. */
static bool find_account(const char *passwd, struct slice name, const uint32_t *uid,
                         struct account *ret_account)
{
    struct slice file = slice_of(passwd);
    struct entry entry;

    while (next_entry(&file, 4, &entry)) {
        struct account account = {.name = entry.fields[0]};

        if (!slice_to_id(entry.fields[2], &account.uid) ||
            !slice_to_id(entry.fields[3], &account.gid))
            continue;
        if (entry.field_count > 5)
            account.home = entry.fields[5];
        if (uid ? account.uid == *uid : slice_equals(account.name, name)) {
            *ret_account = account;
            return true;
        }
    }
    return false;
}

/* --- group ------------------------------------------------------------------------------- */

static bool find_group(const char *group, struct slice name, const uint32_t *gid, uint32_t *ret_gid)
{
    struct slice file = slice_of(group);
    struct entry entry;

    while (next_entry(&file, 3, &entry)) {
        uint32_t found;

        if (slice_to_id(entry.fields[2], &found) &&
            (gid ? found == *gid : slice_equals(entry.fields[0], name))) {
            *ret_gid = found;
            return true;
        }
    }
    return false;
}

static bool lists_member(struct slice members, struct slice name)
{
    while (members.length > 0)
        if (slice_equals(cut(&members, ','), name))
            return true;
    return false;
}

static int add_group(struct user *user, gid_t gid, struct mcpd_error *err)
{
    gid_t *grown;

    for (size_t i = 0; i < user->group_count; i++)
        if (user->groups[i] == gid)
            return 0;
    if (user->group_count == NGROUPS_MAX)
        return error_set(err, MCPD_E_LIMIT, "the user is in more than %d groups", NGROUPS_MAX);
    if ((user->group_count & (user->group_count - 1)) == 0) { /* full at each power of two */
        grown = realloc(user->groups,
                        (user->group_count ? user->group_count * 2 : 1) * sizeof(user->groups[0]));
        if (!grown)
            return error_no_memory(err, "groups of the user");
        user->groups = grown;
    }
    user->groups[user->group_count++] = gid;
    return 0;
}

static int add_groups_of(const char *group, struct slice name, struct user *user,
                         struct mcpd_error *err)
{
    struct slice file = slice_of(group);
    struct entry entry;
    int rc = 0;

    while (rc == 0 && next_entry(&file, 4, &entry)) {
        uint32_t gid;

        if (lists_member(entry.fields[3], name) && slice_to_id(entry.fields[2], &gid))
            rc = add_group(user, gid, err);
    }
    return rc;
}

/* --- the two together ---------------------------------------------------------------------- */

static int refuse(const char *kind, const char *file, struct slice name, struct mcpd_error *err)
{
    return error_set(err, MCPD_E_USER_NOT_FOUND,
                     "unable to find %s %.*s: no matching entries in %s file", kind,
                     (int)name.length, name.start, file);
}

static int refuse_range(struct mcpd_error *err)
{
    return error_set(err, MCPD_E_USER_NOT_FOUND, "uids and gids must be in range 0-2147483647");
}

/* Sets uid, gid and home; *ret_name is the name of the entry, empty when there is none. */
static int choose_user(const char *passwd, struct slice wanted, struct user *user,
                       struct slice *ret_name, struct mcpd_error *err)
{
    bool by_number = wanted.length == 0 || is_numeric(wanted);
    struct account account = {.name = {"", 0}};
    uint32_t uid = 0;
    bool is_known;

    if (wanted.length > 0 && by_number && !slice_to_id(wanted, &uid))
        return refuse_range(err);
    is_known = find_account(passwd, wanted, by_number ? &uid : NULL, &account);
    if (!is_known && !by_number)
        return refuse("user", "passwd", wanted, err);
    user->uid = is_known ? account.uid : uid;
    user->gid = account.gid;
    if (account.home.length > 0 && account.home.start[0] == '/')
        user->home = strndup(account.home.start, account.home.length);
    else
        user->home = strdup(!is_known && uid == 0 ? "/root" : "/");
    if (!user->home)
        return error_no_memory(err, "home of the user");
    *ret_name = account.name;
    return 0;
}

static int choose_group(const char *group, struct slice wanted, gid_t *ret_gid,
                        struct mcpd_error *err)
{
    bool by_number = is_numeric(wanted);
    uint32_t gid;

    if (by_number && !slice_to_id(wanted, &gid))
        return refuse_range(err);
    if (!by_number && !find_group(group, wanted, NULL, &gid))
        return refuse("group", "group", wanted, err);
    *ret_gid = gid;
    return 0;
}

int user_resolve_texts(const char *passwd, const char *group, const char *spec,
                       char *const *group_add, struct user *ret_user, struct mcpd_error *err)
{
    CLEANUP(user_done) struct user user = USER_NONE;
    struct slice group_part = slice_of(spec);
    struct slice user_part = cut(&group_part, ':');
    struct slice name = {"", 0};
    int rc = choose_user(passwd, user_part, &user, &name, err);

    if (rc == 0 && group_part.length > 0)
        rc = choose_group(group, group_part, &user.gid, err);
    else if (rc == 0 && name.length > 0)
        rc = add_groups_of(group, name, &user, err);
    for (; rc == 0 && group_add && *group_add; group_add++) {
        gid_t gid;

        rc = choose_group(group, slice_of(*group_add), &gid, err);
        if (rc == 0)
            rc = add_group(&user, gid, err);
    }
    if (rc == 0 && spec[0] != '\0')
        rc = add_group(&user, user.gid, err);
    if (rc < 0)
        return rc;
    *ret_user = user;
    user = (struct user)USER_NONE;
    return 0;
}

/* A file that cannot be read is as good as none: then only numbers are known. */
static char *read_file(int root_fd, const char *path)
{
    char *text = NULL;
    struct mcpd_error ignored;

    if (saferoot_read_file(root_fd, path, FILE_MAX_BYTES, &text, NULL, &ignored) < 0)
        return NULL;
    return text;
}

int user_resolve(int root_fd, const char *spec, char *const *group_add, struct user *ret_user,
                 struct mcpd_error *err)
{
    CLEANUP_FREE char *passwd = read_file(root_fd, "/etc/passwd");
    CLEANUP_FREE char *group = read_file(root_fd, "/etc/group");

    return user_resolve_texts(passwd ? passwd : "", group ? group : "", spec ? spec : "", group_add,
                              ret_user, err);
}

/* --- a line for who has none ------------------------------------------------------------------ */

/* podman's line, but its home is the one that HOME says. */
static char *with_line(const char *passwd, const struct user *user)
{
    size_t length = strlen(passwd);
    const char *end = length > 0 && passwd[length - 1] != '\n' ? "\n" : "";

    return str_format("%s%s%u:*:%u:%u:container user:%s:/bin/sh\n", passwd, end, user->uid,
                      user->uid, user->gid, user->home);
}

/* Is the user given by a number, which is not root's? */
static bool is_other_number(const char *spec, uint32_t *ret_uid)
{
    struct slice rest = slice_of(spec);
    struct slice user_part = cut(&rest, ':');

    return is_numeric(user_part) && slice_to_id(user_part, ret_uid) && *ret_uid != 0;
}

int user_passwd_texts_with(const char *passwd, const char *group, const char *spec, char **ret_text,
                           struct mcpd_error *err)
{
    CLEANUP(user_done) struct user user = USER_NONE;
    struct account account;
    char *text = NULL;
    uint32_t uid;
    int rc;

    *ret_text = NULL;
    if (!is_other_number(spec, &uid) || find_account(passwd, slice_of(""), &uid, &account))
        return 0;
    rc = user_resolve_texts(passwd, group, spec, NULL, &user, err);
    if (rc < 0)
        return rc;
    text = with_line(passwd, &user);
    if (!text)
        return error_no_memory(err, "the users of the container");
    *ret_text = text;
    return 0;
}

int user_passwd_with(int root_fd, const char *spec, char **ret_text, struct mcpd_error *err)
{
    CLEANUP_FREE char *passwd = NULL;
    CLEANUP_FREE char *group = NULL;
    uint32_t uid;

    *ret_text = NULL;
    if (!is_other_number(spec ? spec : "", &uid)) /* most are not: no file is read for them */
        return 0;
    passwd = read_file(root_fd, "/etc/passwd");
    if (!passwd) /* none, or no file: then nobody has a name here */
        return 0;
    group = read_file(root_fd, "/etc/group");
    return user_passwd_texts_with(passwd, group ? group : "", spec, ret_text, err);
}

void user_done(struct user *user)
{
    free(user->groups);
    free(user->home);
    *user = (struct user)USER_NONE;
}

int user_become_root(struct mcpd_error *err)
{
    if (setgroups(0, NULL) < 0 && errno != EPERM) /* EPERM: the map of a single id forbids it */
        return error_errno(err, "drop groups");
    if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
        return error_errno(err, "become root in the user namespace");
    return 0;
}

static int refuse_id(const char *kind, unsigned int id, bool in_userns, struct mcpd_error *err)
{
    if (errno == EINVAL && in_userns)
        return error_set(err, MCPD_E_COMMAND_NOT_RUNNABLE,
                         "%s %u is not mapped: this user has too few subordinate ids "
                         "(/etc/subuid, /etc/subgid)",
                         kind, id);
    return error_errno(err, "become %s %u", kind, id);
}

int user_become(const struct user *user, bool in_userns, struct mcpd_error *err)
{
    if (setgroups(user->group_count, user->groups) < 0 && !(in_userns && errno == EPERM)) {
        if (errno == EINVAL && in_userns)
            return error_set(err, MCPD_E_COMMAND_NOT_RUNNABLE,
                             "a supplementary group is not mapped: this user has too few "
                             "subordinate ids (/etc/subgid)");
        return error_errno(err, "set the supplementary groups");
    }
    if (setresgid(user->gid, user->gid, user->gid) < 0)
        return refuse_id("group", user->gid, in_userns, err);
    if (setresuid(user->uid, user->uid, user->uid) < 0)
        return refuse_id("user", user->uid, in_userns, err);
    return 0;
}
